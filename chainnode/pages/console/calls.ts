// The calls of which the rows of a list speak, each once, and how their halves stand. What two halves
// say is joined so that no side can make a call look smaller or earlier than the other says. As
// chainnode/analysis/calls.py and halves.py.

import type { AuditRow, Reasons } from "./audit_row";

export interface RecordedCall {
  readonly requester: string;
  readonly provider: string;
  readonly positions: readonly number[];
  readonly timeMs: number;
  // 0: no side states one.
  readonly requestedMs: number;
  readonly count: number | null;
  readonly people: number | null;
  readonly subjects: readonly string[];
  readonly isDenied: boolean;
  // "": nobody said it; null: that cannot be told.
  readonly officer: string | null;
  readonly caseNumber: string | null;
}

// By requester, provider and call id; null: the row names no call.
export function callKey({ requester, provider, call_id }: AuditRow): string | null {
  const parts = [requester, provider, call_id];
  return parts.includes(null) ? null : JSON.stringify(parts);
}

export function grouped<Item, Key>(items: Iterable<Item>, keys: (item: Item) => readonly Key[]): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    for (const key of keys(item)) {
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [item]);
      else group.push(item);
    }
  }
  return groups;
}

export function comparePositions(left: readonly number[], right: readonly number[]): number {
  const at = left.findIndex((one, place) => one !== right[place]);
  if (at < 0) return left.length - right.length;
  return at < right.length ? left[at]! - right[at]! : 1;
}

export function recordedCalls(rows: readonly AuditRow[]): RecordedCall[] {
  const ordered = [...rows].sort((left, right) => left.position - right.position);
  const groups = grouped(ordered, (row) => {
    const key = callKey(row);
    if (key !== null) return [key];
    return row.kind === "half" ? [`${row.position}`] : [];
  });
  return [...groups.values()]
    .filter((group) => group.some((one) => one.kind === "half"))
    .map(joined)
    .sort((left, right) => comparePositions(left.positions, right.positions));
}

function joined(rows: readonly AuditRow[]): RecordedCall {
  const all = rows.filter((one) => one.kind === "half");
  const halves = [
    ...all.filter((one) => one.side === "requester"), ...all.filter((one) => one.side !== "requester"),
  ];
  const people = rows.filter((one) => one.kind === "half" || one.kind === "people");
  return {
    requester: halves[0]!.requester ?? "",
    provider: halves[0]!.provider ?? "",
    positions: rows.map((one) => one.position),
    timeMs: halves.reduce((least, one) => Math.min(least, one.time_ms), Infinity),
    requestedMs: halves.find((one) => one.requested_ms)?.requested_ms ?? 0,
    count: greatest(halves.map((one) => one.count)),
    people: greatest(halves.map((one) => one.people === null ? null : one.subjects.length + one.people)),
    subjects: [...new Set(people.flatMap((one) => one.subjects))].sort(),
    isDenied: halves.some((one) => one.outcome === "denied"),
    officer: said(halves, (why) => why.operator),
    caseNumber: said(halves, (why) => why.case_number),
  };
}

function greatest(numbers: readonly (number | null)[]): number | null {
  const known = numbers.filter((one) => one !== null);
  return known.length ? Math.max(...known) : null;
}

// What the first half that says it says; null: an unreadable one may say it.
function said(halves: readonly AuditRow[], text: (why: Reasons) => string): string | null {
  for (const { reasons } of halves) if (reasons !== null && text(reasons)) return text(reasons);
  return halves.some((one) => one.is_sealed) ? null : "";
}

export type HalvesStates = ReadonlyMap<string, string>;

// The state of each call of which a row of the list speaks.
export function halvesStates(rows: readonly AuditRow[]): HalvesStates {
  const about = rows.filter((one) => one.kind === "half" || one.kind === "gap");
  const groups = grouped(about, (row) => {
    const key = callKey(row);
    return key === null ? [] : [key];
  });
  return new Map([...groups].map(([key, group]) => [key, stateOf(group)]));
}

function stateOf(rows: readonly AuditRow[]): string {
  const gaps = rows.filter((one) => one.kind === "gap").map((one) => one.outcome).filter((one) => one !== null);
  const halves = rows.filter((one) => one.kind === "half");
  const areDifferent = halves.some((one) => one.findings.includes("halves_differ"));
  if (gaps.includes("mismatched") || areDifferent) return "mismatched";
  if (gaps.includes("matched")) return "matched";
  if (new Set(halves.map((one) => one.side)).size > 1) {
    return halves.every((one) => one.version !== 1) ? "matched" : "both";
  }
  return gaps[0] ?? "one_half";
}
