"""Cases of `.kunproof` exports: what they prove, and named corruptions of each member."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from chainnode.ledger.types import members_digest
from chainnode.verify.archive import MANIFEST, SIGNATURES, write_archive
from chainnode.verify.export import NODE
from chainnode.verify.forms import base64_text
from chainnode.verify.question import export_content
from chainnode.verify.rows import canonical_line
from chainnode.verify.strict_json import JsonObject, read_object
from tests.builders_epochs import Group, anchor_in, end_link, first_group, second_group
from tests.builders_evidence import GENESIS_MS, SUBJECT
from tests.builders_trails import ABSENT_SUBJECT, RARE_SUBJECT, Shown
from tests.vectors.cases import altered
from tests.vectors.export_claims import corrupted_claims
from tests.vectors.export_proofs import corrupted_proofs
from tests.vectors.export_story import PAGE_BYTES, TRAIL, WHOLE, Case, ExportStory, packed, rows_of


class WithoutEnd(ExportStory):
    """The same for the whole time: the question itself is in the answer, with its purpose."""

    period = (0, 0)
    whole = (Shown(subject=SUBJECT, with_bodies=True),)


class OfNobody(ExportStory):
    """A subject that no record names."""

    values_asked = (ABSENT_SUBJECT,)
    whole = (Shown(subject=ABSENT_SUBJECT),)


class OfTwo(ExportStory):
    """Two subjects; the record at 17 names both, and stands in the answer once."""

    period = (GENESIS_MS + 5000, GENESIS_MS + 6000)
    values_asked = (SUBJECT, RARE_SUBJECT)

    def pages(self, shown: Sequence[Shown] | None = None) -> list[JsonObject]:
        assert shown is None
        both = (Shown(subject=SUBJECT, start=7, stop=11), Shown(subject=RARE_SUBJECT))
        return [self.trail(*both, period=self.period)]


def export_cases(suite_name: str) -> Iterator[Case]:
    """Yield every case of one suite but those of the archive."""
    story = ExportStory(suite_name)
    yield from _believed(story)
    yield from _other_questions(suite_name)
    yield from _later_epochs(story)
    yield from _other_trust(story)
    good = story.answered()
    for corruptions in (corrupted_claims, corrupted_proofs):
        for name, members, expect in corruptions(story, good):
            assert members != good, name
            yield packed(story, name, members, expect)


def _believed(story: ExportStory) -> Iterator[Case]:
    """Answers that are whole, and answers that say what they lack."""
    with_page = story.sealed(story.members(page=PAGE_BYTES))
    in_two = story.pages([rows_of(3, 6), rows_of(6, 9)])
    early_end, late_start = (story.pages([rows_of(*one)]) for one in ((3, 7), (5, 9)))
    closed = story.pages([replace(WHOLE, with_bodies=False)])
    five = GENESIS_MS + 4000
    for name, members, facts in (
        ("whole", story.answered(), story.facts()),
        ("signed by no node", story.answered(node=None), _unsigned(story)),
        ("with the page", with_page, story.facts(has_page=True)),
        ("in two pages", story.answered(pages=in_two), story.facts()),
        ("bodies withheld", story.answered(pages=closed), story.facts()),
        (
            "rows at the end withheld",
            story.answered(pages=early_end),
            story.facts(complete=False, complete_to_ms=five, positions=[9, 11, 13]),
        ),
        (
            "rows at the start withheld",
            story.answered(pages=late_start),
            story.facts(complete=False, complete_to_ms=None, positions=[11, 13, 15]),
        ),
    ):
        archive = write_archive(members)
        yield Case(name=name, trust=story.pinned, archive=archive, facts=facts)


def _unsigned(story: ExportStory) -> JsonObject:
    return story.facts(replica_id=None, organisation=None)


def _other_questions(suite_name: str) -> Iterator[Case]:
    """Other questions on chains of their own."""
    without_end, nobody, two = (one(suite_name) for one in (WithoutEnd, OfNobody, OfTwo))
    to_ms = GENESIS_MS + 11_000
    for name, story, facts in (
        (
            "without an end",
            without_end,
            without_end.facts(to_ms=to_ms, complete_to_ms=to_ms, positions=list(range(1, 40, 2))),
        ),
        ("of nobody", nobody, nobody.facts(positions=[])),
        ("of two subjects", two, two.facts(positions=[17, 19])),
    ):
        archive = write_archive(story.answered())
        yield Case(name=name, trust=story.pinned, archive=archive, facts=facts)


def _later_epochs(story: ExportStory) -> Iterator[Case]:
    """An answer of epoch 1, signed by a member that joined after the question."""
    group = second_group(story)
    pages = [_in_second_epoch(story, group)]
    members = story.members(pages)
    manifest = story.manifest(members, pages)
    joined = {"epoch": 1, "replica_id": 4, "signature": _node_signature(story, group, manifest)}
    signatures = altered(read_object(story.signatures(manifest)), ("node",), joined)
    facts = story.facts(as_of_height=13, replica_id=4, organisation="DEPT-FIVE")
    good = {**members, MANIFEST: manifest, SIGNATURES: canonical_line(signatures)}
    yield Case(
        name="later epoch, a node that joined",
        trust=story.pinned,
        archive=write_archive(good),
        facts=facts,
    )
    in_first = altered(signatures, ("node", "epoch"), 0)
    withheld = altered(pages[0], ("epochs",), [])
    for name, changed, expect in (
        (
            "the epoch before named",
            {**good, SIGNATURES: canonical_line(in_first)},
            "TAMPERED node",
        ),
        (
            "links withheld",
            story.claimed({**members, TRAIL: canonical_line(withheld)}),
            "CANNOT_DECIDE epoch",
        ),
    ):
        yield packed(story, f"later epoch, {name}", changed, expect)


def _in_second_epoch(story: ExportStory, group: Group) -> JsonObject:
    """The whole answer under the first header of an epoch with a fifth member."""
    last = story.indexed_header()
    link = end_link(story, first_group(story), group, epoch=0, height=last.height)
    digest = members_digest(story.suite.digest, epoch=1, members=group.members)
    header = replace(
        last,
        head=replace(last.head, epoch=1, height=last.height + 1),
        rest=replace(last.rest, members_digest=digest, next_members_digest=digest),
    )
    anchor = replace(anchor_in(story, group, header), links=[link])
    return story.trail(WHOLE, period=story.period, anchor=anchor)


def _node_signature(story: ExportStory, group: Group, manifest: bytes) -> str:
    content = export_content(
        chain_id=story.genesis.chain_id,
        signer=NODE,
        manifest_digest=story.suite.digest(manifest),
    )
    return base64_text(group.keys[4].sign(content))


def _other_trust(story: ExportStory) -> Iterator[Case]:
    """The same export under trust files of a later block, another block, another chain."""
    header = story.indexed_header()
    later = story.pinned.pinned_at(
        epoch=0,
        height=header.height,
        header_digest=header.digest(story.suite.digest),
        time_ms=header.head.time_ms,
    )
    above = replace(later.checkpoint, height=header.height + 1)
    other = replace(later.checkpoint, header_digest=bytes(32))
    foreign = ExportStory(story.suite.name, label="another chain")
    archive = write_archive(story.answered())
    yield Case(name="trust, at its block", trust=later, archive=archive, facts=story.facts())
    for name, trust, expect in (
        ("above its block", replace(later, checkpoint=above), "CANNOT_DECIDE checkpoint"),
        ("another block is pinned", replace(later, checkpoint=other), "TAMPERED checkpoint"),
        ("of another chain", foreign.pinned, "UNTRUSTED_ISSUER chain"),
    ):
        yield Case(name=f"trust, {name}", trust=trust, archive=archive, expect=expect)
