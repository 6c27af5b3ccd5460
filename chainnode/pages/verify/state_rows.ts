// State entries that a verifier reads: keys and rows of docs/wire-format.md §9.

import {
  decode,
  encode,
  type Plain,
  plainArray,
  plainBytes,
  plainInteger,
  plainText,
  requireTag,
} from "./messagepack";

const ROW_LIMITS = { bytes: 8192, depth: 2, elements: 64 };

export interface CertificateRow {
  readonly issuer: string;
  readonly type: string;
  readonly fileDigest: Uint8Array;
  readonly validFrom: number;
  readonly validTo: number;
  readonly codeSystem: string;
  readonly code: string;
  readonly state: number;
  readonly historyCount: number;
  readonly historyRoot: Uint8Array;
}

export interface OrganisationRow {
  readonly name: string;
  readonly roles: readonly number[];
}

export interface HistoryEntry {
  readonly height: number;
  readonly sinceMs: number;
  readonly codeSystem: string;
  readonly code: string;
  readonly state: number;
  readonly submissionDigest: Uint8Array;
  readonly callIndex: number;
}

// One collection of one contract: key of an entry, and how its row reads.
export interface Table<Row> {
  readonly name: string;
  key(part: Plain): Uint8Array;
  decode(value: Uint8Array): Row;
}

function table<Row>(
  contract: string,
  collection: string,
  read: (row: Plain) => Row,
): Table<Row> {
  return {
    name: `${contract}/${collection}`,
    key: (part) => encode([contract, collection, part]),
    decode: (value) => read(decode(value, ROW_LIMITS)),
  };
}

export const CERTIFICATES = table("certificates", "id", (row): CertificateRow => {
  const parts = plainArray(row, "row", { size: 12 });
  plainBytes(parts[3], "metadata root");
  plainBytes(parts[4], "holder commitment");
  return {
    issuer: plainText(parts[0], "issuer"),
    type: plainText(parts[1], "type"),
    fileDigest: plainBytes(parts[2], "file digest"),
    validFrom: plainInteger(parts[5], "valid from"),
    validTo: plainInteger(parts[6], "valid to"),
    codeSystem: plainText(parts[7], "code system"),
    code: plainText(parts[8], "code"),
    state: plainInteger(parts[9], "state"),
    historyCount: plainInteger(parts[10], "history count"),
    historyRoot: plainBytes(parts[11], "history root"),
  };
});

export const FILES = table("certificates", "file", (row) =>
  plainText(plainArray(row, "row", { size: 1 })[0], "identifier"),
);

export const ORGANISATIONS = table("members", "org", (row): OrganisationRow => {
  const parts = plainArray(row, "row", { size: 2 });
  return {
    name: plainText(parts[0], "name"),
    roles: plainArray(parts[1], "roles").map((role) => plainInteger(role, "role")),
  };
});

export function decodeHistoryEntry(leaf: Uint8Array): HistoryEntry {
  const wire = plainArray(decode(leaf, ROW_LIMITS), "history entry", { size: 9 });
  requireTag(wire, "kun.certhistory");
  return {
    height: plainInteger(wire[2], "height"),
    sinceMs: plainInteger(wire[3], "since"),
    codeSystem: plainText(wire[4], "code system"),
    code: plainText(wire[5], "code"),
    state: plainInteger(wire[6], "state"),
    submissionDigest: plainBytes(wire[7], "submission digest"),
    callIndex: plainInteger(wire[8], "call index"),
  };
}
