"""Numbers of people and organisations: one form, and a typed refusal that never shows them."""

import pytest

from chainnode.identity.numbers import (
    IdentityFault,
    IdType,
    InvalidIdentity,
    id_type_of,
    is_citizen_number,
    is_organisation_code,
    normalised,
)

CITIZEN = "11010519491231002X"  # the example of GB 11643-1999
ORGANISATION = "91350100M000100Y43"  # the example of GB 32100-2015


@pytest.mark.parametrize(
    "text",
    [
        CITIZEN,
        CITIZEN.lower(),
        " 110105 19491231 002x ",
        "１１０１０５１９４９１２３１００２Ｘ",
        "110105\u300019491231\u3000002X",
    ],
)
def test_every_way_to_write_one_citizen_number_has_one_form(text: str) -> None:
    assert normalised(IdType.CITIZEN, text) == CITIZEN


def test_an_organisation_code_has_one_form() -> None:
    assert normalised(IdType.ORGANISATION, "91350100m000100y43 ") == ORGANISATION


@pytest.mark.parametrize(
    ("id_type", "text", "fault"),
    [
        (IdType.CITIZEN, "110105491231002", IdentityFault.LENGTH),
        (IdType.CITIZEN, "1" * 100_000, IdentityFault.LENGTH),
        (IdType.CITIZEN, "", IdentityFault.LENGTH),
        (IdType.CITIZEN, "1101051949123100AX", IdentityFault.CHARACTERS),
        (IdType.CITIZEN, "11010519491231002A", IdentityFault.CHARACTERS),
        (IdType.CITIZEN, "1101051949123100²X", IdentityFault.CHARACTERS),
        (IdType.CITIZEN, "110105194902300025", IdentityFault.DATE),
        (IdType.CITIZEN, "110105184912310029", IdentityFault.DATE),
        (IdType.CITIZEN, "110105194912310021", IdentityFault.CHECK),
        (IdType.ORGANISATION, "91350100M000100Y4", IdentityFault.LENGTH),
        (IdType.ORGANISATION, "91350100M000100I43", IdentityFault.CHARACTERS),
        (IdType.ORGANISATION, "91350100M000100Y44", IdentityFault.CHECK),
    ],
)
def test_what_is_no_number_is_refused_by_its_first_fault_and_never_repeated(
    id_type: IdType, text: str, fault: IdentityFault
) -> None:
    with pytest.raises(InvalidIdentity) as caught:
        normalised(id_type, text)
    assert caught.value.fault is fault
    assert not text or text not in str(caught.value) + repr(caught.value)


def test_an_unknown_kind_of_number_is_refused() -> None:
    with pytest.raises(InvalidIdentity) as caught:
        id_type_of("414")
    assert caught.value.fault is IdentityFault.TYPE


@pytest.mark.parametrize("place", range(17))
def test_every_wrong_digit_is_noticed(place: int) -> None:
    for one in "0123456789":
        changed = CITIZEN[:place] + one + CITIZEN[place + 1 :]
        assert is_citizen_number(changed) is (changed == CITIZEN)


def test_neighbours_changed_about_are_noticed_in_organisation_codes() -> None:
    for place in range(17):
        turned = ORGANISATION[place : place + 2][::-1]
        changed = ORGANISATION[:place] + turned + ORGANISATION[place + 2 :]
        assert is_organisation_code(changed) is (changed == ORGANISATION)
