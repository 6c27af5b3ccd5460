// The words of disputes, Chinese first.

import type { Words } from "../verify/verdict";
import type { DisputeAction, DisputeState } from "./dispute_acts";

export const ACTION_WORDS: Readonly<Record<DisputeAction, Words>> = {
  object: { zh: "提出异议", en: "objection filed" },
  forward: { zh: "转办", en: "forwarded" },
  extend: { zh: "延期", en: "extended" },
  correct: { zh: "已更正", en: "corrected" },
  refuse: { zh: "不予更正", en: "refused" },
  withdraw: { zh: "已撤回", en: "withdrawn" },
  overdue: { zh: "账本认定逾期", en: "found overdue by the ledger" },
};
// Colour and sign beside the word, for no state is told by its colour alone.
export const STATE_WORDS: Readonly<Record<DisputeState, Words & { colour: string; sign: string }>> = {
  overdue: { zh: "逾期未答复", en: "overdue", colour: "red", sign: "✗" },
  open: { zh: "待答复", en: "open", colour: "amber", sign: "…" },
  correct: { zh: "已更正", en: "corrected", colour: "green", sign: "✓" },
  refuse: { zh: "不予更正", en: "refused", colour: "grey", sign: "–" },
  withdraw: { zh: "已撤回", en: "withdrawn", colour: "grey", sign: "↩" },
};
const GROUNDS: readonly Words[] = [
  { zh: "内容有误", en: "the data are wrong" },
  { zh: "未经授权", en: "not authorised" },
  { zh: "张冠李戴", en: "data of another person" },
  { zh: "记录有误", en: "the record is wrong" },
  { zh: "其他", en: "something else" },
];

export function groundWords(ground: number): Words {
  return GROUNDS[ground - 1] ?? { zh: `${ground}`, en: `${ground}` };
}

export const DISPUTE_SAID = {
  title: { zh: "异议", en: "Disputes" },
  state: { zh: "状态", en: "State" },
  responsible: { zh: "负责部门", en: "Responsible" },
  filer: { zh: "提出部门", en: "Filed by" },
  ground: { zh: "理由", en: "Ground" },
  about: { zh: "所争议的", en: "About" },
  due: { zh: "答复期限", en: "Due" },
  left: { zh: "还有 {n} 天", en: "{n} days left" },
  today: { zh: "不足一天", en: "less than a day left" },
  past: { zh: "已过 {n} 天", en: "{n} days past" },
  late: { zh: "逾期后答复", en: "answered late" },
  unknown: { zh: "未知：最初的记录在另一部门的轨迹里", en: "unknown: the first record is in another department's trail" },
  lineage: { zh: "被异议的调用与来龙去脉", en: "the disputed call and its lineage" },
  trail: { zh: "处理经过（{n} 条已证明的记录）", en: "What happened ({n} proven records)" },
  alone: { zh: "单独查这一异议的完整轨迹", en: "ask for the whole trail of this dispute" },
  follows: { zh: "承接的异议", en: "Follows" },
  reason: { zh: "原因代码", en: "reason code" },
  successor: { zh: "更正后", en: "replaced by" },
  to: { zh: "转给", en: "to" },
  shown: { zh: "{n} / {all} 件异议", en: "{n} of {all} disputes" },
  asOf: { zh: "天数按所依据区块的时间计：", en: "Days are counted at the time of the block: " },
  asOfPeriod: {
    zh: "仅截至所查期间末尾的状态，其后的处理不在其中；天数也按该时刻计：",
    en: "States at the end of the period asked about; what was done after it is not in this list. Days are counted at: ",
  },
  none: { zh: "没有符合条件的异议", en: "No such dispute" },
} as const satisfies Record<string, Words>;
export type DisputeSaid = keyof typeof DISPUTE_SAID;
