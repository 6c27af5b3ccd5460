"""Laws of compact proofs and of their text, over any call, place and group."""

from dataclasses import replace

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from chainnode.codec import Plain, encode
from chainnode.ledger.codec import encode_entry
from chainnode.verify.compact import CompactFacts, verify_compact
from chainnode.verify.compact_form import decode_compact, encode_compact
from chainnode.verify.errors import InvalidEvidence, UnreadableEvidence
from chainnode.verify.qr_text import (
    PAYLOAD_BYTES_MAX,
    is_qr_text,
    payload_of,
    text_of,
    url_of,
)
from contracts.schemas.certificates import Import, Issue
from contracts.schemas.identifiers import CertificateIdentifier
from tests.builders import ORGANISATIONS, SUITES
from tests.builders_compact import PLAIN_IMPORT, PLAIN_ISSUE, Paper, packed

QR_ALPHANUMERIC = set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
# RFC 3986 §3.5, without what must be percent-encoded.
FRAGMENT = set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-._~!$&'()*+,;=:@/?")

BASE36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGEST = st.binary(min_size=32, max_size=32)
DATE = st.dates().filter(lambda day: day.year >= 1900).map(lambda day: int(f"{day:%Y%m%d}"))
TYPE = st.tuples(
    st.text(BASE36, min_size=18, max_size=18), st.text("0123456789", min_size=3, max_size=3)
).map("".join)
SERIAL = st.text(BASE36, min_size=1, max_size=32)
VERSION = st.text("0123456789", min_size=3, max_size=3)
BASE: st.SearchStrategy[Issue | Import] = st.just(PLAIN_ISSUE) | st.just(PLAIN_IMPORT)
PLAIN: st.SearchStrategy[Plain] = st.recursive(
    st.integers(0, 2**53 - 1) | st.binary(max_size=40) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=8).map(tuple),
    max_leaves=30,
)


@st.composite
def parts(draw: st.DrawFn) -> Issue | Import:
    """Return the public part of any call that puts a certificate on the chain."""
    type_code = draw(st.none() | TYPE)
    identifier = CertificateIdentifier(
        type_code=type_code or "0" * 21,
        issuer=draw(st.sampled_from(ORGANISATIONS)),
        serial=draw(SERIAL),
        version=draw(VERSION),
    )
    return msgspec.structs.replace(
        draw(BASE),
        salt=draw(st.binary(min_size=16, max_size=16)),
        identifier=str(identifier),
        type=type_code or "generic",
        file_digest=draw(DIGEST),
        metadata_root=draw(st.just(b"") | DIGEST),
        holder_commitment=draw(st.just(b"") | DIGEST),
        valid_from=draw(DATE),
        valid_to=0,
    )


@st.composite
def papers(draw: st.DrawFn) -> Paper:
    entries = draw(st.integers(1, 40))
    calls = draw(st.integers(1, 9))
    return Paper(
        suite_name=draw(st.sampled_from(SUITES)),
        members=draw(st.integers(4, 8)),
        entries=entries,
        index=draw(st.integers(0, entries - 1)),
        part=draw(parts()),
        private=draw(st.binary(max_size=20)),
        calls=calls,
        call_index=draw(st.integers(0, calls - 1)),
        withheld=draw(st.booleans()),
        height=draw(st.integers(1, 2**53 - 1)),
        nonce=draw(st.integers(0, 2**53 - 1)),
    )


@settings(deadline=None)
@given(papers())
def test_a_proof_of_any_call_gives_back_its_entry_and_its_own_bytes(paper: Paper) -> None:
    data = packed(paper.proof())
    facts = verify_compact(data, paper.trust)
    assert isinstance(facts, CompactFacts)
    assert encode_entry(facts.entry) == paper.entry
    assert encode_compact(decode_compact(data)) == data


@settings(deadline=None)
@given(papers())
def test_a_reference_of_any_call_gives_back_its_submission(paper: Paper) -> None:
    shown = replace(paper, withheld=False)
    data = packed(shown.reference())
    facts = verify_compact(data, shown.trust)
    assert facts.claim is not None
    assert facts.claim.public == shown.public
    assert encode_compact(decode_compact(data)) == data


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_by_name(data: bytes) -> None:
    try:
        verify_compact(data, Paper().trust)
    except UnreadableEvidence:
        return
    raise AssertionError("a stranger's bytes were accepted")


@given(PLAIN, st.integers(2, 6))
def test_any_value_in_any_place_of_a_proof_is_refused(value: Plain, place: int) -> None:
    paper = Paper()
    array = paper.proof()
    was, array[place] = array[place], value
    if value == was:
        return
    try:
        verify_compact(encode(tuple(array)), paper.trust)
    except InvalidEvidence:
        return
    raise AssertionError(f"accepted with {value!r} at {place}")


@given(st.binary(min_size=1, max_size=PAYLOAD_BYTES_MAX))
def test_any_payload_has_one_text_fit_for_a_code_and_a_fragment(data: bytes) -> None:
    text = text_of(data)
    assert payload_of(text) == data
    assert payload_of(url_of(data, "https://verify.example/v?x=1")) == data
    assert set(text) <= QR_ALPHANUMERIC & FRAGMENT
    assert text[-1] not in ".:"
    assert len(text) == 4 + (3 * len(data) + 1) // 2


@given(st.text(max_size=60) | st.text("0123456789ABCZ-/*.:", max_size=60).map("KUN:".__add__))
def test_a_text_is_refused_or_is_the_one_text_of_its_payload(text: str) -> None:
    try:
        payload = payload_of(text)
    except UnreadableEvidence:
        return
    assert is_qr_text(text)
    assert text.endswith(text_of(payload))
