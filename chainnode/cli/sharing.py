"""What `kun catalog` and `kun grant` have in common: choices, documents, submitting, lists.

A list is a question to the audit log: the trail of an index key names every item or grant that
there ever was, provably, and the state says what each is now. Whoever has no auditor's key asks
for items and grants by name instead; nothing then shows that there are no others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, TypeVar

from chainnode.cli.exits import ExitCode, UsageProblem
from chainnode.cli.fact_lines import print_facts
from chainnode.cli.output import Output
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from chainnode.client import AuditAnswer, Client, Final, StateRow
    from chainnode.ledger.types import Entry
    from chainnode.submission import Call
    from contracts.schemas.catalog import ItemRow
    from contracts.schemas.grants import GrantRow
    from contracts.schemas.index_kinds import IndexKind

NumberT = TypeVar("NumberT", bound=IntEnum)

DEFAULT_IDENTITY = "member"
GRADES = ("general", "important", "core")
SHARES = ("unconditional", "conditional", "none")
KINDS = ("statute", "agreement", "consent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Every name under the asked keys, and the answer that proves it; `unnamed` are digests."""

    names: tuple[str, ...]
    unnamed: int
    answer: "AuditAnswer"


def number_of(word: str, words: Sequence[str]) -> int:
    """Return the number on the chain of a choice: the first is 1."""
    return words.index(word) + 1


def chosen_bits(names: Sequence[str], item: "ItemRow", *, item_name: str) -> int:
    """Return the bits of these fields of an item.

    Raises:
        UsageProblem: the item lacks one.

    """
    from contracts.schemas.catalog import bits_of

    try:
        return bits_of(tuple(names), item.fields)
    except ValueError as error:
        known = ", ".join(item.fields)
        raise UsageProblem(
            "FIELD",
            Text(
                f"--field：{item_name} 的字段为：{known}",
                f"--field: the fields of {item_name} are: {known}",
            ),
        ) from error


def submitted(client: "Client", contract: str, call: "Call") -> "Final":
    """Submit one call and wait until it is final.

    Raises:
        CommandError: refused, or not final in time.

    """
    from chainnode.cli.outcomes import require_accepted

    return require_accepted(client.submit(contract, [call]))


def recorded(final: "Final") -> dict[str, object]:
    """Return where an accepted call stands."""
    return {"height": final.height, "record": final.calls[0].position}


def told(output: Output, document: Mapping[str, object]) -> int:
    """Print a small document, one line for each name that has a value."""
    output.answer(document, lambda: _print_given(output, document))
    return ExitCode.OK


def told_each(output: Output, documents: Sequence[Mapping[str, object]]) -> None:
    """Print several small documents with a line between them; as JSON `items`, one bare."""
    document = documents[0] if len(documents) == 1 else {"items": [*documents]}

    def lines() -> None:
        for number, one in enumerate(documents):
            if number:
                output.line()
            _print_given(output, one)

    output.answer(document, lines)


def _print_given(output: Output, document: Mapping[str, object]) -> None:
    print_facts(output, {name: value for name, value in document.items() if value is not None})


def listing(
    client: "Client",
    *,
    kind: "IndexKind",
    values: Sequence[str],
    named_by: "IndexKind",
    contract: str,
    purpose: str,
) -> Listing:
    """Ask for the trails of these keys; collect the names that records of `contract` stand under.

    A name longer than 63 bytes is a digest in the index: it is counted, and not named.
    """
    from chainnode.cli.questions import ask_to_the_end

    answer = ask_to_the_end(client, kind, values, purpose=purpose)
    found = {
        key
        for one in answer.items
        if one.entry.contract == contract
        for key in _values_of(one.entry, named_by)
    }
    names = {key: _text_of(key) for key in found}
    return Listing(
        names=tuple(sorted(name for name in names.values() if name is not None)),
        unnamed=sum(name is None for name in names.values()),
        answer=answer,
    )


def listing_document(found: Listing, items: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Return the JSON of a list: complete when the trail is, and every name could be read."""
    from chainnode.cli.audit_words import alarms
    from chainnode.cli.facts import completeness, under

    answer = found.answer
    because = answer.incomplete_because or None
    if answer.complete and found.unnamed:
        because = f"LONG_NAMES: {found.unnamed}"
    return {
        "items": [*items],
        "complete": answer.complete and not found.unnamed,
        "incomplete_because": because,
        **completeness(answer.complete_to_ms),
        **under(answer.header),
        "question": {"digest": answer.question.digest.hex(), "height": answer.question.height},
        "alarms": alarms(answer.reports),
    }


def print_listing(
    output: Output,
    document: Mapping[str, object],
    columns: Sequence[Text],
    row: Callable[[Mapping[str, object]], list[str]],
) -> None:
    """Print the banner of the question, and what it led to as a table."""
    from chainnode.cli.audit_words import print_alarms, print_banner, rows_of

    rows = rows_of(document, "items")
    print_banner(output, document, count=len(rows))
    print_alarms(output, document)
    if rows:
        output.table([output.words(one.zh, one.en) for one in columns], [row(one) for one in rows])


def item_document(name: str, found: "StateRow[ItemRow]") -> dict[str, object]:
    """Return an item as JSON, or that the catalogue proves to have none."""
    from contracts.schemas.catalog_states import (
        GRADE_WORDS,
        ITEM_STATE_WORDS,
        SHARE_WORDS,
        Grade,
        Share,
    )

    row = found.row
    document: dict[str, object] = {"item": name, "present": row is not None}
    if row is not None:
        document |= {
            "title": row.title,
            "owner": row.owner,
            "version": row.version,
            "state": spoken(row.state, ITEM_STATE_WORDS),
            "grade": spoken(Grade(row.grade), GRADE_WORDS),
            "share": spoken(Share(row.share), SHARE_WORDS),
            "fields": [*row.fields],
            "supervisor": row.supervisor or None,
        }
    return document


def grant_document(
    name: str, found: "StateRow[GrantRow]", item: "StateRow[ItemRow] | None"
) -> dict[str, object]:
    """Return a grant as JSON, in force or not at the header's time; or its proven absence."""
    from contracts.schemas.catalog import names_of
    from contracts.schemas.grant_states import STATE_WORDS, GrantState
    from contracts.schemas.grants import KIND_WORDS, GrantKind

    row = found.row
    if row is None:
        return {"grant": name, "present": False}
    known = () if item is None or item.row is None else item.row.fields
    return {
        "grant": name,
        "present": True,
        "state": spoken(GrantState(row.state), STATE_WORDS),
        "in_force": row.is_in_force_at(found.header.time_ms),
        "expired": row.is_expired_at(found.header.time_ms),
        "requester": row.requester,
        "provider": row.provider,
        "supervisor": row.supervisor or None,
        "item": row.item,
        "item_version": row.item_version,
        "fields": [*names_of(row.fields, known)],
        "kind": spoken(GrantKind(row.kind), KIND_WORDS),
        "purpose": row.purpose,
        "valid_from": row.valid_from,
        "valid_to": row.valid_to or None,
        "quota": row.quota or None,
        "suspended_by": row.suspended_by or None,
    }


def spoken(value: NumberT, words: Mapping[NumberT, str]) -> str:
    """Return a state or grade for both languages: its name, and what it is called in Chinese."""
    return f"{value.name.lower()} {words[value]}"


def _values_of(entry: "Entry", kind: "IndexKind") -> list[bytes]:
    return [key[1:] for key in entry.index_keys if key[0] == kind]


def _text_of(value: bytes) -> str | None:
    """Read a name out of an index key; a digest in its place is no legal text, or hardly ever."""
    from contracts.schemas.text import first_illegal

    try:
        name = value.decode()
    except UnicodeDecodeError:
        return None
    return None if not name or first_illegal(name) is not None else name
