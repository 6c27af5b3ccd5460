"""Which contracts exist, by the rules of a chain, name and version (wire format §14)."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from contracts import (
    access,
    access_1,
    audit,
    catalog,
    certificates,
    content,
    disputes,
    grants,
    members,
    pseudonyms,
)
from contracts.sdk import Contract

_Contracts = Mapping[tuple[str, int], Contract]


def _by_name(contracts: Sequence[Contract]) -> _Contracts:
    return MappingProxyType({(one.name, one.version): one for one in contracts})


# What the rules of a chain hold never changes: other contracts are other rules.
CONTRACTS: Mapping[int, _Contracts] = MappingProxyType(
    {
        1: _by_name((access_1.CONTRACT, audit.CONTRACT_1, certificates.CONTRACT, members.CONTRACT)),
        2: _by_name(
            (
                access.CONTRACT_2,
                audit.CONTRACT_1,
                catalog.CONTRACT,
                certificates.CONTRACT,
                content.CONTRACT,
                grants.CONTRACT,
                members.CONTRACT,
                pseudonyms.CONTRACT,
            )
        ),
        3: _by_name(
            (
                access.CONTRACT,
                audit.CONTRACT,
                catalog.CONTRACT,
                certificates.CONTRACT,
                content.CONTRACT,
                disputes.CONTRACT,
                grants.CONTRACT,
                members.CONTRACT,
                pseudonyms.CONTRACT,
            )
        ),
    }
)


def contract(rules: int, name: str, version: int) -> Contract | None:
    """Return the contract of this name and version under these rules, if there is one."""
    return CONTRACTS[rules].get((name, version))


def contract_named(rules: int, name: str) -> Contract:
    """Return the contract of this name, of which the rules of a chain hold one version.

    Raises:
        KeyError: there is none.

    """
    return _BY_NAME[rules][name]


_BY_NAME = {
    rules: {one.name: one for one in contracts.values()} for rules, contracts in CONTRACTS.items()
}
