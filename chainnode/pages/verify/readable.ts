// A log entry in words for people: what stands in it, and what its body adds when it is shown.
// Everything here is text of strangers; the page shows it as text and nothing else.

import { fromUtf8, toHex } from "./bytes";
import { INDEX_KIND } from "./index_keys";
import type { Entry } from "./ledger";
import { readAccess } from "./record_parts";
import { purposeOf } from "./rows";
import type { Call } from "./submission";
import type { Words } from "./verdict";
import { OUTCOMES } from "./words";

const HASHED_BYTES = 32;

export interface ReadableEntry {
  readonly requester: string | null;
  readonly provider: string | null;
  readonly item: string | null;
  readonly subjects: readonly string[];
  readonly outcome: Words;
  readonly callTimeMs: number | null;
  // Words, or why there are none.
  readonly purpose: string | "withheld" | "sealed" | "unknown";
  readonly hasPurpose: boolean;
}

export function readableEntry(entry: Entry, call: Call | null): ReadableEntry {
  const access = call === null || entry.contract !== "access" ? null : readAccess(call.public);
  const [purpose, hasPurpose] = shownPurpose(entry, call);
  return {
    requester: access?.requester ?? keyText(entry, INDEX_KIND.requester),
    provider: access?.provider ?? keyText(entry, INDEX_KIND.provider),
    item: access?.item ?? keyText(entry, INDEX_KIND.item),
    subjects: entry.indexKeys
      .filter((key) => key[0] === INDEX_KIND.subject)
      .map((key) => toHex(key.subarray(1))),
    outcome: OUTCOMES[entry.contract]?.[entry.outcome] ?? {
      zh: `${entry.outcome}`,
      en: `${entry.outcome}`,
    },
    callTimeMs: access?.requestedMs ?? null,
    purpose,
    hasPurpose,
  };
}

function shownPurpose(entry: Entry, call: Call | null): [string, boolean] {
  if (call === null || !call.private.length) return ["withheld", false];
  if (entry.contract !== "audit" && entry.contract !== "access") return ["unknown", false];
  const purpose = purposeOf(entry, call);
  if (purpose === null) return ["sealed", false];
  return purpose ? [purpose, true] : ["unknown", false];
}

// The one index key of this kind; a long value stands there as its hash.
function keyText(entry: Entry, kind: number): string | null {
  const key = entry.indexKeys.find((one) => one[0] === kind);
  return key === undefined ? null : keyValue(key);
}

// The value of an index key as text, where it is one.
export function keyValue(key: Uint8Array): string {
  const value = key.subarray(1);
  const text = value.length === HASHED_BYTES ? null : fromUtf8(value);
  return text ?? toHex(value);
}
