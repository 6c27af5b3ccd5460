// What the page and its tests call: bytes in, plain values out, no exception for any input.

import { fromHex } from "./bytes";
import { verifyCompact } from "./compact";
import { claimIn, decodeCompact } from "./compact_form";
import { InvalidTrust, Refusal } from "./errors";
import { type Facts, verifyEvidence } from "./kinds";
import { type Asked, judgeCertificate, type Policy, verdictOfRefusal } from "./judge";
import { type CodeForm, codeForm, judgeCode } from "./judge_code";
import { payloadOf } from "./qr_text";
import { asObject, readObject } from "./strict_json";
import { loadTrust, type Trust } from "./trust";
import type { Verdict } from "./verdict";

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
  | { readonly kind: "accepted"; readonly facts: Facts }
  | Refused;

export function judgeEvidence(
  data: Uint8Array,
  trust: Trust,
  asked: Asked,
  policy: Policy,
): Outcome {
  return refusing(() => {
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
  // null: none; with a code alone.
  readonly evidence: string | null;
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
  const evidence = question.evidence === null ? null : encoder.encode(question.evidence);
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

// What follows from an accepted trail, named as in the published vectors.
function proves(facts: Facts): object {
  if (facts.kind !== "trail") return {};
  return {
    proves: {
      complete: facts.isComplete,
      complete_to_ms: facts.completeToMs,
      as_of_ms: facts.asOfMs,
      positions: facts.rows.map((row) => row.position),
    },
  };
}

// The JSON object of `kun verify --json`.
function form(verdict: Verdict): unknown {
  const checks = verdict.checks.map(({ name, result, detail }) => ({ name, result, detail }));
  return { ...verdict, checks };
}
