// Index keys: under which kind and value a record is found (docs/wire-format.md §9, §18).

import { concat, toUtf8 } from "./bytes";
import type { Hash } from "./merkle";

export const INDEX_KIND = {
  subject: 1, requester: 2, provider: 3, item: 4, grant: 5, certificate: 6, finding: 7, unmatched: 8,
  trace: 9, dispute: 10, responsible: 11,
} as const;
// Those that questions of version 1 know, for ever, and of version 2.
export const FIRST_INDEX_KINDS = 8;
export const INDEX_KINDS = 11;
// A longer value is replaced by its digest, so that a key stays within 64 bytes.
const VALUE_BYTES_MAX = 63;

export function indexKey(h: Hash, kind: number, value: Uint8Array | string): Uint8Array {
  const data = typeof value === "string" ? toUtf8(value) : value;
  return concat(Uint8Array.of(kind), data.length <= VALUE_BYTES_MAX ? data : h(data));
}
