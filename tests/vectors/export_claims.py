"""Corruptions of what people read and sign: members, manifest, rows and signatures."""

from collections.abc import Iterator

from chainnode.verify.archive import MANIFEST, PAGE, QUESTION, ROWS, SIGNATURES
from chainnode.verify.export import AUDITOR
from chainnode.verify.forms import base64_text
from chainnode.verify.question import export_content
from chainnode.verify.rows import canonical_line
from chainnode.verify.strict_json import read_object
from tests.builders_exports import Members
from tests.vectors.cases import altered, array, bit, cut, found
from tests.vectors.export_story import (
    PAGE_BYTES,
    SEALS,
    TRAIL,
    Corruption,
    ExportStory,
    rows_of,
)

CLAIM, LISTED = "TAMPERED manifest", "TAMPERED members"


def corrupted_claims(story: ExportStory, good: Members) -> Iterator[Corruption]:
    """Yield every corruption of these parts."""
    for corruptions in (_members, _claims, _rows, _auditors, _nodes):
        yield from corruptions(story, good)


def _members(story: ExportStory, good: Members) -> Iterator[Corruption]:
    """Members left out, added or changed after both signed."""
    for name, member, expect in (
        ("no manifest", MANIFEST, "UNREADABLE members"),
        ("no rows", ROWS, "UNREADABLE members"),
        ("no signatures", SIGNATURES, "UNREADABLE members"),
        ("no question", QUESTION, "UNREADABLE members"),
        ("no pages", TRAIL, "UNREADABLE members"),
    ):
        yield name, {key: one for key, one in good.items() if key != member}, expect
    paged = story.sealed(story.members(page=PAGE_BYTES))
    in_two = story.answered(pages=story.pages([rows_of(3, 6), rows_of(6, 9)]))
    second = "proofs/trail-0002.json"
    for name, members, expect in (
        ("the page added", {**good, PAGE: PAGE_BYTES}, "TAMPERED members"),
        ("the page swapped", {**paged, PAGE: PAGE_BYTES + b"\n"}, "TAMPERED members"),
        ("a proof added", {**good, second: good[TRAIL]}, "TAMPERED members"),
        (
            "two pages swapped",
            {**in_two, TRAIL: in_two[second], second: in_two[TRAIL]},
            "TAMPERED members",
        ),
        ("rows, one bit", {**good, ROWS: _flipped(good[ROWS])}, "TAMPERED members"),
        ("a page, one bit", {**good, TRAIL: _flipped(good[TRAIL])}, "TAMPERED members"),
        ("the question, one bit", {**good, QUESTION: _flipped(good[QUESTION])}, "TAMPERED members"),
        ("rows emptied", {**good, ROWS: b""}, "TAMPERED members"),
    ):
        yield name, members, expect
    # Here a member is gone that the manifest still lists.
    del paged[PAGE]
    yield "the page left out", paged, "TAMPERED manifest"
    del in_two[second]
    yield "the second page left out", in_two, "TAMPERED manifest"


def _claims(story: ExportStory, good: Members) -> Iterator[Corruption]:
    """Manifests that claim something else; auditor and node sign all the same."""
    digest = read_object(good[MANIFEST])
    size = len(good[ROWS])
    first, second = array(digest, ("members",))[:2]
    listed = [canonical_line(one).rstrip() for one in (first, second) if isinstance(one, dict)]
    for name, old, new, expect in (
        ("rows plus one", b'"rows":4', b'"rows":5', "TAMPERED manifest"),
        ("rows minus one", b'"rows":4', b'"rows":3', "TAMPERED manifest"),
        ("height plus one", b'"as_of_height":12', b'"as_of_height":13', "TAMPERED manifest"),
        ("height minus one", b'"as_of_height":12', b'"as_of_height":11', "TAMPERED manifest"),
        ("complete to a later time", b'805000,"format', b'806000,"format', "TAMPERED manifest"),
        ("complete to no time", b'1772416805000,"format', b'null,"format', "TAMPERED manifest"),
        ("another start", b'"from_ms":1772416803000', b'"from_ms":0', "TAMPERED manifest"),
        ("another end", b'"to_ms":1772416805000', b'"to_ms":0', "TAMPERED manifest"),
        ("another kind", b'"kind":1', b'"kind":2', "TAMPERED manifest"),
        ("another value", b'"values":["UVF', b'"values":["UVG', "TAMPERED manifest"),
        ("question, one bit", *_bit_of(str(found(digest, ("question", "digest")))), CLAIM),
        ("a digest of a member, one bit", *_bit_of(story.suite.digest(good[ROWS]).hex()), LISTED),
        ("a size plus one", b'"size":%d}]' % size, b'"size":%d}]' % (size + 1), CLAIM),
        ("members swapped", b",".join(listed), b",".join(listed[::-1]), CLAIM),
        ("a member listed twice", listed[0], b",".join([listed[0]] * 2), CLAIM),
        ("a member not listed", listed[0] + b",", b"", LISTED),
        ("blanks", b'"rows":4', b'"rows": 4', CLAIM),
        ("no newline at the end", b"\n", b"", CLAIM),
        ("a name more", b'"rows":4', b'"rows":4,"rowz":4', "UNREADABLE manifest"),
        ("a name twice", b'"rows":4', b'"rows":4,"rows":4', "UNREADABLE json names"),
        ("a fraction", b'"rows":4', b'"rows":4.0', "UNREADABLE json number"),
        ("another version", b'"version":1', b'"version":3', "UNREADABLE version"),
        ("the second version", b'"version":1', b'"version":2', "UNREADABLE manifest"),
        ("another format", b"kunlian-export", b"kunlian-report", "UNREADABLE format"),
        ("another suite", b'"suite":"', b'"suite":"x', "UNREADABLE suite"),
        ("another chain", *_bit_of(story.genesis.chain_id.hex()), "UNTRUSTED_ISSUER chain"),
    ):
        yield f"manifest, {name}", _claiming(story, good, old, new), expect


def _bit_of(digest: str) -> tuple[bytes, bytes]:
    changed = bytearray.fromhex(digest)
    changed[-1] ^= 1
    return digest.encode(), changed.hex().encode()


def _claiming(story: ExportStory, good: Members, old: bytes, new: bytes) -> Members:
    def change(manifest: bytes) -> bytes:
        assert manifest.count(old) == 1, old
        return manifest.replace(old, new)

    bare = {name: one for name, one in good.items() if name not in SEALS}
    return story.sealed(bare, change=change)


def _rows(story: ExportStory, good: Members) -> Iterator[Corruption]:
    """Other lines for people; the manifest lists them, and both signed it."""
    lines = good[ROWS].splitlines(keepends=True)
    for name, other in (
        ("the first removed", lines[1:]),
        ("one inside removed", [lines[0], *lines[2:]]),
        ("the last removed", lines[:-1]),
        ("one doubled", [*lines, lines[-1]]),
        ("two swapped", [lines[1], lines[0], *lines[2:]]),
        ("all removed", []),
        ("another outcome", [lines[0].replace(b'"outcome":0', b'"outcome":1'), *lines[1:]]),
        ("another purpose", [lines[0].replace(b"moving", b"buying"), *lines[1:]]),
        ("position plus one", [lines[0].replace(b'"position":9', b'"position":10'), *lines[1:]]),
        ("a name more", [lines[0].replace(b'"height":3', b'"height":3,"x":0'), *lines[1:]]),
        ("a blank", [lines[0].replace(b'"height":3', b'"height": 3'), *lines[1:]]),
        ("escapes", [lines[0].replace("户".encode(), b"\\u6237"), *lines[1:]]),
        ("other ends of lines", [one.replace(b"\n", b"\r\n") for one in lines]),
        ("no newline at the end", [*lines[:-1], lines[-1].rstrip()]),
    ):
        assert other != lines, name
        changed = story.claimed({**good, ROWS: b"".join(other)})
        yield f"rows, {name}", changed, "TAMPERED rows"


def _auditors(story: ExportStory, good: Members) -> Iterator[Corruption]:
    """Somebody else than the asker for the auditor."""
    signed = read_object(good[SIGNATURES])
    node_key = base64_text(story.vote_keys[2].public_key)
    key, signature = ("auditor", "public_key"), ("auditor", "signature")
    over_another = read_object(story.signatures(good[MANIFEST] + b" "))
    foreign = ExportStory(story.suite.name, label="another chain").signatures(good[MANIFEST])
    other_chain = altered(signed, ("auditor",), read_object(foreign)["auditor"])
    of_node = altered(signed, signature, found(signed, ("node", "signature")))
    for name, changed, expect in (
        ("another key", altered(signed, key, node_key), "TAMPERED auditor"),
        ("the key cut short", cut(signed, key), "TAMPERED auditor"),
        ("signature, one bit", bit(signed, signature), "TAMPERED auditor"),
        ("signature cut short", cut(signed, signature), "UNREADABLE signature"),
        ("over another manifest", over_another, "TAMPERED auditor"),
        ("for another chain", other_chain, "TAMPERED auditor"),
        ("signature of the node", of_node, "TAMPERED auditor"),
        ("withheld", {**signed, "auditor": None}, "UNREADABLE auditor"),
        ("a name more", {**signed, "third": None}, "UNREADABLE signatures"),
    ):
        yield f"auditor, {name}", {**good, SIGNATURES: canonical_line(changed)}, expect


def _nodes(story: ExportStory, good: Members) -> Iterator[Corruption]:
    """No member, another member, another signature."""
    signed = read_object(good[SIGNATURES])
    signature = ("node", "signature")
    of_auditor = altered(signed, signature, found(signed, ("auditor", "signature")))
    as_auditor = story.vote_keys[2].sign(
        export_content(
            chain_id=story.genesis.chain_id,
            signer=AUDITOR,
            manifest_digest=story.suite.digest(good[MANIFEST]),
        )
    )
    for name, changed, expect in (
        ("another replica", altered(signed, ("node", "replica_id"), 1), "TAMPERED node"),
        ("no member", altered(signed, ("node", "replica_id"), 4), "TAMPERED node"),
        ("another epoch", altered(signed, ("node", "epoch"), 1), "TAMPERED node"),
        ("signature, one bit", bit(signed, signature), "TAMPERED node"),
        ("signature cut short", cut(signed, signature), "UNREADABLE signature"),
        ("signature of the auditor", of_auditor, "TAMPERED node"),
        (
            "signing as an auditor",
            altered(signed, signature, base64_text(as_auditor)),
            "TAMPERED node",
        ),
        ("a name more", altered(signed, ("node", "organisation"), "X"), "UNREADABLE node"),
    ):
        yield f"node, {name}", {**good, SIGNATURES: canonical_line(changed)}, expect


def _flipped(data: bytes) -> bytes:
    return data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]
