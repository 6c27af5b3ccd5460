// What the page and its tests call: bytes in, plain values out, no exception for any input.

import type { AnswerFacts } from "./answer";
import { ARCHIVE_BYTES_MAX, isArchive } from "./archive";
import { fromBase64, fromHex, fromUtf8, latin1, toHex } from "./bytes";
import { verifyCompact } from "./compact";
import { claimIn, decodeCompact } from "./compact_form";
import { InvalidTrust, Refusal } from "./errors";
import { type ExportFacts, verifyExport } from "./export";
import { type Facts, verifyEvidence } from "./kinds";
import { type Asked, judgeCertificate, type Policy, verdictOfRefusal } from "./judge";
import { type CodeForm, codeForm, judgeCode } from "./judge_code";
import { PAGES_FORMAT, type PagesFacts, verifyPages } from "./pages";
import { payloadOf } from "./qr_text";
import { rowLines } from "./rows";
import { asObject, readObject } from "./strict_json";
import { loadTrust, type Trust } from "./trust";
import type { Verdict } from "./verdict";

// Within how many bytes a file names its format.
const FORMAT_WITHIN = 64;

export interface Refused {
  readonly kind: "refused";
  readonly refusal: Refusal;
  readonly verdict: Verdict;
}

export type Outcome =
  // `verdict`: of a certificate. `facts`: what evidence of another kind proves.
  | { readonly kind: "certificate"; readonly verdict: Verdict; readonly facts: Facts | null }
  // Of a QR code; `code`: what it says, null where it is refused.
  | {
      readonly kind: "code";
      readonly verdict: Verdict;
      readonly facts: Facts | null;
      readonly code: CodeForm | null;
    }
  | { readonly kind: "accepted"; readonly facts: Facts | ExportFacts | PagesFacts }
  | Refused;

export function judgeEvidence(
  data: Uint8Array,
  trust: Trust,
  asked: Asked,
  policy: Policy,
): Outcome {
  return refusing(() => {
    if (isArchive(data)) return { kind: "accepted", facts: verifyExport(data, trust) };
    if (latin1(data.subarray(0, FORMAT_WITHIN)).includes(`"${PAGES_FORMAT}"`)) {
      const facts = verifyPages(readObject(data, ARCHIVE_BYTES_MAX), trust);
      return { kind: "accepted", facts };
    }
    const evidence = readObject(data);
    if (asObject(evidence, "evidence").get("kind") === "certificate") {
      const verdict = judgeCertificate(evidence, trust, asked, policy);
      const facts = verdict.state === null ? null : verifyEvidence(evidence, trust);
      return { kind: "certificate", verdict, facts };
    }
    return { kind: "accepted", facts: verifyEvidence(evidence, trust) };
  });
}

// `evidence` of the certificate's state, where that is at hand too.
export function judgeCodeText(
  text: string,
  evidence: Uint8Array | null,
  trust: Trust,
  contentDigest: Uint8Array | null,
  policy: Policy,
): Outcome {
  return refusing(() => {
    const payload = payloadOf(text);
    decodeCompact(payload);
    const shown = evidence === null ? null : readObject(evidence);
    const { verdict, state } = judgeCode(payload, trust, shown, contentDigest, policy);
    const code = orRefusal(() => codeForm(verifyCompact(payload, trust), trust));
    return { kind: "code", verdict, facts: state, code: code instanceof Refusal ? null : code };
  });
}

// What a code claims, before there is a trust to check it with.
export function readCodeText(text: string): Refused | { kind: "claim"; identifier: string | null } {
  const found = orRefusal(() => claimIn(decodeCompact(payloadOf(text))));
  if (found instanceof Refusal) return refusal(found);
  return { kind: "claim", identifier: found?.identifier ?? null };
}

function refusing(judge: () => Outcome): Outcome {
  const found = orRefusal(judge);
  return found instanceof Refusal ? refusal(found) : found;
}

function orRefusal<T>(step: () => T): T | Refusal {
  try {
    return step();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

function refusal(found: Refusal): Refused {
  return { kind: "refused", refusal: found, verdict: verdictOfRefusal(found) };
}

// A file that cannot be read at all, in the words of evidence that cannot.
export function unusable(detail: string): Outcome {
  return refusal(new Refusal("unreadable", "file", "a readable file", detail));
}

export interface Question {
  // The text of a QR code; null: the evidence is judged for itself.
  readonly code: string | null;
  // null: none; with a code alone. `isBase64`: of bytes that are no text.
  readonly evidence: string | null;
  readonly isBase64: boolean;
  readonly trust: string;
  readonly digest: string | null;
  readonly identifier: string | null;
  readonly nowMs: number;
  readonly asOfMs: number | null;
  readonly maxAgeMs: number;
}

// The same for whoever drives the page by script: texts in, JSON out.
export function answer(question: Question): unknown {
  const encoder = new TextEncoder();
  let trust: Trust;
  try {
    trust = loadTrust(encoder.encode(question.trust));
  } catch (error) {
    if (error instanceof InvalidTrust) return { trust: error.message };
    throw error;
  }
  const contentDigest = question.digest === null ? null : fromHex(question.digest);
  const { code, identifier } = question;
  const evidence = question.evidence === null ? null : evidenceOf(question.evidence, question.isBase64);
  const outcome =
    code === null
      ? judgeEvidence(evidence ?? new Uint8Array(), trust, { contentDigest, identifier }, question)
      : judgeCodeText(code, evidence, trust, contentDigest, question);
  switch (outcome.kind) {
    case "certificate": return { verdict: form(outcome.verdict) };
    case "code": return { verdict: form(outcome.verdict), code: outcome.code };
    case "accepted": return { accepted: outcome.facts.kind, ...proves(outcome.facts) };
    case "refused": return { refused: outcome.refusal.check, verdict: form(outcome.verdict) };
  }
}

function evidenceOf(text: string, isBase64: boolean): Uint8Array {
  return (isBase64 ? fromBase64(text) : null) ?? new TextEncoder().encode(text);
}

// What follows from an accepted list, named as in the published vectors.
function proves(facts: Facts | ExportFacts | PagesFacts): object {
  switch (facts.kind) {
    case "trail": return { proves: { ...listed(facts), as_of_ms: facts.asOfMs } };
    case "answer": return { proves: { ...listed(facts.answer), rows: rowTexts(facts.answer) } };
    case "export": {
      const { question, answer, node } = facts;
      return {
        proves: {
          ...listed(answer),
          question: toHex(question.record.entry.submissionDigest),
          purpose: question.purpose,
          as_of_height: answer.header.header.head.height,
          from_ms: answer.fromMs,
          to_ms: answer.toMs,
          replica_id: node && node.replicaId,
          organisation: node && node.organisation,
          has_page: facts.hasPage,
          ...(facts.version === 1 ? {} : several(facts)),
        },
      };
    }
    default: return {};
  }
}

// What the second version of an export says besides.
function several({ questions, hasCsv, signedAlone }: ExportFacts): object {
  return {
    questions: questions.map((one) => toHex(one.question.record.entry.submissionDigest)),
    attested: questions.map((one) => one.attested),
    has_csv: hasCsv,
    signed_alone: signedAlone,
  };
}

function listed(facts: Pick<AnswerFacts, "isComplete" | "completeToMs" | "rows">): object {
  return {
    complete: facts.isComplete,
    complete_to_ms: facts.completeToMs,
    positions: facts.rows.map((row) => row.position),
  };
}

function rowTexts({ rows }: Pick<AnswerFacts, "rows">): string | null {
  return fromUtf8(rowLines(rows));
}

// The JSON object of `kun verify --json`.
function form(verdict: Verdict): unknown {
  const checks = verdict.checks.map(({ name, result, detail }) => ({ name, result, detail }));
  return { ...verdict, checks };
}
