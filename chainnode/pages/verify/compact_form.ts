// The compact record proof and the reference, read from hostile bytes (docs/wire-format.md §13).
// Whether a proof proves anything is for `compact`. As chainnode/verify/compact_form.py.

import { type CertificateClaim, readClaim } from "./claims";
import { Malformed, refusedAs, unreadable } from "./errors";
import {
  CALLS_MAX,
  KEY_ID_BYTES,
  NAME_CHARACTERS_MAX,
  plainIndexKeys,
  SIGNATURE_BYTES,
} from "./ledger";
import { DIGEST_BYTES } from "./merkle";
import {
  decode,
  type Plain,
  plainArray,
  plainBytes,
  plainInteger,
  plainText,
} from "./messagepack";
import { PAYLOAD_BYTES_MAX } from "./qr_text";
import { PUBLIC_KEY_BYTES_MAX } from "./submission";

const LIMITS = { bytes: PAYLOAD_BYTES_MAX, depth: 3, elements: 64 };
const FIELDS = 7;
const WITHHELD = 0;
// The path of leaf 1 among the seven of `rest`, and the other half of the header.
export const HEADER_NODES = 4;
// A tree of 2^53 leaves is 53 levels deep; one of 4,096 calls twelve.
const BLOCK_NODES_MAX = 53;
const CALL_NODES_MAX = 12;
const CHAIN_MARK_MAX = 0xffff;

// The fields of an entry whose call is not shown.
export interface WithheldRecord {
  readonly kind: typeof WITHHELD;
  readonly organisation: string;
  readonly contract: string;
  readonly contractVersion: number;
  readonly outcome: number;
  readonly indexKeys: readonly Uint8Array[];
  readonly bodyDigest: Uint8Array;
}

// The submission of a single call: it is rebuilt.
export interface SoleCall {
  readonly kind: "sole";
  readonly publicKey: Uint8Array;
  readonly nonce: number;
  readonly validityMs: number;
}

// A call of a submission that has more than one.
export interface CallAmongOthers {
  readonly kind: "among";
  readonly submissionDigest: Uint8Array;
  readonly keyId: Uint8Array;
  readonly callIndex: number;
}

// `path` leads from the entry up, lowest sibling first; bit i of `sides` tells that sibling i of
// those within the block stands left. `signers` ascend, `signatures` are theirs.
export interface CompactProof {
  readonly kind: "proof";
  readonly chainMark: number;
  readonly record: CertificateClaim | WithheldRecord;
  readonly origin: SoleCall | CallAmongOthers;
  readonly timeMs: number;
  readonly sides: number;
  readonly path: readonly Uint8Array[];
  readonly epoch: number;
  readonly height: number;
  readonly signers: readonly number[];
  readonly signatures: readonly Uint8Array[];
}

// What was asked for, under the issuer's signature.
export interface CompactReference {
  readonly kind: "reference";
  readonly chainMark: number;
  readonly record: CertificateClaim;
  readonly publicKey: Uint8Array;
  readonly nonce: number;
  readonly validUntilMs: number;
  readonly callCount: number;
  readonly callIndex: number;
  readonly path: readonly Uint8Array[];
  readonly height: number;
  readonly signature: Uint8Array;
}

export type Compact = CompactProof | CompactReference;

// The certificate that it speaks of, unchecked; null: the content is withheld.
export function claimIn({ record }: Compact): CertificateClaim | null {
  return record.kind === WITHHELD ? null : record;
}

export function decodeCompact(data: Uint8Array): Compact {
  return refusedAs("unreadable", "compact", () => {
    const wire = plainArray(decode(data, LIMITS), "compact proof", { maximum: FIELDS });
    const isProof = wire[0] === "kun.qr";
    if ((!isProof && wire[0] !== "kun.qrref") || wire[1] !== 1) {
      throw unreadable("compact", "kun.qr or kun.qrref, version 1", "another tag or version");
    }
    plainArray(wire, "compact proof", { size: FIELDS });
    return isProof ? readProof(wire) : readReference(wire);
  });
}

function readProof(wire: readonly Plain[]): CompactProof {
  const place = plainArray(wire[5], "place", { size: 3 });
  const seal = plainArray(wire[6], "seal", { size: 4 });
  const signers = bitsOf(plainInteger(seal[2], "signers"));
  const path = split(place[2], DIGEST_BYTES, "path", BLOCK_NODES_MAX + HEADER_NODES);
  if (path.length < HEADER_NODES) {
    throw new Malformed("path", `at least ${HEADER_NODES} digests`, `${path.length}`);
  }
  const timeMs = plainInteger(place[0], "time");
  const signatures = split(seal[3], SIGNATURE_BYTES, "signatures", signers.length);
  if (signatures.length !== signers.length) {
    throw new Malformed("signatures", `${signers.length}`, `${signatures.length}`);
  }
  return {
    kind: "proof",
    chainMark: plainInteger(wire[2], "chain mark", CHAIN_MARK_MAX),
    record: readRecord(wire[3]!),
    origin: readOrigin(wire[4], timeMs),
    timeMs,
    sides: plainInteger(place[1], "sides", 2 ** (path.length - HEADER_NODES) - 1),
    path,
    epoch: plainInteger(seal[0], "epoch"),
    height: plainInteger(seal[1], "height"),
    signers,
    signatures,
  };
}

function readReference(wire: readonly Plain[]): CompactReference {
  const origin = plainArray(wire[4], "origin", { size: 6 });
  return {
    kind: "reference",
    chainMark: plainInteger(wire[2], "chain mark", CHAIN_MARK_MAX),
    record: readClaim(wire[3]!),
    publicKey: plainBytes(origin[0], "public key", { maximum: PUBLIC_KEY_BYTES_MAX }),
    nonce: plainInteger(origin[1], "nonce"),
    validUntilMs: plainInteger(origin[2], "valid_until_ms"),
    callCount: plainInteger(origin[3], "call count", CALLS_MAX),
    callIndex: plainInteger(origin[4], "call index", CALLS_MAX - 1),
    path: split(origin[5], DIGEST_BYTES, "path", CALL_NODES_MAX),
    height: plainInteger(wire[5], "height"),
    signature: plainBytes(wire[6], "signature", { size: SIGNATURE_BYTES }),
  };
}

function readRecord(value: Plain): CertificateClaim | WithheldRecord {
  const fields = plainArray(value, "record");
  if (fields[0] !== WITHHELD) return readClaim(value);
  plainArray(value, "record", { size: 7 });
  return {
    kind: WITHHELD,
    organisation: plainText(fields[1], "organisation id", NAME_CHARACTERS_MAX),
    contract: plainText(fields[2], "contract", NAME_CHARACTERS_MAX),
    contractVersion: plainInteger(fields[3], "contract version"),
    outcome: plainInteger(fields[4], "outcome"),
    indexKeys: plainIndexKeys(fields[5]),
    bodyDigest: plainBytes(fields[6], "body digest", { size: DIGEST_BYTES }),
  };
}

function readOrigin(value: Plain | undefined, timeMs: number): SoleCall | CallAmongOthers {
  const fields = plainArray(value, "origin");
  if (fields.length === 3) {
    return {
      kind: "sole",
      publicKey: plainBytes(fields[0], "public key", { maximum: PUBLIC_KEY_BYTES_MAX }),
      nonce: plainInteger(fields[1], "nonce"),
      validityMs: plainInteger(fields[2], "validity", Number.MAX_SAFE_INTEGER - timeMs),
    };
  }
  plainArray(fields, "origin", { size: 2 });
  const digests = plainBytes(fields[0], "submission digest and key id", {
    size: DIGEST_BYTES + KEY_ID_BYTES,
  });
  return {
    kind: "among",
    submissionDigest: digests.subarray(0, DIGEST_BYTES),
    keyId: digests.subarray(DIGEST_BYTES),
    callIndex: plainInteger(fields[1], "call index", CALLS_MAX - 1),
  };
}

// The numbers of the bits that are set, ascending.
function bitsOf(value: number): number[] {
  const found: number[] = [];
  for (let bit = 0, rest = value; rest; bit++, rest = Math.floor(rest / 2)) {
    if (rest % 2) found.push(bit);
  }
  return found;
}

// Cut joined byte strings of one size apart, at most `maximum` of them.
function split(
  value: Plain | undefined,
  size: number,
  what: string,
  maximum: number,
): Uint8Array[] {
  const data = plainBytes(value, what, { maximum: maximum * size });
  if (data.length % size) {
    throw new Malformed(what, `a multiple of ${size} bytes`, `${data.length}`);
  }
  return Array.from({ length: data.length / size }, (_, at) =>
    data.subarray(at * size, (at + 1) * size),
  );
}
