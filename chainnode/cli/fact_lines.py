"""Facts for people: a name and a value on each line, nested ones below, no raw notation."""

from collections.abc import Iterator, Mapping

from chainnode.cli.output import Output, aligned

# In English a fact is called as in the JSON.
_CHINESE = {
    "proven": "已证明",
    "kind": "类别",
    "position": "位置",
    "height": "高度",
    "time": "账本时间",
    "organisation": "部门代码",
    "contract": "合约",
    "action": "动作",
    "outcome": "结果",
    "submission": "提交摘要",
    "call": "调用",
    "call_id": "调用编号",
    "side": "陈述方",
    "requester": "请求方",
    "provider": "提供方",
    "item": "数据项",
    "subjects": "主体化名",
    "status": "状态码",
    "count": "数量",
    "requested": "调用时间",
    "purpose": "事由",
    "held_against": "缺口归于",
    "due": "截止",
    "differs": "不一致之处",
    "halves": "双方记录所在提交",
    "author": "签名的提交者",
    "key_id": "密钥标识",
    "public_key": "公钥",
    "nonce": "序号",
    "question": "查询",
    "questions": "查询",
    "rows": "记录数",
    "attested_not_proven": "转述，未经证明",
    "by": "陈述者",
    "custodian": "保管方",
    "places": "化名所属",
    "department": "部门",
    "key_epoch": "密钥期数",
    "parts": "各部分",
    "digest": "摘要",
    "asked_by": "查询方",
    "index_keys": "索引键",
    "complete": "完整",
    "complete_to": "完整至",
    "as_of_height": "截至高度",
    "as_of_time": "截至时间",
    "signers": "签名者",
    "members": "成员",
    "exported_from": "导出节点",
    "page": "附核验页",
    "page_same": "核验页与本版本相同",
    "fingerprint": "指纹",
    "chain_id": "链标识",
    "suite": "算法套件",
    "devnet": "开发网",
    "epoch": "纪元",
    "header_digest": "区块头摘要",
    "same": "指纹一致",
    "record": "记录",
    "message": "报文",
    "fields": "字段",
    "present": "存在",
    "title": "名称",
    "owner": "提供方",
    "version": "版本",
    "state": "状态",
    "grade": "级别",
    "share": "共享",
    "supervisor": "监管机构",
    "grant": "授权",
    "in_force": "生效",
    "expired": "已过期",
    "item_version": "数据项版本",
    "valid_from": "自",
    "valid_to": "至",
    "quota": "每日限额",
    "suspended_by": "暂停方",
    "dispute": "异议",
    "texts": "正文",
    "text_state": "可否打开",
    "text": "内容",
    "ground": "理由",
    "target": "对象",
    "overdue": "逾期",
    "filer": "提出方",
    "responsible": "承办方",
    "filed": "提出时间",
    "forwards": "转办次数",
    "follows": "承接",
}
_INDENT = "  "


def print_facts(output: Output, facts: Mapping[str, object]) -> None:
    """Print facts in their order, values under each other."""
    rows = list(_rows(output, facts, ""))
    for line in aligned(rows) if rows else ():
        output.line(line)


def _rows(output: Output, facts: Mapping[str, object], indent: str) -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        label = indent + output.words(_CHINESE.get(name, name), name)
        if isinstance(value, Mapping):
            yield label, ""
            yield from _rows(output, value, indent + _INDENT)
        elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            for number, one in enumerate(value, 1):
                yield f"{label} {number}", ""
                yield from _rows(output, one, indent + _INDENT)
        elif isinstance(value, list) and any(isinstance(one, list) for one in value):
            for number, one in enumerate(value):
                yield "" if number else label, _shown(output, one)
        else:
            yield label, _shown(output, value)


def _shown(output: Output, value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return output.words("是", "yes") if value else output.words("否", "no")
    if isinstance(value, list):
        return ", ".join(_shown(output, one) for one in value) or "-"
    return f"{value}"
