import pytest

from chainnode.service.words import words_of
from contracts.schemas.codes import Code


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_words_in_both_languages(code: Code) -> None:
    words = words_of(code)

    assert words["zh"]
    assert words["en"]
    assert words["zh"] != words["en"]


def test_details_stand_beside_the_sentence_by_name() -> None:
    words = words_of(Code.OUT_OF_RANGE, (3, 0, 999, 1000))

    assert words["en"] == (
        "an integer outside its range; field 3; minimum 0; maximum 999; actual 1000"
    )
    assert str(words["zh"]).endswith("actual 1000")
