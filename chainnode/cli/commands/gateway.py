"""`kun gateway`: the reverse proxy, what a gateway keeps, what the ledger refused for ever."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainnode.cli.exits import ExitCode, LocalProblem, UsageProblem
from chainnode.cli.target import resolve_target, target_options
from chainnode.cli.tree import current_session, kun_command, kun_group
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chainnode.gateway import DeadLetter, EntryId, StoredSpool

_COLUMNS = (
    Text("编号", "entry"),
    Text("需方", "requester"),
    Text("供方", "provider"),
    Text("调用", "call"),
    Text("时间", "made"),
    Text("拒绝原因", "refused because"),
)

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)

gateway = kun_group("gateway", text="网关 · between services and the ledger")
spool = kun_group("spool", text="待上链队列 · what waits for the ledger")


def _spool_option(function: "Callable[..., int]") -> "Callable[..., int]":
    return click.option(
        "--spool",
        "folder",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        required=True,
        envvar="KUN_GATEWAY_SPOOL",
        help="队列目录 · folder of the spool",
    )(function)


def _config_option(function: "Callable[..., int]") -> "Callable[..., int]":
    return click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path),
        required=True,
        help="配置文件 · kun-gateway.toml; to run, with a section [proxy]",
    )(function)


@kun_command("status", text="待上链多少、最早何时 · how much waits, since when")
@_spool_option
def spool_status(folder: Path) -> int:
    """Read the spool, also beside a running gateway, and say what it holds."""
    from chainnode.cli.spool_words import status_document

    output = current_session().output
    document = status_document(_stored(folder))

    def lines() -> None:
        waiting, dead = document["waiting"], document["dead_letters"]
        output.line(output.words(f"待上链 {waiting} 条", f"{waiting} entries wait"))
        if document["oldest_made"] is not None:
            oldest = document["oldest_made"]
            output.line(output.words(f"最早生成于 {oldest}", f"oldest made {oldest}"))
        output.line(output.words(f"永久拒绝 {dead} 条", f"{dead} refused for ever"))
        settled = document["settled"]
        output.line(output.words(f"已上链 {settled} 条", f"{settled} settled so far"))

    output.answer(document, lines)
    return ExitCode.OK


@kun_command("send", text="把待上链的发出去 · send what waits to the ledger")
@_config_option
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(min=0.1, max=600.0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="最多等多久 · how long to try; ends at once when no node answers",
)
def spool_send(config_file: Path, wait_s: float) -> int:
    """Bring what a gateway or caller that ended left behind onto the ledger; exit 3: not all."""
    from chainnode.cli.spool_words import sent_document

    output = current_session().output
    document = sent_document(config_file, wait_s=wait_s)
    sent, waiting = document["sent"], document["waiting"]
    dead = document["dead_letters"]

    def lines() -> None:
        output.line(output.words(f"已发出 {sent} 条", f"{sent} entries sent"))
        output.line(output.words(f"待上链 {waiting} 条", f"{waiting} entries wait"))
        if dead:
            output.line(output.words(f"永久拒绝 {dead} 条", f"{dead} refused for ever"))

    output.answer(document, lines)
    return ExitCode.CANNOT_DECIDE if waiting else ExitCode.OK


@kun_command("dead-letters", text="被永久拒绝的 · what the ledger refuses for ever")
@_spool_option
@click.option(
    "--retry",
    "retried",
    type=int,
    multiple=True,
    metavar="ENTRY",
    help="放回队列，可重复；先停止网关 · put back; stop the gateway first",
)
def dead_letters(folder: Path, retried: tuple[int, ...]) -> int:
    """List the dead letters with code and words, or put some back into the queue."""
    from chainnode.cli.spool_words import letter_document, refusal_words
    from chainnode.verify.verdict import local_time

    output = current_session().output
    stored = _stored(folder)
    letters: Sequence[DeadLetter] = stored.state.dead_letters()
    if retried:
        letters = _put_back(folder, stored, letters, retried)
    document = {
        "dead_letters": [letter_document(one) for one in letters],
        "put_back": sorted(set(retried)),
    }

    def lines() -> None:
        rows = [
            (
                str(one.entry_id),
                one.identity.requester,
                one.identity.provider,
                one.identity.call_id.hex(),
                local_time(one.made_ms),
                refusal_words(one),
            )
            for one in letters
        ]
        if rows:
            output.table([output.words(one.zh, one.en) for one in _COLUMNS], rows)
        else:
            output.line(output.words("没有被永久拒绝的记录", "no dead letters"))

    output.answer(document, lines)
    return ExitCode.OK


@kun_command("run", text="在前台运行反向代理 · run the reverse proxy until SIGTERM or Ctrl-C")
@_config_option
def run(config_file: Path) -> int:
    """Stand before the services that the file lists; nothing else is ever connected to."""
    from chainnode.gateway.proxy.run import run_gateway

    run_gateway(config_file)
    return ExitCode.OK


@kun_command("forget", text="删除保存的报文 · erase kept messages of calls, for ever")
@target_options
@click.option("--kept", type=_FILE, required=True, help="网关保存的报文 · the gateway's kept calls")
@click.option("--secret", type=_FILE, required=True, help="其密钥文件，权限 0600 · their secret")
@click.option("--before", metavar="TIME", help="此前的全部 · all that is older")
@click.option("--call", metavar="ID", help="调用编号 · one call, by its id")
@click.option("--requester", metavar="ID", help="需方代码 · of that call")
@click.option("--provider", metavar="ID", help="供方代码 · of that call")
def forget(
    *,
    kept: Path,
    secret: Path,
    before: str | None,
    call: str | None,
    requester: str | None,
    provider: str | None,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
) -> int:
    """Erase what could show the content of calls; their records stand, and show nothing of it."""
    from chainnode.cli.forgetting import Forgotten, forgotten

    output = current_session().output
    target = resolve_target(folder=folder, nodes=nodes, key=key, trust=trust, needs_nodes=False)
    erased = forgotten(
        target.load_trust(),
        Forgotten(before=before, call=call, requester=requester, provider=provider),
        kept=kept,
        secret=secret,
    )
    told = output.words(f"已删除 {erased} 条", f"erased {erased}")
    output.answer({"erased": erased}, lambda: output.line(told))
    return ExitCode.OK


def _stored(folder: Path) -> "StoredSpool":
    from chainnode.gateway import look_at_spool

    stored = look_at_spool(folder)
    if stored is None:
        raise LocalProblem(
            "NO_SPOOL",
            Text(
                f"{folder}：应为网关的队列目录（内有文件 spool-*），却没有",
                f"{folder}: expected the folder of a spool, with a file spool-*, got none",
            ),
        )
    return stored


def _put_back(
    folder: Path,
    stored: "StoredSpool",
    letters: "Sequence[DeadLetter]",
    retried: tuple[int, ...],
) -> "Sequence[DeadLetter]":
    """Put dead letters back into the queue and return those that are left."""
    import asyncio

    from chainnode.gateway import Spool

    chosen: list[EntryId] = [one.entry_id for one in letters if one.entry_id in retried]
    missing = sorted(set(retried) - set(chosen))
    if missing:
        raise UsageProblem(
            "NO_DEAD_LETTER",
            Text(f"不是被永久拒绝的记录：{missing}", f"no dead letters: {missing}"),
        )
    chain_id = stored.chain_id

    async def put_back() -> "Sequence[DeadLetter]":
        opened = Spool.open(folder, chain_id=chain_id)
        try:
            await opened.retry(chosen)
            return opened.state.dead_letters()
        finally:
            await opened.close()

    return asyncio.run(put_back())


spool.add_command(spool_status)
spool.add_command(spool_send)
gateway.add_command(run)
gateway.add_command(spool)
gateway.add_command(dead_letters)
gateway.add_command(forget)
