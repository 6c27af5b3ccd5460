"""The options of a question to the audit log, and how it is asked to the end."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainnode.cli.exits import UsageProblem
from chainnode.cli.instants import end_ms, start_ms
from chainnode.cli.organisations import organisation_named
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from chainnode.cli.persons import PersonAnswer
    from chainnode.cli.target import Target
    from chainnode.client import AuditAnswer, Client
    from contracts.schemas.index_kinds import IndexKind

_TOKEN_BYTES = 32
# Of a dispute, and of a chain of calls.
_ID_BYTES = 16
# The words of contracts.schemas.audit.Basis and access.Finding, which no command loads to print
# its help.
BASES = ("supervision", "own-view", "data-quality", "operation")
FINDINGS = (
    "no-grant",
    "grant-not-active",
    "outside-grant",
    "quota-exceeded",
    "late",
    "halves-differ",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What is asked for, as it was typed; exactly one of the first eight.

    `person` is where the number of a person is read from, never the number.
    """

    subjects: tuple[str, ...]
    person: str | None
    department: str | None
    item: str | None
    certificate: str | None
    grant: str | None
    finding: str | None
    unmatched: str | None
    trace: str | None
    dispute: str | None
    responsible: str | None
    basis: str
    id_type: str
    custodian: str | None
    custodian_ca: Path | None
    at: tuple[str, ...]
    side: str
    begin: str | None
    end: str | None
    purpose: str

    @property
    def period(self) -> tuple[int, int]:
        """Return [from, to) in milliseconds of ledger time; `to` 0 = no end.

        Raises:
            UsageProblem: no such times, or an end before the beginning.

        """
        begin = 0 if self.begin is None else start_ms(self.begin, option="--from")
        end = 0 if self.end is None else end_ms(self.end, option="--to")
        if self.end is not None and end < begin:
            raise UsageProblem(
                "PERIOD_REVERSED",
                Text(
                    f"--to {self.end} 早于 --from {self.begin}",
                    f"--to {self.end} lies before --from {self.begin}",
                ),
            )
        return begin, end


_OPTIONS = (
    click.option(
        "--subject",
        "subjects",
        multiple=True,
        metavar="TOKEN",
        help="主体化名，可重复 · pseudonym",
    ),
    click.option(
        "--person",
        metavar="FILE",
        help="证件号码所在文件，- 为提示输入 · whose number is in FILE (0600), - asks for it",
    ),
    click.option(
        "--id-type",
        type=click.Choice(["111", "001"]),
        default="111",
        show_default=True,
        help="号码种类 · kind of number, with --person",
    ),
    click.option(
        "--custodian",
        metavar="URL",
        envvar="KUN_CUSTODIAN",
        help="化名保管方 · who makes the tokens, with --person",
    ),
    click.option(
        "--custodian-ca",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="其证书颁发者 · certificates by which it is known",
    ),
    click.option(
        "--at",
        multiple=True,
        metavar="ORG",
        help="只查这些部门的记录 · only at these departments, with --person",
    ),
    click.option("--department", metavar="ORG", help="部门代码或名称 · department, id or title"),
    click.option("--item", metavar="NAME", help="目录数据项 · catalogue item"),
    click.option("--certificate", metavar="ID", help="证照标识 · certificate"),
    click.option("--grant", metavar="NAME", help="授权 · calls and decisions under a grant"),
    click.option("--finding", type=click.Choice(FINDINGS), help="账本所查 · what the ledger found"),
    click.option("--unmatched", metavar="ORG", help="该部门缺失的记录 · gaps of a department"),
    click.option("--trace", metavar="ID", help="调用链编号 · calls that a chain of calls caused"),
    click.option("--dispute", metavar="ID", help="异议编号 · records of a dispute"),
    click.option("--responsible", metavar="ORG", help="该部门承办的异议 · disputes it answers for"),
    click.option(
        "--basis",
        type=click.Choice(BASES),
        default="supervision",
        show_default=True,
        help="查询依据 · on what the question rests, where the chain records it",
    ),
    click.option(
        "--side",
        type=click.Choice(["requester", "provider"]),
        default="requester",
        show_default=True,
        help="部门作为哪一方 · which side the department is on",
    ),
    click.option(
        "--from", "begin", metavar="TIME", help="起：2026-03 或日期 · month, day or instant"
    ),
    click.option("--to", "end", metavar="TIME", help="止（含该月、该日）· month or day included"),
    click.option("--purpose", metavar="TEXT", help="查询事由，必填 · mandatory"),
)


def question_options(function: Callable[..., int]) -> Callable[..., int]:
    """Add the options of a question to a command, which gets them as one `asking`.

    Whatever is recorded needs a purpose; a call by its id (`--call`) takes no question.
    """

    @functools.wraps(function)
    def collected(**given: object) -> int:
        if not given["purpose"] and not given.get("call"):
            raise click.MissingParameter(param_hint="--purpose", param_type="option")
        asked = {one.name: given.pop(one.name) for one in fields(Asking)}
        asked["purpose"] = asked["purpose"] or ""
        return function(asking=Asking(**asked), **given)  # type: ignore[arg-type]  # as click read them

    for option in reversed(_OPTIONS):
        collected = option(collected)
    return collected


def ask_about_person(
    client: "Client", target: "Target", asking: Asking, *, limit: int | None
) -> "PersonAnswer":
    """Let the custodian make the tokens of a person, and ask about all of them.

    A question names at most nine; each is recorded, and each answer is taken to its end.
    """
    from chainnode.cli.persons import PersonAnswer, person_tokens
    from contracts.schemas.audit import SUBJECTS_MAX
    from contracts.schemas.index_kinds import IndexKind

    period = asking.period
    _require_one(asking)
    tokens = person_tokens(client, target, asking)
    answers = tuple(
        ask_to_the_end(
            client,
            IndexKind.SUBJECT,
            tokens.tokens[first : first + SUBJECTS_MAX],
            purpose=asking.purpose,
            period=period,
            basis=asking.basis,
            limit=limit,
        )
        for first in range(0, len(tokens.tokens), SUBJECTS_MAX)
    )
    return PersonAnswer(tokens=tokens, answers=answers)


def ask(client: "Client", target: "Target", asking: Asking, *, limit: int | None) -> "AuditAnswer":
    """Record the question and take its answer, to the end or to `limit` records."""
    kind, values = asked_for(asking, target)
    return ask_to_the_end(
        client,
        kind,
        values,
        purpose=asking.purpose,
        period=asking.period,
        basis=asking.basis,
        limit=limit,
    )


def ask_to_the_end(
    client: "Client",
    kind: "IndexKind",
    values: "Sequence[bytes | str]",
    *,
    purpose: str,
    period: tuple[int, int] = (0, 0),
    basis: str = BASES[0],
    limit: int | None = None,
) -> "AuditAnswer":
    """Record a question about these index keys and take its pages, all or up to `limit` rows."""
    from chainnode.cli.outcomes import require_accepted
    from chainnode.client import QuestionNotRecorded
    from chainnode.client.whole import whole_answer
    from contracts.schemas.audit import Basis

    try:
        return whole_answer(
            client,
            kind,
            values,
            purpose=purpose,
            period=period,
            basis=Basis[basis.replace("-", "_").upper()],
            rows_max=limit,
        )
    except QuestionNotRecorded as error:
        require_accepted(error.outcome)
        raise


def asked_for(asking: Asking, target: "Target") -> "tuple[IndexKind, tuple[bytes | str, ...]]":
    """Turn the options into an index kind and its values.

    Raises:
        UsageProblem: none or several kinds, or a value that can be on no chain: for a mistyped
            one the chain would prove that there is nothing.

    """
    from contracts.schemas.access import Finding
    from contracts.schemas.index_kinds import IndexKind

    _require_one(asking)
    choices: list[tuple[IndexKind, tuple[bytes | str, ...]]] = []
    if asking.subjects:
        choices.append((IndexKind.SUBJECT, tuple(_token(one) for one in asking.subjects)))
    if asking.department is not None:
        kind = IndexKind.REQUESTER if asking.side == "requester" else IndexKind.PROVIDER
        choices.append((kind, (organisation_named(asking.department, target),)))
    if asking.item is not None:
        choices.append((IndexKind.ITEM, (asking.item,)))
    if asking.certificate is not None:
        choices.append((IndexKind.CERTIFICATE, (_identifier(asking.certificate),)))
    if asking.grant is not None:
        choices.append((IndexKind.GRANT, (asking.grant,)))
    if asking.finding is not None:
        found = Finding[asking.finding.replace("-", "_").upper()]
        choices.append((IndexKind.FINDING, (bytes((found,)),)))
    if asking.unmatched is not None:
        missing = organisation_named(asking.unmatched, target, option="--unmatched")
        choices.append((IndexKind.UNMATCHED, (missing,)))
    return (choices or _of_chains_and_disputes(asking, target))[0]


def _of_chains_and_disputes(
    asking: Asking, target: "Target"
) -> "list[tuple[IndexKind, tuple[bytes | str, ...]]]":
    """Return what is asked by the kinds that chains of rules 3 have."""
    from contracts.schemas.index_kinds import IndexKind

    choices: list[tuple[IndexKind, tuple[bytes | str, ...]]] = []
    if asking.trace is not None:
        choices.append((IndexKind.TRACE, (_id_16(asking.trace, option="--trace"),)))
    if asking.dispute is not None:
        choices.append((IndexKind.DISPUTE, (_id_16(asking.dispute, option="--dispute"),)))
    if asking.responsible is not None:
        answering = organisation_named(asking.responsible, target, option="--responsible")
        choices.append((IndexKind.RESPONSIBLE, (answering,)))
    return choices


def _require_one(asking: Asking) -> None:
    """Refuse none or several kinds of questions before anything is asked."""
    given = (
        asking.subjects or None,
        asking.person,
        asking.department,
        asking.item,
        asking.certificate,
        asking.grant,
        asking.finding,
        asking.unmatched,
        asking.trace,
        asking.dispute,
        asking.responsible,
    )
    if sum(one is not None for one in given) != 1:
        raise UsageProblem(
            "QUESTION",
            Text(
                "请只给出 --subject、--person、--department、--item、--certificate、--grant、"
                "--finding、--unmatched、--trace、--dispute、--responsible 之一",
                "expected one of --subject, --person, --department, --item, --certificate,"
                " --grant, --finding, --unmatched, --trace, --dispute, --responsible",
            ),
        )


def _identifier(text: str) -> str:
    from contracts.schemas.identifiers import InvalidIdentifier, parse_identifier

    try:
        parse_identifier(text)
    except InvalidIdentifier as error:
        raise UsageProblem(
            "CERTIFICATE",
            Text(
                f"--certificate：不是证照标识：{error}",
                f"--certificate: not an identifier of a certificate: {error}",
            ),
        ) from error
    return text


def _token(text: str) -> bytes:
    """Read a pseudonym. A plain identity number is refused: it must never leave this process."""
    try:
        token = bytes.fromhex(text)
    except ValueError:
        token = b""
    if len(token) != _TOKEN_BYTES:
        raise UsageProblem(
            "SUBJECT",
            Text(
                f"--subject：应为 {2 * _TOKEN_BYTES} 位十六进制化名，不是身份号码",
                f"--subject: expected a pseudonym of {2 * _TOKEN_BYTES} hexadecimal digits,"
                " not an identity number",
            ),
        )
    return token


def _id_16(text: str, *, option: str) -> bytes:
    """Read the id of a dispute or of a chain of calls."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != _ID_BYTES:
        raise UsageProblem(
            "ID",
            Text(
                f"{option}：应为 {2 * _ID_BYTES} 位十六进制",
                f"{option}: expected {2 * _ID_BYTES} hexadecimal digits",
            ),
        )
    return found
