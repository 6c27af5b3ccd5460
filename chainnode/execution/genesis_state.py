"""The state of block 0: organisations and their first keys, out of genesis."""

from chainnode.execution.crypto import SuiteCrypto
from chainnode.genesis import Genesis
from chainnode.suites.port import Suite
from contracts.members import genesis_entries


def genesis_state(genesis: Genesis, suite: Suite) -> dict[bytes, bytes]:
    """Return the encoded state entries with which the chain begins."""
    return dict(genesis_entries(genesis.organisations, key_id=SuiteCrypto(suite).key_id))
