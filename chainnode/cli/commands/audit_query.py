"""`kun audit query`: a recorded question, its rows proven, and what they show together."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainnode.cli.analysed import Analysing, analysed, analysis_options, print_analysis
from chainnode.cli.audit_words import answer_document, print_answer
from chainnode.cli.call_answers import require_alone, show_call
from chainnode.cli.exits import ExitCode
from chainnode.cli.new_files import numbered, require_new, write_new
from chainnode.cli.organisations import shown_names
from chainnode.cli.persons import person_document, print_covered
from chainnode.cli.questions import Asking, ask, ask_about_person, question_options
from chainnode.cli.target import acting_target, resolve_target, target_options
from chainnode.cli.tree import current_session, kun_command

if TYPE_CHECKING:
    from chainnode.client import AuditAnswer

DEFAULT_IDENTITY = "auditor"


@kun_command("query", text="提出有记录的查询 · ask; the question itself is recorded")
@target_options
@question_options
@analysis_options
@click.option(
    "--call", metavar="ID", help="调用编号，不记录查询 · a call by its id; records nothing"
)
@click.option("--limit", type=click.IntRange(1, 100_000), default=10_000, show_default=True)
@click.option(
    "--evidence", type=click.Path(path_type=Path), help="新文件 · a new file for the evidence"
)
def query(
    *,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    asking: Asking,
    analysing: Analysing,
    call: str | None,
    limit: int,
    evidence: Path | None,
) -> int:
    """Ask, check every row, and print them."""
    from chainnode.verify.pages import pages_form

    output = current_session().output
    if evidence is not None:
        require_new(evidence)
    chosen = analysing.chosen()
    if call is not None:
        require_alone(asking, evidence)
        target = resolve_target(folder=folder, nodes=nodes, key=key, trust=trust)
        return show_call(target, call, chosen)
    target = acting_target(folder, nodes, key, trust, default=DEFAULT_IDENTITY)
    with target.open_client(signs=True) as client:
        if asking.person is None:
            answers: tuple[AuditAnswer, ...] = (ask(client, target, asking, limit=limit),)
            document = answer_document(answers[0], limit=limit)
        else:
            found = ask_about_person(client, target, asking, limit=limit)
            answers, document = found.answers, person_document(found, limit=limit)
        if chosen is not None:
            rows = [row for answer in answers for row in answer.items]
            document = analysed(client, document, rows, chosen)
    if evidence is not None:
        for number, answer in enumerate(answers, start=1):
            kept = (json.dumps(pages_form(answer.pages)) + "\n").encode()
            write_new(numbered(evidence, number), kept)

    def lines() -> None:
        print_answer(output, document, shown_names(target))
        print_covered(output, document, shown_names(target))
        print_analysis(output, document)

    output.answer(document, lines)
    return ExitCode.OK
