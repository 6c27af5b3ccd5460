// Runs of neighbouring leaves in RFC 9162 trees: the root that they and their range path give
// (docs/wire-format.md §10). Nothing lies between the leaves of a run that verifies.

import { Malformed } from "./errors";
import { bitCount, bitLength, type Hash, hashNode, type Path, requirePath } from "./merkle";

export interface Run {
  readonly start: number;
  // Hashed already.
  readonly leaves: Path;
  readonly size: number;
  readonly path: Path;
}

export function rootOfRange(h: Hash, run: Run): Uint8Array {
  const { start, size, path } = run;
  const stop = start + run.leaves.length;
  if (!(start < stop && stop <= size)) {
    throw new Malformed("leaf range", "0 ≤ start < stop ≤ size", `${start} … ${stop} of ${size}`);
  }
  const cut = bitCount(BigInt(start));
  requirePath(path, cut + leftTurns(stop, size));
  const [left, right] = [path.slice(0, cut), path.slice(cut).reverse()];
  let [row, first, final] = [[...run.leaves], start, size - 1];
  while (final > 0) {
    if (first % 2) {
      row.unshift(left.pop()!);
      first -= 1;
    }
    if (row.length % 2 && first + row.length <= final) row.push(right.pop()!);
    const above: Uint8Array[] = [];
    for (let at = 0; at + 1 < row.length; at += 2) {
      above.push(hashNode(h, row[at]!, row[at + 1]!));
    }
    // The last node of a level without a sibling moves up as it is.
    if (row.length % 2) above.push(row[row.length - 1]!);
    row = above;
    first = Math.floor(first / 2);
    final = Math.floor(final / 2);
  }
  return row[0]!;
}

// On how many levels the way to leaf `stop − 1` turns left, below where it leaves the way of the last.
function leftTurns(stop: number, size: number): number {
  const last = BigInt(stop) - 1n;
  const inner = bitLength(last ^ (BigInt(size) - 1n));
  return inner - bitCount(last & ((1n << BigInt(inner)) - 1n));
}
