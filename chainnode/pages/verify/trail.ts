// Evidence that a list is the whole list: trails under the index root of a certified header
// (docs/wire-format.md §10 and §11). `complete` is concluded here and never a claim that is read.

import { compare, equal } from "./bytes";
import { invalid, refusedAs } from "./errors";
import {
  ENTRY_BYTES_MAX,
  openEnvelope,
  readBody,
  readEntry,
  readPath,
  requireInLog,
} from "./evidence";
import { type CertifiedHeader, requireEqual } from "./header";
import { type Entry, REST } from "./ledger";
import { hashLeaf } from "./merkle";
import { asArray, asBase64, asFields, asInteger, type JsonValue } from "./strict_json";
import type { Call } from "./submission";
import {
  coveredUntilMs,
  decodeTrailProof,
  DISCLOSED_ROWS_MAX,
  PROOF_BYTES_MAX,
  type ProvenTrail,
  verifyTrailProof,
} from "./trail_proofs";
import type { Trust } from "./trust";

const TRAILS_MAX = 64;
const INDEX_RULES = 1;

export interface TrailRow {
  readonly position: number;
  readonly entry: Entry;
  // null: withheld.
  readonly call: Call | null;
}

export interface TrailListing {
  readonly indexKey: Uint8Array;
  // How many rows the key has below the index size, shown or not, and the number of the first shown.
  readonly total: number;
  readonly firstRow: number;
  readonly rows: readonly TrailRow[];
  // Before this time no entry of the period is missing; null: that is not proven.
  readonly completeToMs: number | null;
}

export interface TrailFacts {
  readonly kind: "trail";
  readonly header: CertifiedHeader;
  readonly fromMs: number;
  // The end that was asked for, or `asOfMs` where none was.
  readonly toMs: number;
  // Every entry with a lower block time is covered by the index.
  readonly asOfMs: number;
  readonly listings: readonly TrailListing[];
  readonly completeToMs: number | null;
  readonly isComplete: boolean;
  // The shown entries of the period, each once, ascending by position.
  readonly rows: readonly TrailRow[];
}

interface Reader {
  readonly header: CertifiedHeader;
  readonly trust: Trust;
  readonly fromMs: number;
  readonly asOfMs: number;
}

export function verifyTrail(evidence: JsonValue, trust: Trust): TrailFacts {
  const names = ["from_ms", "to_ms", "tail", "trails"] as const;
  const { fields, header } = openEnvelope(evidence, trust, "trail", 2, names);
  const rules = header.header.head.indexRules;
  if (rules !== INDEX_RULES) throw invalid("rules", `index rules ${INDEX_RULES}`, `${rules}`);
  const asOfMs = readTail(fields.tail, header, trust);
  const fromMs = asInteger(fields.from_ms, "from_ms");
  const asked = asInteger(fields.to_ms, "to_ms");
  const toMs = asked || asOfMs;
  if (asked && fromMs > toMs) throw invalid("period", `from ≤ ${toMs}`, `${fromMs}`);
  const reader = { header, trust, fromMs, asOfMs };
  const listings = asArray(fields.trails, "trails", { max: TRAILS_MAX }).map((one) =>
    readListing(one, reader),
  );
  const isAscending = listings.every(
    (one, at) => at === 0 || compare(listings[at - 1]!.indexKey, one.indexKey) < 0,
  );
  if (!listings.length || !isAscending) {
    throw invalid("trails", "one or more, ascending by index key", `${listings.length}`);
  }
  const completeToMs = completeTo(listings, toMs);
  return {
    kind: "trail", header, fromMs, toMs, asOfMs, listings, completeToMs,
    isComplete: fromMs <= toMs && toMs === completeToMs,
    rows: inPeriod(listings, fromMs, toMs),
  };
}

function completeTo(listings: readonly TrailListing[], toMs: number): number | null {
  let least = toMs;
  for (const { completeToMs } of listings) {
    if (completeToMs === null) return null;
    least = Math.min(least, completeToMs);
  }
  return least;
}

// The shown entries of a period, each once, ascending by position.
export function inPeriod(
  listings: readonly TrailListing[],
  fromMs: number,
  toMs: number,
): TrailRow[] {
  const found = new Map<number, TrailRow>();
  for (const row of listings.flatMap((listing) => listing.rows)) {
    if (fromMs <= row.entry.timeMs && row.entry.timeMs < toMs) found.set(row.position, row);
  }
  return [...found.values()].sort((left, right) => left.position - right.position);
}

// Before which ledger time every entry is below the index size.
function readTail(value: JsonValue, header: CertifiedHeader, trust: Trust): number {
  const { head } = header.header;
  const shown = asArray(value, "tail", { max: 1 });
  if (head.indexSize === head.logSize) {
    if (shown.length) throw invalid("tail", "none", "an entry");
    return head.timeMs;
  }
  if (!shown.length) throw invalid("tail", `the entry at position ${head.indexSize}`, "none");
  const fields = asFields(shown[0]!, "tail", ["entry", "path"]);
  const data = asBase64(fields.entry, "entry", { max: ENTRY_BYTES_MAX });
  const entry = readEntry(data);
  const place = { position: head.indexSize, path: readPath(fields.path) };
  requireInLog("tail", data, entry, place, header, trust);
  return entry.timeMs;
}

function readListing(value: JsonValue, reader: Reader): TrailListing {
  const fields = asFields(value, "trail", ["proof", "entries", "bodies"]);
  const proven = provenTrail(fields.proof, reader);
  const count = proven.rows.length;
  const entries = asArray(fields.entries, "entries", { max: DISCLOSED_ROWS_MAX });
  const bodies = asArray(fields.bodies, "bodies", { max: DISCLOSED_ROWS_MAX });
  if (entries.length !== count || bodies.length !== count) {
    const actual = `${entries.length} and ${bodies.length}`;
    throw invalid("entries", `${count}, and as many bodies`, actual);
  }
  const rows = proven.rows.map(({ position, leaf }, at): TrailRow => {
    const data = asBase64(entries[at]!, "entry", { max: ENTRY_BYTES_MAX });
    requireEqual("entries", leaf, hashLeaf(reader.trust.suite.digest, data));
    const entry = readEntry(data);
    if (!entry.indexKeys.some((key) => equal(key, proven.indexKey))) {
      throw invalid("key", "the index key of the trail", "an entry without it");
    }
    return { position, entry, call: readBody(bodies[at]!, entry, reader.trust) };
  });
  requireOrder(rows, reader.header);
  const times = rows.map((row) => row.entry.timeMs);
  return {
    indexKey: proven.indexKey,
    total: proven.total,
    firstRow: proven.firstRow,
    rows,
    completeToMs: coveredUntilMs(proven, times, reader.fromMs, reader.asOfMs),
  };
}

function provenTrail(value: JsonValue, { header, trust }: Reader): ProvenTrail {
  const data = asBase64(value, "proof", { max: PROOF_BYTES_MAX });
  const proof = refusedAs("unreadable", "proof", () => decodeTrailProof(data));
  const index = {
    bits: trust.parameters.index_map_bits,
    root: header.header.rest[REST.indexRoot]!,
    size: header.header.head.indexSize,
  };
  return refusedAs("invalid", "trail", () => verifyTrailProof(trust.suite.digest, index, proof));
}

// Ledger time runs forward: what stands between two entries is between them.
function requireOrder(rows: readonly TrailRow[], header: CertifiedHeader): void {
  const places = [...rows.map((row) => row.entry), header.header.head];
  places.forEach((right, at) => {
    const left = places[at - 1];
    if (left !== undefined && (left.height > right.height || left.timeMs > right.timeMs)) {
      const expected = `at or after (${left.height}, ${left.timeMs})`;
      throw invalid("order", expected, `(${right.height}, ${right.timeMs})`);
    }
  });
}
