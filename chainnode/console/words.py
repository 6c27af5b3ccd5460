"""The words of the pages, Chinese first and English equal. Templates hold none of their own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

LANGUAGES: Final = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Word:
    """One text in both languages."""

    zh: str
    en: str

    def said(self, language: str) -> str:
        """Return it in a language of `LANGUAGES`."""
        return self.en if language == "en" else self.zh


WORDS: Final[Mapping[str, Word]] = {
    "title": Word("昆链控制台", "Kunlian console"),
    "skip": Word("跳到正文", "Skip to content"),
    "overview": Word("总览", "Overview"),
    "search": Word("查询", "Search"),
    "findings": Word("缺失与发现", "Unmatched and findings"),
    "disputes": Word("异议", "Disputes"),
    "log_out": Word("退出", "Log out"),
    "log_in": Word("登录", "Log in"),
    "language": Word("English", "中文"),
    "large": Word("大字版", "Large type"),
    "normal": Word("标准字号", "Normal type"),
    "devnet": Word(
        "这是开发网，数据为虚构，无法律效力", "A devnet: invented data, without any legal effect"
    ),
    "nodes": Word("节点", "Nodes"),
    "node": Word("节点", "Node"),
    "state": Word("状态", "State"),
    "role": Word("角色", "Role"),
    "height": Word("高度", "Height"),
    "view": Word("视图", "View"),
    "version": Word("软件版本", "Software"),
    "quorum": Word("法定票数", "Quorum"),
    "of_members": Word("位成员", "members"),
    "newest": Word("最新区块", "Newest block"),
    "proven_here": Word("已由本控制台核验签名", "signatures checked by this console"),
    "checked_by_server": Word(
        "以下由本控制台的服务器核验，不是由您的浏览器核验；可用核验网页或 kun 命令自行核验。",
        "The server of this console checked this, not your browser. To check it yourself, use the"
        " verification page or the command `kun`.",
    ),
    "alarms": Word("告警", "Alarms"),
    "no_alarms": Word("没有告警", "No alarms"),
    "healthy": Word("健康", "Healthy"),
    "degraded": Word("降级", "Degraded"),
    "halted": Word("停滞", "Halted"),
    "running": Word("运行", "running"),
    "syncing": Word("同步中", "catching up"),
    "voting_stopped": Word("已停止投票", "does not vote"),
    "silent": Word("没有应答", "no answer"),
    "primary": Word("主节点", "primary"),
    "backup": Word("备份", "backup"),
    "learner": Word("观察", "learner"),
    "live": Word("实时动态", "Live"),
    "live_hint": Word(
        "新区块、缺失与发现，到达即显示", "New blocks, gaps and findings as they come"
    ),
    "chart": Word("最近区块的记录数", "Records in recent blocks"),
    "record": Word("记录", "Record"),
    "records": Word("记录", "Records"),
    "block": Word("区块", "Block"),
    "position": Word("位置", "Position"),
    "time": Word("账本时间", "Ledger time"),
    "organisation": Word("提交部门", "Submitted by"),
    "ledger_itself": Word("账本自身", "the ledger itself"),
    "contract": Word("合约", "Contract"),
    "action": Word("操作", "Action"),
    "requester": Word("请求方", "Requester"),
    "provider": Word("提供方", "Provider"),
    "item": Word("数据项", "Item"),
    "side": Word("陈述方", "Side"),
    "outcome": Word("结果", "Outcome"),
    "findings_of": Word("账本所查", "Found by the ledger"),
    "purpose": Word("事由", "Purpose"),
    "call_id": Word("调用编号", "Call id"),
    "submission": Word("提交摘要", "Submission"),
    "digest": Word("区块头摘要", "Header digest"),
    "epoch": Word("纪元", "Epoch"),
    "signatures": Word("签名", "Signatures"),
    "checks": Word("五项核验", "Five checks"),
    "content": Word("内容", "Content"),
    "issuer": Word("提交者", "Author"),
    "history": Word("历史", "History"),
    "freshness": Word("时效", "Freshness"),
    "pass": Word("通过", "pass"),
    "fail": Word("未通过", "fail"),
    "not_checked": Word("未核验", "not checked"),
    "content_detail": Word(
        "记录内容与日志中的摘要一致", "the record is what the log holds the digest of"
    ),
    "issuer_detail": Word("提交者的签名成立", "the signature of who submitted it holds"),
    "issuer_ledger": Word(
        "由账本规则自动生成，没有提交者", "made by the ledger's own rules: nobody submitted it"
    ),
    "issuer_absent": Word("没有节点保留其提交原文", "no node has kept what was submitted"),
    "history_detail": Word(
        "日志路径通向已签名的区块头", "its path leads to the signed root of the log"
    ),
    "as_of": Word("截至", "As of"),
    "previous": Word("上一区块", "Previous block"),
    "next": Word("下一区块", "Next block"),
    "no_records": Word("本区块没有记录", "No records in this block"),
    "more_records": Word("仅列出前若干条", "only the first are listed"),
    "sealed": Word("内容已加密或未披露", "content sealed or withheld"),
    "needs_script": Word(
        "查询结果由您的浏览器独立核验，需要启用脚本",
        "Answers are verified by your browser itself, which needs scripts",
    ),
    "dispute_whole": Word("此异议的完整轨迹", "The whole trail of this dispute"),
    "lineage": Word("调用与来龙去脉", "A call and its lineage"),
    "call": Word("调用", "Call"),
    "calls": Word("所涉调用", "Calls"),
    "level": Word("层级", "Level"),
    "level_start": Word("所查", "this one"),
    "halves": Word("双方记录", "Both halves"),
    "notes": Word("说明", "Notes"),
    "links": Word("连接与缺失", "Links, and what is missing"),
    "no_links": Word("没有已知的来源或下游", "No source and no follower is known"),
    "picture": Word("调用链图", "Picture"),
    "picture_hint": Word(
        "图由已证明的记录画成，图本身不是证明；每一方的记录都可以点开核验。"
        "连接是一方或双方所称，说明见下。",
        "The picture is drawn from proven records and proves nothing itself: open each record to"
        " check it. A link is what one or both sides say; notes are below.",
    ),
    "keep_picture": Word("保存 SVG", "Keep the SVG"),
    "keep_json": Word("保存 JSON", "Keep the JSON"),
    "children_not_asked": Word(
        "只查了来源：来源由状态证明得出，不必提问。下游须说明事由并记入账本，见页末",
        "Only where it came from was looked for, which is proven without a question. What came"
        " from it is a question with a purpose, which is recorded: see the end of the page",
    ),
    "children_asked": Word(
        "来源与下游都已查：所用提问及其完整性见下",
        "Sources and followers were both looked for: the questions, and whether their answers are"
        " complete, are below",
    ),
    "cut": Word("到达上限，以下被截断：", "Cut at a bound:"),
    "said_by": Word("陈述方：", "said by"),
    "missing": Word("链上没有", "not on the chain"),
    "named_by": Word("提到它的调用：", "named by"),
    "looked_in": Word(
        "查了 {n} 对部门，已证明没有", "proven absent between {n} pairs of departments"
    ),
    "questions_asked": Word("所用提问", "Questions asked"),
    "is_complete": Word("完整", "complete"),
    "not_complete": Word("未证明完整", "not proven complete"),
    "ask_children": Word("查下游调用", "Ask what came from it"),
    "purpose_needed": Word(
        "查询事由（必填，记入账本）", "Purpose (mandatory, recorded on the ledger)"
    ),
    "purpose_hint": Word(
        "不要写身份号码或姓名。提问本身会成为一条记录。",
        "No identity numbers or names. The question itself becomes a record.",
    ),
    "basis": Word("查询依据", "On what it rests"),
    "basis_supervision": Word("监督审计", "supervision"),
    "basis_own_view": Word("本人查询", "the person's own view"),
    "basis_data_quality": Word("数据质量（异议）", "data quality (a dispute)"),
    "basis_operation": Word("运行维护", "operation"),
    "from": Word("起始（账本时间，可不填）", "From (ledger time, optional)"),
    "to": Word("截止（含当日，可不填）", "To (the day included, optional)"),
    "link_parent": Word("上级调用", "parent"),
    "link_derived": Word("数据来源", "derived from"),
    "note_one_side": Word("仅一方称", "one side says so"),
    "note_ambiguous": Word("编号不唯一", "the id is used more than once"),
    "note_of_others": Word("他人的调用，未继续追踪", "a call of others, not followed"),
    "note_cycle": Word("循环", "a circle"),
    "note_later": Word("来源晚于结果记录", "recorded after what came from it"),
    "note_other_trace": Word("追踪号不同", "another trace"),
    "disagree_trace_id": Word("双方追踪号不同", "the halves give different traces"),
    "disagree_parent_call_id": Word("双方所称上级不同", "the halves name different parents"),
    "match_matched": Word("双方一致", "matched"),
    "match_mismatched": Word("双方不一致", "mismatched"),
    "match_open": Word("等待另一方", "waiting for the other half"),
    "match_both": Word("双方都有（未比对）", "both (not compared)"),
    "match_one_half": Word("只有一方", "one half"),
    "match_one_sided_claimed": Word("单方自述", "one-sided, claimed"),
    "match_one_sided_proven": Word("单方已证", "one-sided, proven"),
    "side_requester": Word("请求方", "requester"),
    "side_provider": Word("提供方", "provider"),
    "kind_requester": Word("请求部门", "requester"),
    "kind_trace": Word("调用链", "trace"),
    "kind_subject": Word("化名", "pseudonyms"),
    "permitted": Word("已准许", "permitted"),
    "denied": Word("已拒绝", "denied"),
    "failed": Word("已失败", "failed"),
    "not_registered": Word("链上没有", "not registered"),
    "UNKNOWN_CALL": Word("已证明链上没有这次调用", "It is proven that there is no such call"),
    "error": Word("无法完成", "It did not work"),
    "NOT_LOGGED_IN": Word("请先登录", "Please log in"),
    "NO_ROLE": Word("您的角色不能打开此页", "Your role does not open this page"),
    "BAD_CSRF": Word("请求来自其他页面，请重试", "The request came from elsewhere: try again"),
    "BAD_STATE": Word("登录已过期，请重新登录", "The login has expired: log in again"),
    "BAD_FORM": Word("表单不完整", "The form is not complete"),
    "BAD_ANSWER": Word("身份服务的答复有误", "The login service gave a wrong answer"),
    "BAD_ID_TOKEN": Word("身份服务的凭证未通过核验", "The login service's token was refused"),
    "REFUSED_BY_PROVIDER": Word("身份服务拒绝了登录", "The login service refused the login"),
    "PROVIDER_UNAVAILABLE": Word("身份服务没有应答", "The login service does not answer"),
    "TOO_MANY_SESSIONS": Word("登录人数已满，请稍后再试", "Too many people are logged in: wait"),
    "NOT_FOUND": Word("没有这个页面或记录", "There is no such page or record"),
    "METHOD": Word("不支持此操作", "This cannot be done here"),
    "CANNOT_DECIDE": Word("没有节点给出可核验的答复", "No node gave an answer that can be checked"),
    "FORKED": Word(
        "同一高度有两个不同的账本，均有法定签名：此账本已不可信。证据在控制台的数据目录，请立即上报",
        "A quorum signed two ledgers of one height: nothing this chain says can be believed. The"
        " evidence is in the console's data folder: report it at once",
    ),
    "BUSY": Word("正忙，请稍后再试", "Busy: try again soon"),
    "TOO_MANY_QUESTIONS": Word(
        "您已有两个提问在处理中。请等其中一个答完，几秒后再试",
        "Two of your questions are in work: wait until one is answered, then try again",
    ),
    "TOO_MANY_LOOKS": Word(
        "您同时打开的页面太多，请几秒后再试",
        "You have too many pages loading at once: try again in some seconds",
    ),
    "TOO_MANY_STREAMS": Word(
        "您已有三个页面在接收实时动态，请先关闭其中一个",
        "Three of your pages are listening already: close one of them first",
    ),
    "BODY": Word("提问的格式有误", "The question has a wrong form"),
    "KIND": Word("没有这种查法", "There is no such kind of question"),
    "PURPOSE": Word("请填写事由（至多 500 字）", "A purpose is needed, of 500 characters at most"),
    "PERIOD": Word("时段有误", "The period is wrong"),
    "VALUES": Word("所查的值有误", "What is asked for is wrong"),
    "PERSON": Word("号码种类或号码有误", "The kind of number, or the number, is wrong"),
    "BASIS": Word("没有这种查询依据", "There is no such basis"),
    "WITH": Word("没有这种附带表格", "There is no such table to go with the file"),
    "NOT_INSTALLED": Word(
        "本控制台没有安装生成此表格的组件", "This console cannot make such a table: not installed"
    ),
    "NO_CUSTODIAN": Word(
        "本控制台没有接入保管部门，不能按号码查",
        "No custodian is configured here: nobody can be asked for by number",
    ),
    "NOT_RECORDED": Word(
        "提问未能记入账本，因此没有答复", "The question was not recorded, so there is no answer"
    ),
    "TOO_MANY_ROWS": Word(
        "答复太长，请缩短时段", "The answer is too long: choose a shorter period"
    ),
    "NOT_ANSWERED": Word("未能得到答复", "No answer could be had"),
    "FALSE_ANSWERS": Word("没有一个节点的答复通过核验", "No node's answer passed its check"),
    "BUG": Word("控制台内部错误", "An error inside the console"),
}


def refusal_word(code: str) -> str:
    """Return the name of the words for a refusal: a custodian has codes of its own."""
    return code if code in WORDS else "NOT_ANSWERED"


def said(name: str, language: str) -> str:
    """Return a text of `WORDS`."""
    return WORDS[name].said(language)
