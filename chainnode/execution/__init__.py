"""Execution: a decided batch becomes entries, receipts, state and the header over them."""

from chainnode.execution.executor import Executor, LedgerView
from chainnode.execution.genesis_state import genesis_state

__all__ = ["Executor", "LedgerView", "genesis_state"]
