// From proven facts to one verdict: five checks and a fixed precedence. Equal facts, policy and
// `asOf` give the verdict of chainnode/verify/judge.py, also in the words of each check.

import { equal } from "./bytes";
import { type CertificateFacts, type RegisteredCertificate, verifyCertificate } from "./certificate";
import { DAY_MS, dayStartMs } from "./dates";
import { Refusal } from "./errors";
import type { JsonValue } from "./strict_json";
import type { Trust } from "./trust";
import {
  CANONICAL_STATES,
  type Check,
  CHECK_NAMES,
  type CheckName,
  localTime,
  type StateName,
  STATES,
  type Verdict,
  type VerdictCode,
} from "./verdict";

// A header proves the state at its time and nothing later; a day for whoever asks no node.
export const MAX_AGE_MS = 24 * 60 * 60 * 1000;
const ROLE_ISSUER = 2;

// The check that carries a refusal; every other name of a check belongs to "quorum".
const REFUSED_AT: ReadonlyMap<string, CheckName> = new Map([
  ["content", "content"],
  ["state", "content"],
  ["items", "content"],
  ["query", "content"],
  ["date", "content"],
  ["issue", "content"],
  ["private", "content"],
  ["call", "issuer"],
  ["signature", "issuer"],
  ["history", "history"],
]);

export interface Policy {
  readonly nowMs: number;
  // null: the later of the header's time and the verifier's clock.
  readonly asOfMs: number | null;
  readonly maxAgeMs: number;
}

export interface Asked {
  // Digest of the file in hand.
  readonly contentDigest: Uint8Array | null;
  readonly identifier: string | null;
}

export function judgeCertificate(
  evidence: JsonValue,
  trust: Trust,
  asked: Asked,
  policy: Policy,
): Verdict {
  try {
    const facts = verifyCertificate(evidence, trust);
    requireQuery(facts, asked);
    return judgeFacts(facts, policy, asked.contentDigest !== null);
  } catch (error) {
    if (error instanceof Refusal) return verdictOfRefusal(error);
    throw error;
  }
}

// Refuse an answer to another question; with neither file nor identifier the evidence's own counts.
function requireQuery(facts: CertificateFacts, asked: Asked): void {
  if (asked.contentDigest === null && asked.identifier === null) return;
  const { contentDigest, identifier } = facts.query;
  const isSameContent =
    contentDigest === null || asked.contentDigest === null
      ? contentDigest === asked.contentDigest
      : equal(contentDigest, asked.contentDigest);
  if (!isSameContent || identifier !== asked.identifier) {
    const expected = "an answer to what was asked";
    throw new Refusal("other_question", "query", expected, "one to another query");
  }
}

export function judgeFacts(facts: CertificateFacts, policy: Policy, hasContent: boolean): Verdict {
  const { found } = facts;
  const headerMs = facts.header.header.head.timeMs;
  const asOfMs = policy.asOfMs ?? Math.max(headerMs, policy.nowMs);
  const state = stateAt(found, headerMs, asOfMs);
  const checks = [
    contentCheck(facts, hasContent),
    issuerCheck(found),
    historyCheck(found),
    quorumCheck(facts),
    freshnessCheck(headerMs, asOfMs, policy.maxAgeMs),
  ];
  return {
    verdict: precedence(checks, state),
    state,
    identifier: found?.identifier ?? null,
    issuer: found && issuerName(found),
    as_of: { height: facts.header.header.head.height, time: localTime(asOfMs) },
    checks,
  };
}

// Judge evidence that was refused: the kind of the refusal decides, its check is named.
export function verdictOfRefusal(refusal: Refusal): Verdict {
  const detail = refusal.message;
  switch (refusal.kind) {
    case "unreadable": return unproven("UNREADABLE", "content", detail);
    case "no_quorum":
    case "unknown_epoch":
    case "older_than_pinned":
    case "other_question": return unproven("CANNOT_DECIDE", "quorum", detail);
    case "foreign": return unproven("UNTRUSTED_ISSUER", "issuer", detail);
    case "invalid": return unproven("TAMPERED", REFUSED_AT.get(refusal.check) ?? "quorum", detail);
  }
}

function unproven(verdict: VerdictCode, at: CheckName, detail: string): Verdict {
  const checks = CHECK_NAMES.map(
    (name): Check =>
      name === at
        ? { name, result: "fail", detail, zh: `证据未通过核验：${detail}` }
        : { name, result: "not_checked", detail: "nothing is proven", zh: "什么也没有证明" },
  );
  const asOf = { height: null, time: null };
  return { verdict, state: null, identifier: null, issuer: null, as_of: asOf, checks };
}

function precedence(checks: readonly Check[], state: StateName): VerdictCode {
  const failed = new Set(checks.filter((one) => one.result === "fail").map((one) => one.name));
  if (failed.has("freshness")) return "CANNOT_DECIDE";
  const { verdict } = STATES[state];
  if (verdict === "NOT_REGISTERED") return "NOT_REGISTERED";
  if (failed.has("content")) return "TAMPERED";
  if (failed.has("issuer")) return "UNTRUSTED_ISSUER";
  return verdict;
}

// The state at `asOfMs`: out of the whole history, then by the dates.
function stateAt(
  found: RegisteredCertificate | null,
  headerMs: number,
  asOfMs: number,
): StateName {
  if (found === null) return "ABSENT";
  const entries =
    asOfMs < headerMs ? found.history.filter((one) => one.sinceMs <= asOfMs) : found.history;
  const last = entries[entries.length - 1];
  if (last === undefined) return "NOT_YET_ON_CHAIN";
  const name = CANONICAL_STATES[last.state - 1]!;
  if (name !== "VALID") return name;
  if (asOfMs < dayStartMs(found.row.validFrom)) return "NOT_YET_VALID";
  if (found.row.validTo && asOfMs >= dayStartMs(found.row.validTo) + DAY_MS) return "EXPIRED";
  return name;
}

function contentCheck(facts: CertificateFacts, hasContent: boolean): Check {
  const name = "content";
  if (facts.found === null) {
    const detail = "no certificate to compare with";
    return { name, result: "not_checked", detail, zh: "没有可比对的证照" };
  }
  if (facts.query.contentDigest !== null && !facts.isOfFile) {
    const detail = "the chain knows this identifier with another content";
    return { name, result: "fail", detail, zh: "链上这个标识登记的是另一份内容" };
  }
  if (hasContent) {
    const detail = "these bytes are the registered file";
    return { name, result: "pass", detail, zh: "手中的文件就是登记的文件" };
  }
  const detail = "the file itself was not shown";
  return { name, result: "not_checked", detail, zh: "没有出示文件本身" };
}

function issuerCheck(found: RegisteredCertificate | null): Check {
  const name = "issuer";
  if (found === null) {
    const detail = "no certificate, hence no issuer";
    return { name, result: "not_checked", detail, zh: "没有证照，因而没有签发机构" };
  }
  const mayIssue = found.issuer?.roles.includes(ROLE_ISSUER) ?? false;
  const issuer = issuerName(found);
  return {
    name,
    result: mayIssue ? "pass" : "fail",
    detail: `${issuer} ${mayIssue ? "may issue" : "has no right to issue"}`,
    zh: `${issuer} ${mayIssue ? "有签发权" : "没有签发权"}`,
  };
}

function issuerName(found: RegisteredCertificate): string {
  return found.issuer === null ? found.row.issuer : `${found.issuer.name} ${found.row.issuer}`;
}

function historyCheck(found: RegisteredCertificate | null): Check {
  const name = "history";
  if (found === null) {
    const detail = "no certificate, hence no history";
    return { name, result: "not_checked", detail, zh: "没有证照，因而没有历史" };
  }
  const count = found.history.length;
  return {
    name,
    result: "pass",
    detail: `all ${count} entries, count and root proven`,
    zh: `全部 ${count} 条，条数与根均已证明`,
  };
}

function quorumCheck({ header }: CertificateFacts): Check {
  const { height } = header.header.head;
  const count = header.signers.length;
  return {
    name: "quorum",
    result: "pass",
    detail: `${count} signatures, ${header.quorum} needed, block ${height}`,
    zh: `${count} 个签名，需要 ${header.quorum} 个，区块 ${height}`,
  };
}

function freshnessCheck(headerMs: number, asOfMs: number, maxAgeMs: number): Check {
  const isFresh = asOfMs - headerMs <= maxAgeMs;
  const [proven, judged] = [localTime(headerMs), localTime(asOfMs)];
  return {
    name: "freshness",
    result: isFresh ? "pass" : "fail",
    detail: `proven for ${proven}, judged for ${judged}${isFresh ? "" : ": older than allowed"}`,
    zh: `证明于 ${proven}，判断时点 ${judged}${isFresh ? "" : "：超过允许的时龄"}`,
  };
}
