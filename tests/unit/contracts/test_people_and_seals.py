"""People beyond four, and calls under seal: who may, in what order, and what stays public."""

import pytest

from contracts.schemas.access import PEOPLE, AccessRecord, Finding, People, PeopleRow, findings_in
from contracts.schemas.access_sealed import (
    SEALED,
    Seal,
    Sealed,
    SealedRow,
    SealOutcome,
    Unseal,
    commitment_content,
)
from contracts.schemas.call_words import Side
from contracts.schemas.codes import Code, Rejection
from contracts.schemas.index_kinds import IndexKind, index_key
from contracts.schemas.members import Role
from contracts.schemas.shape import PublicPart, encode_part
from contracts.sdk import Accepted
from tests.unit.contracts.builders import CRYPTO, NOW_MS, PROVIDER, REQUESTER, SALT, Caller, changed
from tests.unit.contracts.halves import HALF, Exchange

AUTHORITY = "11999900MBK0000999"
SECRET = b"\x07" * 32
ACTIONS: dict[type[PublicPart], str] = {
    AccessRecord: "record",
    People: "people",
    Seal: "seal",
    Sealed: "sealed",
    Unseal: "unseal",
}


def people(side: Side, first: int, *numbers: int) -> People:
    return People(
        salt=SALT,
        call_id=HALF.call_id,
        side=int(side),
        requester=REQUESTER,
        provider=PROVIDER,
        first=first,
        tokens=tuple(bytes([number]) * 32 for number in numbers),
    )


def send(caller: Caller, sender: str, part: PublicPart, *roles: Role) -> Accepted:
    caller.organisation = sender
    caller.roles = roles or tuple(Role)
    return caller.raw("access", ACTIONS[type(part)], encode_part(part))


def refused(caller: Caller, sender: str, part: PublicPart, *roles: Role) -> tuple[int, ...]:
    before = dict(caller.state.rows)
    with pytest.raises(Rejection) as refusal:
        send(caller, sender, part, *roles)
    assert caller.state.rows == before
    return (refusal.value.code, *refusal.value.details)


def test_people_chain_over_their_records_and_the_half_stands_for_all() -> None:
    caller = Exchange().caller
    digest = bytes(32)
    for part in (people(Side.PROVIDER, 0, 1, 2), people(Side.PROVIDER, 2, 5)):
        accepted = send(caller, PROVIDER, part)
        digest = CRYPTO.digest(digest + b"".join(part.tokens))
        assert accepted.index_keys == tuple(b"\x01" + one for one in part.tokens)
        assert accepted.outcome == 3
    row = caller.state.find(PEOPLE, REQUESTER, PROVIDER, HALF.call_id, Side.PROVIDER)
    assert row == PeopleRow(3, b"\x05" * 32, digest)
    half = changed(HALF, side=int(Side.PROVIDER))
    assert refused(caller, PROVIDER, half) == (Code.ACCESS_PEOPLE_DIFFER, 3, 0)
    send(caller, PROVIDER, changed(half, people=3))
    late = people(Side.PROVIDER, 3, 9)
    assert refused(caller, PROVIDER, late) == (Code.ACCESS_PEOPLE_AFTER_HALF,)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (people(Side.PROVIDER, 0, 4), (Code.ACCESS_PEOPLE_NOT_NEXT, 2, 0)),
        (people(Side.PROVIDER, 3, 4), (Code.ACCESS_PEOPLE_NOT_NEXT, 2, 3)),
        (people(Side.PROVIDER, 2, 2), (Code.ACCESS_PEOPLE_NOT_ASCENDING,)),
        (people(Side.PROVIDER, 2, 4, 3), (Code.NOT_ASCENDING, 6, 1)),
        (people(Side.REQUESTER, 0, 1), (Code.FOREIGN_ORGANISATION,)),
    ],
)
def test_people_out_of_order_or_for_another_are_refused(
    part: People, expected: tuple[int, ...]
) -> None:
    caller = Exchange().caller
    send(caller, PROVIDER, people(Side.PROVIDER, 0, 1, 2))
    assert refused(caller, PROVIDER, part) == expected


@pytest.mark.parametrize("theirs", [(1, 2), (1, 3), (1,)])
def test_halves_that_name_other_people_differ(theirs: tuple[int, ...]) -> None:
    exchange = Exchange()
    send(exchange.caller, REQUESTER, people(Side.REQUESTER, 0, 1, 2))
    send(exchange.caller, PROVIDER, people(Side.PROVIDER, 0, *theirs))
    exchange.record(changed(HALF, people=2))
    later = exchange.record(changed(HALF, side=int(Side.PROVIDER), people=len(theirs)))
    differs = theirs != (1, 2)
    assert (Finding.HALVES_DIFFER in findings_in(later.outcome)) == differs


SEAL = Seal(
    salt=SALT,
    seal_id=b"i" * 16,
    department=PROVIDER,
    from_ms=NOW_MS,
    until_ms=NOW_MS + 1000,
    basis=b"b" * 32,
)
UNSEAL = Unseal(
    salt=SALT,
    commitment=CRYPTO.digest(
        commitment_content(secret=SECRET, requester=REQUESTER, item="i", purpose="p")
    ),
    secret=SECRET,
    requester=REQUESTER,
    item="i",
    purpose="p",
)
CALL = Sealed(
    salt=SALT,
    seal_id=SEAL.seal_id,
    subjects=(b"s" * 32,),
    count=1,
    requested_ms=NOW_MS,
    commitment=UNSEAL.commitment,
)


@pytest.fixture
def caller() -> Caller:
    found = Caller(rules=2)
    send(found, AUTHORITY, SEAL, Role.AUDITOR)
    return found


def test_a_seal_is_set_by_an_auditor_elsewhere_and_once(caller: Caller) -> None:
    other = changed(SEAL, seal_id=b"j" * 16)
    assert refused(caller, PROVIDER, other) == (Code.ACCESS_SEAL_OF_OWN_DEPARTMENT,)
    assert refused(caller, AUTHORITY, other, Role.SERVICE) == (Code.ROLE_MISSING, Role.AUDITOR)
    assert refused(caller, AUTHORITY, SEAL) == (Code.ACCESS_SEAL_KNOWN,)
    reversed_ = changed(other, until_ms=SEAL.from_ms - 1)
    assert refused(caller, AUTHORITY, reversed_)[0] == Code.PERIOD_REVERSED
    keys = send(caller, AUTHORITY, other).index_keys
    assert keys == (
        index_key(CRYPTO.digest, IndexKind.REQUESTER, PROVIDER),
        index_key(CRYPTO.digest, IndexKind.PROVIDER, AUTHORITY),
    )


def test_a_sealed_call_needs_a_seal_that_holds_and_shows_whom_it_was_about(caller: Caller) -> None:
    unknown = changed(CALL, seal_id=b"j" * 16)
    assert refused(caller, PROVIDER, unknown) == (Code.ACCESS_NO_SUCH_SEAL,)
    assert refused(caller, REQUESTER, CALL) == (Code.FOREIGN_ORGANISATION,)
    accepted = send(caller, PROVIDER, CALL, Role.SERVICE)
    assert accepted.outcome == SealOutcome.CALL_SEALED
    assert accepted.index_keys == (
        b"\x01" + b"s" * 32,
        index_key(CRYPTO.digest, IndexKind.PROVIDER, PROVIDER),
    )
    assert refused(caller, PROVIDER, CALL) == (Code.ACCESS_COMMITMENT_KNOWN,)
    caller.now_ms = SEAL.until_ms + 1
    later = changed(CALL, commitment=b"c" * 32)
    assert refused(caller, PROVIDER, later)[0] == Code.ACCESS_OUTSIDE_SEAL
    caller.now_ms = SEAL.from_ms - 1
    assert refused(caller, PROVIDER, later)[0] == Code.ACCESS_OUTSIDE_SEAL


def test_the_authority_opens_at_any_time_and_the_department_when_the_seal_has_passed(
    caller: Caller,
) -> None:
    send(caller, PROVIDER, CALL)
    assert refused(caller, PROVIDER, UNSEAL)[0] == Code.ACCESS_SEALED_UNTIL
    assert refused(caller, REQUESTER, UNSEAL) == (Code.FOREIGN_ORGANISATION,)
    role = refused(caller, AUTHORITY, UNSEAL, Role.SERVICE)
    assert role == (Code.ROLE_MISSING, Role.AUDITOR)
    wrong = changed(UNSEAL, purpose="another")
    assert refused(caller, AUTHORITY, wrong) == (Code.ACCESS_COMMITMENT_DIFFERS,)
    unknown = changed(UNSEAL, commitment=b"c" * 32)
    assert refused(caller, AUTHORITY, unknown) == (Code.ACCESS_NO_SUCH_COMMITMENT,)
    accepted = send(caller, AUTHORITY, UNSEAL, Role.AUDITOR)
    assert accepted.outcome == SealOutcome.CALL_UNSEALED
    assert [key[0] for key in accepted.index_keys] == [1, 2, 3, 4]
    row = caller.state.find(SEALED, UNSEAL.commitment)
    assert row == SealedRow(PROVIDER, SEAL.seal_id, CALL.subjects, 1)
    assert refused(caller, AUTHORITY, UNSEAL) == (Code.ACCESS_UNSEALED_ALREADY,)


def test_the_department_opens_its_own_call_once_the_seal_has_passed(caller: Caller) -> None:
    send(caller, PROVIDER, CALL)
    caller.now_ms = SEAL.until_ms + 1
    assert refused(caller, PROVIDER, UNSEAL, Role.AUDITOR) == (Code.ROLE_MISSING, Role.SERVICE)
    assert send(caller, PROVIDER, UNSEAL, Role.SERVICE).outcome == SealOutcome.CALL_UNSEALED
