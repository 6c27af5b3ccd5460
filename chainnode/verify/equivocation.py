"""Proof that a replica contradicted itself: two messages, one slot, both under its signature.

Checked with the member's vote key alone: no header, no quorum, no node. A correct replica signs
one content per slot over all its lives (docs/protocol.md, B8, G2), so whoever holds such a pair
holds a proof that this key was used by a liar, or on two machines.
"""

from dataclasses import dataclass
from typing import Final

from chainnode import codec
from chainnode.codec import InvalidEncoding, Limits, decode
from chainnode.suites.port import InvalidSignature
from chainnode.verify.errors import InvalidEvidence, UnreadableEvidence
from chainnode.verify.evidence import open_form
from chainnode.verify.forms import EVIDENCE_FORMAT, EVIDENCE_VERSION, base64_text
from chainnode.verify.strict_json import JsonObject, JsonValue, as_base64, as_integer
from chainnode.verify.trust import Trust
from consensus.codec import message_from_plain, message_to_plain, signed_content, slot_of
from consensus.errors import InvalidMessage
from consensus.messages import Batch, Message

KIND: Final = "equivocation"
_NAMES = (
    *("format", "version", "kind", "chain_id", "suite"),
    *("epoch", "replica_id", "first", "second"),
)
# Two of this size fit into an evidence file, in base64.
_MESSAGE_BYTES_MAX = 3 * 512 * 1024 - 1024
_LIMITS = Limits(bytes_max=_MESSAGE_BYTES_MAX, depth_max=10, elements_max=262_144)


@dataclass(frozen=True, slots=True, kw_only=True)
class EquivocationFacts:
    """This replica signed two contents for `slot`.

    The slot is kind and epoch, then view and sequence, or height, or view alone.
    """

    replica_id: int
    organisation: str
    slot: tuple[str | int, ...]


def equivocation_evidence(
    first: Message, second: Message, *, chain_id: bytes, suite_name: str
) -> JsonObject:
    """Return `kind: "equivocation"`; batch bodies are left out, no signature covers them."""
    low, high = sorted(base64_text(_encoded(one)) for one in (first, second))
    return {
        "format": EVIDENCE_FORMAT,
        "version": EVIDENCE_VERSION,
        "kind": KIND,
        "chain_id": chain_id.hex(),
        "suite": suite_name,
        "epoch": first.epoch,
        "replica_id": first.sender,
        "first": low,
        "second": high,
    }


def verify_equivocation_evidence(evidence: JsonValue, trust: Trust) -> EquivocationFacts:
    """Check `kind: "equivocation"` against the members of its epoch.

    Raises:
        UnreadableEvidence: it does not decode.
        ForeignEvidence: it belongs to another chain.
        InvalidEvidence: not two contents of one slot, or a signature that does not verify.

    """
    fields = open_form(evidence, trust, kind=KIND, names=_NAMES)
    epoch = as_integer(fields["epoch"], "epoch")
    replica_id = as_integer(fields["replica_id"], "replica_id")
    first = _message(fields["first"], "first")
    second = _message(fields["second"], "second")
    if str(fields["first"]) > str(fields["second"]):
        raise InvalidEvidence(check="order", expected="the lesser one first", actual="the greater")
    for one in (first, second):
        _require_signer(one, epoch=epoch, replica_id=replica_id)
    slot = _contradicted_slot(first, second)
    organisation = _require_signatures((first, second), epoch, replica_id, trust)
    return EquivocationFacts(replica_id=replica_id, organisation=organisation, slot=slot)


def _encoded(message: Message) -> bytes:
    plain = message_to_plain(message)
    # The batch is the last part of a PRE-PREPARE on the wire, empty when it travels without.
    is_proposal = slot_of(message)[:1] == ("preprepare",)
    return codec.encode((*plain[:-1], ()) if is_proposal else plain)


def _message(value: JsonValue, name: str) -> Message:
    data = as_base64(value, name, bytes_max=_MESSAGE_BYTES_MAX)
    try:
        return message_from_plain(decode(data, _LIMITS), open_batch=_refuse_body)
    except (InvalidEncoding, InvalidMessage) as error:
        raise UnreadableEvidence(
            check=name, expected="a consensus message without a batch", actual=str(error)
        ) from error


def _refuse_body(data: bytes) -> Batch:
    raise InvalidEncoding(what="batch", expected="none", actual=f"{len(data)} bytes")


def _require_signer(message: Message, *, epoch: int, replica_id: int) -> None:
    if (message.epoch, message.sender) != (epoch, replica_id):
        raise InvalidEvidence(
            check="sender",
            expected=f"replica {replica_id} of epoch {epoch}",
            actual=f"replica {message.sender} of epoch {message.epoch}",
        )


def _contradicted_slot(first: Message, second: Message) -> tuple[str | int, ...]:
    slot = slot_of(first)
    if not slot or slot != slot_of(second):
        raise InvalidEvidence(
            check="slot",
            expected="two messages that may be signed only once together",
            actual=f"{slot or 'no promise'} and {slot_of(second) or 'no promise'}",
        )
    return slot


def _require_signatures(
    messages: tuple[Message, Message], epoch: int, replica_id: int, trust: Trust
) -> str:
    members = {one.replica_id: one for one in trust.epochs.get(epoch, ())}
    member = members.get(replica_id)
    if member is None:
        raise InvalidEvidence(
            check="member",
            expected=f"a replica of a trusted epoch ({', '.join(map(str, sorted(trust.epochs)))})",
            actual=f"replica {replica_id} of epoch {epoch}",
        )
    contents = [signed_content(one, chain_id=trust.chain_id, encoder=codec) for one in messages]
    if contents[0] == contents[1]:
        raise InvalidEvidence(check="slot", expected="two contents", actual="the same one twice")
    for content, one in zip(contents, messages, strict=True):
        try:
            trust.suite.verify(public_key=member.vote_key, signature=one.signature, content=content)
        except InvalidSignature as error:
            raise InvalidEvidence(
                check="signature",
                expected=f"a signature of replica {replica_id}",
                actual="one that does not verify",
            ) from error
    return member.organisation
