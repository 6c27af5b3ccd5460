"""Why an ask is refused: stable codes, their HTTP status, words in Chinese and English."""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from chainnode.errors import NodeError


class AskCode(StrEnum):
    """Codes of refusals; the names are what a client sees."""

    MALFORMED = "MALFORMED"
    OVERSIZE = "OVERSIZE"
    NOT_FOUND = "NOT_FOUND"
    BAD_SIGNATURE = "BAD_SIGNATURE"
    CLOCK = "CLOCK"
    REPLAYED = "REPLAYED"
    UNKNOWN_KEY = "UNKNOWN_KEY"
    NOT_ENTITLED = "NOT_ENTITLED"
    PURPOSE_MISSING = "PURPOSE_MISSING"
    PERSONAL_TEXT = "PERSONAL_TEXT"
    INVALID_IDENTIFIER = "INVALID_IDENTIFIER"
    NO_EPOCH = "NO_EPOCH"
    WRONG_ROOT = "WRONG_ROOT"
    RATE = "RATE"
    CEILING = "CEILING"
    BUSY = "BUSY"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskKind:
    """Status and words of a code."""

    status: HTTPStatus
    zh: str
    en: str


KINDS: Final = {
    AskCode.MALFORMED: AskKind(status=HTTPStatus.BAD_REQUEST, zh="格式错误", en="Malformed"),
    AskCode.OVERSIZE: AskKind(
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, zh="内容过大", en="Too large"
    ),
    AskCode.NOT_FOUND: AskKind(status=HTTPStatus.NOT_FOUND, zh="不存在", en="Not found"),
    AskCode.BAD_SIGNATURE: AskKind(
        status=HTTPStatus.UNAUTHORIZED, zh="签名无效", en="The signature does not verify"
    ),
    AskCode.CLOCK: AskKind(
        status=HTTPStatus.UNAUTHORIZED,
        zh="请求时间不在允许范围内，请检查时钟后重试",
        en="Signed too long ago or in the future: check the clock and ask again",
    ),
    AskCode.REPLAYED: AskKind(
        status=HTTPStatus.UNAUTHORIZED, zh="重复的请求", en="This ask was made before"
    ),
    AskCode.UNKNOWN_KEY: AskKind(
        status=HTTPStatus.FORBIDDEN,
        zh="密钥未登记、已失效或不属于该部门",
        en="The key is not registered, has ended, or is another department's",
    ),
    AskCode.NOT_ENTITLED: AskKind(
        status=HTTPStatus.FORBIDDEN,
        zh="无权请求这些标识码：服务密钥限本部门，或凭有效授权限被调用部门",
        en="Not entitled: a service key asks for its own department, or under a grant in force",
    ),
    AskCode.PURPOSE_MISSING: AskKind(
        status=HTTPStatus.FORBIDDEN, zh="缺少查询事由", en="An auditor states a purpose"
    ),
    AskCode.PERSONAL_TEXT: AskKind(
        status=HTTPStatus.BAD_REQUEST,
        zh="事由中含有个人号码，请删除",
        en="The purpose holds a number of a person: leave it out",
    ),
    AskCode.INVALID_IDENTIFIER: AskKind(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        zh="号码无效：校验位、日期或长度不符",
        en="Not a number of its kind: check character, date or length",
    ),
    AskCode.NO_EPOCH: AskKind(
        status=HTTPStatus.NOT_FOUND,
        zh="该部门没有此密钥期",
        en="This department has no such key epoch",
    ),
    AskCode.WRONG_ROOT: AskKind(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        zh="托管密钥与账本登记不符",
        en="The custodian's secret is not the one that the ledger knows",
    ),
    AskCode.RATE: AskKind(
        status=HTTPStatus.TOO_MANY_REQUESTS, zh="请求过快", en="Too many tokens at a time"
    ),
    AskCode.CEILING: AskKind(
        status=HTTPStatus.TOO_MANY_REQUESTS, zh="已达当日上限", en="The ceiling of the day"
    ),
    AskCode.BUSY: AskKind(status=HTTPStatus.SERVICE_UNAVAILABLE, zh="服务繁忙", en="Busy"),
    AskCode.UNAVAILABLE: AskKind(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        zh="暂时无法核对账本或写入计数",
        en="The ledger cannot be read, or the count cannot be written, at the moment",
    ),
}


class AskRefused(NodeError):
    """No tokens. `place` counts the identifier that is at fault from 0, where one is."""

    def __init__(self, code: AskCode, *, retry_after_s: int = 0, place: int | None = None) -> None:
        self.code = code
        self.retry_after_s = retry_after_s
        self.place = place
        super().__init__(f"{code}: {KINDS[code].en}")

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(KINDS[self.code].status)

    def document(self) -> dict[str, str | int]:
        """Return the members of the problem document (RFC 9457)."""
        kind = KINDS[self.code]
        document: dict[str, str | int] = {
            "type": f"urn:kunlian:problem:{self.code.lower().replace('_', '-')}",
            "title": kind.zh,
            "detail": kind.en,
            "status": self.status,
            "code": self.code.value,
        }
        if self.retry_after_s:
            document["retry_after_s"] = self.retry_after_s
        if self.place is not None:
            document["identifier"] = self.place
        return document
