// The sentence of each rule, with its parameters in it, as chainnode/analysis/anomaly_words.py.

import type { Words } from "../verify/verdict";
import type { Chosen, RuleName } from "./rules";

const CLOCKS: Readonly<Record<string, Words>> = {
  either: { zh: "账本时间或调用方所称时间", en: "by ledger time or by the time that a side states" },
  ledger: { zh: "账本时间", en: "by ledger time" },
  call: { zh: "调用方所称时间", en: "by the time that a side states" },
};
const WEEKENDS: Readonly<Record<string, Words>> = {
  no: { zh: "", en: "" },
  yes: { zh: "，或在周六、周日", en: ", or on a Saturday or Sunday" },
};
const BY: Readonly<Record<string, Words>> = {
  officer: { zh: "经办人", en: "officer" },
  department: { zh: "请求部门", en: "requesting department" },
};
const PER: Readonly<Record<string, Words>> = {
  hour: { zh: "小时", en: "hour" },
  day: { zh: "天", en: "day" },
};
const WITHIN: Readonly<Record<string, Words>> = {
  day: { zh: "一天之内", en: "on one day" },
  list: { zh: "在本列表的期间内", en: "within the period of this list" },
};
const TEMPLATES: Readonly<Record<RuleName, Words>> = {
  "night": {
    zh: "在 {start} 至 {end}（+08:00）之外发生的调用{weekends}；依据：{clock}",
    en: "calls outside of {start} to {end} (+08:00){weekends}, {clock}",
  },
  "bulk": {
    zh: "返回数量或涉及人数不少于 {least} 的调用",
    en: "calls that returned {least} or more records, or concern {least} or more people",
  },
  "no-case": {
    zh: "本列表中没有任何记录写明案件编号的调用",
    en: "calls of which no record in this list names a case number",
  },
  "spikes": {
    zh: "同一{by}在一{per}内不少于 {least} 次，且多于本列表中其他各“{by}·{per}”次数中位数的 {factor} 倍的调用",
    en: "{least} or more calls of one {by} within one {per}, and more than {factor} times the median of all other pairs of {by} and {per} with calls in this list",
  },
  "repeated": {
    zh: "同一经办人{per}查询同一主体不少于 {least} 次的调用",
    en: "{least} or more calls of one officer about one subject {per}",
  },
  "denied": {
    zh: "同一请求部门向同一提供部门{per}被拒绝不少于 {least} 次的调用",
    en: "{least} or more denied calls of one department to another {per}",
  },
};

export function sentence(rule: RuleName, chosen: Chosen): Words {
  const filled = (template: string, language: keyof Words): string =>
    template.replace(/\{(\w+)\}/g, (_, name: string) => worded(rule, name, `${chosen[name]}`)[language]);
  const { zh, en } = TEMPLATES[rule];
  return { zh: filled(zh, "zh"), en: filled(en, "en") };
}

function worded(rule: RuleName, name: string, value: string): Words {
  const tables: Readonly<Record<string, Readonly<Record<string, Words>>>> = {
    clock: CLOCKS, weekends: WEEKENDS, by: BY, per: rule === "spikes" ? PER : WITHIN,
  };
  return tables[name]?.[value] ?? { zh: value, en: value };
}
