// What a client signs: the header of a submission, and what binds its calls
// (docs/wire-format.md §4).

import { Malformed } from "./errors";
import { KEY_ID_BYTES } from "./ledger";
import type { Hash } from "./merkle";
import {
  decode,
  encode,
  plainArray,
  plainBytes,
  plainInteger,
  plainText,
  requireTag,
} from "./messagepack";

export const SUBMISSION_HEADER_BYTES_MAX = 512;
export const PUBLIC_KEY_BYTES_MAX = 33;

export interface Call {
  readonly action: string;
  readonly public: Uint8Array;
  readonly private: Uint8Array;
}

export interface SubmissionHeader {
  readonly chainId: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly nonce: number;
  readonly validUntilMs: number;
  readonly contract: string;
  readonly contractVersion: number;
  readonly callCount: number;
  readonly callsRoot: Uint8Array;
}

// The bytes under the signature.
export function encodeSubmissionHeader(header: SubmissionHeader): Uint8Array {
  return encode([
    "kun.sub", 1, header.chainId, header.publicKey, header.nonce, header.validUntilMs,
    header.contract, header.contractVersion, header.callCount, header.callsRoot,
  ]);
}

export function decodeSubmissionHeader(data: Uint8Array): SubmissionHeader {
  const limits = { bytes: SUBMISSION_HEADER_BYTES_MAX, depth: 1, elements: 16 };
  const wire = plainArray(decode(data, limits), "submission header", { size: 10 });
  requireTag(wire, "kun.sub");
  const header = {
    chainId: plainBytes(wire[2], "chain id", { size: 32 }),
    publicKey: plainBytes(wire[3], "public key", { maximum: PUBLIC_KEY_BYTES_MAX }),
    nonce: plainInteger(wire[4], "nonce"),
    validUntilMs: plainInteger(wire[5], "valid_until_ms"),
    contract: plainText(wire[6], "contract", 32),
    contractVersion: plainInteger(wire[7], "contract version"),
    callCount: plainInteger(wire[8], "call count"),
    callsRoot: plainBytes(wire[9], "calls root", { size: 32 }),
  };
  if (!header.callCount) throw new Malformed("call count", "at least 1", "0");
  return header;
}

export function keyId(h: Hash, publicKey: Uint8Array): Uint8Array {
  return h(encode(["kun.key", 1, publicKey])).subarray(0, KEY_ID_BYTES);
}

// Over the action and H(0x00 ‖ part) of either part: a part can be withheld, the rest proves.
export function bodyDigest(
  h: Hash,
  action: string,
  openDigest: Uint8Array,
  closedDigest: Uint8Array,
): Uint8Array {
  return h(encode(["kun.body", 1, action, openDigest, closedDigest]));
}
