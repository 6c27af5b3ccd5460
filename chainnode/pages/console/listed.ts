// A proven record as the search page lists and filters it. What stands in an encrypted or withheld
// part is null here: not known, which is neither a match nor none.

import { INDEX_KIND } from "../verify/index_keys";
import { type Entry, isLedgersOwn } from "../verify/ledger";
import { keyValue, readableEntry, type ReadableEntry } from "../verify/readable";
import { type AccessRecord, readHalf, readWhy } from "../verify/record_parts";
import type { TrailRow } from "../verify/trail";

export type RowKind = "call" | "question" | "own" | "other";

export interface Reasons {
  readonly caseNumber: string;
  readonly operator: string;
}

export interface Listed {
  readonly position: number;
  readonly entry: Entry;
  readonly kind: RowKind;
  readonly readable: ReadableEntry;
  readonly half: AccessRecord | null;
  // null: encrypted, withheld, or none.
  readonly reasons: Reasons | null;
  readonly grant: string | null;
}

export function listed({ position, entry, call }: TrailRow): Listed {
  const half = call && readHalf(entry, call);
  const grant = entry.indexKeys.find((key) => key[0] === INDEX_KIND.grant);
  return {
    position,
    entry,
    kind: kindOf(entry, half !== null),
    readable: readableEntry(entry, call),
    half,
    reasons: half && call && reasonsOf(entry, call.private),
    grant: grant === undefined ? null : keyValue(grant),
  };
}

function reasonsOf(entry: Entry, closed: Uint8Array): Reasons | null {
  const texts = readWhy(entry, closed);
  return texts && { caseNumber: texts[2] ?? "", operator: texts[3] ?? "" };
}

function kindOf(entry: Entry, isHalf: boolean): RowKind {
  if (entry.contract === "audit") return "question";
  if (isLedgersOwn(entry)) return "own";
  return isHalf ? "call" : "other";
}
