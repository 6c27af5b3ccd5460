// What a compact record proof and a reference prove (docs/wire-format.md §13): a proof, that this
// entry is in the block of this height, which a quorum of the trusted members signed; a reference,
// that the holder of a key asked for this certificate. Neither says anything of what came later.
// The checks of chainnode/verify/compact.py, in their order.

import { equal, toHex } from "./bytes";
import { type CertificateClaim, ISSUE } from "./claims";
import {
  type CallAmongOthers,
  type CompactProof,
  type CompactReference,
  claimIn,
  decodeCompact,
  HEADER_NODES,
  type WithheldRecord,
} from "./compact_form";
import { invalid, Refusal, refusedAs } from "./errors";
import { requireEqual, requireQuorum, requireWithinEpoch, trustedMembers } from "./header";
import { INDEX_KIND, indexKey } from "./index_keys";
import { checkpointContent, encodeEntry, type Entry, quorumOf, requireOneForm } from "./ledger";
import { type Hash, hashLeaf, hashNode, inclusionRoot, type Path } from "./merkle";
import { bodyDigest, encodeSubmissionHeader, keyId } from "./submission";
import type { Trust } from "./trust";

const CONTRACT = { contract: "certificates", contractVersion: 1 } as const;
// `records root` is leaf 1 of the seven of `rest`: its first sibling stands left, no other does.
const REST_SIDES = 1;

export interface CompactFacts {
  readonly kind: "proof";
  readonly entry: Entry;
  // What it put on the chain, if that is shown.
  readonly claim: CertificateClaim | null;
  readonly headerDigest: Uint8Array;
  readonly signers: readonly number[];
  readonly quorum: number;
}

// That the chain accepted the call is not proven; `height` is where the reference says it did.
export interface ReferenceFacts {
  readonly kind: "reference";
  readonly claim: CertificateClaim;
  readonly keyId: Uint8Array;
  readonly submissionDigest: Uint8Array;
  readonly callIndex: number;
  readonly height: number;
}

export type CodeFacts = CompactFacts | ReferenceFacts;

export function verifyCompact(data: Uint8Array, trust: Trust): CodeFacts {
  const compact = decodeCompact(data);
  const mark = trust.chainId[0]! * 256 + trust.chainId[1]!;
  if (compact.chainMark !== mark) {
    const expected = `mark ${shownMark(mark)} of chain ${toHex(trust.chainId)}`;
    throw new Refusal("foreign", "chain", expected, shownMark(compact.chainMark));
  }
  return compact.kind === "proof" ? verifyProof(compact, trust) : verifyReference(compact, trust);
}

function shownMark(mark: number): string {
  return mark.toString(16).padStart(4, "0");
}

function verifyProof(proof: CompactProof, trust: Trust): CompactFacts {
  const { epoch, height, signers } = proof;
  const members = trustedMembers(epoch, trust);
  requireWithinEpoch(epoch, height, trust);
  const quorum = requireSigners(signers, members.length);
  const entry = rebuiltEntry(proof, trust);
  const digest = headerDigest(trust.suite.digest, encodeEntry(entry), proof);
  const pinned = trust.checkpoint;
  if (height === pinned.height && pinned.headerDigest !== null) {
    requireEqual("checkpoint", pinned.headerDigest, digest);
  }
  const signatures = signers.map((one, at) => [one, proof.signatures[at]!] as const);
  const certificate = { epoch, height, headerDigest: digest, signatures };
  const content = checkpointContent(trust.chainId, certificate);
  refusedAs("invalid", "quorum", () =>
    requireQuorum("certificate", signatures, content, members, trust),
  );
  return { kind: "proof", entry, claim: claimIn(proof), headerDigest: digest, signers, quorum };
}

function verifyReference(reference: CompactReference, trust: Trust): ReferenceFacts {
  const h = trust.suite.digest;
  const callsRoot = refusedAs("invalid", "call", () =>
    inclusionRoot(h, {
      leaf: hashLeaf(h, claimedBody(reference.record, h)),
      index: reference.callIndex,
      size: reference.callCount,
      path: reference.path,
    }),
  );
  const { publicKey, nonce, validUntilMs, callCount, callIndex, height } = reference;
  const header = encodeSubmissionHeader({
    chainId: trust.chainId, publicKey, nonce, validUntilMs, ...CONTRACT, callCount, callsRoot,
  });
  if (!trust.suite.verify(publicKey, reference.signature, header)) {
    const expected = "one of the sender over the submission";
    throw invalid("signature", expected, "one that does not verify");
  }
  return {
    kind: "reference",
    claim: reference.record,
    keyId: keyId(h, publicKey),
    submissionDigest: h(header),
    callIndex,
    height,
  };
}

// Exactly a quorum, all of members; how many that is.
function requireSigners(signers: readonly number[], size: number): number {
  const quorum = quorumOf(size);
  const expected = `${quorum} of ${size} members`;
  const last = signers[signers.length - 1];
  if (last !== undefined && last >= size) throw invalid("quorum", expected, `replica ${last}`);
  if (signers.length < quorum) {
    throw new Refusal("no_quorum", "quorum", expected, `${signers.length}`);
  }
  if (signers.length > quorum) throw invalid("quorum", expected, `${signers.length}`);
  return quorum;
}

// The entry as the chain made it.
function rebuiltEntry(proof: CompactProof, trust: Trust): Entry {
  const { record, height, timeMs } = proof;
  const h = trust.suite.digest;
  const known: WithheldRecord = record.kind === 0 ? record : withheld(record, h);
  const { submissionDigest, keyId: id, callIndex } = originOf(proof, known, trust);
  const entry: Entry = {
    height,
    timeMs,
    submissionDigest,
    callIndex,
    organisation: known.organisation,
    keyId: id,
    contract: known.contract,
    contractVersion: known.contractVersion,
    outcome: known.outcome,
    indexKeys: known.indexKeys,
    bodyDigest: known.bodyDigest,
  };
  refusedAs("unreadable", "record", () => requireOneForm(entry));
  return entry;
}

// All that the entry of a certificate's call holds.
function withheld(claim: CertificateClaim, h: Hash): WithheldRecord {
  const { issuer, identifier } = claim;
  return {
    kind: 0,
    organisation: issuer,
    ...CONTRACT,
    outcome: claim.kind,
    indexKeys: [
      indexKey(h, INDEX_KIND.provider, issuer),
      indexKey(h, INDEX_KIND.certificate, identifier),
    ],
    bodyDigest: claimedBody(claim, h),
  };
}

function claimedBody(claim: CertificateClaim, h: Hash): Uint8Array {
  const empty = hashLeaf(h, new Uint8Array());
  const closed = claim.privateDigest;
  if (closed !== null && equal(closed, empty)) {
    throw invalid("private", "nothing for an empty part", "its digest");
  }
  const action = claim.kind === ISSUE ? "issue" : "import";
  return bodyDigest(h, action, hashLeaf(h, claim.public), closed ?? empty);
}

function originOf(
  { origin, timeMs }: CompactProof,
  record: WithheldRecord,
  trust: Trust,
): Omit<CallAmongOthers, "kind"> {
  if (origin.kind === "among") return origin;
  const h = trust.suite.digest;
  const header = encodeSubmissionHeader({
    chainId: trust.chainId,
    publicKey: origin.publicKey,
    nonce: origin.nonce,
    validUntilMs: timeMs + origin.validityMs,
    contract: record.contract,
    contractVersion: record.contractVersion,
    callCount: 1,
    callsRoot: hashLeaf(h, record.bodyDigest),
  });
  return { submissionDigest: h(header), keyId: keyId(h, origin.publicKey), callIndex: 0 };
}

// The way from the entry up: its block, the roots of the header, the header.
function headerDigest(h: Hash, entry: Uint8Array, { path, sides }: CompactProof): Uint8Array {
  const top = path.length - HEADER_NODES;
  const records = climbed(h, hashLeaf(h, entry), sides, path.slice(0, top));
  const rest = climbed(h, hashLeaf(h, records), REST_SIDES, path.slice(top, -1));
  return hashNode(h, path[path.length - 1]!, rest);
}

function climbed(h: Hash, start: Uint8Array, sides: number, siblings: Path): Uint8Array {
  return siblings.reduce((digest, sibling, level) => {
    const isLeft = Math.floor(sides / 2 ** level) % 2;
    return isLeft ? hashNode(h, sibling, digest) : hashNode(h, digest, sibling);
  }, start);
}
