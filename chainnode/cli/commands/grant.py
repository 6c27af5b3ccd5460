"""`kun grant`: apply for access to an item, decide, end it, show and list grants."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainnode.cli.exits import ExitCode, Unacceptable, UsageProblem
from chainnode.cli.instants import day_number
from chainnode.cli.new_files import require_new, write_new
from chainnode.cli.sharing import (
    DEFAULT_IDENTITY,
    KINDS,
    chosen_bits,
    grant_document,
    listing,
    listing_document,
    number_of,
    print_listing,
    recorded,
    spoken,
    submitted,
    told,
)
from chainnode.cli.target import Target, acting_target, resolve_target, target_options
from chainnode.cli.tree import current_session, kun_command, kun_group
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chainnode.client import Client, StateRow
    from chainnode.submission import Call
    from contracts.schemas.catalog import ItemRow
    from contracts.schemas.grants import GrantRow
    from contracts.schemas.index_kinds import IndexKind

AUDITOR = "auditor"
_COLUMNS = (
    Text("授权", "grant"),
    Text("需方", "requester"),
    Text("供方", "provider"),
    Text("目录项", "item"),
    Text("截止日", "valid to"),
    Text("额度", "quota"),
    Text("状态", "state"),
    Text("现行", "in force"),
)

grant = kun_group("grant", text="授权 · who may call what")


@kun_command("apply", text="申请授权 · apply for a grant")
@click.argument("name", metavar="GRANT")
@target_options
@click.option("--item", required=True, metavar="ITEM", help="目录项 · catalogue item")
@click.option(
    "--field", "fields", multiple=True, metavar="NAME", help="字段，缺省全部 · default: all"
)
@click.option("--purpose", required=True, metavar="TEXT", help="用途，公开 · public")
@click.option("--kind", type=click.Choice(KINDS), default=KINDS[1], show_default=True, help="依据")
@click.option("--from", "begin", required=True, metavar="DAY", help="起始日 · first day")
@click.option("--to", "end", metavar="DAY", help="截止日（含），缺省无 · last day; default: none")
@click.option(
    "--quota", type=click.IntRange(0), default=0, help="每日次数，0 不限 · calls a day, 0 = any"
)
def apply(
    *,
    name: str,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    item: str,
    fields: tuple[str, ...],
    purpose: str,
    kind: str,
    begin: str,
    end: str | None,
    quota: int,
) -> int:
    """Apply for an item as it is published now."""
    from chainnode.client import GrantDraft, apply_for_grant
    from contracts.schemas.grants import GrantKind

    first = day_number(begin, option="--from")
    last = 0 if end is None else day_number(end, option="--to")

    def build(client: "Client") -> "Call":
        published = _published(client, item)
        draft = GrantDraft(
            grant=name,
            item=item,
            item_version=published.version,
            fields=chosen_bits(fields or published.fields, published, item_name=item),
            purpose=purpose,
            valid_from=first,
            valid_to=last,
            quota=quota,
            kind=GrantKind(number_of(kind, KINDS)),
        )
        return apply_for_grant(draft)

    target = acting_target(folder, nodes, key, trust, default=DEFAULT_IDENTITY)
    return _decided(target, name, build)


@kun_command(
    "review", text="提供方审核 · the provider's answer: yes, at most as applied for; or no"
)
@click.argument("name", metavar="GRANT")
@target_options
@click.option("--yes/--no", "is_granted", default=None, help="同意或拒绝，必填 · mandatory")
@click.option(
    "--field", "fields", multiple=True, metavar="NAME", help="只给这些字段 · these fields only"
)
@click.option("--quota", type=click.IntRange(0), help="每日次数，缺省如申请 · default: as applied")
@click.option("--to", "end", metavar="DAY", help="截止日，缺省如申请 · default: as applied")
def review(
    *,
    name: str,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    is_granted: bool | None,
    fields: tuple[str, ...],
    quota: int | None,
    end: str | None,
) -> int:
    """Grant what was applied for or less of it, or decline."""
    from chainnode.client import approve_grant, reject_grant

    if is_granted is None:
        raise _undecided()
    last = None if end is None else day_number(end, option="--to")

    def build(client: "Client") -> "Call":
        if not is_granted:
            return reject_grant(name)
        applied = _known(client, name)
        bits = applied.fields
        if fields:
            bits = chosen_bits(fields, _published(client, applied.item), item_name=applied.item)
        return approve_grant(
            name,
            fields=bits,
            quota=applied.quota if quota is None else quota,
            valid_to=applied.valid_to if last is None else last,
        )

    target = acting_target(folder, nodes, key, trust, default=DEFAULT_IDENTITY)
    return _decided(target, name, build)


@kun_command("confirm", text="跨级审核 · the second level's answer")
@click.argument("name", metavar="GRANT")
@target_options
@click.option("--yes/--no", "is_confirmed", default=None, help="同意或拒绝，必填 · mandatory")
def confirm(
    *,
    name: str,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    is_confirmed: bool | None,
) -> int:
    """Confirm or decline what the provider granted of an important or core item."""
    from chainnode.client import confirm_grant

    if is_confirmed is None:
        raise _undecided()
    call = confirm_grant(name, is_confirmed=is_confirmed)
    target = acting_target(folder, nodes, key, trust, default=DEFAULT_IDENTITY)
    return _decided(target, name, lambda _: call)


def _ending(verb: str, *, text: str) -> click.Command:
    """Make one of the three commands that take a grant and a reason."""

    @kun_command(verb, text=text)
    @click.argument("name", metavar="GRANT")
    @target_options
    @click.option("--reason", required=True, metavar="CODE", help="原因代码 · reason code")
    def command(
        *,
        name: str,
        folder: Path | None,
        nodes: tuple[str, ...],
        key: Path | None,
        trust: Path | None,
        reason: str,
    ) -> int:
        from chainnode.client import resume_grant, revoke_grant, suspend_grant

        builders = {"suspend": suspend_grant, "resume": resume_grant, "revoke": revoke_grant}
        call = builders[verb](name, reason_code=reason)
        target = acting_target(folder, nodes, key, trust, default=DEFAULT_IDENTITY)

        return _decided(target, name, lambda _: call)

    return command


@kun_command("show", text="显示并核验 · a grant, proven; needs no role")
@click.argument("name", metavar="GRANT")
@target_options
@click.option(
    "--evidence", type=click.Path(path_type=Path), help="新文件 · a new file for the evidence"
)
def show(
    *,
    name: str,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    evidence: Path | None,
) -> int:
    """Show a proven grant, in force or not; 1 when the chain proves that there is none."""
    if evidence is not None:
        require_new(evidence)
    target = resolve_target(folder=folder, nodes=nodes, key=key, trust=trust)
    with target.open_client() as client:
        found = client.grant(name)
        document = _shown(client, name, found)
    if evidence is not None:
        write_new(evidence, (json.dumps(found.evidence) + "\n").encode())
    told(current_session().output, document)
    return ExitCode.OK if document["present"] else ExitCode.NEGATIVE


@kun_command(
    "list", text="列出授权，证明完整 · all grants of a side or item; an auditor's question"
)
@target_options
@click.option("--department", metavar="ORG", help="部门代码或名称 · department, id or title")
@click.option(
    "--side",
    type=click.Choice(["requester", "provider"]),
    default="requester",
    show_default=True,
    help="部门作为哪一方 · which side the department is on",
)
@click.option("--item", metavar="ITEM", help="目录项 · catalogue item")
@click.option("--purpose", required=True, metavar="TEXT", help="查询事由，必填 · mandatory")
def list_(
    *,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    department: str | None,
    side: str,
    item: str | None,
    purpose: str,
) -> int:
    """Ask for the trail of a department or item, and show what each grant is now."""
    from contracts.schemas import grants as schemas
    from contracts.schemas.catalog import ITEMS
    from contracts.schemas.index_kinds import IndexKind

    output = current_session().output
    target = acting_target(folder, nodes, key, trust, default=AUDITOR)
    kind, value = _asked(target, department, side, item)
    with target.open_client(signs=True) as client:
        found = listing(
            client,
            kind=kind,
            values=(value,),
            named_by=IndexKind.GRANT,
            contract=schemas.NAME,
            purpose=purpose,
        )
        rows = client.states(schemas.GRANTS, found.names)
        items = client.states(ITEMS, [one.row.item for one in rows.values() if one.row is not None])
        grants = [
            grant_document(name, one, None if one.row is None else items[one.row.item])
            for name, one in rows.items()
        ]
    document = listing_document(found, grants)
    output.answer(document, lambda: print_listing(output, document, _COLUMNS, _cells))
    return ExitCode.OK


def _decided(target: Target, name: str, build: "Callable[[Client], Call]") -> int:
    """Submit a decision about a grant, and say in which state it left it."""
    from contracts.schemas import grants as schemas
    from contracts.schemas.grant_states import STATE_WORDS, GrantState

    with target.open_client(signs=True) as client:
        final = submitted(client, schemas.NAME, build(client))
        proven = client.record(final.calls[0].position or 0)[0]
    state = GrantState(proven.entry.outcome)
    document = {
        "grant": name,
        "state": spoken(state, STATE_WORDS),
        **recorded(final),
    }
    return told(current_session().output, document)


def _shown(client: "Client", name: str, found: "StateRow[GrantRow]") -> dict[str, object]:
    item = None if found.row is None else client.catalog_item(found.row.item)
    return grant_document(name, found, item)


def _known(client: "Client", name: str) -> "GrantRow":
    """Return a grant that the chain has.

    Raises:
        Unacceptable: it proves that it has none.

    """
    row = client.grant(name).row
    if row is None:
        raise Unacceptable(
            "GRANTS_NO_SUCH_GRANT",
            Text(f"链上没有授权 {name}（已核验）", f"no grant is called {name} (proven)"),
        )
    return row


def _published(client: "Client", item: str) -> "ItemRow":
    """Return an item that the catalogue has.

    Raises:
        Unacceptable: it proves that it has none.

    """
    row = client.catalog_item(item).row
    if row is None:
        raise Unacceptable(
            "GRANTS_NO_SUCH_ITEM",
            Text(f"目录中没有 {item}（已核验）", f"the catalogue has no {item} (proven)"),
        )
    return row


def _undecided() -> UsageProblem:
    return UsageProblem("DECISION", Text("请给出 --yes 或 --no", "expected --yes or --no"))


def _asked(
    target: Target, department: str | None, side: str, item: str | None
) -> "tuple[IndexKind, str]":
    from chainnode.cli.organisations import organisation_named
    from contracts.schemas.index_kinds import IndexKind

    if (department is None) == (item is None):
        raise UsageProblem(
            "QUESTION",
            Text("请只给出 --department 或 --item 之一", "expected one of --department, --item"),
        )
    if item is not None:
        return IndexKind.ITEM, item
    kind = IndexKind.REQUESTER if side == "requester" else IndexKind.PROVIDER
    return kind, organisation_named(department or "", target)


def _cells(one: "Mapping[str, object]") -> list[str]:
    names = ("grant", "requester", "provider", "item", "valid_to", "quota", "state", "in_force")
    return ["–" if one[name] is None else str(one[name]) for name in names]


for _command in (
    apply,
    review,
    confirm,
    _ending("suspend", text="暂停 · suspend a grant; only who suspended it resumes it"),
    _ending("resume", text="恢复 · resume what was suspended"),
    _ending("revoke", text="撤销 · end an application or a grant for ever"),
    show,
    list_,
):
    grant.add_command(_command)
