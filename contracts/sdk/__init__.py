"""What a contract is written with: context, state, refusals, and the binding of its actions."""

from contracts.schemas.codes import Code, Rejection
from contracts.sdk.actions import ActionTable, action
from contracts.sdk.ports import (
    Accepted,
    Context,
    Contract,
    Crypto,
    Due,
    Effect,
    OwnRecord,
    StateView,
)

__all__ = [
    "Accepted",
    "ActionTable",
    "Code",
    "Context",
    "Contract",
    "Crypto",
    "Due",
    "Effect",
    "OwnRecord",
    "Rejection",
    "StateView",
    "action",
]
