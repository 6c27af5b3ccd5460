"""What a browser asks becomes what the ledger is asked, byte for byte."""

import json

import pytest

from chainnode.console.questions import AskedPerson, kinds_of, read_asked
from contracts.schemas.access import Finding
from contracts.schemas.index_kinds import IndexKind

_MARCH = 1_772_294_400_000  # 2026-03-01T00:00:00+08:00
_DAY = 86_400_000


def body(**changed: object) -> bytes:
    asked = {"kind": "item", "values": ["population.basic"], "from": "", "to": "", "purpose": "p"}
    return json.dumps(asked | changed).encode()


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("item", "population.basic", "population.basic"),
        ("subject", "ab" * 32, bytes.fromhex("ab" * 32)),
        ("trace", "01" * 16, bytes.fromhex("01" * 16)),
        ("dispute", "02" * 16, bytes.fromhex("02" * 16)),
        ("responsible", "11440300000000011A", "11440300000000011A"),
        ("finding", "halves-differ", bytes((Finding.HALVES_DIFFER,))),
    ],
)
def test_a_value_is_that_of_its_kind(kind: str, text: str, value: bytes | str) -> None:
    found = read_asked(body(kind=kind, values=[text]))

    assert (found.kind, found.values) == (IndexKind[kind.upper()], (value,))


def test_a_month_is_included_to_its_end() -> None:
    found = read_asked(body(**{"from": "2026-03", "to": "2026-03"}))

    assert found.period == (_MARCH, _MARCH + 31 * _DAY)


def test_the_number_of_a_person_is_shown_by_nothing() -> None:
    asked = {"kind": "person", "from": "", "to": "", "purpose": "about them"}
    told = asked | {"person": {"id_type": "111", "number": "110101199003078515"}}

    found = read_asked(json.dumps(told).encode())

    assert found.person == AskedPerson(id_type="111", number="110101199003078515")
    assert "1101" not in repr(found)
    assert "about them" not in repr(found)


def test_earlier_rules_know_fewer_kinds() -> None:
    assert "dispute" not in kinds_of(2)
    assert {"unmatched", "trace", "dispute", "responsible"} <= set(kinds_of(3))
