// Filters over a list that is proven whole, applied in this browser, and counts by what rows say.
// A row of which a filter cannot tell is neither shown nor hidden silently: it is counted.

import type { Listed, RowKind } from "./listed";

const HOUR_MS = 3_600_000;
const ZONE_MS = 8 * HOUR_MS;
const DAY_BEGINS_H = 8;
const DAY_ENDS_H = 18;

export interface Filter {
  readonly kind: RowKind | "";
  readonly department: string;
  readonly item: string;
  readonly outcome: string;
  readonly officer: string;
  readonly caseNumber: string;
  readonly text: string;
  readonly hours: "" | "day" | "night";
}

export const NO_FILTER: Filter = {
  kind: "", department: "", item: "", outcome: "", officer: "", caseNumber: "", text: "", hours: "",
};

export interface Filtered {
  readonly rows: readonly Listed[];
  readonly cannotTell: number;
}

// Yes, no, or null: what would decide is not readable here.
type Answer = boolean | null;

export function filtered(rows: readonly Listed[], filter: Filter): Filtered {
  const shown: Listed[] = [];
  let cannotTell = 0;
  for (const row of rows) {
    const answers = answersOf(row, filter);
    if (answers.includes(false)) continue;
    if (answers.includes(null)) cannotTell += 1;
    else shown.push(row);
  }
  return { rows: shown, cannotTell };
}

function answersOf(row: Listed, filter: Filter): Answer[] {
  const { readable, reasons } = row;
  const answers: Answer[] = [];
  if (filter.kind) answers.push(row.kind === filter.kind);
  if (filter.department) answers.push(departments(row).includes(filter.department));
  if (filter.item) answers.push(readable.item === filter.item);
  if (filter.outcome) answers.push(readable.outcome.en === filter.outcome);
  if (filter.officer) answers.push(hidden(row) ? null : reasons?.operator === filter.officer);
  if (filter.caseNumber) {
    answers.push(hidden(row) ? null : (reasons?.caseNumber ?? "").includes(filter.caseNumber));
  }
  if (filter.text) answers.push(containsText(row, filter.text));
  if (filter.hours) answers.push(isNight(row) === (filter.hours === "night"));
  return answers;
}

// Whether a call says more than can be read here.
function hidden(row: Listed): boolean {
  return row.kind === "call" && row.reasons === null;
}

function containsText(row: Listed, text: string): Answer {
  if (row.readable.hasPurpose) return row.readable.purpose.includes(text);
  return hidden(row) || row.readable.purpose === "sealed" ? null : false;
}

// By the call's own time where it says one, else by the ledger's.
export function isNight(row: Listed): boolean {
  const instantMs = row.readable.callTimeMs ?? row.entry.timeMs;
  const hour = Math.floor(((instantMs + ZONE_MS) % (24 * HOUR_MS)) / HOUR_MS);
  return hour < DAY_BEGINS_H || hour >= DAY_ENDS_H;
}

export function departments({ readable, entry }: Listed): string[] {
  const named = [readable.requester, readable.provider, entry.organisation];
  return [...new Set(named.filter((one): one is string => !!one))];
}

export type Counts = readonly (readonly [string, number])[];

// The most frequent first, equal ones by name.
export function counted(rows: readonly Listed[], names: (row: Listed) => readonly string[]): Counts {
  const counts = new Map<string, number>();
  for (const name of rows.flatMap(names)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}

// Days of ledger time in +08:00, none left out between the first and the last.
export function perDay(rows: readonly Listed[]): Counts {
  const counts = new Map<number, number>();
  for (const { entry } of rows) {
    const day = Math.floor((entry.timeMs + ZONE_MS) / (24 * HOUR_MS));
    counts.set(day, (counts.get(day) ?? 0) + 1);
  }
  const days = [...counts.keys()];
  if (!days.length) return [];
  const [first, last] = [Math.min(...days), Math.max(...days)];
  return Array.from({ length: last - first + 1 }, (_, at): readonly [string, number] => [
    new Date((first + at) * 24 * HOUR_MS).toISOString().slice(0, 10),
    counts.get(first + at) ?? 0,
  ]);
}
