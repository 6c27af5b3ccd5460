"""Which contracts exist, by name and version."""

from collections.abc import Mapping
from types import MappingProxyType

from contracts import access, audit, certificates, members
from contracts.sdk import Contract

CONTRACTS: Mapping[tuple[str, int], Contract] = MappingProxyType(
    {
        (one.name, one.version): one
        for one in (access.CONTRACT, audit.CONTRACT, certificates.CONTRACT, members.CONTRACT)
    }
)


def contract(name: str, version: int) -> Contract | None:
    """Return the contract of this name and version, if there is one."""
    return CONTRACTS.get((name, version))
