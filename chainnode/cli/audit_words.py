"""The answers of `kun audit` for people: a banner that says what is proven, a table, alarms."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chainnode.cli.facts import completeness, under
from chainnode.cli.output import Output

if TYPE_CHECKING:
    from chainnode.client import AuditAnswer, NodeReport

# A purpose is a sentence; the whole of it stands in the JSON and in the export.
_PURPOSE_CHARACTERS = 40


def answer_document(answer: "AuditAnswer", *, limit: int) -> dict[str, object]:
    """Return the JSON of `kun audit query`."""
    from chainnode.verify.rows import row_document

    is_cut = answer.next_cursor is not None or len(answer.items) > limit
    return {
        "items": [row_document(one) for one in answer.items[:limit]],
        "complete": answer.complete and not is_cut,
        "incomplete_because": "LIMIT" if is_cut else (answer.incomplete_because or None),
        **completeness(None if is_cut else answer.complete_to_ms),
        **under(answer.header),
        "question": {"digest": answer.question.digest.hex(), "height": answer.question.height},
        "alarms": alarms(answer.reports),
    }


def alarms(reports: "tuple[NodeReport, ...]") -> list[dict[str, str]]:
    """Return each node that was caught lying, once, with the check that its answer failed."""
    from chainnode.client import NodeLied

    found = {one.node: one for one in reports if isinstance(one, NodeLied)}
    return [{"node": one.node, "check": one.check, "detail": one.detail} for one in found.values()]


def print_answer(output: Output, document: Mapping[str, object], names: Mapping[str, str]) -> None:
    """Print banner, alarms and table."""
    rows = rows_of(document, "items")
    print_banner(output, document, count=len(rows))
    print_alarms(output, document)
    if rows:
        print_rows(output, rows, names)


def print_alarms(output: Output, document: Mapping[str, object]) -> None:
    """Name each node that was caught lying."""
    for one in rows_of(document, "alarms"):
        output.line(
            output.words(
                f"警报：节点 {one['node']} 的答复未通过核验（{one['check']}），已改问其他节点",
                f"ALARM: {one['node']} gave an answer that fails the check {one['check']};"
                " another node was asked",
            ),
            colour="red",
        )


def print_banner(output: Output, document: Mapping[str, object], *, count: int) -> None:
    """Say how many, complete to when, signed by how many, and that it was checked here."""
    signers = document["signers"]
    signed = len(signers) if isinstance(signers, list) else 0
    members, height = document["members"], document["as_of_height"]
    checked = output.words(
        f"{members} 个签名中的 {signed} 个，已在本机核验",
        f"{signed} of {members} signatures, checked here",
    )
    if document["complete"]:
        to = document["complete_to"]
        told = output.words(
            f"共 {count} 条，全部在此；截至 {to} 完整；{checked}；高度 {height}",
            f"{count} of {count}, complete to {to}, {checked}, as of height {height}",
        )
        output.line(told, colour="green")
        return
    output.line(
        output.words(
            f"{count} 条记录，均已在本机核验；截至高度 {height}；{checked}",
            f"{count} records, each checked here; as of height {height}; {checked}",
        ),
        colour="yellow",
    )
    why, to = document.get("incomplete_because"), document["complete_to"]
    reason = output.words("未展示证明", "no proof of it") if why is None else f"{why}"
    so_far = "" if to is None else output.words(f"；仅至 {to} 完整", f"; complete to {to} only")
    output.line(
        output.words(
            f"完整性未证明：{reason}{so_far}", f"that these are all is not proven: {reason}{so_far}"
        )
    )


def print_rows(output: Output, rows: list[dict[str, object]], names: Mapping[str, str]) -> None:
    """Print the records as a table."""
    output.table(
        [
            output.words("位置", "position"),
            output.words("账本时间", "ledger time"),
            output.words("请求方", "requester"),
            output.words("提供方", "provider"),
            output.words("数据项", "item"),
            output.words("陈述方", "side"),
            output.words("结果", "outcome"),
            output.words("事由", "purpose"),
        ],
        [_row(output, one, names) for one in rows],
    )


def rows_of(document: Mapping[str, object], name: str) -> list[dict[str, object]]:
    """Return the objects of a list in a document of ours."""
    found = document.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _row(output: Output, item: Mapping[str, object], names: Mapping[str, str]) -> list[str]:
    call = item["call"]
    told = item["purpose"]
    purpose = "" if told is None else _shortened(f"{told}")
    if not isinstance(call, dict):
        sender = _sender(output, str(item["organisation"]), names)
        action = f"{item['contract']}.{item['action']}"
        outcome = _gap(output, item)
        return [str(item["position"]), str(item["time"]), sender, "", action, "", outcome, purpose]
    return [
        str(item["position"]),
        str(item["time"]),
        names.get(call["requester"], call["requester"]),
        names.get(call["provider"], call["provider"]),
        call["item"],
        call["side"],
        " · ".join([f"{call['outcome']} {call['status']}", *_findings(output, item["outcome"])]),
        purpose,
    ]


def _sender(output: Output, organisation: str, names: Mapping[str, str]) -> str:
    """Return who recorded it; a record without a sender is the ledger's own."""
    if not organisation:
        return output.words("账本自身", "the ledger itself")
    return names.get(organisation, organisation)


def _gap(output: Output, item: Mapping[str, object]) -> str:
    """Return what the ledger itself found about a call."""
    from contracts.schemas.access_gaps import OUTCOME_WORDS, GapOutcome

    found = item["outcome"]
    if item["organisation"] or found not in OUTCOME_WORDS or not isinstance(found, int):
        return ""
    outcome = GapOutcome(found)
    return output.words(OUTCOME_WORDS[outcome], outcome.name.lower().replace("_", " "))


def _findings(output: Output, outcome: object) -> list[str]:
    """Return what the ledger found about an accepted half; version 1 has no findings."""
    from contracts.schemas.access import FINDING_WORDS, findings_in

    found = findings_in(outcome) if isinstance(outcome, int) else ()
    return [output.words(FINDING_WORDS[one], one.name.lower().replace("_", " ")) for one in found]


def _shortened(text: str) -> str:
    if len(text) <= _PURPOSE_CHARACTERS:
        return text
    return f"{text[: _PURPOSE_CHARACTERS - 1]}…"
