"""The state of block 0: organisations and their first keys, out of genesis."""

from chainnode.execution.crypto import SuiteCrypto
from chainnode.genesis import Genesis
from chainnode.suites.port import Suite
from contracts.members import genesis_entries
from contracts.schemas.members import KeyRow, OrganisationRow


def genesis_state(genesis: Genesis, suite: Suite) -> dict[bytes, bytes]:
    """Return the encoded state entries with which the chain begins."""
    organisations = {
        one.organisation: OrganisationRow(name=one.name, roles=one.roles)
        for one in genesis.organisations
    }
    keys = [
        KeyRow(
            public_key=key.public_key,
            organisation=one.organisation,
            roles=key.roles,
            valid_from_ms=key.valid_from_ms,
            valid_to_ms=key.valid_to_ms,
        )
        for one in genesis.organisations
        for key in one.keys
    ]
    return dict(genesis_entries(organisations, keys, key_id=SuiteCrypto(suite).key_id))
