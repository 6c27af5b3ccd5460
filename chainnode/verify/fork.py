"""Proof that the chain forked: two certified headers of one epoch and height that differ.

With at most `max_faulty` liars it cannot exist, so whoever holds it holds a proof that more of
the members signed both sides, or that their keys were stolen (docs/wire-format.md §11).
"""

from dataclasses import dataclass
from typing import Final

from chainnode.verify.epochs import verify_placed_header
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.evidence import open_form
from chainnode.verify.forms import EVIDENCE_FORMAT, EVIDENCE_VERSION_2, placed_form
from chainnode.verify.header import CertifiedHeader, anchor_of
from chainnode.verify.strict_json import JsonObject, JsonValue, as_fields
from chainnode.verify.trust import Trust

KIND: Final = "fork"
_NAMES = (
    *("format", "version", "kind", "chain_id", "suite"),
    *("epochs", "first", "second"),
)
_SIDE_NAMES = ("header", "certificate")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkFacts:
    """A quorum signed `first`, and a quorum signed `second`, of the same epoch and height."""

    first: CertifiedHeader
    second: CertifiedHeader

    @property
    def height(self) -> int:
        """The height at which the chain forked, or a later one on both sides."""
        return self.first.height

    @property
    def on_both_sides(self) -> tuple[int, ...]:
        """Replica ids of those who signed both headers, ascending."""
        return tuple(one for one in self.first.signers if one in self.second.signers)


def fork_evidence(one: CertifiedHeader, other: CertifiedHeader, *, trust: Trust) -> JsonObject:
    """Return `kind: "fork"` of two verified headers of one epoch and height."""
    first, second = (placed_form(anchor_of(side)) for side in sorted((one, other), key=_by_digest))
    return {
        "format": EVIDENCE_FORMAT,
        "version": EVIDENCE_VERSION_2,
        "kind": KIND,
        "chain_id": trust.chain_id.hex(),
        "suite": trust.suite.name,
        "epochs": first["epochs"],
        "first": {name: first[name] for name in _SIDE_NAMES},
        "second": {name: second[name] for name in _SIDE_NAMES},
    }


def verify_fork_evidence(evidence: JsonValue, trust: Trust) -> ForkFacts:
    """Check `kind: "fork"`.

    Raises:
        UnreadableEvidence: it does not decode.
        ForeignEvidence: it belongs to another chain.
        NoQuorum: too few signed one of the sides.
        InvalidEvidence: not two headers of one place, or any other check fails.

    """
    fields = open_form(evidence, trust, kind=KIND, version=EVIDENCE_VERSION_2, names=_NAMES)
    # What is pinned is one side at most, and older forks are proofs as well.
    first, second = (
        verify_placed_header(
            {**as_fields(fields[side], side, _SIDE_NAMES), "epochs": fields["epochs"]},
            trust,
            is_pinned=False,
        )
        for side in ("first", "second")
    )
    if first.height != second.height:
        raise InvalidEvidence(
            check="height", expected=f"two headers of {first.height}", actual=f"{second.height}"
        )
    if first.digest >= second.digest:
        raise InvalidEvidence(
            check="order",
            expected="two headers, the lesser digest first",
            actual="one twice" if first.digest == second.digest else "the greater first",
        )
    return ForkFacts(first=first, second=second)


def _by_digest(header: CertifiedHeader) -> bytes:
    return header.digest
