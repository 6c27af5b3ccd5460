"""A recovery file: the record of docs/wire-format.md §7, what it rests on, and who signed it.

It travels by hand between departments and is hostile wherever it is read. The record alone is
signed; certificate and batches are beside it, each held against a digest in the record.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise

from chainnode import codec
from chainnode.batch import decode_batch
from chainnode.codec import (
    Limits,
    Plain,
    as_array,
    as_bytes,
    as_int,
    decode,
    encode,
)
from chainnode.errors import InvalidInput
from chainnode.execution import genesis_state
from chainnode.genesis import Genesis
from chainnode.ledger.genesis_block import genesis_block
from chainnode.ledger.types import Member, members_digest
from chainnode.suites.port import InvalidKey, InvalidSignature, Suite
from consensus.codec import (
    certificate_from_plain,
    certificate_to_plain,
    checkpoints_of,
    signed_content,
)
from consensus.errors import InvalidMessage
from consensus.messages import Batch, StableCheckpoint
from consensus.recovery_record import RecoveryRecord
from consensus.types import Digest, Epoch, Height, Membership

FILE_TAG = "kun.recoveryfile"
RECORD_TAG = "kun.recovery"
FORMAT_VERSION = 1
_FILE_FIELDS = 6
_RECORD_FIELDS = 10
DIGEST_BYTES = 32
SIGNATURE_BYTES = 64
# Two windows of 16 batches of 2 MiB, and room for the rest.
FILE_BYTES_MAX = 80 * 1024 * 1024
_FILE_LIMITS = Limits(bytes_max=FILE_BYTES_MAX, depth_max=4, elements_max=4_096)
_RECORD_LIMITS = Limits(bytes_max=64 * 1024, depth_max=2, elements_max=1_024)


class InvalidRecovery(InvalidInput):
    """A recovery file that does not hold; says which check, what was expected and what came."""

    def __init__(self, *, what: str, expected: str, actual: str) -> None:
        self.what = what
        self.expected = expected
        self.actual = actual
        super().__init__(f"recovery file, {what}: expected {expected}, got {actual}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryFile:
    """A record with its evidence; `signatures` ascend by replica and need not be a quorum yet.

    `certificate` is that of the record's height, without signatures at height 0; `batches` are
    the encoded batches of the record's digests, empty bytes for the NULL batch.
    """

    record: RecoveryRecord
    certificate: StableCheckpoint
    batches: tuple[bytes, ...] = field(repr=False)
    signatures: tuple[tuple[int, bytes], ...] = field(default=(), repr=False)

    @property
    def content(self) -> bytes:
        """What the members sign."""
        return self.record.signed_content(encoder=codec)

    @property
    def signers(self) -> tuple[int, ...]:
        """Who signed, ascending."""
        return tuple(replica for replica, _ in self.signatures)

    def signed_by(self, signatures: Iterable[tuple[int, bytes]]) -> "RecoveryFile":
        """Add signatures; one that is here already stays."""
        joined = {**dict(signatures), **dict(self.signatures)}
        return replace(self, signatures=tuple(sorted(joined.items())))

    def encode(self) -> bytes:
        """Return the file's bytes."""
        return encode(
            (
                FILE_TAG,
                FORMAT_VERSION,
                self.content,
                certificate_to_plain(self.certificate),
                self.batches,
                self.signatures,
            )
        )


def decode_recovery(data: bytes) -> RecoveryFile:
    """Read a recovery file; nothing in it is verified yet.

    Raises:
        InvalidInput: not the form of one.

    """
    wire = as_array(decode(data, _FILE_LIMITS), size=_FILE_FIELDS, what="recovery file")
    _require("form", (FILE_TAG, FORMAT_VERSION), wire[:2])
    try:
        certificate = certificate_from_plain(wire[3])
    except InvalidMessage as error:
        raise InvalidRecovery(
            what="certificate", expected="a certificate", actual=str(error)
        ) from error
    return RecoveryFile(
        record=_record(as_bytes(wire[2], "record")),
        certificate=certificate,
        batches=tuple(as_bytes(one, "batch") for one in as_array(wire[4], None, "batches")),
        signatures=tuple(_signature(one) for one in as_array(wire[5], None, "signatures")),
    )


def _record(content: bytes) -> RecoveryRecord:
    wire = as_array(decode(content, _RECORD_LIMITS), size=_RECORD_FIELDS, what="recovery record")
    _require("form of the record", (RECORD_TAG, FORMAT_VERSION), wire[:2])
    record = RecoveryRecord(
        chain_id=as_bytes(wire[2], "chain id", size=DIGEST_BYTES),
        epoch=Epoch(as_int(wire[3], "epoch")),
        base_epoch=Epoch(as_int(wire[5], "base epoch")),
        height=Height(as_int(wire[6], "height")),
        header_digest=Digest(as_bytes(wire[7], "header digest", size=DIGEST_BYTES)),
        batches=tuple(
            Digest(as_bytes(one, "batch digest", size=DIGEST_BYTES))
            for one in as_array(wire[8], None, "batch digests")
        ),
        members_digest=Digest(as_bytes(wire[9], "members digest", size=DIGEST_BYTES)),
    )
    _require("next epoch", record.next_epoch, as_int(wire[4], "next epoch"))
    return record


def _signature(plain: Plain) -> tuple[int, bytes]:
    row = as_array(plain, size=2, what="signature")
    return as_int(row[0], "replica id"), as_bytes(row[1], "signature", size=SIGNATURE_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """Holds recovery files against what a site knows: genesis, and with it the members.

    Members of later epochs are those of genesis: a recovery record changes none.
    """

    genesis: Genesis
    suite: Suite

    def verify(self, file: RecoveryFile) -> tuple[Batch, ...]:
        """Check everything but the number of signatures; return the batches that it keeps.

        Raises:
            InvalidInput: naming the check that fails.

        """
        record = file.record
        _require("chain", self.genesis.chain_id, record.chain_id)
        _require("members", self._members_digest(record.next_epoch), record.members_digest)
        if record.base_epoch > record.epoch:
            raise InvalidRecovery(
                what="base epoch", expected=f"at most {record.epoch}", actual=f"{record.base_epoch}"
            )
        self._verify_certificate(file)
        self._verify_signatures(file.signatures, file.content, what="signatures")
        return self._batches(file)

    def require_quorum(self, file: RecoveryFile) -> None:
        """Refuse a file that too few members signed.

        Raises:
            InvalidRecovery: saying how many did.

        """
        quorum = self._membership.quorum
        if len(file.signatures) < quorum:
            raise InvalidRecovery(
                what="signatures", expected=f"at least {quorum}", actual=f"{file.signers}"
            )

    @property
    def _membership(self) -> Membership:
        return Membership(epoch=Epoch(0), size=len(self.genesis.replicas))

    def _members_digest(self, epoch: int) -> bytes:
        return members_digest(
            self.suite.digest, epoch=epoch, members=members_of_genesis(self.genesis)
        )

    def _verify_certificate(self, file: RecoveryFile) -> None:
        record, stable = file.record, file.certificate
        named = (record.base_epoch, record.height, record.header_digest)
        _require("certificate", named, (stable.epoch, stable.height, stable.header_digest))
        if record.height == 0:
            initial = genesis_state(self.genesis, self.suite)
            first = genesis_block(self.suite.digest, self.genesis, initial).header
            _require("genesis block", first.digest(self.suite.digest), stable.header_digest)
            _require("signers of genesis", (), stable.signatures)
            return
        if len(stable.signatures) < self._membership.quorum:
            raise InvalidRecovery(
                what="certificate",
                expected=f"at least {self._membership.quorum} signatures",
                actual=f"{len(stable.signatures)}",
            )
        vote, *_ = checkpoints_of(stable)
        content = signed_content(vote, chain_id=record.chain_id, encoder=codec)
        self._verify_signatures(stable.signatures, content, what="certificate")

    def _verify_signatures(
        self, signatures: Iterable[tuple[int, bytes]], content: bytes, *, what: str
    ) -> None:
        rows = tuple(signatures)
        if any(left[0] >= right[0] for left, right in pairwise(rows)):
            raise InvalidRecovery(what=what, expected="ascending replicas", actual="another order")
        keys = {one.replica_id: one.vote_key for one in self.genesis.replicas}
        for replica, signature in rows:
            if replica not in keys:
                raise InvalidRecovery(what=what, expected="members", actual=f"replica {replica}")
            try:
                self.suite.verify(public_key=keys[replica], signature=signature, content=content)
            except (InvalidKey, InvalidSignature) as error:
                raise InvalidRecovery(
                    what=what,
                    expected=f"a signature of replica {replica}",
                    actual="one that does not verify",
                ) from error

    def _batches(self, file: RecoveryFile) -> tuple[Batch, ...]:
        most = 2 * self.genesis.parameters.window
        if len(file.record.batches) > most:
            raise InvalidRecovery(
                what="batches", expected=f"at most {most}", actual=f"{len(file.record.batches)}"
            )
        decoded = tuple(
            decode_batch(
                self.suite,
                one,
                chain_id=self.genesis.chain_id,
                parameters=self.genesis.parameters,
            )
            for one in file.batches
        )
        _require("batches", file.record.batches, tuple(one.digest for one in decoded))
        return tuple(
            Batch(digest=Digest(one.digest), time_ms=one.time_ms, body=one.encoded)
            for one in decoded
        )


def members_of_genesis(genesis: Genesis) -> tuple[Member, ...]:
    """Return the members as the members digest binds them."""
    return tuple(
        Member(replica_id=one.replica_id, organisation=one.organisation, vote_key=one.vote_key)
        for one in genesis.replicas
    )


def _require(what: str, expected: object, actual: object) -> None:
    if actual != expected:
        raise InvalidRecovery(what=what, expected=_shown(expected), actual=_shown(actual))


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()[:16]
    if isinstance(value, tuple):
        return f"({', '.join(_shown(one) for one in value[:4])})"
    return str(value)
