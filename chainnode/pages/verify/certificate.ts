// What certificate evidence proves: which certificate a file is, its row, issuer and history.
// Absence is proven like presence; the evidence holds exactly the state items that the answer
// needs. The checks of chainnode/verify/certificate.py, in their order.

import { equal } from "./bytes";
import { invalid, Malformed } from "./errors";
import { openEnvelope, readItems, type StateItem } from "./evidence";
import { type CertifiedHeader, requireEqual } from "./header";
import { merkleRoot } from "./merkle";
import type { Plain } from "./messagepack";
import {
  CERTIFICATES,
  type CertificateRow,
  decodeHistoryEntry,
  FILES,
  type HistoryEntry,
  type OrganisationRow,
  ORGANISATIONS,
  type Table,
} from "./state_rows";
import { asArray, asBase64, asFields, asHex, asText, type JsonValue } from "./strict_json";
import type { Trust } from "./trust";

const HISTORY_MAX = 1024;
const HISTORY_ENTRY_BYTES_MAX = 512;
export const IDENTIFIER_CHARACTERS_MAX = 94;
const STATES = 9;

export interface Query {
  readonly contentDigest: Uint8Array | null;
  readonly identifier: string | null;
}

export interface RegisteredCertificate {
  readonly identifier: string;
  readonly row: CertificateRow;
  // null: the chain knows no such organisation.
  readonly issuer: OrganisationRow | null;
  readonly history: readonly HistoryEntry[];
}

export interface CertificateFacts {
  readonly kind: "certificate";
  readonly header: CertifiedHeader;
  readonly query: Query;
  // The certificate of the file, else of the identifier, else null: proven absent.
  readonly found: RegisteredCertificate | null;
  // Only then does the asked content belong to it.
  readonly isOfFile: boolean;
}

export function verifyCertificate(evidence: JsonValue, trust: Trust): CertificateFacts {
  const names = ["items", "query", "history"] as const;
  const { fields, header } = openEnvelope(evidence, trust, "certificate", 1, names);
  const reader = new ItemReader(readItems(fields.items, header, trust));
  const query = readQuery(fields.query);
  const leaves = asArray(fields.history, "history", { max: HISTORY_MAX }).map((one) =>
    asBase64(one, "history", { max: HISTORY_ENTRY_BYTES_MAX }),
  );
  const { identifier, isOfFile } = foundIdentifier(reader, query);
  let found: RegisteredCertificate | null = null;
  if (identifier !== null) {
    found = registered(reader, identifier, leaves, trust);
    if (isOfFile && query.contentDigest !== null) {
      requireEqual("content", query.contentDigest, found.row.fileDigest);
    }
  } else if (leaves.length) {
    throw invalid("history", "none without a certificate", `${leaves.length}`);
  }
  reader.requireNothingElse();
  return { kind: "certificate", header, query, found, isOfFile };
}

// Takes rows out of verified state items by table and key, and counts what it took.
class ItemReader {
  private readonly taken = new Set<StateItem>();

  constructor(private readonly items: readonly StateItem[]) {}

  row<Row>(table: Table<Row>, part: Plain): Row | null {
    const item = this.find(table, part);
    if (item === undefined) throw invalid("items", `a proof for ${table.name}`, "none");
    this.taken.add(item);
    const { value } = item;
    return value === null ? null : decoded("state", () => table.decode(value));
  }

  // Nodes show the issuer of every row they show, needed or not.
  allow<Row>(table: Table<Row>, part: Plain): void {
    const item = this.find(table, part);
    if (item !== undefined) this.taken.add(item);
  }

  requireNothingElse(): void {
    if (this.taken.size !== this.items.length) {
      const expected = `the ${this.taken.size} items of the query`;
      throw invalid("items", expected, `${this.items.length}`);
    }
  }

  private find<Row>(table: Table<Row>, part: Plain): StateItem | undefined {
    const key = table.key(part);
    return this.items.find((item) => equal(item.key, key));
  }
}

function readQuery(value: JsonValue): Query {
  const fields = asFields(value, "query", ["digest", "identifier"]);
  const query = {
    contentDigest: fields.digest === null ? null : asHex(fields.digest, "digest", 32),
    identifier:
      fields.identifier === null
        ? null
        : asText(fields.identifier, "identifier", IDENTIFIER_CHARACTERS_MAX),
  };
  if (query.contentDigest === null && query.identifier === null) {
    throw invalid("query", "a digest or an identifier", "neither");
  }
  return query;
}

function foundIdentifier(
  reader: ItemReader,
  query: Query,
): { identifier: string | null; isOfFile: boolean } {
  let byIdentifier: string | null = null;
  if (query.identifier !== null) {
    const row = reader.row(CERTIFICATES, query.identifier);
    if (row !== null) {
      byIdentifier = query.identifier;
      reader.allow(ORGANISATIONS, row.issuer);
    }
  }
  if (query.contentDigest !== null) {
    const identifier = reader.row(FILES, query.contentDigest);
    if (identifier !== null) return { identifier, isOfFile: true };
  }
  return { identifier: byIdentifier, isOfFile: false };
}

function registered(
  reader: ItemReader,
  identifier: string,
  leaves: readonly Uint8Array[],
  trust: Trust,
): RegisteredCertificate {
  const row = reader.row(CERTIFICATES, identifier);
  if (row === null) {
    throw invalid("content", "the certificate that the file is", "no such one");
  }
  const issuer = reader.row(ORGANISATIONS, row.issuer);
  return { identifier, row, issuer, history: wholeHistory(row, leaves, trust) };
}

// Count, root and last state of the history are those of the row.
function wholeHistory(
  row: CertificateRow,
  leaves: readonly Uint8Array[],
  trust: Trust,
): HistoryEntry[] {
  if (!leaves.length || leaves.length !== row.historyCount) {
    throw invalid("history", `${row.historyCount} entries`, `${leaves.length}`);
  }
  requireEqual("history", row.historyRoot, merkleRoot(trust.suite.digest, leaves));
  const entries = leaves.map((leaf) => decoded("history", () => decodeHistoryEntry(leaf)));
  const last = entries[entries.length - 1]!;
  const isSame =
    last.codeSystem === row.codeSystem && last.code === row.code && last.state === row.state;
  if (!isSame) throw invalid("history", `state ${row.state} last`, `state ${last.state}`);
  if (entries.some((entry) => entry.state < 1 || entry.state > STATES)) {
    throw invalid("history", "canonical states", "an unknown one");
  }
  return entries;
}

function decoded<Row>(check: string, read: () => Row): Row {
  try {
    return read();
  } catch (error) {
    if (error instanceof Malformed) throw invalid(check, "a row of version 1", error.message);
    throw error;
  }
}
