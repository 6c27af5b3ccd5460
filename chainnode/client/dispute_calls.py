"""Calls of the contract `disputes` from plain arguments (see `calls`), and what is written in them.

What people write stands in the private part, encrypted for filer, responsible and auditors
(docs/wire-format.md §16, §18); in public is a commitment to it. A text is never put there in clear.
"""

import secrets
from dataclasses import dataclass, field

from chainnode.client.calls import InvalidCall, build_call, new_salt
from chainnode.errors import NodeError
from chainnode.exchange.private_parts import (
    NONCE_BYTES,
    Encrypted,
    Half,
    decrypt_private,
    encrypt_private,
)
from chainnode.identity.free_text import personal_finding
from chainnode.ledger.merkle import Hash, hash_leaf
from chainnode.submission import SALT_BYTES, Call
from chainnode.suites.port import Suite
from contracts.schemas import disputes
from contracts.schemas.disputes import Ground, Target
from contracts.schemas.fields import encode_field
from contracts.schemas.index_kinds import DISPUTE_ID_BYTES
from contracts.schemas.shape import encode_part

# Characters of what is written; a private part has 4,096 bytes.
TEXT_CHARACTERS_MAX = 1_000
# Where a half has its side, a dispute has this: its key opens no half, and the other way round.
_DISPUTE_SIDE = 2
_TEXT_FIELD = "text"
_LINES = "\n\t"


class TextDiffers(NodeError):
    """What stands in a private part is not what its record commits to, or is no text."""

    def __init__(self) -> None:
        super().__init__("dispute: the private part is not the text that the record commits to")


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """What is disputed and why; the fields of its target are set, all others are empty.

    Of a call, `subjects`, `item` and `grant` are those of its first half.
    """

    ground: Ground
    target: Target
    requester: str = ""
    provider: str = ""
    call_id: bytes = b""
    certificate: str = ""
    subjects: tuple[bytes, ...] = ()
    person: bytes = b""
    item: str = ""
    grant: str = ""
    follows: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeKey:
    """The pair key of filer (as requester) and responsible (as provider), for one dispute."""

    chain_id: bytes
    filer: str
    responsible: str
    dispute_id: bytes
    period: int
    pair_key: bytes = field(repr=False)

    @property
    def half(self) -> Half:
        """What the encryption binds."""
        return Half(
            chain_id=self.chain_id,
            requester=self.filer,
            provider=self.responsible,
            call_id=self.dispute_id,
            side=_DISPUTE_SIDE,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A text as a call carries it: its commitment, and the private part that opens it."""

    commitment: bytes = b""
    private: bytes = b""


NOTHING_WRITTEN = Written()


def new_dispute_id() -> bytes:
    """Return 16 random bytes that name a dispute."""
    return secrets.token_bytes(DISPUTE_ID_BYTES)


def require_writable(text: str) -> None:
    """Refuse a text before anything is made of it; a refusal never repeats it.

    What is written here stands on the ledger until it is made to be forgotten, and its readers
    may print it: numbers of people stay out of it, a token stands for them, and so do control
    characters other than ends of lines and tabs.

    Raises:
        InvalidCall: no text, one that is too long, or one that must not be written.

    """
    if not 1 <= len(text) <= TEXT_CHARACTERS_MAX:
        raise InvalidCall(
            code="TEXT_TOO_LONG" if text else "TEXT_MISSING",
            expected=f"1 to {TEXT_CHARACTERS_MAX} characters",
            actual=f"{len(text)}",
        )
    finding = personal_finding(text)
    if finding is not None:
        raise InvalidCall(
            code="TEXT_PERSONAL",
            expected="a text without numbers of people, for which tokens stand",
            actual=f"one with a {finding.value.replace('_', ' ')}",
        )
    if not is_printable(text):
        raise InvalidCall(
            code="TEXT_UNPRINTABLE",
            expected="characters that can be shown, ends of lines and tabs",
            actual="others",
        )


def is_printable(text: str) -> bool:
    """Tell whether a text changes nothing but the lines that it is printed on."""
    return all(one.isprintable() or one in _LINES for one in text)


def written(suite: Suite, text: str, key: DisputeKey) -> Written:
    """Encrypt a text, and commit to it under the salt of its private part.

    Raises:
        InvalidCall: no text, one that is too long, or one that a number of a person stands in.

    """
    require_writable(text)
    salt = secrets.token_bytes(SALT_BYTES)
    private = encrypt_private(
        suite,
        encode_part(disputes.DisputePrivate(salt, text)),
        pair_key=key.pair_key,
        period=key.period,
        half=key.half,
        nonce=secrets.token_bytes(NONCE_BYTES),
    )
    return Written(commitment=_commitment(suite.digest, salt, text), private=private)


def read_written(suite: Suite, found: Encrypted, key: DisputeKey, *, commitment: bytes) -> str:
    """Return the text of a private part, held against the commitment of its record.

    `commitment` is empty where the action has none: `forward` and `extend`.

    Raises:
        InvalidSignature: another key, another dispute, or changed bytes.
        TextDiffers: it is not what was committed to.

    """
    clear = decrypt_private(suite, found, pair_key=key.pair_key, half=key.half)
    part = disputes.decode_private(clear)
    if part is None or not is_printable(part.text):
        raise TextDiffers
    if commitment and _commitment(suite.digest, part.salt, part.text) != commitment:
        raise TextDiffers
    return part.text


def object_to(dispute_id: bytes, objection: Objection, words: Written = NOTHING_WRITTEN) -> Call:
    """Build `disputes` · `object`: an objection, to be answered by the authoritative source."""
    part = disputes.Object(
        salt=new_salt(),
        dispute_id=dispute_id,
        ground=int(objection.ground),
        target=int(objection.target),
        requester=objection.requester,
        provider=objection.provider,
        call_id=objection.call_id,
        certificate=objection.certificate,
        subjects=tuple(sorted(set(objection.subjects))),
        person=objection.person,
        item=objection.item,
        grant=objection.grant,
        follows=objection.follows,
        statement_commitment=words.commitment,
    )
    return build_call("object", part, words.private)


def forward_dispute(
    dispute_id: bytes, *, organisation: str, reason_code: str, words: Written = NOTHING_WRITTEN
) -> Call:
    """Build `disputes` · `forward`: another organisation has to answer."""
    part = disputes.Forward(new_salt(), dispute_id, organisation, reason_code)
    return build_call("forward", part, words.private)


def extend_dispute(
    dispute_id: bytes, *, reason_code: str, words: Written = NOTHING_WRITTEN
) -> Call:
    """Build `disputes` · `extend`: one deadline more, once."""
    part = disputes.Extend(new_salt(), dispute_id, reason_code)
    return build_call("extend", part, words.private)


def correct_dispute(
    dispute_id: bytes, *, reason_code: str, successor: str = "", words: Written = NOTHING_WRITTEN
) -> Call:
    """Build `disputes` · `correct`; `successor` names what takes the place of what was wrong."""
    part = disputes.Correct(new_salt(), dispute_id, reason_code, words.commitment, successor)
    return build_call("correct", part, words.private)


def refuse_dispute(
    dispute_id: bytes, *, reason_code: str, words: Written = NOTHING_WRITTEN
) -> Call:
    """Build `disputes` · `refuse`: the objection is not followed."""
    part = disputes.Refuse(new_salt(), dispute_id, reason_code, words.commitment)
    return build_call("refuse", part, words.private)


def withdraw_dispute(dispute_id: bytes) -> Call:
    """Build `disputes` · `withdraw`: the filer takes the objection back."""
    return build_call("withdraw", disputes.WithdrawDispute(new_salt(), dispute_id))


def _commitment(h: Hash, salt: bytes, text: str) -> bytes:
    """Return the root over the one field `text`, which is its leaf."""
    return hash_leaf(h, encode_field(salt=salt, name=_TEXT_FIELD, value=text))
