"""Refusals as people and programs read them (RFC 9457): a stable code, zh and en, a next step.

No problem repeats anything of a request: what came may be a number of a person.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemKind:
    """A code's status and words."""

    status: int
    zh: str
    en: str


class Refused(Exception):
    """An answer that is a problem document; `parameter` is a name of ours."""

    def __init__(self, code: str, *, parameter: str = "", retry_after_s: int = 0) -> None:
        self.code = code
        self.parameter = parameter
        self.retry_after_s = retry_after_s
        super().__init__(code)


KINDS: Final[Mapping[str, ProblemKind]] = {
    "NOT_FOUND": ProblemKind(status=404, zh="没有这个页面", en="There is no such page"),
    "METHOD": ProblemKind(status=405, zh="不支持这种请求", en="Not by this method"),
    "BAD_QUERY": ProblemKind(
        status=400, zh="查询参数有误", en="A parameter of the query is not legal"
    ),
    "USER_CODE": ProblemKind(
        status=400,
        zh="userCode 只能是 me 或本次会话的代理句柄，不得填写证件号码",
        en="userCode is me or a handle of this session; a number of a person never stands here",
    ),
    "NO_SUCH_USE": ProblemKind(
        status=404,
        zh="没有这条使用记录，或已更新，请刷新",
        en="No such use, or a newer view: reload",
    ),
    "NOT_LOGGED_IN": ProblemKind(status=401, zh="请先登录", en="Log in first"),
    "NO_ROLE": ProblemKind(status=403, zh="此账户不能查看", en="This account may not see this"),
    "NO_NUMBER": ProblemKind(
        status=403,
        zh="登录服务没有提供有效的证件号码",
        en="The login gave no valid number of a person",
    ),
    "LOGIN": ProblemKind(status=403, zh="登录未完成，请重试", en="Not logged in: try again"),
    "BAD_CSRF": ProblemKind(
        status=403, zh="请从本站页面操作", en="Only a page of this site may ask for this"
    ),
    "BAD_BODY": ProblemKind(status=400, zh="提交内容有误", en="The content is not legal"),
    "OBJECTED_ALREADY": ProblemKind(
        status=409,
        zh="这次使用已有一条待答复的疑问",
        en="An objection to this use waits for its answer",
    ),
    "NOT_DISPUTABLE": ProblemKind(
        status=409, zh="此项不能在这里提出疑问", en="Nobody can object to this here"
    ),
    "NOT_FILED": ProblemKind(
        status=503,
        zh="账本暂未受理，请稍后查看",
        en="The ledger has not taken it: look again later",
    ),
    "RATE": ProblemKind(status=429, zh="查询过于频繁，请稍后再试", en="Too often: come back later"),
    "TOO_MANY_ROWS": ProblemKind(
        status=503,
        zh="记录太多，一次显示不下，请联系窗口",
        en="More is recorded than one view holds: ask at the desk",
    ),
    "NO_PROOF": ProblemKind(
        status=503,
        zh="暂时没有节点给出可验证的回答",
        en="No node gives an answer that can be verified now",
    ),
    "FORKED": ProblemKind(
        status=503,
        zh="同一高度有两个不同的账本，均有法定签名：此账本已不可信，请到窗口反映",
        en="A quorum signed two ledgers of one height: nothing here can be believed; tell the desk",
    ),
    "CUSTODIAN": ProblemKind(
        status=503, zh="标识托管服务暂不可用", en="The custodian of tokens gives none now"
    ),
    "REPRESENTATION": ProblemKind(
        status=503,
        zh="暂时无法查询代理关系",
        en="For whom you may act cannot be asked now",
    ),
    "INTERNAL": ProblemKind(status=500, zh="内部错误", en="An error of ours"),
}


def problem(refused: Refused) -> Response:
    """Return the document of a refusal."""
    kind = KINDS[refused.code]
    document: dict[str, object] = {
        "type": "about:blank",
        "status": kind.status,
        "title": kind.en,
        "title_zh": kind.zh,
        "code": refused.code,
    }
    headers = {}
    if refused.parameter:
        document["parameter"] = refused.parameter
    if refused.retry_after_s:
        document["retry_after_s"] = refused.retry_after_s
        headers["Retry-After"] = f"{refused.retry_after_s}"
    content = json.dumps(document, ensure_ascii=False).encode()
    return Response(content, kind.status, headers=headers, media_type=MEDIA_TYPE)
