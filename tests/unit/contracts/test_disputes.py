"""Contract `disputes`: who may object to what, who has to answer, until when."""

import itertools
from dataclasses import dataclass, field

import msgspec
import pytest

from contracts.registry import contract_named
from contracts.schemas.access import (
    DISPUTABLE_CALLS,
    PEOPLE,
    DisputableCallRow,
    PeopleRow,
    about_content,
)
from contracts.schemas.catalog import ITEMS
from contracts.schemas.certificates import CERTIFICATES, CertificateRow
from contracts.schemas.codes import Code
from contracts.schemas.dispute_states import TRANSITIONS, DisputeState, Party, party_to
from contracts.schemas.disputes import (
    DISPUTES,
    OPEN,
    DisputeOutcome,
    DisputePart,
    DisputeRow,
    Ground,
    Object,
    OpenRow,
    Overdue,
    Target,
    decode_overdue,
)
from contracts.schemas.index_kinds import IndexKind, index_key
from contracts.schemas.match_states import Match
from contracts.schemas.members import ORGANISATIONS, OrganisationRow
from contracts.schemas.shape import PublicPart, encode_part
from contracts.sdk import Accepted, OwnRecord
from tests.unit.contracts.builders import (
    CORRECT,
    CRYPTO,
    EXTEND,
    FORWARD,
    NOW_MS,
    OBJECT,
    PROVIDER,
    REFUSE,
    REQUESTER,
    WITHDRAW_DISPUTE,
    Caller,
    changed,
    identifier,
)
from tests.unit.contracts.halves import item_row

FILER = "11430000000000001X"
OWNER = "11100000000013338W"
OTHER = "11330000000000002K"
DEADLINE_MS = 60_000
CERTIFICATE = identifier()
CALL = (REQUESTER, PROVIDER, OBJECT.call_id)
OF_CERTIFICATE = changed(
    OBJECT,
    target=Target.CERTIFICATE,
    requester="",
    provider="",
    call_id=b"",
    certificate=CERTIFICATE,
    item="",
    grant="",
)
OF_ITEM = changed(OBJECT, target=Target.ITEM, requester="", provider="", call_id=b"", grant="")
PARTS: dict[str, DisputePart] = {
    "object": OBJECT,
    "forward": changed(FORWARD, organisation=OTHER),
    "extend": EXTEND,
    "correct": CORRECT,
    "refuse": REFUSE,
    "withdraw": WITHDRAW_DISPUTE,
}


@dataclass
class Office:
    """A call, a certificate and an item that can be disputed, and five departments."""

    caller: Caller = field(default_factory=lambda: Caller(rules=3))

    def __post_init__(self) -> None:
        state = self.caller.state
        about = CRYPTO.digest(about_content(OBJECT.subjects, OBJECT.item, OBJECT.grant))
        state.put(DISPUTABLE_CALLS, DisputableCallRow(Match.OPEN, (), (), b"", about), *CALL)
        state.put(ITEMS, item_row(owner=OWNER), OBJECT.item)
        row = CertificateRow(
            OWNER, "generic", b"f" * 32, b"", b"", 20240101, 0, "kun", "2", 2, 1, b""
        )
        state.put(CERTIFICATES, row, CERTIFICATE)
        for one in (FILER, OWNER, OTHER, REQUESTER, PROVIDER):
            state.put(ORGANISATIONS, OrganisationRow(one, (1, 3, 4)), one)

    def send(self, part: PublicPart, organisation: str = FILER) -> Accepted:
        self.caller.organisation = organisation
        return self.caller.send(part)

    def refused(self, part: PublicPart, organisation: str = FILER) -> tuple[int, ...]:
        self.caller.organisation = organisation
        return self.caller.refused(part)

    def filed(self, part: Object = OBJECT) -> "Office":
        self.send(part)
        return self

    def row(self, dispute_id: bytes = OBJECT.dispute_id) -> DisputeRow:
        row = self.caller.state.find(DISPUTES, dispute_id)
        assert row is not None
        return row

    def open(self, organisation: str) -> OpenRow:
        return self.caller.state.find(OPEN, organisation) or OpenRow()

    def wake(self, due_ms: int) -> tuple[OwnRecord, ...]:
        self.caller.now_ms = max(self.caller.now_ms, due_ms + 1)
        rules = contract_named(3, "disputes")
        key = (OBJECT.dispute_id, due_ms)
        return rules.wake(self.caller.state, self.caller.context(), key)


def keys(*pairs: tuple[IndexKind, bytes | str]) -> tuple[bytes, ...]:
    return tuple(sorted(index_key(CRYPTO.digest, kind, value) for kind, value in pairs))


def test_an_objection_stands_in_the_trails_of_all_that_it_disputes() -> None:
    accepted = Office().send(OBJECT)
    assert accepted.outcome == DisputeOutcome.OBJECTED
    assert accepted.index_keys == keys(
        (IndexKind.SUBJECT, b"s" * 32),
        (IndexKind.REQUESTER, REQUESTER),
        (IndexKind.PROVIDER, PROVIDER),
        (IndexKind.ITEM, OBJECT.item),
        (IndexKind.GRANT, OBJECT.grant),
        (IndexKind.DISPUTE, OBJECT.dispute_id),
        (IndexKind.RESPONSIBLE, OWNER),
    )


def test_objections_to_certificates_and_items_stand_in_theirs() -> None:
    office = Office()
    of_certificate = office.send(OF_CERTIFICATE)
    of_item = office.send(changed(OF_ITEM, dispute_id=b"i" * 16))

    both = (
        (IndexKind.SUBJECT, b"s" * 32),
        (IndexKind.PROVIDER, OWNER),
        (IndexKind.RESPONSIBLE, OWNER),
    )
    assert of_certificate.index_keys == keys(
        *both, (IndexKind.CERTIFICATE, CERTIFICATE), (IndexKind.DISPUTE, b"d" * 16)
    )
    assert of_item.index_keys == keys(
        *both, (IndexKind.ITEM, OBJECT.item), (IndexKind.DISPUTE, b"i" * 16)
    )
    assert office.row().provider == OWNER


@pytest.mark.parametrize(
    ("ground", "responsible"),
    [
        (Ground.DATA_WRONG, OWNER),
        (Ground.UNAUTHORISED, REQUESTER),
        (Ground.ANOTHER_PERSON, OWNER),
        (Ground.RECORD_WRONG, PROVIDER),
        (Ground.OTHER, PROVIDER),
    ],
)
def test_the_ground_says_who_answers_for_a_call(ground: Ground, responsible: str) -> None:
    office = Office().filed(changed(OBJECT, ground=int(ground)))
    assert office.row().responsible == responsible
    assert office.open(responsible) == OpenRow(1, 0, 0)


@pytest.mark.parametrize("part", [OF_CERTIFICATE, OF_ITEM], ids=["certificate", "item"])
@pytest.mark.parametrize("ground", Ground)
def test_issuer_and_owner_answer_whatever_the_ground(part: Object, ground: Ground) -> None:
    assert Office().filed(changed(part, ground=int(ground))).row().responsible == OWNER


def test_the_provider_answers_for_data_whose_item_no_catalogue_has() -> None:
    office = Office()
    office.caller.state.delete(ITEMS, OBJECT.item)
    assert office.filed().row().responsible == PROVIDER


@pytest.mark.parametrize(
    "change",
    [{"subjects": ()}, {"item": "population"}, {"grant": ""}, {"subjects": (b"t" * 32,)}],
    ids=["no subjects", "item", "grant", "subjects"],
)
def test_an_objection_that_says_otherwise_of_the_call_is_refused(change: dict[str, object]) -> None:
    refused = Office().refused(changed(OBJECT, **change))
    assert refused == (Code.DISPUTES_CALL_SAYS_OTHERWISE,)


def test_an_objection_to_what_is_not_there_is_refused() -> None:
    office = Office()
    assert office.refused(changed(OBJECT, call_id=b"n" * 16)) == (Code.DISPUTES_NO_SUCH_CALL,)
    unknown = changed(OF_CERTIFICATE, certificate=identifier(9))
    assert office.refused(unknown) == (Code.DISPUTES_NO_SUCH_CERTIFICATE,)
    assert office.refused(changed(OF_ITEM, item="none")) == (Code.DISPUTES_NO_SUCH_ITEM,)


def test_a_further_person_needs_records_of_people_of_either_side() -> None:
    office = Office()
    part = changed(OBJECT, person=b"p" * 32)
    assert office.refused(part) == (Code.DISPUTES_NO_PEOPLE,)

    office.caller.state.put(PEOPLE, PeopleRow(1, b"p" * 32, b"d" * 32), *CALL, 1)
    assert index_key(CRYPTO.digest, IndexKind.SUBJECT, b"p" * 32) in office.send(part).index_keys


def test_an_id_is_used_once() -> None:
    office = Office().filed()
    assert office.refused(OF_ITEM) == (Code.DISPUTES_DISPUTE_KNOWN, DisputeState.OPEN)


@pytest.mark.parametrize(
    ("part", "refused"),
    [
        (changed(OBJECT, ground=0), (Code.OUT_OF_RANGE, 2, 1, 5, 0)),
        (changed(OBJECT, ground=6), (Code.OUT_OF_RANGE, 2, 1, 5, 6)),
        (changed(OBJECT, target=0), (Code.OUT_OF_RANGE, 3, 1, 3, 0)),
        (changed(OBJECT, target=4), (Code.OUT_OF_RANGE, 3, 1, 3, 4)),
        (changed(OBJECT, requester=""), (Code.WRONG_LENGTH, 4, 2, 32, 0)),
        (changed(OBJECT, provider=""), (Code.WRONG_LENGTH, 5, 2, 32, 0)),
        (changed(OBJECT, call_id=b""), (Code.WRONG_LENGTH, 6, 16, 16, 0)),
        (changed(OBJECT, certificate="x"), (Code.WRONG_LENGTH, 7, 0, 0, 1)),
        (changed(OBJECT, item=""), (Code.WRONG_LENGTH, 10, 1, 60, 0)),
        (changed(OBJECT, person=b"p"), (Code.WRONG_LENGTH, 9, 32, 32, 1)),
        (changed(OBJECT, follows=b"f"), (Code.WRONG_LENGTH, 12, 16, 16, 1)),
        (changed(OBJECT, statement_commitment=b"f"), (Code.WRONG_LENGTH, 13, 32, 32, 1)),
        (changed(OBJECT, subjects=(b"b" * 32, b"a" * 32)), (Code.NOT_ASCENDING, 8, 1)),
        (changed(OF_CERTIFICATE, item="x"), (Code.WRONG_LENGTH, 10, 0, 0, 1)),
        (changed(OF_CERTIFICATE, person=b"p" * 32), (Code.WRONG_LENGTH, 9, 0, 0, 32)),
        (changed(OF_CERTIFICATE, grant="g"), (Code.WRONG_LENGTH, 11, 0, 0, 1)),
        (changed(OF_ITEM, provider=PROVIDER), (Code.WRONG_LENGTH, 5, 0, 0, 18)),
        (changed(OF_ITEM, person=b"p" * 32), (Code.WRONG_LENGTH, 9, 0, 0, 32)),
        (changed(FORWARD, organisation="x y"), (Code.ILLEGAL_TEXT, 2, 0, ord("x"))),
        (changed(FORWARD, reason_code=""), (Code.WRONG_LENGTH, 3, 1, 32, 0)),
        (changed(EXTEND, reason_code=" "), (Code.ILLEGAL_TEXT, 2, 0, 32)),
        (changed(CORRECT, successor=" "), (Code.ILLEGAL_TEXT, 4, 0, 32)),
        (changed(CORRECT, correction_commitment=b"c"), (Code.WRONG_LENGTH, 3, 32, 32, 1)),
        (changed(REFUSE, answer_commitment=b"c"), (Code.WRONG_LENGTH, 3, 32, 32, 1)),
        (changed(WITHDRAW_DISPUTE, dispute_id=b"d"), (Code.WRONG_LENGTH, 1, 16, 16, 1)),
    ],
    ids=lambda one: ".".join(map(str, one)) if isinstance(one, tuple) else type(one).__name__,
)
def test_a_malformed_part_is_refused_naming_field_and_bound(
    part: PublicPart, refused: tuple[int, ...]
) -> None:
    assert Office().refused(part) == refused


def test_an_objection_follows_a_closed_one_of_the_same_target() -> None:
    office = Office().filed()
    again = changed(OBJECT, dispute_id=b"e" * 16, follows=OBJECT.dispute_id, ground=2)
    assert office.refused(again) == (Code.DISPUTES_FOLLOWS_OPEN,)

    office.send(REFUSE, OWNER)
    other = changed(OF_ITEM, dispute_id=b"e" * 16, follows=OBJECT.dispute_id)
    assert office.refused(other) == (Code.DISPUTES_FOLLOWS_ANOTHER_TARGET,)
    unknown = changed(again, follows=b"?" * 16)
    assert office.refused(unknown) == (Code.DISPUTES_NO_SUCH_DISPUTE,)
    office.send(again)
    assert office.row(b"e" * 16).follows == OBJECT.dispute_id


ACTIONS = ("forward", "extend", "correct", "refuse", "withdraw")
CLOSING = {"correct": OWNER, "refuse": OWNER, "withdraw": FILER}


def test_every_row_of_the_table_and_no_other_happens() -> None:
    filed = ("object", None, DisputeState(Office().filed().row().state))
    happened: set[tuple[str, DisputeState | None, DisputeState]] = {filed}
    for closed_by, name in itertools.product((None, *CLOSING), ACTIONS):
        office = Office().filed()
        if closed_by is not None:
            office.send(PARTS[closed_by], CLOSING[closed_by])
        before = DisputeState(office.row().state)
        sender = FILER if party_to(name) is Party.FILER else OWNER
        if before is not DisputeState.OPEN:
            assert office.refused(PARTS[name], sender) == (Code.DISPUTES_STATE_FORBIDS, before)
            continue
        office.send(PARTS[name], sender)
        happened.add((name, before, DisputeState(office.row().state)))
    office = Office().filed()
    office.wake(office.row().due_ms)
    happened.add(("overdue", DisputeState.OPEN, DisputeState(office.row().state)))
    assert happened == {(one.action, one.before, one.after) for one in TRANSITIONS}


@pytest.mark.parametrize("name", ACTIONS)
def test_nobody_acts_for_the_responsible_or_for_the_filer(name: str) -> None:
    office = Office().filed()
    wrong = OWNER if party_to(name) is Party.FILER else FILER
    for sender in (wrong, OTHER):
        assert office.refused(PARTS[name], sender) == (Code.FOREIGN_ORGANISATION,)


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_on_an_unknown_dispute_is_refused(name: str) -> None:
    assert Office().refused(PARTS[name]) == (Code.DISPUTES_NO_SUCH_DISPUTE,)


@pytest.mark.parametrize(
    ("name", "roles"),
    [("object", (3, 4)), ("withdraw", (3, 4)), *((one, (3, 1)) for one in ACTIONS[:4])],
)
def test_each_action_asks_for_one_of_two_roles(name: str, roles: tuple[int, ...]) -> None:
    office = Office() if name == "object" else Office().filed()
    sender = FILER if party_to(name) is Party.FILER else OWNER
    office.caller.roles = tuple(one for one in (1, 2, 3, 4, 5) if one not in roles)
    assert office.refused(PARTS[name], sender) == (Code.ROLE_MISSING, roles[0])
    office.caller.roles = roles[1:]
    office.send(PARTS[name], sender)


def test_a_forward_gives_the_next_one_a_whole_deadline_and_stands_in_both_trails() -> None:
    office = Office().filed()
    office.send(EXTEND, OWNER)
    office.caller.now_ms += 5_000
    accepted = office.send(PARTS["forward"], OWNER)

    row = office.row()
    now_ms = office.caller.now_ms
    assert (row.responsible, row.forwards, row.is_extended) == (OTHER, 1, 0)
    assert (row.due_ms, row.since_ms, row.filed_ms) == (now_ms + DEADLINE_MS, now_ms, NOW_MS)
    assert {one for one in accepted.index_keys if one[0] == IndexKind.RESPONSIBLE} == set(
        keys((IndexKind.RESPONSIBLE, OWNER), (IndexKind.RESPONSIBLE, OTHER))
    )
    assert (office.open(OWNER), office.open(OTHER)) == (OpenRow(1, 1, 0), OpenRow(1, 0, 0))


def test_a_forward_to_nobody_or_oneself_or_once_too_often_is_refused() -> None:
    office = Office().filed()
    to_itself = changed(FORWARD, organisation=OWNER)
    assert office.refused(to_itself, OWNER) == (Code.DISPUTES_FORWARD_TO_ITSELF,)
    to_nobody = changed(FORWARD, organisation="NOBODY")
    assert office.refused(to_nobody, OWNER) == (Code.DISPUTES_UNKNOWN_ORGANISATION,)

    for sender, other in ((OWNER, OTHER), (OTHER, OWNER), (OWNER, OTHER)):
        office.send(changed(FORWARD, organisation=other), sender)
    back = changed(FORWARD, organisation=OWNER)
    assert office.refused(back, OTHER) == (Code.DISPUTES_FORWARDED_TOO_OFTEN, 3)


def test_a_deadline_is_extended_once_by_each_responsible() -> None:
    office = Office().filed()
    first = office.row()
    accepted = office.send(EXTEND, OWNER)

    assert accepted.outcome == DisputeOutcome.EXTENDED
    assert office.row().due_ms == first.due_ms + DEADLINE_MS
    assert office.row().since_ms == first.since_ms
    assert office.refused(EXTEND, OWNER) == (Code.DISPUTES_EXTENDED_ALREADY,)
    office.send(PARTS["forward"], OWNER)
    office.send(EXTEND, OTHER)


def test_a_deadline_is_extended_on_its_last_instant_and_not_after() -> None:
    office = Office().filed()
    due_ms = office.caller.now_ms = office.row().due_ms
    last = Office().filed()
    last.caller.now_ms = due_ms
    last.send(EXTEND, OWNER)

    office.caller.now_ms = due_ms + 1
    assert office.refused(EXTEND, OWNER) == (Code.DISPUTES_DEADLINE_PASSED, due_ms, due_ms + 1)


def test_the_ledger_finds_an_unanswered_dispute_overdue_and_counts_it() -> None:
    office = Office()
    accepted = office.send(OBJECT)
    due_ms = NOW_MS + DEADLINE_MS
    assert [(one.due_ms, one.key) for one in accepted.due] == [(due_ms, (b"d" * 16, due_ms))]

    (own,) = office.wake(due_ms)
    expected = Overdue(dispute_id=b"d" * 16, responsible=OWNER, due_ms=due_ms)
    assert (own.action, own.outcome) == ("overdue", 64)
    assert decode_overdue("disputes", own.action, own.public) == expected
    assert own.index_keys == accepted.index_keys
    assert office.open(OWNER) == OpenRow(1, 0, 1)
    assert office.row().is_overdue
    assert office.row().is_open


@pytest.mark.parametrize("name", ["extend", "forward", *CLOSING])
def test_a_deadline_that_no_longer_holds_leaves_no_record(name: str) -> None:
    office = Office().filed()
    due_ms = office.row().due_ms
    office.caller.now_ms += 1_000
    office.send(PARTS[name], CLOSING.get(name, OWNER))
    assert office.wake(due_ms) == ()
    assert office.open(OWNER).overdue == 0


def test_a_deadline_of_an_unknown_dispute_leaves_no_record() -> None:
    assert Office().wake(NOW_MS) == ()


@pytest.mark.parametrize(("name", "on_time", "late"), [("correct", 4, 12), ("refuse", 5, 13)])
def test_an_answer_to_an_overdue_dispute_is_late(name: str, on_time: int, late: int) -> None:
    office = Office().filed()
    assert office.send(PARTS[name], OWNER).outcome == on_time

    office = Office().filed()
    office.wake(office.row().due_ms)
    assert office.refused(EXTEND, OWNER)[0] == Code.DISPUTES_DEADLINE_PASSED
    assert office.send(PARTS[name], OWNER).outcome == late
    assert office.open(OWNER) == OpenRow(1, 1, 1)


def test_an_overdue_dispute_that_is_forwarded_or_withdrawn_is_not_late_there() -> None:
    office = Office().filed()
    office.wake(office.row().due_ms)
    assert office.send(PARTS["forward"], OWNER).outcome == DisputeOutcome.FORWARDED
    assert not office.row().is_overdue
    assert office.send(CORRECT, OTHER).outcome == DisputeOutcome.CORRECTED

    office = Office().filed()
    office.wake(office.row().due_ms)
    assert office.send(WITHDRAW_DISPUTE).outcome == DisputeOutcome.WITHDRAWN


def test_the_largest_record_of_a_dispute_keeps_to_twelve_keys() -> None:
    office = Office()
    subjects = tuple(bytes((one,)) * 32 for one in range(4))
    about = CRYPTO.digest(about_content(subjects, OBJECT.item, OBJECT.grant))
    state = office.caller.state
    state.put(DISPUTABLE_CALLS, DisputableCallRow(Match.OPEN, (), (), b"", about), *CALL)
    state.put(PEOPLE, PeopleRow(1, b"p" * 32, b"d" * 32), *CALL, 0)
    office.filed(changed(OBJECT, subjects=subjects, person=b"p" * 32))
    assert len(office.send(PARTS["forward"], OWNER).index_keys) == 12


@pytest.mark.parametrize("place", ["contract", "action", "public", "tail"])
def test_another_record_is_not_read_as_an_overdue_one(place: str) -> None:
    told = encode_part(Overdue(dispute_id=b"d" * 16, responsible=OWNER, due_ms=1))
    contract = "access" if place == "contract" else "disputes"
    action = "unmatched" if place == "action" else "overdue"
    public = {"public": b"\x91", "tail": told + b"\x00"}.get(place, told)
    assert decode_overdue(contract, action, public) is None


def test_a_row_survives_its_way_through_the_state() -> None:
    row = Office().filed().row()
    assert DISPUTES.decode(DISPUTES.encode(row)) == row
    assert msgspec.structs.astuple(row)[0] == Target.CALL
