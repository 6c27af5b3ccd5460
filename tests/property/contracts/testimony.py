"""Two departments on a whole chain, of whose calls anybody says anything, and what must hold.

Every block is executed a second time by `tests/second_reader`, which must come to the same
header. Beside that the laws are looked up one by one in what the blocks left.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from chainnode.ledger.types import Entry, ExecutedBlock
from chainnode.submission import Call, Submission, key_id
from contracts.schemas.access import (
    CALLS,
    OPEN,
    AccessRecord,
    Finding,
    OpenRow,
    findings_in,
)
from contracts.schemas.access_gaps import GapOutcome, GapPart, decode_gap
from contracts.schemas.call_words import Decision, Side
from contracts.schemas.catalog import Publish
from contracts.schemas.codes import Code
from contracts.schemas.due import SLOT_MS, slot_of
from contracts.schemas.grant_states import GrantState
from contracts.schemas.grants import GRANTS, Apply, Resume, Review, Suspend
from contracts.schemas.match_states import GAPS, TRANSITIONS, Match
from contracts.schemas.shape import PublicPart, encode_part
from contracts.schemas.tokens import (
    EmbeddedReply,
    EmbeddedRequest,
    ReplyToken,
    RequestToken,
    encode_embedded,
)
from tests.second_reader.chain import Chain as SecondChain
from tests.second_reader.cryptography_of import Reader
from tests.unit.chainnode.execution.chains import ORGANISATIONS, RULES_2, Chain, entries, receipts
from tests.unit.contracts.builders import NOW_MS, SALT, changed
from tests.unit.contracts.halves import HALF

DEADLINE_MS = 20_000
ITEM, FREE, GRANT = "population.basic", "population.open", "G-1"
REQUESTER, PROVIDER = ORGANISATIONS[:2]
STEPS = {(one.before, one.after) for one in TRANSITIONS}
NUMBERS = 4
LONG_MS = 600_000


@dataclass(frozen=True, kw_only=True)
class Word:
    """One half that somebody sends: of which call and side, what it says, who sends it."""

    number: int
    side: Side
    says: dict[str, Any]
    has_token: bool
    sender: int | None
    age_ms: int


words = st.builds(
    Word,
    number=st.integers(0, NUMBERS - 1),
    side=st.sampled_from(list(Side)),
    says=st.fixed_dictionaries(
        {
            "item": st.sampled_from([ITEM, ITEM, ITEM, FREE, "unknown"]),
            "fields": st.sampled_from([3, 3, 3, 4]),
            "decision": st.sampled_from([0, 0, 0, 1]),
            "status": st.sampled_from([200, 200, 200, 0, 500]),
            "count": st.sampled_from([1, 1, 2]),
            "grant": st.sampled_from([GRANT, GRANT, GRANT, "", "unknown"]),
            "subjects": st.sampled_from([(b"s" * 32,), (b"s" * 32,), ()]),
        }
    ),
    has_token=st.booleans(),
    # None: who may; else another department.
    sender=st.sampled_from([None, None, None, None, None, 0, 1, 2]),
    age_ms=st.sampled_from([0, 0, DEADLINE_MS, DEADLINE_MS + 1]),
)


def leads(before: Match | None, after: Match) -> bool:
    """Tell whether the diagram leads there in a block, in which both halves may stand."""
    is_step = (before, after) in STEPS
    return is_step or (before is None and (Match.OPEN, after) in STEPS)


def agreed(asked: AccessRecord, answered: AccessRecord) -> bool:
    """Tell whether both sides say the same, as far as the requester can know it."""
    names = ["item", "item_version", "fields", "grant", "subjects", "request_commitment"]
    if asked.status:
        names += ["decision", "status", "count", "response_commitment"]
    return all(getattr(asked, one) == getattr(answered, one) for one in names)


class Exchange(RuleBasedStateMachine):
    """Two departments that exchange data, and a chain that other people use as well."""

    def __init__(self) -> None:
        super().__init__()
        self.chain = Chain("intl", RULES_2)
        self.second = SecondChain(Reader(suite="intl"), self.chain.genesis.encoded)
        self.now_ms = NOW_MS
        self.match: dict[bytes, Match] = {}
        # What was recorded of each call, by side.
        self.spoken: dict[bytes, dict[int, AccessRecord]] = {}
        # Calls whose first half waits: block time of its record.
        self.alone: dict[bytes, int] = {}
        self.gaps: dict[str, list[int]] = {}

    # What happens.

    @initialize(quota=st.sampled_from([0, 1, 3]))
    def begin(self, quota: int) -> None:
        """Let there be an item for grants, one for all, and a grant in force."""
        item = Publish(
            salt=SALT,
            item=ITEM,
            version=1,
            title="people",
            grade=1,
            share=2,
            fields=("name", "state", "address"),
            supervisor="",
        )
        apply = Apply(
            salt=SALT,
            grant=GRANT,
            item=ITEM,
            item_version=1,
            fields=3,
            kind=1,
            purpose="housing",
            valid_from=20250101,
            valid_to=0,
            quota=quota,
        )
        yes = Review(salt=SALT, grant=GRANT, decision=1, fields=3, quota=quota, valid_to=0)
        free = changed(item, item=FREE, share=1)
        self.block(
            self.decision("catalog", "publish", 1, item, free),
            self.decision("grants", "apply", 0, apply),
            self.decision("grants", "review", 1, yes),
        )

    @rule(step_ms=st.sampled_from([1, 999, 5_000, DEADLINE_MS, DEADLINE_MS + SLOT_MS]))
    def time_passes(self, step_ms: int) -> None:
        """An idle chain: a block without submissions."""
        self.now_ms += step_ms
        self.block()

    @rule(is_over=st.booleans())
    def grant_changes(self, *, is_over: bool) -> None:
        make = Resume if is_over else Suspend
        part = make(salt=SALT, grant=GRANT, reason_code="x")
        self.block(self.decision("grants", "resume" if is_over else "suspend", 1, part))

    @rule(said=st.lists(words, min_size=1, max_size=4))
    def halves(self, said: list[Word]) -> None:
        sent = [(self.half(word), word) for word in said]
        self.speak(sent)

    @rule(word=words, other=words)
    def both_sides_of_a_new_call(self, word: Word, other: Word) -> None:
        """Speak of a call that nobody spoke of, in an order that chance chose."""
        number = 100 + len(self.match)
        pair = [
            replace(one, number=number, side=side, sender=None)
            for one, side in ((word, word.side), (other, Side(1 - word.side)))
        ]
        self.speak([(self.half(one), one) for one in pair])

    # How it is told.

    def half(self, word: Word) -> AccessRecord:
        half = changed(
            HALF,
            call_id=word.number.to_bytes(16),
            side=int(word.side),
            requester=REQUESTER,
            provider=PROVIDER,
            requested_ms=self.now_ms - word.age_ms,
            **word.says,
        )
        return changed(half, other=self.token(half)) if word.has_token else half

    def token(self, half: AccessRecord) -> bytes:
        """Return the other side's word, signed by its key now."""
        names: dict[str, Any] = {
            "chain_id": self.chain.genesis.chain_id,
            "requester": half.requester,
        }
        names |= {"provider": half.provider, "call_id": half.call_id}
        suite = self.chain.suite
        signer = suite.load_private_key(bytes((2 - half.side,)) * 32)
        their_id = key_id(suite, signer.public_key)
        if half.side == Side.REQUESTER:
            reply = ReplyToken(
                **names,
                decision=half.decision,
                status=half.status,
                count=half.count,
                response_commitment=half.response_commitment,
                answered_ms=self.now_ms,
            )
            signature = signer.sign(reply.content())
            embedded = EmbeddedReply(key_id=their_id, answered_ms=self.now_ms, signature=signature)
            return encode_embedded(embedded)
        request = RequestToken(
            **names,
            item=half.item,
            item_version=half.item_version,
            fields=half.fields,
            grant=half.grant,
            request_commitment=half.request_commitment,
            http_digest=b"h" * 32,
            requested_ms=self.now_ms,
        )
        return encode_embedded(
            EmbeddedRequest(
                key_id=their_id,
                http_digest=b"h" * 32,
                requested_ms=self.now_ms,
                signature=signer.sign(request.content()),
            )
        )

    def decision(self, contract: str, action: str, sender: int, *parts: PublicPart) -> Submission:
        return self.submission(contract, sender, *((action, one) for one in parts))

    def submission(self, contract: str, sender: int, *parts: tuple[str, PublicPart]) -> Submission:
        return self.chain.raw_submission(
            [Call(action=action, public=encode_part(part)) for action, part in parts],
            public_key=self.chain.public_key(sender),
            contract=contract,
            contract_version=2 if contract == "access" else 1,
            valid_until_ms=self.now_ms + LONG_MS,
        )

    def block(self, *sent: Submission) -> ExecutedBlock:
        """Execute, twice, and look at what the ledger itself recorded."""
        block = self.chain.execute(*sent, time_ms=self.now_ms)
        self.require_same_header(block, sent)
        self.look_at_own(block)
        return block

    def require_same_header(self, block: ExecutedBlock, sent: Sequence[Submission]) -> None:
        """The second implementation comes to the same header."""
        encoded = [one.encoded for one in sent]
        again = self.second.execute(self.now_ms, encoded, list(block.receipts))
        assert again.digest == block.header.digest(self.chain.suite.digest)

    # The laws.

    def speak(self, sent: list[tuple[AccessRecord, Word]]) -> None:
        """Send halves in one block, each in a submission of its own.

        Testimony is refused only when it is unauthenticated, malformed or double.
        """
        grant = self.chain.ledger.value(GRANTS.key(GRANT))
        assert grant is not None
        submissions = [
            self.submission(
                "access",
                half.side if word.sender is None else word.sender,
                ("record", half),
            )
            for half, word in sent
        ]
        is_active = GRANTS.decode(grant).state == GrantState.ACTIVE
        # Deadlines come first: what they find is already a gap for these halves.
        block = self.block(*submissions)
        by_digest = {one.submission_digest: one for one in entries(block)}
        for (half, word), one, receipt in zip(sent, submissions, receipts(block), strict=True):
            (call,) = receipt.calls
            assert call.code == self.expected_code(half, word)
            if call.code == Code.ACCEPTED:
                self.spoken.setdefault(half.call_id, {})[half.side] = half
                self.require_findings(half, by_digest[one.digest], is_active=is_active)
        self.require_transitions(sent)

    def expected_code(self, half: AccessRecord, word: Word) -> Code:
        if word.sender not in {None, half.side}:
            return Code.FOREIGN_ORGANISATION
        is_double = half.side in self.spoken.get(half.call_id, {})
        return Code.ACCESS_DOUBLE_RECORD if is_double else Code.ACCEPTED

    def require_findings(self, half: AccessRecord, entry: Entry, *, is_active: bool) -> None:
        """No permitted access without a grant is ever recorded without the finding."""
        found = set(findings_in(entry.outcome))
        is_granted = (
            half.grant == GRANT and is_active and half.item == ITEM and half.fields in {0, 3}
        )
        is_free = half.grant != GRANT and half.item == FREE
        misuse = found & {Finding.NO_GRANT, Finding.GRANT_NOT_ACTIVE, Finding.OUTSIDE_GRANT}
        is_permitted = half.decision == Decision.PERMIT
        assert bool(misuse) == (is_permitted and not is_granted and not is_free)
        kept = {one for one in entry.index_keys if one[0] == 7}
        assert kept == {bytes((7, one)) for one in found - {Finding.HALVES_DIFFER}}

    def require_transitions(self, sent: list[tuple[AccessRecord, Word]]) -> None:
        """No transition outside of the diagram; several halves of a block are several steps."""
        for half, _ in sent:
            after = self.row_match(half.call_id)
            before = self.match.get(half.call_id)
            if after is None:
                continue
            assert after is before or leads(before, after)
            self.match[half.call_id] = after
            self.require_comparison(half.call_id, after)
            if after is Match.OPEN:
                self.alone.setdefault(half.call_id, self.now_ms)
            else:
                self.alone.pop(half.call_id, None)

    def require_comparison(self, call_id: bytes, match: Match) -> None:
        """Halves commute: what both say decides, and not who spoke first or when."""
        halves = self.spoken[call_id]
        if len(halves) < len(Side):
            assert match in {Match.OPEN, *GAPS}
            return
        is_equal = agreed(halves[Side.REQUESTER], halves[Side.PROVIDER])
        assert match is (Match.MATCHED if is_equal else Match.MISMATCHED)

    def row_match(self, call_id: bytes) -> Match | None:
        value = self.chain.ledger.value(CALLS.key(REQUESTER, PROVIDER, call_id))
        return None if value is None else Match(CALLS.decode(value).match)

    def look_at_own(self, block: ExecutedBlock) -> None:
        """Deadlines fire, on an idle chain too, and every gap that opens or closes is counted."""
        own = [one for one in entries(block) if one.is_ledgers_own]
        for entry, body in zip(own, block.own_bodies, strict=True):
            part = decode_gap("access", body.action, body.public)
            assert part is not None
            self.count_gap(entry, part, body.action)
        late = [
            call_id
            for call_id, since_ms in self.alone.items()
            if slot_of(since_ms + DEADLINE_MS) * SLOT_MS <= self.now_ms
        ]
        assert not late, "halves that stand alone beyond their deadline"

    def count_gap(self, entry: Entry, part: GapPart, action: str) -> None:
        organisations = [one[1:].decode() for one in entry.index_keys if one[0] == 8]
        if action == "unmatched":
            (organisation,) = organisations
            self.gaps.setdefault(organisation, [0, 0])[0] += 1
            since_ms = self.alone.pop(part.call_id)
            assert slot_of(since_ms + DEADLINE_MS) * SLOT_MS <= self.now_ms
            is_proven = entry.outcome == GapOutcome.ONE_SIDED_PROVEN
            speaker = (REQUESTER, PROVIDER)[part.side]
            assert (organisation != speaker) == is_proven
            assert self.match[part.call_id] is Match.OPEN
            self.match[part.call_id] = (
                Match.ONE_SIDED_PROVEN if is_proven else Match.ONE_SIDED_CLAIMED
            )
        elif self.match.get(part.call_id) in GAPS:
            (organisation,) = organisations
            self.gaps[organisation][1] += 1
        else:
            assert (action, organisations) == ("mismatched", [])

    @invariant()
    def open_is_opened_minus_closed(self) -> None:
        for organisation in (REQUESTER, PROVIDER):
            value = self.chain.ledger.value(OPEN.key(organisation))
            row = OpenRow() if value is None else OPEN.decode(value)
            assert [row.opened, row.closed] == self.gaps.get(organisation, [0, 0])
            assert row.closed <= row.opened


class LawsAlone(Exchange):
    """The same without the second implementation: the laws must see a mistake by themselves."""

    def require_same_header(self, block: ExecutedBlock, sent: Sequence[Submission]) -> None:
        """Look at one execution alone."""
