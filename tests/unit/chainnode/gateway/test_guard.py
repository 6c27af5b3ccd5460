"""The door for free text: it names field and kind in both languages and repeats nothing."""

import pytest

from chainnode.gateway.guard import PersonalText, refuse_personal_text
from chainnode.identity.free_text import Finding
from tests.builders_identity import citizen_number, luhn_card

CLEAN = {"reason": "核验申请人住房情况", "case": "CASE-2026-0000012", "operator": "op-7f3a"}


def test_words_of_an_office_pass() -> None:
    refuse_personal_text(CLEAN)


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (f"当事人 {citizen_number()}", Finding.CITIZEN_NUMBER),
        ("电话 138 0013 8000", Finding.MOBILE_NUMBER),
        (f"卡 {luhn_card('622202000000000')}", Finding.BANK_CARD),
        ("QUJD" * 20, Finding.BLOB),
    ],
)
def test_a_refusal_names_field_and_kind_and_never_the_content(text: str, finding: Finding) -> None:
    with pytest.raises(PersonalText) as caught:
        refuse_personal_text({**CLEAN, "reason": text})
    said = caught.value.zh + caught.value.en + str(caught.value) + repr(caught.value)
    assert (caught.value.field, caught.value.finding) == ("reason", finding)
    assert caught.value.zh.startswith("reason：")
    assert not any(part in said for part in text.split() if len(part) > 3)
