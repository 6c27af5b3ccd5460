// A proven record as a line for people, and JSON in its one form: whoever has the proofs makes the
// same bytes again. As chainnode/verify/rows.py.

import { join, toHex, toUtf8 } from "./bytes";
import type { Entry } from "./ledger";
import { readHalf, readPrivate, readWhy } from "./record_parts";
import type { Call } from "./submission";
import { localTime } from "./verdict";

export type Document =
  | null
  | number
  | string
  | readonly Document[]
  | { readonly [name: string]: Document };

export interface ProvenRecord {
  readonly position: number;
  readonly entry: Entry;
  // null: withheld.
  readonly call: Call | null;
}

// One canonical line a record.
export function rowLines(records: readonly ProvenRecord[]): Uint8Array {
  return join(records.map((one) => canonicalLine(rowDocument(one))));
}

// Names ascending, no blanks, UTF-8, a newline.
export function canonicalLine(document: Document): Uint8Array {
  return toUtf8(`${JSON.stringify(ordered(document))}\n`);
}

function ordered(value: Document): Document {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(ordered);
  const names = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(names.map(([name, one]) => [name, ordered(one)]));
}

export function rowDocument({ position, entry, call }: ProvenRecord): Document {
  return {
    position,
    height: entry.height,
    time: localTime(entry.timeMs),
    organisation: entry.organisation,
    contract: entry.contract,
    action: call && call.action,
    outcome: entry.outcome,
    submission: toHex(entry.submissionDigest),
    call: accessDocument(entry, call),
    purpose: purposeOf(entry, call),
  };
}

function accessDocument(entry: Entry, call: Call | null): Document {
  const record = call && readHalf(entry, call);
  return (
    record && {
      call_id: toHex(record.callId),
      side: record.side,
      requester: record.requester,
      provider: record.provider,
      item: record.item,
      subjects: record.subjects.map(toHex),
      outcome: record.outcome,
      status: record.status,
      count: record.count,
      requested: localTime(record.requestedMs),
    }
  );
}

// Why a call was made or a question asked; null where that is withheld, sealed or of another kind.
export function purposeOf(entry: Entry, call: Call | null): string | null {
  if (call === null || !call.private.length) return null;
  if (entry.contract === "audit") return questionPurpose(call.private);
  if (entry.contract !== "access") return null;
  const why = readWhy(entry, call.private);
  return why && why.slice(0, 2).filter((one) => one).join(" ");
}

export function questionPurpose(closed: Uint8Array): string | null {
  return readPrivate(closed, 1)?.[0] ?? null;
}
