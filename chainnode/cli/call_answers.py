"""`kun audit query --call`: a call by its id, from proofs of the state and of its records.

No question is recorded: what is asked is public, and every pair of organisations is proven to have
a call of this id or to have none.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from chainnode.cli.analysed import Chosen, analysed, print_analysis
from chainnode.cli.audit_words import print_rows, rows_of
from chainnode.cli.exits import ExitCode, UsageProblem
from chainnode.cli.organisations import all_organisations, shown_names
from chainnode.cli.tree import current_session
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from chainnode.cli.questions import Asking
    from chainnode.cli.target import Target
    from chainnode.client import Client

_CALL_ID_DIGITS = 32


def require_alone(asking: "Asking", evidence: Path | None) -> None:
    """Refuse what goes with a recorded question beside `--call`."""
    given = (
        *(asking.subjects or None, asking.person, asking.department, asking.item),
        *(asking.certificate, asking.grant, asking.finding, asking.unmatched),
        *(asking.trace, asking.dispute, asking.responsible),
        *(asking.begin, asking.end, evidence),
    )
    if any(one is not None for one in given):
        raise UsageProblem(
            "CALL_ALONE",
            Text(
                "--call 不与其他查询条件、期间或 --evidence 同用",
                "--call goes without another question, a period or --evidence",
            ),
        )


def call_id_in(text: str, *, option: str = "--call") -> str:
    """Return a call id in lower hex.

    Raises:
        UsageProblem: it is none.

    """
    try:
        call_id = bytes.fromhex(text).hex()
    except ValueError:
        call_id = ""
    if len(call_id) != _CALL_ID_DIGITS:
        raise UsageProblem(
            "CALL_ID",
            Text(
                f"{option}：应为 {_CALL_ID_DIGITS} 位十六进制调用编号",
                f"{option}: expected a call id of {_CALL_ID_DIGITS} hexadecimal digits",
            ),
        )
    return call_id


def show_call(target: "Target", text: str, chosen: "Chosen | None") -> int:
    """Print the halves of every call with this id."""
    call_id = call_id_in(text)
    output = current_session().output
    with target.open_client() as client:
        document = _document(client, target, call_id, chosen)

    def lines() -> None:
        count, places = len(rows_of(document, "calls")), document["places"]
        height = document["as_of_height"]
        output.line(
            output.words(
                f"{places} 对部门中有 {count} 个此编号的调用，其余均已证明没有；高度 {height}",
                f"{count} calls of this id between {places} pairs of departments, all others are"
                f" proven to have none; as of height {height}",
            ),
            colour="green",
        )
        rows = rows_of(document, "items")
        if rows:
            print_rows(output, rows, shown_names(target))
        print_analysis(output, document)

    output.answer(document, lines)
    return ExitCode.OK


def _document(
    client: "Client", target: "Target", call_id: str, chosen: "Chosen | None"
) -> dict[str, object]:
    from chainnode.verify.found import shown_row

    organisations = all_organisations(client, target)
    looked = client.calls_with_id(call_id, organisations)
    records = [one for found in looked.found for one in client.half_records(found)]
    records.sort(key=lambda one: one.position)
    document: dict[str, object] = {
        "call_id": call_id,
        "calls": [
            {"requester": one.name.requester, "provider": one.name.provider, "match": one.match}
            for one in looked.found
        ],
        "items": [shown_row(one) for one in records],
        "complete": True,
        "organisations": list(organisations),
        "places": looked.places,
        "as_of_height": looked.as_of_height,
    }
    return document if chosen is None else analysed(client, document, records, chosen)
