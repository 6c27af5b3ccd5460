"""The script of the dispute vectors: every record that rules 3 add, and what it leaves.

Block by block: a town, chains of calls and grounded questions, objections of every sort, what the
responsible does with them, deadlines that pass, late answers, and an objection that follows one.
Deadlines of disputes are shorter than those of halves, so the queue is put before its own cursor.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from chainnode.client.dispute_calls import DisputeKey
from chainnode.exchange import encrypt_private
from chainnode.ledger.merkle import hash_leaf
from chainnode.submission import Call, Submission
from contracts.schemas.audit import Question, QuestionPrivate
from contracts.schemas.call_words import Side
from contracts.schemas.catalog import Publish
from contracts.schemas.certificates import Import
from contracts.schemas.disputes import (
    Correct,
    DisputePart,
    DisputePrivate,
    Extend,
    Forward,
    Object,
    Refuse,
    WithdrawDispute,
)
from contracts.schemas.fields import encode_field
from contracts.schemas.index_kinds import IndexKind
from contracts.schemas.shape import PublicPart, encode_part
from tests.unit.contracts.builders import identifier
from tests.vectors.dispute_town import (
    ACTED_MS,
    BASIC,
    CALLS,
    CALLS_MS,
    CERTIFICATE,
    DUE_MS,
    FILED_MS,
    FOLLOWED_MS,
    FREE,
    IDLE_MS,
    LATE_MS,
    LONG,
    MORE_SEATS,
    PARAMETERS,
    UNKNOWN,
)
from tests.vectors.exchange_calls import Caller, Spoken
from tests.vectors.exchange_chain import (
    AUDIT,
    CREATED_MS,
    DATA,
    HOUSING,
    PERIOD,
    POLICE,
    ExchangeChain,
)

Step = tuple[str, Submission]
_ACTIONS: dict[type[PublicPart], tuple[str, str]] = {
    Publish: ("catalog", "publish"),
    Import: ("certificates", "import"),
    Question: ("audit", "question"),
    Object: ("disputes", "object"),
    Forward: ("disputes", "forward"),
    Extend: ("disputes", "extend"),
    Correct: ("disputes", "correct"),
    Refuse: ("disputes", "refuse"),
    WithdrawDispute: ("disputes", "withdraw"),
}
# Where an action commits to what is written.
_COMMITTED = {
    "object": "statement_commitment",
    "correct": "correction_commitment",
    "refuse": "answer_commitment",
}


@dataclass(frozen=True, kw_only=True)
class Text:
    """What was written in a dispute: `what` is that of its submission."""

    what: str
    key: DisputeKey
    clear: bytes
    commitment: bytes


class DisputeScript:
    """Runs the story once; `chain.blocks` is then what the vectors hold."""

    def __init__(self, suite_name: str) -> None:
        self.chain = ExchangeChain(suite_name, parameters=PARAMETERS, seats=MORE_SEATS)
        self.suite = self.chain.suite
        self.caller = Caller(self.chain)
        self.spoken: dict[str, Spoken] = {}
        self.texts: list[Text] = []
        self._claims = self._targets()
        for block in (
            self._town,
            self._calls,
            self._objections,
            self._actions,
            self._due,
            self._late,
            self._followed,
            self._idle,
        ):
            block()

    def _targets(self) -> dict[str, dict[str, object]]:
        """What an objection says of each thing that it can be about."""
        nothing: dict[str, object] = {
            "requester": "",
            "provider": "",
            "call_id": b"",
            "certificate": "",
            "subjects": (),
            "person": b"",
            "item": "",
            "grant": "",
        }
        claims = {}
        for name in CALLS:
            spoken = self._speak(name)
            claims[name] = nothing | {
                "target": 1,
                "requester": HOUSING,
                "provider": POLICE,
                "call_id": spoken.call_id,
                "subjects": spoken.subjects[:4],
                "item": spoken.said.item,
            }
        claims["certificate"] = nothing | {"target": 2, "certificate": CERTIFICATE}
        claims["item"] = nothing | {
            "target": 3,
            "item": LONG,
            "subjects": self.caller.tokens(2),
        }
        return claims

    def _speak(self, name: str) -> Spoken:
        if name not in self.spoken:
            said = CALLS[name]
            self.spoken[name] = self.caller.speak(said, at_ms=CALLS_MS - 500 + said.number)
        return self.spoken[name]

    def dispute_id(self, name: str) -> bytes:
        """Return the id of a dispute by its name in the story."""
        return self.suite.digest(b"dispute " + name.encode())[:16]

    def pair_key(self, filer: str, responsible: str) -> bytes:
        """Return the key of a pair for the month."""
        secret = self.suite.digest(f"pair key of {filer} and {responsible}".encode())
        return secret[: self.suite.aead_key_bytes]

    def _part(self, make: Callable[..., PublicPart], **fields: object) -> PublicPart:
        return make(salt=self.chain.salt(), **fields)

    def _one(self, what: str, seat: str, part: PublicPart, private: bytes = b"") -> Step:
        """One call in a submission of its own."""
        contract, action = _ACTIONS[type(part)]
        call = Call(action=action, public=encode_part(part), private=private)
        return what, self.chain.submission(seat, contract, call)

    def _town(self) -> None:
        fields: dict[str, object] = {
            "version": 1,
            "title": "人口信息",
            "grade": 1,
            "share": 1,
            "fields": ("name", "birth_date"),
            "supervisor": "",
        }
        certificate = self._part(
            Import,
            identifier=CERTIFICATE,
            type="generic",
            file_digest=self.suite.digest(b"file"),
            metadata_root=b"",
            holder_commitment=b"",
            valid_from=20200101,
            valid_to=0,
            code_system="kun",
            code="2",
            state=2,
            since_ms=CREATED_MS - 1,
        )
        self.chain.execute(
            CREATED_MS + 1_000,
            self._one(
                "an item of another than its provider",
                "data member",
                self._part(Publish, item=BASIC, **fields),
            ),
            self._one(
                "an item of its provider", "police member", self._part(Publish, item=FREE, **fields)
            ),
            self._one(
                "an item whose name is longer than an index key",
                "data member",
                self._part(Publish, item=LONG, **fields),
            ),
            self._one("a certificate", "data issuer", certificate),
        )

    def _half(self, name: str, side: Side, **change: object) -> Step:
        spoken = self._speak(name)
        part = self.caller.half(spoken, side)
        half = Call(action="record", public=encode_part(msgspec.structs.replace(part, **change)))
        seat = "housing service" if side is Side.REQUESTER else "police service"
        calls = (*self.caller.people(spoken, side), half)
        return f"{name}: {side.name.lower()}", self.chain.submission(seat, "access", *calls)

    def _calls(self) -> None:
        asks, answers = Side.REQUESTER, Side.PROVIDER
        trace = self._speak("root").trace_id
        caused = {"parent_call_id": self._speak("root").call_id, "trace_id": trace}
        self.chain.execute(
            CALLS_MS,
            self._half("root", asks),
            self._half("root", answers),
            self._half("child", asks, **caused),
            self._half("child", answers, **caused),
            self._half("many people", answers),
            # Half of a chain alone: what the ledger finds of it carries no trace.
            self._half("not in the catalogue", asks, **caused),
            *self._questions(trace),
        )

    def _questions(self, trace: bytes) -> list[Step]:
        tokens, dispute = self.caller.tokens(2), self.dispute_id("plain")
        asked: list[tuple[str, IndexKind, tuple[bytes, ...], int]] = [
            ("people", IndexKind.SUBJECT, tokens, 1),
            ("an own view", IndexKind.SUBJECT, tokens[:1], 2),
            (
                "itself and another as requesters",
                IndexKind.REQUESTER,
                tuple(sorted((AUDIT.encode(), HOUSING.encode()))),
                1,
            ),
            ("all providers", IndexKind.PROVIDER, (), 4),
            ("a long name", IndexKind.ITEM, (LONG.encode(),), 3),
            ("a finding", IndexKind.FINDING, (b"\x01",), 1),
            ("gaps", IndexKind.UNMATCHED, (POLICE.encode(),), 1),
            ("a chain of calls", IndexKind.TRACE, (trace,), 1),
            ("a dispute", IndexKind.DISPUTE, (dispute,), 3),
            (
                "who answers",
                IndexKind.RESPONSIBLE,
                tuple(sorted((DATA.encode(), POLICE.encode()))),
                3,
            ),
        ]
        steps = [self._question(f"a question: {one[0]}", *one[1:]) for one in asked]
        refused = [
            ("values out of order", IndexKind.SUBJECT, tuple(reversed(tokens)), 1),
            ("half an id of a dispute", IndexKind.DISPUTE, (dispute[:8],), 3),
            ("no such basis", IndexKind.SUBJECT, tokens, 5),
        ]
        return steps + [self._question(f"refused: {one[0]}", *one[1:]) for one in refused]

    def _question(self, what: str, kind: IndexKind, values: tuple[bytes, ...], basis: int) -> Step:
        part = self._part(Question, kind=int(kind), values=values, from_ms=0, to_ms=0, basis=basis)
        private = encode_part(QuestionPrivate(self.chain.salt(), "专项审计"))
        return self._one(what, "audit auditor", part, private)

    def _object(
        self,
        name: str,
        about: str,
        *,
        ground: int = 1,
        what: str = "",
        seat: str = "audit auditor",
        text: tuple[str, str] | None = None,
        **change: object,
    ) -> Step:
        """File an objection; `text`: what is written, and who is responsible."""
        claim = self._claims[about] | {"follows": b"", "statement_commitment": b""} | change
        part = self._part(Object, dispute_id=self.dispute_id(name), ground=ground, **claim)
        what = what or f"{name}: object"
        return self._written(what, seat, part, text, filer=MORE_SEATS[seat].organisation)

    def _act(
        self,
        what: str,
        seat: str,
        make: Callable[..., PublicPart],
        name: str,
        *,
        text: tuple[str, str] | None = None,
        filer: str = AUDIT,
        **fields: object,
    ) -> Step:
        """Do something with a dispute."""
        part = self._part(make, dispute_id=self.dispute_id(name), **fields)
        return self._written(what, seat, part, text, filer=filer)

    def _written(
        self, what: str, seat: str, part: PublicPart, text: tuple[str, str] | None, *, filer: str
    ) -> Step:
        """Write `text` into the private part, encrypted for filer and responsible."""
        if text is None:
            return self._one(what, seat, part)
        assert isinstance(part, DisputePart)
        salt, h = self.chain.salt(), self.suite.digest
        clear = encode_part(DisputePrivate(salt, text[0]))
        key = DisputeKey(
            chain_id=self.chain.chain_id,
            filer=filer,
            responsible=text[1],
            dispute_id=part.dispute_id,
            period=PERIOD,
            pair_key=self.pair_key(filer, text[1]),
        )
        _, action = _ACTIONS[type(part)]
        commitment = hash_leaf(h, encode_field(salt=salt, name="text", value=text[0]))
        committed = _COMMITTED.get(action)
        if committed is not None:
            part = msgspec.structs.replace(part, **{committed: commitment})
        private = encrypt_private(
            self.suite,
            clear,
            pair_key=key.pair_key,
            period=PERIOD,
            half=key.half,
            nonce=h(b"nonce" + salt)[:12],
        )
        found = Text(what=what, key=key, clear=clear, commitment=commitment if committed else b"")
        self.texts.append(found)
        return self._one(what, seat, part, private)

    def _objections(self) -> None:
        file = self._object
        beyond = self._speak("many people").subjects[5]
        self.chain.execute(
            FILED_MS,
            file("plain", "root", text=("这不是我的出生日期。", DATA)),
            file("unauthorised", "root", ground=2, seat="housing service"),
            file("of another", "child", ground=3),
            file("record wrong", "child", ground=4, seat="data service"),
            file("other", "root", ground=5),
            file("no owner", "not in the catalogue"),
            file("person", "many people", person=beyond),
            file("certificate", "certificate"),
            file("item", "item", text=("条目有误", DATA)),
            file("wanders", "item"),
            file("plain", "root", what="refused: filed before"),
            file("a", "root", what="refused: no such call", call_id=bytes(16)),
            file("b", "root", what="refused: the call says otherwise", item=FREE),
            file("c", "root", what="refused: no further people", person=beyond),
            file(
                "d",
                "certificate",
                what="refused: no such certificate",
                certificate=identifier(9, issuer=DATA),
            ),
            file("e", "item", what="refused: no such item", item=UNKNOWN),
            file("f", "item", what="refused: an item with a call", call_id=bytes(16)),
            file("g", "item", what="refused: without the role", seat="data member"),
            file("h", "item", what="refused: follows nothing", follows=bytes(16)),
            file(
                "i", "root", what="refused: follows an open one", follows=self.dispute_id("other")
            ),
            file("j", "item", what="refused: of another", follows=self.dispute_id("other")),
        )

    def _forward(self, name: str, seat: str, to: str, *, why: str = "") -> Step:
        """`why`: what the refusal is for."""
        what = f"refused: {why}" if why else f"{name}: forward to {to[-1]}"
        return self._act(what, seat, Forward, name, organisation=to, reason_code="source")

    def _actions(self) -> None:
        act, pass_on, data = self._act, self._forward, "data service"
        own_words = ("已按户籍更正", DATA)
        self.chain.execute(
            ACTED_MS,
            act(
                "plain: correct",
                data,
                Correct,
                "plain",
                text=own_words,
                reason_code="fixed",
                correction_commitment=b"",
                successor=f"{BASIC}/2",
            ),
            act(
                "unauthorised: refuse",
                "housing service",
                Refuse,
                "unauthorised",
                filer=HOUSING,
                text=("依申请查询", HOUSING),
                reason_code="granted",
                answer_commitment=b"",
            ),
            act("of another: withdraw", "audit auditor", WithdrawDispute, "of another"),
            act(
                "item: extend",
                "data member",
                Extend,
                "item",
                text=("待查档案", DATA),
                reason_code="archive",
            ),
            act("refused: extended before", data, Extend, "item", reason_code="archive"),
            # Each passes on within this block, so three items of the queue have one deadline.
            pass_on("wanders", "data member", POLICE),
            pass_on("wanders", "police service", HOUSING),
            pass_on("wanders", "housing member", DATA),
            pass_on("wanders", data, POLICE, why="forwarded too often"),
            pass_on("certificate", data, DATA, why="to itself"),
            pass_on("certificate", data, "NOBODY", why="no such organisation"),
            pass_on("certificate", "police service", HOUSING, why="not the responsible"),
            act("refused: not the filer", data, WithdrawDispute, "certificate"),
            act("refused: closed", data, Extend, "plain", reason_code="x"),
            act("refused: no such dispute", data, Extend, "nothing", reason_code="x"),
            self._object(
                "again",
                "root",
                ground=4,
                what="again: object, follows a closed one",
                follows=self.dispute_id("plain"),
            ),
        )

    def _due(self) -> None:
        """Deadlines pass in a block of their own; what was extended or forwarded is not due."""
        self.chain.execute(DUE_MS)

    def _late(self) -> None:
        act, police = self._act, "police service"
        answer: dict[str, Any] = {"reason_code": "late", "answer_commitment": b""}
        corrected: dict[str, Any] = {
            "reason_code": "late",
            "correction_commitment": b"",
            "successor": "",
        }
        self.chain.execute(
            LATE_MS,
            act("other: correct, late", police, Correct, "other", **corrected),
            act("record wrong: refuse, late", police, Refuse, "record wrong", **answer),
            act("refused: the deadline has passed", police, Extend, "person", reason_code="x"),
            # It is not overdue for the next one, and a whole deadline begins.
            self._forward("person", police, DATA),
            act("certificate: withdraw, overdue", "audit auditor", WithdrawDispute, "certificate"),
        )

    def _followed(self) -> None:
        self.chain.execute(
            FOLLOWED_MS,
            self._object(
                "item again", "item", follows=self.dispute_id("item"), what="refused: still open"
            ),
            self._act(
                "person: correct in time",
                "data member",
                Correct,
                "person",
                reason_code="fixed",
                correction_commitment=b"",
                successor="",
            ),
            self._object(
                "certificate again",
                "certificate",
                follows=self.dispute_id("certificate"),
                seat="housing service",
                what="certificate again: object",
            ),
        )

    def _idle(self) -> None:
        """What is left becomes overdue with the halves that stand alone."""
        self.chain.execute(IDLE_MS)
