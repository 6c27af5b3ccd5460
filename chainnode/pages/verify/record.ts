// Records of either version: where the entry stands, and in version 2 also who signed what it
// records (docs/wire-format.md §11). As chainnode/verify/record.py.

import { invalid, Malformed, refusedAs } from "./errors";
import {
  ENTRY_BYTES_MAX,
  openEnvelope,
  readBody,
  readEntry,
  readPath,
  requireInLog,
} from "./evidence";
import { type CertifiedHeader, requireEqual } from "./header";
import { type Entry, isLedgersOwn, REST, SIGNATURE_BYTES } from "./ledger";
import { hashLeaf, verifyInclusion } from "./merkle";
import {
  asArray,
  asBase64,
  asFields,
  asInteger,
  asObject,
  type JsonValue,
} from "./strict_json";
import {
  type Call,
  decodeSubmissionHeader,
  keyId,
  SUBMISSION_HEADER_BYTES_MAX,
  type SubmissionHeader,
} from "./submission";
import type { Trust } from "./trust";

export interface RecordFacts {
  readonly kind: "record";
  readonly header: CertifiedHeader;
  // null in the block form: that it is one of the block's entries is proven, not which.
  readonly position: number | null;
  readonly entry: Entry;
  // null: withheld.
  readonly call: Call | null;
  // null: not shown.
  readonly author: SubmissionHeader | null;
}

export interface PlacedRecord extends RecordFacts {
  readonly position: number;
}

export const RECORD_NAMES = ["entry", "place", "body", "authorship"] as const;
const ITEM = ["position", "entry", "path", "body"] as const;

export function verifyRecord(evidence: JsonValue, trust: Trust): RecordFacts {
  return asObject(evidence, "evidence").get("version") === 2
    ? verifySecondVersion(evidence, trust)
    : verifyFirstVersion(evidence, trust);
}

// Evidence of version 1 alone, as exports hold it.
export function verifyFirstVersion(evidence: JsonValue, trust: Trust): PlacedRecord {
  const names = [...ITEM, "block_path"] as const;
  const { fields, header } = openEnvelope(evidence, trust, "record", 1, names);
  asArray(fields.block_path, "block_path", { max: 0 });
  return verifyFields(fields, header, trust);
}

// An entry under a header that is verified already: an item of an answer.
export function verifyItem(item: JsonValue, header: CertifiedHeader, trust: Trust): PlacedRecord {
  return verifyFields(asFields(item, "record", ITEM), header, trust);
}

function verifyFields(
  fields: Record<(typeof ITEM)[number], JsonValue>,
  header: CertifiedHeader,
  trust: Trust,
): PlacedRecord {
  const position = asInteger(fields.position, "position");
  const data = asBase64(fields.entry, "entry", { max: ENTRY_BYTES_MAX });
  const entry = readEntry(data);
  const place = { position, path: readPath(fields.path) };
  requireInLog("record", data, entry, place, header, trust);
  const call = readBody(fields.body, entry, trust);
  return { kind: "record", header, position, entry, call, author: null };
}

function verifySecondVersion(evidence: JsonValue, trust: Trust): RecordFacts {
  const { fields, header } = openEnvelope(evidence, trust, "record", 2, RECORD_NAMES);
  return verifyRecordFields(fields, header, trust);
}

// The fields of a record of version 2 under a header that is verified already.
export function verifyRecordFields(
  fields: Record<(typeof RECORD_NAMES)[number], JsonValue>,
  header: CertifiedHeader,
  trust: Trust,
): RecordFacts {
  const data = asBase64(fields.entry, "entry", { max: ENTRY_BYTES_MAX });
  const entry = readEntry(data);
  const position = readPlace(fields.place, data, entry, header, trust);
  const call = readBody(fields.body, entry, trust);
  const author = readAuthor(fields.authorship, entry, trust);
  return { kind: "record", header, position, entry, call, author };
}

// The position in the log, or null where the entry stands in its block.
function readPlace(
  value: JsonValue,
  data: Uint8Array,
  entry: Entry,
  header: CertifiedHeader,
  trust: Trust,
): number | null {
  if (asObject(value, "place").has("position")) {
    const fields = asFields(value, "place", ["position", "path"]);
    const path = readPath(fields.path);
    const place = { position: asInteger(fields.position, "position"), path };
    requireInLog("record", data, entry, place, header, trust);
    return place.position;
  }
  const fields = asFields(value, "place", ["index", "count", "path"]);
  const path = readPath(fields.path);
  const { height } = header.header.head;
  refusedAs("invalid", "record", () => {
    verifyInclusion(trust.suite.digest, {
      leaf: hashLeaf(trust.suite.digest, data),
      index: asInteger(fields.index, "index"),
      size: asInteger(fields.count, "count"),
      path,
      root: header.header.rest[REST.recordsRoot]!,
    });
    if (entry.height !== height) {
      throw new Malformed("entry height", `${height}`, `${entry.height}`);
    }
  });
  return null;
}

// The submission signs this call, by this key.
function readAuthor(value: JsonValue, entry: Entry, trust: Trust): SubmissionHeader | null {
  const shown = asArray(value, "authorship", { max: 1 });
  if (!shown.length) return null;
  if (isLedgersOwn(entry)) {
    throw invalid("authorship", "none: the ledger itself made it", "a sender's");
  }
  const fields = asFields(shown[0]!, "authorship", ["header", "path", "signature"]);
  const data = asBase64(fields.header, "submission header", { max: SUBMISSION_HEADER_BYTES_MAX });
  const header = refusedAs("unreadable", "authorship", () => decodeSubmissionHeader(data));
  const h = trust.suite.digest;
  requireEqual("authorship", entry.submissionDigest, h(data));
  requireEqual("authorship", trust.chainId, header.chainId);
  requireEqual("authorship", entry.keyId, keyId(h, header.publicKey));
  if (header.contract !== entry.contract || header.contractVersion !== entry.contractVersion) {
    const expected = `${entry.contract} ${entry.contractVersion}`;
    throw invalid("authorship", expected, `${header.contract} ${header.contractVersion}`);
  }
  refusedAs("invalid", "authorship", () =>
    verifyInclusion(h, {
      leaf: hashLeaf(h, entry.bodyDigest),
      index: entry.callIndex,
      size: header.callCount,
      path: readPath(fields.path),
      root: header.callsRoot,
    }),
  );
  const bound = { max: SIGNATURE_BYTES, size: SIGNATURE_BYTES };
  const signature = asBase64(fields.signature, "signature", bound);
  if (!trust.suite.verify(header.publicKey, signature, data)) {
    const expected = "the sender's signature over the submission";
    throw invalid("authorship", expected, "one that does not verify");
  }
  return header;
}
