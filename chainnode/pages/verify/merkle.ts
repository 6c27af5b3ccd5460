// Merkle trees of RFC 9162 §2.1 and the checks of their paths, as chainnode/ledger/merkle.py.
// Sizes reach 2^53 − 1, beyond the 32 bits of bit operations, hence BigInt for indexes.

import { concat, equal, toHex } from "./bytes";
import { Malformed } from "./errors";

export type Hash = (data: Uint8Array) => Uint8Array;
export type Path = readonly Uint8Array[];

export const DIGEST_BYTES = 32;
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export function hashLeaf(h: Hash, data: Uint8Array): Uint8Array {
  return h(concat(LEAF, data));
}

export function hashNode(h: Hash, left: Uint8Array, right: Uint8Array): Uint8Array {
  return h(concat(NODE, left, right));
}

export function merkleRoot(h: Hash, leaves: Path): Uint8Array {
  let row = leaves.map((leaf) => hashLeaf(h, leaf));
  if (!row.length) return h(new Uint8Array());
  while (row.length > 1) {
    const above: Uint8Array[] = [];
    for (let at = 0; at + 1 < row.length; at += 2) {
      above.push(hashNode(h, row[at]!, row[at + 1]!));
    }
    // The last one without a sibling moves up as it is.
    if (row.length % 2) above.push(row[row.length - 1]!);
    row = above;
  }
  return row[0]!;
}

export interface Inclusion {
  // Hashed already.
  readonly leaf: Uint8Array;
  readonly index: number;
  readonly size: number;
  readonly path: Path;
}

export function verifyInclusion(h: Hash, proof: Inclusion & { readonly root: Uint8Array }): void {
  requireRoot("inclusion proof", inclusionRoot(h, proof), proof.root);
}

// The root that the path leads to.
export function inclusionRoot(h: Hash, proof: Inclusion): Uint8Array {
  if (!(0 <= proof.index && proof.index < proof.size)) {
    throw new Malformed("leaf index", "0 ≤ index < size", `${proof.index} of ${proof.size}`);
  }
  const index = BigInt(proof.index);
  const inner = bitLength(index ^ (BigInt(proof.size) - 1n));
  requirePath(proof.path, inner + bitCount(index >> BigInt(inner)));
  let digest = proof.leaf;
  proof.path.forEach((sibling, level) => {
    const isLeft = level < inner && !((index >> BigInt(level)) & 1n);
    digest = isLeft ? hashNode(h, digest, sibling) : hashNode(h, sibling, digest);
  });
  return digest;
}

export function verifyConsistency(
  h: Hash,
  proof: {
    oldSize: number; newSize: number; oldRoot: Uint8Array; newRoot: Uint8Array; path: Path;
  },
): void {
  const { oldSize, newSize, path } = proof;
  if (oldSize > newSize) throw new Malformed("tree sizes", "old ≤ new", `${oldSize}, ${newSize}`);
  if (oldSize === 0 || oldSize === newSize) {
    requirePath(path, 0);
    requireRoot("old root", oldSize === 0 ? h(new Uint8Array()) : proof.newRoot, proof.oldRoot);
    return;
  }
  const old = BigInt(oldSize);
  const level = BigInt(bitLength(old & -old) - 1);
  const index = (old - 1n) >> level;
  const inner = bitLength(index ^ ((BigInt(newSize) - 1n) >> level));
  const isWhole = old === 1n << level;
  requirePath(path, inner + bitCount(index >> BigInt(inner)) + (isWhole ? 0 : 1));
  const seed = isWhole ? proof.oldRoot : path[0]!;
  let [oldDigest, newDigest] = [seed, seed];
  (isWhole ? path : path.slice(1)).forEach((sibling, step) => {
    if (step < inner && !((index >> BigInt(step)) & 1n)) {
      newDigest = hashNode(h, newDigest, sibling);
    } else {
      oldDigest = hashNode(h, sibling, oldDigest);
      newDigest = hashNode(h, sibling, newDigest);
    }
  });
  requireRoot("old root", oldDigest, proof.oldRoot);
  requireRoot("new root", newDigest, proof.newRoot);
}

export function requireRoot(what: string, actual: Uint8Array, expected: Uint8Array): void {
  if (!equal(actual, expected)) throw new Malformed(what, `root ${toHex(expected)}`, toHex(actual));
}

export function requirePath(path: Path, length: number): void {
  if (path.length !== length) {
    throw new Malformed("path length", `${length} nodes`, `${path.length} nodes`);
  }
  for (const node of path) {
    if (node.length !== DIGEST_BYTES) {
      throw new Malformed("path node", `${DIGEST_BYTES} bytes`, `${node.length} bytes`);
    }
  }
}

export function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(2).length;
}

export function bitCount(value: bigint): number {
  return value.toString(2).replaceAll("0", "").length;
}
