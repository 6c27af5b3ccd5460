// `.kunproof`: one file with a question, its whole answer, the proofs, and who exported it
// (docs/wire-format.md §12). Everything but the signatures is made again from the proofs and
// compared. The checks of chainnode/verify/export.py, in their order.

import { type AnswerFacts, joinPages } from "./answer";
import {
  MANIFEST,
  type Members,
  PAGE,
  PROOFS,
  QUESTION,
  readArchive,
  ROWS,
  SIGNATURES,
} from "./archive";
import { equal, toBase64, toHex } from "./bytes";
import { invalid, unreadable } from "./errors";
import { requireChain } from "./evidence";
import { type Member, SIGNATURE_BYTES } from "./ledger";
import { encode } from "./messagepack";
import { type AskedQuestion, questionKeys, readQuestion } from "./question";
import { verifyFirstVersion } from "./record";
import { canonicalLine, rowLines } from "./rows";
import {
  asArray,
  asBase64,
  asConstant,
  asFields,
  asHex,
  asInteger,
  asText,
  type JsonValue,
  readObject,
} from "./strict_json";
import { keyId } from "./submission";
import { verifyTrail } from "./trail";
import type { Trust } from "./trust";

const MANIFEST_BYTES_MAX = 1024 * 1024;
const NAME_CHARACTERS_MAX = 80;
const KEY_BYTES_MAX = 64;
const AUDITOR = 0;
const NODE = 1;

export interface ExportFacts {
  readonly kind: "export";
  readonly question: AskedQuestion;
  readonly answer: AnswerFacts;
  // The member whose node signed it too; null without one.
  readonly node: Member | null;
  readonly hasPage: boolean;
}

export function verifyExport(data: Uint8Array, trust: Trust): ExportFacts {
  const members = readArchive(data);
  const missing = [MANIFEST, ROWS, SIGNATURES, QUESTION].find((name) => !members.has(name));
  if (missing !== undefined) throw unreadable("members", missing, "none");
  const manifest = members.get(MANIFEST)!;
  const digests = requireListed(manifest, members, trust);
  const record = verifyFirstVersion(readObject(members.get(QUESTION)!), trust);
  const question = readQuestion(record);
  const answer = readAnswer(members, question, trust);
  const { height } = answer.header.header.head;
  if (height < record.entry.height) {
    const expected = `height ${record.entry.height}, where the question stands, or above`;
    throw invalid("as_of_height", expected, `${height}`);
  }
  if (!equal(manifest, manifestOf(question, answer, members, digests, trust))) {
    throw invalid("manifest", "what the proofs prove", "another claim");
  }
  if (!equal(members.get(ROWS)!, rowLines(answer.rows))) {
    throw invalid("rows", "the records that are proven", "other lines");
  }
  const node = requireSignatures(members.get(SIGNATURES)!, manifest, question, answer, trust);
  return { kind: "export", question, answer, node, hasPage: members.has(PAGE) };
}

// Form, chain, and every other member with its digest; what else a manifest says is compared with
// what is proven.
function requireListed(manifest: Uint8Array, members: Members, trust: Trust): Members {
  const fields = asFields(readObject(manifest, MANIFEST_BYTES_MAX), "manifest", [
    "format", "version", "chain_id", "suite", "question", "as_of_height", "complete_to_ms", "rows",
    "members",
  ]);
  asConstant(fields.format, "format", "kunlian-export");
  asConstant(fields.version, "version", 1);
  requireChain(fields.chain_id, trust);
  asConstant(fields.suite, "suite", trust.suite.name);
  const listed = new Map<string, Uint8Array>();
  for (const one of asArray(fields.members, "members", { max: members.size })) {
    const { name, digest, size } = asFields(one, "member", ["name", "digest", "size"]);
    asInteger(size, "size");
    listed.set(asText(name, "name", NAME_CHARACTERS_MAX), asHex(digest, "digest", 32));
  }
  const digests = new Map<string, Uint8Array>();
  for (const [name, data] of members) {
    if (name === MANIFEST || name === SIGNATURES) continue;
    const digest = trust.suite.digest(data);
    if (!equal(listed.get(name) ?? new Uint8Array(), digest)) {
      throw invalid("members", `${name} as the manifest lists it`, "another");
    }
    digests.set(name, digest);
  }
  return digests;
}

function readAnswer(members: Members, question: AskedQuestion, trust: Trust): AnswerFacts {
  const pages = [...members]
    .filter(([name]) => name.startsWith(PROOFS) && name !== QUESTION)
    .map(([, data]) => verifyTrail(readObject(data), trust));
  if (!pages.length) throw unreadable("members", "proofs of the answer", "none");
  const keys = questionKeys(trust.suite.digest, question);
  return joinPages(pages, keys, question.fromMs, question.toMs);
}

// The manifest of an export with these members, in its one form.
function manifestOf(
  question: AskedQuestion,
  answer: AnswerFacts,
  members: Members,
  digests: Members,
  trust: Trust,
): Uint8Array {
  return canonicalLine({
    format: "kunlian-export",
    version: 1,
    chain_id: toHex(trust.chainId),
    suite: trust.suite.name,
    question: {
      digest: toHex(question.record.entry.submissionDigest),
      kind: question.kind,
      values: question.values.map(toBase64),
      from_ms: question.fromMs,
      to_ms: question.toMs,
    },
    as_of_height: answer.header.header.head.height,
    complete_to_ms: answer.completeToMs,
    rows: answer.rows.length,
    members: [...digests].map(([name, digest]) => ({
      name,
      digest: toHex(digest),
      size: members.get(name)!.length,
    })),
  });
}

// Who asked the question signed the manifest, and the member that is named, if one is.
function requireSignatures(
  data: Uint8Array,
  manifest: Uint8Array,
  question: AskedQuestion,
  answer: AnswerFacts,
  trust: Trust,
): Member | null {
  const fields = asFields(readObject(data), "signatures", ["auditor", "node"]);
  const auditor = asFields(fields.auditor, "auditor", ["public_key", "signature"]);
  const publicKey = asBase64(auditor.public_key, "public_key", { max: KEY_BYTES_MAX });
  const signature = readSignature(auditor.signature);
  if (!equal(keyId(trust.suite.digest, publicKey), question.record.entry.keyId)) {
    throw invalid("auditor", "the key that asked the question", "another key");
  }
  requireSignature("auditor", AUDITOR, publicKey, signature, manifest, trust);
  if (fields.node === null) return null;
  const node = asFields(fields.node, "node", ["epoch", "replica_id", "signature"]);
  const [epoch, id] = [asInteger(node.epoch, "epoch"), asInteger(node.replica_id, "replica_id")];
  const member = answer.header.trust.epochs.get(epoch)?.find((one) => one.replicaId === id);
  if (member === undefined) {
    const expected = "a member of an epoch that the proofs lead to";
    throw invalid("node", expected, `replica ${id} of epoch ${epoch}`);
  }
  const nodeSignature = readSignature(node.signature);
  requireSignature("node", NODE, member.voteKey, nodeSignature, manifest, trust);
  return member;
}

function readSignature(value: JsonValue): Uint8Array {
  return asBase64(value, "signature", { max: SIGNATURE_BYTES, size: SIGNATURE_BYTES });
}

function requireSignature(
  check: string,
  signer: number,
  publicKey: Uint8Array,
  signature: Uint8Array,
  manifest: Uint8Array,
  trust: Trust,
): void {
  const digest = trust.suite.digest(manifest);
  const content = encode(["kun.export", 1, trust.chainId, signer, digest]);
  if (!trust.suite.verify(publicKey, signature, content)) {
    throw invalid(check, "a signature over the manifest", "one that does not verify");
  }
}
