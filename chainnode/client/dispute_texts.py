"""What is written in disputes: under which key, and opened again (docs/wire-format.md §16, §18).

A text is encrypted under the pair key of filer (as requester) and whoever answers at the moment
(as provider) for the month of the call. The responsible draws that key: it shares it when it
writes first; a filer can write only when it was shared before.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from chainnode.client.clients import Client
from chainnode.client.dispute_calls import DisputeKey, Objection, TextDiffers, read_written
from chainnode.client.pair_keys import NoPairKey, Reader
from chainnode.codec import InvalidEncoding
from chainnode.errors import NodeError
from chainnode.exchange.private_parts import Encrypted, Pair, read_encrypted
from chainnode.suites.port import InvalidSignature
from chainnode.verify.rows import ProvenRecord
from contracts.schemas import disputes
from contracts.schemas.catalog import ITEMS
from contracts.schemas.certificates import CERTIFICATES
from contracts.schemas.codes import Rejection
from contracts.schemas.days import local_month
from contracts.schemas.disputes import NAME, DisputePart, Target, responsible_for
from contracts.schemas.index_kinds import IndexKind
from contracts.schemas.shape import Schema

# Which actions carry a text, and where their public part commits to it.
_COMMITTED: dict[str, str] = {
    "object": "statement_commitment",
    "forward": "",
    "extend": "",
    "correct": "correction_commitment",
    "refuse": "answer_commitment",
}
_SCHEMAS: dict[str, Schema[DisputePart]] = {
    "object": Schema[DisputePart](disputes.Object),
    "forward": Schema[DisputePart](disputes.Forward),
    "extend": Schema[DisputePart](disputes.Extend),
    "correct": Schema[DisputePart](disputes.Correct),
    "refuse": Schema[DisputePart](disputes.Refuse),
}


class UnknownTarget(NodeError):
    """It is proven that what is objected to is not there, so nobody would have to answer."""


class TextState(StrEnum):
    """What became of a text for this reader."""

    NONE = "none"
    OPENED = "opened"
    # The node did not show the body, or has forgotten it.
    WITHHELD = "withheld"
    # It was not shared with this reader, or this reader named no key.
    CLOSED = "cannot_open"
    # It is not what its record commits to.
    DIFFERS = "does_not_match"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeText:
    """A text of one record of a dispute; `text` is empty where it was not opened."""

    position: int
    action: str
    organisation: str
    state: TextState
    text: str = field(default="", repr=False)


# Returns who reads, with the wrapping key of a month; None: it has none of that month.
ReaderOf = Callable[[int], Reader | None]


def writing_month(client: Client) -> int:
    """Return the month of the next block, by the newest one; YYYYMM in +08:00."""
    return local_month(client.header_latest().time_ms)


def writing_key(
    client: Client, *, filer: str, responsible: str, dispute_id: bytes, period: int, reader: Reader
) -> DisputeKey:
    """Return the key to write with; the responsible shares it where nobody has.

    Raises:
        NoPairKey: it is not shared, not with this reader, or cannot be shared yet; says why.
        CannotDecide: no node gave the proofs.

    """
    pair = Pair(requester=filer, provider=responsible, period=period)
    is_drawn_here = reader.organisation == responsible
    fetch = client.share_pair_key if is_drawn_here else client.open_pair_key
    return _key(client, pair, dispute_id, fetch(pair, reader))


def first_responsible(client: Client, objection: Objection) -> str:
    """Return who will have to answer an objection first, as the state is now.

    Raises:
        UnknownTarget: there is no such certificate or item.
        CannotDecide: no node gave the proofs.

    """
    owner = objection.provider
    if objection.target == Target.CERTIFICATE:
        certificate = client.state(CERTIFICATES, objection.certificate).row
        if certificate is None:
            raise UnknownTarget("certificate: expected a registered one, got none such")
        owner = certificate.issuer
    else:
        item = client.state(ITEMS, objection.item).row
        if item is None and objection.target == Target.ITEM:
            raise UnknownTarget("item: expected a published one, got none such")
        owner = owner if item is None else item.owner
    return responsible_for(
        target=objection.target,
        ground=objection.ground,
        requester=objection.requester,
        provider=objection.provider,
        owner=owner,
    )


def dispute_texts(
    client: Client, records: "tuple[ProvenRecord, ...]", *, filer: str, reader_of: ReaderOf
) -> tuple[DisputeText, ...]:
    """Open what was written in these records of one dispute, in their order.

    Records of other kinds are left out. The responsible of each is who the record says it was.

    Raises:
        CannotDecide: no node gave the proofs of a key.

    """
    asking = _Asking(client=client, filer=filer, reader_of=reader_of)
    return tuple(
        _text(asking, one)
        for one in records
        if one.entry.contract == NAME and not one.entry.is_ledgers_own
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """Who reads the texts of whose dispute."""

    client: Client
    filer: str
    reader_of: ReaderOf


def _text(asking: _Asking, found: ProvenRecord) -> DisputeText:
    state, text = _read(asking, found)
    return DisputeText(
        position=found.position,
        action="" if found.call is None else found.call.action,
        organisation=found.entry.organisation,
        state=state,
        text=text,
    )


def _read(asking: _Asking, found: ProvenRecord) -> tuple[TextState, str]:
    call = found.call
    if call is None:
        return TextState.WITHHELD, ""
    if call.action not in _COMMITTED:
        return TextState.NONE, ""
    try:
        part = _SCHEMAS[call.action].decode(call.public)
        encrypted = read_encrypted(call.private) if call.private else None
    except (Rejection, InvalidEncoding):
        return TextState.DIFFERS, ""
    name = _COMMITTED[call.action]
    commitment: bytes = getattr(part, name) if name else b""
    if encrypted is None:
        return _unencrypted(call.private, commitment), ""
    responsible = _responsible(found, call.action)
    pair = Pair(requester=asking.filer, provider=responsible, period=encrypted.period)
    return _opened(asking, pair, part.dispute_id, encrypted, commitment)


def _unencrypted(private: bytes, commitment: bytes) -> TextState:
    """Judge a private part that is not encrypted: it may hold no text."""
    clear = disputes.decode_private(private) if private else None
    is_empty = not private or (clear is not None and not clear.text)
    return TextState.NONE if is_empty and not commitment else TextState.DIFFERS


def _opened(
    asking: _Asking, pair: Pair, dispute_id: bytes, encrypted: Encrypted, commitment: bytes
) -> tuple[TextState, str]:
    client, reader = asking.client, asking.reader_of(encrypted.period)
    if reader is None:
        return TextState.CLOSED, ""
    try:
        key = _key(client, pair, dispute_id, client.open_pair_key(pair, reader))
        text = read_written(client.trust.suite, encrypted, key, commitment=commitment)
    except NoPairKey:
        return TextState.CLOSED, ""
    except (InvalidSignature, TextDiffers):
        # Whoever wrote it had this key: what it does not open was never for its readers.
        return TextState.DIFFERS, ""
    return TextState.OPENED, text


def _responsible(found: ProvenRecord, action: str) -> str:
    """Return who answered for the dispute when this was written.

    An objection stands in the trail of one responsible; everything else is written by it.
    """
    if action != "object":
        return found.entry.organisation
    (named,) = (one[1:] for one in found.entry.index_keys if one[0] == IndexKind.RESPONSIBLE)
    return named.decode()


def _key(client: Client, pair: Pair, dispute_id: bytes, pair_key: bytes) -> DisputeKey:
    return DisputeKey(
        chain_id=client.trust.chain_id,
        filer=pair.requester,
        responsible=pair.provider,
        dispute_id=dispute_id,
        period=pair.period,
        pair_key=pair_key,
    )
