"""Disputes of rules 3: who has to answer, until when, and what is counted (wire-format §18)."""

from dataclasses import astuple, dataclass, fields, replace
from typing import Any

from tests.second_reader.encoding import enc
from tests.second_reader.halves import NO_SALT, Exchange, about, woken
from tests.second_reader.town import Left, Own, Row, Sender

CALL, CERTIFICATE, ITEM = 1, 2, 3
OPEN, CORRECTED, REFUSED, WITHDRAWN = 1, 2, 3, 4
LATE = 8


@dataclass(frozen=True, kw_only=True)
class DisputeOf:
    """The row of a dispute by the names of §18."""

    target: int
    requester: str
    provider: str
    call_id: bytes
    certificate: str
    filer: str
    responsible: str
    ground: int
    state: int
    forwards: int
    is_extended: int
    filed_ms: int
    due_ms: int
    since_ms: int
    subjects: list[bytes]
    person: bytes
    item: str
    grant: str
    follows: bytes
    is_overdue: int


class Disputes(Exchange):
    """A town whose departments answer for what they keep."""

    def woken(self, item: Row, chain_id: bytes) -> list[Own]:
        """What a deadline leaves, of a call or of a dispute."""
        contract, key = item
        if contract == "access":
            return woken(self, key, chain_id)
        assert contract == "disputes"
        dispute_id, due_ms = key
        row = self._dispute(dispute_id)
        if row.state != OPEN or row.due_ms != due_ms:
            return []
        late = replace(row, is_overdue=1)
        self._put(dispute_id, late)
        self._count(row.responsible, overdue=1)
        public = enc([NO_SALT, dispute_id, row.responsible, due_ms])
        keys = self._dispute_keys(dispute_id, late)
        return [Own(contract="disputes", action="overdue", public=public, outcome=64, keys=keys)]

    def _disputes_object(self, part: Row, sender: Sender) -> Left:
        dispute_id, ground, target, requester, provider, call_id, certificate = part[:7]
        subjects, person, item, grant, follows, _statement = part[7:]
        source = self._source(target, part)
        responsible = source
        if target == CALL and ground in {2, 4, 5}:
            responsible = requester if ground == 2 else provider
        if target != CALL:
            provider = source
        deadline_ms = sender.now_ms + self.dispute_ms
        row = DisputeOf(
            target=target,
            requester=requester,
            provider=provider,
            call_id=call_id,
            certificate=certificate,
            filer=sender.organisation,
            responsible=responsible,
            ground=ground,
            state=OPEN,
            forwards=0,
            is_extended=0,
            filed_ms=sender.now_ms,
            due_ms=deadline_ms,
            since_ms=sender.now_ms,
            subjects=subjects,
            person=person,
            item=item,
            grant=grant,
            follows=follows,
            is_overdue=0,
        )
        self._count(responsible, opened=1)
        return self._waiting(dispute_id, row, outcome=1)

    def _source(self, target: int, part: Row) -> str:
        """Who answers for what is disputed, where the ground does not say otherwise."""
        provider, certificate, item = part[4], part[6], part[9]
        if target == CERTIFICATE:
            issuer: str = self._known("certificates", "id", certificate)[0]
            return issuer
        owned = self.state.find("catalog", "item", item)
        if target == CALL:
            call = self._known("access", "call", part[3], provider, part[5])
            assert call[4] == about(self, part[7], item, part[10])
        source: str = owned[0] if owned is not None else provider
        return source

    def _disputes_forward(self, part: Row, sender: Sender) -> Left:
        dispute_id, organisation, _reason = part
        before = self._dispute(dispute_id)
        row = replace(
            before,
            responsible=organisation,
            forwards=before.forwards + 1,
            is_extended=0,
            is_overdue=0,
            due_ms=sender.now_ms + self.dispute_ms,
            since_ms=sender.now_ms,
        )
        self._count(before.responsible, closed=1)
        self._count(organisation, opened=1)
        return self._waiting(dispute_id, row, outcome=2, before=before.responsible)

    def _disputes_extend(self, part: Row, _sender: Sender) -> Left:
        row = self._dispute(part[0])
        longer = replace(row, is_extended=1, due_ms=row.due_ms + self.dispute_ms)
        return self._waiting(part[0], longer, outcome=3)

    def _disputes_correct(self, part: Row, sender: Sender) -> Left:
        return self._answered(part[0], CORRECTED, 4, sender)

    def _disputes_refuse(self, part: Row, sender: Sender) -> Left:
        return self._answered(part[0], REFUSED, 5, sender)

    def _answered(self, dispute_id: bytes, state: int, outcome: int, sender: Sender) -> Left:
        is_late = self._dispute(dispute_id).is_overdue
        return self._ended(dispute_id, state, outcome + LATE * is_late, sender)

    def _disputes_withdraw(self, part: Row, sender: Sender) -> Left:
        return self._ended(part[0], WITHDRAWN, 6, sender)

    def _ended(self, dispute_id: bytes, state: int, outcome: int, sender: Sender) -> Left:
        row = replace(self._dispute(dispute_id), state=state, since_ms=sender.now_ms)
        self._count(row.responsible, closed=1)
        self._put(dispute_id, row)
        return Left(outcome=outcome, keys=self._dispute_keys(dispute_id, row))

    def _waiting(
        self, dispute_id: bytes, row: DisputeOf, *, outcome: int, before: str = ""
    ) -> Left:
        """An open dispute, which is due."""
        self._put(dispute_id, row)
        keys = self._dispute_keys(dispute_id, row)
        keys += [self.index_key(11, before)] if before else []
        due = (row.due_ms, ["disputes", [dispute_id, row.due_ms]])
        return Left(outcome=outcome, keys=keys, due=due)

    def _dispute_keys(self, dispute_id: bytes, row: DisputeOf) -> list[bytes]:
        named: list[tuple[int, Any]] = [
            *((1, one) for one in (*row.subjects, row.person)),
            (2, row.requester),
            (3, row.provider),
            (4, row.item),
            (5, row.grant),
            (6, row.certificate),
            (10, dispute_id),
            (11, row.responsible),
        ]
        return [self.index_key(kind, value) for kind, value in named if value]

    @property
    def dispute_ms(self) -> int:
        """How long an answer may take."""
        return self.parameters["dispute_deadline_ms"]

    def _count(self, who: str, *, opened: int = 0, closed: int = 0, overdue: int = 0) -> None:
        before = self.state.find("disputes", "open", who) or [0, 0, 0]
        more = (opened, closed, overdue)
        counted = [one + plus for one, plus in zip(before, more, strict=True)]
        self.state.put(counted, "disputes", "open", who)

    def _dispute(self, dispute_id: bytes) -> DisputeOf:
        names = [one.name for one in fields(DisputeOf)]
        row = self._known("disputes", "dispute", dispute_id)
        return DisputeOf(**dict(zip(names, row, strict=True)))

    def _put(self, dispute_id: bytes, row: DisputeOf) -> None:
        self.state.put(list(astuple(row)), "disputes", "dispute", dispute_id)
