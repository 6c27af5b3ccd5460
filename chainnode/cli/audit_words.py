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
    from chainnode.verify.found import shown_row

    is_cut = answer.next_cursor is not None or len(answer.items) > limit
    return {
        "items": [shown_row(one) for one in answer.items[:limit]],
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
            output.words("调用编号", "call id"),
        ],
        [_row(output, one, names) for one in rows],
    )


def rows_of(document: Mapping[str, object], name: str) -> list[dict[str, object]]:
    """Return the objects of a list in a document of ours."""
    found = document.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def record_for_people(output: Output, document: Mapping[str, object]) -> dict[str, object]:
    """Return a record with words in place of marks, where the ledger itself made it."""
    found = document.get("found")
    left_out = {"found", *(["dispute"] if document.get("dispute") is None else [])}
    shown = {name: value for name, value in document.items() if name not in left_out}
    if not isinstance(found, dict):
        return shown
    height = found["made_at_height"]
    shown["organisation"] = _ledger(output)
    shown["submission"] = output.words(
        f"无：由账本自身在高度 {height} 作出", f"none: made by the ledger itself at height {height}"
    )
    shown["outcome"] = _gap(output, found)
    told_above = {"made_by", "made_at_height", "outcome"}
    told = {name: value for name, value in found.items() if name not in told_above}
    shown["call"] = told | _differing(output, found)
    return shown


def _row(output: Output, item: Mapping[str, object], names: Mapping[str, str]) -> list[str]:
    told = item["purpose"]
    purpose = "" if told is None else _shortened(f"{told}")
    return [
        str(item["position"]),
        str(item["time"]),
        *_about(output, item, names),
        purpose,
        _call_id(item),
    ]


def _about(output: Output, item: Mapping[str, object], names: Mapping[str, str]) -> list[str]:
    """Return requester, provider, item, side and outcome."""
    call, found = item["call"], item.get("found")
    if isinstance(call, dict):
        outcome = [f"{call['outcome']} {call['status']}", *_findings(output, item["outcome"])]
        return [*_parties(call, names), call["side"], " · ".join(outcome)]
    if isinstance(found, dict):
        return [*_parties(found, names), _sides(output, found), _gap(output, found)]
    dispute = item.get("dispute")
    if isinstance(dispute, dict):
        return [*_parties(dispute, names), "", _disputed(output, dispute, names)]
    sender = names.get(str(item["organisation"]), str(item["organisation"]))
    return [sender, "", f"{item['contract']}.{item['action']}", "", ""]


def _parties(told: Mapping[str, object], names: Mapping[str, str]) -> list[str]:
    """Return requester, provider and item; "" for what is not shown."""
    sides = [str(told[name] or "") for name in ("requester", "provider")]
    return [*(names.get(one, one) for one in sides), str(told["item"] or "")]


def _disputed(output: Output, dispute: Mapping[str, object], names: Mapping[str, str]) -> str:
    """Return what was done with a dispute, its state after it, and who has to answer."""
    from contracts.schemas.dispute_states import STATE_WORDS, DisputeState
    from contracts.schemas.disputes import OUTCOME_WORDS, DisputeOutcome

    outcome = DisputeOutcome[str(dispute["outcome"]).upper()]
    done = output.words(OUTCOME_WORDS[outcome], outcome.name.lower().replace("_", " "))
    state = DisputeState[str(dispute["state"]).upper()]
    now = output.words(STATE_WORDS[state], state.name.lower())
    who = names.get(str(dispute["responsible"]), str(dispute["responsible"]))
    short = str(dispute["dispute"])
    return " · ".join([output.words(f"异议 {short}", f"dispute {short}"), done, now, f"→ {who}"])


def _call_id(item: Mapping[str, object]) -> str:
    told = item["call"] or item.get("found")
    return str(told["call_id"] or "") if isinstance(told, dict) else ""


def _sides(output: Output, found: Mapping[str, object]) -> str:
    """Return whose halves are there."""
    side = found["side"]
    if side is None:
        return ""
    if str(found["outcome"]).startswith("one_sided"):
        return output.words(f"仅 {side}", f"{side} only")
    return output.words("双方", "both")


def _gap(output: Output, found: Mapping[str, object]) -> str:
    """Return what the ledger itself found about a call, in words."""
    differing = ", ".join(_differing(output, found).get("differs", ()))
    parts = (_outcome(output, found), differing, _ledger(output))
    return " · ".join(one for one in parts if one)


def _outcome(output: Output, found: Mapping[str, object]) -> str:
    from contracts.schemas.access_gaps import OUTCOME_WORDS, GapOutcome

    outcome = GapOutcome[str(found["outcome"]).upper()]
    return output.words(OUTCOME_WORDS[outcome], outcome.name.lower().replace("_", " "))


def _differing(output: Output, found: Mapping[str, object]) -> dict[str, list[str]]:
    """Return in what the halves differ, in words; nothing where that is not said."""
    from contracts.schemas.access import DIFFERS_WORDS, Differs

    names = found.get("differs")
    if not isinstance(names, list):
        return {}
    return {
        "differs": [output.words(DIFFERS_WORDS[Differs[one.upper()]], one) for one in names],
    }


def _ledger(output: Output) -> str:
    return output.words("账本自身", "the ledger itself")


def _findings(output: Output, outcome: object) -> list[str]:
    """Return what the ledger found about an accepted half; version 1 has no findings."""
    from contracts.schemas.access import FINDING_WORDS, findings_in

    found = findings_in(outcome) if isinstance(outcome, int) else ()
    return [output.words(FINDING_WORDS[one], one.name.lower().replace("_", " ")) for one in found]


def _shortened(text: str) -> str:
    if len(text) <= _PURPOSE_CHARACTERS:
        return text
    return f"{text[: _PURPOSE_CHARACTERS - 1]}…"
