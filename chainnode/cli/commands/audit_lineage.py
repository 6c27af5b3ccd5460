"""`kun audit lineage`: where a call came from and what came from it, as words, JSON and SVG."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainnode.cli.audit_words import rows_of
from chainnode.cli.call_answers import call_id_in
from chainnode.cli.commands.audit_query import DEFAULT_IDENTITY
from chainnode.cli.exits import ExitCode, UsageProblem
from chainnode.cli.instants import end_ms, start_ms
from chainnode.cli.new_files import require_new, write_new
from chainnode.cli.opened import keyring_of, keyring_options
from chainnode.cli.organisations import all_organisations, organisation_named, shown_names
from chainnode.cli.output import Output
from chainnode.cli.target import Target, acting_target, target_options
from chainnode.cli.tree import current_session, kun_command
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from chainnode.analysis.lineage import CallName
    from chainnode.client import Client

_ID_CHARACTERS = 12


@kun_command("lineage", text="调用链 · where a call came from, and what came from it")
@click.argument("position", type=click.IntRange(0), required=False)
@target_options
@click.option("--call", metavar="ID", help="调用编号 · call id, in place of a position")
@click.option("--requester", metavar="ORG", help="请求方 · who asked, with --call")
@click.option("--provider", metavar="ORG", help="提供方 · who answered, with --call")
@click.option(
    "--purpose", metavar="TEXT", help="事由：查下游须记录 · to ask for children: recorded"
)
@click.option("--from", "begin", metavar="TIME", help="起 · of what is asked for children")
@click.option("--to", "end", metavar="TIME", help="止 · of what is asked for children")
@keyring_options
@click.option("--svg", type=click.Path(path_type=Path), help="新文件 · a new file for the picture")
def lineage(
    *,
    position: int | None,
    call: str | None,
    requester: str | None,
    provider: str | None,
    purpose: str | None,
    begin: str | None,
    end: str | None,
    wrapping_keys: Path | None,
    organisation: str,
    svg: Path | None,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
) -> int:
    """Trace a call by proofs; its children only with a purpose, because that is a question."""
    from chainnode.analysis.lineage_form import lineage_form
    from chainnode.analysis.lineage_svg import lineage_svg
    from chainnode.client.tracing import Tracing

    output = current_session().output
    if svg is not None:
        require_new(svg)
    begin_ms = 0 if begin is None else start_ms(begin, option="--from")
    stop_ms = 0 if end is None else end_ms(end, option="--to")
    target = acting_target(folder, nodes, key, trust, default=DEFAULT_IDENTITY)
    with target.open_client(signs=bool(purpose)) as client:
        if position is not None and call is None:
            start = _at(client, position)
        else:
            start = _named(target, position, (call, requester, provider))
        found = client.trace(
            Tracing(
                start=start,
                organisations=all_organisations(client, target),
                purpose=purpose or "",
                period=(begin_ms, stop_ms),
                keyring=keyring_of(wrapping_keys, organisation),
            )
        )
    document = lineage_form(found)
    if svg is not None:
        write_new(svg, lineage_svg(found))
    output.answer(document, lambda: _print(output, document, shown_names(target)))
    return ExitCode.OK


def _at(client: "Client", position: int) -> "CallName":
    """Return the call of which the record at a position is a half."""
    from chainnode.analysis.lineage import CallName
    from chainnode.cli.positions import within_log
    from chainnode.verify.disclosure import recorded_half

    with within_log(client, position):
        found, _ = client.record(position)
    half = recorded_half(found)
    return CallName(requester=half.requester, provider=half.provider, call_id=half.call_id.hex())


def _named(
    target: Target, position: int | None, given: tuple[str | None, str | None, str | None]
) -> "CallName":
    from chainnode.analysis.lineage import CallName

    call, requester, provider = given
    if position is not None or call is None or requester is None or provider is None:
        raise UsageProblem(
            "WHICH_CALL",
            Text(
                "请给出位置，或 --call、--requester、--provider 三者",
                "expected a position, or --call, --requester and --provider",
            ),
        )
    return CallName(
        requester=organisation_named(requester, target, option="--requester"),
        provider=organisation_named(provider, target, option="--provider"),
        call_id=call_id_in(call),
    )


def _print(output: Output, document: Mapping[str, object], names: Mapping[str, str]) -> None:
    for one in rows_of(document, "calls"):
        level = one["level"] if isinstance(one["level"], int) else 0
        outcomes = " / ".join(
            f"{half['outcome']} {half['status']}" for half in rows_of(one, "halves")
        )
        output.line(
            f"{level:+d}  {_call(one, names)}  {one['match']}  {outcomes}",
            colour="green" if level == 0 else None,
        )
        for own in rows_of(one, "own_records"):
            output.line(f"    {own['outcome']}  {own['position']}  {own['time']}")
        for held in rows_of(one, "certificates"):
            state = held["state"] or output.words("链上没有", "not registered")
            output.line(f"    {held['identifier']}  {state}")
    for one in rows_of(document, "links"):
        notes = one["notes"]
        told = ", ".join(f"{note}" for note in notes) if isinstance(notes, list) else ""
        ends = [one[name] for name in ("from", "to")]
        named = [_call(end, names) for end in ends if isinstance(end, dict)]
        line = f"{one['kind']}: {' ⇒ '.join(named)}"
        output.line(f"{line}  [{told}]" if told else line, colour="yellow" if told else None)
    _print_missing(output, document)


def _print_missing(output: Output, document: Mapping[str, object]) -> None:
    for one in rows_of(document, "missing"):
        output.line(
            output.words(
                f"{one['kind']} {one['call_id']}：已证明不在链上（{one['places']} 对部门）",
                f"{one['kind']} {one['call_id']}: proven not to be on the chain"
                f" ({one['places']} pairs of departments)",
            ),
            colour="red",
        )
    if not document["children_asked"]:
        output.line(
            output.words(
                "未查下游调用：须用 --purpose 说明事由并记录",
                "children were not asked for: that is recorded, and needs --purpose",
            ),
            colour="yellow",
        )
    for one in rows_of(document, "questions"):
        is_whole = (
            output.words("完整", "complete")
            if one["complete"]
            else output.words("未证明完整", "not proven to be all")
        )
        output.line(f"{one['kind']} {one['value']}: {one['rows']}  {is_whole}")
    bounds = document["bounds"]
    reached = bounds["reached"] if isinstance(bounds, dict) else []
    if reached:
        told = ", ".join(f"{one}" for one in reached)
        output.line(output.words(f"到达上限：{told}", f"cut at a bound: {told}"), colour="yellow")


def _call(named: Mapping[str, object], names: Mapping[str, str]) -> str:
    call_id = f"{named['call_id']}"
    sides = [names.get(f"{named[one]}", f"{named[one]}") for one in ("requester", "provider")]
    return f"{' → '.join(sides)} {call_id[:_ID_CHARACTERS]}…"
