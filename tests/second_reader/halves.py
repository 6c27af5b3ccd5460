"""Halves of calls: findings, matches, deadlines, proofs by tokens (wire-format §14, §15)."""

from dataclasses import dataclass, replace
from typing import Any

from tests.second_reader.encoding import dec, enc
from tests.second_reader.town import Left, Own, Row, Sender, Town, day_of, token_of

OPEN, MATCHED, MISMATCHED, PROVEN, CLAIMED = range(5)
NO_SALT = bytes(16)
# From these rules on a half is found by its trace, and can be disputed.
RULES_DISPUTES = 3


@dataclass(frozen=True, kw_only=True)
class HalfOf:
    """A half by the names of §14."""

    call_id: bytes
    side: int
    requester: str
    provider: str
    item: str
    item_version: int
    fields: int
    subjects: list[bytes]
    people: int
    decision: int
    status: int
    count: int
    requested_ms: int
    answered_ms: int
    trace_id: bytes
    parent_call_id: bytes
    grant: str
    checked_height: int
    other: bytes
    request_commitment: bytes
    response_commitment: bytes

    @classmethod
    def of(cls, part: Row) -> "HalfOf":
        """Read the public part after its salt."""
        return cls(**dict(zip(cls.__dataclass_fields__, part, strict=True)))

    @property
    def call(self) -> tuple[str, str, bytes]:
        """What names the call."""
        return self.requester, self.provider, self.call_id

    @property
    def kind(self) -> int:
        """0 permitted, 1 denied, 2 failed."""
        if self.decision:
            return 1
        return 2 if self.status == 0 or self.status >= 400 else 0

    @property
    def speaker(self) -> str:
        """The organisation whose half it is."""
        return self.provider if self.side else self.requester

    @property
    def listener(self) -> str:
        """The other one."""
        return self.requester if self.side else self.provider


class Exchange(Town):
    """A town whose departments exchange data."""

    def _access_record(self, part: Row, sender: Sender) -> Left:
        """Record one half, the first or the later one."""
        half = HalfOf.of(part)
        row = self.state.find("access", "call", *half.call)
        findings = misuse(self, half, sender.now_ms)
        was_gap = row is not None and row[0] in {PROVEN, CLAIMED}
        if was_gap or sender.now_ms - half.requested_ms > self.deadline_ms:
            findings.append(5)
        keys = keys_of(self, half, findings)
        if self.rules >= RULES_DISPUTES and half.parent_call_id:
            keys.append(self.index_key(9, half.trace_id))
        if row is not None:
            left = Left(outcome=_outcome(half, findings), keys=keys)
            return _later(self, half, row, left, sender)
        places: list[Any] = [[], []]
        places[half.side] = sender.place
        row = [OPEN, *places, sender.public]
        if self.rules >= RULES_DISPUTES:
            row.append(about(self, half.subjects, half.item, half.grant))
        self.state.put(row, "access", "call", *half.call)
        due_ms = sender.now_ms + self.deadline_ms
        due = (due_ms, ["access", [*half.call, due_ms]])
        return Left(outcome=_outcome(half, findings), keys=keys, due=due)


def about(town: Town, subjects: list[bytes], item: str, grant: str) -> bytes:
    """What a dispute of a call has to say of it (§18)."""
    return town.reader.h(enc(["kun.about", 1, subjects, item, grant]))


def _later(town: Town, half: HalfOf, row: Row, left: Left, sender: Sender) -> Left:
    """Compare the half with the first one; close the gap that was found, if there is one."""
    first = HalfOf.of(dec(row[3])[1:])
    bits = differs(town, first, half)
    before = row[0]
    row[0], row[1 + half.side], row[3] = (MISMATCHED if bits else MATCHED), sender.place, b""
    town.state.put(row, "access", "call", *half.call)
    if bits:
        # Finding 6 stands in the outcome; index keys are of findings 1 to 5.
        left.outcome += 8 * 2**5
    gap_keys: list[bytes] = []
    if before in {PROVEN, CLAIMED}:
        charged = first.listener if before == PROVEN else first.speaker
        opened, closed = town.state.find("access", "open", charged) or [0, 0]
        town.state.put([opened, closed + 1], "access", "open", charged)
        gap_keys = [town.index_key(8, charged)]
    elif not bits:
        return left
    said = [NO_SALT, *first.call, half.side, row[1 + first.side], row[1 + half.side]]
    action, outcome = ("mismatched", 67) if bits else ("matched", 66)
    left.own.append(
        Own(
            contract="access",
            action=action,
            public=enc([*said, bits] if bits else said),
            outcome=outcome,
            keys=[*keys_of(town, first, [6] if bits else []), *gap_keys],
        )
    )
    return left


def _outcome(half: HalfOf, findings: list[int]) -> int:
    return half.kind + 8 * sum(1 << one - 1 for one in findings)


def keys_of(town: Town, half: HalfOf, findings: list[int]) -> list[bytes]:
    """Index keys of a half, or of a record of the ledger about it."""
    keys = [town.index_key(1, one) for one in half.subjects]
    keys += [town.index_key(2, half.requester), town.index_key(3, half.provider)]
    keys.append(town.index_key(4, half.item))
    if half.grant:
        keys.append(town.index_key(5, half.grant))
    return [*keys, *(town.index_key(7, bytes([one])) for one in findings)]


def misuse(town: Town, half: HalfOf, now_ms: int) -> list[int]:
    """The first of the findings 1 to 4 that holds; counts what a grant was used for."""
    if half.decision:
        return []
    grant = town.state.find("grants", "grant", half.grant) if half.grant else None
    if grant is None:
        item = town.state.find("catalog", "item", half.item)
        is_free = item is not None and (item[0], item[4], item[7]) == (half.provider, 1, 0)
        return [] if is_free else [1]
    day = day_of(now_ms)
    if grant[11] != 3 or not grant[8] <= day or (grant[9] and day > grant[9]):
        return [2]
    named = [half.requester, half.provider, half.item] == [grant[0], grant[1], grant[3]]
    if not named or half.item_version > grant[4] or half.fields & ~grant[5]:
        return [3]
    if half.side == 0 or half.kind != 0:
        return []
    (used,) = town.state.find("access", "used", half.grant, day) or [0]
    town.state.put([used + 1], "access", "used", half.grant, day)
    return [4] if grant[10] and used + 1 > grant[10] else []


def differs(town: Town, first: HalfOf, later: HalfOf) -> int:
    """In what two halves differ, as bits."""
    people = [
        town.state.find("access", "people", *one.call, one.side) or [] for one in (first, later)
    ]
    asked = later if first.side else first
    pairs = [
        (1, (first.item, first.item_version), (later.item, later.item_version)),
        (2, first.fields, later.fields),
        (4, first.grant, later.grant),
        (8, (first.subjects, people[0]), (later.subjects, people[1])),
        (64, first.request_commitment, later.request_commitment),
    ]
    if asked.status:
        pairs += [
            (16, first.decision, later.decision),
            (32, (first.status, first.count), (later.status, later.count)),
            (128, first.response_commitment, later.response_commitment),
        ]
    return sum(bit for bit, one, other in pairs if one != other)


def woken(town: Town, key: Row, chain_id: bytes) -> list[Own]:
    """What a deadline leaves: a record when the call still stands open."""
    requester, provider, call_id, due_ms = key
    row = town.state.find("access", "call", requester, provider, call_id)
    if row is None or row[0] != OPEN:
        return []
    half = HalfOf.of(dec(row[3])[1:])
    proven = is_proven(town, half, chain_id, recorded_ms=due_ms - town.deadline_ms)
    row[0] = PROVEN if proven else CLAIMED
    town.state.put(row, "access", "call", requester, provider, call_id)
    charged = half.listener if proven else half.speaker
    opened, closed = town.state.find("access", "open", charged) or [0, 0]
    town.state.put([opened + 1, closed], "access", "open", charged)
    public = enc([NO_SALT, *half.call, half.side, row[1 + half.side], due_ms])
    keys = [*keys_of(town, half, []), town.index_key(8, charged)]
    outcome = 65 if proven else 64
    return [Own(contract="access", action="unmatched", public=public, outcome=outcome, keys=keys)]


def is_proven(town: Town, half: HalfOf, chain_id: bytes, *, recorded_ms: int) -> bool:
    """Whether the other side's service key signed what the half says of the call."""
    row = token_of(half.other, [20, 32, 0, 64] if half.side else [20, 0, 64])
    if row is None or len(half.other) > 160:
        return False
    key_id, at_ms, signature = row[0], row[-2], row[-1]
    content = (
        request_token(half, chain_id, http_digest=row[1], requested_ms=at_ms)
        if half.side
        else reply_token(replace(half, answered_ms=at_ms), chain_id)
    )
    key = town.state.find("members", "key", key_id)
    if key is None or abs(at_ms - recorded_ms) > town.deadline_ms:
        return False
    public_key, organisation, roles, valid_from, valid_to = key
    is_valid = valid_from <= at_ms and (not valid_to or at_ms < valid_to)
    if organisation != half.listener or 3 not in roles or not is_valid:
        return False
    return town.reader.is_signature(public_key, signature, content)


def request_token(half: HalfOf, chain_id: bytes, *, http_digest: bytes, requested_ms: int) -> bytes:
    """What a requester signs (§15)."""
    said = [half.item, half.item_version, half.fields, half.grant, half.request_commitment]
    return enc(["kun.calltoken", 1, chain_id, *half.call, *said, http_digest, requested_ms])


def reply_token(half: HalfOf, chain_id: bytes) -> bytes:
    """What a provider signs (§15)."""
    said = [half.decision, half.status, half.count, half.response_commitment, half.answered_ms]
    return enc(["kun.replytoken", 1, chain_id, *half.call, *said])
