// A log entry in words for people: what stands in it, and what its body adds when it is shown.
// Everything here is text of strangers; the page shows it as text and nothing else.

import { fromUtf8, toHex } from "./bytes";
import { Malformed } from "./errors";
import { INDEX_KIND } from "./index_keys";
import type { Entry } from "./ledger";
import { decode, type Plain } from "./messagepack";
import type { Call } from "./submission";
import type { Words } from "./verdict";
import { OUTCOMES } from "./words";

const BODY_LIMITS = { bytes: 4096, depth: 3, elements: 128 };
// Places in the public and the private part of `access` · `record` (docs/wire-format.md §9).
const PUBLIC = { requester: 3, provider: 4, item: 5, requestedMs: 11 } as const;
const PRIVATE = { purpose: 1, reason: 2 } as const;
const ACCESS_PARTS = 19;
const ACCESS_PRIVATE_PARTS = 7;
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
  const open = call && plainParts(call.public);
  const access =
    entry.contract === "access" && open?.length === ACCESS_PARTS ? open : null;
  const [purpose, hasPurpose] = purposeOf(entry, call);
  return {
    requester: textOf(access?.[PUBLIC.requester]) ?? keyText(entry, INDEX_KIND.requester),
    provider: textOf(access?.[PUBLIC.provider]) ?? keyText(entry, INDEX_KIND.provider),
    item: textOf(access?.[PUBLIC.item]) ?? keyText(entry, INDEX_KIND.item),
    subjects: entry.indexKeys
      .filter((key) => key[0] === INDEX_KIND.subject)
      .map((key) => toHex(key.subarray(1))),
    outcome: OUTCOMES[entry.contract]?.[entry.outcome] ?? {
      zh: `${entry.outcome}`,
      en: `${entry.outcome}`,
    },
    callTimeMs: numberOf(access?.[PUBLIC.requestedMs]),
    purpose,
    hasPurpose,
  };
}

function purposeOf(entry: Entry, call: Call | null): [string, boolean] {
  if (call === null || !call.private.length) return ["withheld", false];
  const parts = plainParts(call.private);
  if (parts === null) return ["sealed", false];
  if (entry.contract === "audit" && typeof parts[1] === "string") return [parts[1], true];
  if (entry.contract === "access" && parts.length === ACCESS_PRIVATE_PARTS) {
    const words = [parts[PRIVATE.purpose], parts[PRIVATE.reason]].filter(
      (one): one is string => typeof one === "string" && one !== "",
    );
    if (words.length) return [words.join(" · "), true];
  }
  return ["unknown", false];
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

function plainParts(data: Uint8Array): Plain[] | null {
  try {
    const value = decode(data, BODY_LIMITS);
    return Array.isArray(value) ? value : null;
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

function textOf(value: Plain | undefined): string | null {
  return typeof value === "string" ? value : null;
}

function numberOf(value: Plain | undefined): number | null {
  return typeof value === "number" ? value : null;
}
