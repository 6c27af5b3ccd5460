"""What is dropped in the background: old batches at a distance, and states that are not live."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from chainnode.ledger import chain as chain_module
from chainnode.ledger.keyspace import STATE
from chainnode.sync.housekeeping import Housekeeping
from tests.builders import submission_of
from tests.unit.chainnode.sync.late import HEIGHT, Late, server_of


@pytest.fixture
async def late(tmp_path: Path) -> AsyncIterator[Late]:
    made = Late(tmp_path)
    yield made
    made.close()


def housekeeping(
    late: Late, *, keep_blocks: int = 0, is_fetching: Callable[[], bool] = lambda: False
) -> Housekeeping:
    return Housekeeping(
        ledger=late.source.ledger,
        server=server_of(late.source),
        keep_blocks=keep_blocks,
        is_fetching=is_fetching,
        threads=late.source.threads,
    )


async def test_the_newest_certified_blocks_stay_and_nothing_else_is_dropped(late: Late) -> None:
    ledger = late.source.ledger
    late.source.execute(submission_of(late.source.genesis, nonce=99))
    work = housekeeping(late, keep_blocks=2)
    while work.step():
        pass

    kept = [one for one in range(HEIGHT + 2) if ledger.batch_bytes(one) is not None]
    assert kept == [HEIGHT - 1, HEIGHT, HEIGHT + 1]
    assert all(ledger.certificate(one) for one in range(1, HEIGHT + 1))
    assert ledger.receipts(1)


async def test_zero_keeps_everything(late: Late) -> None:
    work = housekeeping(late, keep_blocks=0)
    assert not work.step()
    assert late.source.ledger.floor == 0


async def test_much_to_drop_is_dropped_a_little_at_a_time(
    late: Late, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    store = late.source.ledger._store  # noqa: SLF001 - what one write holds
    write = store.write

    def counted(changes: object, *, sync: bool) -> None:
        listed = list(changes)  # type: ignore[call-overload]  # changes
        written.append(len(listed))
        write(listed, sync=sync)

    monkeypatch.setattr(store, "write", counted)
    for nonce in range(HEIGHT, 150):
        late.source.grow(submission_of(late.source.genesis, nonce=nonce))
    written.clear()
    work = housekeeping(late, keep_blocks=1)
    while work.step():
        pass

    assert late.source.ledger.floor == 150
    assert max(written) <= chain_module.PRUNED_PER_STEP + 1
    # Batch and own bodies of 150 heights, 64 deletions a write.
    assert len(written) == 5


async def test_an_interrupted_transfer_is_kept_until_blocks_came_without_it(late: Late) -> None:
    ledger = late.source.ledger
    fetching = True
    work = housekeeping(late, is_fetching=lambda: fetching)
    ledger.staging.of(STATE).put_empty(3, digest=bytes(32))

    assert not work.step()
    late.source.grow(submission_of(late.source.genesis, nonce=77))
    assert not work.step()
    assert ledger.staging.of(STATE).holds(3, bytes(32))

    fetching = False
    while work.step():
        pass
    assert not ledger.staging.of(STATE).holds(3, bytes(32))
