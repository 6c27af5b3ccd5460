"""Contract `catalog`: one owner for each item, versions that grants can rest on."""

import pytest

from contracts.schemas.catalog import ITEMS, ItemRow, bits_of, names_of
from contracts.schemas.codes import Code
from contracts.schemas.members import ORGANISATIONS, OrganisationRow
from contracts.schemas.shape import PublicPart, encode_part
from tests.unit.contracts.builders import (
    PROVIDER,
    PUBLISH,
    REQUESTER,
    WITHDRAW,
    Caller,
    MemoryState,
    changed,
)

SUPERVISOR = "11430000000000001X"
SECOND = changed(PUBLISH, version=2, fields=(*PUBLISH.fields, "ethnicity"))
SUPERVISED = changed(PUBLISH, grade=2, supervisor=SUPERVISOR)


def consortium() -> MemoryState:
    state = MemoryState()
    for organisation in (REQUESTER, PROVIDER, SUPERVISOR):
        state.put(ORGANISATIONS, OrganisationRow(organisation, (1,)), organisation)
    return state


def owner() -> Caller:
    return Caller(state=consortium(), organisation=PROVIDER)


def item(caller: Caller) -> ItemRow:
    row = caller.state.find(ITEMS, PUBLISH.item)
    assert row is not None
    return row


def test_the_first_version_makes_its_sender_the_owner() -> None:
    caller = owner()
    accepted = caller.send(PUBLISH)
    assert accepted.outcome == 1
    assert accepted.index_keys == (
        b"\x03" + PROVIDER.encode(),
        b"\x04" + PUBLISH.item.encode(),
    )
    assert item(caller) == ItemRow(PROVIDER, 1, PUBLISH.title, 1, 2, PUBLISH.fields, "", 0)


def test_an_item_has_one_owner_for_ever() -> None:
    caller = owner()
    caller.send(PUBLISH)
    other = Caller(state=caller.state)
    for version in (1, 2):
        assert other.refused(changed(SECOND, version=version)) == (Code.FOREIGN_ORGANISATION,)
    assert other.refused(WITHDRAW) == (Code.FOREIGN_ORGANISATION,)
    caller.send(WITHDRAW)
    assert other.refused(SECOND) == (Code.FOREIGN_ORGANISATION,)


@pytest.mark.parametrize(("first", "version", "expected"), [(0, 2, 1), (1, 1, 2), (1, 3, 2)])
def test_versions_count_up_by_one(first: int, version: int, expected: int) -> None:
    caller = owner()
    if first:
        caller.send(PUBLISH)
    refused = caller.refused(changed(PUBLISH, version=version))
    assert refused == (Code.CATALOG_VERSION_NOT_NEXT, expected, version)


def test_a_later_version_adds_fields_at_the_end_and_changes_the_rest() -> None:
    caller = owner()
    caller.send(PUBLISH)
    caller.send(changed(SECOND, title="人口信息", share=1))
    row = item(caller)
    assert (row.version, row.title, row.share) == (2, "人口信息", 1)
    assert row.fields == (*PUBLISH.fields, "ethnicity")
    assert row.field_bits == 0b1111


@pytest.mark.parametrize(
    ("fields", "position"),
    [
        (("name", "birth_date"), 2),
        (("birth_date", "name", "address"), 0),
        (("name", "date_of_birth", "address"), 1),
        (("new", "name", "birth_date", "address"), 0),
    ],
)
def test_a_field_that_grants_name_keeps_its_number(fields: tuple[str, ...], position: int) -> None:
    caller = owner()
    caller.send(PUBLISH)
    refused = caller.refused(changed(PUBLISH, version=2, fields=fields))
    assert refused == (Code.CATALOG_FIELDS_CHANGED, position)
    assert item(caller).version == 1


def test_an_item_is_withdrawn_once_and_offered_again_by_its_next_version() -> None:
    caller = owner()
    assert caller.refused(WITHDRAW) == (Code.CATALOG_NO_SUCH_ITEM,)
    caller.send(PUBLISH)
    assert caller.send(WITHDRAW).outcome == 2
    assert item(caller).is_withdrawn == 1
    assert caller.refused(WITHDRAW) == (Code.CATALOG_STATE_FORBIDS, 1)
    caller.send(SECOND)
    assert item(caller).is_withdrawn == 0


@pytest.mark.parametrize("grade", [2, 3])
def test_important_and_core_items_name_a_supervisor_of_the_consortium(grade: int) -> None:
    caller = owner()
    part = changed(SUPERVISED, grade=grade)
    refused = [
        caller.refused(changed(part, supervisor=one)) for one in ("", "X", PROVIDER, "11000")
    ]
    assert refused == [
        (Code.WRONG_LENGTH, 7, 2, 32, 0),
        (Code.WRONG_LENGTH, 7, 2, 32, 1),
        (Code.CATALOG_SUPERVISOR_IS_OWNER,),
        (Code.CATALOG_SUPERVISOR_UNKNOWN,),
    ]
    caller.send(part)
    assert item(caller).supervisor == SUPERVISOR


def test_a_general_item_has_no_supervisor() -> None:
    refused = owner().refused(changed(PUBLISH, supervisor=SUPERVISOR))
    assert refused == (Code.WRONG_LENGTH, 7, 0, 0, len(SUPERVISOR))


def test_a_supervisor_is_never_changed_nor_shaken_off_by_a_lower_grade() -> None:
    caller = owner()
    caller.send(PUBLISH)
    caller.send(changed(SECOND, grade=3, supervisor=SUPERVISOR))
    third = changed(SECOND, version=3)
    assert caller.refused(third) == (Code.CATALOG_SUPERVISOR_CHANGED,)
    assert caller.refused(changed(third, grade=2, supervisor=REQUESTER)) == (
        Code.CATALOG_SUPERVISOR_CHANGED,
    )
    caller.send(WITHDRAW)
    assert caller.refused(third) == (Code.CATALOG_SUPERVISOR_CHANGED,)
    caller.send(changed(third, grade=2, supervisor=SUPERVISOR))
    assert (item(caller).grade, item(caller).supervisor) == (2, SUPERVISOR)


@pytest.mark.parametrize("part", [PUBLISH, WITHDRAW])
def test_the_catalogue_needs_the_role_member(part: PublicPart) -> None:
    assert Caller(roles=(2, 3, 4, 5)).refused(part) == (Code.ROLE_MISSING, 1)


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"item": ""}, (Code.WRONG_LENGTH, 1, 1, 60, 0)),
        ({"item": "a\tb"}, (Code.ILLEGAL_TEXT, 1, 1, 9)),
        ({"version": 0}, (Code.OUT_OF_RANGE, 2, 1, 2**53 - 1, 0)),
        ({"title": "x" * 61}, (Code.WRONG_LENGTH, 3, 1, 60, 61)),
        ({"title": " a"}, (Code.ILLEGAL_TEXT, 3, 0, 32)),
        ({"grade": 0}, (Code.OUT_OF_RANGE, 4, 1, 3, 0)),
        ({"grade": 4}, (Code.OUT_OF_RANGE, 4, 1, 3, 4)),
        ({"share": 0}, (Code.OUT_OF_RANGE, 5, 1, 3, 0)),
        ({"share": 4}, (Code.OUT_OF_RANGE, 5, 1, 3, 4)),
        ({"fields": ()}, (Code.WRONG_LENGTH, 6, 1, 48, 0)),
        ({"fields": tuple(f"f{n}" for n in range(49))}, (Code.WRONG_LENGTH, 6, 1, 48, 49)),
        ({"fields": ("",)}, (Code.WRONG_LENGTH, 6, 1, 32, 0)),
        ({"fields": ("x" * 33,)}, (Code.WRONG_LENGTH, 6, 1, 32, 33)),
        ({"fields": ("a", "b\n")}, (Code.ILLEGAL_TEXT, 6, 1, 10)),
        ({"fields": ("a", "b", "a")}, (Code.CATALOG_FIELD_TWICE, 2)),
        ({"supervisor": "lower", "grade": 2}, (Code.ILLEGAL_TEXT, 7, 0, ord("l"))),
        ({"supervisor": "A" * 33, "grade": 2}, (Code.WRONG_LENGTH, 7, 0, 32, 33)),
    ],
)
def test_a_malformed_item_is_refused_naming_field_and_bound(
    fields: dict[str, object], refused: tuple[int, ...]
) -> None:
    caller = owner()
    before = dict(caller.state.rows)
    assert caller.refused(changed(PUBLISH, **fields)) == refused
    assert caller.state.rows == before


def test_an_illegal_name_cannot_be_withdrawn() -> None:
    assert owner().refused(changed(WITHDRAW, item="a ")) == (Code.ILLEGAL_TEXT, 1, 1, 32)


def test_an_item_of_48_fields_with_names_of_two_dozen_ideographs_fits_a_submission() -> None:
    largest = changed(
        PUBLISH,
        item="𠮷" * 60,
        title="𠮷" * 60,
        fields=tuple("字" * 22 + f"{number:02}" for number in range(48)),
    )
    assert len(encode_part(largest)) <= 4096
    owner().send(largest)


def test_field_names_and_bits_say_the_same() -> None:
    fields = ("name", "birth_date", "address")
    assert bits_of(("address", "name"), fields) == 0b101
    assert names_of(0b101, fields) == ("name", "address")
    assert names_of(0, fields) == ()
    with pytest.raises(ValueError, match="phone"):
        bits_of(("name", "phone"), fields)
