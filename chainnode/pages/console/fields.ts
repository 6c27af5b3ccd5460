// What can be asked of a row, by name. An empty list: a record of this kind has no such thing; [""]: it
// could have said something and did not; null: that cannot be told. As chainnode/analysis/fields.py.

import type { AuditRow, Reasons } from "./audit_row";
import { callKey, type HalvesStates } from "./calls";
import { dayText, minuteOfDay, padded, weekday } from "./local_times";

export type Values<T> = readonly T[] | null;
export type TextOf = (row: AuditRow, states: HalvesStates) => Values<string>;
export type NumberOf = (row: AuditRow) => Values<number>;

function named(name: "requester" | "provider" | "item" | "grant" | "call_id" | "trace_id" | "side" | "outcome"): TextOf {
  return (row) => {
    const value = row[name];
    if (value !== null) return [value];
    return row.is_withheld && ["half", "gap", "people"].includes(row.kind) ? null : [];
  };
}

function reason(name: keyof Reasons, isOfQuestions = false): TextOf {
  return (row) => {
    if (row.kind !== "half" && !(isOfQuestions && row.kind === "question")) return [];
    return row.is_sealed ? null : [row.reasons?.[name] ?? ""];
  };
}

function halves(row: AuditRow, states: HalvesStates): Values<string> {
  if (row.kind !== "half" && row.kind !== "gap") return [];
  const state = states.get(callKey(row) ?? "");
  return state === undefined ? null : [state];
}

function ofHalf(read: (row: AuditRow) => number | null): NumberOf {
  return (row) => {
    if (row.kind !== "half") return [];
    const value = read(row);
    return value === null ? null : [value];
  };
}

export const TEXTS = {
  kind: (row) => [row.kind],
  contract: (row) => [row.contract],
  organisation: (row) => [row.organisation],
  department: (row) => {
    const all = [row.organisation, row.requester, row.provider];
    return [...new Set(all.filter((one): one is string => !!one))].sort();
  },
  requester: named("requester"),
  provider: named("provider"),
  item: named("item"),
  grant: named("grant"),
  subject: (row) => row.subjects,
  call: named("call_id"),
  trace: named("trace_id"),
  side: named("side"),
  outcome: named("outcome"),
  finding: (row) => (row.kind !== "half" ? [] : row.findings.length ? row.findings : [""]),
  halves,
  officer: reason("operator"),
  role: reason("operator_role"),
  case: reason("case_number"),
  purpose: reason("purpose_code"),
  reason: reason("reason_text", true),
  system: reason("system"),
  represented: reason("represented_party"),
  basis: reason("legal_basis"),
  month: (row) => [dayText(row.time_ms).slice(0, 7)],
  day: (row) => [dayText(row.time_ms)],
  weekday: (row) => [`${weekday(row.time_ms)}`],
  hour: (row) => [padded(Math.floor(minuteOfDay(row.time_ms) / 60))],
} as const satisfies Record<string, TextOf>;
export type TextName = keyof typeof TEXTS;

export const NUMBERS = {
  time: (row) => [row.time_ms],
  time_of_day: (row) => [minuteOfDay(row.time_ms)],
  requested: ofHalf((row) => row.requested_ms),
  status: ofHalf((row) => row.status),
  count: ofHalf((row) => row.count),
  people: ofHalf((row) => (row.people === null ? null : row.subjects.length + row.people)),
  position: (row) => [row.position],
} as const satisfies Record<string, NumberOf>;
export type NumberName = keyof typeof NUMBERS;
