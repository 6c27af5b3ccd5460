// Evidence of receipts and state items, and what all kinds have in common; the names and limits of
// docs/wire-format.md §11, the checks of chainnode/verify/evidence.py.

import { equal, toHex } from "./bytes";
import { invalid, Refusal, refusedAs } from "./errors";
import { BUCKET_BYTES_MAX, verifyMapProof } from "./bucket_map";
import { verifyPlacedHeader } from "./epochs";
import { type CertifiedHeader, requireEqual } from "./header";
import { decodeEntry, decodeReceipt, type Entry, isLedgersOwn, type Receipt, REST } from "./ledger";
import { hashLeaf, verifyInclusion } from "./merkle";
import {
  asArray,
  asBase64,
  asConstant,
  asFields,
  asHex,
  asInteger,
  asText,
  type JsonValue,
  shown,
} from "./strict_json";
import { bodyDigest, type Call } from "./submission";
import type { Trust } from "./trust";

const FORM = ["format", "version", "kind", "chain_id", "suite"] as const;
const ENVELOPE = [...FORM, "header", "certificate", "epochs"] as const;
// A tree of 2^53 leaves is 53 levels deep.
const PATH_MAX = 53;
export const ENTRY_BYTES_MAX = 2048;
const RECEIPT_BYTES_MAX = 1024 * 1024;
const BODY_PART_BYTES_MAX = 4096;
const STATE_ITEMS_MAX = 64;
const KEY_BYTES_MAX = 1024;
const VALUE_BYTES_MAX = 8192;
const LEVELS_MAX = 12;
const SIBLINGS_BYTES = 96;

export interface ReceiptFacts {
  readonly kind: "receipt";
  readonly header: CertifiedHeader;
  readonly receipt: Receipt;
}

export interface StateItem {
  readonly key: Uint8Array;
  // null: proven absent.
  readonly value: Uint8Array | null;
}

export interface StateFacts {
  readonly kind: "state";
  readonly header: CertifiedHeader;
  readonly items: readonly StateItem[];
}

export function verifyReceipt(evidence: JsonValue, trust: Trust): ReceiptFacts {
  const names = ["receipt", "index", "count", "path"] as const;
  const { fields, header } = openEnvelope(evidence, trust, "receipt", 1, names);
  const data = asBase64(fields.receipt, "receipt", { max: RECEIPT_BYTES_MAX });
  const receipt = refusedAs("unreadable", "receipt", () => decodeReceipt(data));
  refusedAs("invalid", "receipt", () =>
    verifyInclusion(trust.suite.digest, {
      leaf: hashLeaf(trust.suite.digest, data),
      index: asInteger(fields.index, "index"),
      size: asInteger(fields.count, "count"),
      path: readPath(fields.path),
      root: header.header.rest[REST.receiptsRoot]!,
    }),
  );
  return { kind: "receipt", header, receipt };
}

export function verifyState(evidence: JsonValue, trust: Trust): StateFacts {
  const { fields, header } = openEnvelope(evidence, trust, "state", 1, ["items"]);
  return { kind: "state", header, items: readItems(fields.items, header, trust) };
}

export function readItems(value: JsonValue, header: CertifiedHeader, trust: Trust): StateItem[] {
  const items: StateItem[] = [];
  for (const one of asArray(value, "items", { max: STATE_ITEMS_MAX })) {
    const item = readItem(one, header, trust);
    if (items.some((other) => equal(other.key, item.key))) {
      throw invalid("items", "distinct keys", "a key twice");
    }
    items.push(item);
  }
  return items;
}

// What every kind under a header has in common.
export function openEnvelope<Name extends string>(
  evidence: JsonValue,
  trust: Trust,
  kind: string,
  version: number,
  names: readonly Name[],
): { fields: Record<Name, JsonValue>; header: CertifiedHeader } {
  const fields = openForm(evidence, trust, kind, version, [...ENVELOPE, ...names]);
  return { fields, header: verifyPlacedHeader(fields, trust) };
}

// Format, kind, chain and suite, which stand in all evidence.
export function openForm<Name extends string>(
  evidence: JsonValue,
  trust: Trust,
  kind: string,
  version: number,
  names: readonly Name[],
): Record<Name, JsonValue> {
  const fields = asFields<Name | (typeof FORM)[number]>(evidence, "evidence", [
    ...new Set([...FORM, ...names]),
  ]);
  asConstant(fields.format, "format", "kunlian-evidence");
  asConstant(fields.version, "version", version);
  asConstant(fields.kind, "kind", kind);
  requireChain(fields.chain_id, trust);
  const suite = asText(fields.suite, "suite", 16);
  if (suite !== trust.suite.name) throw invalid("suite", trust.suite.name, shown(suite));
  return fields;
}

export function requireChain(value: JsonValue, trust: Trust): void {
  const chainId = asHex(value, "chain_id", 32);
  if (!equal(chainId, trust.chainId)) {
    throw new Refusal("foreign", "chain", `chain ${toHex(trust.chainId)}`, toHex(chainId));
  }
}

export function readEntry(data: Uint8Array): Entry {
  return refusedAs("unreadable", "entry", () => decodeEntry(data));
}

export function readPath(value: JsonValue): Uint8Array[] {
  return asArray(value, "path", { max: PATH_MAX }).map((one) => asHex(one, "path", 32));
}

// The entry stands at this position of the log as of the header, and not above it.
export function requireInLog(
  check: string,
  data: Uint8Array,
  entry: Entry,
  place: { readonly position: number; readonly path: readonly Uint8Array[] },
  { header }: CertifiedHeader,
  trust: Trust,
): void {
  const { height, logSize } = header.head;
  refusedAs("invalid", check, () =>
    verifyInclusion(trust.suite.digest, {
      leaf: hashLeaf(trust.suite.digest, data),
      index: place.position,
      size: logSize,
      path: place.path,
      root: header.rest[REST.logRoot]!,
    }),
  );
  if (entry.height > height) throw invalid(check, `entry height ≤ ${height}`, `${entry.height}`);
}

// What an entry recorded, when it is shown: its digest is the entry's.
export function readBody(value: JsonValue, entry: Entry, trust: Trust): Call | null {
  const parts = asArray(value, "body", { max: 3 });
  if (!parts.length) return null;
  const [action, open, closed] = asArray(parts, "body", { max: 3, size: 3 });
  const call = {
    action: asText(action!, "action", 32),
    public: asBase64(open!, "public", { max: BODY_PART_BYTES_MAX }),
    private: asBase64(closed!, "private", { max: BODY_PART_BYTES_MAX }),
  };
  const h = trust.suite.digest;
  const [openDigest, closedDigest] = [hashLeaf(h, call.public), hashLeaf(h, call.private)];
  requireEqual("body", entry.bodyDigest, bodyDigest(h, call.action, openDigest, closedDigest));
  if (isLedgersOwn(entry) && call.private.length) {
    throw invalid("body", "no private part in a record of the ledger itself", "one");
  }
  return call;
}

function readItem(item: JsonValue, header: CertifiedHeader, trust: Trust): StateItem {
  const fields = asFields(item, "item", ["key", "value", "rows", "siblings"]);
  const key = asBase64(fields.key, "key", { max: KEY_BYTES_MAX });
  const value =
    fields.value === null ? null : asBase64(fields.value, "value", { max: VALUE_BYTES_MAX });
  const siblings = asArray(fields.siblings, "siblings", { max: LEVELS_MAX });
  const proof = {
    rows: asBase64(fields.rows, "rows", { max: BUCKET_BYTES_MAX }),
    siblings: siblings.map((one) =>
      asBase64(one, "siblings", { max: SIBLINGS_BYTES, size: SIBLINGS_BYTES }),
    ),
  };
  const claim = {
    bits: trust.parameters.state_map_bits,
    root: header.header.rest[REST.stateRoot]!,
    key,
    value,
  };
  refusedAs("invalid", "state", () => verifyMapProof(trust.suite.digest, claim, proof));
  return { key, value };
}
