"""Write the vectors of compact proofs: run `python -m tests.vectors.make_compact`.

Formats: tests/vectors/compact/README.md. The payloads are made by `tests.builders_compact`, a
naive copy of the wire format; `tests/unit/chainnode/verify/test_compact_vectors.py` judges each
case. SM2 signatures hold a random number, so the files of suite `sm` differ in every run.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from chainnode.codec import Plain
from chainnode.verify.qr_text import text_of
from chainnode.verify.strict_json import JsonObject
from chainnode.verify.trust import Trust
from tests.builders_compact import (
    FULL_ISSUE,
    HEIGHT,
    PLAIN_IMPORT,
    TIME_MS,
    Paper,
    packed,
)

FOLDER = Path(__file__).parent / "compact"
PINNED_HEIGHT = 4_000
ADDRESS = "https://verify.example/verify"
# Places in the arrays of docs/wire-format.md §13.
MARK, RECORD, ORIGIN, PLACE, SEAL = range(2, 7)
REFERENCE_HEIGHT, REFERENCE_SIGNATURE = 5, 6


@dataclass(frozen=True, kw_only=True)
class Case:
    """One vector: the text of a QR code, and what must come out."""

    name: str
    paper: Paper
    text: str
    expect: str = "accepted"
    pinned: bool = False

    @property
    def trust(self) -> Trust:
        """The trust it is judged with: of the plain chain, at a checkpoint below or at it."""
        paper = self.paper
        height, digest = PINNED_HEIGHT, paper.h(b"the header at that height")
        if self.pinned:
            height, digest = HEIGHT, paper.h(b"another header at this height")
        plain = Paper(suite_name=paper.suite_name, members=paper.members)
        return plain.trust.pinned_at(epoch=0, height=height, header_digest=digest, time_ms=TIME_MS)

    def document(self) -> JsonObject:
        return {
            "name": self.name,
            "trust": self.trust.form(),
            "text": self.text,
            "expect": self.expect,
            "facts": self.facts() if self.expect == "accepted" else None,
        }

    def facts(self) -> JsonObject:
        """Return what is rebuilt from it."""
        paper = self.paper
        facts: JsonObject = {
            "submission_digest": paper.h(paper.submission_header).hex(),
            "key_id": paper.key_id.hex(),
            "call_index": paper.call_index,
            "height": paper.height,
        }
        if not paper.withheld:
            facts |= {"identifier": paper.part.identifier, "public": paper.public.hex()}
        if "reference" not in self.name:
            facts |= {
                "body_digest": paper.body_digest.hex(),
                "entry": paper.entry.hex(),
                "header_digest": paper.header_digest.hex(),
                "time_ms": TIME_MS,
                "signers": list(paper.replicas),
            }
        return facts


def cases(suite_name: str) -> Iterator[Case]:
    """Yield every case of one suite."""
    yield from good_cases(suite_name)
    plain = Paper(suite_name=suite_name)
    for name, expect, array in (
        *changed_proofs(plain),
        *foreign_proofs(plain),
        *wrong_signers(plain),
        *changed_references(replace(plain, calls=5, call_index=4)),
    ):
        yield Case(name=name, paper=plain, text=text_of(packed(array)), expect=expect)
    for name, data in broken_bytes(plain):
        yield Case(name=name, paper=plain, text=text_of(data), expect="UNREADABLE compact")
    for name, text in broken_texts(plain):
        yield Case(name=name, paper=plain, text=text, expect="UNREADABLE qr text")
    yield Case(
        name="another header at the checkpoint's height",
        paper=plain,
        text=text_of(packed(plain.proof())),
        expect="TAMPERED checkpoint",
        pinned=True,
    )


def good_cases(suite_name: str) -> Iterator[Case]:
    """Every kind of record and origin, several blocks and groups."""
    plain = Paper(suite_name=suite_name)
    for name, paper in (
        ("proof, block of 1", replace(plain, entries=1, index=0)),
        ("proof, block of 16", plain),
        ("proof, last entry of 11", replace(plain, entries=11, index=10)),
        ("proof, block of 64", replace(plain, entries=64, index=63)),
        ("proof, 7 members", replace(plain, members=7)),
        ("proof, other signers", replace(plain, signers=(0, 1, 3))),
        ("proof, all that can be shown", replace(plain, part=FULL_ISSUE, private=b"private")),
        ("proof, import", replace(plain, part=PLAIN_IMPORT)),
        ("proof, call among others", replace(plain, calls=5, call_index=4)),
        ("proof, content withheld", replace(plain, withheld=True)),
        ("proof, below the checkpoint", replace(plain, height=PINNED_HEIGHT - 1)),
        ("proof, large nonce", replace(plain, nonce=2**53 - 1)),
    ):
        yield Case(name=name, paper=paper, text=text_of(packed(paper.proof())))
    for name, paper in (
        ("reference, sole call", plain),
        ("reference, last of 5 calls", replace(plain, calls=5, call_index=4)),
        ("reference, import", replace(plain, part=PLAIN_IMPORT)),
    ):
        yield Case(name=name, paper=paper, text=text_of(packed(paper.reference())))
    yield Case(
        name="proof, as a URL",
        paper=plain,
        text=f"{ADDRESS}#{text_of(packed(plain.proof()))}",
    )


def changed_proofs(paper: Paper) -> Iterator[tuple[str, str, Sequence[Plain]]]:
    """One thing of the record, its origin or its place is not what was signed."""
    proof = paper.proof()
    record, origin, place = list(paper.record), _list(proof[ORIGIN]), _list(proof[PLACE])
    time_ms, sides, path = place
    assert isinstance(path, bytes)
    assert isinstance(sides, int)
    parts = record[3]
    assert isinstance(parts, bytes)
    quorum = "TAMPERED quorum"
    yield "file digest, one bit", quorum, _with(proof, (RECORD, 3), _flipped(parts, 20))
    yield "salt, one bit", quorum, _with(proof, (RECORD, 3), _flipped(parts, 0))
    yield "another first day", quorum, _with(proof, (RECORD, 4), 20260102)
    yield "a last day added", quorum, _with(proof, (RECORD, 5), 20361231)
    other = Paper(suite_name=paper.suite_name, part=FULL_ISSUE)
    yield "another identifier", quorum, _with(proof, (RECORD, 1), other.claim[1])
    yield "nonce plus one", quorum, _with(proof, (ORIGIN, 1), 1)
    yield "validity minus one", quorum, _with(proof, (ORIGIN, 2), _integer(origin[2]) - 1)
    yield "time plus one", quorum, _with(proof, (PLACE, 0), _integer(time_ms) + 1)
    yield "first sibling on the other side", quorum, _with(proof, (PLACE, 1), sides ^ 1)
    yield "last sibling on the other side", quorum, _with(proof, (PLACE, 1), sides ^ 8)
    yield "path, one bit", quorum, _with(proof, (PLACE, 2), _flipped(path, 40))
    yield "head, one bit", quorum, _with(proof, (PLACE, 2), _flipped(path, len(path) - 1))
    yield (
        "first two siblings swapped",
        quorum,
        _with(proof, (PLACE, 2), path[32:64] + path[:32] + path[64:]),
    )
    yield (
        "first sibling gone",
        quorum,
        _with(proof, (PLACE,), (time_ms, sides >> 1, path[32:])),
    )
    yield (
        "a sibling too many, the first twice",
        quorum,
        _with(proof, (PLACE,), (time_ms, sides, path[:32] + path)),
    )
    yield (
        "the root of the entries instead of the way to it",
        quorum,
        _with(proof, (PLACE,), (time_ms, 0, path[-128:])),
    )
    rejected = replace(paper, nonce=99)
    yield "a call that left no entry", quorum, _with(proof, (ORIGIN,), rejected.proof()[ORIGIN])
    empty = paper.h(b"\x00")
    shown = _with(_with(proof, (RECORD, 2), 4), (RECORD, 3), parts + empty)
    yield "digest of an empty private part", "TAMPERED private", shown


def foreign_proofs(paper: Paper) -> Iterator[tuple[str, str, Sequence[Plain]]]:
    """Another chain, epoch or height."""
    proof = paper.proof()
    other = replace(paper, label="another chain").proof()
    yield "another chain", "UNTRUSTED_ISSUER chain", other
    yield "another chain under our mark", "TAMPERED quorum", _with(other, (MARK,), proof[MARK])
    yield "another epoch", "CANNOT_DECIDE epoch", _with(proof, (SEAL, 0), 1)
    yield "height plus one", "TAMPERED quorum", _with(proof, (SEAL, 1), HEIGHT + 1)
    yield "height minus one", "TAMPERED quorum", _with(proof, (SEAL, 1), HEIGHT - 1)


def wrong_signers(paper: Paper) -> Iterator[tuple[str, str, Sequence[Plain]]]:
    """The bitmap and the signatures do not make a quorum."""
    proof = paper.proof()
    joined = _list(proof[SEAL])[3]
    assert isinstance(joined, bytes)
    seal = (SEAL, 2), (SEAL, 3)

    def signed(bits: int, data: bytes) -> Sequence[Plain]:
        return _with(_with(proof, seal[0], bits), seal[1], data)

    yield "two signers", "CANNOT_DECIDE quorum", signed(0b1100, joined[64:])
    yield "nobody", "CANNOT_DECIDE quorum", signed(0, b"")
    everybody = replace(paper, signers=(0, 1, 2, 3)).proof()
    yield "more signers than the quorum", "TAMPERED quorum", everybody
    yield "another signer named", "TAMPERED quorum", signed(0b1101, joined)
    yield "a signer who is no member", "TAMPERED quorum", signed(0b10110, joined)
    yield "one signature twice", "TAMPERED quorum", signed(0b1110, joined[:64] * 2 + joined[128:])
    swapped = joined[64:128] + joined[:64] + joined[128:]
    yield "two signatures swapped", "TAMPERED quorum", signed(0b1110, swapped)
    yield "a signature, one bit", "TAMPERED quorum", signed(0b1110, _flipped(joined, 70))
    yield "fewer signatures than bits", "UNREADABLE compact", signed(0b1110, joined[64:])
    yield "more signatures than bits", "UNREADABLE compact", signed(0b1110, joined + joined[:64])
    yield "part of a signature", "UNREADABLE compact", signed(0b1110, joined[:-1])


def changed_references(paper: Paper) -> Iterator[tuple[str, str, Sequence[Plain]]]:
    """What the issuer signed is not what is shown."""
    made = paper.reference()
    parts = paper.claim[3]
    signature = made[REFERENCE_SIGNATURE]
    assert isinstance(parts, bytes)
    assert isinstance(signature, bytes)
    for name, expect, place, value in (
        ("file digest, one bit", "TAMPERED signature", (RECORD, 3), _flipped(parts, 20)),
        ("nonce plus one", "TAMPERED signature", (ORIGIN, 1), 1),
        ("one call more", "TAMPERED call", (ORIGIN, 3), 6),
        ("another call", "TAMPERED call", (ORIGIN, 4), 3),
        ("index beyond the count", "TAMPERED call", (ORIGIN, 4), 5),
        ("signature, one bit", "TAMPERED signature", (REFERENCE_SIGNATURE,), _flipped(signature)),
        ("another chain", "UNTRUSTED_ISSUER chain", (MARK,), _integer(made[MARK]) ^ 1),
    ):
        yield f"reference, {name}", expect, _with(made, place, value)
    foreign = replace(paper, label="another chain").reference()
    under_ours = _with(foreign, (MARK,), made[MARK])
    yield "reference, another chain under our mark", "TAMPERED signature", under_ours
    withheld = _with(made, (RECORD,), replace(paper, withheld=True).record)
    yield "reference, content withheld", "UNREADABLE compact", withheld


def broken_bytes(paper: Paper) -> Iterator[tuple[str, bytes]]:
    """Not the encoding of a legal proof."""
    proof = paper.proof()
    data = packed(proof)
    identifier = paper.claim[1]
    assert isinstance(identifier, bytes)
    yield "the last byte gone", data[:-1]
    yield "a byte after it", data + b"\x00"
    yield "half of it", data[: len(data) // 2]
    yield "an integer in a longer form", data.replace(b"kun.qr\x01", b"kun.qr\xcc\x01", 1)
    yield "another tag", packed(["kun.qs", *proof[1:]])
    yield "another version", packed(["kun.qr", 2, *proof[2:]])
    yield "one element more", packed([*proof, 0])
    yield "identifier with a leading zero", packed(_with(proof, (RECORD, 1), b"\0" + identifier))
    yield (
        "identifier with another mark",
        packed(
            _with(proof, (RECORD, 1), (int.from_bytes(identifier, "big") * 3).to_bytes(25, "big"))
        ),
    )
    yield "empty identifier", packed(_with(proof, (RECORD, 1), b""))
    yield "no day", packed(_with(proof, (RECORD, 4), 20260230))
    yield "more shown than is there", packed(_with(proof, (RECORD, 2), 1))
    yield "a side without a sibling", packed(_with(proof, (PLACE, 1), 16))
    path = _list(proof[PLACE])[2]
    assert isinstance(path, bytes)
    yield "part of a digest in the path", packed(_with(proof, (PLACE, 2), path[:-1]))
    yield "no way through the header", packed(_with(proof, (PLACE,), (TIME_MS, 0, path[-96:])))
    yield "validity beyond all time", packed(_with(proof, (ORIGIN, 2), 2**53 - 1))
    yield "unknown kind of record", packed(_with(proof, (RECORD, 0), 3))
    yield "empty record", packed(_with(proof, (RECORD,), ()))
    keys = replace(paper, withheld=True)
    turned = _with(keys.proof(), (RECORD, 5), tuple(reversed(keys.index_keys)))
    yield "index keys out of order", packed(turned)


def broken_texts(paper: Paper) -> Iterator[tuple[str, str]]:
    """Not the text of a QR code of this kind."""
    text = text_of(packed(paper.proof()))
    yield "text in lower case", text.lower().replace("kun:", "KUN:")
    yield "one digit left over", text + "0" * ((1 - len(text.removeprefix("KUN:"))) % 3)
    yield "a group too large", text[:4] + ":::" + text[7:]
    yield "a digit of base 45", text[:4] + "$" + text[5:]
    yield "a space in it", text[:30] + " " + text[31:]
    yield "nothing behind the mark", "KUN:"
    yield "a URL with another fragment", f"{ADDRESS}#KUN"
    yield "longer than a QR code", "KUN:" + "0" * 4294


def _list(value: Plain) -> list[Plain]:
    assert isinstance(value, tuple)
    return list(value)


def _integer(value: Plain) -> int:
    assert isinstance(value, int)
    return value


def _flipped(data: bytes, at: int = 0) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _with(array: Sequence[Plain], place: tuple[int, ...], value: Plain) -> list[Plain]:
    """Return the array with another value at a place, one or two levels deep."""
    changed = list(array)
    first, *rest = place
    if rest:
        inner = _list(changed[first])
        inner[rest[0]] = value
        value = tuple(inner)
    changed[first] = value
    return changed


def main() -> None:
    """Write all files anew."""
    for suite_name in ("sm", "intl"):
        folder = FOLDER / suite_name
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.json"):
            old.unlink()
        for case in cases(suite_name):
            name = case.name.replace(", ", "_").replace(" ", "_").replace("'", "").lower()
            text = json.dumps(case.document(), ensure_ascii=False, indent=1)
            (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
