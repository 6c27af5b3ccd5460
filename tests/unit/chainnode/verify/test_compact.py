"""Compact proofs and references: what they prove, and that nothing like them proves anything."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from chainnode.codec import InvalidEncoding, Plain, encode
from chainnode.ledger.codec import encode_entry
from chainnode.verify.claims import claim_of
from chainnode.verify.compact import CompactFacts, ReferenceFacts, verify_compact
from chainnode.verify.compact_form import claim_in, decode_compact, encode_compact
from chainnode.verify.errors import InvalidEvidence, NoQuorum, UnknownEpoch, UnreadableEvidence
from chainnode.verify.qr_text import payload_of, text_of
from chainnode.verify.trust import Trust
from tests.builders_compact import FULL_ISSUE, PLAIN_IMPORT, Paper, packed

SUITES = ("sm", "intl")
PAPERS = {
    "plain": Paper(),
    "all shown": Paper(part=FULL_ISSUE, private=b"private", members=7),
    "import": Paper(part=PLAIN_IMPORT, calls=5, call_index=4),
    "withheld": Paper(withheld=True, entries=3, index=2),
}
HEIGHT_OF_REFERENCE = 5


def survivors(mutants: Iterator[tuple[str, bytes]], trust: Trust) -> tuple[list[str], int]:
    """Return which mutants were accepted, and how many there were."""
    accepted, count = [], 0
    for name, data in mutants:
        count += 1
        try:
            verify_compact(data, trust)
        except InvalidEvidence:
            continue
        accepted.append(name)
    return accepted, count


def flipped_bits(data: bytes, bits: Sequence[int] = range(8)) -> Iterator[tuple[str, bytes]]:
    for at in range(len(data)):
        for bit in bits:
            changed = bytearray(data)
            changed[at] ^= 1 << bit
            yield f"byte {at}, bit {bit}", bytes(changed)


def cut(data: bytes) -> Iterator[tuple[str, bytes]]:
    for end in range(len(data)):
        yield f"cut at {end}", data[:end]
        yield f"without byte {end}", data[:end] + data[end + 1 :]
        yield f"byte {end} twice", data[: end + 1] + data[end:]


def rearranged(array: Sequence[Plain]) -> Iterator[tuple[str, bytes]]:
    """Yield canonical encodings of the array with one value of it changed."""
    for place, value in _places(tuple(array), ()):
        for name, changed in _changes(value):
            if changed != value:
                yield f"{place}: {name}", encode(_replaced(tuple(array), place, changed))


def _places(value: Plain, place: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Plain]]:
    yield place, value
    if isinstance(value, tuple):
        for index, one in enumerate(value):
            yield from _places(one, (*place, index))


def _changes(value: Plain) -> Iterator[tuple[str, Plain]]:
    yield from (("emptied", ()), ("as text", "1"), ("as bytes", b"1"), ("zero", 0))
    match value:
        case int():
            yield from (("plus one", value + 1), ("doubled", 2 * value + 1), ("most", 2**53 - 1))
            yield "minus one", abs(value - 1)
        case bytes():
            yield from (("one byte more", value + b"\0"), ("one byte less", value[:-1]))
            yield from (
                ("turned", value[::-1]),
                ("twice", value * 2),
                ("a zero first", b"\0" + value),
            )
            yield from (("first 32 gone", value[32:]), ("last 32 gone", value[:-32]))
            yield from (
                ("first 64 gone", value[64:]),
                ("32 turned", value[32:64] + value[:32] + value[64:]),
            )
        case str():
            yield from (
                ("longer", value + "x"),
                ("shorter", value[:-1]),
                ("swapped", value.swapcase()),
            )
        case tuple():
            yield from (
                ("one more", (*value, 0)),
                ("one less", value[:-1]),
                ("turned", value[::-1]),
            )
            yield "first twice", (value[:1] + value)


def _replaced(value: Plain, place: tuple[int, ...], new: Plain) -> Plain:
    if not place:
        return new
    assert isinstance(value, tuple)
    first, *rest = place
    inner = _replaced(value[first], tuple(rest), new)
    return (*value[:first], inner, *value[first + 1 :])


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("name", PAPERS)
def test_a_proof_gives_back_the_entry_that_was_signed(suite: str, name: str) -> None:
    paper = replace(PAPERS[name], suite_name=suite)
    facts = verify_compact(packed(paper.proof()), paper.trust)
    assert isinstance(facts, CompactFacts)
    assert encode_entry(facts.entry) == paper.entry
    assert facts.header_digest == paper.header_digest
    assert (facts.signers, facts.quorum) == (paper.replicas, paper.quorum)
    assert (facts.claim is None) == paper.withheld
    if facts.claim is not None:
        assert facts.claim.public == paper.public


@pytest.mark.parametrize("suite", SUITES)
def test_a_reference_gives_back_what_the_issuer_signed(suite: str) -> None:
    paper = Paper(suite_name=suite, calls=7, call_index=3, part=FULL_ISSUE)
    facts = verify_compact(packed(paper.reference()), paper.trust)
    assert isinstance(facts, ReferenceFacts)
    assert facts.claim.public == paper.public
    assert facts.submission_digest == suite_digest(paper)
    assert (facts.key_id, facts.call_index) == (paper.key_id, 3)


def suite_digest(paper: Paper) -> bytes:
    return paper.h(paper.submission_header)


@pytest.mark.parametrize("name", PAPERS)
def test_the_product_writes_the_same_bytes_as_the_wire_format_says(name: str) -> None:
    paper = PAPERS[name]
    arrays = [paper.proof()] if paper.withheld else [paper.proof(), paper.reference()]
    for array in arrays:
        data = packed(array)
        compact = decode_compact(data)
        assert encode_compact(compact) == data
        claim = claim_in(compact)
        assert (claim is None) == paper.withheld
        if claim is not None:
            again = claim_of(claim.action, claim.public, private_digest=claim.private_digest)
            assert again == claim


@pytest.mark.parametrize("entries", range(1, 35))
def test_every_entry_of_a_block_of_any_size_is_proven(entries: int) -> None:
    for index in {0, entries // 2, entries - 1}:
        paper = Paper(entries=entries, index=index)
        assert verify_compact(packed(paper.proof()), paper.trust)


@pytest.mark.parametrize("name", PAPERS)
def test_no_flipped_bit_of_a_proof_is_accepted(name: str) -> None:
    paper = PAPERS[name]
    accepted, count = survivors(flipped_bits(packed(paper.proof())), paper.trust)
    assert not accepted
    assert count > 4_400


@pytest.mark.parametrize("name", PAPERS)
def test_no_proof_that_lost_or_doubled_a_byte_is_accepted(name: str) -> None:
    paper = PAPERS[name]
    accepted, count = survivors(cut(packed(paper.proof())), paper.trust)
    assert not accepted
    assert count > 1_500


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("name", PAPERS)
def test_no_changed_value_of_a_proof_is_accepted(suite: str, name: str) -> None:
    paper = replace(PAPERS[name], suite_name=suite)
    accepted, count = survivors(rearranged(paper.proof()), paper.trust)
    assert not accepted
    assert count > 150


def test_no_flipped_byte_of_a_proof_of_the_other_suite_is_accepted() -> None:
    paper = Paper(suite_name="sm")
    accepted, count = survivors(flipped_bits(packed(paper.proof()), bits=(3,)), paper.trust)
    assert not accepted
    assert count > 500


def test_of_a_reference_only_the_unsigned_height_can_be_changed() -> None:
    paper = Paper(calls=5, call_index=4)
    array = paper.reference()
    data = packed(array)
    accepted, _ = survivors(rearranged(array), paper.trust)
    assert {name.partition(":")[0] for name in accepted} == {f"({HEIGHT_OF_REFERENCE},)"}
    hidden = packed([*array[:HEIGHT_OF_REFERENCE], 0, *array[HEIGHT_OF_REFERENCE + 1 :]])
    accepted, count = survivors(flipped_bits(data), paper.trust)
    # The height is written in three bytes; its first says so.
    assert len(data) - len(hidden) == 2
    assert len(accepted) <= 16
    assert count > 1_500
    accepted, _ = survivors(cut(data), paper.trust)
    assert not accepted


def test_no_changed_character_of_a_text_is_accepted() -> None:
    paper = Paper()
    text = text_of(packed(paper.proof()))
    for at in range(len(text)):
        for other in ("0", "Z", ":", "a", "$", " "):
            if other == text[at]:
                continue
            with pytest.raises(InvalidEvidence):
                verify_compact(payload_of(text[:at] + other + text[at + 1 :]), paper.trust)


def test_one_proof_is_worth_nothing_in_another_group_epoch_or_chain() -> None:
    paper = Paper()
    data = packed(paper.proof())
    for other in (Paper(members=5), Paper(label="other"), Paper(suite_name="sm")):
        with pytest.raises(InvalidEvidence):
            verify_compact(data, other.trust)
    with pytest.raises(UnknownEpoch):
        verify_compact(data, Paper(epoch=1).trust)
    later = Paper(epoch=1)
    assert verify_compact(packed(later.proof()), later.trust)


def test_a_height_after_the_known_end_of_its_epoch_does_not_count() -> None:
    paper = Paper()
    data = packed(paper.proof())
    assert verify_compact(data, replace(paper.trust, ends={0: paper.height}))
    with pytest.raises(InvalidEvidence, match="epoch"):
        verify_compact(data, replace(paper.trust, ends={0: paper.height - 1}))


def test_a_quorum_is_exactly_shown() -> None:
    for members in (4, 5, 6, 7, 10, 31):
        paper = Paper(members=members)
        assert verify_compact(packed(paper.proof()), paper.trust)
        fewer = replace(paper, signers=paper.replicas[1:])
        with pytest.raises(NoQuorum):
            verify_compact(packed(fewer.proof()), paper.trust)
        more = replace(paper, signers=(paper.replicas[0] - 1, *paper.replicas))
        with pytest.raises(InvalidEvidence, match="quorum"):
            verify_compact(packed(more.proof()), paper.trust)


def test_an_action_that_puts_no_certificate_on_the_chain_is_no_claim() -> None:
    with pytest.raises(InvalidEncoding):
        claim_of("revoke", Paper().public, private_digest=None)
    with pytest.raises(InvalidEncoding):
        claim_of("issue", b"\x90", private_digest=None)


def test_what_is_larger_than_a_code_is_not_decoded() -> None:
    with pytest.raises(UnreadableEvidence):
        decode_compact(encode(tuple([0] * 3000)))
    with pytest.raises(UnreadableEvidence):
        payload_of("KUN:" + "0" * 9000)
