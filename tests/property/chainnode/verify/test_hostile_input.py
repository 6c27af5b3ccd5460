"""Whatever bytes come, the verifier refuses with its own errors and nothing else."""

import json
from functools import cache
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from chainnode.verify import (
    InvalidEvidence,
    InvalidTrust,
    Policy,
    Trust,
    UnreadableEvidence,
    VerdictCode,
    judge_certificate,
    verify_evidence,
)
from chainnode.verify.discovery import pdf_identifier
from chainnode.verify.strict_json import JsonObject, JsonValue, read_json
from tests.builders_evidence import TIME_MS, sample, synthetic_chain
from tests.mutations import mutations

Legal: TypeAlias = st.SearchStrategy[JsonValue]

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
LEGAL: Legal = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(LEGAL)
def test_legal_json_is_read_as_the_standard_library_reads_it(value: JsonValue) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        assert read_json(text.encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_unreadable(data: bytes) -> None:
    try:
        value = read_json(data)
    except UnreadableEvidence:
        return
    assert json.loads(data) == value


@given(LEGAL)
def test_any_json_is_judged_unreadable_and_never_raises(value: JsonValue) -> None:
    verdict = judge_certificate(
        value,
        synthetic_chain("intl").trust,
        content_digest=None,
        identifier=None,
        policy=Policy(now_ms=TIME_MS),
    )
    assert verdict.verdict is VerdictCode.UNREADABLE


def changes_of(document: JsonObject) -> list[JsonObject]:
    return [way for what, way in mutations(document) if not what.startswith("items: ")]


@cache
def honest_changes() -> list[JsonObject]:
    """Return the changes of the honest evidence, made once for all examples."""
    return changes_of(synthetic_chain("intl").certificate_of(sample("valid")))


# Each example makes some 700 documents.
@settings(max_examples=20)
@given(st.data())
def test_two_changes_at_once_are_refused_like_one(data: st.DataObject) -> None:
    chain = synthetic_chain("intl")
    one = sample("valid")
    changed = data.draw(st.sampled_from(honest_changes()))
    changed = data.draw(st.sampled_from(changes_of(changed)))
    verdict = judge_certificate(
        changed,
        chain.trust,
        content_digest=chain.digest_of(one),
        identifier=one.identifier,
        policy=Policy(now_ms=TIME_MS),
    )
    # The second change may undo the first; then the evidence is the honest one again.
    honest = changed == chain.certificate_of(one)
    assert (verdict.verdict is VerdictCode.VALID) == honest


@given(LEGAL, st.sampled_from(["record", "receipt", "state"]))
def test_any_field_of_evidence_may_hold_anything(value: JsonValue, kind: str) -> None:
    chain = synthetic_chain("intl")
    honest = {"record": chain.record(1), "receipt": chain.receipt(1), "state": chain.state([b"k"])}
    for name, was in honest[kind].items():
        try:
            verify_evidence({**honest[kind], name: value}, chain.trust)
        except InvalidEvidence:
            continue
        # What was drawn may be the honest value itself (true is not 1); a body may be withheld,
        # and whoever asks for no items claims nothing.
        honestly = (type(value), value) == (type(was), was)
        assert honestly or (value == [] and name in {"body", "items"}), (kind, name)


@given(LEGAL)
def test_any_json_is_a_trust_file_or_refused(value: JsonValue) -> None:
    form = synthetic_chain("intl").trust.pinned_at(
        epoch=0, height=1, header_digest=bytes(32), time_ms=0
    )
    for name in form.form():
        try:
            Trust.load(json.dumps({**form.form(), name: value}).encode())
        except InvalidTrust:
            continue


@given(st.binary(max_size=300))
def test_any_pdf_gives_a_short_text_or_nothing(data: bytes) -> None:
    found = pdf_identifier(b"%PDF-1.7 /KunlianCertificate " + data)
    assert found is None or 0 < len(found) <= 128
