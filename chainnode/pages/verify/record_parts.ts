// What stands in calls of `access` and `audit`: public parts as their contracts read them, private
// parts where they are not encrypted (docs/wire-format.md §9, §14, §16). null: not what the version
// says. As contracts/schemas/access.py, access_1.py and audit.py.

import { compare } from "./bytes";
import { SALT_BYTES } from "./claims";
import { Malformed } from "./errors";
import { FIRST_INDEX_KINDS, INDEX_KIND, INDEX_KINDS } from "./index_keys";
import { isLegalText } from "./legal_text";
import type { Entry } from "./ledger";
import { ORGANISATION_ID } from "./members";
import { DIGEST_BYTES } from "./merkle";
import {
  decode,
  decodeAnyForm,
  type Plain,
  plainArray,
  plainBytes,
  plainInteger,
  plainText,
} from "./messagepack";
import type { Call } from "./submission";

const LIMITS = { bytes: 4096, depth: 2, elements: 64 };
const CALL_ID_BYTES = 16;
const SUBJECTS_MAX = 4;
const STATUS_MAX = 999;
const STATUS_FAILED_MIN = 400;
const FIELD_BITS_MAX = 2 ** 48 - 1;
const TEXT_CHARACTERS_MAX = 60;
const VALUE_BYTES_MAX = 240;
const ASKED_SUBJECTS_MAX = 9;
const BASES_MAX = 4;
// Kinds whose values have one size.
const VALUE_BYTES: Readonly<Record<number, number>> = {
  [INDEX_KIND.subject]: DIGEST_BYTES,
  [INDEX_KIND.trace]: CALL_ID_BYTES,
  [INDEX_KIND.dispute]: CALL_ID_BYTES,
};
// By the version of the contract: fields, kinds and values at most.
const QUESTION_FORMS: Readonly<Record<number, { size: number; kinds: number; values: number }>> = {
  1: { size: 5, kinds: FIRST_INDEX_KINDS, values: 16 },
  2: { size: 6, kinds: INDEX_KINDS, values: 9 },
};

export interface AccessRecord {
  readonly callId: Uint8Array;
  readonly side: "requester" | "provider";
  readonly requester: string;
  readonly provider: string;
  readonly item: string;
  readonly subjects: readonly Uint8Array[];
  readonly outcome: "permitted" | "denied" | "failed";
  readonly status: number;
  readonly count: number;
  readonly requestedMs: number;
  // Empty or 32 bytes.
  readonly requestCommitment: Uint8Array;
  readonly responseCommitment: Uint8Array;
}

export interface Question {
  readonly kind: number;
  readonly values: readonly Uint8Array[];
  readonly fromMs: number;
  readonly toMs: number;
  // null: version 1 does not say.
  readonly basis: number | null;
}

// Where the fields of a half stand, by version of the contract.
interface Layout {
  readonly size: number;
  readonly decision: number;
  readonly subjects: number;
  readonly trace: number;
  readonly grant: number;
  readonly other: number;
  readonly otherMax: number;
  readonly numbers: readonly number[];
  readonly commitments: readonly [number, number];
}
// Of versions 2 and 3.
const LAYOUT_2: Layout = {
  size: 22, decision: 10, subjects: 8, trace: 15, grant: 17, other: 19, otherMax: 160,
  numbers: [6, 9, 14, 18], commitments: [20, 21],
};
const LAYOUTS: Readonly<Record<number, Layout>> = {
  1: {
    size: 19, decision: 8, subjects: 7, trace: 13, grant: 15, other: 16, otherMax: 512,
    numbers: [6, 12], commitments: [17, 18],
  },
  2: LAYOUT_2,
  3: LAYOUT_2,
};

// What one side said of a data call; null: it is another record, or unreadable.
export function readHalf(entry: Entry, call: Call): AccessRecord | null {
  const layout = LAYOUTS[entry.contractVersion];
  const isHalf = entry.contract === "access" && call.action === "record";
  return isHalf && layout !== undefined ? readAccess(call.public, layout) : null;
}

function readAccess(data: Uint8Array, layout: Layout): AccessRecord | null {
  return orNull(() => {
    const parts = plainArray(decode(data, LIMITS), "record", { size: layout.size });
    plainBytes(parts[0], "salt", { size: SALT_BYTES });
    const [side, decision] = [flag(parts[2]), flag(parts[layout.decision])];
    const status = plainInteger(parts[layout.decision + 1], "status", STATUS_MAX);
    const isFailed = status === 0 || status >= STATUS_FAILED_MIN;
    const [asked, answered] = layout.commitments;
    const record: AccessRecord = {
      callId: plainBytes(parts[1], "call id", { size: CALL_ID_BYTES }),
      side: side ? "provider" : "requester",
      requester: organisation(parts[3]),
      provider: organisation(parts[4]),
      item: legal(parts[5]),
      subjects: digests(parts[layout.subjects]),
      outcome: decision ? "denied" : isFailed ? "failed" : "permitted",
      status,
      count: plainInteger(parts[layout.decision + 2], "count"),
      requestedMs: plainInteger(parts[layout.decision + 3], "requested"),
      requestCommitment: optionalBytes(parts[asked], DIGEST_BYTES),
      responseCommitment: optionalBytes(parts[answered], DIGEST_BYTES),
    };
    for (const at of layout.numbers) plainInteger(parts[at], "number");
    if (layout.size === LAYOUTS[2]!.size) plainInteger(parts[7], "fields", FIELD_BITS_MAX);
    plainBytes(parts[layout.trace], "trace id", { size: CALL_ID_BYTES });
    optionalBytes(parts[layout.trace + 1], CALL_ID_BYTES);
    if (parts[layout.grant] !== "") legal(parts[layout.grant]);
    plainBytes(parts[layout.other], "other token", { maximum: layout.otherMax });
    return record;
  });
}

// Which call a record of the ledger itself is about: as contracts/schemas/access_gaps.py.
export function readGapCall(call: Call): Uint8Array | null {
  return orNull(() => {
    const parts = plainArray(decode(call.public, LIMITS), "gap");
    return plainBytes(parts[3], "call id", { size: CALL_ID_BYTES });
  });
}

// A question in a version of its contract; version 2 knows more kinds, and on what it rests.
export function readQuestionPart(version: number, data: Uint8Array): Question | null {
  const form = QUESTION_FORMS[version];
  if (form === undefined) return null;
  return orNull(() => {
    const parts = plainArray(decode(data, LIMITS), "question", { size: form.size });
    plainBytes(parts[0], "salt", { size: SALT_BYTES });
    const kind = plainInteger(parts[1], "kind", form.kinds);
    const values = ascending(plainArray(parts[2], "values", { maximum: form.values }));
    const [fromMs, toMs] = [plainInteger(parts[3], "from"), plainInteger(parts[4], "to")];
    const basis = version === 1 ? null : plainInteger(parts[5], "basis", BASES_MAX);
    const size = VALUE_BYTES[kind];
    const areLegal = values.every((one) =>
      size === undefined ? 1 <= one.length && one.length <= VALUE_BYTES_MAX : one.length === size,
    );
    const hasTooMany = kind === INDEX_KIND.subject && values.length > ASKED_SUBJECTS_MAX;
    if (!kind || basis === 0 || !areLegal || hasTooMany) {
      throw new Malformed("question", "a kind and values of it", "others");
    }
    if (toMs && toMs < fromMs) throw new Malformed("period", `≥ ${fromMs}`, `${toMs}`);
    return { kind, values, fromMs, toMs, basis };
  });
}

// The texts of a private part after its salt, in any form of MessagePack: no contract reads it.
export function readPrivate(data: Uint8Array, count: number): string[] | null {
  return orNull(() => {
    const limits = { bytes: LIMITS.bytes, depth: 1, elements: 16 };
    const parts = plainArray(decodeAnyForm(data, limits), "private", { size: count + 1 });
    plainBytes(parts[0], "salt", { size: SALT_BYTES });
    return parts.slice(1).map((one) => plainText(one, "text"));
  });
}

// Why a call was made: code, reason, case number, operator and what follows in the private part.
export function readWhy(entry: Entry, data: Uint8Array): string[] | null {
  if (entry.contractVersion === 1) return readPrivate(data, 6);
  return orNull(() => {
    const limits = { bytes: LIMITS.bytes, depth: 2, elements: 512 };
    const parts = plainArray(decodeAnyForm(data, limits), "private", { size: 10 });
    plainBytes(parts[0], "salt", { size: SALT_BYTES });
    for (const one of plainArray(parts[9], "derived")) {
      plainBytes(one, "call id", { size: CALL_ID_BYTES });
    }
    return parts.slice(1, 9).map((one) => plainText(one, "text"));
  });
}

function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

function flag(value: Plain | undefined): number {
  return plainInteger(value, "flag", 1);
}

function organisation(value: Plain | undefined): string {
  const id = plainText(value, "organisation");
  if (!ORGANISATION_ID.test(id)) throw new Malformed("organisation", "an id", "another text");
  return id;
}

function legal(value: Plain | undefined): string {
  const text = plainText(value, "text", TEXT_CHARACTERS_MAX);
  if (!text || !isLegalText(text)) throw new Malformed("text", "a legal one", "another");
  return text;
}

function digests(value: Plain | undefined): Uint8Array[] {
  const found = ascending(plainArray(value, "subjects", { maximum: SUBJECTS_MAX }));
  if (found.some((one) => one.length !== DIGEST_BYTES)) {
    throw new Malformed("subjects", `${DIGEST_BYTES} bytes each`, "others");
  }
  return found;
}

function ascending(values: readonly Plain[]): Uint8Array[] {
  const found = values.map((one) => plainBytes(one, "value"));
  if (found.some((one, at) => at > 0 && compare(found[at - 1]!, one) >= 0)) {
    throw new Malformed("values", "ascending and distinct", "another order");
  }
  return found;
}

function optionalBytes(value: Plain | undefined, size: number): Uint8Array {
  const data = plainBytes(value, "bytes");
  return data.length ? plainBytes(data, "bytes", { size }) : data;
}
