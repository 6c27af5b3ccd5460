"""`kun doctor`: checks of this machine and of a site, each with the command that mends it."""

from pathlib import Path

import click

from chainnode.cli.exits import ExitCode
from chainnode.cli.findings import (
    Finding,
    Result,
    check_disk,
    check_python,
    check_suite,
    fail,
    skip,
)
from chainnode.cli.output import Output
from chainnode.cli.target import DEFAULT_FOLDER
from chainnode.cli.tree import current_session, kun_command
from chainnode.cli.words import Text

_COLOURS = {Result.OK: "green", Result.WARN: "yellow", Result.FAIL: "red", Result.SKIP: "white"}


@kun_command("doctor", text="自检，并给出修复命令 · checks, and the command that mends each")
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    envvar="KUN_DIR",
    help="开发网或节点目录 · folder of a devnet or of a node",
)
def doctor(folder: Path | None) -> int:
    """Make all checks; 1 when one failed."""
    output = current_session().output
    if folder is None and Path(DEFAULT_FOLDER).is_dir():
        folder = Path(DEFAULT_FOLDER)
    findings = run_checks(folder)
    failed = any(one.result is Result.FAIL for one in findings)
    output.answer(findings_document(findings), lambda: _print(output, findings))
    return ExitCode.NEGATIVE if failed else ExitCode.OK


def run_checks(folder: Path | None) -> list[Finding]:
    """Make the checks of this machine and those of `folder`."""
    findings = [check_python(), check_suite("sm"), check_suite("intl")]
    if folder is None:
        return [*findings, skip("site", "没有目录可查：--dir", "no folder to look at: --dir")]
    if not folder.is_dir():
        missing = Text(f"没有目录 {folder}", f"there is no folder {folder}")
        return [*findings, fail("site", missing, mend="kun devnet up")]
    from chainnode.cli.site_checks import check_site

    return [*findings, check_disk(folder), *check_site(folder)]


def findings_document(findings: list[Finding]) -> dict[str, object]:
    """Return the JSON of `kun doctor`."""
    return {
        "ok": all(one.result is not Result.FAIL for one in findings),
        "checks": [
            {
                "name": one.name,
                "result": one.result.value,
                "detail": one.detail.en,
                "detail_zh": one.detail.zh,
                "mend": one.mend or None,
            }
            for one in findings
        ],
    }


def _print(output: Output, findings: list[Finding]) -> None:
    for one in findings:
        detail = one.detail.in_language(output.language)
        output.line(f"{one.result.value:<5} {one.name:<16} {detail}", colour=_COLOURS[one.result])
        if one.mend:
            output.line(f"      → {one.mend}")
