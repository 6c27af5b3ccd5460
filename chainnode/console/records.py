"""A record for people: its fields, and what was checked of it, in the five checks of all pages."""

from dataclasses import dataclass
from typing import Final

from chainnode.analysis.lineage import CallName
from chainnode.console.desk import ShownRecord
from chainnode.verify.found import shown_row
from chainnode.verify.header import CertifiedHeader
from chainnode.verify.judge import ONLINE_MAX_AGE_MS_DEFAULT
from chainnode.verify.rows import read_half
from chainnode.verify.strict_json import JsonObject

# Names of the row, in the order of the page, where they are not empty.
_FIELDS: Final = (
    "position",
    "time",
    "organisation",
    "contract",
    "action",
    "requester",
    "provider",
    "item",
    "side",
    "outcome",
    "purpose",
    "call_id",
    "submission",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One of the five checks: name and result are words, `detail` is a word or a text."""

    name: str
    result: str
    detail: str
    is_word: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One line of a record; `is_sealed`: the ledger holds it, and it is not shown here."""

    name: str
    value: str
    is_sealed: bool = False


def fields_of(shown: ShownRecord) -> tuple[Field, ...]:
    """Return the lines of a record."""
    row = shown_row(shown.facts)
    told = _flat(row)
    found = [Field(name=name, value=told[name]) for name in _FIELDS if told.get(name)]
    if shown.facts.call is None:
        found.append(Field(name="content", value="", is_sealed=True))
    return tuple(found)


def call_of(shown: ShownRecord) -> CallName | None:
    """Return the call of which a record is a half; None: it is no half, or is not shown."""
    call = shown.facts.call
    half = None if call is None else read_half(shown.facts.entry, call)
    if half is None:
        return None
    return CallName(requester=half.requester, provider=half.provider, call_id=half.call_id.hex())


def checks_of(shown: ShownRecord, newest: CertifiedHeader, *, now_ms: int) -> tuple[Check, ...]:
    """Return the five checks: content, author, history, quorum, freshness.

    Fresh is what stands under a chain whose newest proven block is as young as verdicts ask for.
    """
    facts = shown.facts
    is_fresh = now_ms - newest.time_ms <= ONLINE_MAX_AGE_MS_DEFAULT
    signed = f"{len(facts.header.signers)} / {len(facts.header.trust.epochs[facts.header.epoch])}"
    return (
        _worded("content", "pass" if facts.call is not None else "not_checked"),
        _author(shown),
        _worded("history", "pass"),
        Check(name="quorum", result="pass", detail=signed, is_word=False),
        Check(
            name="freshness",
            result="pass" if is_fresh else "fail",
            detail=f"{newest.height}",
            is_word=False,
        ),
    )


def _worded(name: str, result: str) -> Check:
    detail = f"{name}_detail" if result == "pass" else "sealed"
    return Check(name=name, result=result, detail=detail, is_word=True)


def _author(shown: ShownRecord) -> Check:
    if shown.facts.entry.is_ledgers_own:
        return Check(name="issuer", result="pass", detail="issuer_ledger", is_word=True)
    result = "pass" if shown.is_authored else "not_checked"
    detail = "issuer_detail" if shown.is_authored else "issuer_absent"
    return Check(name="issuer", result=result, detail=detail, is_word=True)


def _flat(row: JsonObject) -> dict[str, str]:
    """Return a row as texts: what a call or a finding of the ledger says beside the envelope."""
    told: dict[str, object] = {name: one for name, one in row.items() if one is not None}
    inner = row.get("call") or row.get("found")
    if isinstance(inner, dict):
        told |= {name: one for name, one in inner.items() if one is not None}
    return {name: f"{told[name]}" for name in _FIELDS if name in told}
