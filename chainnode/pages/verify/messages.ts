// Consensus messages as they stand on the wire (docs/wire-format.md §8): who signed what, and for
// which slot. Shapes only, as consensus/decoding.py; what a signature covers is never a batch.

import { Malformed } from "./errors";
import { encode, type Plain } from "./messagepack";

export interface SignedMessage {
  readonly epoch: number;
  readonly sender: number;
  readonly signature: Uint8Array;
  // Kind and epoch, then view and sequence, or height, or view alone; null: promises nothing.
  readonly slot: readonly (string | number)[] | null;
  content(chainId: Uint8Array): Uint8Array;
}

type Reader = (value: Plain | undefined) => void;
type Fields = readonly Reader[];

const integer: Reader = (value) => {
  if (typeof value !== "number") throw shape("an integer 0 … 2^53 − 1");
};
const bytes = (size: number): Reader => (value) => {
  if (!(value instanceof Uint8Array) || value.length !== size) throw shape(`${size} bytes`);
};
const digest = bytes(32);
const signature = bytes(64);
const nonce = bytes(32);
const noBatch: Reader = (value) => {
  if (!Array.isArray(value) || value.length) throw shape("no batch");
};
const listOf = (element: Reader): Reader => (value) => {
  if (!Array.isArray(value)) throw shape("an array");
  value.forEach(element);
};
const arrayOf = (fields: Fields): Reader => (value) => {
  if (!Array.isArray(value) || value.length !== fields.length) {
    throw shape(`an array of ${fields.length}`);
  }
  fields.forEach((field, at) => field(value[at]));
};
const messageOf = (kinds: readonly number[]): Reader => (value) => {
  const kind = kindOf(value);
  if (!kinds.includes(kind)) throw shape(`a message of kind ${kinds.join(", ")}`);
  arrayOf(KINDS.get(kind)!.fields)(value);
};

const signers = listOf(arrayOf([integer, signature]));
const certificate = arrayOf([integer, integer, digest, signers]);
const prepared = arrayOf([integer, integer, integer, digest, signature, signers]);
const voteFields = [integer, integer, integer, integer, digest, integer, signature];

interface Kind {
  readonly name: string;
  readonly fields: Fields;
  // Where the slot's numbers stand, after the epoch; null: no slot.
  readonly slot: readonly number[] | null;
  // Where sender and signature stand.
  readonly sender: number;
  readonly signature: number;
  // The signed fields are those from 1 up to here.
  readonly signedEnd: number;
}

const KINDS: ReadonlyMap<number, Kind> = new Map([
  [1, kind("preprepare", [...voteFields, noBatch], [2, 3], 5, 6)],
  [2, kind("prepare", voteFields, [2, 3], 5, 6)],
  [3, kind("commit", voteFields, [2, 3], 5, 6)],
  [4, {
    ...kind("checkpoint", [integer, integer, integer, digest, integer, signature], [2], 4, 5),
    signedEnd: 4,
  }],
  [5, kind(
    "viewchange",
    [integer, integer, integer, certificate, listOf(prepared), integer, signature],
    [2], 5, 6,
  )],
  [6, kind(
    "newview",
    [
      integer, integer, integer, listOf((value) => messageOf([5])(value)),
      listOf((value) => messageOf([1])(value)), integer, signature,
    ],
    [2], 5, 6,
  )],
  [7, kind("status", [...Array<Reader>(8).fill(integer), signature], null, 7, 8)],
  [10, kind("recall", [integer, integer, nonce, integer, signature], null, 3, 4)],
  [11, kind(
    "recollection",
    [
      integer, integer, integer, nonce, certificate,
      listOf((value) => messageOf([1, 2, 3, 4, 5, 6])(value)), integer, signature,
    ],
    null, 6, 7,
  )],
]);

function kind(
  name: string,
  fields: Fields,
  slot: readonly number[] | null,
  sender: number,
  signatureAt: number,
): Kind {
  return { name, fields, slot, sender, signature: signatureAt, signedEnd: signatureAt };
}

export function readMessage(value: Plain): SignedMessage {
  const found = KINDS.get(kindOf(value));
  if (found === undefined) throw shape("message kind 1 … 7, 10, 11");
  arrayOf(found.fields)(value);
  const wire = value as Plain[];
  const epoch = wire[1] as number;
  return {
    epoch,
    sender: wire[found.sender] as number,
    signature: wire[found.signature] as Uint8Array,
    slot: found.slot && [found.name, epoch, ...found.slot.map((at) => wire[at] as number)],
    content: (chainId) =>
      encode([`kun.${found.name}`, 1, chainId, ...wire.slice(1, found.signedEnd)]),
  };
}

function kindOf(value: Plain | undefined): number {
  if (!Array.isArray(value) || typeof value[0] !== "number") throw shape("an array with a kind");
  return value[0];
}

function shape(expected: string): Malformed {
  return new Malformed("message", expected, "another shape");
}
