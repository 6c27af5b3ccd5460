"""Who is at the other end: one hello each way, sans-I/O, right after TLS.

The dialler speaks first; the acceptor answers with its own hello, which means "accepted", or
with a refusal that names both sides' values. Both check the same things in the same order. The
identity found here is for accounting and replies only: the signature on a message decides.
"""

import re
from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from chainnode.codec import (
    InvalidEncoding,
    Limits,
    as_array,
    as_bytes,
    as_int,
    as_text,
    decode,
    encode,
)
from chainnode.p2p.errors import HandshakeRefused, InvalidFrame, RefusalReason
from chainnode.p2p.framing import HANDSHAKE_BYTES_MAX, HELLO, REFUSAL, Frame, encode_frame

PROTOCOL_VERSION: Final = 3
CHAIN_ID_BYTES: Final = 32

_HELLO_TAG: Final = "kun.hello"
_REFUSAL_TAG: Final = "kun.refusal"
_LIMITS: Final = Limits(bytes_max=HANDSHAKE_BYTES_MAX, depth_max=1, elements_max=8)
_VERSION_CHARACTERS_MAX: Final = 64
_VALUE_CHARACTERS_MAX: Final = 160
# What a peer says ends up in logs and on status pages: plain characters only.
_SOFTWARE_VERSION: Final = re.compile(r"[0-9A-Za-z.+-]{1,64}")
_VALUE: Final = re.compile(r"[ -~]{0,160}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What a node says about itself when a link begins, after the protocol version."""

    chain_id: bytes
    replica_id: int
    software_version: str

    def __post_init__(self) -> None:
        if len(self.chain_id) != CHAIN_ID_BYTES:
            raise InvalidFrame(
                what="chain id of a hello",
                expected=f"{CHAIN_ID_BYTES} bytes",
                actual=f"{len(self.chain_id)}",
            )
        if _SOFTWARE_VERSION.fullmatch(self.software_version) is None:
            raise InvalidFrame(
                what="software version of a hello",
                expected="1 … 64 characters 0-9 A-Z a-z . + -",
                actual="others",
            )


class Handshake:
    """One end's half of the exchange; `peer` is set when the link is open.

    `dialled` is the replica this end meant to reach, or None at the accepting end.
    `members` are the replicas of which links are accepted.
    """

    def __init__(self, *, own: Hello, dialled: int | None, members: Container[int]) -> None:
        self.peer: Hello | None = None
        self._own = own
        self._dialled = dialled
        self._members = members
        self._certified: int | None = None

    def begin(self, certified: int) -> bytes:
        """Take the id that the peer's certificate names; return what is to be sent first.

        Raises:
            HandshakeRefused: not whom this end dialled. It must not hear a hello: it would take
                this link for a newer one of ours and give up the good one.

        """
        self._certified = certified
        if self._dialled is not None:
            _same(RefusalReason.DIALLED_ID, self._dialled, certified)
        return encode_hello(self._own) if self._dialled is not None else b""

    def on_frame(self, frame: Frame) -> bytes:
        """Judge the peer's frame; return what is to be sent back, and set `peer`.

        Raises:
            HandshakeRefused: either side refuses; see `refusal_to_send`.
            InvalidFrame: not a hello or refusal.

        """
        if frame.kind == REFUSAL and self._dialled is not None:
            raise decode_refusal(frame)
        theirs = decode_hello(frame)
        verify_hello(theirs, own=self._own, certified=self._certified, members=self._members)
        self.peer = theirs
        return b"" if self._dialled is not None else encode_hello(self._own)

    def refusal_to_send(self, refusal: HandshakeRefused) -> bytes:
        """Return the frame that tells the dialler why, or nothing at the dialling end."""
        return b"" if self._dialled is not None else encode_refusal(refusal)


def verify_hello(
    theirs: Hello,
    *,
    own: Hello,
    certified: int | None,
    members: Container[int],
) -> None:
    """Check that `theirs` may open a link with `own`.

    Raises:
        HandshakeRefused: the first thing that does not fit, with both values.

    """
    _same(RefusalReason.CHAIN_ID, own.chain_id.hex(), theirs.chain_id.hex())
    _same(RefusalReason.CERTIFIED_ID, certified, theirs.replica_id)
    if theirs.replica_id == own.replica_id:
        raise HandshakeRefused(
            reason=RefusalReason.OWN_ID,
            expected=f"a replica other than {own.replica_id}",
            actual=f"{theirs.replica_id}",
        )
    if theirs.replica_id not in members:
        raise HandshakeRefused(
            reason=RefusalReason.UNKNOWN_REPLICA,
            expected="a configured peer",
            actual=f"{theirs.replica_id}",
        )


def encode_hello(hello: Hello) -> bytes:
    """Return the HELLO frame."""
    fields = (hello.chain_id, hello.replica_id, hello.software_version)
    return encode_frame(HELLO, encode((_HELLO_TAG, PROTOCOL_VERSION, *fields)))


def decode_hello(frame: Frame) -> Hello:
    """Read a HELLO frame; tag and version stand first in every version there will be.

    Raises:
        InvalidFrame: another kind or shape.
        HandshakeRefused: another protocol version.

    """
    if frame.kind != HELLO:
        raise InvalidFrame(
            what="first frame of a link", expected="a hello", actual=f"0x{frame.kind:02x}"
        )
    try:
        fields = as_array(decode(frame.payload, _LIMITS), None, "hello")
        tag, version = as_array(fields[:2], 2, "start of the hello")
        _check_tag(tag, _HELLO_TAG)
        _same(RefusalReason.PROTOCOL_VERSION, PROTOCOL_VERSION, as_int(version, "protocol version"))
        chain_id, replica_id, software = as_array(fields[2:], 3, "rest of the hello")
        return Hello(
            chain_id=as_bytes(chain_id, "chain id", CHAIN_ID_BYTES),
            replica_id=as_int(replica_id, "replica id"),
            software_version=as_text(software, "software version", _VERSION_CHARACTERS_MAX),
        )
    except InvalidEncoding as error:
        raise InvalidFrame(what=error.what, expected=error.expected, actual=error.actual) from error


def encode_refusal(refusal: HandshakeRefused) -> bytes:
    """Return the REFUSAL frame."""
    fields = (refusal.reason.value, refusal.expected, refusal.actual)
    return encode_frame(REFUSAL, encode((_REFUSAL_TAG, *fields)))


def decode_refusal(frame: Frame) -> HandshakeRefused:
    """Read a REFUSAL frame into the error to raise; `expected` is the peer's own value.

    Raises:
        InvalidFrame: another shape, an unknown reason, or characters that do not print.

    """
    try:
        tag, reason, expected, actual = as_array(decode(frame.payload, _LIMITS), 4, "refusal")
        _check_tag(tag, _REFUSAL_TAG)
        return HandshakeRefused(
            reason=RefusalReason(as_text(reason, "reason", _VERSION_CHARACTERS_MAX)),
            expected=_printable(as_text(expected, "expected", _VALUE_CHARACTERS_MAX)),
            actual=_printable(as_text(actual, "actual", _VALUE_CHARACTERS_MAX)),
            by_peer=True,
        )
    except InvalidEncoding as error:
        raise InvalidFrame(what=error.what, expected=error.expected, actual=error.actual) from error
    except ValueError as error:
        raise InvalidFrame(
            what="reason of a refusal", expected="a known reason", actual="another"
        ) from error


def _same(reason: RefusalReason, expected: int | str | None, actual: int | str) -> None:
    if expected != actual:
        raise HandshakeRefused(reason=reason, expected=f"{expected}", actual=f"{actual}")


def _check_tag(tag: object, expected: str) -> None:
    if tag != expected:
        raise InvalidEncoding(what="tag", expected=expected, actual="another")


def _printable(text: str) -> str:
    if _VALUE.fullmatch(text) is None:
        raise InvalidEncoding(what="refusal", expected="printable ASCII", actual="others")
    return text
