"""How a halted group goes on after its headers diverged: the signed record, offline (ADR-0015)."""

from chainnode.recovery.document import InvalidRecovery, RecoveryFile, decode_recovery
from chainnode.recovery.era import FIRST_ERA, Era, load_era

__all__ = [
    "FIRST_ERA",
    "Era",
    "InvalidRecovery",
    "RecoveryFile",
    "decode_recovery",
    "load_era",
]
