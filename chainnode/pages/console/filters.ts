// Filters over a list that is proven whole, applied in this browser, and counts by what rows say. A row
// of which a filter cannot tell is neither shown nor dropped silently: it is counted. As
// chainnode/analysis/filters.py and facets.py.

import type { AuditRow } from "./audit_row";
import { type HalvesStates, halvesStates } from "./calls";
import { type NumberName, NUMBERS, type TextName, TEXTS, type Values } from "./fields";
import { dayText, isWithinMinutes } from "./local_times";

export interface TextCondition {
  readonly name: TextName;
  readonly test: "is" | "is_not" | "contains" | "contains_not";
  readonly values: readonly string[];
}

// start ≤ number < end; null is no bound.
export interface RangeCondition {
  readonly name: NumberName;
  readonly start: number | null;
  readonly end: number | null;
}

export type Condition = TextCondition | RangeCondition;

export interface Filtered {
  // Positions, ascending as the rows are.
  readonly matched: readonly number[];
  readonly cannot_tell: readonly number[];
  readonly left_out: number;
}

export function filtered(
  rows: readonly AuditRow[],
  conditions: readonly Condition[],
  states: HalvesStates = halvesStates(rows),
): Filtered {
  const told = rows.map((row) => tellsAll(row, conditions, states));
  const positions = (answer: boolean | null): number[] =>
    rows.filter((_, at) => told[at] === answer).map((row) => row.position);
  return {
    matched: positions(true),
    cannot_tell: positions(null),
    left_out: told.filter((one) => one === false).length,
  };
}

function tellsAll(row: AuditRow, conditions: readonly Condition[], states: HalvesStates): boolean | null {
  const told = conditions.map((one) => ("test" in one ? tellsText(row, one, states) : tellsNumber(row, one)));
  if (told.includes(false)) return false;
  return told.includes(null) ? null : true;
}

function tellsText(row: AuditRow, { name, test, values }: TextCondition, states: HalvesStates): boolean | null {
  const texts: Values<string> = TEXTS[name](row, states);
  if (texts === null) return null;
  const isWhole = test === "is" || test === "is_not";
  const wanted = isWhole ? values : values.map(lowered);
  const isFound = isWhole
    ? texts.some((one) => wanted.includes(one))
    : texts.map(lowered).some((text) => wanted.some((one) => text.includes(one)));
  return isFound === (test === "is" || test === "contains");
}

// Letters of ASCII alone: what else is one letter in two cases differs from library to library.
function lowered(text: string): string {
  return text.replace(/[A-Z]/g, (one) => one.toLowerCase());
}

function tellsNumber(row: AuditRow, { name, start, end }: RangeCondition): boolean | null {
  const numbers: Values<number> = NUMBERS[name](row);
  if (numbers === null) return null;
  return numbers.some((one) =>
    name === "time_of_day"
      ? isWithinMinutes(one, start ?? 0, end ?? 0)
      : (start === null || start <= one) && (end === null || one < end),
  );
}

export interface Facet {
  readonly dimension: TextName;
  readonly values: Counts;
  readonly rows: number;
  readonly absent: number;
  readonly cannot_tell: number;
}

export type Counts = readonly (readonly [string, number])[];

export function facet(
  rows: readonly AuditRow[],
  dimension: TextName,
  states: HalvesStates = halvesStates(rows),
): Facet {
  const told = rows.map((row): Values<string> => TEXTS[dimension](row, states));
  const counts = new Map<string, number>();
  for (const value of told.flatMap((one) => one ?? [])) counts.set(value, (counts.get(value) ?? 0) + 1);
  return {
    dimension,
    values: [...counts].sort(([a, m], [b, n]) => n - m || compareTexts(a, b)),
    rows: told.filter((one) => one?.length).length,
    absent: told.filter((one) => one?.length === 0).length,
    cannot_tell: told.filter((one) => one === null).length,
  };
}

// By code points; `<` of JavaScript is by UTF-16 units.
export function compareTexts(left: string, right: string): number {
  const [a, b] = [[...left], [...right]];
  const at = a.findIndex((one, place) => one !== b[place]);
  if (at < 0) return a.length - b.length;
  return at < b.length ? a[at]!.codePointAt(0)! - b[at]!.codePointAt(0)! : 1;
}

// Days of ledger time in +08:00, none left out between the first and the last.
export function perDay(rows: readonly AuditRow[]): Counts {
  const counts = new Map(facet(rows, "day", new Map()).values);
  const days = [...counts.keys()].sort();
  const [first, last] = [days[0], days[days.length - 1]];
  if (first === undefined || last === undefined) return [];
  const all: [string, number][] = [];
  for (let at = Date.parse(first); ; at += 86_400_000) {

    const day = dayText(at);
    all.push([day, counts.get(day) ?? 0]);
    if (day >= last) return all;
  }
}
