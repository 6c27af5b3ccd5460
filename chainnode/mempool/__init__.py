"""Pending submissions: bounded, deduplicated, fair to every key."""

from chainnode.mempool.limits import PoolLimits, PoolRefusal, PoolRefusalCode
from chainnode.mempool.pool import Mempool

__all__ = ["Mempool", "PoolLimits", "PoolRefusal", "PoolRefusalCode"]
