// A log entry in words for people: what stands in it, and what its body adds when it is shown.
// Everything here is text of strangers; the page shows it as text and nothing else.

import { fromUtf8, toHex } from "./bytes";
import { INDEX_KIND } from "./index_keys";
import { type Entry, isLedgersOwn } from "./ledger";
import { readGapCall, readHalf } from "./record_parts";
import { purposeOf } from "./rows";
import type { Call } from "./submission";
import type { Words } from "./verdict";
import { CALL_OUTCOMES, FINDINGS, GAP_OUTCOMES, OUTCOMES } from "./words";

const HASHED_BYTES = 32;

export interface ReadableEntry {
  readonly requester: string | null;
  readonly provider: string | null;
  readonly item: string | null;
  readonly subjects: readonly string[];
  readonly outcome: Words;
  readonly callTimeMs: number | null;
  readonly callId: string | null;
  // Words, or why there are none.
  readonly purpose: string | "withheld" | "sealed" | "unknown";
  readonly hasPurpose: boolean;
}

export function readableEntry(entry: Entry, call: Call | null): ReadableEntry {
  const access = call && readHalf(entry, call);
  const isGap = call !== null && isLedgersOwn(entry);
  const callId = access?.callId ?? (isGap ? readGapCall(call) : null);
  const [purpose, hasPurpose] = shownPurpose(entry, call);
  return {
    requester: access?.requester ?? keyText(entry, INDEX_KIND.requester),
    provider: access?.provider ?? keyText(entry, INDEX_KIND.provider),
    item: access?.item ?? keyText(entry, INDEX_KIND.item),
    subjects: entry.indexKeys
      .filter((key) => key[0] === INDEX_KIND.subject)
      .map((key) => toHex(key.subarray(1))),
    outcome: outcomeWords(entry, call),
    callTimeMs: access?.requestedMs ?? null,
    callId: callId && toHex(callId),
    purpose,
    hasPurpose,
  };
}

// Of a half in version 2 kind and findings, which no other record of the contract has below 8.
function outcomeWords(entry: Entry, call: Call | null): Words {
  const plain = { zh: `${entry.outcome}`, en: `${entry.outcome}` };
  if (entry.contract !== "access" || entry.contractVersion === 1) {
    return OUTCOMES[entry.contract]?.[entry.outcome] ?? plain;
  }
  if (isLedgersOwn(entry)) return GAP_OUTCOMES[entry.outcome] ?? plain;
  if (call !== null && call.action !== "record") return CALL_OUTCOMES[entry.outcome] ?? plain;
  const kind = OUTCOMES["access"]?.[entry.outcome % 8] ?? CALL_OUTCOMES[entry.outcome] ?? plain;
  const bits = Math.floor(entry.outcome / 8);
  const found = FINDINGS.filter((_, at) => (bits >> at) & 1);
  return {
    zh: [kind.zh, ...found.map((one) => one.zh)].join(" · "),
    en: [kind.en, ...found.map((one) => one.en)].join(" · "),
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
