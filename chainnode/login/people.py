"""Who is logged in, and as what: roles follow from one claim by a table; nothing by default."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

# Claims are text, numbers or lists of text; what else a provider says is not kept.
_VALUES_MAX: Final = 256
_VALUE_CHARACTERS_MAX: Final = 1_024
_PSEUDONYM_CHARACTERS: Final = 16


class Role(StrEnum):
    """What a person may be here. A person without any is let in nowhere."""

    AUDITOR = "auditor"
    OPERATOR = "operator"
    CITIZEN = "citizen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody whom the provider has named; only `pseudonym` and `roles` may reach a log.

    `claims` holds the values of the configured claims alone, as the provider gave them.
    """

    pseudonym: str
    roles: frozenset[Role]
    claims: Mapping[str, str] = field(default_factory=dict, repr=False)


def pseudonym_of(secret: bytes, *, issuer: str, subject: str) -> str:
    """Return the word by which logs name a person: equal for equal people, and nobody's name.

    Keyed, because providers take numbers of people for subjects, which could be tried.
    """
    # A length stands before the first part, so that no two pairs give the same content.
    content = f"{len(issuer)}:{issuer}{subject}".encode()
    return hmac.digest(secret, content, hashlib.sha256).hex()[:_PSEUDONYM_CHARACTERS]


def roles_of(value: object, table: Mapping[str, Role]) -> frozenset[Role]:
    """Return the roles that a claim's values stand for; unknown values stand for none."""
    values = value if isinstance(value, list) else [value]
    return frozenset(
        table[one] for one in values[:_VALUES_MAX] if isinstance(one, str) and one in table
    )


def kept_claims(claims: Mapping[str, object], names: tuple[str, ...]) -> dict[str, str]:
    """Return the configured claims that are texts of a sane length."""
    found = {name: claims.get(name) for name in names}
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, str) and 0 < len(value) <= _VALUE_CHARACTERS_MAX
    }
