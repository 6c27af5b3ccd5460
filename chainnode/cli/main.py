"""The root of `kun`: its commands, and every error turned into an exit code.

A traceback is shown only with `KUN_DEBUG` set; a bug says what to report instead.
"""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from chainnode.cli.exits import CommandError, ExitCode, exit_code_of, hint_of
from chainnode.cli.output import Output
from chainnode.cli.tree import LazyCommand, Session, lazy_group

COMMANDS = {
    "devnet": LazyCommand(
        "chainnode.cli.commands.devnet:devnet", "本机开发网 · a network on this machine"
    ),
    "verify": LazyCommand(
        "chainnode.cli.commands.verify:verify", "核验文件或证照 · verify a file or certificate"
    ),
    "audit": LazyCommand("chainnode.cli.commands.audit:audit", "审计查询 · who accessed what"),
    "cert": LazyCommand("chainnode.cli.commands.cert:cert", "电子证照 · e-certificates"),
    "catalog": LazyCommand(
        "chainnode.cli.commands.catalog:catalog", "目录 · what departments share"
    ),
    "grant": LazyCommand("chainnode.cli.commands.grant:grant", "授权 · who may call what"),
    "dispute": LazyCommand(
        "chainnode.cli.commands.dispute:dispute", "异议 · objections, and who answers"
    ),
    "gateway": LazyCommand(
        "chainnode.cli.commands.gateway:gateway", "网关 · between services and the ledger"
    ),
    "status": LazyCommand(
        "chainnode.cli.commands.status:status", "网络状态 · healthy, degraded or halted, because"
    ),
    "doctor": LazyCommand(
        "chainnode.cli.commands.doctor:doctor", "自检 · checks, and what mends them"
    ),
    "node": LazyCommand("chainnode.cli.commands.node:node", "节点 · run one node"),
    "custodian": LazyCommand(
        "chainnode.cli.commands.custodian:custodian", "标识托管 · makes subject tokens"
    ),
    "citizen": LazyCommand(
        "chainnode.cli.commands.citizen:citizen", "谁看过我的数据 · who used a person's data"
    ),
    "console": LazyCommand(
        "chainnode.cli.commands.console:console", "控制台 · web pages for officials"
    ),
    "key": LazyCommand("chainnode.cli.commands.key:key", "密钥 · keys"),
    "trust": LazyCommand("chainnode.cli.commands.trust:trust", "信任文件 · trust files"),
    "config": LazyCommand("chainnode.cli.commands.config:config", "配置 · configuration"),
    "completion": LazyCommand(
        "chainnode.cli.commands.completion:completion", "命令补全 · shell completion"
    ),
    "version": LazyCommand("chainnode.cli.commands.version:version", "版本 · version"),
}

kun = lazy_group(
    "kun",
    text="昆链：数据调用与电子证照，人人可验。\n\nKunlian: data calls and e-certificates that"
    " anyone can verify.",
    lazy=COMMANDS,
)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run `kun` and leave the process with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run `kun` and return its exit code; no error leaves this function."""
    session = Session()
    # Known before parsing, because a wrong command line is answered in JSON too.
    session.output.json = "--json" in arguments
    try:
        code = kun.main(list(arguments), prog_name="kun", standalone_mode=False, obj=session)
    except click.ClickException as error:
        _report_usage(session.output, error)
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        session.output.note("已中断。", "Interrupted.")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away: `kun … | head`.
        sys.stderr.close()
        return ExitCode.OK
    except Exception as error:  # noqa: BLE001 - the one place that must see every error
        return _report(session.output, error)
    return code if isinstance(code, int) else ExitCode.OK


def _report_usage(output: Output, error: click.ClickException) -> None:
    message = error.format_message()
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f"{context.command_path} --help" if context is not None else "kun --help"
    _say(output, code="USAGE", message=message, hint=hint, exit_code=ExitCode.USAGE)


def _report(output: Output, error: Exception) -> int:
    """Say what went wrong and whose fault it is."""
    code = exit_code_of(error)
    if os.environ.get("KUN_DEBUG"):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, CommandError):
        message = error.text.in_language(output.language)
        hint = error.hint.in_language(output.language) if error.hint else ""
        _say(output, code=error.code, message=message, hint=hint, exit_code=code)
    elif code is ExitCode.BUG:
        _report_bug(output, error)
    else:
        text = hint_of(error)
        hint = text.in_language(output.language) if text else ""
        _say(output, code=_name_of(error), message=_told(output, error), hint=hint, exit_code=code)
    return code


def _told(output: Output, error: Exception) -> str:
    """Return what happened: of a file, its name and the reason without a number."""
    if not isinstance(error, OSError) or error.filename is None:
        return str(error)
    reason = error.strerror
    if isinstance(error, FileNotFoundError):
        reason = output.words("没有这个文件", "there is no such file")
    elif isinstance(error, IsADirectoryError):
        reason = output.words("这是目录，不是文件", "this is a folder, not a file")
    return f"{error.filename}: {reason}"


def _report_bug(output: Output, error: Exception) -> None:
    """Name the place, never the message: it may carry what the user typed."""
    place = "?"
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        place = f"{os.path.basename(code.co_filename)}:{trace.tb_lineno} {code.co_name}"  # noqa: PTH119 - pathlib is not loaded yet
        trace = trace.tb_next
    _say(
        output,
        code="BUG",
        message=output.words(
            f"程序内部错误：{_name_of(error)}，位置 {place}。",
            f"Internal error: {_name_of(error)} at {place}.",
        ),
        hint=output.words(
            "请报告上面一行和 `kun version` 的输出；设置 KUN_DEBUG=1 可看到详情。",
            "Please report this line and `kun version`; KUN_DEBUG=1 shows the details.",
        ),
        exit_code=ExitCode.BUG,
    )


def _name_of(error: Exception) -> str:
    return type(error).__name__


def _say(output: Output, *, code: str, message: str, hint: str, exit_code: ExitCode) -> None:
    """Print an error for a person, and with `--json` as the one object of this run."""
    sys.stderr.write(f"{output.words('错误', 'error')}: {message}\n")
    if hint:
        sys.stderr.write(f"  {hint}\n")
    if output.json and not output.has_answered:
        problem = {"code": code, "message": message, "hint": hint, "exit_code": int(exit_code)}
        output.answer({"error": problem}, lambda: None)
