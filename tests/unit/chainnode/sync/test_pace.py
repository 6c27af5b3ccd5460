"""One peer's share of this node: one answer at a time, at a pace."""

import asyncio

import pytest

from chainnode.sync.pace import PeerPace
from tests.unit.chainnode.sync.late import ManualTime


class Paced:
    def __init__(self) -> None:
        self.time = ManualTime()
        self.slept: list[float] = []
        self.pace = PeerPace(
            now_s=self.time.now_s, sleep=self.sleep, bytes_per_s=100_000, burst_bytes=50_000
        )

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time.seconds += seconds

    async def ask(self, peer: int, size: int) -> None:
        async def work() -> bytes:
            return bytes(size)

        assert len(await self.pace.answer(peer, work)) == size


async def test_a_burst_goes_out_at_once_and_the_rest_at_the_pace() -> None:
    paced = Paced()
    for _ in range(20):
        await paced.ask(1, 45_904)
    assert paced.slept[:1] != []
    assert sum(paced.slept) == pytest.approx(20 * 0.5 - 0.5 - 0.5)


async def test_peers_do_not_wait_for_each_other() -> None:
    paced = Paced()
    for peer in range(20):
        await paced.ask(peer, 45_904)
    assert paced.slept == []


async def test_even_refusals_and_small_answers_cost_something() -> None:
    paced = Paced()

    async def refuse() -> bytes:
        raise ValueError("no")

    for _ in range(200):
        with pytest.raises(ValueError, match="no"):
            await paced.pace.answer(1, refuse)
    assert sum(paced.slept) > 5


async def test_one_answer_at_a_time_is_worked_on_for_a_peer() -> None:
    paced = Paced()
    running = 0
    most = 0

    async def work() -> bytes:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return b"x"

    await asyncio.gather(*(paced.pace.answer(1, work) for _ in range(5)))
    assert most == 1
    await asyncio.gather(*(paced.pace.answer(peer, work) for peer in range(5)))
    assert most == 5
