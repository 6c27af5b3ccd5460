"""The payload of each record of the spool: canonical MessagePack, `[kind, field, …]`.

Local and never signed, so it may change with the format version in the head of a segment.
"""

from collections.abc import Callable
from typing import Final, assert_never

from chainnode.codec import (
    InvalidEncoding,
    Limits,
    Plain,
    as_array,
    as_bytes,
    as_int,
    as_text,
    decode,
    encode,
)
from chainnode.gateway.spool.entries import (
    CALLS_MAX,
    ORGANISATION_CHARACTERS_MAX,
    CallIdentity,
    EntryId,
    SpoolEntry,
)
from chainnode.gateway.spool.records import (
    Answered,
    Begun,
    Buried,
    Counted,
    Died,
    Kept,
    Record,
    Recorded,
    Remembered,
    Retried,
    Signed,
)
from chainnode.segments.frames import PAYLOAD_BYTES_MAX
from chainnode.submission import (
    NAME_CHARACTERS_MAX,
    PRIVATE_BYTES_MAX,
    PUBLIC_BYTES_MAX,
    SIGNATURE_BYTES,
    Call,
)
from contracts.schemas.access import CALL_ID_BYTES, Side

CODE_NAME_CHARACTERS_MAX: Final = 64
# The most that a refusal says in integers: a digest in words, and some more.
_DETAILS_MAX: Final = 64
_DIGEST_BYTES: Final = 32
_KEY_BYTES_MAX: Final = 33
_LIMITS: Final = Limits(bytes_max=PAYLOAD_BYTES_MAX, depth_max=4, elements_max=1_000_000)


class SpoolRecords:
    """Payloads of records; a codec of `chainnode.segments`."""

    def encode(self, record: Record) -> bytes:
        """Return the payload of `record`."""
        return encode(_plain(record))

    def decode(self, payload: bytes) -> Record:
        """Read a payload.

        Raises:
            InvalidInput: it is no record of this version.

        """
        plain = as_array(decode(payload, _LIMITS), None, "spool record")
        kind = as_int(plain[0] if plain else -1, "kind")
        reader = _READERS.get(kind)
        if reader is None:
            raise InvalidEncoding(what="spool record", expected="a known kind", actual=str(kind))
        return reader(plain[1:])


def _plain(record: Record) -> Plain:
    match record:
        case Kept(entry_id=entry_id, entry=entry):
            plain: Plain = (1, entry_id, _entry_plain(entry))
        case Signed():
            plain = _signed_plain(record)
        case Answered(digest=digest, recorded=recorded, died=died):
            settled = tuple(_recorded_plain(one) for one in recorded)
            plain = (3, digest, settled, tuple(_died_plain(one) for one in died))
        case Retried(entry_ids=entry_ids):
            plain = (4, entry_ids)
        case Remembered(identity=identity, content=content, recorded=one):
            plain = (5, _identity_plain(identity), content, _recorded_plain(one))
        case Counted():
            plain = (6, record.next_id, record.settled, record.public_key, record.next_nonce)
        case Buried(entry=entry, died=died_one):
            plain = (7, _entry_plain(entry), _died_plain(died_one))
        case Begun(entry=entry):
            plain = (8, _entry_plain(entry))
        case _:
            assert_never(record)
    return plain


def _identity_plain(identity: CallIdentity) -> tuple[Plain, ...]:
    return identity.requester, identity.provider, identity.call_id, int(identity.side)


def _entry_plain(entry: SpoolEntry) -> Plain:
    calls = tuple((one.action, one.public, one.private) for one in entry.calls)
    return (*_identity_plain(entry.identity), entry.made_ms, calls)


def _signed_plain(record: Signed) -> Plain:
    return (
        2,
        record.entry_ids,
        record.public_key,
        record.nonce,
        record.valid_until_ms,
        record.contract,
        record.contract_version,
        record.signature,
        record.digest,
    )


def _recorded_plain(one: Recorded) -> Plain:
    return one.entry_id, one.submission_digest, one.height, one.position


def _died_plain(one: Died) -> Plain:
    return one.entry_id, one.died_ms, one.code, one.code_name, one.details


def _kept(plain: tuple[Plain, ...]) -> Kept:
    entry_id, entry = as_array(plain, 2, "kept entry")
    return Kept(entry_id=_id(entry_id), entry=_entry(entry))


def _begun(plain: tuple[Plain, ...]) -> Begun:
    (entry,) = as_array(plain, 1, "begun entry")
    return Begun(entry=_entry(entry))


def _signed(plain: tuple[Plain, ...]) -> Signed:
    ids, public_key, nonce, valid_until_ms, contract, version, signature, digest = as_array(
        plain, 8, "signed submission"
    )
    return Signed(
        entry_ids=_ids(ids),
        public_key=as_bytes(public_key, "public key", maximum=_KEY_BYTES_MAX),
        nonce=as_int(nonce, "nonce"),
        valid_until_ms=as_int(valid_until_ms, "valid_until_ms"),
        contract=as_text(contract, "contract", maximum=NAME_CHARACTERS_MAX),
        contract_version=as_int(version, "contract version"),
        signature=as_bytes(signature, "signature", SIGNATURE_BYTES),
        digest=as_bytes(digest, "digest", _DIGEST_BYTES),
    )


def _answered(plain: tuple[Plain, ...]) -> Answered:
    digest, recorded, died = as_array(plain, 3, "answer")
    return Answered(
        digest=as_bytes(digest, "digest", _DIGEST_BYTES),
        recorded=tuple(_recorded(one) for one in as_array(recorded, None, "recorded entries")),
        died=tuple(_died(one) for one in as_array(died, None, "refused entries")),
    )


def _retried(plain: tuple[Plain, ...]) -> Retried:
    (ids,) = as_array(plain, 1, "retried entries")
    return Retried(entry_ids=_ids(ids))


def _remembered(plain: tuple[Plain, ...]) -> Remembered:
    identity, content, recorded = as_array(plain, 3, "remembered entry")
    return Remembered(
        identity=_identity(as_array(identity, 4, "identity")),
        content=as_bytes(content, "content digest", _DIGEST_BYTES),
        recorded=_recorded(recorded),
    )


def _counted(plain: tuple[Plain, ...]) -> Counted:
    next_id, settled, public_key, next_nonce = as_array(plain, 4, "counters")
    return Counted(
        next_id=as_int(next_id, "next id"),
        settled=as_int(settled, "settled"),
        public_key=as_bytes(public_key, "public key", maximum=_KEY_BYTES_MAX),
        next_nonce=as_int(next_nonce, "next nonce"),
    )


def _buried(plain: tuple[Plain, ...]) -> Buried:
    entry, died = as_array(plain, 2, "dead letter")
    return Buried(entry=_entry(entry), died=_died(died))


def _recorded(plain: Plain) -> Recorded:
    entry_id, digest, height, position = as_array(plain, 4, "recorded entry")
    return Recorded(
        entry_id=_id(entry_id),
        submission_digest=as_bytes(digest, "digest", _DIGEST_BYTES),
        height=as_int(height, "height"),
        position=as_int(position, "position"),
    )


def _died(plain: Plain) -> Died:
    entry_id, died_ms, code, code_name, details = as_array(plain, 5, "refused entry")
    numbers = as_array(details, None, "details", maximum=_DETAILS_MAX)
    return Died(
        entry_id=_id(entry_id),
        died_ms=as_int(died_ms, "died_ms"),
        code=as_int(code, "code"),
        code_name=as_text(code_name, "code name", maximum=CODE_NAME_CHARACTERS_MAX),
        details=tuple(as_int(one, "detail") for one in numbers),
    )


def _identity(plain: tuple[Plain, ...]) -> CallIdentity:
    requester, provider, call_id, side = plain
    return CallIdentity(
        requester=as_text(requester, "requester", maximum=ORGANISATION_CHARACTERS_MAX),
        provider=as_text(provider, "provider", maximum=ORGANISATION_CHARACTERS_MAX),
        call_id=as_bytes(call_id, "call id", CALL_ID_BYTES),
        side=Side(as_int(side, "side", maximum=1)),
    )


def _entry(plain: Plain) -> SpoolEntry:
    fields = as_array(plain, 6, "entry")
    identity = _identity(fields[:4])
    calls = as_array(fields[5], None, "calls")
    return SpoolEntry(
        requester=identity.requester,
        provider=identity.provider,
        call_id=identity.call_id,
        side=identity.side,
        made_ms=as_int(fields[4], "made_ms"),
        calls=tuple(_call(one) for one in calls),
    )


def _call(plain: Plain) -> Call:
    action, public, private = as_array(plain, 3, "call")
    return Call(
        action=as_text(action, "action", maximum=NAME_CHARACTERS_MAX),
        public=as_bytes(public, "public part", maximum=PUBLIC_BYTES_MAX),
        private=as_bytes(private, "private part", maximum=PRIVATE_BYTES_MAX),
    )


def _ids(plain: Plain) -> tuple[EntryId, ...]:
    return tuple(_id(one) for one in as_array(plain, None, "entry ids", maximum=CALLS_MAX))


def _id(plain: Plain) -> EntryId:
    return EntryId(as_int(plain, "entry id"))


_READERS: Final[dict[int, Callable[[tuple[Plain, ...]], Record]]] = {
    1: _kept,
    2: _signed,
    3: _answered,
    4: _retried,
    5: _remembered,
    6: _counted,
    7: _buried,
    8: _begun,
}
