// The words of a verdict, as chainnode/verify/verdict.py has them: closed tables, Chinese first.

export interface Words {
  readonly zh: string;
  readonly en: string;
}

export type Colour = "green" | "red" | "amber" | "grey";

export const VERDICTS = {
  VALID: { zh: "有效", en: "valid", colour: "green" },
  REVOKED: { zh: "已撤销", en: "revoked", colour: "red" },
  EXPIRED: { zh: "已过期", en: "expired", colour: "amber" },
  TAMPERED: { zh: "内容被改", en: "content changed", colour: "red" },
  UNTRUSTED_ISSUER: { zh: "签发机构不可信", en: "issuer not trusted", colour: "red" },
  NOT_REGISTERED: { zh: "链上无此证照", en: "not registered", colour: "red" },
  UNREADABLE: { zh: "无法识别", en: "unreadable", colour: "grey" },
  CANNOT_DECIDE: { zh: "暂时无法核验", en: "cannot decide now", colour: "grey" },
} as const satisfies Record<string, Words & { colour: Colour }>;
export type VerdictCode = keyof typeof VERDICTS;

// What the chain says of the certificate itself. The first nine are the canonical states 1 … 9.
export const STATES = {
  IN_MAKING: { zh: "制证中", en: "in preparation", verdict: "NOT_REGISTERED" },
  VALID: { zh: "有效", en: "valid", verdict: "VALID" },
  SUSPENDED: { zh: "暂扣", en: "suspended", verdict: "REVOKED" },
  SUPERSEDED: { zh: "变更替代", en: "replaced", verdict: "REVOKED" },
  CANCELLED: { zh: "注销", en: "cancelled", verdict: "REVOKED" },
  REVOKED: { zh: "撤销", en: "revoked", verdict: "REVOKED" },
  WITHDRAWN: { zh: "吊销", en: "withdrawn as a penalty", verdict: "REVOKED" },
  EXPIRED: { zh: "过期", en: "expired", verdict: "EXPIRED" },
  TRANSFERRED: { zh: "转出", en: "transferred out", verdict: "REVOKED" },
  NOT_YET_VALID: { zh: "尚未生效", en: "not yet valid", verdict: "EXPIRED" },
  NOT_YET_ON_CHAIN: {
    zh: "当时尚未登记", en: "not registered at that time", verdict: "NOT_REGISTERED",
  },
  ABSENT: { zh: "未登记", en: "not on the chain", verdict: "NOT_REGISTERED" },
} as const satisfies Record<string, Words & { verdict: VerdictCode }>;
export type StateName = keyof typeof STATES;
export const CANONICAL_STATES = (Object.keys(STATES) as StateName[]).slice(0, 9);

export const CHECKS = {
  content: { zh: "内容", en: "content" },
  issuer: { zh: "签发", en: "issuer" },
  history: { zh: "历史", en: "history" },
  quorum: { zh: "签名", en: "signatures" },
  freshness: { zh: "时效", en: "freshness" },
} as const satisfies Record<string, Words>;
export type CheckName = keyof typeof CHECKS;
export const CHECK_NAMES = Object.keys(CHECKS) as CheckName[];

export type CheckResult = "pass" | "fail" | "not_checked";

export interface Check {
  readonly name: CheckName;
  readonly result: CheckResult;
  // One sentence; the English one is that of the command line.
  readonly detail: string;
  readonly zh: string;
}

export interface Verdict {
  readonly verdict: VerdictCode;
  readonly state: StateName | null;
  readonly identifier: string | null;
  readonly issuer: string | null;
  readonly as_of: { readonly height: number | null; readonly time: string | null };
  readonly checks: readonly Check[];
}

const ZONE_MS = 8 * 3_600_000;

// RFC 3339 with milliseconds and the offset +08:00.
export function localTime(instantMs: number): string {
  const moment = new Date(instantMs + ZONE_MS);
  if (Number.isNaN(moment.getTime()) || moment.getUTCFullYear() > 9999) return `${instantMs} ms`;
  return `${moment.toISOString().slice(0, 23)}+08:00`;
}
