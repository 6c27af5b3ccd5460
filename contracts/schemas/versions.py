"""Which version of a contract a chain has, by its rules (wire format §14), for who sends calls."""

from contracts.schemas import access, access_1

_ACCESS_VERSIONS = {1: access_1.VERSION, 2: access.VERSION}


def version_of(rules: int, contract: str) -> int:
    """Return the version to send; every contract but `access` has one alone."""
    return _ACCESS_VERSIONS[rules] if contract == access.NAME else 1
