// A header that a quorum signed: the ground on which every other proof stands, checked in the
// order of chainnode/verify/header.py, so that both name the same check. Epochs stand in epochs.ts.

import { concat, equal, toHex } from "./bytes";
import { invalid, Malformed, Refusal, refusedAs } from "./errors";
import {
  type Certificate,
  checkpointContent,
  type Header,
  headerDigest,
  headerFromParts,
  type Member,
  MEMBERS_MAX,
  membersDigest,
  quorumOf,
  REST,
  SIGNATURE_BYTES,
} from "./ledger";
import { asArray, asBase64, asFields, asHex, asInteger, type JsonValue } from "./strict_json";
import type { Trust } from "./trust";

const ROOTS = 7;

export interface CertifiedHeader {
  readonly header: Header;
  readonly digest: Uint8Array;
  // Replica ids, ascending.
  readonly signers: readonly number[];
  readonly quorum: number;
  readonly members: readonly Member[];
  // Knows the members of its epoch, and what led there.
  readonly trust: Trust;
}

export function verifyHeader(
  header: JsonValue,
  certificate: JsonValue,
  trust: Trust,
  isPinned = true,
): CertifiedHeader {
  const shown = readHeader(header);
  const signed = readCertificate(certificate);
  const digest = headerDigest(trust.suite.digest, shown);
  requireEqual("chain", trust.chainId, shown.head.chainId);
  requireEqual("header", digest, signed.headerDigest);
  const members = membersOf(shown, trust);
  requireWithinEpoch(shown.head.epoch, shown.head.height, trust);
  if (isPinned) requireCheckpoint(shown, digest, trust);
  const quorum = quorumOf(members.length);
  if (signed.signatures.length < quorum) {
    throw new Refusal(
      "no_quorum",
      "quorum",
      `${quorum} signatures of ${members.length} members`,
      `${signed.signatures.length}`,
    );
  }
  refusedAs("invalid", "quorum", () => requireCertificate(shown, signed, members, trust));
  const signers = signed.signatures.map(([replica]) => replica);
  return { header: shown, digest, signers, quorum, members, trust };
}

export function requireEqual(check: string, expected: Uint8Array, actual: Uint8Array): void {
  if (!equal(expected, actual)) throw invalid(check, toHex(expected), toHex(actual));
}

export function readHeader(value: JsonValue): Header {
  const fields = asFields(value, "header", ["head", "rest"]);
  const head = asBase64(fields.head, "head", { max: 512 });
  const roots = asArray(fields.rest, "rest", { max: ROOTS, size: ROOTS });
  const rest = roots.map((one) => asHex(one, "root", 32));
  return refusedAs("unreadable", "head", () => headerFromParts(head, rest));
}

export function readCertificate(value: JsonValue): Certificate {
  const names = ["epoch", "height", "header_digest", "signatures"] as const;
  const fields = asFields(value, "certificate", names);
  return {
    epoch: asInteger(fields.epoch, "epoch"),
    height: asInteger(fields.height, "height"),
    headerDigest: asHex(fields.header_digest, "header_digest", 32),
    signatures: readSignatures(fields.signatures),
  };
}

export type Signatures = Certificate["signatures"];

// Order and membership are for whoever verifies.
export function readSignatures(value: JsonValue): Signatures {
  const rows = asArray(value, "signatures", { max: MEMBERS_MAX });
  const pairs = rows.map((row) => asArray(row, "signature", { max: 2, size: 2 }));
  return pairs.map(([replica, signature]) => [
    asInteger(replica!, "replica id"),
    asBase64(signature!, "signature", { max: SIGNATURE_BYTES, size: SIGNATURE_BYTES }),
  ]);
}

// Refuse a block before its epoch began, or after it ended as far as that is known.
export function requireWithinEpoch(epoch: number, height: number, trust: Trust): void {
  const [before, last] = [trust.ends.get(epoch - 1), trust.ends.get(epoch)];
  if ((before !== undefined && height <= before) || (last !== undefined && height > last)) {
    const begun = before === undefined ? "the beginning" : `height ${before}`;
    const ended = last === undefined ? "" : `, at most ${last}`;
    throw invalid("epoch", `a height after ${begun}${ended} in epoch ${epoch}`, `${height}`);
  }
}

function membersOf(header: Header, trust: Trust): readonly Member[] {
  const { epoch } = header.head;
  const members = trustedMembers(epoch, trust);
  const expected = membersDigest(trust.suite.digest, epoch, members);
  requireEqual("members", expected, header.rest[REST.membersDigest]!);
  return members;
}

// The members of an epoch that the trust names.
export function trustedMembers(epoch: number, trust: Trust): readonly Member[] {
  const members = trust.epochs.get(epoch);
  if (members === undefined) {
    const known = [...trust.epochs.keys()].sort((left, right) => left - right).join(", ");
    throw new Refusal("unknown_epoch", "epoch", `epoch ${known}`, `${epoch}`);
  }
  return members;
}

function requireCheckpoint(header: Header, digest: Uint8Array, trust: Trust): void {
  const pinned = trust.checkpoint;
  const { height } = header.head;
  if (height < pinned.height) {
    throw new Refusal(
      "older_than_pinned",
      "checkpoint",
      `height ${pinned.height} or above, which is pinned`,
      `${height}`,
    );
  }
  if (height === pinned.height && pinned.headerDigest !== null) {
    requireEqual("checkpoint", pinned.headerDigest, digest);
  }
}

// What a certificate needs to stand for this header; raises `Malformed`.
export function requireCertificate(
  header: Header,
  signed: Certificate,
  members: readonly Member[],
  trust: Trust,
): void {
  const { epoch, height, chainId } = header.head;
  requireSame("chain id", toHex(trust.chainId), toHex(chainId));
  requireSame("certificate epoch", `${epoch}`, `${signed.epoch}`);
  requireSame("certificate height", `${height}`, `${signed.height}`);
  const digest = toHex(headerDigest(trust.suite.digest, header));
  requireSame("certified header digest", digest, toHex(signed.headerDigest));
  const content = checkpointContent(trust.chainId, signed);
  requireQuorum("certificate", signed.signatures, content, members, trust);
}

// A quorum of `members` signed `content`, and all who are named did: nobody is named in vain.
export function requireQuorum(
  what: string,
  signatures: Signatures,
  content: Uint8Array,
  members: readonly Member[],
  trust: Trust,
): void {
  const signers = signatures.map(([replica]) => replica);
  const shown = `[${signers.join(", ")}]`;
  if (signers.some((one, at) => at > 0 && signers[at - 1]! >= one)) {
    throw new Malformed(`${what} signers`, "ascending, distinct", shown);
  }
  if (signers.some((one) => one >= members.length)) {
    throw new Malformed(`${what} signers`, "members of the epoch", shown);
  }
  const quorum = quorumOf(members.length);
  if (signers.length < quorum) {
    throw new Malformed(`${what} signers`, `at least ${quorum}`, `${signers.length}`);
  }
  for (const [replica, signature] of signatures) {
    if (!isGenuine(trust, members[replica]!.voteKey, signature, content)) {
      const expected = `one of replica ${replica} over this ${what}`;
      throw new Malformed(`${what} signature`, expected, "one that does not verify");
    }
  }
}

export function requireSame(what: string, expected: string, actual: string): void {
  if (expected !== actual) throw new Malformed(what, expected, actual);
}

// Trails and pages repeat a header; each signature is worth some milliseconds.
const GENUINE = new Set<string>();
const GENUINE_MAX = 4096;

function isGenuine(
  trust: Trust,
  key: Uint8Array,
  signature: Uint8Array,
  content: Uint8Array,
): boolean {
  const name = trust.suite.name + toHex(trust.suite.digest(concat(key, signature, content)));
  if (GENUINE.has(name)) return true;
  if (!trust.suite.verify(key, signature, content)) return false;
  if (GENUINE.size >= GENUINE_MAX) GENUINE.clear();
  GENUINE.add(name);
  return true;
}
