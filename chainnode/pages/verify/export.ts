// `.kunproof`: one file with questions, their whole answers, the proofs, and who exported it
// (docs/wire-format.md §12). Everything but the signatures, and what is marked as signed or attested
// alone, is made again from the proofs and compared. The checks of chainnode/verify/export.py, in
// their order.

import { type AnswerFacts, joinAnswers, joinPages } from "./answer";
import {
  CSV,
  MANIFEST,
  type Members,
  PAGE,
  readArchive,
  ROWS,
  SIGNATURES,
} from "./archive";
import { equal, toHex } from "./bytes";
import { csvRows } from "./csv_rows";
import { invalid, unreadable } from "./errors";
import {
  type AnsweredQuestion,
  type Manifest,
  manifestOf,
  type ProofNames,
  proofNames,
  readAttested,
  readManifest,
  requireListed,
  SIGNED_ALONE,
} from "./export_forms";
import { type Member, SIGNATURE_BYTES } from "./ledger";
import { encode } from "./messagepack";
import { type AskedQuestion, questionKeys, readQuestion } from "./question";
import { verifyFirstVersion } from "./record";
import { rowLines } from "./rows";
import { asBase64, asFields, asInteger, type JsonValue, readObject } from "./strict_json";
import { keyId } from "./submission";
import { verifyTrail } from "./trail";
import type { Trust } from "./trust";

const KEY_BYTES_MAX = 64;
const AUDITOR = 0;
const NODE = 1;

export interface ExportFacts {
  readonly kind: "export";
  readonly version: number;
  // The first of them: asker, kind and period are the same in all.
  readonly question: AskedQuestion;
  readonly questions: readonly AnsweredQuestion[];
  // That of all questions together.
  readonly answer: AnswerFacts;
  // The member whose node signed it too; null without one.
  readonly node: Member | null;
  readonly hasPage: boolean;
  readonly hasCsv: boolean;
  // Names of renderings for which the signatures stand and no proof.
  readonly signedAlone: readonly string[];
}

export function verifyExport(data: Uint8Array, trust: Trust): ExportFacts {
  const members = readArchive(data);
  const written = members.get(MANIFEST);
  if (written === undefined) throw unreadable("members", MANIFEST, "none");
  const manifest = readManifest(written, trust);
  const { version } = manifest;
  const proofs = proofNames(members, version);
  const digests = requireListed(manifest.members, members, trust);
  const questions = provenQuestions(members, manifest, proofs, trust);
  const answer = joinAnswers(questions.map((one) => one.answer));
  if (!equal(written, manifestOf(version, questions, answer, members, digests, trust))) {
    throw invalid("manifest", "what the proofs prove", "another claim");
  }
  if (!equal(members.get(ROWS)!, rowLines(answer.rows))) {
    throw invalid("rows", "the records that are proven", "other lines");
  }
  const csv = members.get(CSV);
  if (csv !== undefined && !equal(csv, csvRows(answer.rows))) {
    throw invalid("csv", "the records that are proven, guarded", "another table");
  }
  const node = requireSignatures(members.get(SIGNATURES)!, written, questions, trust);
  return {
    kind: "export",
    version,
    question: questions[0]!.question,
    questions,
    answer,
    node,
    hasPage: members.has(PAGE),
    hasCsv: csv !== undefined,
    signedAlone: SIGNED_ALONE.filter((name) => members.has(name)),
  };
}

// The proofs of every question that the manifest names, in its order.
function provenQuestions(
  members: Members,
  { attested }: Manifest,
  proofs: readonly ProofNames[],
  trust: Trust,
): AnsweredQuestion[] {
  if (attested.length !== proofs.length) {
    const expected = `${proofs.length} questions, as there are proofs of`;
    throw invalid("manifest", expected, `${attested.length}`);
  }
  const questions = proofs.map((names, at) => {
    const { question, answer } = provenQuestion(members, names, trust);
    return { question, answer, attested: readAttested(attested[at]!, question) };
  });
  const [first] = questions.map((one) => common(one.question));
  if (questions.some((one) => common(one.question) !== first)) {
    throw invalid("questions", "one asker, kind and period", "another");
  }
  const digests = questions.map((one) => toHex(one.question.record.entry.submissionDigest));
  if (new Set(digests).size !== questions.length) {
    throw invalid("questions", "each question once", "one of them twice");
  }
  return questions;
}

function provenQuestion(
  members: Members,
  names: ProofNames,
  trust: Trust,
): { question: AskedQuestion; answer: AnswerFacts } {
  const record = verifyFirstVersion(readObject(members.get(names.question)!), trust);
  const question = readQuestion(record);
  const pages = names.pages.map((name) => verifyTrail(readObject(members.get(name)!), trust));
  const keys = questionKeys(trust.suite.digest, question);
  const answer = joinPages(pages, keys, question.fromMs, question.toMs);
  const { height } = answer.header.header.head;
  if (height < record.entry.height) {
    const expected = `height ${record.entry.height}, where the question stands, or above`;
    throw invalid("as_of_height", expected, `${height}`);
  }
  return { question, answer };
}

// What the questions of one export have in common.
function common({ record, kind, fromMs, toMs }: AskedQuestion): string {
  return [toHex(record.entry.keyId), kind, fromMs, toMs].join();
}

// Who asked the question signed the manifest, and the member that is named, if one is.
function requireSignatures(
  data: Uint8Array,
  manifest: Uint8Array,
  questions: readonly AnsweredQuestion[],
  trust: Trust,
): Member | null {
  const fields = asFields(readObject(data), "signatures", ["auditor", "node"]);
  const auditor = asFields(fields.auditor, "auditor", ["public_key", "signature"]);
  const publicKey = asBase64(auditor.public_key, "public_key", { max: KEY_BYTES_MAX });
  const signature = readSignature(auditor.signature);
  if (!equal(keyId(trust.suite.digest, publicKey), questions[0]!.question.record.entry.keyId)) {
    throw invalid("auditor", "the key that asked the question", "another key");
  }
  requireSignature("auditor", AUDITOR, publicKey, signature, manifest, trust);
  if (fields.node === null) return null;
  const node = asFields(fields.node, "node", ["epoch", "replica_id", "signature"]);
  const [epoch, id] = [asInteger(node.epoch, "epoch"), asInteger(node.replica_id, "replica_id")];
  // The newest header leads to every epoch that the others lead to.
  const newest = questions
    .map((one) => one.answer.header)
    .reduce((best, one) => (one.header.head.height > best.header.head.height ? one : best));
  const member = newest.trust.epochs.get(epoch)?.find((one) => one.replicaId === id);
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
