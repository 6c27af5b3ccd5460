"""`--person`: a question about everything that is recorded of one person, by their number.

The number is typed at a prompt, read from standard input or from a file of mode 0600; never
taken from the command line or the environment, which other processes and histories see. The
custodian makes the tokens; the questions and their complete answers are about these alone.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainnode.cli.audit_words import answer_document, rows_of
from chainnode.cli.exits import NoDecision, Refused, UsageProblem
from chainnode.cli.organisations import all_organisations, organisation_named
from chainnode.cli.output import Output
from chainnode.cli.words import Text

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from chainnode.cli.questions import Asking
    from chainnode.cli.target import Target
    from chainnode.client import AuditAnswer, Client, PersonTokens, TokensNotMade

STANDARD_INPUT = "-"
# A number with spaces and full-width digits, and a line end.
_NUMBER_BYTES_MAX = 256
# What another key or role would mend; anything else passes, or is mended at the custodian.
_REFUSALS = frozenset({"NOT_ENTITLED", "UNKNOWN_KEY", "BAD_SIGNATURE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonAnswer:
    """All that is recorded under the tokens of one person; several answers where they are many."""

    tokens: "PersonTokens"
    answers: "tuple[AuditAnswer, ...]"


def person_tokens(client: "Client", target: "Target", asking: "Asking") -> "PersonTokens":
    """Read the number and let the custodian make its tokens.

    Raises:
        CommandError: the options do not make sense, or the custodian makes none.

    """
    import time

    from chainnode.client import Person, TokenDesk, TokensNotMade, fetch_person_tokens

    if asking.custodian is None or asking.person is None:
        raise UsageProblem(
            "CUSTODIAN",
            Text("--person 需要 --custodian URL", "--person goes with --custodian URL"),
        )
    person = Person(
        id_type=asking.id_type, number=read_number(asking.person), purpose=asking.purpose
    )
    desk = TokenDesk(
        url=asking.custodian,
        key=target.open_key()[1],
        tls=_tls(asking.custodian_ca),
        now_ms=lambda: time.time_ns() // 1_000_000 + target.clock_offset_ms,
    )
    departments = _departments(client, target, asking.at)
    try:
        return fetch_person_tokens(client, desk, person, departments=departments)
    except TokensNotMade as error:
        raise _refused(error) from error


def read_number(source: str) -> str:
    """Read a person's number from where `--person` says; nothing repeats what was typed.

    Raises:
        UsageProblem: the option holds no `-` and no file: it may be the number itself.
        SecretFileRefused: others can read the file, or it is too long.

    """
    from chainnode.secret_files import read_secret_file

    if source != STANDARD_INPUT:
        path = Path(source)
        if not path.is_file():
            raise UsageProblem(
                "PERSON",
                Text(
                    "--person：应为 - 或文件；证件号码不得写在命令行上",
                    "--person: expected - or a file; a number of a person must not stand on the"
                    " command line",
                ),
            )
        return read_secret_file(path, bytes_max=_NUMBER_BYTES_MAX).decode(errors="replace").strip()
    if sys.stdin.isatty():
        return str(click.prompt("证件号码 · number", hide_input=True, err=True)).strip()
    return sys.stdin.readline(_NUMBER_BYTES_MAX).strip()


def person_document(found: PersonAnswer, *, limit: int) -> dict[str, object]:
    """Return the JSON of an answer about a person; it has neither the number nor a token."""
    parts = [answer_document(one, limit=limit) for one in found.answers]
    rows = {row["position"]: row for part in parts for row in rows_of(part, "items")}
    is_cut = len(rows) > limit
    # What holds for all of them is what the one that is proven the least far says.
    least = min(
        zip(found.answers, parts, strict=True),
        key=lambda one: (one[1]["complete"], one[0].complete_to_ms or 0, one[0].as_of_height),
    )[1]
    return {
        **least,
        "items": list(rows.values())[:limit],
        "complete": least["complete"] and not is_cut,
        "incomplete_because": "LIMIT" if is_cut else least["incomplete_because"],
        "questions": [part["question"] for part in parts],
        "alarms": [alarm for part in parts for alarm in rows_of(part, "alarms")],
        "person": _covered(found.tokens),
    }


def print_covered(
    output: Output, document: "Mapping[str, object]", names: "Mapping[str, str]"
) -> None:
    """Say of whose tokens the answer speaks."""
    person = document.get("person")
    if not isinstance(person, dict):
        return
    asked = len(rows_of(document, "questions"))
    listed = [
        f"{names.get(name, name)} ({epochs})" for name, epochs in person["departments"].items()
    ]
    output.line(
        output.words(
            f"{asked} 次有记录的查询；部门（密钥期数）：",
            f"{asked} recorded questions; departments (key epochs): ",
        )
        + ", ".join(listed)
    )


def _covered(tokens: "PersonTokens") -> dict[str, object]:
    epochs: dict[str, int] = {}
    for department, epoch in tokens.places:
        epochs[department] = max(epoch, epochs.get(department, 0))
    return {
        "custodian": tokens.custodian,
        "departments": epochs,
        "without_tokens": list(tokens.without),
    }


def _departments(client: "Client", target: "Target", named: Sequence[str]) -> list[str]:
    """Return the departments that are named, or all that trust, genesis and devnet know."""
    if named:
        return [organisation_named(one, target, option="--at") for one in named]
    return list(all_organisations(client, target))


def _tls(authorities: Path | None) -> "ssl.SSLContext | None":
    if authorities is None:
        return None
    import ssl

    try:
        return ssl.create_default_context(cafile=authorities)
    except OSError as error:
        raise UsageProblem(
            "CUSTODIAN_CA",
            Text(
                "--custodian-ca：应为 PEM 证书",
                "--custodian-ca: expected certificates in PEM",
            ),
        ) from error


def _refused(error: "TokensNotMade") -> Refused | NoDecision:
    kind = Refused if error.code in _REFUSALS else NoDecision
    patience = error.retry_after_s
    return kind(
        error.code,
        Text(f"保管方未生成化名：{error.code}", f"the custodian made no tokens: {error.code}"),
        hint=Text(f"{patience} 秒后再试", f"ask again in {patience} s") if patience else None,
    )
