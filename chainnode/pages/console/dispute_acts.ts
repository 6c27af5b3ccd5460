// Disputes out of proven records: each act as it was recorded, and what became of a dispute by them.
// What an act is follows from its outcome, which every record shows; its body adds the details
// (docs/wire-format.md §18). Nothing here is a server's word.

import { toHex } from "../verify/bytes";
import { Malformed } from "../verify/errors";
import { INDEX_KIND } from "../verify/index_keys";
import type { Entry } from "../verify/ledger";
import { decode, type Plain, plainArray, plainBytes, plainInteger, plainText } from "../verify/messagepack";
import { keyValue } from "../verify/readable";
import type { TrailRow } from "../verify/trail";

const LIMITS = { bytes: 4096, depth: 2, elements: 64 };
// Of an answer to an overdue dispute, this is added to the outcome.
const LATE = 8;
const ACTIONS: Readonly<Record<number, DisputeAction>> = {
  1: "object", 2: "forward", 3: "extend", 4: "correct", 5: "refuse", 6: "withdraw", 64: "overdue",
};
const CALL_TARGET = 1;

export type DisputeAction =
  | "object" | "forward" | "extend" | "correct" | "refuse" | "withdraw" | "overdue";

export interface DisputedCall {
  readonly requester: string;
  readonly provider: string;
  readonly callId: string;
}

export interface DisputeAct {
  readonly dispute: string;
  readonly position: number;
  readonly timeMs: number;
  readonly by: string;
  readonly action: DisputeAction;
  readonly isLate: boolean;
  // Who answers for it, before and after.
  readonly responsible: readonly string[];
  // What the body says; null: another action, or withheld.
  readonly said: SaidAct | null;
}

export interface SaidAct {
  readonly ground: number;
  readonly call: DisputedCall | null;
  readonly certificate: string;
  readonly item: string;
  readonly follows: string;
  readonly forwardedTo: string;
  readonly reasonCode: string;
  readonly successor: string;
  readonly dueMs: number | null;
}

export type DisputeState = "open" | "overdue" | "correct" | "refuse" | "withdraw";

export interface Dispute {
  readonly id: string;
  readonly acts: readonly DisputeAct[];
  readonly state: DisputeState;
  // Whether the answer came after the deadline.
  readonly isLate: boolean;
  // null: the list does not begin with the objection itself.
  readonly filer: string | null;
  readonly said: SaidAct | null;
  readonly responsible: string;
  readonly dueMs: number | null;
}

const NOTHING: SaidAct = {
  ground: 0, call: null, certificate: "", item: "", follows: "", forwardedTo: "", reasonCode: "",
  successor: "", dueMs: null,
};

// null: no record of a dispute.
export function disputeAct({ position, entry, call }: TrailRow): DisputeAct | null {
  const isLate = LATE < entry.outcome && entry.outcome < 2 * LATE;
  const action = ACTIONS[isLate ? entry.outcome - LATE : entry.outcome];
  const [dispute] = keys(entry, INDEX_KIND.dispute);
  if (entry.contract !== "disputes" || action === undefined || dispute === undefined) return null;
  return {
    dispute: toHex(dispute), position, timeMs: entry.timeMs, by: entry.organisation, action, isLate,
    responsible: keys(entry, INDEX_KIND.responsible).map((one) =>
      keyValue(Uint8Array.of(INDEX_KIND.responsible, ...one))),
    said: call === null ? null : readSaid(action, call.public),
  };
}

function keys(entry: Entry, kind: number): Uint8Array[] {
  return entry.indexKeys.filter((one) => one[0] === kind).map((one) => one.subarray(1));
}

function readSaid(action: DisputeAction, data: Uint8Array): SaidAct | null {
  try {
    return saidIn(action, plainArray(decode(data, LIMITS), "dispute"));
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

function saidIn(action: DisputeAction, parts: readonly (Plain | undefined)[]): SaidAct {
  const text = (at: number): string => plainText(parts[at], "text");
  const bytes = (at: number): string => toHex(plainBytes(parts[at], "bytes"));
  switch (action) {
    case "object": {
      const isCall = plainInteger(parts[3], "target") === CALL_TARGET;
      const call = { requester: text(4), provider: text(5), callId: bytes(6) };
      return {
        ...NOTHING, ground: plainInteger(parts[2], "ground"), call: isCall ? call : null,
        certificate: text(7), item: text(10), follows: bytes(12),
      };
    }
    case "forward": return { ...NOTHING, forwardedTo: text(2), reasonCode: text(3) };
    case "correct": return { ...NOTHING, reasonCode: text(2), successor: text(4) };
    case "extend":
    case "refuse": return { ...NOTHING, reasonCode: text(2) };
    case "overdue": return { ...NOTHING, dueMs: plainInteger(parts[3], "due") };
    case "withdraw": return NOTHING;
  }
}

// Until when a list tells what was done: the end of the period asked about (`toMs`, 0: none), if that
// is before the block it rests on. What was answered later must not be told to wait, or to be late.
export function knownUntil(toMs: number, blockTimeMs: number): number {
  return toMs ? Math.min(toMs, blockTimeMs) : blockTimeMs;
}

// The disputes of a list, those that wait for an answer first, then by what is due next. `deadlineMs`
// is a parameter of the chain; `nowMs` until when it tells what was done.
export function disputesIn(acts: readonly DisputeAct[], deadlineMs: number, nowMs: number): Dispute[] {
  const groups = new Map<string, DisputeAct[]>();
  for (const act of [...acts].sort((left, right) => left.position - right.position)) {
    groups.set(act.dispute, [...(groups.get(act.dispute) ?? []), act]);
  }
  return [...groups.values()]
    .map((group) => became(group, deadlineMs, nowMs))
    .sort((left, right) => rank(left) - rank(right) || (left.dueMs ?? 0) - (right.dueMs ?? 0));
}

function rank({ state }: Dispute): number {
  return state === "overdue" ? 0 : state === "open" ? 1 : 2;
}

function became(acts: readonly DisputeAct[], deadlineMs: number, nowMs: number): Dispute {
  const first = acts[0]!;
  const isWhole = first.action === "object";
  let [state, responsible, dueMs, isLate]: [DisputeState, string, number | null, boolean] = [
    "open", first.responsible[0] ?? "", null, false,
  ];
  for (const act of acts) {
    if (act.action === "object") dueMs = act.timeMs + deadlineMs;
    else if (act.action === "forward") {
      responsible = act.said?.forwardedTo ?? act.responsible.find((one) => one !== responsible) ?? "";
      [state, dueMs] = ["open", act.timeMs + deadlineMs];
    } else if (act.action === "extend") dueMs = dueMs === null ? null : dueMs + deadlineMs;
    else if (act.action === "overdue") [state, dueMs] = ["overdue", act.said?.dueMs ?? dueMs];
    else [state, isLate] = [act.action, act.isLate];
  }
  if (state === "open" && dueMs !== null && dueMs <= nowMs) state = "overdue";
  return {
    id: first.dispute, acts, state, isLate, responsible, dueMs,
    filer: isWhole ? first.by : null, said: isWhole ? first.said : null,
  };
}
