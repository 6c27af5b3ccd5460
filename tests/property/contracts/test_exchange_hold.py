"""What holds for catalogue and grants whatever is sent, in whatever order, by whomever."""

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from contracts.schemas import catalog_states
from contracts.schemas.catalog import ITEMS, ItemRow, Publish, Withdraw
from contracts.schemas.codes import Rejection
from contracts.schemas.grant_states import TRANSITIONS, Answer, GrantState, Party, Transition
from contracts.schemas.grants import (
    GRANTS,
    Apply,
    Confirm,
    GrantRow,
    Resume,
    Review,
    RevokeGrant,
    Suspend,
)
from contracts.schemas.members import ORGANISATIONS, OrganisationRow
from contracts.schemas.pseudonyms import EPOCHS, USED, OpenEpoch, Usage
from contracts.schemas.shape import PublicPart
from contracts.sdk import Accepted
from tests.unit.contracts.builders import NOW_MS, SALT, Caller, MemoryState

DAY_MS = 86_400_000
FIELDS = ("name", "birth_date", "address", "ethnicity")
TOWN = ("11430000000000001X", "11220000013544541J", "11430000006122244L", "11100000000013338W")
STRANGER = "11990000000000009Y"
who = st.sampled_from(TOWN)
item_names = st.sampled_from(("population", "marriage"))
grant_names = st.sampled_from(("G-1", "G-1", "G-2", "G-2", "G-3"))
# 2025-10 to 2026-03 around the start, and no end at all.
days = st.sampled_from((20251001, 20251009, 20251010, 20251031, 20260228))
last_days = days | st.just(0)
quotas = st.sampled_from((0, 1, 5, 100))
bits = st.integers(0, 15)
SIDES = {
    Party.REQUESTER: "requester",
    Party.PROVIDER: "provider",
    Party.SUPERVISOR: "supervisor",
    Party.SUSPENDER: "suspended_by",
}


@dataclass(frozen=True)
class Wish:
    """A decision that somebody wishes to take; None: whoever may, and as it was applied for."""

    grant: str
    pick: int
    fits: bool
    side: str | None
    terms: tuple[int, int, int] | None


DECISIONS = [one for one in TRANSITIONS if one.before is not None]
# Columns of the row; `none` is somebody who has nothing to do with it.
sides = st.sampled_from(("requester", "provider", "provider", "supervisor", "suspended_by", "none"))

wishes = st.builds(
    Wish,
    grant=grant_names,
    # Twelve decisions: each is as likely as the others.
    pick=st.sampled_from(range(12)),
    fits=st.sampled_from((True, True, True, False)),
    side=st.none() | sides,
    terms=st.none() | st.tuples(bits, quotas, last_days),
)


class Exchange(RuleBasedStateMachine):
    """One ledger; anybody sends anything, and time goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.state = MemoryState()
        self.now_ms = NOW_MS
        # Every version that an item ever had, and every grant as it was applied for.
        self.versions: dict[str, list[ItemRow]] = {}
        self.applied: dict[str, GrantRow] = {}
        for one in TOWN:
            self.state.put(ORGANISATIONS, OrganisationRow(one, (1,)), one)

    def send(self, organisation: str, part: PublicPart) -> Accepted | None:
        """Send a part; a refusal leaves nothing behind."""
        before = dict(self.state.rows)
        sender = Caller(state=self.state, organisation=organisation, now_ms=self.now_ms)
        try:
            return sender.send(part)
        except Rejection:
            assert self.state.rows == before
            return None

    @initialize()
    def begin(self) -> None:
        """Let there be a general and a core item, and an application for each."""
        for item, grant, grade in (("population", "G-1", 1), ("marriage", "G-2", 3)):
            self.publish(
                organisation=TOWN[2],
                item=item,
                ahead=1,
                grade=grade,
                share=2,
                size=3,
                supervisor=TOWN[0],
            )
            self.apply(
                organisation=TOWN[1],
                grant=grant,
                item=item,
                fields=7,
                first=20251001,
                last=20260228,
                quota=5,
            )

    @rule(step=st.integers(1, 40))
    def time_passes(self, step: int) -> None:
        self.now_ms += step * DAY_MS // 4

    @rule(
        organisation=who,
        item=item_names,
        ahead=st.sampled_from((0, 1, 1, 1, 2)),
        grade=st.sampled_from((1, 1, 2, 3)),
        share=st.sampled_from((1, 2, 2, 3)),
        size=st.integers(1, 4),
        supervisor=who,
    )
    def publish(
        self,
        *,
        organisation: str,
        item: str,
        ahead: int,
        grade: int,
        share: int,
        size: int,
        supervisor: str,
    ) -> None:
        before = self.state.find(ITEMS, item)
        part = Publish(
            salt=SALT,
            item=item,
            version=(0 if before is None else before.version) + ahead or 1,
            title=item,
            grade=grade,
            share=share,
            fields=FIELDS[:size],
            supervisor="" if grade == 1 else supervisor,
        )
        if self.send(organisation, part) is not None:
            self.require_item_step("publish", organisation, before, item)
            after = self.state.find(ITEMS, item)
            assert after is not None
            self.versions.setdefault(item, []).append(after)

    @rule(organisation=who, item=item_names, luck=st.integers(0, 3))
    def withdraw(self, organisation: str, item: str, luck: int) -> None:
        if luck:
            return  # else nothing would be offered for long
        before = self.state.find(ITEMS, item)
        if self.send(organisation, Withdraw(salt=SALT, item=item)) is not None:
            self.require_item_step("withdraw", organisation, before, item)

    def require_item_step(
        self, action: str, organisation: str, before: ItemRow | None, item: str
    ) -> None:
        after = self.state.find(ITEMS, item)
        assert after is not None
        assert catalog_states.state_after(action, None if before is None else before.state) is (
            after.state
        )
        assert after.owner == organisation
        if before is not None:
            assert after.owner == before.owner
            assert after.fields[: len(before.fields)] == before.fields
            assert not before.supervisor or after.supervisor == before.supervisor

    @rule(
        organisation=who,
        grant=grant_names,
        item=item_names,
        fields=bits,
        first=days,
        last=last_days,
        quota=quotas,
    )
    def apply(
        self,
        *,
        organisation: str,
        grant: str,
        item: str,
        fields: int,
        first: int,
        last: int,
        quota: int,
    ) -> None:
        published = self.state.find(ITEMS, item)
        part = Apply(
            salt=SALT,
            grant=grant,
            item=item,
            item_version=1 if published is None else published.version,
            fields=fields,
            kind=1,
            purpose="test",
            valid_from=first,
            valid_to=last,
            quota=quota,
        )
        before = self.state.find(GRANTS, grant)
        if self.send(organisation, part) is not None:
            assert before is None
            row = self.grant(grant)
            assert published is not None
            assert (row.requester, row.provider) == (organisation, published.owner)
            assert row.requester != row.provider
            assert not published.is_withdrawn
            self.applied[grant] = row

    @rule(wishes=st.lists(wishes, min_size=1, max_size=10))
    def decisions(self, wishes: list[Wish]) -> None:
        for wish in wishes:
            row = self.state.find(GRANTS, wish.grant)
            if row is not None:
                self.take(wish, row)

    def take(self, wish: Wish, row: GrantRow) -> None:
        """Take a decision that fits the state or not, as one whose it is or not."""
        fitting = [one for one in DECISIONS if one.before == row.state]
        choices = fitting if fitting and wish.fits else DECISIONS
        wanted = choices[wish.pick % len(choices)]
        side = wish.side or SIDES[wanted.parties[wish.pick % len(wanted.parties)]]
        is_yes = int(wanted.answer is not Answer.NO)
        fields, quota, last = wish.terms or (row.fields, row.quota, row.valid_to)
        parts: dict[str, PublicPart] = {
            "review": Review(
                salt=SALT,
                grant=wish.grant,
                decision=is_yes,
                fields=is_yes * fields,
                quota=is_yes * quota,
                valid_to=is_yes * last,
            ),
            "confirm": Confirm(salt=SALT, grant=wish.grant, decision=is_yes),
            "suspend": Suspend(salt=SALT, grant=wish.grant, reason_code="x"),
            "resume": Resume(salt=SALT, grant=wish.grant, reason_code="x"),
            "revoke": RevokeGrant(salt=SALT, grant=wish.grant, reason_code="x"),
        }
        answer = self.answer(wanted, row)
        self.decide(wanted.action, side, wish.grant, parts[wanted.action], answer)

    def answer(self, wanted: Transition, row: GrantRow) -> Answer | None:
        """Return the answer as the table has it: a yes to a graded item is another one."""
        if wanted.action != "review" or wanted.answer is Answer.NO:
            return wanted.answer
        published = self.state.find(ITEMS, row.item)
        assert published is not None
        return Answer.YES if published.grade == 1 else Answer.YES_SUPERVISED

    def decide(
        self, action: str, side: str, grant: str, part: PublicPart, answer: Answer | None
    ) -> None:
        """Send a decision; when it counts, the table allows it and it was the sender's."""
        before = self.state.find(GRANTS, grant)
        organisation = getattr(before, side, "") or STRANGER
        accepted = self.send(organisation, part)
        if accepted is None:
            return
        assert before is not None
        after = self.grant(grant)
        assert accepted.outcome == after.state
        (row,) = [
            one
            for one in TRANSITIONS
            if (one.action, one.before, one.after, one.answer)
            == (action, before.state, after.state, answer)
        ]
        assert organisation in {getattr(before, SIDES[party]) for party in row.parties}
        assert after.since_ms == self.now_ms

    def grant(self, name: str) -> GrantRow:
        row = self.state.find(GRANTS, name)
        assert row is not None
        return row

    @invariant()
    def a_grant_is_never_wider_than_its_application(self) -> None:
        for name, applied in self.applied.items():
            row = self.grant(name)
            assert row.fields & ~applied.fields == 0
            assert not applied.quota or 0 < row.quota <= applied.quota
            assert not applied.valid_to or 0 < row.valid_to <= applied.valid_to
            same = ("requester", "provider", "item", "item_version", "kind", "valid_from")
            assert all(getattr(row, one) == getattr(applied, one) for one in same)

    @invariant()
    def a_grant_names_fields_of_every_later_version(self) -> None:
        for row in map(self.grant, self.applied):
            published = self.state.find(ITEMS, row.item)
            assert published is not None
            assert row.fields & ~published.field_bits == 0

    @invariant()
    def nothing_but_an_active_grant_on_one_of_its_days_is_in_force(self) -> None:
        for row in map(self.grant, self.applied):
            if row.is_in_force_at(self.now_ms):
                assert row.state == GrantState.ACTIVE
                assert not row.is_expired_at(self.now_ms)
            assert bool(row.suspended_by) == (row.state == GrantState.SUSPENDED)

    @invariant()
    def versions_count_up(self) -> None:
        for versions in self.versions.values():
            assert [one.version for one in versions] == list(range(1, len(versions) + 1))


class Pseudonyms(RuleBasedStateMachine):
    """Key epochs and use of two departments, told by anybody."""

    def __init__(self) -> None:
        super().__init__()
        self.state = MemoryState()
        self.told: dict[str, tuple[int, int]] = {}

    @rule(organisation=who, department=who, epoch=st.integers(1, 4))
    def open_epoch(self, organisation: str, department: str, epoch: int) -> None:
        before = self.state.find(EPOCHS, department)
        part = OpenEpoch(salt=SALT, department=department, epoch=epoch, key_check=bytes(32))
        if self.send(organisation, part):
            assert epoch == (1 if before is None else before.epoch + 1)
            assert before is None or before.custodian == organisation

    @rule(
        organisation=who,
        department=who,
        epoch=st.integers(1, 4),
        begin=st.integers(0, 3),
        length=st.integers(0, 2),
        made=st.integers(0, 9),
    )
    def tell(
        self, *, organisation: str, department: str, epoch: int, begin: int, length: int, made: int
    ) -> None:
        before = self.state.find(USED, department)
        opened = self.state.find(EPOCHS, department)
        part = Usage(
            salt=SALT,
            department=department,
            epoch=epoch,
            from_ms=begin,
            to_ms=begin + length,
            made=made,
            refused=1,
        )
        if self.send(organisation, part):
            assert opened is not None
            assert (opened.custodian, epoch <= opened.epoch) == (organisation, True)
            assert before is None or before.to_ms == begin
            total, refused = self.told.get(department, (0, 0))
            self.told[department] = total + made, refused + 1

    def send(self, organisation: str, part: PublicPart) -> bool:
        before = dict(self.state.rows)
        try:
            Caller(state=self.state, organisation=organisation).send(part)
        except Rejection:
            assert self.state.rows == before
            return False
        return True

    @invariant()
    def totals_are_what_was_told(self) -> None:
        for department, told in self.told.items():
            row = self.state.find(USED, department)
            assert row is not None
            assert (row.made, row.refused) == told


TestExchange = Exchange.TestCase
TestExchange.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestPseudonyms = Pseudonyms.TestCase
TestPseudonyms.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
