// The words of the search page, Chinese first. Those of proofs and records are in ../verify/words.

import type { Words } from "../verify/verdict";

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
  undecided: { zh: "暂时无法核验", en: "Cannot be checked now" },
  older: {
    zh: "注意：这一答复所依据的区块早于本浏览器见过的区块。",
    en: "Note: this answer rests on an older block than one this browser has seen.",
  },
  of: { zh: "/", en: "of" },
  records: { zh: "条记录", en: "records" },
  forPlaces: { zh: "就", en: "for the pseudonyms of" },
  ofDepartments: { zh: "个部门的化名而言", en: "departments" },
  download: { zh: "导出 .kunproof（就是刚才核验的字节）", en: "Export .kunproof (the very bytes that were checked)" },
  filters: { zh: "在完整结果中筛选", en: "Filter the complete list" },
  filtered: { zh: "筛选后", en: "filtered" },
  signatures: { zh: "个成员签名", en: "signatures" },
  zone: { zh: "（北京时间）", en: " (+08:00)" },
  clear: { zh: "清除筛选", en: "Clear the filters" },
  any: { zh: "全部", en: "any" },
  department: { zh: "部门", en: "Department" },
  officer: { zh: "经办人", en: "Officer" },
  caseNumber: { zh: "办件编号", en: "Case number" },
  contains: { zh: "事由包含", en: "Purpose contains" },
  hours: { zh: "时刻（北京时间）", en: "Hour (+08:00)" },
  atNight: { zh: "18:00–08:00", en: "18:00–08:00" },
  byDay: { zh: "08:00–18:00", en: "08:00–18:00" },
  rowKind: { zh: "记录种类", en: "Kind of record" },
  callRow: { zh: "数据调用", en: "data calls" },
  questionRow: { zh: "审计提问", en: "questions" },
  ownRow: { zh: "账本认定", en: "the ledger's own" },
  otherRow: { zh: "其他", en: "others" },
  cannotTell: { zh: "条无法判断（内容已加密或未出示）", en: "rows cannot be told (encrypted or not shown)" },
  perDay: { zh: "每日记录数", en: "Records per day" },
  day: { zh: "日期", en: "Day" },
  count: { zh: "条数", en: "Count" },
  facets: { zh: "分类计数", en: "Counts" },
  refused: { zh: "未能提问", en: "The question was not taken" },
  network: { zh: "连不上服务器", en: "The server cannot be reached" },
  requesterSide: { zh: "请求方", en: "requester" },
  providerSide: { zh: "提供方", en: "provider" },
} as const satisfies Record<string, Words>;
export type Said = keyof typeof SAID;

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

// The findings by the names that `kun audit query --finding` has.
export const FINDING_NAMES = {
  "no-grant": { zh: "无授权", en: "no grant" },
  "grant-not-active": { zh: "授权无效", en: "grant not active" },
  "outside-grant": { zh: "超出授权范围", en: "outside the grant" },
  "quota-exceeded": { zh: "超出每日限额", en: "quota exceeded" },
  late: { zh: "逾期记录", en: "late" },
  "halves-differ": { zh: "双方记录不一致", en: "the halves differ" },
} as const satisfies Record<string, Words>;
