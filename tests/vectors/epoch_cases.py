"""Cases of evidence whose trust crosses epochs: what is believed, and named corruptions."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from chainnode.ledger.codec import encode_head
from chainnode.verify.forms import Anchor, base64_text, placed_form
from chainnode.verify.members import members_form
from chainnode.verify.strict_json import JsonObject
from tests.builders_epochs import (
    Group,
    anchor_in,
    certified_in,
    end_link,
    header_in,
    record_in,
    recovery_link,
)
from tests.builders_evidence import sample
from tests.vectors.cases import altered, array, bit, cut, found, swapped
from tests.vectors.epoch_story import FIRST_END, HEIGHT, SECOND_END, Case, Story

TAMPERED, KEYS, MANY = "TAMPERED epochs", "UNREADABLE members", "UNREADABLE batches"


def epoch_cases(story: Story) -> Iterator[Case]:
    """Yield every case of evidence across epochs."""
    yield from _believed(story)
    yield from _other_kinds(story)
    yield from _from_a_later_epoch(story)
    yield from _lists_of_links(story)
    yield from _changed_ends(story)
    yield from _changed_recoveries(story)
    yield from _misplaced_headers(story)


def _believed(story: Story) -> Iterator[Case]:
    """Links that lead from the first members to those who signed the header."""
    chain, first, second = story.chain, story.first, story.second
    stays = end_link(chain, first, first, epoch=0, height=FIRST_END)
    held = recovery_link(chain, first, epoch=0, height=FIRST_END)
    digest = header_in(chain, first, epoch=0, height=FIRST_END).digest(chain.suite.digest)
    twice = recovery_link(
        chain, first, epoch=1, base_epoch=0, height=FIRST_END, header_digest=digest
    )
    many = [chain.suite.digest(b"%d" % one) for one in range(2 * story.trust.parameters.window)]
    most = recovery_link(chain, first, epoch=0, height=FIRST_END, batches=many)
    for name, group, links, height in (
        ("still in epoch 0", first, [], FIRST_END),
        ("other members", second, [story.end], FIRST_END + 1),
        ("the same members", first, [stays], FIRST_END + 1),
        ("last block before a recovery", second, [story.end], SECOND_END),
        ("recovered", first, [held], FIRST_END + 1),
        ("recovered, as many batches as there may be", first, [most], FIRST_END + 1),
        ("recovered twice at one height", first, [held, twice], FIRST_END + 1),
        ("other members, then recovered", second, story.links, HEIGHT),
        ("long after", second, story.links, 2**40),
    ):
        yield Case(
            name=name,
            trust=story.trust,
            evidence=record_in(chain, group, links, height=height),
            facts=_facts(len(links), height, group),
        )


def _facts(epoch: int, height: int, group: Group) -> JsonObject:
    quorum = 4 if len(group.members) > 4 else 3
    return {"epoch": epoch, "height": height, "signers": [0, 1, 2, 3], "quorum": quorum}


def _other_kinds(story: Story) -> Iterator[Case]:
    """Every kind that stands under a header carries the same links."""
    chain, anchor = story.chain, _newest(story)
    facts: JsonObject = {"epoch": 2, "height": HEIGHT, "signers": [1, 2, 3, 4], "quorum": 4}
    older = anchor_in(chain, story.first, header_in(chain, story.first, epoch=0, height=20))
    continued = {**chain.consistency(11, newer=anchor), "older": placed_form(older), "path": []}
    across = _under(continued, anchor)
    for name, evidence in (
        ("receipt", _under(chain.receipt(1, anchor=anchor), anchor)),
        ("consistency, across epochs", across),
    ):
        yield Case(name=name, trust=story.trust, evidence=evidence, facts=facts)
    yield Case(
        name="consistency, the older with the links of the newer",
        trust=story.trust,
        evidence=altered(across, ("older", "epochs"), story.links),
        expect=TAMPERED,
    )
    valid = sample("valid")
    certificate = _under(chain.certificate_of(valid, anchor=anchor), anchor)
    for name, evidence, expect in (
        ("certificate", certificate, "VALID VALID"),
        ("certificate, links withheld", {**certificate, "epochs": []}, "CANNOT_DECIDE epoch"),
        ("certificate, links swapped", swapped(certificate, ("epochs",)), TAMPERED),
    ):
        yield Case(
            name=name,
            trust=story.trust,
            evidence=evidence,
            expect=expect,
            digest=chain.digest_of(valid),
            identifier=valid.identifier,
        )


def _newest(story: Story) -> Anchor:
    """The header at which the story ends, with the links that lead there."""
    header = header_in(story.chain, story.second, epoch=2, height=HEIGHT)
    anchor = anchor_in(story.chain, story.second, header, signers=(1, 2, 3, 4))
    return replace(anchor, links=story.links)


def _under(evidence: JsonObject, anchor: Anchor) -> JsonObject:
    return {**evidence, **placed_form(anchor)}


def _from_a_later_epoch(story: Story) -> Iterator[Case]:
    """A trust file of a later epoch: the links before it are read in form alone."""
    chain, first, second = story.chain, story.first, story.second
    facts: JsonObject = {"epoch": 2, "height": HEIGHT, "signers": [0, 1, 3, 4], "quorum": 4}
    in_second = story.pinned(second, epoch=1, height=25)
    in_third = story.pinned(second, epoch=2, height=HEIGHT)
    forged = bit(story.end, ("certificate", "signatures", 0, 1))
    for name, trust, links in (
        ("trust of epoch 1", in_second, story.links),
        ("trust of epoch 2", in_third, story.links),
        ("trust of epoch 1, a signature before it forged", in_second, [forged, story.recovery]),
    ):
        yield Case(name=name, trust=trust, evidence=story.record(links), facts=facts)
    past = record_in(chain, first, [], height=26)
    stays = end_link(chain, first, first, epoch=0, height=FIRST_END)
    late = end_link(chain, first, second, epoch=0, height=25)
    earlier = record_in(chain, second, story.links[:1], height=24)
    above = story.pinned(second, epoch=1, height=HEIGHT)
    fork = story.pinned(second, epoch=2, height=HEIGHT)
    fork = replace(fork, checkpoint=replace(fork.checkpoint, header_digest=bytes(32)))
    for name, trust, evidence, expect in (
        ("epoch before the trusted one", in_second, past, "CANNOT_DECIDE epoch"),
        ("below the pinned block", in_second, earlier, "CANNOT_DECIDE checkpoint"),
        ("links to other members", in_second, story.record([stays, story.recovery]), TAMPERED),
        ("end at the pinned block", in_second, story.record([late, story.recovery]), TAMPERED),
        ("recovery below the pinned block", above, story.record(), TAMPERED),
        ("another block is pinned", fork, story.record(), "TAMPERED checkpoint"),
    ):
        yield Case(name=f"trust, {name}", trust=trust, evidence=evidence, expect=expect)


def _lists_of_links(story: Story) -> Iterator[Case]:
    """Links left out, added, in another order, of another chain."""
    end, recovery = story.links
    other = Story(story.chain.suite.name, label="another chain")
    one_more = recovery_link(story.chain, story.second, epoch=2, height=40)
    nothing: JsonObject = {}
    for name, links, expect in (
        ("first left out", [recovery], TAMPERED),
        ("last left out", [end], "CANNOT_DECIDE epoch"),
        ("all left out", [], "CANNOT_DECIDE epoch"),
        ("swapped", [recovery, end], TAMPERED),
        ("first doubled", [end, end, recovery], TAMPERED),
        ("last doubled", [end, recovery, recovery], TAMPERED),
        ("one beyond the header", [end, recovery, one_more], TAMPERED),
        ("of another chain", other.links, TAMPERED),
        ("end of another chain", [other.end, recovery], TAMPERED),
        ("recovery of another chain", [end, other.recovery], TAMPERED),
        ("an empty link", [nothing, recovery], "UNREADABLE epochs"),
        ("both forms in one", [end, {**end, **recovery}], "UNREADABLE epochs"),
        ("a name that is unknown", [{**end, "epoch": 0}, recovery], "UNREADABLE epochs"),
    ):
        yield _linked(story, f"links, {name}", links, expect)
    evidence = {**story.record(), "epochs": None}
    yield Case(
        name="links, none at all",
        trust=story.trust,
        evidence=evidence,
        expect="UNREADABLE epochs",
    )


def _linked(story: Story, name: str, links: Sequence[JsonObject], expect: str) -> Case:
    return Case(name=name, trust=story.trust, evidence=story.record(links), expect=expect)


def _changed_ends(story: Story) -> Iterator[Case]:
    """The last header of an epoch, its certificate, and the members it hands over to."""
    good, members = story.end, array(story.end, ("members",))
    signed = ("certificate", "signatures")
    by_the_next = _end_under(story, signing=story.second, successor=story.second)
    for name, end, expect in (
        ("state root, one bit", bit(good, ("header", "rest", 3)), TAMPERED),
        ("head of another height", altered(good, ("header", "head"), _lower(story)), TAMPERED),
        ("head cut short", cut(good, ("header", "head")), "UNREADABLE head"),
        ("two roots swapped", swapped(good, ("header", "rest")), TAMPERED),
        ("height of the certificate", altered(good, ("certificate", "height"), 21), TAMPERED),
        ("epoch of the certificate", altered(good, ("certificate", "epoch"), 1), TAMPERED),
        ("digest in the certificate", bit(good, ("certificate", "header_digest")), TAMPERED),
        ("one key twice", altered(good, ("members", 4, 2), found(good, ("members", 1, 2))), KEYS),
        ("the old key", altered(good, ("members", 1, 2), _old_key(story)), TAMPERED),
        ("another organisation", altered(good, ("members", 4, 1), "DEPT-SIX"), TAMPERED),
        ("one member fewer", {**good, "members": members[:-1]}, TAMPERED),
        ("two members swapped", swapped(good, ("members",)), KEYS),
        (
            "members of the epoch itself",
            {**good, "members": members_form(story.first.members)},
            TAMPERED,
        ),
        ("an ordinary header", _end_under(story, signing=story.first, successor=None), TAMPERED),
        ("signed by the next members", by_the_next, TAMPERED),
        ("two signatures", story.end_link(signers=(0, 1)), TAMPERED),
        ("one signer twice", story.end_link(signers=(0, 2, 2)), TAMPERED),
        ("signers out of order", story.end_link(signers=(2, 0, 3)), TAMPERED),
        ("signature, one bit", bit(good, (*signed, 0, 1)), TAMPERED),
        ("wrong signer", altered(good, (*signed, 0, 0), 1), TAMPERED),
        ("no member", altered(good, (*signed, 2, 0), 4), TAMPERED),
        ("signature cut short", cut(good, (*signed, 0, 1)), "UNREADABLE signature"),
    ):
        yield _linked(story, f"end, {name}", [end, story.recovery], expect)


def _end_under(story: Story, *, signing: Group, successor: Group | None) -> JsonObject:
    """The end of epoch 0 by the keys of some group, or under a header that announces nothing."""
    first = story.first
    header = header_in(story.chain, first, epoch=0, height=FIRST_END, successor=successor)
    shown = certified_in(story.chain, signing, header, signers=(0, 1, 2))
    return {**shown, "members": members_form(story.second.members)}


def _lower(story: Story) -> str:
    """The head of the last header with the height of the block before."""
    first, second = story.first, story.second
    header = header_in(story.chain, first, epoch=0, height=FIRST_END - 1, successor=second)
    return base64_text(encode_head(header.head))


def _changed_recoveries(story: Story) -> Iterator[Case]:
    """The recovery record: each field that is signed, and who signed it."""
    good, signed, batches = story.recovery, ("recovery", "signatures"), ("recovery", "batches")
    listed = array(good, batches)
    limit = 2 * story.trust.parameters.window
    digest = ("recovery", "header_digest")
    for name, recovery, expect in (
        ("epoch plus one", altered(good, ("recovery", "epoch"), 2), TAMPERED),
        ("epoch minus one", altered(good, ("recovery", "epoch"), 0), TAMPERED),
        ("base epoch plus one", altered(good, ("recovery", "base_epoch"), 2), TAMPERED),
        ("base epoch minus one", altered(good, ("recovery", "base_epoch"), 0), TAMPERED),
        ("height plus one", altered(good, ("recovery", "height"), SECOND_END + 1), TAMPERED),
        ("height minus one", altered(good, ("recovery", "height"), SECOND_END - 1), TAMPERED),
        ("header digest, one bit", bit(good, digest), TAMPERED),
        ("header digest cut short", altered(good, digest, "00" * 31), "UNREADABLE header_digest"),
        ("a batch left out", altered(good, batches, listed[:-1]), TAMPERED),
        ("a batch added", altered(good, batches, [*listed, listed[0]]), TAMPERED),
        ("batches swapped", swapped(good, batches), TAMPERED),
        ("a batch, one bit", bit(good, (*batches, 0)), TAMPERED),
        ("too many batches", altered(good, batches, listed[:1] * (limit + 1)), MANY),
        ("three signatures", story.recovery_link(signers=(0, 1, 2)), TAMPERED),
        ("one signer twice", story.recovery_link(signers=(0, 1, 2, 2)), TAMPERED),
        ("signers out of order", story.recovery_link(signers=(1, 0, 2, 4)), TAMPERED),
        ("signature, one bit", bit(good, (*signed, 0, 1)), TAMPERED),
        ("wrong signer", altered(good, (*signed, 2, 0), 3), TAMPERED),
        ("no member", altered(good, (*signed, 3, 0), 5), TAMPERED),
        ("signature cut short", cut(good, (*signed, 0, 1)), "UNREADABLE signature"),
        ("signed by the first members", _recovery_by_the_first(story), TAMPERED),
        ("at the end before it", _recovered_at(story, FIRST_END), TAMPERED),
        ("below the end before it", _recovered_at(story, FIRST_END - 1), TAMPERED),
    ):
        yield _linked(story, f"recovery, {name}", [story.end, recovery], expect)


def _recovery_by_the_first(story: Story) -> JsonObject:
    """The record of epoch 1 with the signatures of those who decided in epoch 0."""
    group = Group(members=story.second.members, keys=story.first.keys)
    return recovery_link(story.chain, group, epoch=1, height=SECOND_END, batches=story.batches)


def _recovered_at(story: Story, height: int) -> JsonObject:
    return recovery_link(story.chain, story.second, epoch=1, height=height)


def _misplaced_headers(story: Story) -> Iterator[Case]:
    """Headers outside of their epoch, or signed by those who do not decide in it."""
    chain, first, second = story.chain, story.first, story.second
    keys = (second.keys[0], first.keys[1], *second.keys[2:])
    stale = Group(members=second.members, keys=keys)
    for name, group, epoch, height, expect in (
        ("at the end of the epoch before", second, 1, FIRST_END, "TAMPERED epoch"),
        ("below the end of the epoch before", second, 1, FIRST_END - 1, "TAMPERED epoch"),
        ("at the recovered height", second, 2, SECOND_END, "TAMPERED epoch"),
        ("signed with the key that was replaced", stale, 1, FIRST_END + 1, "TAMPERED quorum"),
        ("members of the epoch before", first, 1, FIRST_END + 1, "TAMPERED members"),
    ):
        shown = record_in(chain, group, story.links[:epoch], height=height)
        yield Case(name=f"header, {name}", trust=story.trust, evidence=shown, expect=expect)
    few = record_in(chain, second, story.links, height=HEIGHT, signers=(0, 1, 2))
    other_epoch = altered(story.record(), ("certificate", "epoch"), 3)
    for name, shown, expect in (
        ("three signatures of five", few, "CANNOT_DECIDE quorum"),
        ("certificate of another epoch", other_epoch, "TAMPERED quorum"),
    ):
        yield Case(name=f"header, {name}", trust=story.trust, evidence=shown, expect=expect)


def _old_key(story: Story) -> str:
    return base64_text(story.first.members[1].vote_key)
