// Rules that point at calls worth a look, and say themselves what they look for: names, parameters,
// sentences and answers are those of chainnode/analysis/anomalies.py (tests/vectors/analysis).

import type { Words } from "../verify/verdict";
import type { AuditRow } from "./audit_row";
import { comparePositions, grouped, recordedCalls, type RecordedCall } from "./calls";
import { compareTexts } from "./filters";
import { dayText, hourText, isWeekend, isWithinMinutes, minuteOfDay, minutesOf } from "./local_times";
import { sentence } from "./rule_words";

export type RuleName = "night" | "bulk" | "no-case" | "spikes" | "repeated" | "denied";
export type Chosen = Readonly<Record<string, number | string>>;
// Names and values of what a hit is about, in their order.
export type About = readonly (readonly [string, string])[];

export interface Hit {
  readonly about: About;
  readonly number: number;
  readonly positions: readonly number[];
}

interface Finds {
  readonly hits: readonly Hit[];
  readonly cannotTell: readonly number[];
}

export interface Anomaly {
  readonly rule: RuleName;
  readonly parameters: Chosen;
  readonly words: Words;
  readonly calls: number;
  readonly hits: readonly Hit[];
  readonly cannotTell: readonly number[];
}

// A number has the least it may be, a word the words it may be, a time of day nothing.
export interface Parameter {
  readonly name: string;
  readonly default: number | string;
  readonly least?: number;
  readonly words?: readonly string[];
}

const PER_LIST: Parameter = { name: "per", default: "day", words: ["day", "list"] };
const OFTEN: readonly Parameter[] = [{ name: "least", default: 3, least: 2 }, PER_LIST];

export const RULES: Readonly<Record<RuleName, readonly Parameter[]>> = {
  "night": [
    { name: "start", default: "08:00" },
    { name: "end", default: "18:00" },
    { name: "weekends", default: "no", words: ["no", "yes"] },
    { name: "clock", default: "either", words: ["either", "ledger", "call"] },
  ],
  "bulk": [{ name: "least", default: 100, least: 1 }],
  "no-case": [],
  "spikes": [
    { name: "least", default: 10, least: 1 },
    { name: "factor", default: 3, least: 1 },
    { name: "by", default: "officer", words: ["officer", "department"] },
    { name: "per", default: "hour", words: ["hour", "day"] },
  ],
  "repeated": OFTEN,
  "denied": OFTEN,
};

const FINDERS: Readonly<Record<RuleName, (calls: readonly RecordedCall[], chosen: Chosen) => Finds>> = {
  "night": night, "bulk": bulk, "no-case": noCase, "spikes": spikes, "repeated": repeated, "denied": denied,
};

export function defaults(rule: RuleName): Chosen {
  return Object.fromEntries(RULES[rule].map((one) => [one.name, one.default]));
}

export function anomaly(rows: readonly AuditRow[], rule: RuleName, chosen: Chosen = defaults(rule)): Anomaly {
  const calls = recordedCalls(rows);
  const { hits, cannotTell } = FINDERS[rule](calls, chosen);
  return {
    rule,
    parameters: chosen,
    words: sentence(rule, chosen),
    calls: calls.length,
    hits: [...hits].sort((left, right) =>
      comparePositions(left.positions, right.positions) || compareAbout(left.about, right.about),
    ),
    cannotTell,
  };
}

function compareAbout(left: About, right: About): number {
  const [a, b] = [left.flat(), right.flat()];
  const at = a.findIndex((one, place) => one !== b[place]);
  if (at < 0) return a.length - b.length;
  return at < b.length ? compareTexts(a[at]!, b[at]!) : 1;
}

function night(calls: readonly RecordedCall[], chosen: Chosen): Finds {
  const hits = calls.flatMap((call) => {
    const at = instants(call, chosen).find((one) => isOutside(one, chosen));
    return at === undefined ? [] : [hitOf(call, minuteOfDay(at), dayText(at))];
  });
  const isUnknown = chosen["clock"] === "call";
  return { hits, cannotTell: positions(calls.filter((one) => isUnknown && !one.requestedMs)) };
}

function instants(call: RecordedCall, chosen: Chosen): number[] {
  const stated = call.requestedMs ? [call.requestedMs] : [];
  if (chosen["clock"] === "ledger") return [call.timeMs];
  return chosen["clock"] === "call" ? stated : [call.timeMs, ...stated];
}

function isOutside(instantMs: number, chosen: Chosen): boolean {
  if (chosen["weekends"] === "yes" && isWeekend(instantMs)) return true;
  const [start, end] = [minutesOf(`${chosen["start"]}`), minutesOf(`${chosen["end"]}`)];
  return !isWithinMinutes(minuteOfDay(instantMs), start, end);
}

function bulk(calls: readonly RecordedCall[], chosen: Chosen): Finds {
  const least = Number(chosen["least"]);
  const sizeOf = (call: RecordedCall): number => Math.max(call.count ?? 0, call.people ?? 0);
  const isUnknown = (call: RecordedCall): boolean => call.count === null || call.people === null;
  return {
    hits: calls.filter((one) => sizeOf(one) >= least).map((one) => hitOf(one, sizeOf(one))),
    cannotTell: positions(calls.filter((one) => sizeOf(one) < least && isUnknown(one))),
  };
}

function noCase(calls: readonly RecordedCall[]): Finds {
  return {
    hits: calls.filter((one) => one.caseNumber === "").map((one) => hitOf(one, 0)),
    cannotTell: positions(calls.filter((one) => one.caseNumber === null)),
  };
}

function spikes(calls: readonly RecordedCall[], chosen: Chosen): Finds {
  const isByOfficer = chosen["by"] === "officer";
  const when = chosen["per"] === "hour" ? hourText : dayText;
  const known = isByOfficer ? calls.filter((one) => one.officer) : calls;
  const cells = groupsOf(known, (call) => [[...who(call, isByOfficer), ["in", when(call.timeMs)]]]);
  const ordered = cells.map(([, cell]) => cell.length).sort((left, right) => left - right);
  const hits = cells.filter(([, { length }]) =>
    length >= Number(chosen["least"]) &&
    2 * length > Number(chosen["factor"]) * medianDoubled(ordered, length),
  );
  const unknown = isByOfficer ? calls.filter((one) => !one.officer) : [];
  return { hits: hits.map(groupHit), cannotTell: positions(unknown) };
}

function repeated(calls: readonly RecordedCall[], chosen: Chosen): Finds {
  const groups = groupsOf(calls.filter((one) => one.officer), (call) =>
    call.subjects.map((token): About => [
      ...who(call, true), ["subject", token], ...within(call, chosen),
    ]),
  );
  return { hits: often(groups, chosen), cannotTell: positions(calls.filter((one) => !one.officer)) };
}

function denied(calls: readonly RecordedCall[], chosen: Chosen): Finds {
  const groups = groupsOf(calls.filter((one) => one.isDenied), (call) => [
    [["requester", call.requester], ["provider", call.provider], ...within(call, chosen)],
  ]);
  return { hits: often(groups, chosen), cannotTell: [] };
}

function who(call: RecordedCall, isByOfficer: boolean): About {
  const requester = ["requester", call.requester] as const;
  return isByOfficer ? [requester, ["officer", call.officer ?? ""]] : [requester];
}

function within(call: RecordedCall, chosen: Chosen): About {
  return chosen["per"] === "day" ? [["in", dayText(call.timeMs)]] : [];
}

type Group = readonly [About, readonly RecordedCall[]];

function groupsOf(calls: readonly RecordedCall[], keys: (call: RecordedCall) => readonly About[]): Group[] {
  const groups = grouped(calls, (call) => keys(call).map((one) => JSON.stringify(one)));
  return [...groups].map(([key, group]) => [JSON.parse(key) as About, group]);
}

function often(groups: readonly Group[], chosen: Chosen): Hit[] {
  return groups.filter(([, group]) => group.length >= Number(chosen["least"])).map(groupHit);
}

function groupHit([about, group]: Group): Hit {
  return { about, number: group.length, positions: positions(group) };
}

// Twice the median of the ascending numbers but one `without`; 0 when no other is left.
function medianDoubled(ordered: readonly number[], without: number): number {
  const others = [...ordered];
  others.splice(ordered.indexOf(without), 1);
  if (!others.length) return 0;
  return others[(others.length - 1) >> 1]! + others[others.length >> 1]!;
}

function hitOf(call: RecordedCall, number: number, day?: string): Hit {
  const about: About = [["requester", call.requester], ["provider", call.provider]];
  return {
    about: day === undefined ? about : [...about, ["in", day]], number, positions: call.positions,
  };
}

function positions(calls: readonly RecordedCall[]): number[] {
  return [...new Set(calls.flatMap((one) => one.positions))].sort((left, right) => left - right);
}
