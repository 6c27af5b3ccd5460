// What the page and its tests call: bytes in, plain values out, no exception for any input.

import { fromHex } from "./bytes";
import { InvalidTrust, Refusal } from "./errors";
import { type Facts, verifyEvidence } from "./kinds";
import { type Asked, judgeCertificate, type Policy, verdictOfRefusal } from "./judge";
import { asObject, readObject } from "./strict_json";
import { loadTrust, type Trust } from "./trust";
import type { Verdict } from "./verdict";

export type Outcome =
  // `verdict`: of a certificate. `facts`: what evidence of another kind proves.
  | { readonly kind: "certificate"; readonly verdict: Verdict; readonly facts: Facts | null }
  | { readonly kind: "accepted"; readonly facts: Facts }
  | { readonly kind: "refused"; readonly refusal: Refusal; readonly verdict: Verdict };

export function judgeEvidence(
  data: Uint8Array,
  trust: Trust,
  asked: Asked,
  policy: Policy,
): Outcome {
  try {
    const evidence = readObject(data);
    if (asObject(evidence, "evidence").get("kind") === "certificate") {
      const verdict = judgeCertificate(evidence, trust, asked, policy);
      const facts = verdict.state === null ? null : verifyEvidence(evidence, trust);
      return { kind: "certificate", verdict, facts };
    }
    return { kind: "accepted", facts: verifyEvidence(evidence, trust) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { kind: "refused", refusal: error, verdict: verdictOfRefusal(error) };
  }
}

// A file that cannot be read at all, in the words of evidence that cannot.
export function unusable(detail: string): Outcome {
  const refusal = new Refusal("unreadable", "file", "a readable file", detail);
  return { kind: "refused", refusal, verdict: verdictOfRefusal(refusal) };
}

export interface Question {
  readonly evidence: string;
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
  const asked = { contentDigest, identifier: question.identifier };
  const outcome = judgeEvidence(encoder.encode(question.evidence), trust, asked, question);
  switch (outcome.kind) {
    case "certificate": return { verdict: form(outcome.verdict) };
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
