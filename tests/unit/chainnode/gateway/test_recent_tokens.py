"""Tokens at hand: bounded, by kind and number, and without the numbers themselves."""

from chainnode.gateway.recent_tokens import RecentTokens
from chainnode.identity.numbers import IdType
from tests.builders_identity import citizen_number

TYPE = IdType.CITIZEN
PEOPLE = [citizen_number(serial=serial) for serial in range(1, 9)]


def test_a_token_is_found_by_its_number_and_kind_until_all_are_forgotten() -> None:
    recent = RecentTokens()
    recent.keep(TYPE, PEOPLE[0], b"t" * 32)
    assert recent.find(TYPE, PEOPLE[0]) == b"t" * 32
    assert recent.find(TYPE, PEOPLE[1]) is None
    assert recent.find(IdType.ORGANISATION, PEOPLE[0]) is None
    recent.clear()
    assert recent.find(TYPE, PEOPLE[0]) is None


def test_the_first_gives_way_to_the_next() -> None:
    recent = RecentTokens(entries_max=3)
    for number in PEOPLE:
        recent.keep(TYPE, number, number.encode())
    at_hand = [one for one in PEOPLE if recent.find(TYPE, one) is not None]
    assert at_hand == PEOPLE[-3:]


def test_no_number_is_held() -> None:
    recent = RecentTokens()
    recent.keep(TYPE, PEOPLE[0], b"t" * 32)
    held = repr((recent, vars(recent)))
    assert PEOPLE[0] not in held
    assert RecentTokens().find(TYPE, PEOPLE[0]) is None
