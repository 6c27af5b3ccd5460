// `rows.csv` of an export: proven records for spreadsheets, in one form that takes no formula
// (docs/wire-format.md §12). As chainnode/verify/csv_rows.py.

import { toUtf8 } from "./bytes";
import { type Document, type ProvenRecord, rowDocument } from "./rows";
import { visible } from "./unseen";

// The words over a column, and where its value stands in a line of `rows.jsonl`.
const COLUMNS: readonly (readonly [string, readonly string[]])[] = [
  ["位置 position", ["position"]],
  ["账本时间 ledger time", ["time"]],
  ["记录方 recorded by", ["organisation"]],
  ["请求方 requester", ["call", "requester"]],
  ["提供方 provider", ["call", "provider"]],
  ["数据项 item", ["call", "item"]],
  ["陈述方 side", ["call", "side"]],
  ["结果 outcome", ["call", "outcome"]],
  ["状态码 status", ["call", "status"]],
  ["条数 count", ["call", "count"]],
  ["请求时间 requested", ["call", "requested"]],
  ["主体 subjects", ["call", "subjects"]],
  ["调用编号 call id", ["call", "call_id"]],
  ["事由 purpose", ["purpose"]],
  ["合约 contract", ["contract"]],
  ["操作 action", ["action"]],
  ["结果代码 code", ["outcome"]],
  ["高度 height", ["height"]],
  ["提交摘要 submission", ["submission"]],
];
// What begins a formula, and what NFKC makes one of it, at the beginning of a cell or of what another
// spreadsheet parts off; blanks are looked past.
const BEGINNING =
  /((?:^|[,;|"'])[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]*)(?=[=+\-@\u207a-\u207c\u208a-\u208c\u2212\u2a75\u2a76\ufb29\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20])/gu;

export function csvRows(records: readonly ProvenRecord[]): Uint8Array {
  const rows = records.map((one) => {
    const document = rowDocument(one);
    return COLUMNS.map(([, path]) => cellText(path.reduce(member, document)));
  });
  return toUtf8(`\ufeff${[COLUMNS.map(([words]) => words), ...rows].map(line).join("")}`);
}

function member(value: Document, name: string): Document {
  return value === null || typeof value !== "object" || Array.isArray(value)
    ? null
    : ((value as { readonly [name: string]: Document })[name] ?? null);
}

function cellText(value: Document): string {
  if (value === null) return "";
  return Array.isArray(value) ? value.join(" ") : `${value as string | number}`;
}

function line(cells: readonly string[]): string {
  return `${cells.map((one) => `"${guarded(one).replace(/"/g, '""')}"`).join(",")}\r\n`;
}

function guarded(text: string): string {
  return visible(text).replace(BEGINNING, "$1'");
}
