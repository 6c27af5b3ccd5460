// The verdict on the QR code of a certificate: alone, or beside evidence of its state. A code proves
// the issue and nothing later: alone it never says VALID. As chainnode/verify/judge_code.py.

import { equal, toHex } from "./bytes";
import { type CertificateFacts, verifyCertificate } from "./certificate";
import type { CertificateClaim } from "./claims";
import { type CodeFacts, verifyCompact } from "./compact";
import { invalid, Refusal } from "./errors";
import { requireEqual } from "./header";
import { judgeFacts, type Policy, verdictOfRefusal } from "./judge";
import type { JsonValue } from "./strict_json";
import type { Trust } from "./trust";
import { type Check, localTime, type Verdict } from "./verdict";

export interface JudgedCode {
  readonly verdict: Verdict;
  // What the evidence beside it proves; null without one, and where it is refused.
  readonly state: CertificateFacts | null;
}

export function judgeCode(
  payload: Uint8Array,
  trust: Trust,
  evidence: JsonValue,
  contentDigest: Uint8Array | null,
  policy: Policy,
): JudgedCode {
  try {
    if (evidence === null) {
      const verdict = alone(verifyCompact(payload, trust), contentDigest, policy);
      return { verdict, state: null };
    }
    const state = verifyCertificate(evidence, trust);
    // The evidence may know epochs that the trust does not name.
    const code = verifyCompact(payload, state.header.trust);
    requireSameCertificate(code, state);
    if (contentDigest !== null) {
      requireEqual("content", claimOf(code).fileDigest, contentDigest);
    }
    return { verdict: judgeFacts(state, policy, contentDigest !== null), state };
  } catch (error) {
    if (error instanceof Refusal) return { verdict: verdictOfRefusal(error), state: null };
    throw error;
  }
}

// What a code says of a certificate, as `kun verify --json` writes it.
export interface CodeForm {
  readonly kind: CodeFacts["kind"];
  readonly height: number;
  readonly time?: string;
  readonly organisation?: string;
  readonly identifier?: string;
  readonly digest?: string;
  readonly valid_from?: number;
  readonly valid_to?: number | null;
}

export function codeForm(code: CodeFacts, trust: Trust): CodeForm {
  const { claim } = code;
  return {
    kind: code.kind,
    height: code.kind === "proof" ? code.entry.height : code.height,
    ...(code.kind === "proof" && {
      time: localTime(code.entry.timeMs),
      organisation: code.entry.organisation,
    }),
    ...(claim !== null && {
      identifier: claim.identifier,
      digest: `${trust.suite.hashName}:${toHex(claim.fileDigest)}`,
      valid_from: claim.validFrom,
      valid_to: claim.validTo || null,
    }),
  };
}

// Refuse evidence of another certificate, and a code that contradicts the evidence.
function requireSameCertificate(code: CodeFacts, state: CertificateFacts): void {
  const claim = claimOf(code);
  const { found, query } = state;
  if (found === null) {
    if (query.identifier === claim.identifier && code.kind === "reference") return;
    throw otherQuestion("a state that knows this certificate", "one without it");
  }
  if (found.identifier !== claim.identifier) {
    throw otherQuestion("evidence of this certificate", "of another one");
  }
  requireEqual("issue", found.row.fileDigest, claim.fileDigest);
  const first = found.history[0]!;
  const { height, submissionDigest, callIndex } = code.kind === "proof" ? code.entry : code;
  const isSame =
    first.height === height &&
    equal(first.submissionDigest, submissionDigest) &&
    first.callIndex === callIndex;
  if (!isSame) {
    const expected = `the call that issued it at height ${first.height}`;
    throw invalid("issue", expected, `another one at height ${height}`);
  }
}

function claimOf(code: CodeFacts): CertificateClaim {
  if (code.claim === null) throw otherQuestion("a certificate", "a withheld record");
  return code.claim;
}

function otherQuestion(expected: string, actual: string): Refusal {
  return new Refusal("other_question", "query", expected, actual);
}

// What a code proves by itself; the state is not among that.
function alone(code: CodeFacts, contentDigest: Uint8Array | null, policy: Policy): Verdict {
  const entry = code.kind === "proof" ? code.entry : null;
  const asOfMs = policy.asOfMs ?? Math.max(policy.nowMs, entry?.timeMs ?? 0);
  return {
    verdict: "CANNOT_DECIDE",
    state: null,
    identifier: code.claim?.identifier ?? null,
    issuer: entry?.organisation ?? null,
    as_of: { height: entry?.height ?? null, time: localTime(asOfMs) },
    checks: [
      contentCheck(code, contentDigest),
      issuerCheck(code),
      {
        name: "history",
        result: "not_checked",
        detail: "a code shows the issue alone",
        zh: "二维码只证明签发",
      },
      quorumCheck(code),
      {
        name: "freshness",
        result: "fail",
        detail: "a code proves nothing of the state since: ask a node, or show evidence",
        zh: "二维码不证明此后的状态：请询问节点，或出示状态证据",
      },
    ],
  };
}

function contentCheck(code: CodeFacts, contentDigest: Uint8Array | null): Check {
  const name = "content";
  if (contentDigest === null || code.claim === null) {
    const detail = "the file itself was not shown";
    return { name, result: "not_checked", detail, zh: "没有出示文件本身" };
  }
  if (equal(contentDigest, code.claim.fileDigest)) {
    const detail = "these bytes are the file of this code";
    return { name, result: "pass", detail, zh: "手中的文件就是这个二维码的文件" };
  }
  return { name, result: "fail", detail: "the file is another one", zh: "手中的是另一个文件" };
}

// Pass what was issued: the chain takes it from an organisation with that right alone.
function issuerCheck(code: CodeFacts): Check {
  const name = "issuer";
  if (code.claim === null) {
    const detail = "no certificate, hence no issuer";
    return { name, result: "not_checked", detail, zh: "没有证照，因而没有签发机构" };
  }
  if (code.kind === "reference") {
    const key = toHex(code.keyId);
    const detail = `signed by key ${key}; whose that is, is not shown`;
    return { name, result: "not_checked", detail, zh: `由密钥 ${key} 签名；密钥属于谁，没有出示` };
  }
  const { organisation, height, timeMs } = code.entry;
  const time = localTime(timeMs);
  return {
    name,
    result: "pass",
    detail: `${organisation} issued it at height ${height}, ${time}, with the right to do so`,
    zh: `${organisation} 于高度 ${height}、${time} 签发，有签发权`,
  };
}

function quorumCheck(code: CodeFacts): Check {
  const name = "quorum";
  if (code.kind === "reference") {
    const detail = "a code of this kind shows no signatures of members";
    return { name, result: "not_checked", detail, zh: "这种二维码不带成员的签名" };
  }
  const [count, { height }] = [code.signers.length, code.entry];
  return {
    name,
    result: "pass",
    detail: `${count} signatures, ${code.quorum} needed, block ${height}`,
    zh: `${count} 个签名，需要 ${code.quorum} 个，区块 ${height}`,
  };
}
