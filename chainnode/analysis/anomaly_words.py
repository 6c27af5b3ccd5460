"""The sentence of each rule, with its parameters in it. Pure."""

from chainnode.analysis.parameters import Chosen
from chainnode.verify.verdict import Words

_CLOCKS = {
    "either": Words("账本时间或调用方所称时间", "by ledger time or by the time that a side states"),
    "ledger": Words("账本时间", "by ledger time"),
    "call": Words("调用方所称时间", "by the time that a side states"),
}
_WEEKENDS = {
    "no": Words("", ""),
    "yes": Words("，或在周六、周日", ", or on a Saturday or Sunday"),
}
_BY = {
    "officer": Words("经办人", "officer"),
    "department": Words("请求部门", "requesting department"),
}
_PER = {
    "hour": Words("小时", "hour"),
    "day": Words("天", "day"),
}
_WITHIN = {
    "day": Words("一天之内", "on one day"),
    "list": Words("在本列表的期间内", "within the period of this list"),
}
_TEMPLATES = {
    "night": Words(
        "在 {start} 至 {end}（+08:00）之外发生的调用{weekends}；依据：{clock}",
        "calls outside of {start} to {end} (+08:00){weekends}, {clock}",
    ),
    "bulk": Words(
        "返回数量或涉及人数不少于 {least} 的调用",
        "calls that returned {least} or more records, or concern {least} or more people",
    ),
    "no-case": Words(
        "本列表中没有任何记录写明案件编号的调用",
        "calls of which no record in this list names a case number",
    ),
    "spikes": Words(
        "同一{by}在一{per}内不少于 {least} 次，且多于本列表中其他各“{by}·{per}”次数中位数的"
        " {factor} 倍的调用",
        "{least} or more calls of one {by} within one {per}, and more than {factor} times the"
        " median of all other pairs of {by} and {per} with calls in this list",
    ),
    "repeated": Words(
        "同一经办人{per}查询同一主体不少于 {least} 次的调用",
        "{least} or more calls of one officer about one subject {per}",
    ),
    "denied": Words(
        "同一请求部门向同一提供部门{per}被拒绝不少于 {least} 次的调用",
        "{least} or more denied calls of one department to another {per}",
    ),
}
_IN_WORDS = {"clock": _CLOCKS, "weekends": _WEEKENDS, "by": _BY}


def sentence(rule: str, chosen: Chosen) -> Words:
    """Return what a rule with these parameters looks for."""
    template = _TEMPLATES[rule]
    told = {name: _worded(rule, name, f"{value}") for name, value in chosen.items()}
    return Words(
        template.zh.format(**{name: one.zh for name, one in told.items()}),
        template.en.format(**{name: one.en for name, one in told.items()}),
    )


def _worded(rule: str, name: str, value: str) -> Words:
    if name == "per":
        return (_PER if rule == "spikes" else _WITHIN)[value]
    return _IN_WORDS[name][value] if name in _IN_WORDS else Words(value, value)
