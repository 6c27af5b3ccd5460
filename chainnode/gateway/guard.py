"""Admission of free text: what says why a call is made must not name or number a person.

The ledger is read by all members and never forgets, so purpose, reason, case number, operator
and the like pass here before they are signed. A refusal names field and kind, never the text.
"""

from collections.abc import Mapping
from typing import Final

from chainnode.errors import InvalidInput
from chainnode.identity.free_text import Finding, personal_finding

_ZH: Final = {
    Finding.CITIZEN_NUMBER: "含有公民身份号码，请删除；当事人由标识码表示",
    Finding.MOBILE_NUMBER: "含有手机号码，请删除",
    Finding.BANK_CARD: "含有银行卡号，请删除",
    Finding.BLOB: "含有过长的编码内容，请改用文字说明",
}
_EN: Final = {
    Finding.CITIZEN_NUMBER: "holds an identity number: leave it out, a token stands for it",
    Finding.MOBILE_NUMBER: "holds a mobile number: leave it out",
    Finding.BANK_CARD: "holds a bank card number: leave it out",
    Finding.BLOB: "holds long encoded content: say it in words",
}


class PersonalText(InvalidInput):
    """A text that must not reach the ledger; it is never repeated here."""

    def __init__(self, field: str, finding: Finding) -> None:
        self.field = field
        self.finding = finding
        self.zh = f"{field}：{_ZH[finding]}"
        self.en = f"{field} {_EN[finding]}"
        super().__init__(self.en)


def refuse_personal_text(texts: Mapping[str, str]) -> None:
    """Let texts pass, by the name of their field, that hold no number of a person.

    Raises:
        PersonalText: the first that does.

    """
    for field, text in texts.items():
        finding = personal_finding(text)
        if finding is not None:
            raise PersonalText(field, finding)
