import asyncio

from chainnode.driver.finality import Finality
from chainnode.submission import SubmissionDigest

_ONE, _TWO = SubmissionDigest(b"1" * 32), SubmissionDigest(b"2" * 32)


async def test_a_waiter_learns_the_height_when_its_block_is_executed_and_certified() -> None:
    finality = Finality()
    waiting = asyncio.create_task(finality.wait(_ONE, timeout_s=5))
    await asyncio.sleep(0)

    assert finality.executed(7, (_ONE,)) == ()
    assert not waiting.done()
    assert finality.certified(7) == (_ONE,)

    assert await waiting == 7


async def test_a_certificate_may_come_before_the_execution() -> None:
    finality = Finality()
    waiting = asyncio.create_task(finality.wait(_ONE, timeout_s=5))
    await asyncio.sleep(0)

    assert finality.certified(9) == ()
    assert finality.executed(8, (_ONE,)) == (_ONE,)
    assert finality.executed(9, (_TWO,)) == (_TWO,)

    assert await waiting == 8


async def test_every_waiter_of_one_submission_is_told() -> None:
    finality = Finality()
    waiting = [asyncio.create_task(finality.wait(_ONE, timeout_s=5)) for _ in range(3)]
    await asyncio.sleep(0)

    finality.executed(1, (_ONE,))
    finality.certified(1)

    assert await asyncio.gather(*waiting) == [1, 1, 1]


async def test_a_waiter_that_gives_up_leaves_nothing_behind() -> None:
    finality = Finality()

    assert await finality.wait(_ONE, timeout_s=0.01) is None

    assert finality.waiting == 0


async def test_what_is_never_certified_is_bounded() -> None:
    finality = Finality()
    for height in range(1, 3000):
        finality.executed(height, (SubmissionDigest(height.to_bytes(32)),))

    assert len(finality.certified(3000)) == 1024


async def test_a_waiter_that_was_cancelled_disturbs_nobody() -> None:
    finality = Finality()
    gone = asyncio.create_task(finality.wait(_ONE, timeout_s=5))
    stays = asyncio.create_task(finality.wait(_ONE, timeout_s=5))
    await asyncio.sleep(0)
    gone.cancel()

    finality.executed(1, (_ONE,))
    assert finality.certified(1) == (_ONE,)

    assert await stays == 1
    await asyncio.gather(gone, return_exceptions=True)
    assert gone.cancelled()
    assert finality.waiting == 0
