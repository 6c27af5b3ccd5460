// Proofs of the authenticated map of state and index: sorted buckets under a complete 4-ary tree
// (docs/wire-format.md §2). One proof shows that a key has a value, or that it is absent.

import { compare, concat, equal, toHex } from "./bytes";
import { Malformed } from "./errors";
import { DIGEST_BYTES, type Hash } from "./merkle";

const ROW_BYTES = 2 * DIGEST_BYTES;
const SIBLINGS_BYTES = 3 * DIGEST_BYTES;
const ROWS_MAX = 16_384;
export const BUCKET_BYTES_MAX = ROWS_MAX * ROW_BYTES;
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export interface MapProof {
  readonly rows: Uint8Array;
  readonly siblings: readonly Uint8Array[];
}

export interface MapClaim {
  readonly bits: number;
  readonly root: Uint8Array;
  readonly key: Uint8Array;
  // null: the key is absent.
  readonly value: Uint8Array | null;
}

export function verifyMapProof(h: Hash, claim: MapClaim, proof: MapProof): void {
  const { bits, root, key, value } = claim;
  const keyDigest = h(key);
  const bucket = bucketNumber(keyDigest, bits);
  requireRows(proof.rows, bucket, bits);
  requireSiblings(proof.siblings, bits / 2);
  let digest = h(concat(LEAF, proof.rows));
  let index = bucket;
  for (const siblings of proof.siblings) {
    const cut = (index & 3) * DIGEST_BYTES;
    digest = h(concat(NODE, siblings.subarray(0, cut), digest, siblings.subarray(cut)));
    index >>>= 2;
  }
  if (!equal(digest, root)) throw new Malformed("map root", toHex(root), toHex(digest));
  const found = findRow(proof.rows, keyDigest);
  const expected = value === null ? null : h(value);
  if (found === null ? expected !== null : expected === null || !equal(found, expected)) {
    throw new Malformed("map value", shownDigest(expected), shownDigest(found));
  }
}

function bucketNumber(keyDigest: Uint8Array, bits: number): number {
  const first = new DataView(keyDigest.buffer, keyDigest.byteOffset).getUint32(0);
  return first >>> (32 - bits);
}

function findRow(rows: Uint8Array, keyDigest: Uint8Array): Uint8Array | null {
  for (let at = 0; at < rows.length; at += ROW_BYTES) {
    if (equal(rows.subarray(at, at + DIGEST_BYTES), keyDigest)) {
      return rows.subarray(at + DIGEST_BYTES, at + ROW_BYTES);
    }
  }
  return null;
}

function requireRows(rows: Uint8Array, bucket: number, bits: number): void {
  if (rows.length % ROW_BYTES || rows.length > BUCKET_BYTES_MAX) {
    const expected = `0 … ${ROWS_MAX} rows of ${ROW_BYTES} bytes`;
    throw new Malformed("bucket rows", expected, `${rows.length} bytes`);
  }
  let last: Uint8Array | null = null;
  for (let at = 0; at < rows.length; at += ROW_BYTES) {
    const key = rows.subarray(at, at + DIGEST_BYTES);
    if (last !== null && compare(last, key) >= 0) {
      throw new Malformed("bucket rows", "ascending, distinct keys", "another order");
    }
    const actual = bucketNumber(key, bits);
    if (actual !== bucket) {
      throw new Malformed("bucket rows", `keys of bucket ${bucket}`, `one of bucket ${actual}`);
    }
    last = key;
  }
}

function requireSiblings(siblings: readonly Uint8Array[], count: number): void {
  if (siblings.length !== count) {
    throw new Malformed("map siblings", `${count} levels`, `${siblings.length}`);
  }
  for (const one of siblings) {
    if (one.length !== SIBLINGS_BYTES) {
      throw new Malformed("map siblings", `${SIBLINGS_BYTES} bytes a level`, `${one.length}`);
    }
  }
}

function shownDigest(digest: Uint8Array | null): string {
  return digest === null ? "no such key" : toHex(digest);
}
