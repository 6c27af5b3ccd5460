"""`kun devnet`: a network of real nodes on this machine, to try things and to break them."""

import contextlib
import functools
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainnode.cli.exits import ExitCode, LocalProblem, UsageProblem
from chainnode.cli.target import DEFAULT_FOLDER
from chainnode.cli.tree import current_session, kun_command, kun_group
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from devnet.topology import DevnetFolder, NodePlace, Topology
    from devnet.up import DemoRunner


def folder_option(function: Callable[..., int]) -> Callable[..., int]:
    """Add `--dir DIR`."""
    return click.option(
        "--dir",
        "folder",
        type=click.Path(path_type=Path),
        default=Path(DEFAULT_FOLDER),
        envvar="KUN_DIR",
        show_default=True,
        help="开发网目录 · folder of the devnet",
    )(function)


devnet = kun_group("devnet", text="本机开发网 · a network of real nodes on this machine")


@kun_command("up", text="建立或重启，直到可用 · make or restart it, wait until it works")
@folder_option
@click.option("--suite", type=click.Choice(["sm", "intl"]), help="密码套件 · default: sm")
@click.option("--nodes", type=int, metavar="N", help="节点数 4…10 · default: 4")
@click.option("--no-demo", is_flag=True, help="不要演示数据 · without demo data")
@click.option("--detach", is_flag=True, help="就绪后返回 · return when it is ready")
@click.option("--clock", metavar="RFC3339", help="节点时钟 · what the nodes' clock shall read")
@click.option("--verbose", is_flag=True, help="各阶段用时 · time of each phase")
def up(
    *,
    folder: Path,
    suite: str | None,
    nodes: int | None,
    no_demo: bool,
    detach: bool,
    clock: str | None,
    verbose: bool,
) -> int:
    """Bring the devnet up; without `--detach` stay until Ctrl-C and stop it then."""
    from devnet.banner import print_banner
    from devnet.launcher import stop_everything, wait_for_interrupt
    from devnet.observe import observe, status_document
    from devnet.stopwatch import Stopwatch
    from devnet.topology import DevnetFolder
    from devnet.up import UpRequest, bring_up

    output = current_session().output

    def report(phase: str, seconds: float) -> None:
        if verbose or sys.stderr.isatty():
            output.note(f"  {seconds:6.2f} s  {phase}", f"  {seconds:6.2f} s  {phase}")

    # SIGTERM while it starts or runs is like Ctrl-C: what was started is ended again.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    output.note("正在启动开发网 …", "starting the devnet …")
    watch = Stopwatch(report)
    place = DevnetFolder(folder)
    offset_ms = None if clock is None else clock_offset_ms(clock)
    request = UpRequest(suite=suite, nodes=nodes, has_demo=not no_demo, clock_offset_ms=offset_ms)
    topology = bring_up(place, request, watch=watch, load_demo=_load_demo)
    try:
        sight = observe(place, topology)
        ready_s = round(watch.total_s, 2)
        document = {**status_document(sight, place), "ready_s": ready_s}
        # Once it says that it is ready, an interrupt is how it is meant to end.
        with contextlib.nullcontext() if detach else contextlib.suppress(KeyboardInterrupt):
            output.answer(document, lambda: print_banner(output, place, sight, ready_s=ready_s))
            if not detach:
                output.note("按 Ctrl-C 停止。", "Ctrl-C stops it.")
                wait_for_interrupt()
    finally:
        if not detach:
            output.note("正在停止 …", "stopping …")
            stop_everything(place, topology)
    return ExitCode.OK


def _load_demo() -> "DemoRunner":
    try:
        from devnet.demo.run import run_demo
    except ModuleNotFoundError as error:
        raise LocalProblem(
            "DEMO_EXTRA_MISSING",
            Text(f"演示需要 {error.name}", f"the demo needs {error.name}"),
            hint=Text(
                "pip install 'kunlian[demo]'，或 --no-demo",
                "pip install 'kunlian[demo]', or --no-demo",
            ),
        ) from error
    return run_demo


def clock_offset_ms(text: str) -> int:
    """Return what must be added to this machine's clock to read `text` now.

    Raises:
        UsageProblem: not RFC 3339 with an offset.

    """
    import time

    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise UsageProblem(
            "CLOCK",
            Text(
                f"--clock：应为带时区的 RFC 3339，收到 {text!r:.40}",
                f"--clock: expected RFC 3339 with an offset, got {text!r:.40}",
            ),
        )
    return round(instant.timestamp() * 1000) - time.time_ns() // 1_000_000


@kun_command("down", text="停止，保留数据 · stop it, keep its data")
@folder_option
def down(folder: Path) -> int:
    """End all processes of the devnet."""
    from devnet.launcher import exclusive, stop_everything

    output = current_session().output
    place, topology = _load(folder)
    with exclusive(place):
        stopped = stop_everything(place, topology)
    output.answer(
        {"stopped": stopped},
        lambda: output.line(
            output.words(f"已停止 {stopped} 个进程。", f"stopped {stopped} processes")
        ),
    )
    return ExitCode.OK


@kun_command("reset", text="停止并删除 · stop it and remove its folder")
@folder_option
def reset(folder: Path) -> int:
    """Remove a devnet; a folder that is none is refused."""
    from devnet.launcher import reset as reset_devnet
    from devnet.topology import DevnetFolder

    output = current_session().output
    reset_devnet(DevnetFolder(folder))
    output.answer(
        {"removed": str(folder)},
        lambda: output.line(output.words(f"已删除 {folder}", f"removed {folder}")),
    )
    return ExitCode.OK


@kun_command("status", text="各节点状态 · what each node does; exit code as `kun status`")
@folder_option
def status(folder: Path) -> int:
    """Show every node; the JSON is a contract with scripts."""
    from devnet.banner import print_nodes
    from devnet.observe import observe, status_document

    output = current_session().output
    place, topology = _load(folder)
    sight = observe(place, topology)
    output.answer(status_document(sight, place), lambda: print_nodes(output, sight))
    return sight.judgement.health.exit_code


Act = Callable[["DevnetFolder", "Topology", "NodePlace"], None]


def _node_verb(name: str, *, text: str, done: Text) -> Callable[[Act], click.Command]:
    """Make a verb that does one thing to one node of the devnet."""

    def wrap(act: Act) -> click.Command:
        @functools.wraps(act)
        def command(folder: Path, node: str) -> int:
            output = current_session().output
            place, topology = _load(folder)
            chosen = topology.node(node)
            act(place, topology, chosen)
            said = f"{chosen.name}: {done.in_language(output.language)}"
            output.answer({"node": chosen.name, "done": name}, lambda: output.line(said))
            return ExitCode.OK

        with_options = folder_option(click.argument("node", metavar="NODE")(command))
        return kun_command(name, text=text)(with_options)

    return wrap


@_node_verb("kill", text="SIGKILL 一个节点 · SIGKILL one node", done=Text("已杀死", "killed"))
def kill(folder: "DevnetFolder", _topology: "Topology", node: "NodePlace") -> None:
    """Kill a node without warning."""
    from devnet.launcher import exclusive, kill_node

    with exclusive(folder):
        kill_node(folder, node)


@_node_verb("start", text="启动一个节点 · start one node again", done=Text("已启动", "started"))
def start(folder: "DevnetFolder", topology: "Topology", node: "NodePlace") -> None:
    """Start a stopped node and wait until its API answers."""
    from devnet.launcher import START_TIMEOUT_S, exclusive, start_node, wait_until_answering

    with exclusive(folder):
        start_node(folder, topology, node)
        wait_until_answering(folder, node, timeout_s=START_TIMEOUT_S)


@_node_verb("pause", text="SIGSTOP 一个节点 · SIGSTOP one node", done=Text("已暂停", "paused"))
def pause(folder: "DevnetFolder", _topology: "Topology", node: "NodePlace") -> None:
    """Freeze a node; its connections stay open."""
    from devnet.launcher import exclusive, pause_node

    with exclusive(folder):
        pause_node(folder, node)


@_node_verb("resume", text="SIGCONT 一个节点 · SIGCONT one node", done=Text("已继续", "resumed"))
def resume(folder: "DevnetFolder", _topology: "Topology", node: "NodePlace") -> None:
    """Let a frozen node go on."""
    from devnet.launcher import exclusive, resume_node

    with exclusive(folder):
        resume_node(folder, node)


@kun_command("logs", text="查看日志 · show the log of a node")
@folder_option
@click.argument("node", metavar="NODE")
@click.option("-f", "--follow", is_flag=True, help="持续输出 · go on with new lines")
@click.option("-n", "--lines", type=click.IntRange(0, 10_000), default=50, show_default=True)
def logs(*, folder: Path, node: str, follow: bool, lines: int) -> int:
    """Show the end of a node's logs."""
    from devnet.logs import follow_logs, tail_logs

    output = current_session().output
    place, topology = _load(folder)
    chosen = topology.node(node)
    shown = tail_logs(place, chosen.name, count=lines)
    output.answer(
        {"node": chosen.name, "lines": list(shown)},
        lambda: output.line("\n".join(shown)) if shown else None,
    )
    if follow and not output.json:
        follow_logs(place, chosen.name, output.line)
    return ExitCode.OK


def _load(folder: Path) -> "tuple[DevnetFolder, Topology]":
    from devnet.topology import DevnetFolder, load_topology

    place = DevnetFolder(folder)
    return place, load_topology(place)


for _command in (up, down, reset, status, kill, start, pause, resume, logs):
    devnet.add_command(_command)
