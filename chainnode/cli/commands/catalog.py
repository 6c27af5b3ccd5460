"""`kun catalog`: what departments share; publish, withdraw, show, list."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainnode.cli.exits import ExitCode, UsageProblem
from chainnode.cli.sharing import (
    DEFAULT_IDENTITY,
    GRADES,
    SHARES,
    item_document,
    listing,
    listing_document,
    number_of,
    print_listing,
    recorded,
    submitted,
    told,
    told_each,
)
from chainnode.cli.target import Target, acting_target, resolve_target, target_options
from chainnode.cli.tree import current_session, kun_command, kun_group
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from chainnode.client import ItemDraft
    from contracts.schemas.catalog import ItemRow

AUDITOR = "auditor"
_COLUMNS = (
    Text("目录项", "item"),
    Text("名称", "title"),
    Text("提供方", "owner"),
    Text("版本", "version"),
    Text("级别", "grade"),
    Text("共享", "share"),
    Text("状态", "state"),
)

catalog = kun_group("catalog", text="目录 · what departments share")


@kun_command("publish", text="发布目录项或其下一版本 · publish an item, or its next version")
@click.argument("item", metavar="ITEM")
@target_options
@click.option("--title", metavar="TEXT", help="名称，缺省沿用 · default: as before")
@click.option(
    "--field",
    "fields",
    multiple=True,
    metavar="NAME",
    help="字段，按顺序，可重复；新版本只写新增的 · in order; of a later version the new ones",
)
@click.option("--grade", type=click.Choice(GRADES), help="级别：一般、重要、核心")
@click.option("--share", type=click.Choice(SHARES), help="共享：无条件、有条件、不予")
@click.option("--supervisor", metavar="ORG", help="监管机构（重要、核心） · second level")
def publish(
    *,
    item: str,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    title: str | None,
    fields: tuple[str, ...],
    grade: str | None,
    share: str | None,
    supervisor: str | None,
) -> int:
    """Publish what is given; the rest of a later version is as in the one before."""
    from chainnode.client import publish_item
    from contracts.schemas import catalog as schemas

    target = acting_target(folder, nodes, key, trust, default=DEFAULT_IDENTITY)
    with target.open_client(signs=True) as client:
        before = client.catalog_item(item).row
        draft = _draft(item, before, title=title, fields=fields, grade=grade, share=share)
        draft = replace(draft, supervisor=_supervisor(target, supervisor, before))
        final = submitted(client, schemas.NAME, publish_item(draft))
    document = {"item": item, "version": draft.version, **recorded(final)}
    return told(current_session().output, document)


@kun_command("withdraw", text="下架 · no longer offer an item; its grants go on")
@click.argument("item", metavar="ITEM")
@target_options
def withdraw(
    *,
    item: str,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
) -> int:
    """Withdraw an item of this key's organisation."""
    from chainnode.client import withdraw_item
    from contracts.schemas import catalog as schemas

    target = acting_target(folder, nodes, key, trust, default=DEFAULT_IDENTITY)
    with target.open_client(signs=True) as client:
        final = submitted(client, schemas.NAME, withdraw_item(item))
    return told(current_session().output, {"item": item, **recorded(final)})


@kun_command("show", text="按名称显示，逐项核验 · items by name, each proven; needs no role")
@click.argument("items", metavar="ITEM", nargs=-1, required=True)
@target_options
def show(
    *,
    items: tuple[str, ...],
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
) -> int:
    """Show proven rows; 1 when the chain proves that one of them does not exist."""
    output = current_session().output
    target = resolve_target(folder=folder, nodes=nodes, key=key, trust=trust)
    with target.open_client() as client:
        found = [item_document(one, client.catalog_item(one)) for one in items]
    told_each(output, found)
    is_whole = all(one["present"] for one in found)
    return ExitCode.OK if is_whole else ExitCode.NEGATIVE


@kun_command("list", text="列出目录，证明完整 · the whole catalogue, proven; an auditor's question")
@target_options
@click.option("--department", metavar="ORG", help="只列此提供方，缺省全部 · of one owner only")
@click.option("--purpose", required=True, metavar="TEXT", help="查询事由，必填 · mandatory")
def list_(
    *,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    department: str | None,
    purpose: str,
) -> int:
    """Ask for the trails of the owners, and show what is published of each item now."""
    from contracts.schemas import catalog as schemas
    from contracts.schemas.index_kinds import IndexKind

    output = current_session().output
    target = acting_target(folder, nodes, key, trust, default=AUDITOR)
    owners = _owners(target, department)
    with target.open_client(signs=True) as client:
        found = listing(
            client,
            kind=IndexKind.PROVIDER,
            values=owners,
            named_by=IndexKind.ITEM,
            contract=schemas.NAME,
            purpose=purpose,
        )
        rows = client.states(schemas.ITEMS, found.names)
        items = [item_document(name, row) for name, row in rows.items()]
    document = listing_document(found, items)
    names = ("item", "title", "owner", "version", "grade", "share", "state")

    def lines() -> None:
        print_listing(output, document, _COLUMNS, lambda one: [str(one[name]) for name in names])

    output.answer(document, lines)
    return ExitCode.OK


def _owners(target: Target, department: str | None) -> tuple[str, ...]:
    """Return the one that is named, or every organisation of genesis."""
    from chainnode.cli.organisations import known_organisations, organisation_named
    from contracts.schemas.audit import VALUES_MAX

    if department is not None:
        return (organisation_named(department, target),)
    known = tuple(one.organisation for one in known_organisations(target))
    if not 1 <= len(known) <= VALUES_MAX:
        raise UsageProblem(
            "DEPARTMENT",
            Text(
                f"不知道有哪些机构，或超过 {VALUES_MAX} 个：请用 --department 逐个列出",
                "which organisations there are is not known here, or they are more than"
                f" {VALUES_MAX}: list each with --department",
            ),
        )
    return known


def _draft(
    item: str,
    before: "ItemRow | None",
    *,
    title: str | None,
    fields: tuple[str, ...],
    grade: str | None,
    share: str | None,
) -> "ItemDraft":
    """Return the first version of what is given, or the next one of what is published."""
    from chainnode.client import ItemDraft
    from contracts.schemas.catalog_states import Grade, Share

    if before is None:
        return ItemDraft(
            item=item,
            title=title or item,
            fields=fields,
            grade=Grade(number_of(grade or GRADES[0], GRADES)),
            share=Share(number_of(share or SHARES[1], SHARES)),
        )
    added = tuple(one for one in fields if one not in before.fields)
    return ItemDraft(
        item=item,
        title=title or before.title,
        fields=(*before.fields, *added),
        version=before.version + 1,
        grade=Grade(number_of(grade, GRADES) if grade else before.grade),
        share=Share(number_of(share, SHARES) if share else before.share),
    )


def _supervisor(target: Target, named: str | None, before: "ItemRow | None") -> str:
    from chainnode.cli.organisations import organisation_named

    if named is not None:
        return organisation_named(named, target)
    return "" if before is None else before.supervisor


for _command in (publish, withdraw, show, list_):
    catalog.add_command(_command)
