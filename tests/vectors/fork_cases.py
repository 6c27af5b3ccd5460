"""Cases of `kind: "fork"`: what proves that the chain forked, and what only looks like it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from chainnode.ledger.types import Header
from chainnode.verify.forms import EVIDENCE_FORMAT
from chainnode.verify.strict_json import JsonObject, JsonValue
from tests.builders_epochs import Group, certified_in, header_in
from tests.builders_evidence import TIME_MS
from tests.vectors.cases import altered, bit, cut, found, swapped
from tests.vectors.epoch_story import FIRST_END, HEIGHT, Case, Story

FORK_HEIGHT = 12
SIDES = ("first", "second")
SIGNED = ("certificate", "signatures")
ORDER = "TAMPERED order"


def fork_cases(story: Story) -> Iterator[Case]:
    """Yield every case of a fork."""
    yield from _proven(story)
    yield from _changed_sides(story)
    yield from _wrong_pairs(story)
    yield from _wrong_forms(story)


def _headers(
    story: Story, group: Group, *, epoch: int = 0, height: int = FORK_HEIGHT
) -> tuple[Header, Header]:
    """Two headers of one place, the lesser digest first."""
    one = header_in(story.chain, group, epoch=epoch, height=height)
    other = replace(one, head=replace(one.head, time_ms=TIME_MS + 1))
    return _ordered(story, one, other)


def _ordered(story: Story, one: Header, other: Header) -> tuple[Header, Header]:
    h = story.chain.suite.digest
    return (one, other) if one.digest(h) < other.digest(h) else (other, one)


def _evidence(
    story: Story,
    headers: tuple[Header, Header],
    *,
    group: Group | None = None,
    signers: tuple[Sequence[int], Sequence[int]] = ((0, 1, 3), (0, 2, 3)),
    links: Sequence[JsonObject] = (),
) -> JsonObject:
    """Return the fork of these headers, each under the signatures of some of the group."""
    signing = group or story.first
    first, second = (
        certified_in(story.chain, signing, header, signers=who)
        for header, who in zip(headers, signers, strict=True)
    )
    return {
        "format": EVIDENCE_FORMAT,
        "version": 2,
        "kind": "fork",
        "chain_id": story.chain.genesis.chain_id.hex(),
        "suite": story.chain.suite.name,
        "epochs": list(links),
        "first": first,
        "second": second,
    }


def good_fork(story: Story) -> JsonObject:
    """The fork that most corruptions start from: height 12 of epoch 0."""
    return _evidence(story, _headers(story, story.first))


def _proven(story: Story) -> Iterator[Case]:
    """Forks that anybody can prove, wherever trust begins."""
    first, second = story.first, story.second
    good = good_fork(story)
    at = {"epoch": 0, "height": FORK_HEIGHT}
    pair: list[JsonValue] = [0, 3]
    for name, trust in (
        ("fork", story.trust),
        ("fork, at the pinned block", story.pinned(first, epoch=0, height=FORK_HEIGHT)),
        ("fork, below the pinned block", story.pinned(first, epoch=0, height=FIRST_END)),
    ):
        facts: JsonObject = {**at, "on_both_sides": pair}
        yield Case(name=name, trust=trust, evidence=good, facts=facts)
    ends = [
        header_in(story.chain, first, epoch=0, height=FIRST_END, successor=one)
        for one in (None, second)
    ]
    everybody: list[JsonValue] = [0, 1, 2, 3]
    of_ends = _evidence(
        story, _ordered(story, ends[0], ends[1]), signers=((0, 1, 2, 3), (0, 1, 2, 3))
    )
    yield Case(
        name="fork, two ends of one epoch",
        trust=story.trust,
        evidence=of_ends,
        facts={"epoch": 0, "height": FIRST_END, "on_both_sides": everybody},
    )
    quorums = ((0, 1, 2, 3), (1, 2, 3, 4))
    later = _evidence(
        story,
        _headers(story, second, epoch=2, height=HEIGHT),
        group=second,
        signers=quorums,
        links=story.links,
    )
    three: list[JsonValue] = [1, 2, 3]
    facts = {"epoch": 2, "height": HEIGHT, "on_both_sides": three}
    yield Case(name="fork, in a later epoch", trust=story.trust, evidence=later, facts=facts)
    pinned = story.pinned(second, epoch=1, height=25)
    yield Case(name="fork, trust of a later epoch", trust=pinned, evidence=later, facts=facts)
    for name, links, expect in (
        ("last link left out", story.links[:1], "CANNOT_DECIDE epoch"),
        ("links withheld", [], "CANNOT_DECIDE epoch"),
        ("links swapped", story.links[::-1], "TAMPERED epochs"),
    ):
        changed = altered(later, ("epochs",), list(links))
        yield Case(name=f"fork, {name}", trust=story.trust, evidence=changed, expect=expect)
    yield Case(
        name="fork, of an epoch before the trusted one",
        trust=pinned,
        evidence=good,
        expect="CANNOT_DECIDE epoch",
    )


def _changed_sides(story: Story) -> Iterator[Case]:
    """One change on one side: it is no header that a quorum signed any more."""
    headers, good = _headers(story, story.first), good_fork(story)
    for at, side in enumerate(SIDES):
        digest = (side, "certificate", "header_digest")
        other = found(good, (SIDES[1 - at], *SIGNED))
        for name, evidence, expect in (
            ("two signatures", _signed(story, headers, at, (0, 3)), "CANNOT_DECIDE quorum"),
            ("one signer twice", _signed(story, headers, at, (0, 3, 3)), "TAMPERED quorum"),
            ("signers out of order", _signed(story, headers, at, (3, 0, 1)), "TAMPERED quorum"),
            ("signature, one bit", bit(good, (side, *SIGNED, 0, 1)), "TAMPERED quorum"),
            (
                "signature cut short",
                cut(good, (side, *SIGNED, 0, 1)),
                "UNREADABLE signature",
            ),
            ("wrong signer", altered(good, (side, *SIGNED, 1, 0), 2 - at), "TAMPERED quorum"),
            ("no member", altered(good, (side, *SIGNED, 2, 0), 4), "TAMPERED quorum"),
            ("signatures of the other", altered(good, (side, *SIGNED), other), "TAMPERED quorum"),
            ("state root, one bit", bit(good, (side, "header", "rest", 3)), "TAMPERED header"),
            ("two roots swapped", swapped(good, (side, "header", "rest")), "TAMPERED header"),
            ("head cut short", cut(good, (side, "header", "head")), "UNREADABLE head"),
            ("digest, one bit", bit(good, digest), "TAMPERED header"),
            (
                "height of the certificate",
                altered(good, (side, "certificate", "height"), FORK_HEIGHT + 1),
                "TAMPERED quorum",
            ),
            (
                "epoch of the certificate",
                altered(good, (side, "certificate", "epoch"), 1),
                "TAMPERED quorum",
            ),
            ("withheld", altered(good, (side,), None), f"UNREADABLE {side}"),
        ):
            yield Case(
                name=f"fork, {side}, {name}", trust=story.trust, evidence=evidence, expect=expect
            )


def _signed(
    story: Story, headers: tuple[Header, Header], at: int, who: Sequence[int]
) -> JsonObject:
    """The fork with other signers on one side."""
    signers = ((0, 1, 3), who) if at else (who, (0, 2, 3))
    return _evidence(story, headers, signers=signers)


def _wrong_pairs(story: Story) -> Iterator[Case]:
    """Two good headers that contradict nothing."""
    good = good_fork(story)
    lesser, _greater = _headers(story, story.first)
    two_heights = (lesser, _headers(story, story.first, height=FORK_HEIGHT + 1)[1])
    foreign = good_fork(Story(story.chain.suite.name, label="another chain"))
    later = certified_in(
        story.chain, story.second, header_in(story.chain, story.second, epoch=1, height=21)
    )
    for name, evidence, expect in (
        ("the greater first", {**good, "first": good["second"], "second": good["first"]}, ORDER),
        ("one header twice", {**good, "second": good["first"]}, ORDER),
        ("one header under two quorums", _evidence(story, (lesser, lesser)), ORDER),
        ("two heights", _evidence(story, two_heights), "TAMPERED height"),
        ("two epochs", {**good, "second": later}, "CANNOT_DECIDE epoch"),
        (
            "two epochs, with the link",
            altered({**good, "second": later}, ("epochs",), [story.end]),
            "TAMPERED epochs",
        ),
        ("another chain", foreign, "UNTRUSTED_ISSUER chain"),
        ("one side of another chain", {**good, "second": foreign["second"]}, "TAMPERED chain"),
    ):
        yield Case(name=f"fork, {name}", trust=story.trust, evidence=evidence, expect=expect)


def _wrong_forms(story: Story) -> Iterator[Case]:
    """What is not written as a fork is written."""
    good = good_fork(story)
    placed: JsonObject = {name: one for name, one in good.items() if name != "epochs"}
    for name, evidence, expect in (
        ("version 1", {**good, "version": 1}, "UNREADABLE version"),
        ("another suite", {**good, "suite": "none"}, "TAMPERED suite"),
        ("another kind", {**good, "kind": "consistency"}, "UNREADABLE evidence"),
        (
            "a name more",
            {**good, "header": found(good, ("first", "header"))},
            "UNREADABLE evidence",
        ),
        ("no links at all", placed, "UNREADABLE evidence"),
        ("a link of no epoch", altered(good, ("epochs",), [{}]), "UNREADABLE epochs"),
        ("a link too many", altered(good, ("epochs",), [story.end]), "TAMPERED epochs"),
    ):
        yield Case(name=f"fork, {name}", trust=story.trust, evidence=evidence, expect=expect)
