"""`summary.pdf` of an export: what was asked, by whom, why and when, and what the answer says.

For people who open a file before they check it. It is signed by the auditor and the node and does
not follow from the proofs: it says so itself, and how to check what does. In Chinese and English.
"""

from collections.abc import Sequence

from chainnode.analysis.facets import Facet, facets
from chainnode.analysis.rows import audit_rows
from chainnode.reports.sheet import AMBER, GREEN, QUIET, SMALL_SIZE, Sheet
from chainnode.verify.export_forms import AnsweredQuestion, ExportContent
from chainnode.verify.rows import row_document
from chainnode.verify.spoken import spoken_code
from chainnode.verify.strict_json import JsonObject
from chainnode.verify.verdict import local_time

TITLE = "审计导出摘要 · Summary of an audit export"
# The rest is counted; all of it stands in the lines of the export.
QUESTIONS_SHOWN, VALUES_SHOWN, BARS_SHOWN, ROWS_SHOWN = 12, 9, 12, 40
# Subjects, findings, traces, disputes (docs/wire-format.md §9, §18): no texts.
_KINDS_OF_BYTES = frozenset({1, 7, 9, 10})
_DIMENSIONS = {
    "outcome": "按结果 · by outcome",
    "requester": "按请求方 · by requester",
    "provider": "按提供方 · by provider",
    "item": "按数据项 · by item",
    "day": "按日期 · by day (+08:00)",
}
_COLUMNS = (
    ("账本时间 time", 0.17),
    ("请求方 → 提供方 · requester → provider", 0.27),
    ("数据项 item", 0.17),
    ("结果 outcome", 0.13),
    ("事由 purpose", 0.26),
)
_NOT_PROVEN = (
    "本摘要由审计员（与节点）签名，不由证明得出。",
    "由证明得出、任何人可重算的是 rows.jsonl 与 rows.csv。",
    "This summary is signed by the auditor (and the node); it does not follow from the proofs.",
    "What follows from them, and anybody can make again, are rows.jsonl and rows.csv.",
)
_COMPARE = (
    "在电话中与另一部门核对这 30 位数字：它代表所用的信任文件。",
    "Compare these 30 digits over the telephone: they stand for the trust file in use.",
)
_CHECKS = (
    ("kun audit verify FILE.kunproof --trust genesis.json",),
    (
        "或在浏览器打开另行取得的 verify.html，放入文件与信任文件。所附网页随文件而来，不作凭据。",
        "Or open a verify.html that you got in another way, and drop file and trust file there.",
        "The page inside came with the file and vouches for nothing.",
    ),
    (
        ".kunproof 是普通 zip 文件：rows.csv 可用表格软件打开，proofs/ 是证明。",
        "A .kunproof is a plain zip file: rows.csv opens in a spreadsheet, proofs/ has the proofs.",
    ),
)


def summary_pdf(content: ExportContent) -> bytes:
    """Return the summary; the same content gives the same bytes."""
    chain = content.trust.chain_id.hex()
    sheet = Sheet(title=TITLE, foot=f"昆链 Kunlian · {chain[:16]}…")
    sheet.heading(TITLE, size=16)
    _draw_notes(sheet, _NOT_PROVEN)
    sheet.gap()
    _draw_banner(sheet, content)
    _draw_questions(sheet, content)
    _draw_chain(sheet, content)
    _draw_counts(sheet, content)
    _draw_rows(sheet, content)
    _draw_check(sheet)
    return sheet.data()


def _draw_banner(sheet: Sheet, content: ExportContent) -> None:
    answer = content.answer
    header, count = answer.header, len(answer.rows)
    members = len(header.trust.epochs[header.epoch])
    signed = f"{len(header.signers)}/{members} 签名 signatures"
    height = f"高度 height {header.height}"
    if answer.is_complete:
        to = local_time(answer.to_ms)
        told = f"✓ {count}/{count} · 截至 {to} 完整 complete · {signed} · {height}"
        sheet.banner(told, colour=GREEN)
        return
    to = "未证明 not proven"
    if answer.complete_to_ms is not None:
        to = f"仅至 only to {local_time(answer.complete_to_ms)}"
    told = f"! {count} 条记录 records · 完整性 complete: {to} · {signed} · {height}"
    sheet.banner(told, colour=AMBER)


def _draw_questions(sheet: Sheet, content: ExportContent) -> None:
    sheet.heading("所问 · What was asked")
    first = content.questions[0].question
    begin = local_time(first.from_ms) if first.from_ms else "开始 the beginning"
    sheet.pair("提问方 asked by", first.record.entry.organisation)
    sheet.pair("时段 period", f"{begin} – {local_time(content.answer.to_ms)}")
    for number, answered in enumerate(content.questions[:QUESTIONS_SHOWN], 1):
        _draw_question(sheet, answered, number=number)
    left = len(content.questions) - QUESTIONS_SHOWN
    if left > 0:
        sheet.text(f"另有 {left} 次查询 · and {left} questions more", colour=QUIET)


def _draw_question(sheet: Sheet, answered: AnsweredQuestion, *, number: int) -> None:
    question, entry = answered.question, answered.question.record.entry
    sheet.gap(4)
    when = f"{local_time(entry.time_ms)} · 高度 height {entry.height}"
    sheet.pair(f"查询 question {number}", when)
    sheet.pair("事由 purpose", question.purpose or "未出示 withheld")
    values = question.values
    is_text = question.kind not in _KINDS_OF_BYTES
    shown = [one.decode() if is_text else f"{one.hex()[:16]}…" for one in values[:VALUES_SHOWN]]
    more = [f"… (+{len(values) - VALUES_SHOWN})"] if len(values) > VALUES_SHOWN else []
    sheet.pair(f"{question.kind.name.lower()}", "; ".join([*shown, *more]))
    told = answered.attested
    if told is not None:
        places = ", ".join(f"{name} ({epoch})" for name, epoch in told.places)
        word = "审计员转述保管方所言，未经证明 the auditor's word of the custodian's, not proven"
        sheet.pair("所属 whose", f"{places} — {told.custodian} — {word}")


def _draw_chain(sheet: Sheet, content: ExportContent) -> None:
    header = content.answer.header
    sheet.heading("账本 · Ledger")
    sheet.pair("链 chain", content.trust.chain_id.hex())
    sheet.pair("区块 block", f"{header.height} · {local_time(header.time_ms)}")
    sheet.pair("区块头摘要 header", header.digest.hex())
    sheet.pair("口头核对码 code", spoken_code(content.trust))
    _draw_notes(sheet, _COMPARE)


def _draw_counts(sheet: Sheet, content: ExportContent) -> None:
    counted = facets(audit_rows(content.answer.rows), dimensions=tuple(_DIMENSIONS))
    if not content.answer.rows:
        return
    sheet.heading("计数（记录，每次调用双方各一条）· Counts (records: each side of a call has one)")
    for facet in counted:
        _draw_facet(sheet, facet)


def _draw_facet(sheet: Sheet, facet: Facet) -> None:
    if not facet.values:
        return
    sheet.gap(4)
    sheet.text(_DIMENSIONS[facet.dimension], size=SMALL_SIZE, colour=QUIET)
    by_day = facet.dimension == "day"
    values = sorted(facet.values) if by_day else facet.values
    sheet.bars([(name or "–", count) for name, count in values[:BARS_SHOWN]])
    others = [count for _, count in values[BARS_SHOWN:]]
    notes = (
        (len(others), f"其余 {len(others)} 项 others: {sum(others)}"),
        (facet.absent, f"不适用 not applicable: {facet.absent}"),
        (facet.cannot_tell, f"不可读 cannot be told: {facet.cannot_tell}"),
    )
    _draw_notes(sheet, [note for count, note in notes if count])


def _draw_notes(sheet: Sheet, notes: Sequence[str]) -> None:
    for note in notes:
        sheet.text(note, size=SMALL_SIZE, colour=QUIET)


def _draw_rows(sheet: Sheet, content: ExportContent) -> None:
    rows = content.answer.rows
    shown = rows[:ROWS_SHOWN]
    sheet.heading(f"记录 · Records (1 … {len(shown)} / {len(rows)})")
    if not rows:
        sheet.text("这一时段没有记录 · no record in this period")
        return
    widths = [share for _, share in _COLUMNS]
    sheet.row([name for name, _ in _COLUMNS], widths, colour=QUIET)
    for one in shown:
        sheet.row(_cells(row_document(one)), widths)


def _cells(document: JsonObject) -> list[str]:
    call, purpose = document["call"], document["purpose"]
    time = f"{document['time']}"
    if isinstance(call, dict):
        parties = f"{call['requester']} → {call['provider']}"
        outcome = f"{call['outcome']} {call['status']} ({call['side']})"
        return [time, parties, f"{call['item']}", outcome, f"{purpose or ''}"]
    about = f"{document['contract']}.{document['action'] or '?'}"
    return [
        time,
        f"{document['organisation']}",
        about,
        f"{document['outcome']}",
        f"{purpose or ''}",
    ]


def _draw_check(sheet: Sheet) -> None:
    sheet.heading("如何核验 · How to check")
    for number, texts in enumerate(_CHECKS, 1):
        for text in texts:
            sheet.text(f"{number}. {text}")
