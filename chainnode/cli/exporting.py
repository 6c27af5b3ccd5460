"""The options of `kun audit export`, and asking all that one file is to hold.

A person may need several recorded questions: all of them go into the one file. The extra
`reports` is needed for Parquet and PDF, and is looked for before anything is asked.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainnode.cli.exits import UsageProblem
from chainnode.cli.questions import Asking, ask, ask_about_person
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from chainnode.cli.target import Target
    from chainnode.client import AuditAnswer, Client, ToldPlaces
    from chainnode.client.exporting import ExportParts, Render
    from chainnode.verify.export_forms import ExportContent


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporting:
    """Where the file goes and what is put in besides rows and proofs, as it was typed."""

    out: Path
    renderings: str
    attest: bool

    def renderer(self) -> "Render":
        """Return what makes the renderings that `--with` names.

        Raises:
            UsageProblem: an unknown one, or one whose library is not installed.

        """
        from chainnode.reports import RENDERINGS, Rendering, ReportsNotInstalled, render
        from chainnode.reports.rendering import require_installed

        names = {one.strip() for one in self.renderings.split(",")} - {""}
        if not names <= {one.value for one in RENDERINGS}:
            raise UsageProblem(
                "WITH",
                Text("--with：应为 csv、parquet、pdf", "--with: expected csv, parquet, pdf"),
            )
        wanted = [one for one in RENDERINGS if one.value in names]
        try:
            require_installed(wanted)
        except ReportsNotInstalled as error:
            raise UsageProblem(
                "NOT_INSTALLED",
                Text(
                    f"--with {error.rendering}：请安装 kunlian[reports]",
                    f"--with {error.rendering}: install kunlian[reports]",
                ),
            ) from error

        def made(content: "ExportContent") -> Mapping[str, bytes]:
            return render(content, [Rendering(one) for one in wanted])

        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """All answers of one export, and what a custodian said of the tokens."""

    answers: "tuple[AuditAnswer, ...]"
    told: "ToldPlaces | None"

    def parts(self, render: "Render") -> "ExportParts":
        """Return what goes into the file besides rows and proofs."""
        from chainnode.pages import verify_page

        return {"page": verify_page(), "render": render, "told": self.told}


_OPTIONS = (
    click.option(
        "--out",
        type=click.Path(path_type=Path),
        required=True,
        help="新文件 · a new file, .kunproof",
    ),
    click.option(
        "--with",
        "renderings",
        default="csv",
        show_default=True,
        metavar="LIST",
        help="附带 · besides rows.jsonl: csv, parquet, pdf",
    ),
    click.option(
        "--attest",
        is_flag=True,
        help="写明各化名所属部门与期数 · say whose the tokens are, with --person; not proven",
    ),
)


def export_options(function: Callable[..., int]) -> Callable[..., int]:
    """Add the options of an export to a command, which gets them as one `exporting`."""

    @functools.wraps(function)
    def collected(**given: object) -> int:
        typed = {one.name: given.pop(one.name) for one in fields(Exporting)}
        return function(exporting=Exporting(**typed), **given)  # type: ignore[arg-type]  # as click read them

    for option in reversed(_OPTIONS):
        collected = option(collected)
    return collected


def ask_all(client: "Client", target: "Target", asking: Asking, *, attest: bool) -> Asked:
    """Ask to the end what one file is to hold."""
    if asking.person is None:
        if attest:
            raise UsageProblem("ATTEST", Text("--attest 需要 --person", "--attest needs --person"))
        return Asked(answers=(ask(client, target, asking, limit=None),), told=None)
    found = ask_about_person(client, target, asking, limit=None)
    return Asked(answers=found.answers, told=found.tokens.told if attest else None)
