// The words of the search page, Chinese first. Those of proofs and records are in ../verify/words.

import type { Words } from "../verify/verdict";
import type { RuleName } from "./rules";

export const SAID = {
  ask: { zh: "提问", en: "Ask" },
  asking: { zh: "正在登记提问、取回并核验答复…", en: "Recording the question, fetching and checking the answer…" },
  kind: { zh: "按什么查", en: "Search by" },
  value: { zh: "查什么", en: "What for" },
  from: { zh: "起始（账本时间）", en: "From (ledger time)" },
  to: { zh: "截止（含当日、当月）", en: "To (the day or month included)" },
  month: { zh: "月份", en: "Month" },
  period: { zh: "时段", en: "Period" },
  allTime: { zh: "全部时间", en: "All time" },
  oneMonth: { zh: "一个月", en: "One month" },
  days: { zh: "自选日期", en: "Chosen days" },
  purposeOf: { zh: "查询事由（必填，记入账本）", en: "Purpose (mandatory, recorded on the ledger)" },
  purposeHint: {
    zh: "不要写身份号码或姓名。提问本身会成为一条记录，被查的人也能看到。",
    en: "No identity numbers or names. The question itself becomes a record that the person sees too.",
  },
  idType: { zh: "号码种类", en: "Kind of number" },
  citizenId: { zh: "公民身份号码", en: "Citizen's identity number" },
  companyId: { zh: "统一社会信用代码", en: "Unified social credit code" },
  number: { zh: "号码（不保存、不入网址）", en: "Number (not kept, in no address)" },
  tokenHint: { zh: "64 位十六进制化名；可用空格分开多个", en: "Pseudonyms of 64 hexadecimal digits, blanks between them" },
  missing: { zh: "请填写", en: "Please fill in" },
  trustTitle: { zh: "首次使用：请核对本链", en: "First use: compare this chain" },
  trustHint: {
    zh: "请用电话或纸质材料，与信得过的人核对这 30 位数字。核对一致后，本浏览器只相信这条链。",
    en: "Compare these 30 digits with somebody you trust, by telephone or on paper. Then this browser believes this chain alone.",
  },
  trustYes: { zh: "我已核对，数字一致", en: "I have compared them; they are equal" },
  trustOther: {
    zh: "危险：服务器出示的链不是本浏览器核对过的那条。请勿使用，并报告运维与审计人员。",
    en: "Danger: the server shows another chain than the one compared in this browser. Do not go on; tell operators and auditors.",
  },
  trustBad: { zh: "信任文件无法使用", en: "The trust file cannot be used" },
  pinnedChain: { zh: "本浏览器已核对的链", en: "Chain compared in this browser" },
  honest: {
    zh: "说明：本页的程序由这台服务器提供。不依赖它的核验：下载 .kunproof，用 kun audit verify 或固定的 verify.html 再查一次。",
    en: "Note: this page's program comes from this server. To depend on nobody, check the downloaded .kunproof with kun audit verify or a pinned verify.html.",
  },
  failed: { zh: "核验未通过，请勿采信", en: "The check failed: do not believe this" },
  failedHint: {
    zh: "有人改动了答复，或有节点在说谎。未通过的检查：",
    en: "Somebody changed the answer, or a node lies. The check that failed: ",
  },
  alarm: {
    zh: "没有一个节点的答复通过核验，或审计库与账本不符。请报告运维与审计人员。",
    en: "No node's answer passed its check, or audit stores differ from the ledger. Tell operators and auditors.",
  },
  otherQuestion: {
    zh: "服务器给出的是另一个问题的答复：类别、对象或期间与所问不同。",
    en: "The server gave the answer to another question: kind, values or period are not those asked for.",
  },
  undecided: { zh: "暂时无法核验", en: "Cannot be checked now" },
  older: {
    zh: "注意：这一答复所依据的区块早于本浏览器见过的区块，可能缺少其后的记录。请再问一次；若仍是旧的，请换一个节点并告知运维。",
    en: "Note: this answer rests on an older block than one this browser has seen, and may lack what came since. Ask again; if it stays old, use another node and tell the operators.",
  },
  heights: { zh: "本答复：高度 {n}（{at}）；见过：高度 {all}（{seen}）", en: "This answer: height {n} ({at}); seen: height {all} ({seen})" },
  forked: {
    zh: "警告：同一高度有两个都经多数签名的账本，链已分叉。请勿依据本页；保存两份证明并立即报告审计人员。",
    en: "Warning: two ledgers of one height, each signed by a quorum: the chain forked. Rely on nothing here; keep both proofs and tell the auditors at once.",
  },
  unkept: {
    zh: "此浏览器不保存数据，下次无法发现旧答复。",
    en: "This browser keeps nothing, so that it cannot notice an old answer next time.",
  },
  sealed: { zh: "（已加密，无法打开）", en: "(encrypted, cannot be opened)" },
  basis: { zh: "查询依据（记入账本）", en: "On what it rests (recorded)" },
  tables: { zh: "文件里附带的表格", en: "Tables in the file" },
  tablesHint: {
    zh: "CSV 由证明得出；Parquet 与 PDF 只有签名，不是证明。",
    en: "CSV follows from the proofs; Parquet and PDF are signed, and no proof.",
  },
  allDepartments: { zh: "全部部门", en: "all departments" },
  itemsSaid: {
    zh: "数据项名称由节点所报，未经证明；答复本身有证明。",
    en: "Names of items are a node's word; the answer itself is proven.",
  },
  records: { zh: "条记录", en: "records" },
  download: { zh: "导出 .kunproof（就是刚才核验的字节）", en: "Export .kunproof (the very bytes that were checked)" },
  filters: { zh: "在完整结果中筛选", en: "Filter the complete list" },
  whole: { zh: "{n} / {n} 条记录", en: "{n} of {n} records" },
  nothing: { zh: "这一时段没有记录，已证明", en: "no record in this period, and that is proven" },
  signed: { zh: "{n} / {all} 个成员签名", en: "{n} of {all} signatures" },
  ofDepartments: { zh: "就 {n} 个部门的化名而言", en: "for the pseudonyms of {n} departments" },
  ofKeys: { zh: "就 {n} 个索引键（化名、部门等）而言", en: "for {n} index keys (pseudonyms, departments and the like)" },
  provenHow: { zh: "问了什么、凭什么证明", en: "What was asked, and what proves it" },
  filtered: { zh: "筛选后 {n} 条，共 {all} 条", en: "filtered {n} of {all}" },
  complete: { zh: "完整", en: "complete" },
  firstRows: { zh: "只列出前几条，条数：", en: "listed are only the first" },
  hoursFrom: { zh: "每日时刻从（北京时间）", en: "Time of day from (+08:00)" },
  hoursTo: { zh: "至（不含；可跨零点）", en: "to (not included; may pass midnight)" },
  rules: { zh: "值得留意的调用", en: "Calls worth a look" },
  rulesHint: {
    zh: "以下规则对完整结果逐条套用。命中只是提示，不是结论；参数可以改。",
    en: "These rules are held against the complete list. A hit is a pointer and no verdict; parameters can be changed.",
  },
  ruleSays: { zh: "规则：", en: "The rule: " },
  looked: { zh: "看了 {n} 次调用", en: "{n} calls looked at" },
  hits: { zh: "命中 {n}", en: "{n} hits" },
  showRows: { zh: "只看这些记录", en: "Show these records" },
  showAll: { zh: "显示全部记录", en: "Show all records" },
  on: { zh: "时间", en: "on" },
  running: { zh: "该时段尚未结束", en: "the period is not over yet" },
  zone: { zh: "（北京时间）", en: " (+08:00)" },
  clear: { zh: "清除筛选", en: "Clear the filters" },
  any: { zh: "全部", en: "any" },
  cannotTell: { zh: "条无法判断（内容已加密或未出示）", en: "rows cannot be told (encrypted or not shown)" },
  perDay: { zh: "每日记录数", en: "Records per day" },
  day: { zh: "日期", en: "Day" },
  count: { zh: "条数", en: "Count" },
  facets: { zh: "分类计数", en: "Counts" },
  refused: { zh: "未能提问", en: "The question was not taken" },
  network: { zh: "连不上服务器", en: "The server cannot be reached" },
} as const satisfies Record<string, Words>;
export type Said = keyof typeof SAID;

// On what a question rests, in the order of their numbers from 1.
export const BASIS_NAMES = ["supervision", "own_view", "data_quality", "operation"] as const;
export const BASES: readonly Words[] = [
  { zh: "监督审计", en: "supervision" },
  { zh: "本人查询", en: "the person's own view" },
  { zh: "数据质量（异议）", en: "data quality (a dispute)" },
  { zh: "运行维护", en: "operation" },
];
export type BasisName = (typeof BASIS_NAMES)[number];
export const TABLE_NAMES: Readonly<Record<string, Words>> = {
  csv: { zh: "CSV 表格", en: "CSV table" },
  parquet: { zh: "Parquet 表格", en: "Parquet table" },
  pdf: { zh: "PDF 摘要", en: "PDF summary" },
};

// What can be asked for; the order is that of the form. `person` goes to the custodian first.
export const ASKED_KINDS = {
  subject: { zh: "化名", en: "pseudonym" },
  person: { zh: "个人（证件号码）", en: "person (by number)" },
  requester: { zh: "请求部门", en: "requesting department" },
  provider: { zh: "提供部门", en: "providing department" },
  item: { zh: "目录数据项", en: "catalogue item" },
  grant: { zh: "授权", en: "grant" },
  certificate: { zh: "证照标识", en: "certificate" },
  finding: { zh: "账本所查问题", en: "finding of the ledger" },
  unmatched: { zh: "未匹配（缺记录的部门）", en: "unmatched (department that is silent)" },
  trace: { zh: "调用链（trace）", en: "chain of calls (trace)" },
  dispute: { zh: "异议", en: "dispute" },
  responsible: { zh: "负责处理异议的部门", en: "department responsible for disputes" },
} as const satisfies Record<string, Words>;
export type AskedKind = keyof typeof ASKED_KINDS;

// Fields by the names of ./fields.
export const FIELD_WORDS: Readonly<Record<string, Words>> & Readonly<Record<Known, Words>> = {
  kind: { zh: "记录种类", en: "Kind of record" },
  department: { zh: "部门", en: "Department" },
  requester: { zh: "请求方", en: "Requester" },
  provider: { zh: "提供方", en: "Provider" },
  item: { zh: "数据项", en: "Item" },
  outcome: { zh: "结果", en: "Outcome" },
  halves: { zh: "双方记录", en: "Both halves" },
  officer: { zh: "经办人", en: "Officer" },
  case: { zh: "办件编号", en: "Case number" },
  purpose: { zh: "事由代码", en: "Purpose code" },
  reason: { zh: "事由文字包含", en: "Reason contains" },
  subject: { zh: "主体化名", en: "Subject's pseudonym" },
};
type Known =
  | "kind" | "requester" | "provider" | "item" | "outcome" | "halves" | "officer" | "case";

const UNSAID: Words = { zh: "（未填写）", en: "(not said)" };
const VALUE_WORDS: Readonly<Record<string, Readonly<Record<string, Words>>>> = {
  kind: {
    half: { zh: "数据调用", en: "data call" },
    people: { zh: "登记涉及人员", en: "further people" },
    gap: { zh: "账本认定", en: "the ledger's own" },
    seal: { zh: "封存", en: "seal" },
    question: { zh: "审计提问", en: "question" },
    certificate: { zh: "证照", en: "certificate" },
    dispute: { zh: "异议", en: "dispute" },
    other: { zh: "其他", en: "other" },
  },
  side: {
    requester: { zh: "请求方", en: "requester" },
    provider: { zh: "提供方", en: "provider" },
  },
  outcome: {
    permitted: { zh: "已准许", en: "permitted" },
    denied: { zh: "已拒绝", en: "denied" },
    failed: { zh: "已失败", en: "failed" },
    one_sided_claimed: { zh: "单方自述", en: "one-sided, claimed" },
    one_sided_proven: { zh: "单方已证", en: "one-sided, proven" },
    matched: { zh: "缺口已补", en: "gap closed" },
    mismatched: { zh: "双方不一致", en: "the halves differ" },
  },
  halves: {
    matched: { zh: "双方一致", en: "matched" },
    mismatched: { zh: "双方不一致", en: "mismatched" },
    both: { zh: "双方都有（未比对）", en: "both (not compared)" },
    one_half: { zh: "本列表中只见一方", en: "one half in this list" },
    one_sided_claimed: { zh: "单方自述", en: "one-sided, claimed" },
    one_sided_proven: { zh: "单方已证", en: "one-sided, proven" },
  },
};

// The words of a value of a field; a text of a stranger stays as it is.
export function valueWords(field: string, value: string): Words {
  return VALUE_WORDS[field]?.[value] ?? (value ? { zh: value, en: value } : UNSAID);
}

// Rules and their parameters by the names of ./rules.
export const RULE_NAMES: Readonly<Record<RuleName, Words>> = {
  "night": { zh: "非工作时间", en: "Outside office hours" },
  "bulk": { zh: "批量", en: "Bulk" },
  "no-case": { zh: "无办件编号", en: "No case number" },
  "spikes": { zh: "突增", en: "Spikes" },
  "repeated": { zh: "反复查询同一主体", en: "One subject again and again" },
  "denied": { zh: "反复被拒", en: "Denied again and again" },
};
export const PARAMETER_WORDS: Readonly<Record<string, Words>> = {
  start: { zh: "工作时间从", en: "Office hours from" },
  end: { zh: "至", en: "to" },
  weekends: { zh: "周六、周日也算", en: "Saturdays and Sundays too" },
  clock: { zh: "依据哪个时间", en: "By which time" },
  least: { zh: "至少", en: "At least" },
  factor: { zh: "超过中位数的倍数", en: "More than so many times the median" },
  by: { zh: "按谁", en: "By whom" },
  per: { zh: "范围", en: "Within" },
  no: { zh: "否", en: "no" },
  yes: { zh: "是", en: "yes" },
  either: { zh: "任一", en: "either" },
  ledger: { zh: "账本时间", en: "ledger time" },
  call: { zh: "调用方所称时间", en: "the side's own time" },
  officer: { zh: "经办人", en: "officer" },
  department: { zh: "请求部门", en: "requesting department" },
  hour: { zh: "一小时", en: "an hour" },
  day: { zh: "一天", en: "a day" },
  list: { zh: "整个列表", en: "the whole list" },
};

// The findings by the names that `kun audit query --finding` has.
export const FINDING_NAMES = {
  "no-grant": { zh: "无授权", en: "no grant" },
  "grant-not-active": { zh: "授权无效", en: "grant not active" },
  "outside-grant": { zh: "超出授权范围", en: "outside the grant" },
  "quota-exceeded": { zh: "超出每日限额", en: "quota exceeded" },
  late: { zh: "逾期记录", en: "late" },
  "halves-differ": { zh: "双方记录不一致", en: "the halves differ" },
} as const satisfies Record<string, Words>;
