"""The members of an epoch as trust files and links between epochs write them."""

from collections.abc import Sequence

from chainnode.genesis import ORGANISATION_ID, REPLICAS_MAX, REPLICAS_MIN
from chainnode.ledger.types import Member
from chainnode.suites.port import InvalidKey, Suite
from chainnode.verify.errors import UnreadableEvidence
from chainnode.verify.forms import base64_text
from chainnode.verify.strict_json import JsonValue, as_array, as_base64, as_integer, as_text

_KEY_BYTES_MAX = 64
_NAME_CHARACTERS_MAX = 32


def members_form(members: Sequence[Member]) -> list[JsonValue]:
    """Return `[[replica id, organisation, base64 key], …]`."""
    return [[one.replica_id, one.organisation, base64_text(one.vote_key)] for one in members]


def read_members(suite: Suite, value: JsonValue) -> tuple[Member, ...]:
    """Read what `members_form` writes.

    Raises:
        UnreadableEvidence: too few or many, not numbered from 0 in order, a key twice, or a key
            that is none of this suite.

    """
    rows = as_array(value, "members", size_max=REPLICAS_MAX)
    members = tuple(_member(suite, row) for row in rows)
    ids = [one.replica_id for one in members]
    keys = {one.vote_key for one in members}
    if len(ids) < REPLICAS_MIN or ids != list(range(len(ids))) or len(keys) != len(ids):
        raise UnreadableEvidence(
            check="members",
            expected=f"at least {REPLICAS_MIN}, numbered from 0 in order, distinct keys",
            actual=f"numbers {ids}, {len(keys)} keys",
        )
    return members


def as_organisation(value: JsonValue) -> str:
    """Return the id of an organisation.

    Raises:
        UnreadableEvidence: it is none.

    """
    name = as_text(value, "organisation", characters_max=_NAME_CHARACTERS_MAX)
    if ORGANISATION_ID.fullmatch(name) is None:
        raise UnreadableEvidence(
            check="organisation", expected="2 to 32 of A–Z 0–9 -", actual=ascii(name)[:80]
        )
    return name


def _member(suite: Suite, value: JsonValue) -> Member:
    replica_id, organisation, key = as_array(value, "member", size_max=3, size=3)
    member = Member(
        replica_id=as_integer(replica_id, "replica id"),
        organisation=as_organisation(organisation),
        vote_key=as_base64(key, "public key", bytes_max=_KEY_BYTES_MAX),
    )
    try:
        suite.check_public_key(member.vote_key)
    except InvalidKey as error:
        raise UnreadableEvidence(
            check=f"key of replica {member.replica_id}",
            expected=f"a key of suite {suite.name}",
            actual=str(error),
        ) from error
    return member
