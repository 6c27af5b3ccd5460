"""`rows.csv` of an export: proven records for spreadsheets, in one form that takes no formula.

Whoever has the proofs makes the same bytes again, so what a person reads is what is proven.
Texts of other departments are hostile: a cell that a spreadsheet would run gets an apostrophe,
and characters that show as nothing, or turn the order of others round, show as their number.
docs/wire-format.md §12; OWASP, "CSV Injection".
"""

import re
from collections.abc import Sequence

from chainnode.verify.rows import ProvenRecord, row_document
from chainnode.verify.strict_json import JsonObject, JsonValue
from chainnode.verify.unseen import visible

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE_END = "\r\n"
# The words over a column, and where its value stands in a line of `rows.jsonl`.
COLUMNS = (
    ("位置 position", ("position",)),
    ("账本时间 ledger time", ("time",)),
    ("记录方 recorded by", ("organisation",)),
    ("请求方 requester", ("call", "requester")),
    ("提供方 provider", ("call", "provider")),
    ("数据项 item", ("call", "item")),
    ("陈述方 side", ("call", "side")),
    ("结果 outcome", ("call", "outcome")),
    ("状态码 status", ("call", "status")),
    ("条数 count", ("call", "count")),
    ("请求时间 requested", ("call", "requested")),
    ("主体 subjects", ("call", "subjects")),
    ("调用编号 call id", ("call", "call_id")),
    ("事由 purpose", ("purpose",)),
    ("合约 contract", ("contract",)),
    ("操作 action", ("action",)),
    ("结果代码 code", ("outcome",)),
    ("高度 height", ("height",)),
    ("提交摘要 submission", ("submission",)),
)
# The blanks of Unicode (Zs): a spreadsheet may look past them.
_BLANKS = " \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
# What begins a formula, and each character whose compatibility form (NFKC) begins with it:
# full-width, small, raised, lowered and doubled ones, and the sign for minus.
_FORMULA = (
    "=+\\-@\u207a-\u207c\u208a-\u208c\u2212\u2a75\u2a76\ufb29\ufe62\ufe63\ufe66\ufe6b"
    "\uff0b\uff0d\uff1d\uff20"
)
_BEGINNING = re.compile(f"((?:^|[,;|\"'])[{_BLANKS}]*)(?=[{_FORMULA}])")


def csv_rows(records: Sequence[ProvenRecord]) -> bytes:
    """Return `rows.csv` of these records, in its one form."""
    lines = [_line([words for words, _ in COLUMNS]), *(_row(row_document(one)) for one in records)]
    return BYTE_ORDER_MARK + "".join(lines).encode()


def guarded(text: str) -> str:
    """Return the text of a cell that no spreadsheet takes for a formula, however it parts cells."""
    # Numbers and digests, which most cells are.
    if text.isascii() and text.isalnum():
        return text
    return _BEGINNING.sub(r"\1'", visible(text))


def _row(document: JsonObject) -> str:
    return _line([_text(_found(document, path)) for _, path in COLUMNS])


def _found(document: JsonObject, path: tuple[str, ...]) -> JsonValue:
    value: JsonValue = document
    for name in path:
        value = value[name] if isinstance(value, dict) else None
    return value


def _text(value: JsonValue) -> str:
    if value is None:
        return ""
    return " ".join(f"{one}" for one in value) if isinstance(value, list) else f"{value}"


def _line(cells: Sequence[str]) -> str:
    quoted = ('"' + guarded(one).replace('"', '""') + '"' for one in cells)
    return ",".join(quoted) + _LINE_END
