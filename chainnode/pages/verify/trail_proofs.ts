// Proof that a list of rows is the whole list of one index key, or a gapless run of it
// (docs/wire-format.md §10). As chainnode/ledger/trail_proofs.py: `Malformed` for any refusal.

import { BUCKET_BYTES_MAX, type MapProof, verifyMapProof } from "./bucket_map";
import { concat, equal, toHex, uint64 } from "./bytes";
import { Malformed } from "./errors";
import { bitCount, DIGEST_BYTES, type Hash, hashLeaf, hashNode, type Path } from "./merkle";
import {
  decode,
  type Plain,
  plainArray,
  plainBytes,
  plainInteger,
  requireTag,
} from "./messagepack";
import { rootOfRange } from "./ranges";

export const PROOF_BYTES_MAX = 2 * 1024 * 1024;
export const DISCLOSED_ROWS_MAX = 16_384;
const PROOF_LIMITS = { bytes: PROOF_BYTES_MAX, depth: 3, elements: 65_536 };
const TRAIL_LIMITS = { bytes: 2048, depth: 2, elements: 64 };
const POSITION_BYTES = 8;
const ROW_BYTES = POSITION_BYTES + DIGEST_BYTES;
const SIBLINGS_BYTES = 3 * DIGEST_BYTES;
const SIBLINGS_MAX = 12;
const PATH_MAX = 106;
const PEAKS_MAX = 53;
const INDEX_KEY_BYTES_MAX = 64;

interface Trail {
  readonly rows: number;
  readonly chunks: number;
  readonly peaks: Path;
}

interface ChunkProof {
  readonly firstRow: number;
  readonly rows: number;
  readonly start: number;
  readonly disclosed: Uint8Array;
  readonly path: Path;
}

export interface TrailProof {
  readonly indexKey: Uint8Array;
  // The bytes in the map; null: the key is absent.
  readonly encodedTrail: Uint8Array | null;
  readonly trail: Trail;
  readonly mapProof: MapProof;
  readonly firstChunk: number;
  readonly chunks: readonly ChunkProof[];
  readonly path: Path;
}

export interface ProvenRow {
  readonly position: number;
  readonly leaf: Uint8Array;
}

// What a verified proof says: how many rows the key has, and a gapless run from `firstRow` on.
export interface ProvenTrail {
  readonly indexKey: Uint8Array;
  readonly total: number;
  readonly firstRow: number;
  readonly rows: readonly ProvenRow[];
}

export interface Index {
  readonly bits: number;
  readonly root: Uint8Array;
  readonly size: number;
}

export function decodeTrailProof(data: Uint8Array): TrailProof {
  const wire = plainArray(decode(data, PROOF_LIMITS), "trail proof", { size: 14 });
  requireTag(wire, "kun.trailproof");
  const shown = plainArray(wire[3], "trail proof trail", { maximum: 1 });
  const encodedTrail = shown.length ? plainBytes(shown[0], "trail", { maximum: 2048 }) : null;
  const chunks = readChunks(wire);
  const firstChunk = plainInteger(wire[6], "first chunk");
  if (firstChunk && !chunks.length) {
    throw new Malformed("first chunk", "0 without chunks", "another");
  }
  return {
    indexKey: plainBytes(wire[2], "index key", { maximum: INDEX_KEY_BYTES_MAX }),
    encodedTrail,
    trail: encodedTrail === null ? { rows: 0, chunks: 0, peaks: [] } : decodeTrail(encodedTrail),
    mapProof: {
      rows: plainBytes(wire[4], "bucket rows", { maximum: BUCKET_BYTES_MAX }),
      siblings: byteStrings(wire[5], "siblings", SIBLINGS_BYTES, SIBLINGS_MAX),
    },
    firstChunk,
    chunks,
    path: byteStrings(wire[13], "chunk path", DIGEST_BYTES, PATH_MAX),
  };
}

export function verifyTrailProof(h: Hash, index: Index, proof: TrailProof): ProvenTrail {
  const { indexKey, trail, chunks } = proof;
  const claim = { bits: index.bits, root: index.root, key: indexKey, value: proof.encodedTrail };
  verifyMapProof(h, claim, proof.mapProof);
  if (!chunks.length) {
    if (proof.firstChunk || proof.path.length) {
      const actual = `${proof.firstChunk} and ${proof.path.length} nodes`;
      throw new Malformed("proof without chunks", "first chunk 0 and no path", actual);
    }
    return { indexKey, total: trail.rows, firstRow: 0, rows: [] };
  }
  requireBookkeeping(proof);
  const rows = disclosedRows(h, proof);
  requirePositions(rows, index.size);
  const first = chunks[0]!;
  return { indexKey, total: trail.rows, firstRow: first.firstRow + first.start, rows };
}

// Before which ledger time the disclosed rows are all rows from `fromMs` on; null: a row of the
// period may stand before the run.
export function coveredUntilMs(
  proven: Pick<ProvenTrail, "total" | "firstRow">,
  timesMs: readonly number[],
  fromMs: number,
  asOfMs: number,
): number | null {
  const last = timesMs[timesMs.length - 1];
  if (last === undefined) return proven.total ? null : asOfMs;
  if (proven.firstRow && timesMs[0]! >= fromMs) return null;
  const isToEnd = proven.firstRow + timesMs.length === proven.total;
  return isToEnd ? asOfMs : Math.min(asOfMs, last);
}

// Chunks and rows are numbered without a gap and fit into the trail; each chunk has a row at least.
function requireBookkeeping(proof: TrailProof): void {
  const { trail, chunks, firstChunk } = proof;
  const [first, last] = [chunks[0]!, chunks[chunks.length - 1]!];
  const after = trail.chunks - firstChunk - chunks.length;
  if (after < 0) {
    throw new Malformed("chunks", `${trail.chunks}`, `${firstChunk + chunks.length}`);
  }
  if (first.firstRow < firstChunk || (first.firstRow && !firstChunk)) {
    throw new Malformed("first row", `that of chunk ${firstChunk}`, `${first.firstRow}`);
  }
  chunks.slice(1).forEach((right, at) => {
    const left = chunks[at]!;
    const next = left.firstRow + left.rows;
    if (stopOf(left) !== left.rows || right.start || right.firstRow !== next) {
      const actual = `rows to ${left.firstRow + stopOf(left)}, then ${right.firstRow + right.start}`;
      throw new Malformed("run of rows", `row ${next} after the end of a chunk`, actual);
    }
  });
  const end = last.firstRow + last.rows;
  if (end + after > trail.rows || (!after && end !== trail.rows)) {
    throw new Malformed("trail rows", `${trail.rows}`, `${end} and those of ${after} chunks`);
  }
}

function stopOf(chunk: ChunkProof): number {
  return chunk.start + chunk.disclosed.length / ROW_BYTES;
}

// Every row in its chunk and every chunk in the trail.
function disclosedRows(h: Hash, proof: TrailProof): ProvenRow[] {
  const rows: ProvenRow[] = [];
  const chunkLeaves = proof.chunks.map((chunk) => {
    const leaves: Uint8Array[] = [];
    for (let at = 0; at < chunk.disclosed.length; at += ROW_BYTES) {
      const row = chunk.disclosed.subarray(at, at + ROW_BYTES);
      leaves.push(hashLeaf(h, row));
      rows.push({ position: bigEndian(row), leaf: row.subarray(POSITION_BYTES) });
    }
    const { start, path } = chunk;
    const root = rootOfRange(h, { start, leaves, size: chunk.rows, path });
    return hashLeaf(h, concat(uint64(chunk.firstRow), uint64(chunk.rows), root));
  });
  const actual = rootOfRange(h, {
    start: proof.firstChunk,
    leaves: chunkLeaves,
    size: proof.trail.chunks,
    path: proof.path,
  });
  const expected = rootOfPeaks(h, proof.trail.peaks);
  if (!equal(actual, expected)) {
    throw new Malformed("range proof", `root ${toHex(expected)}`, toHex(actual));
  }
  return rows;
}

// The position of a row; above 2^53 it is no longer exact, and then above every index size.
function bigEndian(row: Uint8Array): number {
  const view = new DataView(row.buffer, row.byteOffset);
  return view.getUint32(0) * 2 ** 32 + view.getUint32(4);
}

function requirePositions(rows: readonly ProvenRow[], indexSize: number): void {
  if (rows.some((row, at) => at > 0 && rows[at - 1]!.position >= row.position)) {
    throw new Malformed("positions", "ascending", "another order");
  }
  const last = rows[rows.length - 1]!.position;
  if (last >= indexSize) throw new Malformed("positions", `below index size ${indexSize}`, `${last}`);
}

function rootOfPeaks(h: Hash, peaks: Path): Uint8Array {
  return peaks.slice(0, -1).reduceRight(
    (digest, left) => hashNode(h, left, digest),
    peaks[peaks.length - 1]!,
  );
}

function decodeTrail(data: Uint8Array): Trail {
  const wire = plainArray(decode(data, TRAIL_LIMITS), "trail", { size: 5 });
  requireTag(wire, "kun.trail");
  const trail = {
    rows: plainInteger(wire[2], "trail rows"),
    chunks: plainInteger(wire[3], "trail chunks"),
    peaks: byteStrings(wire[4], "trail peaks", DIGEST_BYTES, PEAKS_MAX),
  };
  if (!(0 < trail.chunks && trail.chunks <= trail.rows)) {
    throw new Malformed("trail chunks", `1 … ${trail.rows}`, `${trail.chunks}`);
  }
  const peaks = bitCount(BigInt(trail.chunks));
  if (trail.peaks.length !== peaks) {
    throw new Malformed("trail peaks", `${peaks}`, `${trail.peaks.length}`);
  }
  return trail;
}

// Cut the run of a proof into the chunks that it says; every one gets a row at least.
function readChunks(wire: readonly Plain[]): ChunkProof[] {
  let firstRow = plainInteger(wire[7], "first row");
  let start = plainInteger(wire[8], "start of the run");
  const run = plainBytes(wire[10], "run", { maximum: DISCLOSED_ROWS_MAX * ROW_BYTES });
  const sizes = readSizes(wire[9], Math.floor(run.length / ROW_BYTES));
  const paths = [wire[11], wire[12]].map((one) =>
    byteStrings(one, "row path", DIGEST_BYTES, PATH_MAX),
  );
  if (!sizes.length && (firstRow || start)) {
    throw new Malformed("run", "row 0 without chunks", `${firstRow} and ${start}`);
  }
  const chunks: ChunkProof[] = [];
  let at = 0;
  sizes.forEach((rows, number) => {
    const stop = Math.min(at + (rows - start) * ROW_BYTES, run.length);
    if (stop <= at) throw new Malformed("run", "a row of every chunk", `${run.length} bytes`);
    const isEnd = number === 0 || number === sizes.length - 1;
    const path = isEnd ? paths.shift()! : [];
    chunks.push({ firstRow, rows, start, disclosed: run.subarray(at, stop), path });
    [at, start, firstRow] = [stop, 0, firstRow + rows];
  });
  if (at !== run.length || run.length % ROW_BYTES || paths.some((path) => path.length)) {
    throw new Malformed(
      "run",
      `rows of ${ROW_BYTES} bytes within the chunks, a path for either end`,
      `${run.length} bytes in ${chunks.length} chunks`,
    );
  }
  return chunks;
}

// The number of rows of every shown chunk, at most `maximum` of them.
function readSizes(value: Plain | undefined, maximum: number): number[] {
  const sizes: number[] = [];
  for (const pair of plainArray(value, "chunk sizes", { maximum })) {
    const numbers = plainArray(pair, "chunk sizes", { size: 2 });
    const [chunks, rows] = numbers.map((one) => plainInteger(one, "chunk sizes")) as [
      number, number,
    ];
    const isLegal = 1 <= chunks && chunks <= maximum - sizes.length && rows > 0;
    if (!isLegal || sizes[sizes.length - 1] === rows) {
      throw new Malformed(
        "chunk sizes",
        `pairs of at least 1, no two alike, at most ${maximum} chunks`,
        `${chunks} chunks of ${rows} rows`,
      );
    }
    for (let count = 0; count < chunks; count++) sizes.push(rows);
  }
  return sizes;
}

function byteStrings(
  value: Plain | undefined,
  what: string,
  size: number,
  maximum: number,
): Uint8Array[] {
  return plainArray(value, what, { maximum }).map((one) => plainBytes(one, what, { size }));
}
