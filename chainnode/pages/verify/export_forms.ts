// What a `.kunproof` says of itself: names of its members, and its manifest, written and read, in
// both versions (docs/wire-format.md §12). As chainnode/verify/export_names.py and export_forms.py.

import type { AnswerFacts } from "./answer";
import {
  CSV,
  MANIFEST,
  type Members,
  PAGE,
  PARQUET,
  PROOFS,
  QUESTION,
  ROWS,
  SIGNATURES,
  SUMMARY,
} from "./archive";
import { equal, toBase64, toHex } from "./bytes";
import { invalid, type Refusal, unreadable } from "./errors";
import { requireChain } from "./evidence";
import { asOrganisation } from "./members";
import type { AskedQuestion } from "./question";
import { canonicalLine, type Document } from "./rows";
import {
  asArray,
  asConstant,
  asFields,
  asHex,
  asInteger,
  asText,
  type JsonValue,
  readObject,
} from "./strict_json";
import type { Trust } from "./trust";

const MANIFEST_BYTES_MAX = 1024 * 1024;
const NAME_CHARACTERS_MAX = 80;
const QUESTIONS_MAX = 128;
const VALUES_MAX = 16;
const SUBJECT = 1;
const SEVERAL = 2;
// Renderings that do not follow from the proofs: a verifier has the signatures for them alone.
export const SIGNED_ALONE = [PARQUET, SUMMARY];
const REQUIRED = [MANIFEST, ROWS, SIGNATURES];
const RENDERED = [CSV, PAGE, ...SIGNED_ALONE];
const PROOF = /^proofs\/([0-9]{3})-(?:question|trail-[0-9]{4})\.json$/;
const ASKED = ["digest", "kind", "values", "from_ms", "to_ms"] as const;
const ANSWERED = [...ASKED, "as_of_height", "complete_to_ms", "attested"] as const;
const HEAD = ["format", "version", "chain_id", "suite"] as const;
const TAIL = ["as_of_height", "complete_to_ms", "rows", "members"] as const;

// Of which department and key epoch each value is, as a custodian told the auditor: the auditor's
// word, which nothing proves.
export interface Attested {
  readonly custodian: string;
  readonly places: readonly (readonly [string, number])[];
}

export interface AnsweredQuestion {
  readonly question: AskedQuestion;
  readonly answer: AnswerFacts;
  readonly attested: Attested | null;
}

// A manifest as it stands in the file; what it attests of each question is not read yet.
export interface Manifest {
  readonly version: number;
  readonly attested: readonly JsonValue[];
  readonly members: JsonValue;
}

// The members that prove one question and its answer, pages in their order.
export interface ProofNames {
  readonly question: string;
  readonly pages: readonly string[];
}

export function readManifest(data: Uint8Array, trust: Trust): Manifest {
  const read = readObject(data, MANIFEST_BYTES_MAX);
  if (read.get("version") === SEVERAL) {
    const names = [...HEAD, "questions", "from_ms", "to_ms", ...TAIL] as const;
    const fields = asFields(read, "manifest", names);
    requireHead(fields, SEVERAL, trust);
    const questions = asArray(fields.questions, "questions", { max: QUESTIONS_MAX });
    const attested = questions.map((one) => asFields(one, "question", ANSWERED).attested);
    return { version: SEVERAL, attested, members: fields.members };
  }
  const fields = asFields(read, "manifest", [...HEAD, "question", ...TAIL] as const);
  requireHead(fields, 1, trust);
  asFields(fields.question, "question", ASKED);
  return { version: 1, attested: [null], members: fields.members };
}

function requireHead(
  fields: Readonly<Record<(typeof HEAD)[number], JsonValue>>,
  version: number,
  trust: Trust,
): void {
  asConstant(fields.format, "format", "kunlian-export");
  asConstant(fields.version, "version", version);
  requireChain(fields.chain_id, trust);
  asConstant(fields.suite, "suite", trust.suite.name);
}

// The proofs of each question; nothing but what this version knows may be there.
export function proofNames(members: Members, version: number): ProofNames[] {
  const isFirst = version !== SEVERAL;
  for (const name of [...REQUIRED, ...(isFirst ? [QUESTION] : [])]) {
    if (!members.has(name)) throw broken(name, "none");
  }
  const known = [...REQUIRED, ...(isFirst ? [PAGE] : RENDERED)];
  const proofs = [...members.keys()].filter((name) => !known.includes(name));
  const strange = proofs.find((name) => !name.startsWith(PROOFS));
  if (strange !== undefined) throw broken("members of this version", strange);
  if (!isFirst) return numbered(proofs);
  return [{ question: QUESTION, pages: some(proofs.filter((name) => name !== QUESTION)) }];
}

function numbered(proofs: readonly string[]): ProofNames[] {
  const groups = new Map<string, string[]>();
  for (const name of proofs) {
    const number = PROOF.exec(name)?.[1];
    if (number === undefined) throw broken("proofs of numbered questions", name);
    groups.set(number, [...(groups.get(number) ?? []), name]);
  }
  if (!groups.size || groups.size > QUESTIONS_MAX) throw broken("questions", `${groups.size}`);
  return [...groups.values()].map((group, at) => {
    const start = `${PROOFS}${padded(at + 1, 3)}`;
    const pages = group.slice(1).map((_, page) => `${start}-trail-${padded(page + 1, 4)}.json`);
    const expected = [`${start}-question.json`, ...pages];
    if (expected.join() !== group.join()) throw broken(`question ${at + 1}`, group[0]!);
    return { question: expected[0]!, pages: some(pages) };
  });
}

function padded(number: number, digits: number): string {
  return `${number}`.padStart(digits, "0");
}

function some(pages: readonly string[]): readonly string[] {
  if (!pages.length) throw broken("proofs of the answer", "none");
  return pages;
}

// Every other member with its digest, as the manifest lists them.
export function requireListed(value: JsonValue, members: Members, trust: Trust): Members {
  const listed = new Map<string, Uint8Array>();
  for (const one of asArray(value, "members", { max: members.size })) {
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

// What the auditor was told of the values of a question; its form alone is checked.
export function readAttested(value: JsonValue, question: AskedQuestion): Attested | null {
  if (value === null) return null;
  const fields = asFields(value, "attested", ["custodian", "places"]);
  const places = asArray(fields.places, "places", { max: VALUES_MAX }).map((one) => {
    const [name, epoch] = asArray(one, "place", { max: 2, size: 2 });
    return [asOrganisation(name!), asInteger(epoch!, "key epoch")] as const;
  });
  const isWhole = question.kind === SUBJECT && places.length === question.values.length;
  if (!isWhole || places.some(([, epoch]) => !epoch)) {
    const expected = "a department and key epoch for each subject that was asked for";
    throw unreadable("attested", expected, `${places.length} places`);
  }
  return { custodian: asOrganisation(fields.custodian), places };
}

// The manifest of an export with these members, in its one form.
export function manifestOf(
  version: number,
  questions: readonly AnsweredQuestion[],
  answer: AnswerFacts,
  members: Members,
  digests: Members,
  trust: Trust,
): Uint8Array {
  const about: { readonly [name: string]: Document } =
    version === SEVERAL
      ? { questions: questions.map(answered), from_ms: answer.fromMs, to_ms: answer.toMs }
      : { question: asked(questions[0]!.question) };
  return canonicalLine({
    format: "kunlian-export",
    version,
    chain_id: toHex(trust.chainId),
    suite: trust.suite.name,
    ...about,
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

function asked(question: AskedQuestion): { readonly [name: string]: Document } {
  return {
    digest: toHex(question.record.entry.submissionDigest),
    kind: question.kind,
    values: question.values.map(toBase64),
    from_ms: question.fromMs,
    to_ms: question.toMs,
  };
}

function answered({ question, answer, attested }: AnsweredQuestion): Document {
  return {
    ...asked(question),
    as_of_height: answer.header.header.head.height,
    complete_to_ms: answer.completeToMs,
    attested: attested && { custodian: attested.custodian, places: attested.places },
  };
}

function broken(expected: string, actual: string): Refusal {
  return unreadable("members", expected, actual);
}
