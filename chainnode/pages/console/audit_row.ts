// A proven record as what filters, counts and rules look at: the row of tests/vectors/analysis, by
// its names. As chainnode/analysis/rows.py. null: a record of this kind has no such thing, or, in a
// withheld half, it cannot be told; "": it could have been said and was not.

import { fromUtf8, toHex } from "../verify/bytes";
import { Malformed } from "../verify/errors";
import { INDEX_KIND } from "../verify/index_keys";
import { type Entry, isLedgersOwn } from "../verify/ledger";
import { decode, type Plain, plainArray, plainBytes, plainInteger, plainText } from "../verify/messagepack";
import { type AccessRecord, readHalf, readWhy } from "../verify/record_parts";
import { questionPurpose } from "../verify/rows";
import type { Call } from "../verify/submission";
import type { TrailRow } from "../verify/trail";

const LIMITS = { bytes: 4096, depth: 2, elements: 64 };
const FINDING_NAMES = [
  "no_grant", "grant_not_active", "outside_grant", "quota_exceeded", "late", "halves_differ",
];
const HALF_OUTCOMES = ["permitted", "denied", "failed"];
const PEOPLE_OUTCOME = 3;
const GAP_OUTCOMES: Readonly<Record<number, string>> = {
  64: "one_sided_claimed", 65: "one_sided_proven", 66: "matched", 67: "mismatched",
};
const GAP_ACTIONS = ["unmatched", "matched", "mismatched"];
const KINDS: Readonly<Record<string, RowKind>> = {
  audit: "question", certificates: "certificate", disputes: "dispute",
};
// Where people, trace, parent and grant of a half stand, by version of the contract.
const PLACES: Readonly<Record<number, readonly [number | null, number, number, number]>> = {
  1: [null, 13, 14, 15],
  2: [9, 15, 16, 17],
  3: [9, 15, 16, 17],
};

export type RowKind =
  | "half" | "people" | "gap" | "seal" | "question" | "certificate" | "dispute" | "other";

export interface Reasons {
  readonly purpose_code: string;
  readonly reason_text: string;
  readonly case_number: string;
  readonly operator: string;
  readonly operator_role: string;
  readonly system: string;
  readonly represented_party: string;
  readonly legal_basis: string;
}

export interface AuditRow {
  readonly position: number;
  readonly height: number;
  readonly time_ms: number;
  readonly organisation: string;
  readonly contract: string;
  readonly version: number;
  readonly kind: RowKind;
  readonly action: string | null;
  readonly is_withheld: boolean;
  readonly call_id: string | null;
  readonly side: string | null;
  readonly requester: string | null;
  readonly provider: string | null;
  readonly item: string | null;
  readonly grant: string | null;
  readonly subjects: readonly string[];
  readonly people: number | null;
  readonly outcome: string | null;
  readonly findings: readonly string[];
  readonly status: number | null;
  readonly count: number | null;
  readonly requested_ms: number | null;
  readonly trace_id: string | null;
  readonly parent_call_id: string | null;
  readonly reasons: Reasons | null;
  readonly is_sealed: boolean;
}

const NO_REASONS: Reasons = {
  purpose_code: "", reason_text: "", case_number: "", operator: "", operator_role: "", system: "",
  represented_party: "", legal_basis: "",
};

export function auditRow({ position, entry, call }: TrailRow): AuditRow {
  const kind = kindOf(entry);
  const envelope = envelopeRow(position, entry, call, kind);
  if (call === null) {
    return { ...envelope, is_withheld: true, is_sealed: kind === "half" || kind === "question" };
  }
  const half = readHalf(entry, call);
  const row = half === null ? aboutCall(envelope, call) : halfRow(envelope, half, call.public);
  return withReasons(row, entry, call.private);
}

// What the envelope says by itself.
function envelopeRow(position: number, entry: Entry, call: Call | null, kind: RowKind): AuditRow {
  const bits = Math.floor(entry.outcome / 8);
  const isQuestion = kind === "question";
  return {
    position, height: entry.height, time_ms: entry.timeMs, organisation: entry.organisation,
    contract: entry.contract, version: entry.contractVersion, kind, action: call && call.action,
    is_withheld: false, call_id: null, side: null,
    requester: isQuestion ? entry.organisation : keyText(entry, INDEX_KIND.requester),
    provider: keyText(entry, INDEX_KIND.provider), item: keyText(entry, INDEX_KIND.item),
    grant: keyText(entry, INDEX_KIND.grant),
    subjects: entry.indexKeys
      .filter((key) => key[0] === INDEX_KIND.subject)
      .map((key) => toHex(key.subarray(1))),
    people: null, outcome: outcomeOf(entry, kind),
    findings: kind === "half" ? FINDING_NAMES.filter((_, at) => (bits >> at) & 1) : [],
    status: null, count: null, requested_ms: null, trace_id: null, parent_call_id: null,
    reasons: null, is_sealed: false,
  };
}

function kindOf(entry: Entry): RowKind {
  if (entry.contract !== "access") return KINDS[entry.contract] ?? "other";
  if (isLedgersOwn(entry)) return "gap";
  if (entry.outcome === PEOPLE_OUTCOME) return "people";
  return 4 <= entry.outcome && entry.outcome <= 6 ? "seal" : "half";
}

function outcomeOf(entry: Entry, kind: RowKind): string | null {
  if (kind === "half") return HALF_OUTCOMES[entry.outcome % 8] ?? null;
  return kind === "gap" ? (GAP_OUTCOMES[entry.outcome] ?? null) : null;
}

function keyText(entry: Entry, kind: number): string | null {
  const key = entry.indexKeys.find((one) => one[0] === kind);
  return key === undefined ? null : fromUtf8(key.subarray(1));
}

function halfRow(row: AuditRow, half: AccessRecord, data: Uint8Array): AuditRow {
  const parts = plainArray(decode(data, LIMITS), "record");
  const [people, trace, parent, grant] = PLACES[row.version]!;
  return {
    ...row, call_id: toHex(half.callId), side: half.side, requester: half.requester,
    provider: half.provider, item: half.item, grant: plainText(parts[grant], "grant"),
    subjects: half.subjects.map(toHex),
    people: people === null ? 0 : plainInteger(parts[people], "people"),
    status: half.status, count: half.count, requested_ms: half.requestedMs,
    trace_id: toHex(plainBytes(parts[trace], "trace")),
    parent_call_id: toHex(plainBytes(parts[parent], "parent")),
  };
}

// Which call a record of people, or of the ledger itself, is about.
function aboutCall(row: AuditRow, call: Call): AuditRow {
  const isGap = row.kind === "gap" && GAP_ACTIONS.includes(call.action);
  if (!isGap && row.kind !== "people") return row;
  try {
    const parts = plainArray(decode(call.public, LIMITS), "record");
    const [id, side, requester, provider] = isGap
      ? [parts[3], parts[4], parts[1], parts[2]]
      : [parts[1], parts[2], parts[3], parts[4]];
    return { ...row, ...namedCall(id, side, requester, provider) };
  } catch (error) {
    if (error instanceof Malformed) return row;
    throw error;
  }
}

function namedCall(
  id: Plain | undefined,
  side: Plain | undefined,
  requester: Plain | undefined,
  provider: Plain | undefined,
): Pick<AuditRow, "call_id" | "side" | "requester" | "provider"> {
  return {
    call_id: toHex(plainBytes(id, "call id")),
    side: plainInteger(side, "side", 1) ? "provider" : "requester",
    requester: plainText(requester, "requester"),
    provider: plainText(provider, "provider"),
  };
}

// An empty private part is proven to be empty, so nothing was said.
function withReasons(row: AuditRow, entry: Entry, closed: Uint8Array): AuditRow {
  const isQuestion = row.kind === "question";
  if ((row.kind !== "half" && !isQuestion) || !closed.length) return row;
  const reasons = isQuestion ? questionReasons(closed) : callReasons(entry, closed);
  return { ...row, reasons, is_sealed: reasons === null };
}

function questionReasons(closed: Uint8Array): Reasons | null {
  const purpose = questionPurpose(closed);
  return purpose === null ? null : { ...NO_REASONS, reason_text: purpose };
}

function callReasons(entry: Entry, closed: Uint8Array): Reasons | null {
  const texts = readWhy(entry, closed);
  if (texts === null) return null;
  const isFirst = entry.contractVersion === 1;
  const names: readonly (keyof Reasons)[] = [
    "purpose_code", "reason_text", "case_number", "operator",
    ...(isFirst ? [] : (["operator_role"] as const)), "system", "represented_party",
    ...(isFirst ? [] : (["legal_basis"] as const)),
  ];
  return { ...NO_REASONS, ...Object.fromEntries(names.map((name, at) => [name, texts[at] ?? ""])) };
}
