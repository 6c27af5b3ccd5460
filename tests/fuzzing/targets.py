"""What is fuzzed: one target per door through which a stranger's bytes come in.

A target returns when the bytes were refused in the documented way. It raises when anything else
escaped, or when what was accepted does not encode to the same bytes again. Seeds are published
vectors, so that mutations begin behind the first checks.
"""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from chainnode import codec
from chainnode.batch import decode_batch
from chainnode.errors import InvalidInput
from chainnode.genesis import Genesis, InvalidGenesis, decode_genesis
from chainnode.ledger import codec as ledger_codec
from chainnode.p2p.errors import InvalidFrame
from chainnode.p2p.framing import ACCEPTOR_FRAMES, HEARTBEAT, REQUEST, FrameDecoder, encode_frame
from chainnode.segments.frames import BrokenFrame, read_frames
from chainnode.segments.frames import encode_frame as encode_vote
from chainnode.submission import decode_submission
from chainnode.suites import suite_named
from chainnode.sync import frames, snapshot_frames
from chainnode.verify import (
    Trust,
    load_evidence,
    payload_of,
    text_of,
    verify_compact,
    verify_evidence,
)
from chainnode.verify.archive import PARQUET, SUMMARY
from chainnode.verify.compact_form import decode_compact, encode_compact
from chainnode.verify.export import verify_export
from consensus.codec import message_to_plain
from consensus.decoding import message_from_plain
from consensus.errors import InvalidMessage
from consensus.messages import Batch
from contracts.schemas import (
    access,
    access_1,
    access_sealed,
    audit,
    audit_1,
    catalog,
    certificates,
    content,
    disputes,
    grants,
    members,
    pseudonyms,
)
from contracts.schemas.codes import Rejection
from contracts.schemas.identifiers import parse_identifier
from contracts.schemas.shape import Schema, encode_part
from tests.builders_several import TwiceQuestionedChain, twice_questioned_chain
from tests.fuzzing.exchange_doors import (
    ask_seeds,
    request_seeds,
    run_ask,
    run_request,
    run_stream,
    stream_seeds,
)

VECTORS = Path(__file__).parents[1] / "vectors"
_SUITE = suite_named("intl")
_LIMITS = codec.Limits(bytes_max=1 << 20)
_EVIDENCE = VECTORS / "evidence" / "intl"
_PARTS = (
    access.AccessRecord,
    access.People,
    access_1.AccessRecord,
    access_sealed.Seal,
    access_sealed.Sealed,
    access_sealed.Unseal,
    audit.Question,
    audit_1.Question,
    disputes.Object,
    disputes.Forward,
    disputes.Extend,
    disputes.Correct,
    disputes.Refuse,
    disputes.WithdrawDispute,
    certificates.Issue,
    certificates.Import,
    certificates.Revoke,
    members.AddKey,
    members.EndKey,
    catalog.Publish,
    catalog.Withdraw,
    content.PublishKey,
    content.ShareKey,
    grants.Apply,
    grants.Review,
    grants.Confirm,
    grants.Suspend,
    pseudonyms.OpenEpoch,
    pseudonyms.Usage,
)
_SCHEMAS = tuple(Schema(part) for part in _PARTS)
_LEDGER_VALUES: tuple[tuple[Callable[[bytes], object], Callable[..., bytes]], ...] = (
    (ledger_codec.decode_entry, ledger_codec.encode_entry),
    (ledger_codec.decode_receipt, ledger_codec.encode_receipt),
    (ledger_codec.decode_head, ledger_codec.encode_head),
    (ledger_codec.decode_header, ledger_codec.encode_header),
    (ledger_codec.decode_certificate, ledger_codec.encode_certificate),
)
_FRAME_DECODERS: tuple[Callable[[bytes], object], ...] = (
    frames.decode_batch_request,
    frames.decode_blocks_request,
    frames.decode_checkpoint_request,
    frames.decode_blocks,
    snapshot_frames.decode_offer_request,
    snapshot_frames.decode_offer,
    snapshot_frames.decode_edge,
    snapshot_frames.decode_pages_request,
    snapshot_frames.decode_pages,
)


class Escaped(AssertionError):
    """What was accepted is not what its encoding says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One door: `run` takes any bytes, `seeds` are good ones to begin with."""

    name: str
    run: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]


def _require_same(data: bytes, again: bytes) -> None:
    if data != again:
        raise Escaped(f"accepted {len(data)} bytes that encode again to {len(again)} others")


@cache
def _wire() -> dict[str, dict[str, object]]:
    vectors: dict[str, dict[str, object]] = json.loads((VECTORS / "wire" / "intl.json").read_text())
    return vectors


@cache
def _genesis() -> Genesis:
    return decode_genesis(_encoded("genesis"))


@cache
def _trust() -> Trust:
    return Trust.load((_EVIDENCE / "trust.json").read_bytes())


def _encoded(name: str) -> bytes:
    return bytes.fromhex(str(_wire()[name]["encoded"]))


def _one(name: str) -> Callable[[], Iterator[bytes]]:
    return lambda: iter((_encoded(name),))


def _messages() -> Iterator[bytes]:
    for message in _wire()["messages"].values():
        assert isinstance(message, dict)
        yield bytes.fromhex(message["encoded"])


def _canonical(data: bytes) -> None:
    try:
        value = codec.decode(data, _LIMITS)
    except codec.InvalidEncoding:
        return
    _require_same(data, codec.encode(value))


def _canonical_seeds() -> Iterator[bytes]:
    yield from _messages()
    for vector in json.loads((VECTORS / "codec" / "canonical.json").read_text())["valid"]:
        yield bytes.fromhex(vector[0])


def _no_batch(_data: bytes) -> Batch:
    raise InvalidMessage("batch: expected none in a fuzzed message, got one")


def _message(data: bytes) -> None:
    try:
        message = message_from_plain(codec.decode(data, _LIMITS), open_batch=_no_batch)
    except (codec.InvalidEncoding, InvalidMessage):
        return
    _require_same(data, codec.encode(message_to_plain(message)))


def _submission(data: bytes) -> None:
    try:
        submission = decode_submission(_SUITE, data, _genesis().parameters)
    except InvalidInput:
        return
    _require_same(data, submission.encoded)


def _batch(data: bytes) -> None:
    genesis = _genesis()
    try:
        batch = decode_batch(_SUITE, data, chain_id=genesis.chain_id, parameters=genesis.parameters)
    except InvalidInput:
        return
    _require_same(data, batch.encoded)


def _whole_genesis(data: bytes) -> None:
    try:
        genesis = decode_genesis(data)
    except InvalidGenesis:
        return
    _require_same(data, genesis.encoded)


def _ledger_values(data: bytes) -> None:
    """Entries, receipts, heads, headers, certificates: the bytes go to each decoder."""
    for decode, encode in _LEDGER_VALUES:
        try:
            value = decode(data)
        except InvalidInput:
            continue
        _require_same(data, encode(value))


def _ledger_seeds() -> Iterator[bytes]:
    for name in ("record", "receipt"):
        evidence = json.loads((_EVIDENCE / f"{name}.json").read_text())["evidence"]
        yield base64.b64decode(evidence["header"]["head"])
        yield base64.b64decode(evidence["entry" if name == "record" else "receipt"])


def _transfer(data: bytes) -> None:
    """Every frame of state transfer and snapshots: the bytes go to each decoder."""
    for decode in _FRAME_DECODERS:
        try:
            decode(data)
        except InvalidInput:
            continue


def _transfer_seeds() -> Iterator[bytes]:
    yield frames.encode_batch_request(bytes(32), 7)
    yield frames.encode_blocks_request(1, 64)
    yield snapshot_frames.encode_offer_request(
        snapshot_frames.OfferRequest(wanted=snapshot_frames.Wanted.HEIGHT, height=9)
    )


def _link(data: bytes) -> None:
    """A stream of frames, fed in two pieces."""
    decoder = FrameDecoder(ACCEPTOR_FRAMES)
    try:
        for piece in (data[: len(data) // 2], data[len(data) // 2 :]):
            decoder.feed(piece)
            while decoder.next_frame() is not None:
                pass
    except InvalidFrame:
        return


def _link_seeds() -> Iterator[bytes]:
    yield encode_frame(HEARTBEAT, bytes(8)) + encode_frame(REQUEST, bytes(64))


def _vote_file(data: bytes) -> None:
    try:
        for _ in read_frames(data):
            pass
    except BrokenFrame:
        return


def _vote_file_seeds() -> Iterator[bytes]:
    first, chain = encode_vote(b"first", previous=bytes(32))
    yield first + encode_vote(b"second", previous=chain)[0]


def _public_parts(data: bytes) -> None:
    for schema in _SCHEMAS:
        try:
            part = schema.decode(data)
        except Rejection:
            continue
        _require_same(data, encode_part(part))


def _public_part_seeds() -> Iterator[bytes]:
    for part in json.loads((VECTORS / "contracts" / "parts.json").read_text())["accepted"]:
        yield bytes.fromhex(part["public"])
    for step in json.loads((VECTORS / "contracts" / "exchange.json").read_text())["steps"]:
        yield bytes.fromhex(step["public"])


def _identifier(data: bytes) -> None:
    try:
        text = data.decode()
        parsed = parse_identifier(text)
    except ValueError:
        return
    _require_same(data, str(parsed).encode())


def _identifier_seeds() -> Iterator[bytes]:
    yield b"1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F"


def _evidence(data: bytes) -> None:
    try:
        verify_evidence(load_evidence(data), _trust())
    except InvalidInput:
        return


def _evidence_seeds() -> Iterator[bytes]:
    for path in sorted(_EVIDENCE.glob("*.json")):
        if path.name != "trust.json":
            yield json.dumps(json.loads(path.read_text())["evidence"]).encode()


def _trust_file(data: bytes) -> None:
    try:
        Trust.load(data)
    except InvalidInput:
        return


def _trust_seeds() -> Iterator[bytes]:
    yield (_EVIDENCE / "trust.json").read_bytes()


def _code(data: bytes) -> None:
    """A compact proof as bytes, and as the text of a QR code."""
    try:
        _require_same(data, encode_compact(decode_compact(data)))
        verify_compact(data, _trust())
    except InvalidInput:
        pass
    try:
        text = data.decode()
        payload = payload_of(text)
    except (UnicodeDecodeError, InvalidInput):
        return
    _require_same(text.rpartition("#")[2].encode(), text_of(payload).encode())


def _code_seeds() -> Iterator[bytes]:
    for path in sorted((VECTORS / "compact" / "intl").glob("*.json")):
        case = json.loads(path.read_text())
        if case["expect"] == "accepted":
            yield case["text"].encode()
            yield payload_of(case["text"])


def _export(data: bytes) -> None:
    """An archive that carries proofs, and everything that it claims of them."""
    try:
        verify_export(data, _questioned().trust)
    except InvalidInput:
        return


@cache
def _questioned() -> TwiceQuestionedChain:
    return twice_questioned_chain("intl")


def _export_seeds() -> Iterator[bytes]:
    yield _questioned().export()
    yield _questioned().export(node=None, page=b"<!doctype html>")
    yield _questioned().export_of_several(more={PARQUET: b"PAR1", SUMMARY: b"%PDF-1.4"})


TARGETS: tuple[Target, ...] = (
    Target(name="canonical encoding", run=_canonical, seeds=_canonical_seeds),
    Target(name="consensus message", run=_message, seeds=_messages),
    Target(name="submission", run=_submission, seeds=_one("submission")),
    Target(name="batch", run=_batch, seeds=_one("batch")),
    Target(name="genesis", run=_whole_genesis, seeds=_one("genesis")),
    Target(name="ledger values", run=_ledger_values, seeds=_ledger_seeds),
    Target(name="state transfer", run=_transfer, seeds=_transfer_seeds),
    Target(name="peer link", run=_link, seeds=_link_seeds),
    Target(name="vote file", run=_vote_file, seeds=_vote_file_seeds),
    Target(name="public parts", run=_public_parts, seeds=_public_part_seeds),
    Target(name="certificate identifier", run=_identifier, seeds=_identifier_seeds),
    Target(name="evidence", run=_evidence, seeds=_evidence_seeds),
    Target(name="export", run=_export, seeds=_export_seeds),
    Target(name="qr code", run=_code, seeds=_code_seeds),
    Target(name="trust file", run=_trust_file, seeds=_trust_seeds),
    Target(name="ask of the custodian", run=run_ask, seeds=ask_seeds),
    Target(name="request of a call", run=run_request, seeds=request_seeds),
    Target(name="stream of events", run=run_stream, seeds=stream_seeds),
)
