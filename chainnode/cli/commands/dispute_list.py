"""`kun dispute list`: the disputes that came to organisations, proven to be all of them.

Whoever has to answer has a trail of its own, so the list of its disputes is whole where that
trail is. Who filed has none: what we filed is found among the disputes of every organisation.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainnode.cli.exits import ExitCode
from chainnode.cli.organisations import all_organisations, organisation_named, shown_names
from chainnode.cli.target import Target, acting_target, target_options
from chainnode.cli.tree import current_session, kun_command
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chainnode.client import Client, DisputeList, ListedDispute

_AUDITOR = "auditor"
_COLUMNS = {
    "dispute": Text("异议", "dispute"),
    "state": Text("状态", "state"),
    "due": Text("截止", "due"),
    "ground": Text("理由", "ground"),
    "about": Text("对象", "about"),
    "responsible": Text("承办方", "responsible"),
    "filer": Text("提出方", "filer"),
}


@kun_command("list", text="列出异议 · disputes, proven to be all; the question is recorded")
@target_options
@click.option("--purpose", required=True, metavar="TEXT", help="查询事由，必填 · mandatory")
@click.option(
    "--responsible", metavar="ORG", help="曾由该部门承办的 · that came to it; default: to anybody"
)
@click.option("--mine", is_flag=True, help="本部门提出的 · that our organisation filed")
@click.option("--open", "is_open", is_flag=True, help="尚未答复的 · not answered yet")
@click.option("--overdue", is_flag=True, help="逾期未答复的 · not answered in time, still open")
def list_(
    *,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    purpose: str,
    responsible: str | None,
    mine: bool,
    is_open: bool,
    overdue: bool,
) -> int:
    """List disputes by who has or had to answer them; filters apply to the complete list."""
    from chainnode.cli.dispute_texts import own_organisation

    output = current_session().output
    target = acting_target(folder, nodes, key, trust, default=_AUDITOR)
    with target.open_client(signs=True) as client:
        filer = own_organisation(client, target) if mine else None
        found = _asked(client, target, responsible, purpose)
    chosen = [
        one
        for one in found.disputes
        if (filer is None or one.row.filer == filer)
        and (not is_open or one.is_open)
        and (not overdue or one.is_overdue)
    ]
    document = _document(found, chosen)
    names = shown_names(target)

    def lines() -> None:
        from chainnode.cli.sharing import print_listing

        print_listing(output, document, tuple(_COLUMNS.values()), lambda one: _row(one, names))

    output.answer(document, lines)
    return ExitCode.OK


def _asked(
    client: "Client", target: Target, responsible: str | None, purpose: str
) -> "DisputeList":
    """Record the question; a refusal of it ends the command as that of any submission.

    Raises:
        CommandError: the chain did not take the question.

    """
    from chainnode.cli.outcomes import require_accepted
    from chainnode.client import QuestionNotRecorded, list_disputes

    organisations: tuple[str, ...] = all_organisations(client, target)
    if responsible is not None:
        organisations = (organisation_named(responsible, target, option="--responsible"),)
    try:
        return list_disputes(client, organisations, purpose=purpose)
    except QuestionNotRecorded as error:
        require_accepted(error.outcome)
        raise


def _document(found: "DisputeList", chosen: "list[ListedDispute]") -> dict[str, object]:
    """Return the JSON: what is proven of the whole list, and those of it that were chosen."""
    from chainnode.cli.audit_words import alarms
    from chainnode.cli.facts import completeness, under

    oldest = min(found.answers, key=lambda one: one.as_of_height)
    return {
        "items": [_item(one) for one in chosen],
        "of": len(found.disputes),
        "complete": found.complete,
        "incomplete_because": found.incomplete_because or None,
        **completeness(found.complete_to_ms),
        **under(oldest.header),
        "organisations": list(found.organisations),
        "questions": [
            {"digest": one.question.digest.hex(), "height": one.question.height}
            for one in found.answers
        ],
        "alarms": alarms(tuple(report for one in found.answers for report in one.reports)),
    }


def _item(one: "ListedDispute") -> dict[str, object]:
    from chainnode.cli.dispute_words import dispute_document

    return dispute_document(one.dispute_id, one.row)


def _row(one: "Mapping[str, object]", names: "Mapping[str, str]") -> list[str]:
    about = next(
        (one[name] for name in ("certificate", "call_id", "item") if one[name] is not None), ""
    )
    shown = dict(one) | {"about": about}
    for side in ("responsible", "filer"):
        shown[side] = names.get(f"{one[side]}", f"{one[side]}")
    if one["overdue"]:
        shown["state"] = f"{one['state']} (逾期 overdue)"
    return [f"{shown[name]}" for name in _COLUMNS]
