"""The thread that makes a spool durable: whoever waits hears of every kind of failure."""

import pytest

from chainnode.errors import StorageError
from chainnode.gateway.spool.syncing import SyncThread


async def test_whoever_waits_hears_of_an_error_that_no_disk_makes() -> None:
    def broken() -> None:
        raise ValueError("not a storage error")

    told: list[StorageError] = []
    thread = SyncThread(broken, failed=told.append)
    with pytest.raises(StorageError, match="ValueError"):
        await thread.durable()
    await thread.close()
    assert len(told) == 1
