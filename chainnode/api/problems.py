"""RFC 9457 problem details: one table from error classes and codes to HTTP.

Every error of the API, 422 and 404 included, leaves through here: a stable `code`, the words
in Chinese and English, a hint, and the request id that stands in the log.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import Request
from fastapi.responses import JSONResponse

from chainnode.verify.strict_json import JsonObject

MEDIA_TYPE = "application/problem+json"
# The chain moves on within a second; whoever comes back sooner comes back in vain.
RETRY_AFTER_S = 1
_PASSING = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_LANGUAGES = ("zh", "en")
_LANGUAGES_READ_MAX = 16
_QUALITY = re.compile(r"\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemKind:
    """A stable code with its status and words."""

    status: HTTPStatus
    zh: str
    en: str
    hint_zh: str = ""
    hint_en: str = ""


KINDS: dict[str, ProblemKind] = {
    "OVERSIZE": ProblemKind(
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        zh="内容过大",
        en="Too large",
        hint_zh="拆分为多个提交",
        hint_en="Split it into several submissions.",
    ),
    "MALFORMED": ProblemKind(
        status=HTTPStatus.BAD_REQUEST,
        zh="格式错误",
        en="Malformed",
        hint_zh="格式见 docs/wire-format.md",
        hint_en="The format is in docs/wire-format.md.",
    ),
    "WRONG_CHAIN": ProblemKind(
        status=HTTPStatus.CONFLICT,
        zh="不是本链的提交",
        en="For another chain",
        hint_zh="用本链的创世文件重新签名",
        hint_en="Sign it again with the genesis file of this chain.",
    ),
    "EXPIRED": ProblemKind(
        status=HTTPStatus.CONFLICT,
        zh="已过有效期",
        en="No longer valid",
        hint_zh="检查时钟后重新签名",
        hint_en="Check the clock and sign it again.",
    ),
    "VALID_TOO_LONG": ProblemKind(
        status=HTTPStatus.BAD_REQUEST,
        zh="有效期过长",
        en="Valid for too long",
        hint_zh="检查时钟；有效期至多十分钟",
        hint_en="Check the clock; ten minutes at most.",
    ),
    "BAD_KEY": ProblemKind(status=HTTPStatus.BAD_REQUEST, zh="公钥无效", en="Not a public key"),
    "BAD_SIGNATURE": ProblemKind(
        status=HTTPStatus.FORBIDDEN, zh="签名无效", en="The signature does not verify"
    ),
    "UNKNOWN_KEY": ProblemKind(
        status=HTTPStatus.FORBIDDEN,
        zh="密钥未登记",
        en="The key is not registered",
        hint_zh="由本部门的成员密钥登记",
        hint_en="A member key of its department registers it.",
    ),
    "POOL_FULL": ProblemKind(
        status=HTTPStatus.TOO_MANY_REQUESTS, zh="节点繁忙", en="The node is busy"
    ),
    "KEY_QUOTA": ProblemKind(
        status=HTTPStatus.TOO_MANY_REQUESTS,
        zh="该密钥待处理提交过多",
        en="Too many submissions of this key are waiting",
    ),
    "UNSUPPORTED_MEDIA_TYPE": ProblemKind(
        status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        zh="媒体类型不支持",
        en="Unsupported media type",
    ),
    "INVALID_PARAMETER": ProblemKind(
        status=HTTPStatus.UNPROCESSABLE_ENTITY, zh="参数错误", en="A parameter is not valid"
    ),
    "INVALID_IDENTIFIER": ProblemKind(
        status=HTTPStatus.BAD_REQUEST, zh="证照标识错误", en="Not a certificate identifier"
    ),
    "UNKNOWN_SUBMISSION": ProblemKind(
        status=HTTPStatus.NOT_FOUND, zh="没有此提交", en="No such submission"
    ),
    "NOT_FOUND": ProblemKind(status=HTTPStatus.NOT_FOUND, zh="不存在", en="Not found"),
    "METHOD_NOT_ALLOWED": ProblemKind(
        status=HTTPStatus.METHOD_NOT_ALLOWED, zh="方法不允许", en="Method not allowed"
    ),
    "NOT_A_QUESTION": ProblemKind(
        status=HTTPStatus.BAD_REQUEST,
        zh="不是审计查询",
        en="Not an audit question",
        hint_zh="提交一个 audit/question 调用",
        hint_en="Send one submission with one audit/question call.",
    ),
    "NOT_AN_EXPORT": ProblemKind(
        status=HTTPStatus.BAD_REQUEST,
        zh="不是可签署的导出清单",
        en="Not a manifest that can be signed",
        hint_zh="用提出查询的密钥签署清单：kun audit export",
        hint_en="Sign the manifest with the key that asked the question: kun audit export.",
    ),
    "CANNOT_SIGN": ProblemKind(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        zh="本节点不签署",
        en="This node does not sign",
        hint_zh="请向其他节点请求",
        hint_en="Ask another node.",
    ),
    "QUESTION_REFUSED": ProblemKind(
        status=HTTPStatus.FORBIDDEN, zh="查询被拒绝", en="The question was refused"
    ),
    "NOT_FINAL_YET": ProblemKind(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        zh="尚未最终确认",
        en="Not final yet",
        hint_zh="稍后用同样的字节重试",
        hint_en="Try again later with the same bytes.",
    ),
    "NO_BLOCK_YET": ProblemKind(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        zh="链上还没有已认证的区块",
        en="No block is certified yet",
        hint_zh="首个区块随首次提交产生，无提交时在 idle_block_ms 后自动产生；此后重试",
        hint_en=(
            "The first block comes with the first submission, or by itself once the chain has"
            " been idle for its idle_block_ms. Ask again then."
        ),
    ),
    "GENESIS_UNSIGNED": ProblemKind(
        status=HTTPStatus.NOT_FOUND,
        zh="高度 0 是创世，没有签名",
        en="Height 0 is genesis, which nobody signs",
        hint_zh="其内容由创世文件得出；证明从高度 1 开始",
        hint_en="What it holds follows from the genesis file; proofs begin at height 1.",
    ),
    "CATCHING_UP": ProblemKind(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        zh="索引尚未就绪",
        en="The index is not ready yet",
        hint_zh="稍后重试，或询问其他节点",
        hint_en="Try again later, or ask another node.",
    ),
    "BUSY": ProblemKind(
        status=HTTPStatus.TOO_MANY_REQUESTS,
        zh="节点繁忙",
        en="The node is busy",
        hint_zh="稍后重试，或询问其他节点",
        hint_en="Try again later, or ask another node.",
    ),
    "ADDRESS_QUOTA": ProblemKind(
        status=HTTPStatus.TOO_MANY_REQUESTS,
        zh="该地址请求过多",
        en="Too many requests from this address",
        hint_zh="按 Retry-After 的秒数等待后重试",
        hint_en="Try again after the seconds of Retry-After.",
    ),
    "TOO_MANY_STREAMS": ProblemKind(
        status=HTTPStatus.TOO_MANY_REQUESTS,
        zh="事件流过多",
        en="Too many streams",
        hint_zh="关闭不用的连接，或询问其他节点",
        hint_en="Close streams that are not read, or ask another node.",
    ),
    "INVALID_EVENT_ID": ProblemKind(
        status=HTTPStatus.BAD_REQUEST,
        zh="事件编号无效",
        en="Not the id of an event",
        hint_zh="使用最后收到的事件编号，或不带编号自当前开始",
        hint_en="Use the id of the last event that came, or none to begin now.",
    ),
    "EVENT_AHEAD": ProblemKind(
        status=HTTPStatus.BAD_REQUEST,
        zh="本节点尚未到达该事件",
        en="This node has not told that event yet",
        hint_zh="稍后重试，或询问其他节点",
        hint_en="Try again later, or ask another node.",
    ),
    "SLOW_BODY": ProblemKind(
        status=HTTPStatus.REQUEST_TIMEOUT,
        zh="请求体接收超时",
        en="The body took too long",
    ),
    "PRUNED": ProblemKind(
        status=HTTPStatus.GONE,
        zh="本节点不再保存",
        en="Not kept by this node",
        hint_zh="询问其他部门的节点；本节点自所示高度起提供",
        hint_en="Ask a node of another department; this one serves from the height shown.",
    ),
    "INTERNAL": ProblemKind(
        status=HTTPStatus.INTERNAL_SERVER_ERROR, zh="内部错误", en="Internal error"
    ),
}


_NO_HEADERS: Mapping[str, str] = {}


class Problem(Exception):
    """Ends a request with a problem document; `expected` and `actual` say what was wrong."""

    def __init__(
        self,
        code: str,
        *,
        expected: str = "",
        actual: str = "",
        more: JsonObject | None = None,
        retry_after_s: int = RETRY_AFTER_S,
    ) -> None:
        self.code = code
        # Said where the code is one that passes.
        self.retry_after_s = retry_after_s
        self.expected = expected
        self.actual = actual
        # Members that this code adds to its documents (RFC 9457 §3.2).
        self.more = more or {}
        super().__init__(code)


def problem_document(problem: Problem, *, lang: str, request_id: str) -> JsonObject:
    """Return the members of the document (RFC 9457 §3)."""
    kind = KINDS[problem.code]
    chinese = lang == "zh"
    document: JsonObject = {
        "type": f"urn:kunlian:problem:{problem.code.lower().replace('_', '-')}",
        "title": kind.zh if chinese else kind.en,
        "status": int(kind.status),
        "code": problem.code,
        "hint": kind.hint_zh if chinese else kind.hint_en,
        "request_id": request_id,
        **problem.more,
    }
    if problem.expected:
        document["expected"] = problem.expected
        document["actual"] = problem.actual
        document["detail"] = (
            f"应为 {problem.expected}，实为 {problem.actual}"
            if chinese
            else f"expected {problem.expected}, got {problem.actual}"
        )
    return document


def problem_response(
    request: Request, problem: Problem, *, headers: Mapping[str, str] = _NO_HEADERS
) -> JSONResponse:
    """Render a problem for this request; `headers` are those that its status asks for."""
    status = KINDS[problem.code].status
    passing = {"Retry-After": str(problem.retry_after_s)} if status in _PASSING else {}
    lang, request_id = language_of(request), request_id_of(request)
    always = {
        "Cache-Control": "no-store",
        "Content-Language": lang,
        "X-Request-Id": request_id,
    }
    return JSONResponse(
        problem_document(problem, lang=lang, request_id=request_id),
        status_code=int(status),
        media_type=MEDIA_TYPE,
        headers={**headers, **passing, **always},
    )


def language_of(request: Request) -> str:
    """`en` when Accept-Language prefers English to Chinese (RFC 9110 §12.5.4), else `zh`."""
    header = request.headers.get("accept-language", "")
    wishes: dict[str, float] = {}
    for part in header.split(",")[:_LANGUAGES_READ_MAX]:
        tag, _, weight = part.partition(";")
        language = tag.strip().partition("-")[0].lower()
        if language in _LANGUAGES:
            wishes.setdefault(language, _quality(weight))
    wanted = {language: quality for language, quality in wishes.items() if quality > 0}
    return max(wanted, key=wanted.__getitem__, default="zh")


def _quality(weight: str) -> float:
    match = _QUALITY.match(weight)
    return float(match.group(1)) if match else 1.0


def request_id_of(request: Request) -> str:
    """Return the id that the middleware gave this request."""
    return str(getattr(request.state, "request_id", ""))
