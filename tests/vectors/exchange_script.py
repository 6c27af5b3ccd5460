"""The script of the exchange vectors: every kind of record of rules 2, and what it leaves.

Block by block: a town that shares data, calls of every sort, deadlines that pass in an empty
block, late halves that close gaps. What each submission is for stands beside it.
"""

from collections.abc import Callable

import msgspec

from chainnode.exchange.private_parts import Pair, key_check, wrap_purpose
from chainnode.submission import Call, Submission
from chainnode.suites.wrapping import WrappingKey, load_wrapping_key
from contracts.schemas.access import AccessRecord
from contracts.schemas.access_sealed import Seal, Sealed, Unseal
from contracts.schemas.call_words import Side
from contracts.schemas.catalog import Publish, Withdraw
from contracts.schemas.content import PublishKey, ShareKey, SharePrivate
from contracts.schemas.grants import Apply, Confirm, Resume, Review, RevokeGrant, Suspend
from contracts.schemas.pseudonyms import OpenEpoch, Usage
from contracts.schemas.shape import PublicPart, encode_part
from contracts.schemas.tokens import EmbeddedRequest, encode_embedded
from tests.vectors.exchange_calls import Caller, Said, Spoken
from tests.vectors.exchange_chain import (
    AUDIT,
    CREATED_MS,
    DATA,
    DEADLINE_MS,
    HOUSING,
    PERIOD,
    POLICE,
    ExchangeChain,
)
from tests.vectors.wrapping import wrapped

BASIC, CORE, OPEN = "population/basic", "population/核心", "population/open"
# 66 bytes of UTF-8: longer than an index key holds.
LONG = "人" * 22
READERS = (HOUSING, POLICE, AUDIT)
CALLS_MS = CREATED_MS + 3_000
DUE_MS = CALLS_MS + DEADLINE_MS + 1_000
LATE_MS = DUE_MS + 2_000
IDLE_MS = LATE_MS + 30_000
Step = tuple[str, Submission]
Halves = dict[tuple[str, Side], AccessRecord]

_ACTIONS: dict[type[PublicPart], tuple[str, str]] = {
    Publish: ("catalog", "publish"),
    Withdraw: ("catalog", "withdraw"),
    Apply: ("grants", "apply"),
    Review: ("grants", "review"),
    Confirm: ("grants", "confirm"),
    Suspend: ("grants", "suspend"),
    Resume: ("grants", "resume"),
    RevokeGrant: ("grants", "revoke"),
    Seal: ("access", "seal"),
    Sealed: ("access", "sealed"),
    Unseal: ("access", "unseal"),
    OpenEpoch: ("pseudonyms", "open_epoch"),
    Usage: ("pseudonyms", "usage"),
    PublishKey: ("content", "publish_key"),
    ShareKey: ("content", "share"),
}
CALLS = {
    one.name: one
    for one in (
        Said(name="matched", number=1, item=BASIC, grant="G-1", people=2, reason="购房资格核验"),
        Said(name="many people", number=2, item=BASIC, grant="G-1", people=17),
        Said(name="failed", number=3, item=BASIC, grant="G-1", status=500, count=0),
        Said(name="denied", number=4, item=BASIC, decision=1, status=403, count=0),
        Said(name="without a grant", number=5, item=BASIC),
        Said(name="grant not active", number=6, item=CORE, grant="G-2"),
        Said(name="outside the grant", number=7, item=BASIC, grant="G-1", fields=7),
        Said(name="beyond the quota", number=8, item=BASIC, grant="G-1"),
        Said(name="free for all", number=9, item=OPEN, fields=1),
        Said(name="halves differ", number=10, item=BASIC, grant="G-1"),
        Said(name="requester alone, proven", number=11, item=BASIC, grant="G-1"),
        Said(name="provider alone, proven", number=12, item=OPEN, fields=1),
        Said(name="provider alone, claimed", number=13, item=OPEN, fields=1),
        Said(name="requester alone, no answer", number=14, item=OPEN, fields=1),
        Said(name="late and different", number=15, item=LONG, fields=1),
        Said(name="provider alone, a token of its own", number=16, item=OPEN, fields=1),
        Said(name="provider alone, a token by a member key", number=17, item=OPEN, fields=1),
        Said(name="provider alone, a token of another time", number=18, item=OPEN, fields=1),
    )
}


class Script:
    """Runs the story once; `chain.blocks` is then what the vectors hold."""

    def __init__(self, suite_name: str) -> None:
        self.chain = ExchangeChain(suite_name)
        self.caller = Caller(self.chain)
        self.suite = self.chain.suite
        self.wrapping_keys: dict[str, WrappingKey] = {
            one: load_wrapping_key(self.suite, (5_000 + number).to_bytes(32))
            for number, one in enumerate(READERS)
        }
        self.spoken: dict[str, Spoken] = {}
        # Clear forms of the private parts that are encrypted, by call and side.
        self.clear: dict[tuple[str, Side], bytes] = {}
        self.halves: Halves = {}
        self.share_private = b""
        self.opened = self._opened()
        for block in (
            self._catalogue,
            self._grants,
            self._calls,
            self._nothing_due,
            self._due,
            self._late,
            self._idle,
        ):
            block()

    def _opened(self) -> Unseal:
        """What stands behind the commitment of the sealed call."""
        opened = Unseal(
            salt=self.chain.salt(),
            commitment=bytes(32),
            secret=self.suite.digest(b"secret"),
            requester=DATA,
            item=BASIC,
            purpose="案件",
        )
        commitment = self.suite.digest(opened.committed())
        return msgspec.structs.replace(opened, commitment=commitment)

    def _part(self, make: Callable[..., PublicPart], **fields: object) -> PublicPart:
        return make(salt=self.chain.salt(), **fields)

    def _one(self, what: str, seat: str, part: PublicPart, private: bytes = b"") -> Step:
        """One call in a submission of its own."""
        contract, action = _ACTIONS[type(part)]
        call = Call(action=action, public=encode_part(part), private=private)
        return what, self.chain.submission(seat, contract, call)

    def _publish(self, item: str, **change: object) -> PublicPart:
        fields: dict[str, object] = {
            "version": 1,
            "title": "人口信息",
            "grade": 1,
            "share": 2,
            "fields": ("name", "birth_date", "address"),
            "supervisor": "",
        }
        return self._part(Publish, item=item, **fields | change)

    def _catalogue(self) -> None:
        one, part = self._one, self._part
        key = self.caller.root.epoch_key(POLICE, 1)
        self.chain.execute(
            CREATED_MS + 1_000,
            one("an item for grants", "police member", self._publish(BASIC)),
            one(
                "a core item with a supervisor",
                "police member",
                self._publish(CORE, grade=3, supervisor=DATA),
            ),
            one("an item for all", "police member", self._publish(OPEN, share=1, fields=("name",))),
            one(
                "an item whose name is longer than an index key",
                "police member",
                self._publish(LONG, share=1, fields=("name",)),
            ),
            one(
                "its next version",
                "police member",
                self._publish(OPEN, version=2, share=1, fields=("name", "street")),
            ),
            one("refused: a version left out", "police member", self._publish(BASIC, version=3)),
            one("refused: another's item", "housing member", self._publish(BASIC, version=2)),
            *(
                one(
                    f"a wrapping key of {organisation}",
                    seat,
                    part(
                        PublishKey,
                        period=PERIOD,
                        public_key=self.wrapping_keys[organisation].public_key,
                    ),
                )
                for organisation, seat in (
                    (HOUSING, "housing member"),
                    (POLICE, "police member"),
                    (AUDIT, "audit member"),
                )
            ),
            one(
                "the first epoch of pseudonyms",
                "data custodian",
                part(OpenEpoch, department=POLICE, epoch=1, key_check=key.check(self.suite)),
            ),
        )

    def _grants(self) -> None:
        one, part = self._one, self._part
        apply = {
            "item_version": 1,
            "fields": 7,
            "kind": 1,
            "purpose": "核验购房资格",
            "valid_from": 20260101,
            "valid_to": 20261231,
            "quota": 100,
        }
        yes = {"decision": 1, "fields": 3, "quota": 3, "valid_to": 20260630}
        no = {"decision": 0, "fields": 0, "quota": 0, "valid_to": 0}
        member, police = "housing member", "police member"
        self.chain.execute(
            CREATED_MS + 2_000,
            one("apply", member, part(Apply, grant="G-1", item=BASIC, **apply)),
            one("review, narrowed: active", police, part(Review, grant="G-1", **yes)),
            one("apply for a core item", member, part(Apply, grant="G-2", item=CORE, **apply)),
            one("review of a core item", police, part(Review, grant="G-2", **yes)),
            one("refused: not the supervisor", police, part(Confirm, grant="G-2", decision=1)),
            one("confirmed: active", "data member", part(Confirm, grant="G-2", decision=1)),
            one("suspended", police, part(Suspend, grant="G-2", reason_code="incident")),
            one("refused: not who suspended", member, part(Resume, grant="G-2", reason_code="x")),
            one("resumed", police, part(Resume, grant="G-2", reason_code="resolved")),
            one("revoked", member, part(RevokeGrant, grant="G-2", reason_code="ended")),
            one("apply once more", member, part(Apply, grant="G-3", item=BASIC, **apply)),
            one("review: no", police, part(Review, grant="G-3", **no)),
            one("withdrawn", police, part(Withdraw, item=CORE)),
            self._share(),
            one("refused: shared before", "police service", self._share_part(), b"x" * 200),
            one(
                "what the custodian made",
                "data custodian",
                part(
                    Usage,
                    department=POLICE,
                    epoch=1,
                    from_ms=CREATED_MS,
                    to_ms=CREATED_MS + 1_500,
                    made=17,
                    refused=2,
                ),
            ),
            *self._refused_submissions(),
        )

    def _share_part(self) -> PublicPart:
        return self._part(
            ShareKey,
            requester=HOUSING,
            provider=POLICE,
            period=PERIOD,
            key_check=key_check(self.suite.digest, self.caller.pair_key),
        )

    def _share(self) -> Step:
        """The key of the pair, wrapped to both departments and the auditors."""
        pair = Pair(requester=HOUSING, provider=POLICE, period=PERIOD)
        rows = []
        for organisation in sorted(READERS):
            public_key = self.wrapping_keys[organisation].public_key
            purpose = wrap_purpose(
                chain_id=self.chain.chain_id,
                pair=pair,
                organisation=organisation,
                public_key=public_key,
            )
            row = wrapped(
                self.suite.name,
                public_key=public_key,
                secret=self.caller.pair_key,
                purpose=purpose,
            )
            rows.append((organisation, row))
        self.share_private = encode_part(SharePrivate(self.chain.salt(), tuple(rows)))
        what = "the key of the pair for this month"
        return self._one(what, "police service", self._share_part(), self.share_private)

    def _refused_submissions(self) -> list[Step]:
        """Submissions that are refused as a whole: their receipt has a code and no calls."""
        chain = self.chain
        call = Call(action="withdraw", public=encode_part(self._part(Withdraw, item=BASIC)))
        return [
            ("refused: too late", chain.submission("police member", "catalog", call, valid_ms=999)),
            (
                "refused: a contract of rules 1",
                chain.submission("police member", "access", call, version=1),
            ),
            ("refused: a key that nobody knows", chain.submission("stranger", "catalog", call)),
            (
                "refused: a nonce that was used",
                chain.submission("police member", "catalog", call, nonce=0),
            ),
            (
                "refused: a nonce far ahead",
                chain.submission("police member", "catalog", call, nonce=9_000),
            ),
            (
                "refused call: without the role",
                chain.submission("police service", "catalog", call),
            ),
            (
                "refused calls: an unknown action, no canonical part",
                chain.submission(
                    "police member",
                    "catalog",
                    Call(action="burn", public=call.public),
                    Call(action="withdraw", public=call.public + b"\x00"),
                ),
            ),
        ]

    def _speak(self, name: str) -> Spoken:
        if name not in self.spoken:
            said = CALLS[name]
            self.spoken[name] = self.caller.speak(said, at_ms=CALLS_MS - 500 + said.number)
        return self.spoken[name]

    def _half(self, name: str, side: Side, *, has_token: bool = True, **change: object) -> Step:
        """One side of a call: its people beyond four, then its half, in one submission."""
        spoken = self._speak(name)
        part = self.caller.half(spoken, side, has_token=has_token)
        part = msgspec.structs.replace(part, **change)
        self.halves[name, side] = part
        private = self.caller.clear(spoken, side)
        if name == "matched":
            self.clear[name, side], private = self.caller.encrypted(spoken, side)
        half = Call(action="record", public=encode_part(part), private=private)
        seat = "housing service" if side is Side.REQUESTER else "police service"
        calls = (*self.caller.people(spoken, side), half)
        return f"{name}: {side.name.lower()}", self.chain.submission(seat, "access", *calls)

    def _signed_by(self, name: str, seat: str, *, ago_ms: int = 0) -> Step:
        """A provider's half with a request token that proves nothing: wrong key, or wrong time."""
        token = self._speak(name).request_token
        token = msgspec.structs.replace(token, requested_ms=token.requested_ms - ago_ms)
        other = EmbeddedRequest(
            key_id=self.chain.key_id(seat),
            http_digest=token.http_digest,
            requested_ms=token.requested_ms,
            signature=self.chain.keys[seat].sign(token.content()),
        )
        return self._half(name, Side.PROVIDER, other=encode_embedded(other))

    def _both(self, name: str) -> tuple[Step, Step]:
        return self._half(name, Side.REQUESTER), self._half(name, Side.PROVIDER)

    def _calls(self) -> None:
        asks, answers = Side.REQUESTER, Side.PROVIDER
        both = [
            step
            for name in (
                "matched",
                "many people",
                "failed",
                "denied",
                "without a grant",
                "grant not active",
                "outside the grant",
            )
            for step in self._both(name)
        ]
        self.chain.execute(
            CALLS_MS,
            *both,
            # The provider speaks first.
            self._half("free for all", answers),
            self._half("free for all", asks, has_token=False),
            self._half("halves differ", asks),
            self._half("halves differ", answers, count=9, fields=1, response_commitment=b"x" * 32),
            self._half("beyond the quota", answers),
            self._half("beyond the quota", asks),
            self._half("requester alone, proven", asks),
            self._half("provider alone, proven", answers),
            self._half("provider alone, claimed", answers, has_token=False),
            self._half(
                "requester alone, no answer",
                asks,
                has_token=False,
                status=0,
                count=0,
                answered_ms=0,
                response_commitment=b"",
            ),
            self._half("late and different", answers),
            self._signed_by("provider alone, a token of its own", "police service"),
            self._signed_by("provider alone, a token by a member key", "housing member"),
            self._signed_by(
                "provider alone, a token of another time", "housing service", ago_ms=DEADLINE_MS
            ),
            self._again(),
            self._one("a seal", "audit auditor", self._seal()),
            self._one("a sealed call", "police service", self._sealed()),
            self._one("refused: nobody's own seal", "audit auditor", self._seal(AUDIT)),
            self._one("opened by the authority", "audit auditor", self.opened),
        )

    def _again(self) -> Step:
        """A half that was there before is refused; the receipt says where it stands."""
        part = msgspec.structs.replace(self.halves["matched", Side.PROVIDER], count=2)
        call = Call(action="record", public=encode_part(part))
        return "refused: a second half", self.chain.submission("police service", "access", call)

    def _seal(self, department: str = POLICE) -> PublicPart:
        return self._part(
            Seal,
            seal_id=bytes(15) + department[-1:].encode(),
            department=department,
            from_ms=CREATED_MS,
            until_ms=CREATED_MS + 3_600_000,
            basis=self.suite.digest(b"basis"),
        )

    def _sealed(self) -> PublicPart:
        return self._part(
            Sealed,
            seal_id=bytes(15) + POLICE[-1:].encode(),
            subjects=self.caller.tokens(3),
            count=1,
            requested_ms=CALLS_MS - 100,
            commitment=self.opened.commitment,
        )

    def _nothing_due(self) -> None:
        self.chain.execute(DUE_MS - 1_001)

    def _due(self) -> None:
        self.chain.execute(DUE_MS)

    def _late(self) -> None:
        answers = Side.PROVIDER
        self.chain.execute(
            LATE_MS,
            self._half("requester alone, no answer", answers),
            self._half("late and different", Side.REQUESTER, grant="G-1"),
            self._half("requester alone, proven", answers),
        )

    def _idle(self) -> None:
        self.chain.execute(IDLE_MS)
