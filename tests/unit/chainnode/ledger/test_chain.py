"""Appending: what continues the chain, what is refused, what is durable when."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from chainnode.codec import InvalidEncoding, encode
from chainnode.folder_lock import DirectoryLocked
from chainnode.ledger.bucket_map import KEPT_HEIGHTS
from chainnode.ledger.chain import Ledger
from chainnode.ledger.codec import decode_entry, encode_certificate
from chainnode.ledger.directory import LEDGER_FOLDER, UnknownFormat
from chainnode.ledger.errors import (
    CertificateMismatch,
    DamagedLedger,
    ForeignLedger,
    HeightNotKept,
    UnknownHeight,
    WrongBlock,
)
from chainnode.ledger.genesis_block import genesis_block
from chainnode.ledger.proofs import (
    verify_receipt,
    verify_record,
    verify_record_in_block,
    verify_state_item,
)
from chainnode.ledger.types import ExecutedBlock, Head, MapUpdate, Rest
from chainnode.suites import suite_named
from tests.unit.chainnode.ledger.blocks import (
    CREATED_MS,
    BlockMaker,
    genesis_of,
    initial_state,
    open_ledger,
    state_key,
)


def test_a_new_ledger_starts_with_the_block_that_genesis_alone_determines(tmp_path: Path) -> None:
    genesis = genesis_of()
    h = suite_named("intl").digest

    ledger = open_ledger(tmp_path)

    assert ledger.tip == genesis_block(h, genesis, initial_state(genesis)).header
    assert (ledger.height, ledger.log_size) == (0, 0)
    assert (ledger.stable_height, ledger.certified_height) == (0, 0)
    assert ledger.tip.head.parent_digest == genesis.chain_id
    key, value = next(iter(initial_state(genesis).items()))
    assert ledger.value(key) == value
    (item,) = ledger.state_proof([key], 0)
    verify_state_item(h, header=ledger.tip, bits=8, key=key, value=value, proof=item.proof)
    ledger.close()


@pytest.mark.parametrize("suite_name", ["intl", "sm"])
def test_everything_of_a_block_is_read_back_and_proven(tmp_path: Path, suite_name: str) -> None:
    maker = BlockMaker(genesis=genesis_of(suite_name))
    ledger = open_ledger(tmp_path, maker.genesis)
    h = maker.suite.digest
    submissions = [maker.submission(calls=2), maker.submission(), maker.submission(calls=19)]
    maker.grow(ledger, blocks=2)
    block = maker.block(ledger, submissions, refused=[1])

    ledger.append(block, own_checkpoint=b"mine", vote_mark=b"mark")

    header = ledger.header(3)
    assert header == ledger.tip == block.header
    assert ledger.batch_bytes(3) == block.batch
    assert (ledger.own_checkpoint(3), ledger.own_checkpoint(2)) == (b"mine", None)
    assert ledger.vote_mark() == b"mark"
    assert ledger.positions(3) == range(6, 27)
    assert list(ledger.entries(6, 27)) == list(block.entries)
    for index, position in enumerate(ledger.positions(3)):
        entry = ledger.entry(position)
        path = ledger.record_path(position, ledger.log_size)
        verify_record(h, header=header, entry=entry, position=position, path=path)
        path = ledger.block_path(3, index)
        verify_record_in_block(h, header=header, entry=entry, index=index, count=21, path=path)
    for index, submission in enumerate(submissions):
        proof = ledger.receipt_proof(3, index)
        verify_receipt(
            h,
            header=header,
            receipt=proof.receipt,
            index=proof.index,
            count=proof.count,
            path=proof.path,
        )
        assert ledger.receipt_of(submission.digest) == (3, ledger.receipts(3)[index])
    ledger.close()


def test_paths_lead_to_the_log_as_any_header_counted_it(tmp_path: Path) -> None:
    maker = BlockMaker()
    ledger = open_ledger(tmp_path)
    maker.grow(ledger, blocks=12, calls=7)
    h = maker.suite.digest

    for height in range(1, 13):
        header = ledger.header(height)
        for position in range(0, header.head.log_size, 5):
            verify_record(
                h,
                header=header,
                entry=ledger.entry(position),
                position=position,
                path=ledger.record_path(position, header.head.log_size),
            )
    ledger.close()


def test_the_body_behind_every_entry_is_found_until_its_batch_is_pruned(tmp_path: Path) -> None:
    maker = BlockMaker()
    ledger = open_ledger(tmp_path)
    submissions = [maker.submission(calls=3), maker.submission(calls=2)]
    ledger.append(maker.block(ledger, submissions))
    maker.grow(ledger)
    calls = [call for one in submissions for call in one.calls]

    remembering = ledger.submissions()
    for position, call in enumerate(calls):
        expected = (call.action, call.public, call.private)
        assert ledger.call_parts(position) == expected
        assert ledger.call_parts(position, submissions=remembering) == expected
    with pytest.raises(UnknownHeight):
        ledger.prune_batches(2)
    ledger.store_certificate(maker.encoded_certificate(ledger.header(2)))
    ledger.prune_batches(2)
    ledger.prune_batches(2)

    assert ledger.batch_bytes(1) is None
    assert [ledger.call_parts(one) for one in range(5)] == [None] * 5
    assert ledger.call_parts(5) is not None
    assert decode_entry(ledger.entry(0)).submission_digest == submissions[0].digest
    with pytest.raises(UnknownHeight):
        ledger.prune_batches(3)
    ledger.close()


def test_a_ledger_reopened_after_every_block_goes_on_as_if_never_closed(tmp_path: Path) -> None:
    maker, twin = BlockMaker(), BlockMaker()
    straight = open_ledger(tmp_path / "straight")

    for height in range(1, 20):
        maker.grow(straight, calls=height)
        ledger = open_ledger(tmp_path / "reopened")
        twin.grow(ledger, calls=height)
        assert ledger.tip == straight.tip
        ledger.close()

    ledger = open_ledger(tmp_path / "reopened")
    assert ledger.tip == straight.tip
    assert ledger.log_frontier().root() == straight.log_frontier().root()
    assert list(ledger.entries(0, ledger.log_size)) == list(straight.entries(0, straight.log_size))
    ledger.close()
    straight.close()


def test_the_state_at_each_kept_height_is_proven_while_the_chain_moves_on(tmp_path: Path) -> None:
    maker = BlockMaker()
    ledger = open_ledger(tmp_path)
    h = maker.suite.digest
    keys = [state_key("height"), state_key("odd"), state_key("never")]
    for height in range(1, KEPT_HEIGHTS + 4):
        state = {keys[0]: encode((height,)), keys[1]: b"odd" if height % 2 else None}
        ledger.append(maker.block(ledger, state=state))

    oldest = ledger.height - KEPT_HEIGHTS + 1
    for height in range(oldest, ledger.height + 1):
        items = ledger.state_proof(keys, height)
        assert [item.value for item in items] == [
            encode((height,)),
            b"odd" if height % 2 else None,
            None,
        ]
        for item in items:
            verify_state_item(
                h,
                header=ledger.header(height),
                bits=8,
                key=item.key,
                value=item.value,
                proof=item.proof,
            )
    for height in (oldest - 1, ledger.height + 1):
        with pytest.raises(HeightNotKept, match=f"expected {oldest} … {ledger.height}"):
            ledger.state_proof(keys, height)
    ledger.close()


def test_a_block_that_is_here_already_changes_nothing(tmp_path: Path) -> None:
    maker = BlockMaker()
    ledger = open_ledger(tmp_path)
    block = maker.block(ledger, [maker.submission()])
    ledger.append(block, own_checkpoint=b"mine")
    maker.grow(ledger)

    ledger.append(block, own_checkpoint=b"other")

    assert (ledger.height, ledger.own_checkpoint(1)) == (2, b"mine")
    ledger.close()


def with_head(block: ExecutedBlock, change: Callable[[Head], Head]) -> ExecutedBlock:
    return replace(block, header=replace(block.header, head=change(block.header.head)))


def with_rest(block: ExecutedBlock, change: Callable[[Rest], Rest]) -> ExecutedBlock:
    return replace(block, header=replace(block.header, rest=change(block.header.rest)))


ZERO = bytes(32)


def rebased(update: MapUpdate) -> MapUpdate:
    return replace(update, delta=replace(update.delta, base_root=ZERO))


WRONG: dict[str, tuple[str, Callable[[ExecutedBlock], ExecutedBlock]]] = {
    "another chain": (
        "chain id",
        lambda one: with_head(one, lambda head: replace(head, chain_id=ZERO)),
    ),
    "a gap": ("height", lambda one: with_head(one, lambda head: replace(head, height=4))),
    "another block of a known height": (
        "height",
        lambda one: with_head(one, lambda head: replace(head, height=2)),
    ),
    "another parent": (
        "parent digest",
        lambda one: with_head(one, lambda head: replace(head, parent_digest=ZERO)),
    ),
    "time before its parent": (
        "time",
        lambda one: with_head(one, lambda head: replace(head, time_ms=CREATED_MS)),
    ),
    "another log size": (
        "log size",
        lambda one: with_head(one, lambda head: replace(head, log_size=head.log_size + 1)),
    ),
    "an entry too few": ("log size", lambda one: replace(one, entries=one.entries[1:])),
    "another log root": (
        "log root",
        lambda one: with_rest(one, lambda rest: replace(rest, log_root=ZERO)),
    ),
    "another state root": (
        "state root",
        lambda one: with_rest(one, lambda rest: replace(rest, state_root=ZERO)),
    ),
    "a state change on another base": (
        "state base",
        lambda one: replace(one, state=rebased(one.state)),
    ),
    "another index root": (
        "index root",
        lambda one: with_rest(one, lambda rest: replace(rest, index_root=ZERO)),
    ),
    "an index change on another base": (
        "index base",
        lambda one: replace(one, index=rebased(one.index)),
    ),
    "a receipt too few": ("number of receipts", lambda one: replace(one, receipts=())),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_block_that_does_not_continue_the_chain_is_refused_and_changes_nothing(
    tmp_path: Path, name: str
) -> None:
    what, spoil = WRONG[name]
    maker = BlockMaker()
    ledger = open_ledger(tmp_path)
    maker.grow(ledger, blocks=2)
    block = maker.block(ledger, [maker.submission(calls=2)])

    with pytest.raises(WrongBlock) as caught:
        ledger.append(spoil(block), own_checkpoint=b"mine")

    assert caught.value.what == what
    assert (ledger.height, ledger.log_size) == (2, 6)
    ledger.append(block)
    ledger.close()
    ledger = open_ledger(tmp_path)
    assert ledger.tip == block.header
    ledger.close()


def test_a_frontier_of_another_size_is_refused(tmp_path: Path) -> None:
    maker = BlockMaker()
    ledger = open_ledger(tmp_path)
    block = maker.block(ledger, [maker.submission(calls=2)])

    with pytest.raises(WrongBlock, match="size of the frontier: expected 2, got 0"):
        ledger.append(replace(block, frontier=ledger.log_frontier()))

    ledger.close()


def test_a_submission_is_found_where_it_was_executed_or_else_first_refused(
    tmp_path: Path,
) -> None:
    maker = BlockMaker()
    ledger = open_ledger(tmp_path)
    early, twice = maker.submission(), maker.submission()
    ledger.append(maker.block(ledger, [early, twice, twice], refused=[0, 2]))
    assert ledger.receipt_of(early.digest) == (1, ledger.receipts(1)[0])

    ledger.append(maker.block(ledger, [early, twice], refused=[0, 1]))
    first_refusal = ledger.place_of(early.digest)
    ledger.append(maker.block(ledger, [maker.submission(), early]))
    ledger.append(maker.block(ledger, [early], refused=[0]))

    assert first_refusal is not None
    assert (first_refusal.height, first_refusal.is_executed) == (1, False)
    place = ledger.place_of(early.digest)
    assert place is not None
    assert (place.height, place.index, place.is_executed) == (3, 1, True)
    assert ledger.receipt_of(twice.digest) == (1, ledger.receipts(1)[1])
    assert ledger.receipt_of(ZERO) is None
    call = early.calls[0]
    assert ledger.call_parts(2) == (call.action, call.public, call.private)
    ledger.close()


def test_a_refusal_followed_by_an_execution_in_one_block_is_found_executed(tmp_path: Path) -> None:
    maker = BlockMaker()
    ledger = open_ledger(tmp_path)
    submission = maker.submission()

    ledger.append(maker.block(ledger, [submission, submission], refused=[0]))

    place = ledger.place_of(submission.digest)
    assert place is not None
    assert (place.index, place.is_executed) == (1, True)
    ledger.close()


# Certificates.


def test_a_certificate_is_stable_only_when_a_synchronous_write_carried_it(tmp_path: Path) -> None:
    maker = BlockMaker()
    ledger = open_ledger(tmp_path)
    maker.grow(ledger, blocks=3)
    certificates = {one: maker.encoded_certificate(ledger.header(one)) for one in range(1, 4)}

    assert ledger.store_certificate(certificates[1]) == 1
    assert (ledger.certified_height, ledger.stable_height) == (1, 0)
    maker.grow(ledger)
    assert (ledger.certified_height, ledger.stable_height) == (1, 1)
    ledger.store_certificate(certificates[2], sync=True)
    assert (ledger.certified_height, ledger.stable_height) == (2, 2)
    block = maker.block(ledger)
    ledger.append(block, certificate=certificates[3])
    assert (ledger.certified_height, ledger.stable_height) == (3, 3)
    ledger.store_certificate(certificates[1], sync=True)
    assert (ledger.certified_height, ledger.stable_height) == (3, 3)

    ledger.close()
    ledger = open_ledger(tmp_path)
    assert (ledger.certified_height, ledger.stable_height) == (3, 3)
    assert [ledger.certificate(one) for one in range(1, 5)] == [*certificates.values(), None]
    ledger.close()


def test_a_block_may_bring_its_own_certificate(tmp_path: Path) -> None:
    maker = BlockMaker()
    ledger = open_ledger(tmp_path)
    block = maker.block(ledger)

    ledger.append(block, certificate=maker.encoded_certificate(block.header))

    assert (ledger.height, ledger.stable_height) == (1, 1)
    ledger.close()


def test_a_certificate_for_another_header_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    maker = BlockMaker()
    ledger = open_ledger(tmp_path)
    maker.grow(ledger)
    good = maker.certificate(ledger.tip)
    bad = {
        "another header": replace(good, header_digest=ZERO),
        "another epoch": replace(good, epoch=1),
    }
    block = maker.block(ledger)

    for certificate in bad.values():
        with pytest.raises(CertificateMismatch):
            ledger.store_certificate(encode_certificate(certificate))
        with pytest.raises(CertificateMismatch):
            ledger.append(block, certificate=encode_certificate(certificate))
    with pytest.raises(UnknownHeight):
        ledger.store_certificate(encode_certificate(replace(good, height=2)))
    with pytest.raises(InvalidEncoding):
        ledger.store_certificate(b"\x90")

    assert (ledger.height, ledger.certificate(1), ledger.certified_height) == (1, None, 0)
    ledger.append(block)
    ledger.close()


# Opening.


def test_a_second_ledger_on_one_directory_is_refused(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)

    with pytest.raises(DirectoryLocked):
        open_ledger(tmp_path)

    ledger.close()
    open_ledger(tmp_path).close()


def test_a_directory_of_another_chain_is_refused_naming_both(tmp_path: Path) -> None:
    mine, other = genesis_of(), genesis_of(label="other")
    open_ledger(tmp_path, mine).close()

    with pytest.raises(ForeignLedger) as caught:
        open_ledger(tmp_path, other)

    assert (caught.value.expected, caught.value.actual) == (other.chain_id, mine.chain_id)
    open_ledger(tmp_path, mine).close()


def test_a_directory_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    open_ledger(tmp_path).close()
    (tmp_path / "format").write_bytes(b"kunlian-data 7\n")

    with pytest.raises(UnknownFormat, match="version 3, got format version 7"):
        open_ledger(tmp_path)


def test_a_ledger_whose_making_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    open_ledger(tmp_path / "made").close()
    cut = tmp_path / "cut" / "ledger.unfinished"
    cut.mkdir(parents=True)
    (cut / "CURRENT").write_bytes(b"MANIFEST-000001\n")

    ledger = open_ledger(tmp_path / "cut")
    BlockMaker().grow(ledger)
    ledger.close()

    assert not cut.exists()
    assert open_ledger(tmp_path / "cut").height == 1


def test_an_emptied_ledger_is_damage_and_does_not_start_over(tmp_path: Path) -> None:
    open_ledger(tmp_path).close()
    for one in (tmp_path / LEDGER_FOLDER).iterdir():
        one.unlink()

    with pytest.raises(DamagedLedger, match="genesis"):
        open_ledger(tmp_path)


def test_another_first_state_for_the_same_genesis_is_refused(tmp_path: Path) -> None:
    genesis = genesis_of()
    open_ledger(tmp_path).close()

    with pytest.raises(DamagedLedger, match="block 0"):
        Ledger.open(tmp_path, genesis=genesis, suite=suite_named("intl"), initial_state={})
