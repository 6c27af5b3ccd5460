"""Names of the members of a `.kunproof`, in both versions: what may be there, and what must.

The first version holds one question, the second several and renderings for people.
docs/wire-format.md §12.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chainnode.verify.archive import (
    CSV,
    MANIFEST,
    PAGE,
    PARQUET,
    PROOFS,
    QUESTION,
    ROWS,
    SIGNATURES,
    SUMMARY,
)
from chainnode.verify.errors import UnreadableEvidence
from chainnode.verify.strict_json import JsonObject

ONE_QUESTION, SEVERAL_QUESTIONS = 1, 2
# A person with tokens of 1,024 key epochs, nine to a question, takes 114.
QUESTIONS_MAX = 128
# Renderings that do not follow from the proofs: a verifier has the signatures for them alone.
SIGNED_ALONE = (PARQUET, SUMMARY)
_REQUIRED = {MANIFEST, ROWS, SIGNATURES}
_RENDERED = {CSV, PAGE, *SIGNED_ALONE}
_PROOF = re.compile(r"proofs/([0-9]{3})-(?:question|trail-[0-9]{4})\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofNames:
    """The members that prove one question and its answer, pages in their order."""

    question: str
    pages: tuple[str, ...]


def answer_pages(pages: Sequence[JsonObject]) -> dict[str, JsonObject]:
    """Name the pages of an answer as the members of an export of version 1, in their order."""
    return {f"{PROOFS}trail-{number:04d}.json": page for number, page in enumerate(pages, 1)}


def proof_members(
    number: int, question: JsonObject, pages: Sequence[JsonObject]
) -> dict[str, JsonObject]:
    """Name a question, counted from 1, and the pages of its answer as members of version 2."""
    named = {f"{PROOFS}{number:03d}-trail-{at:04d}.json": page for at, page in enumerate(pages, 1)}
    return {f"{PROOFS}{number:03d}-question.json": question, **named}


def proof_names(members: Mapping[str, bytes], version: int) -> list[ProofNames]:
    """Return the proofs of each question; nothing but what this version knows may be there.

    Raises:
        UnreadableEvidence: a member is missing, unknown to this version, or not the next number.

    """
    _require_members(members, _REQUIRED)
    proofs = sorted(name for name in members if name.startswith(PROOFS))
    if version == ONE_QUESTION:
        _require_members(members, {QUESTION})
        _refuse_members(set(members) - _REQUIRED - {PAGE, *proofs})
        return [
            ProofNames(question=QUESTION, pages=_some([one for one in proofs if one != QUESTION]))
        ]
    _refuse_members(set(members) - _REQUIRED - _RENDERED - set(proofs))
    return _numbered(proofs)


def _numbered(proofs: Sequence[str]) -> list[ProofNames]:
    """Group the proofs of version 2; question and page numbers must count from 1."""
    grouped: dict[int, list[str]] = {}
    for name in proofs:
        found = _PROOF.fullmatch(name)
        if found is None:
            raise _unreadable("proofs of numbered questions", ascii(name))
        grouped.setdefault(int(found[1]), []).append(name)
    names = []
    for number, (given, group) in enumerate(sorted(grouped.items()), 1):
        expected = [*proof_members(number, {}, [{}] * (len(group) - 1))]
        if number != given or group != expected or number > QUESTIONS_MAX:
            raise _unreadable(f"question {number}, with pages numbered from 1", ascii(group[0]))
        names.append(ProofNames(question=expected[0], pages=_some(expected[1:])))
    if not names:
        raise _unreadable("a question", "none")
    return names


def _some(pages: Sequence[str]) -> tuple[str, ...]:
    if not pages:
        raise _unreadable("proofs of the answer", "none")
    return tuple(pages)


def _require_members(members: Mapping[str, bytes], wanted: set[str]) -> None:
    missing = sorted(wanted - set(members))
    if missing:
        raise _unreadable(missing[0], "none")


def _refuse_members(strange: set[str]) -> None:
    if strange:
        raise _unreadable("members of this version", min(strange))


def _unreadable(expected: str, actual: str) -> UnreadableEvidence:
    return UnreadableEvidence(check="members", expected=expected, actual=actual)
