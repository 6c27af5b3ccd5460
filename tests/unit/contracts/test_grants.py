"""Contract `grants`: who decides what, in which state, and never more than was applied for."""

import itertools

import pytest

from contracts.schemas.catalog import ITEMS, ItemRow
from contracts.schemas.codes import Code
from contracts.schemas.grant_states import (
    TRANSITIONS,
    Answer,
    GrantState,
    Party,
    Transition,
    parties_to,
)
from contracts.schemas.grants import GRANTS, GrantRow
from contracts.schemas.shape import PublicPart
from tests.unit.contracts.builders import (
    APPLY,
    CONFIRM,
    NO,
    NOW_MS,
    PROVIDER,
    REQUESTER,
    RESUME,
    REVIEW,
    REVOKE_GRANT,
    SUSPEND,
    Caller,
    MemoryState,
    changed,
)

SUPERVISOR = "11430000000000001X"
STRANGER = "11100000000013338W"
STATE = GrantState
FIELDS = ("name", "birth_date", "address")
DAY_MS = 86_400_000
REFUSE = changed(CONFIRM, decision=0)


def catalogue(
    *, grade: int = 1, share: int = 2, is_withdrawn: int = 0, supervisor: str = SUPERVISOR
) -> MemoryState:
    state = MemoryState()
    named = supervisor if grade > 1 else ""
    row = ItemRow(PROVIDER, 1, "人口", grade, share, FIELDS, named, is_withdrawn)
    state.put(ITEMS, row, APPLY.item)
    return state


def caller(state: MemoryState, organisation: str) -> Caller:
    return Caller(state=state, organisation=organisation)


def grant(state: MemoryState) -> GrantRow:
    row = state.find(GRANTS, APPLY.grant)
    assert row is not None
    return row


def steps_to(target: GrantState, *, grade: int) -> list[tuple[str, PublicPart]]:
    """Return who sends what until the grant stands in this state."""
    apply: tuple[str, PublicPart] = (REQUESTER, APPLY)
    active: list[tuple[str, PublicPart]] = [apply, (PROVIDER, REVIEW)]
    if grade > 1:
        active.append((SUPERVISOR, CONFIRM))
    return {
        STATE.APPLIED: [apply],
        STATE.REVIEWED: active[:2],
        STATE.ACTIVE: active,
        STATE.REJECTED: [apply, (PROVIDER, NO)],
        STATE.SUSPENDED: [*active, (PROVIDER, SUSPEND)],
        STATE.REVOKED: [apply, (REQUESTER, REVOKE_GRANT)],
    }[target]


def standing(target: GrantState, *, grade: int = 1) -> MemoryState:
    state = catalogue(grade=grade)
    for organisation, part in steps_to(target, grade=grade):
        caller(state, organisation).send(part)
    assert grant(state).state == target
    return state


def test_an_application_puts_down_what_is_wanted_of_whom() -> None:
    state = catalogue(grade=2)
    accepted = caller(state, REQUESTER).send(APPLY)
    assert accepted.outcome == STATE.APPLIED
    assert grant(state) == GrantRow(
        requester=REQUESTER,
        provider=PROVIDER,
        supervisor=SUPERVISOR,
        item=APPLY.item,
        item_version=1,
        fields=0b111,
        kind=1,
        purpose=APPLY.purpose,
        valid_from=20251001,
        valid_to=20261231,
        quota=100,
        state=STATE.APPLIED,
        since_ms=NOW_MS,
        suspended_by="",
    )


@pytest.mark.parametrize(
    ("target", "organisation", "part"),
    [
        (STATE.APPLIED, PROVIDER, REVIEW),
        (STATE.REVIEWED, SUPERVISOR, CONFIRM),
        (STATE.ACTIVE, PROVIDER, SUSPEND),
        (STATE.SUSPENDED, PROVIDER, RESUME),
        (STATE.SUSPENDED, REQUESTER, REVOKE_GRANT),
    ],
)
def test_every_decision_is_found_under_both_sides_item_and_grant(
    target: GrantState, organisation: str, part: PublicPart
) -> None:
    accepted = caller(standing(target, grade=2), organisation).send(part)
    assert accepted.index_keys == (
        b"\x02" + REQUESTER.encode(),
        b"\x03" + PROVIDER.encode(),
        b"\x04" + APPLY.item.encode(),
        b"\x05" + APPLY.grant.encode(),
    )


@pytest.mark.parametrize(("grade", "state"), [(1, 3), (2, 2), (3, 2)])
def test_from_grade_2_on_a_second_level_must_confirm(grade: int, state: int) -> None:
    stands = catalogue(grade=grade)
    caller(stands, REQUESTER).send(APPLY)
    assert caller(stands, PROVIDER).send(REVIEW).outcome == state
    if state == STATE.REVIEWED:
        assert not grant(stands).is_in_force_at(NOW_MS)
        assert caller(stands, SUPERVISOR).send(CONFIRM).outcome == STATE.ACTIVE
    assert grant(stands).is_in_force_at(NOW_MS)


def test_the_grade_at_the_time_of_the_review_counts() -> None:
    state = catalogue(grade=1)
    caller(state, REQUESTER).send(APPLY)
    state.put(ITEMS, ItemRow(PROVIDER, 2, "x", 3, 2, FIELDS, SUPERVISOR, 0), APPLY.item)
    assert caller(state, PROVIDER).send(REVIEW).outcome == STATE.REVIEWED
    assert grant(state).supervisor == SUPERVISOR
    assert caller(state, SUPERVISOR).send(CONFIRM).outcome == STATE.ACTIVE


def test_a_yes_grants_what_it_says_and_a_no_leaves_what_was_applied_for() -> None:
    state = standing(STATE.ACTIVE)
    row = grant(state)
    assert (row.fields, row.quota, row.valid_to) == (0b011, 50, 20260630)
    row = grant(standing(STATE.REJECTED))
    assert (row.fields, row.quota, row.valid_to) == (0b111, 100, 20261231)
    assert caller(state, REQUESTER).refused(APPLY) == (Code.GRANTS_GRANT_KNOWN, STATE.ACTIVE)


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"fields": 0b1001}, (Code.GRANTS_FIELDS_WIDENED, 0b111, 0b1001)),
        ({"quota": 101}, (Code.GRANTS_QUOTA_WIDENED, 100, 101)),
        ({"quota": 0}, (Code.GRANTS_QUOTA_WIDENED, 100, 0)),
        ({"valid_to": 20270101}, (Code.GRANTS_PERIOD_WIDENED, 20261231, 20270101)),
        ({"valid_to": 0}, (Code.GRANTS_PERIOD_WIDENED, 20261231, 0)),
        ({"valid_to": 20250930}, (Code.PERIOD_REVERSED, 20251001, 20250930)),
        ({"valid_to": 20260230}, (Code.ILLEGAL_DATE, 5, 20260230)),
        ({"fields": 0}, (Code.OUT_OF_RANGE, 3, 1, 2**48 - 1, 0)),
        ({"fields": 2**48}, (Code.OUT_OF_RANGE, 3, 0, 2**48 - 1, 2**48)),
        ({"decision": 2}, (Code.OUT_OF_RANGE, 2, 0, 1, 2)),
        ({"grant": "x "}, (Code.ILLEGAL_TEXT, 1, 1, 32)),
        ({"decision": 0, "quota": 0, "valid_to": 0}, (Code.OUT_OF_RANGE, 3, 0, 0, 0b011)),
        ({"decision": 0, "fields": 0, "valid_to": 0}, (Code.OUT_OF_RANGE, 4, 0, 0, 50)),
        ({"decision": 0, "fields": 0, "quota": 0}, (Code.OUT_OF_RANGE, 5, 0, 0, 20260630)),
    ],
)
def test_a_review_narrows_and_a_no_grants_nothing(
    fields: dict[str, object], refused: tuple[int, ...]
) -> None:
    state = standing(STATE.APPLIED)
    before = dict(state.rows)
    assert caller(state, PROVIDER).refused(changed(REVIEW, **fields)) == refused
    assert state.rows == before


def test_where_no_bound_was_applied_for_any_bound_is_narrower() -> None:
    state = catalogue()
    caller(state, REQUESTER).send(changed(APPLY, quota=0, valid_to=0))
    caller(state, PROVIDER).send(changed(REVIEW, quota=7, valid_to=20251001))
    assert (grant(state).quota, grant(state).valid_to) == (7, 20251001)


def test_an_unbounded_application_may_be_granted_as_it_is() -> None:
    state = catalogue()
    caller(state, REQUESTER).send(changed(APPLY, quota=0, valid_to=0))
    caller(state, PROVIDER).send(changed(REVIEW, fields=0b111, quota=0, valid_to=0))
    assert grant(state).is_in_force_at(2**53 - 1)


@pytest.mark.parametrize(
    ("state", "organisation", "fields", "refused"),
    [
        (MemoryState(), REQUESTER, {}, (Code.GRANTS_NO_SUCH_ITEM,)),
        (catalogue(is_withdrawn=1), REQUESTER, {}, (Code.GRANTS_ITEM_WITHDRAWN,)),
        (catalogue(share=3), REQUESTER, {}, (Code.GRANTS_ITEM_NOT_SHARED,)),
        (catalogue(), PROVIDER, {}, (Code.GRANTS_OWN_ITEM,)),
        (catalogue(grade=2, supervisor=REQUESTER), REQUESTER, {}, (Code.GRANTS_OWN_SUPERVISOR,)),
        (catalogue(), REQUESTER, {"item_version": 2}, (Code.GRANTS_VERSION_DIFFERS, 1, 2)),
        (catalogue(), REQUESTER, {"item_version": 0}, (Code.GRANTS_VERSION_DIFFERS, 1, 0)),
        (catalogue(), REQUESTER, {"fields": 8}, (Code.GRANTS_UNKNOWN_FIELDS, 7, 8)),
        (catalogue(), REQUESTER, {"fields": 0}, (Code.OUT_OF_RANGE, 4, 1, 2**48 - 1, 0)),
        (catalogue(), REQUESTER, {"kind": 4}, (Code.OUT_OF_RANGE, 5, 1, 3, 4)),
        (catalogue(), REQUESTER, {"grant": "x" * 61}, (Code.WRONG_LENGTH, 1, 1, 60, 61)),
        (catalogue(), REQUESTER, {"grant": "x\n"}, (Code.ILLEGAL_TEXT, 1, 1, 10)),
        (catalogue(), REQUESTER, {"item": "x\n"}, (Code.ILLEGAL_TEXT, 2, 1, 10)),
        (catalogue(), REQUESTER, {"purpose": ""}, (Code.WRONG_LENGTH, 6, 1, 60, 0)),
        (catalogue(), REQUESTER, {"purpose": "x\n"}, (Code.ILLEGAL_TEXT, 6, 1, 10)),
        (catalogue(), REQUESTER, {"valid_from": 0}, (Code.ILLEGAL_DATE, 7, 0)),
        (catalogue(), REQUESTER, {"valid_to": 20260230}, (Code.ILLEGAL_DATE, 8, 20260230)),
        (
            catalogue(),
            REQUESTER,
            {"valid_to": 20250930},
            (Code.PERIOD_REVERSED, 20251001, 20250930),
        ),
    ],
)
def test_an_application_that_cannot_be_granted_is_refused_at_once(
    state: MemoryState, organisation: str, fields: dict[str, object], refused: tuple[int, ...]
) -> None:
    before = dict(state.rows)
    assert caller(state, organisation).refused(changed(APPLY, **fields)) == refused
    assert state.rows == before


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (ItemRow(PROVIDER, 1, "x", 1, 2, FIELDS, "", 1), Code.GRANTS_ITEM_WITHDRAWN),
        (ItemRow(PROVIDER, 1, "x", 1, 3, FIELDS, "", 0), Code.GRANTS_ITEM_NOT_SHARED),
    ],
)
def test_an_item_that_is_no_longer_shared_can_only_be_declined(row: ItemRow, code: Code) -> None:
    state = standing(STATE.APPLIED)
    state.put(ITEMS, row, APPLY.item)
    assert caller(state, PROVIDER).refused(REVIEW) == (code,)
    assert caller(state, PROVIDER).send(NO).outcome == STATE.REJECTED


def test_what_is_withdrawn_before_the_second_level_confirms_is_not_granted() -> None:
    state = standing(STATE.REVIEWED, grade=2)
    state.put(ITEMS, ItemRow(PROVIDER, 1, "x", 2, 2, FIELDS, SUPERVISOR, 1), APPLY.item)
    assert caller(state, SUPERVISOR).refused(CONFIRM) == (Code.GRANTS_ITEM_WITHDRAWN,)
    assert caller(state, SUPERVISOR).send(REFUSE).outcome == STATE.REJECTED


@pytest.mark.parametrize("part", [REVIEW, CONFIRM, SUSPEND, RESUME, REVOKE_GRANT])
def test_what_nobody_applied_for_is_not_decided(part: PublicPart) -> None:
    assert Caller().refused(part) == (Code.GRANTS_NO_SUCH_GRANT,)


@pytest.mark.parametrize("part", [APPLY, REVIEW, CONFIRM, SUSPEND, RESUME, REVOKE_GRANT])
def test_every_decision_needs_the_role_member(part: PublicPart) -> None:
    assert Caller(roles=(2, 3, 4, 5)).refused(part) == (Code.ROLE_MISSING, 1)


@pytest.mark.parametrize("part", [SUSPEND, RESUME, REVOKE_GRANT])
@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"reason_code": ""}, (Code.WRONG_LENGTH, 2, 1, 32, 0)),
        ({"reason_code": "x" * 33}, (Code.WRONG_LENGTH, 2, 1, 32, 33)),
        ({"reason_code": "a  b"}, (Code.ILLEGAL_TEXT, 2, 2, 32)),
        ({"grant": "a  b"}, (Code.ILLEGAL_TEXT, 1, 2, 32)),
    ],
)
def test_an_end_gives_its_reason(
    part: PublicPart, fields: dict[str, object], refused: tuple[int, ...]
) -> None:
    assert Caller().refused(changed(part, **fields)) == refused


def test_an_illegal_name_of_a_grant_is_not_confirmed() -> None:
    assert Caller().refused(changed(CONFIRM, grant=" x")) == (Code.ILLEGAL_TEXT, 1, 0, 32)


ORGANISATIONS = {
    REQUESTER: {Party.REQUESTER},
    PROVIDER: {Party.PROVIDER},
    SUPERVISOR: {Party.SUPERVISOR},
    STRANGER: set[Party](),
}
DECISIONS: tuple[tuple[str, Answer | None, PublicPart], ...] = (
    ("review", Answer.YES, REVIEW),
    ("review", Answer.NO, NO),
    ("confirm", Answer.YES, CONFIRM),
    ("confirm", Answer.NO, REFUSE),
    ("suspend", None, SUSPEND),
    ("resume", None, RESUME),
    ("revoke", None, REVOKE_GRANT),
)


def expected(name: str, answer: Answer | None, before: GrantState, grade: int) -> Transition | None:
    """Return the row of the table that allows this, if one does."""
    if name == "review" and answer is Answer.YES and grade > 1:
        answer = Answer.YES_SUPERVISED
    rows = [
        one for one in TRANSITIONS if (one.action, one.before, one.answer) == (name, before, answer)
    ]
    assert len(rows) <= 1
    return rows[0] if rows else None


@pytest.mark.parametrize("grade", [1, 2])
@pytest.mark.parametrize("before", list(STATE))
@pytest.mark.parametrize("organisation", ORGANISATIONS)
def test_nobody_does_what_the_table_does_not_allow(
    grade: int, before: GrantState, organisation: str
) -> None:
    if (grade, before) == (1, STATE.REVIEWED):
        return  # without a second level no grant ever stands there
    for name, answer, part in DECISIONS:
        state = standing(before, grade=grade)
        sides = set(ORGANISATIONS[organisation])
        if grade == 1:
            sides.discard(Party.SUPERVISOR)
        if grant(state).suspended_by == organisation:
            sides.add(Party.SUSPENDER)
        row = expected(name, answer, before, grade)
        if row is not None and sides & set(row.parties):
            assert caller(state, organisation).send(part).outcome == row.after
            assert grant(state).state == row.after
            continue
        (code, *_) = caller(state, organisation).refused(part)
        allowed = Code.GRANTS_STATE_FORBIDS if row is None else Code.FOREIGN_ORGANISATION
        assert code in {allowed, Code.FOREIGN_ORGANISATION}
        assert grant(state).state == before


def test_a_grant_is_resumed_by_the_one_that_suspended_it() -> None:
    for suspender, other in itertools.permutations((PROVIDER, SUPERVISOR)):
        state = standing(STATE.ACTIVE, grade=2)
        caller(state, suspender).send(SUSPEND)
        assert grant(state).suspended_by == suspender
        assert not grant(state).is_in_force_at(NOW_MS)
        assert caller(state, other).refused(RESUME) == (Code.FOREIGN_ORGANISATION,)
        assert caller(state, other).refused(SUSPEND) == (Code.GRANTS_STATE_FORBIDS, 5)
        caller(state, suspender).send(RESUME)
        assert (grant(state).state, grant(state).suspended_by) == (STATE.ACTIVE, "")


def test_what_is_not_suspended_is_not_resumed() -> None:
    state = standing(STATE.ACTIVE)
    assert caller(state, PROVIDER).refused(RESUME) == (Code.GRANTS_STATE_FORBIDS, STATE.ACTIVE)


def test_whoever_decides_an_action_decides_it_in_every_state() -> None:
    for one in TRANSITIONS:
        assert one.parties == parties_to(one.action)


def test_expired_is_not_stored_but_follows_from_the_day() -> None:
    row = grant(standing(STATE.ACTIVE))
    last_ms = 1_782_835_199_999  # 2026-06-30T23:59:59.999+08:00
    assert row.is_in_force_at(last_ms)
    assert not row.is_expired_at(last_ms)
    assert not row.is_in_force_at(last_ms + 1)
    assert row.is_expired_at(last_ms + 1)
    first_ms = 1_759_248_000_000  # 2025-10-01T00:00:00+08:00
    assert row.is_in_force_at(first_ms)
    assert not row.is_in_force_at(first_ms - 1)
    assert row.state == STATE.ACTIVE


def test_an_expired_grant_can_still_be_ended() -> None:
    state = standing(STATE.ACTIVE)
    later = Caller(state=state, organisation=PROVIDER, now_ms=NOW_MS + 1000 * DAY_MS)
    assert grant(state).is_expired_at(later.now_ms)
    assert later.send(REVOKE_GRANT).outcome == STATE.REVOKED
    assert grant(state).since_ms == later.now_ms
