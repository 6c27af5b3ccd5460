"""Recovery files come by hand from other departments: nothing in them is believed."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chainnode import codec
from chainnode.batch import build_batch
from chainnode.codec import encode
from chainnode.errors import InvalidInput
from chainnode.ledger.types import members_digest
from chainnode.recovery import InvalidRecovery, RecoveryFile, decode_recovery
from chainnode.recovery.document import Verifier, members_of_genesis
from chainnode.suites import suite_named
from consensus.codec import signed_content
from consensus.messages import Checkpoint, StableCheckpoint
from consensus.recovery_record import RecoveryRecord
from consensus.types import Digest, Epoch, Height, ReplicaId, Signature
from tests.builders import NOW_MS, genesis_of, vote_key

GENESIS = genesis_of("intl")
SUITE = suite_named("intl")
VERIFIER = Verifier(genesis=GENESIS, suite=SUITE)
HEADER = Digest(b"h" * 32)
BATCH = build_batch(SUITE, chain_id=GENESIS.chain_id, time_ms=NOW_MS, submissions=())


def certificate(
    *, epoch: int = 0, height: int = 7, signers: tuple[int, ...] = (0, 1, 2)
) -> StableCheckpoint:
    rows = []
    for one in signers:
        vote = Checkpoint(
            epoch=Epoch(epoch),
            height=Height(height),
            header_digest=HEADER,
            sender=ReplicaId(one),
            signature=Signature(bytes(64)),
        )
        content = signed_content(vote, chain_id=GENESIS.chain_id, encoder=codec)
        rows.append((ReplicaId(one), Signature(vote_key("intl", one).sign(content))))
    return StableCheckpoint(
        epoch=Epoch(epoch), height=Height(height), header_digest=HEADER, signatures=tuple(rows)
    )


def record() -> RecoveryRecord:
    members = members_digest(SUITE.digest, epoch=1, members=members_of_genesis(GENESIS))
    return RecoveryRecord(
        chain_id=GENESIS.chain_id,
        epoch=Epoch(0),
        base_epoch=Epoch(0),
        height=Height(7),
        header_digest=HEADER,
        batches=(Digest(BATCH.digest), Digest(bytes(32))),
        members_digest=Digest(members),
    )


def signed(file: RecoveryFile, *signers: int) -> RecoveryFile:
    return file.signed_by((one, vote_key("intl", one).sign(file.content)) for one in signers)


FILE = RecoveryFile(record=record(), certificate=certificate(), batches=(BATCH.encoded, b""))
SIGNED = signed(FILE, 2, 0, 1)


def test_a_signed_file_comes_back_as_it_was_and_holds() -> None:
    read = decode_recovery(SIGNED.encode())

    assert read == SIGNED
    assert read.signers == (0, 1, 2)
    batches = VERIFIER.verify(read)
    assert [(one.digest, one.body) for one in batches] == [
        (BATCH.digest, BATCH.encoded),
        (bytes(32), b""),
    ]
    VERIFIER.require_quorum(read)


def test_signatures_of_the_same_record_are_joined_and_the_first_stays() -> None:
    joined = signed(FILE, 3).signed_by(SIGNED.signatures)

    assert joined.signers == (0, 1, 2, 3)
    assert joined.signed_by([(0, bytes(64))]) == joined


def test_too_few_signatures_are_no_quorum() -> None:
    VERIFIER.verify(signed(FILE, 0, 1))
    with pytest.raises(InvalidRecovery):
        VERIFIER.require_quorum(signed(FILE, 0, 1))


def _changed(**fields: object) -> RecoveryFile:
    """The same signatures over another record."""
    return replace(SIGNED, record=replace(SIGNED.record, **fields))  # type: ignore[arg-type]  # fields of the record


def _resigned(**fields: object) -> RecoveryFile:
    """Another record, signed by everybody."""
    other = replace(FILE, record=replace(FILE.record, **fields))  # type: ignore[arg-type]  # fields of the record
    return signed(other, 0, 1, 2, 3)


@pytest.mark.parametrize(
    "file",
    [
        _resigned(chain_id=bytes(32)),
        _resigned(members_digest=Digest(bytes(32))),
        _resigned(epoch=Epoch(1)),
        _resigned(base_epoch=Epoch(1)),
        _resigned(height=Height(8)),
        _resigned(header_digest=Digest(bytes(32))),
        _resigned(batches=(Digest(bytes(32)),)),
        _changed(height=Height(7), batches=(Digest(b"b" * 32), Digest(bytes(32)))),
        replace(SIGNED, batches=(BATCH.encoded,)),
        replace(SIGNED, batches=(b"", BATCH.encoded)),
        replace(SIGNED, batches=(BATCH.encoded[:-1], b"")),
        replace(SIGNED, certificate=certificate(signers=(0, 1))),
        replace(SIGNED, certificate=certificate(height=6)),
        replace(
            SIGNED,
            certificate=replace(
                FILE.certificate, signatures=tuple(reversed(FILE.certificate.signatures))
            ),
        ),
        replace(SIGNED, signatures=((0, bytes(64)),)),
        replace(SIGNED, signatures=(*SIGNED.signatures, (4, bytes(64)))),
        replace(SIGNED, signatures=(SIGNED.signatures[0], SIGNED.signatures[0])),
        replace(SIGNED, signatures=((1, SIGNED.signatures[0][1]),)),
    ],
    ids=[
        "another chain",
        "other members",
        "members of another epoch",
        "a base of the future",
        "another height",
        "another header",
        "fewer batches",
        "changed after signing",
        "a body missing",
        "bodies exchanged",
        "a body cut",
        "certificate without a quorum",
        "certificate of another height",
        "certificate out of order",
        "a forged signature",
        "a stranger",
        "one signer twice",
        "a signature of somebody else",
    ],
)
def test_a_file_that_does_not_hold_is_refused(file: RecoveryFile) -> None:
    with pytest.raises(InvalidInput):
        VERIFIER.verify(file)


def test_more_batches_than_two_windows_are_refused() -> None:
    many = 2 * GENESIS.parameters.window + 1
    file = replace(_resigned(batches=(Digest(bytes(32)),) * many), batches=(b"",) * many)

    with pytest.raises(InvalidRecovery, match="batches"):
        VERIFIER.verify(signed(replace(file, signatures=()), 0, 1, 2))


def _genesis_file(
    digest: bytes, signatures: tuple[tuple[ReplicaId, Signature], ...] = ()
) -> RecoveryFile:
    at_genesis = replace(record(), height=Height(0), header_digest=Digest(digest), batches=())
    stable = StableCheckpoint(
        epoch=Epoch(0), height=Height(0), header_digest=Digest(digest), signatures=signatures
    )
    return RecoveryFile(record=at_genesis, certificate=stable, batches=())


def test_genesis_needs_no_certificate_and_is_the_one_of_this_chain() -> None:
    with pytest.raises(InvalidRecovery, match="genesis block"):
        VERIFIER.verify(_genesis_file(bytes(32)))


Corrupt = Callable[[RecoveryFile], tuple[object, ...]]


def _wire(file: RecoveryFile) -> tuple[object, ...]:
    stable = file.certificate
    row = (stable.epoch, stable.height, stable.header_digest, stable.signatures)
    return ("kun.recoveryfile", 1, file.content, row, file.batches, file.signatures)


@pytest.mark.parametrize(
    "corrupt",
    [
        lambda wire: wire[:-1],
        lambda wire: ("kun.other", *wire[1:]),
        lambda wire: (wire[0], 2, *wire[2:]),
        lambda wire: (*wire[:2], b"no record", *wire[3:]),
        lambda wire: (*wire[:2], encode(("kun.recovery", 1)), *wire[3:]),
        lambda wire: (*wire[:3], (0, 7), *wire[4:]),
        lambda wire: (*wire[:4], (1,), wire[5]),
        lambda wire: (*wire[:5], ((0, b"short"),)),
        lambda wire: (*wire[:5], ((0, bytes(64), 1),)),
    ],
    ids=[
        "a field missing",
        "another tag",
        "another version",
        "no record",
        "half a record",
        "half a certificate",
        "a batch that is none",
        "a short signature",
        "a long row",
    ],
)
def test_bytes_that_are_no_recovery_file_are_refused(
    corrupt: Callable[[tuple[object, ...]], tuple[object, ...]],
) -> None:
    with pytest.raises(InvalidInput):
        decode_recovery(encode(corrupt(_wire(SIGNED))))  # type: ignore[arg-type]  # plain values


def test_a_record_that_skips_an_epoch_is_refused() -> None:
    content = codec.decode(SIGNED.content, codec.Limits(bytes_max=1_024))
    assert isinstance(content, tuple)
    skipped = encode((*content[:4], 2, *content[5:]))
    wire = (*_wire(SIGNED)[:2], skipped, *_wire(SIGNED)[3:])

    with pytest.raises(InvalidRecovery, match="next epoch"):
        decode_recovery(encode(wire))  # type: ignore[arg-type]  # plain values
