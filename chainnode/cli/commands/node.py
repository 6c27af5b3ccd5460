"""`kun node`: run one node in the foreground, look at it, stop it."""

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from chainnode.cli.commands.recover import recover
from chainnode.cli.exits import ExitCode, LocalProblem
from chainnode.cli.node_folder import SETTINGS_FILE, folder_option
from chainnode.cli.output import Output
from chainnode.cli.tree import current_session, kun_command, kun_group
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from chainnode.verify.strict_json import JsonObject
    from devnet.processes import ProcessRecord

PROCESS_FILE = "process.json"
_STOP_TIMEOUT_S = 20.0
_CELL_CHARACTERS = 16
_COLUMNS = (("kind",), ("view",), ("sequence", "height"), ("digest",), ("sender", "signers"))


node = kun_group("node", text="节点 · run one node")


@kun_command("start", text="在前台运行 · run in the foreground until SIGTERM or Ctrl-C")
@folder_option
def start(folder: Path) -> int:
    """Run the node; the exit code is the node's."""
    from chainnode.config import load_config
    from chainnode.node import run_node
    from devnet.processes import record_of, write_record

    config = load_config(folder / SETTINGS_FILE)
    own = record_of(os.getpid())
    # A second process on the same data is refused by the data's own lock, not by this file.
    if own is not None and _running(folder) is None:
        write_record(folder / PROCESS_FILE, own)
    try:
        return run_node(config)
    finally:
        if _running(folder) == own:
            (folder / PROCESS_FILE).unlink(missing_ok=True)


@kun_command("status", text="进程与共识状态 · its process, and what it says of itself")
@folder_option
def status(folder: Path) -> int:
    """Show whether the node runs; 0 running and ready, 1 running only, 3 not running."""
    from chainnode.cli.probe import fetch_json
    from chainnode.config import load_config

    output = current_session().output
    config = load_config(folder / SETTINGS_FILE)
    running = _running(folder)
    api = f"http://{config.api_listen}"
    reply = fetch_json(api, "/v1/consensus")
    document = {
        "name": config.name,
        "pid": None if running is None else running.pid,
        "api": api,
        "problem": reply.problem or None,
        "consensus": dict(reply.document) or None,
    }
    state = str(reply.document.get("state", reply.problem))

    def lines() -> None:
        process = output.words("未运行", "not running") if running is None else str(running.pid)
        output.line(f"{config.name}: {output.words('进程', 'process')} {process}, {api}, {state}")

    output.answer(document, lines)
    if not reply.is_ok:
        return ExitCode.CANNOT_DECIDE
    return ExitCode.OK if state == "running" else ExitCode.NEGATIVE


@kun_command("stop", text="正常停止 · stop it gracefully (SIGTERM)")
@folder_option
def stop(folder: Path) -> int:
    """Ask the node's process to end, and wait for it."""
    from devnet.processes import send_signal, wait_until_gone

    output = current_session().output
    running = _running(folder)
    if running is None:
        raise LocalProblem(
            "NODE_STOPPED",
            Text("节点没有在运行", "expected a running node, there is no process of it"),
        )
    send_signal(running, signal.SIGTERM)
    if not wait_until_gone([running], timeout_s=_STOP_TIMEOUT_S):
        raise LocalProblem(
            "NODE_DOES_NOT_STOP",
            Text(
                f"进程 {running.pid} 在 {_STOP_TIMEOUT_S:g} 秒内没有结束",
                f"process {running.pid} did not end within {_STOP_TIMEOUT_S:g} s",
            ),
        )
    output.answer(
        {"stopped": running.pid},
        lambda: output.line(output.words("已停止", "stopped")),
    )
    return ExitCode.OK


@kun_command(
    "inspect-votes", text="投票日志 · what this replica has promised, read from its vote log"
)
@folder_option
def inspect_votes(folder: Path) -> int:
    """Lay the vote log out, also of a running node; 3 when it is not whole."""
    from chainnode.config import load_config
    from chainnode.vote_report import vote_report

    output = current_session().output
    document = vote_report(load_config(folder / SETTINGS_FILE))
    output.answer(document, lambda: _print_votes(output, document))
    return ExitCode.OK if document["problem"] is None else ExitCode.CANNOT_DECIDE


def _print_votes(output: Output, document: "JsonObject") -> None:
    problem = document["problem"]
    if problem is not None:
        output.line(output.words(f"不完整：{problem}", f"not whole: {problem}"), colour="red")
    summary = document["summary"]
    for name, value in summary.items() if isinstance(summary, dict) else ():
        output.line(f"{name:<18} {value}")
    rows = document["records"]
    output.table(
        ["kind", "view", "sequence", "digest", "sender"],
        [
            [_cell(one, *names) for names in _COLUMNS]
            for one in (rows if isinstance(rows, list) else [])
            if isinstance(one, dict)
        ],
    )


def _cell(row: "JsonObject", *names: str) -> str:
    """Show the first of `names` that a record has; digests are cut to what tells them apart."""
    value = next((row[name] for name in names if name in row), None)
    return "-" if value is None else str(value)[:_CELL_CHARACTERS]


@kun_command(
    "refetch",
    text="弃用损坏的账本，下次启动时重新获取 · set a damaged ledger aside, to be fetched anew",
)
@folder_option
def refetch(folder: Path) -> int:
    """Set the ledger aside; votes and key stay, so the replica keeps its word and its vote."""
    from chainnode.config import load_config
    from chainnode.node import refetch_ledger

    output = current_session().output
    aside = refetch_ledger(load_config(folder / SETTINGS_FILE))

    def lines() -> None:
        if aside is None:
            output.line(output.words("没有账本", "there is no ledger to set aside"))
        else:
            output.line(output.words(f"旧账本移至 {aside}", f"the old ledger is now {aside}"))
        output.line(f"kun node start --dir {folder}")

    output.answer({"set_aside": None if aside is None else str(aside)}, lines)
    return ExitCode.OK


def _running(folder: Path) -> "ProcessRecord | None":
    from devnet.processes import running_record

    return running_record(folder / PROCESS_FILE)


for _command in (start, status, stop, inspect_votes, recover, refetch):
    node.add_command(_command)
