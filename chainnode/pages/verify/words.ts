// Every sentence of the page, Chinese first and English equal.

import type { Words } from "./verdict";

export type Language = "zh" | "en";

export const WORDS = {
  title: { zh: "昆链 · 证据核验", en: "Kunlian · verify evidence" },
  skip: { zh: "跳到文件", en: "Skip to the files" },
  settings: { zh: "显示设置", en: "display settings" },
  large: { zh: "长者版 · 大字", en: "Large type" },
  devnet: {
    zh: "⚠ 试验链：这条链只用于试验，其上的证照与记录没有法律效力。",
    en: "⚠ Trial chain: what stands on it has no legal force.",
  },
  intro: {
    zh: "本页在您的浏览器里核验，不访问网络，文件不会离开这台设备。",
    en: "This page verifies in your browser. It uses no network; no file leaves this device.",
  },
  files: { zh: "文件", en: "Files" },
  drop: {
    zh: "把信任文件、证据、证照文件拖到这里（可一起拖入）",
    en: "Drop trust file, evidence and certificate file here, together or one by one",
  },
  pick: { zh: "或选择文件…", en: "or choose files…" },
  trust: { zh: "① 信任文件", en: "① Trust file" },
  trustHint: {
    zh: "trust.json 或 genesis.json，须由您信得过的途径取得。",
    en: "trust.json or genesis.json, from a source that you trust.",
  },
  pickTrust: { zh: "选择信任文件", en: "Choose the trust file" },
  evidence: { zh: "② 证据", en: "② Evidence" },
  evidenceHint: {
    zh: "证照、记录、回执、状态、轨迹等证据文件。",
    en: "Evidence of a certificate, record, receipt, state or trail.",
  },
  pickEvidence: { zh: "选择证据文件", en: "Choose the evidence" },
  document: { zh: "③ 证照文件（可选）", en: "③ Certificate file (optional)" },
  documentHint: {
    zh: "证照的原文件（PDF、OFD 等）；在此计算摘要，与登记的比对。",
    en: "The certificate itself (PDF, OFD, any): hashed here and compared with the registered one.",
  },
  pickDocument: { zh: "选择证照文件", en: "Choose the certificate file" },
  clear: { zh: "移除", en: "Remove" },
  none: { zh: "尚未选择", en: "none chosen" },
  options: { zh: "更多：判断时点、证明时龄、证照标识", en: "More: day, age of the proof, identifier" },
  asOf: {
    zh: "判断时点（空：现在；按北京时间当日结束）",
    en: "Judge for this day (empty: now; the end of the day in +08:00)",
  },
  maxAge: { zh: "证明最大时龄（小时）", en: "Allowed age of the proof, in hours" },
  identifier: {
    zh: "证照标识（文件自身带有时不必填）",
    en: "Identifier (not needed when the file carries it)",
  },
  result: { zh: "结果", en: "Result" },
  waiting: { zh: "请再选择：", en: "Still needed: " },
  working: { zh: "正在计算…", en: "Working…" },
  limits: { zh: "本页不能证明什么", en: "What this page does not prove" },
  limitTruth: {
    zh: "不证明所报内容属实：账本证明何人何时说了什么。",
    en: "Not that what was reported is true: the ledger proves who said what, and when.",
  },
  limitLater: {
    zh: "不证明此后没有变化：证明只说到其区块时间为止。",
    en: "Not that nothing happened later: a proof speaks for the time of its block.",
  },
  limitTrust: {
    zh: "信任文件决定一切：请从可靠途径取得，并核对链标识。",
    en: "The trust file decides: get it from a source that you trust, and compare the chain id.",
  },
  build: { zh: "本页源码摘要", en: "Digest of this page's sources" },
  licences: { zh: "所含开源软件的许可", en: "Licences of the software inside" },
  proven: { zh: "证明成立", en: "proof holds" },
  refused: { zh: "证明不成立", en: "proof refused" },
  badTrust: { zh: "信任文件无法使用", en: "the trust file cannot be used" },
  identifierName: { zh: "证照标识", en: "Identifier" },
  state: { zh: "证照状态", en: "State" },
  issuer: { zh: "签发机构", en: "Issuer" },
  asOfName: { zh: "判断时点", en: "As of" },
  height: { zh: "区块高度", en: "Block height" },
  blockTime: { zh: "区块时间", en: "Block time" },
  period: { zh: "有效期", en: "Valid" },
  noEnd: { zh: "长期", en: "no end" },
  signatures: { zh: "签名", en: "Signatures" },
  chain: { zh: "链标识", en: "Chain id" },
  members: { zh: "成员", en: "Members" },
  pinned: { zh: "已钉住高度", en: "Pinned height" },
  digest: { zh: "文件摘要", en: "Digest of the file" },
  suite: { zh: "密码套件", en: "Suite" },
  kind: { zh: "证据种类", en: "Kind of evidence" },
  failed: { zh: "未通过的检查", en: "Check that failed" },
  checks: { zh: "五项检查", en: "The five checks" },
  pass: { zh: "通过", en: "pass" },
  fail: { zh: "未通过", en: "fail" },
  not_checked: { zh: "未检查", en: "not checked" },
  position: { zh: "日志位置", en: "Log position" },
  time: { zh: "账本时间", en: "Ledger time" },
  callTime: { zh: "调用时间", en: "Time of the call" },
  requester: { zh: "请求部门", en: "Requester" },
  provider: { zh: "提供部门", en: "Provider" },
  reporter: { zh: "报送部门", en: "Reported by" },
  item: { zh: "数据项", en: "Item" },
  purpose: { zh: "用途", en: "Purpose" },
  outcome: { zh: "结果", en: "Outcome" },
  contract: { zh: "合约", en: "Contract" },
  subjects: { zh: "对象假名", en: "Subject tokens" },
  withheld: { zh: "未出示", en: "not shown" },
  sealedBody: { zh: "已加密", en: "encrypted" },
  bodyUnknown: { zh: "其他内容", en: "other content" },
  submission: { zh: "提交摘要", en: "Submission" },
  receiptCode: { zh: "结果代码", en: "Code" },
  receiptCalls: { zh: "各调用的代码", en: "Codes of the calls" },
  accepted: { zh: "已接受", en: "accepted" },
  key: { zh: "状态键", en: "State key" },
  value: { zh: "值", en: "Value" },
  absent: { zh: "不存在（已证明）", en: "absent (proven)" },
  replica: { zh: "副本", en: "Replica" },
  slot: { zh: "矛盾之处", en: "Contradiction at" },
  contradiction: {
    zh: "同一把投票密钥对同一处签了两份不同的内容。",
    en: "One vote key signed two different contents for one slot.",
  },
  forked: {
    zh: "链已分叉：同一纪元、同一高度有两个不同的区块，各有足够的签名。",
    en: "The chain forked: two blocks of one epoch and height differ, each with a quorum.",
  },
  bothSides: { zh: "两边都签名的副本", en: "Signed both sides" },
  oneSide: { zh: "一边的摘要", en: "Digest of one side" },
  otherSide: { zh: "另一边的摘要", en: "Digest of the other" },
  unusedDocument: { zh: "这种证据不涉及文件；所选文件未使用。", en: "This evidence is not about a file." },
  notUnderstood: { zh: "这不是可用的文件：", en: "Not a usable file: " },
} as const satisfies Record<string, Words>;
export type Word = keyof typeof WORDS;

export const KINDS: Readonly<Record<string, Words>> = {
  certificate: { zh: "证照", en: "certificate" },
  record: { zh: "记录", en: "record" },
  receipt: { zh: "回执", en: "receipt" },
  state: { zh: "状态", en: "state" },
  fork: { zh: "分叉", en: "fork" },
  equivocation: { zh: "副本自相矛盾", en: "equivocation" },
};

export const OUTCOMES: Readonly<Record<string, readonly (Words | undefined)[]>> = {
  access: [
    { zh: "已准许", en: "permitted" },
    { zh: "已拒绝", en: "denied" },
    { zh: "已失败", en: "failed" },
  ],
  certificates: [
    undefined,
    { zh: "签发", en: "issued" },
    { zh: "导入", en: "imported" },
    { zh: "撤销", en: "revoked" },
  ],
  members: [
    undefined,
    { zh: "密钥已加入", en: "key added" },
    { zh: "密钥已终止", en: "key ended" },
  ],
  audit: [undefined, { zh: "审计提问", en: "audit question" }],
};

// What each check looks at, in words; the verifier's own sentence stands beside it.
export const CHECK_WORDS: Readonly<Record<string, Words>> = {
  content: { zh: "手中的文件就是登记的文件", en: "the file in hand is the registered one" },
  issuer: { zh: "签发机构在链上有签发权", en: "the organisation may issue" },
  history: { zh: "历史完整，状态是最后一条", en: "the history is whole" },
  quorum: { zh: "足够多的成员签了名", en: "enough members signed" },
  freshness: { zh: "证明不太旧", en: "the proof is not too old" },
};
