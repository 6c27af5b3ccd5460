// Fields of a request or response, shown under the commitment that a recorded call holds
// (docs/wire-format.md §11, §15). As chainnode/verify/disclosure.py.

import { compare, toUtf8 } from "./bytes";
import { invalid, refusedAs, unreadable } from "./errors";
import { openEnvelope, readPath } from "./evidence";
import type { CertifiedHeader } from "./header";
import { type Hash, hashLeaf, verifyInclusion } from "./merkle";
import { encode } from "./messagepack";
import { RECORD_NAMES, type RecordFacts, verifyRecordFields } from "./record";
import { readHalf } from "./record_parts";
import { asArray, asFields, asHex, asInteger, asText, type JsonValue } from "./strict_json";
import type { Trust } from "./trust";

const FIELDS_SHOWN_MAX = 4096;
const SALT_BYTES = 16;
const TEXT_CHARACTERS_MAX = 1024 * 1024;

interface ShownField {
  readonly index: number;
  readonly salt: Uint8Array;
  readonly name: string;
  readonly value: string;
  readonly path: readonly Uint8Array[];
}

// How many other fields the message has is not proven.
export interface DisclosureFacts {
  readonly kind: "disclosure";
  readonly header: CertifiedHeader;
  readonly record: RecordFacts;
  readonly message: "request" | "response";
  readonly fields: readonly ShownField[];
}

export function verifyDisclosure(evidence: JsonValue, trust: Trust): DisclosureFacts {
  const names = [...RECORD_NAMES, "message", "size", "fields"] as const;
  const { fields, header } = openEnvelope(evidence, trust, "disclosure", 2, names);
  const record = verifyRecordFields(fields, header, trust);
  const message = asText(fields.message, "message", 16);
  if (message !== "request" && message !== "response") {
    throw unreadable("message", "request or response", "another");
  }
  const shown = asArray(fields.fields, "fields", { max: FIELDS_SHOWN_MAX }).map(readField);
  if (!shown.length) throw unreadable("fields", "at least one", "none");
  const size = asInteger(fields.size, "size");
  const root = commitmentOf(record, message);
  requireAscending(shown);
  const h = trust.suite.digest;
  refusedAs("invalid", "disclosure", () => {
    for (const one of shown) {
      const { index, path } = one;
      verifyInclusion(h, { leaf: leafOf(h, one), index, size, path, root });
    }
  });
  return { kind: "disclosure", header, record, message, fields: shown };
}

function readField(value: JsonValue): ShownField {
  const fields = asFields(value, "field", ["index", "salt", "name", "value", "path"]);
  return {
    index: asInteger(fields.index, "index"),
    salt: asHex(fields.salt, "salt", SALT_BYTES),
    name: asText(fields.name, "name", TEXT_CHARACTERS_MAX),
    value: asText(fields.value, "value", TEXT_CHARACTERS_MAX),
    path: readPath(fields.path),
  };
}

// What the half of a call holds; an empty one binds nothing, so no field is under it.
function commitmentOf(
  { entry, call }: RecordFacts,
  message: DisclosureFacts["message"],
): Uint8Array {
  const half = call && readHalf(entry, call);
  if (half === null) {
    const expected = "the record of one side of a call, with its body";
    throw invalid("disclosure", expected, `${entry.contract} ${entry.contractVersion}`);
  }
  const root = half[`${message}Commitment`];
  if (!root.length) throw invalid("disclosure", `a commitment to the ${message}`, "none");
  return root;
}

// Ascending names at ascending places are part of the format.
function requireAscending(fields: readonly ShownField[]): void {
  fields.slice(1).forEach((right, at) => {
    const left = fields[at]!;
    if (left.index >= right.index || compare(toUtf8(left.name), toUtf8(right.name)) >= 0) {
      const expected = "shown fields ascending by place and name";
      throw invalid("disclosure", expected, `place ${right.index} after place ${left.index}`);
    }
  });
}

function leafOf(h: Hash, { salt, name, value }: ShownField): Uint8Array {
  return hashLeaf(h, encode(["kun.field", 1, salt, name, value]));
}
