// What the ledger keeps, read from hostile bytes: heads, headers, log entries, receipts, members
// (docs/wire-format.md §6 and §7). Decoders refuse all but the one encoding of a legal value.

import { compare, concat } from "./bytes";
import { Malformed } from "./errors";
import { DIGEST_BYTES, type Hash, hashLeaf, merkleRoot } from "./merkle";
import {
  decode,
  encode,
  type Plain,
  plainArray,
  plainBytes,
  plainInteger,
  plainText,
  requireTag,
} from "./messagepack";

export const SIGNATURE_BYTES = 64;
export const MEMBERS_MAX = 64;
export const KEY_ID_BYTES = 20;
export const NAME_CHARACTERS_MAX = 32;
export const CALLS_MAX = 4096;
const OWN_RECORDS_MAX = 65_536;
const NODE = Uint8Array.of(1);

export interface Head {
  readonly chainId: Uint8Array;
  readonly epoch: number;
  readonly height: number;
  readonly timeMs: number;
  readonly logSize: number;
  readonly indexSize: number;
  readonly indexRules: number;
}

// `rest` holds the seven roots in their order; `REST` names them.
export interface Header {
  readonly encodedHead: Uint8Array;
  readonly head: Head;
  readonly rest: readonly Uint8Array[];
}

export const REST = {
  logRoot: 0, recordsRoot: 1, indexRoot: 2, stateRoot: 3, receiptsRoot: 4,
  membersDigest: 5, nextMembersDigest: 6,
} as const;

export interface Certificate {
  readonly epoch: number;
  readonly height: number;
  readonly headerDigest: Uint8Array;
  readonly signatures: readonly (readonly [number, Uint8Array])[];
}

export interface Member {
  readonly replicaId: number;
  readonly organisation: string;
  readonly voteKey: Uint8Array;
}

export interface Entry {
  readonly height: number;
  readonly timeMs: number;
  readonly submissionDigest: Uint8Array;
  readonly callIndex: number;
  readonly organisation: string;
  readonly keyId: Uint8Array;
  readonly contract: string;
  readonly contractVersion: number;
  readonly outcome: number;
  readonly indexKeys: readonly Uint8Array[];
  readonly bodyDigest: Uint8Array;
}

export interface Receipt {
  readonly submissionDigest: Uint8Array;
  readonly code: number;
  readonly firstPosition: number;
  readonly calls: readonly { readonly code: number; readonly details: readonly number[] }[];
}

export function headerFromParts(encodedHead: Uint8Array, rest: readonly Uint8Array[]): Header {
  return { encodedHead, head: decodeHead(encodedHead), rest };
}

// H(0x01 ‖ H(0x00 ‖ head) ‖ root over rest).
export function headerDigest(h: Hash, header: Header): Uint8Array {
  return h(concat(NODE, hashLeaf(h, header.encodedHead), merkleRoot(h, header.rest)));
}

function decodeHead(data: Uint8Array): Head {
  const limits = { bytes: 512, depth: 1, elements: 16 };
  const wire = plainArray(decode(data, limits), "head", { size: 11 });
  requireTag(wire, "kun.head");
  const head = {
    chainId: digestAt(wire, 2, "chain id"),
    epoch: plainInteger(wire[3], "epoch"),
    height: plainInteger(wire[4], "height"),
    timeMs: plainInteger(wire[5], "header time"),
    logSize: plainInteger(wire[8], "log size"),
    indexSize: plainInteger(wire[9], "index size"),
    indexRules: plainInteger(wire[10], "index rules"),
  };
  digestAt(wire, 6, "parent digest");
  digestAt(wire, 7, "batch digest");
  return head;
}

export function decodeEntry(data: Uint8Array): Entry {
  const limits = { bytes: 2048, depth: 2, elements: 32 };
  const wire = plainArray(decode(data, limits), "entry", { size: 13 });
  requireTag(wire, "kun.entry");
  const entry = {
    height: plainInteger(wire[2], "entry height"),
    timeMs: plainInteger(wire[3], "entry time"),
    submissionDigest: digestAt(wire, 4, "submission digest"),
    callIndex: plainInteger(wire[5], "call index", OWN_RECORDS_MAX - 1),
    organisation: plainText(wire[6], "organisation id", NAME_CHARACTERS_MAX),
    keyId: plainBytes(wire[7], "key id", { size: KEY_ID_BYTES }),
    contract: plainText(wire[8], "contract", NAME_CHARACTERS_MAX),
    contractVersion: plainInteger(wire[9], "contract version"),
    outcome: plainInteger(wire[10], "outcome"),
    indexKeys: plainIndexKeys(wire[11]),
    bodyDigest: digestAt(wire, 12, "body digest"),
  };
  requireOneForm(entry);
  return entry;
}

// The rules of the chain made it: nobody sent or signed it.
export function isLedgersOwn(entry: Entry): boolean {
  return entry.submissionDigest.every((byte) => byte === 0);
}

// Refuse what is half a sender's record and half one of the ledger itself.
export function requireOneForm(entry: Entry): void {
  const isOwn = isLedgersOwn(entry);
  const isNobodys = entry.keyId.every((byte) => byte === 0);
  if ((entry.organisation === "") !== isOwn || isNobodys !== isOwn) {
    throw new Malformed("entry", "a sender's record or the ledger's own", "parts of both");
  }
  if (!isOwn && entry.callIndex >= CALLS_MAX) {
    throw new Malformed("call index", `below ${CALLS_MAX}`, `${entry.callIndex}`);
  }
}

export function encodeEntry(entry: Entry): Uint8Array {
  return encode([
    "kun.entry", 1, entry.height, entry.timeMs, entry.submissionDigest, entry.callIndex,
    entry.organisation, entry.keyId, entry.contract, entry.contractVersion, entry.outcome,
    [...entry.indexKeys], entry.bodyDigest,
  ]);
}

export function plainIndexKeys(value: Plain | undefined): Uint8Array[] {
  const keys = plainArray(value, "index keys", { maximum: 12 }).map((key) =>
    plainBytes(key, "index key", { maximum: 64 }),
  );
  if (keys.some((key, at) => at > 0 && compare(keys[at - 1]!, key) >= 0)) {
    throw new Malformed("index keys", "ascending and distinct", "another order");
  }
  return keys;
}

export function decodeReceipt(data: Uint8Array): Receipt {
  const limits = { bytes: 1024 * 1024, depth: 4, elements: 131_072 };
  const wire = plainArray(decode(data, limits), "receipt", { size: 6 });
  requireTag(wire, "kun.receipt");
  const receipt = {
    submissionDigest: digestAt(wire, 2, "submission digest"),
    code: plainInteger(wire[3], "receipt code"),
    firstPosition: plainInteger(wire[4], "first position"),
    calls: plainArray(wire[5], "receipt calls", { maximum: CALLS_MAX }).map(callReceipt),
  };
  if (receipt.code !== 0 && (receipt.calls.length || receipt.firstPosition)) {
    const actual = `${receipt.calls.length} calls and ${receipt.firstPosition}`;
    throw new Malformed("refused receipt", "no calls and first position 0", actual);
  }
  return receipt;
}

function callReceipt(value: Plain): { code: number; details: number[] } {
  const call = plainArray(value, "call receipt", { size: 2 });
  return {
    code: plainInteger(call[0], "call code"),
    details: plainArray(call[1], "call details", { maximum: 16 }).map((one) =>
      plainInteger(one, "call detail"),
    ),
  };
}

function digestAt(wire: readonly Plain[], at: number, what: string): Uint8Array {
  return plainBytes(wire[at], what, { size: DIGEST_BYTES });
}

export function membersDigest(h: Hash, epoch: number, members: readonly Member[]): Uint8Array {
  const rows = members.map((one): Plain => [one.replicaId, one.organisation, one.voteKey]);
  return h(encode(["kun.members", 1, epoch, rows]));
}

// The bytes that a replica's checkpoint signs.
export function checkpointContent(chainId: Uint8Array, certificate: Certificate): Uint8Array {
  const { epoch, height } = certificate;
  return encode(["kun.checkpoint", 1, chainId, epoch, height, certificate.headerDigest]);
}

// How many of `size` members make a block final: ⌈(n + f + 1) / 2⌉, f = ⌊(n − 1) / 3⌋.
export function quorumOf(size: number): number {
  return Math.floor((size + Math.floor((size - 1) / 3)) / 2) + 1;
}
