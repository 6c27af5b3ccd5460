"""An export is believed as a whole, or refused by the check that names what was changed."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chainnode.ledger.types import members_digest
from chainnode.verify import ForeignEvidence, InvalidEvidence, UnreadableEvidence
from chainnode.verify.archive import MANIFEST, QUESTION, ROWS, SIGNATURES, write_archive
from chainnode.verify.export import NODE, ExportFacts, verify_export
from chainnode.verify.forms import base64_text, trail_evidence
from chainnode.verify.question import export_content
from chainnode.verify.rows import canonical_line
from chainnode.verify.strict_json import JsonObject, as_object, read_json
from tests.builders_epochs import Group, anchor_in, end_link, first_group, second_group
from tests.builders_evidence import OTHER_SUBJECT, SUBJECT
from tests.builders_exports import (
    ALL_PAGES,
    ASKED_AT,
    PURPOSE,
    Members,
    QuestionedChain,
    questioned_chain,
)
from tests.builders_trails import CALLS_PER_BLOCK, Shown, positions_of

SUITES = ("sm", "intl")
TRAIL = "proofs/trail-0001.json"


@pytest.fixture(params=SUITES)
def chain(request: pytest.FixtureRequest) -> QuestionedChain:
    return questioned_chain(request.param)


def refusing_check(chain: QuestionedChain, members: Members) -> str:
    with pytest.raises(InvalidEvidence) as caught:
        verify_export(write_archive(members), chain.trust)
    return caught.value.check


def test_an_export_proves_question_answer_and_who_exported_it(chain: QuestionedChain) -> None:
    facts = verify_export(chain.export(page=b"<html>"), chain.trust)
    assert isinstance(facts, ExportFacts)
    assert facts.question.purpose == PURPOSE
    assert facts.question.record.position == ASKED_AT
    assert facts.answer.is_complete
    assert [one.position for one in facts.answer.rows] == positions_of(chain, SUBJECT)
    assert (facts.replica_id, facts.organisation) == (2, chain.trust.epochs[0][2].organisation)
    assert facts.has_page


def test_an_export_that_no_node_signed_says_so(chain: QuestionedChain) -> None:
    facts = verify_export(chain.export(node=None), chain.trust)
    assert (facts.replica_id, facts.organisation, facts.has_page) == (None, None, False)


def test_several_pages_are_one_answer(chain: QuestionedChain) -> None:
    shown = [Shown(subject=SUBJECT, start=at, stop=at + 5) for at in range(0, 20, 5)]
    pages = chain.pages(shown)
    members = chain.sealed(chain.members(pages), pages=pages)
    facts = verify_export(write_archive(members), chain.trust)
    assert facts.answer.is_complete
    assert len(facts.answer.rows) == 20


def test_a_part_of_the_answer_is_an_export_that_is_not_complete(chain: QuestionedChain) -> None:
    pages = chain.pages([Shown(subject=SUBJECT, stop=7)])
    members = chain.sealed(chain.members(pages), pages=pages)
    facts = verify_export(write_archive(members), chain.trust)
    assert (facts.answer.is_complete, len(facts.answer.rows)) == (False, 7)


def test_an_export_of_another_chain_is_foreign(chain: QuestionedChain) -> None:
    other = questioned_chain(chain.suite.name, label="another")
    with pytest.raises(ForeignEvidence):
        verify_export(other.export(), chain.trust)


Corrupt = Callable[[QuestionedChain, Members], Members]


def resealed(chain: QuestionedChain, members: Members, change: Callable[[bytes], bytes]) -> Members:
    """A manifest that claims something else, and is signed all the same."""
    bare = {name: one for name, one in members.items() if name not in {MANIFEST, SIGNATURES}}
    return chain.sealed(bare, change=change)


def claiming(old: bytes, new: bytes) -> Corrupt:
    def corrupt(chain: QuestionedChain, members: Members) -> Members:
        assert members[MANIFEST].count(old) == 1
        return resealed(chain, members, lambda manifest: manifest.replace(old, new))

    return corrupt


def with_rows(change: Callable[[list[bytes]], list[bytes]]) -> Corrupt:
    """Other lines for people, listed and signed by the auditor and the node."""

    def corrupt(chain: QuestionedChain, members: Members) -> Members:
        lines = change(members[ROWS].splitlines(keepends=True))
        bare = {**members, ROWS: b"".join(lines)}
        del bare[MANIFEST], bare[SIGNATURES]
        return chain.sealed(bare)

    return corrupt


def other_pages(*shown: Shown) -> Corrupt:
    """Proofs of something else under the manifest and the rows of the real answer."""

    def corrupt(chain: QuestionedChain, members: Members) -> Members:
        bare = {**members, TRAIL: canonical_line(chain.trail(*shown))}
        del bare[MANIFEST], bare[SIGNATURES]
        return chain.sealed(bare)

    return corrupt


def without(name: str) -> Corrupt:
    return lambda _chain, members: {key: one for key, one in members.items() if key != name}


def signed_by_another_key(chain: QuestionedChain, members: Members) -> Members:
    text = members[SIGNATURES].decode()
    key = chain.client_key.public_key
    other = chain.vote_keys[0].public_key
    changed = text.replace(base64_text(key), base64_text(other))
    assert changed != text
    return {**members, SIGNATURES: changed.encode()}


def named_another_replica(_chain: QuestionedChain, members: Members) -> Members:
    return {
        **members,
        SIGNATURES: members[SIGNATURES].replace(b'"replica_id":2', b'"replica_id":1'),
    }


def named_nobody(_chain: QuestionedChain, members: Members) -> Members:
    return {
        **members,
        SIGNATURES: members[SIGNATURES].replace(b'"replica_id":2', b'"replica_id":9'),
    }


def signatures_of_another(chain: QuestionedChain, members: Members) -> Members:
    return {**members, SIGNATURES: chain.signatures(members[MANIFEST] + b" ")}


def question_of_another(chain: QuestionedChain, members: Members) -> Members:
    bare = {**members, QUESTION: canonical_line(chain.record(ASKED_AT + 1))}
    del bare[MANIFEST], bare[SIGNATURES]
    return chain.sealed(bare)


def question_withheld(chain: QuestionedChain, members: Members) -> Members:
    bare = {**members, QUESTION: canonical_line({**chain.record(ASKED_AT), "body": []})}
    del bare[MANIFEST], bare[SIGNATURES]
    return chain.sealed(bare)


def member_changed_after_signing(_chain: QuestionedChain, members: Members) -> Members:
    return {**members, "verify.html": b"<script>"}


def node_without_signature(chain: QuestionedChain, members: Members) -> Members:
    both = chain.signatures(members[MANIFEST])
    return {**members, SIGNATURES: both.replace(b'"epoch":0', b'"epoch":1')}


CORRUPTIONS: dict[str, tuple[str, Corrupt]] = {
    "no manifest": ("members", without(MANIFEST)),
    "no rows": ("members", without(ROWS)),
    "no signatures": ("members", without(SIGNATURES)),
    "no question": ("members", without(QUESTION)),
    "no proofs": ("members", without(TRAIL)),
    "a page that came later": ("members", member_changed_after_signing),
    "another number of rows": ("manifest", claiming(b'"rows":20', b'"rows":19')),
    "another height": ("manifest", claiming(b'"as_of_height":12', b'"as_of_height":13')),
    "a later time": (
        "manifest",
        claiming(b'"complete_to_ms":1772416811000', b'"complete_to_ms":1772416812000'),
    ),
    "no time": ("manifest", claiming(b'"complete_to_ms":1772416811000', b'"complete_to_ms":null')),
    "another period": ("manifest", claiming(b'"to_ms":0', b'"to_ms":1')),
    "another kind": ("manifest", claiming(b'"kind":1', b'"kind":2')),
    "another version": ("version", claiming(b'"version":1', b'"version":3')),
    "the form of the other version": ("manifest", claiming(b'"version":1', b'"version":2')),
    "a flag for a number": ("version", claiming(b'"version":1', b'"version":true')),
    "blanks in the manifest": ("manifest", claiming(b'"rows":20', b'"rows": 20')),
    "a name that is unknown": ("manifest", claiming(b'"rows":20', b'"row":20')),
    "a line dropped": ("rows", with_rows(lambda lines: lines[1:])),
    "a line added": ("rows", with_rows(lambda lines: [*lines, lines[-1]])),
    "two lines swapped": ("rows", with_rows(lambda lines: [lines[1], lines[0], *lines[2:]])),
    "a line changed": (
        "rows",
        with_rows(lambda lines: [lines[0].replace(b'"outcome":0', b'"outcome":1'), *lines[1:]]),
    ),
    "proofs of another value": ("question", other_pages(Shown(subject=OTHER_SUBJECT))),
    "proofs of fewer rows": ("manifest", other_pages(Shown(subject=SUBJECT, stop=19))),
    "bodies withheld": ("rows", other_pages(Shown(subject=SUBJECT))),
    "another record for the question": ("question", question_of_another),
    "a question without its body": ("question", question_withheld),
    "another auditor": ("auditor", signed_by_another_key),
    "signatures over another manifest": ("auditor", signatures_of_another),
    "another replica": ("node", named_another_replica),
    "a replica that is no member": ("node", named_nobody),
    "another epoch": ("node", node_without_signature),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corrupted_export_is_refused_by_the_check_that_names_it(
    chain: QuestionedChain, name: str
) -> None:
    check, corrupt = CORRUPTIONS[name]
    good = chain.sealed(chain.members())
    verify_export(write_archive(good), chain.trust)
    assert refusing_check(chain, corrupt(chain, good)) == check


@pytest.mark.parametrize("suite", SUITES)
def test_no_changed_byte_of_any_member_is_accepted(suite: str) -> None:
    chain = questioned_chain(suite)
    good = chain.sealed(chain.members())
    count = 0
    for name, data in good.items():
        for at in range(0, len(data), 1 if name in {MANIFEST, SIGNATURES} else 97):
            changed = data[:at] + bytes([data[at] ^ 0x01]) + data[at + 1 :]
            count += 1
            with pytest.raises(InvalidEvidence):
                pytest.fail(
                    f"accepted: {name} byte {at}, "
                    f"{verify_export(write_archive({**good, name: changed}), chain.trust)}"
                )
    assert count > 900


def test_what_is_no_archive_is_unreadable(chain: QuestionedChain) -> None:
    for data in (b"", b"PK\x03\x04", b"{}", chain.export()[:-1]):
        with pytest.raises(UnreadableEvidence):
            verify_export(data, chain.trust)


def test_a_recorded_question_is_the_same_under_a_later_trust_file(chain: QuestionedChain) -> None:
    header = chain.indexed_header()
    pinned = chain.trust.pinned_at(
        epoch=0,
        height=header.height - 1,
        header_digest=bytes(32),
        time_ms=header.head.time_ms,
    )
    assert verify_export(chain.export(), pinned).answer.is_complete
    above = replace(pinned.checkpoint, height=header.height + 1)
    with pytest.raises(InvalidEvidence):
        verify_export(chain.export(), replace(pinned, checkpoint=above))


def test_a_node_that_joined_after_the_question_is_named_by_its_own_epoch(
    chain: QuestionedChain,
) -> None:
    newer = second_group(chain)
    pages = [in_second_epoch(chain, newer)]
    members = chain.members(pages)
    manifest = chain.manifest(members, pages)
    content = export_content(
        chain_id=chain.genesis.chain_id,
        signer=NODE,
        manifest_digest=chain.suite.digest(manifest),
    )
    signed = as_object(read_json(chain.signatures(manifest)), "signatures")
    signed["node"] = {
        "epoch": 1,
        "replica_id": 4,
        "signature": base64_text(newer.keys[4].sign(content)),
    }
    sealed = {**members, MANIFEST: manifest, SIGNATURES: canonical_line(signed)}
    facts = verify_export(write_archive(sealed), chain.trust)
    assert (facts.replica_id, facts.organisation) == (4, "DEPT-FIVE")


def in_second_epoch(chain: QuestionedChain, group: Group) -> JsonObject:
    """The whole answer under the first header of an epoch with a fifth member."""
    last = chain.indexed_header()
    link = end_link(chain, first_group(chain), group, epoch=0, height=last.height)
    digest = members_digest(chain.suite.digest, epoch=1, members=group.members)
    header = replace(
        last,
        head=replace(last.head, epoch=1, height=last.height + 1),
        rest=replace(last.rest, members_digest=digest, next_members_digest=digest),
    )
    anchor = replace(anchor_in(chain, group, header), links=[link])
    return chain.trail(*ALL_PAGES, period=chain.period, anchor=anchor)


def test_an_answer_from_before_the_question_is_refused(chain: QuestionedChain) -> None:
    height = 1
    older, size = chain.header_at(height), CALLS_PER_BLOCK * height
    header = replace(
        older,
        head=replace(older.head, index_size=size),
        rest=replace(older.rest, index_root=chain.index(size).root),
    )
    item = chain.trail_item(*ALL_PAGES, index_size=size)
    pages = [trail_evidence(chain.anchor(header), [item], from_ms=0, to_ms=0, tail=None)]
    assert chain.answer(pages).is_complete
    with pytest.raises(InvalidEvidence, match="as_of_height: expected height 2, "):
        verify_export(write_archive(chain.sealed(chain.members(pages), pages=pages)), chain.trust)
