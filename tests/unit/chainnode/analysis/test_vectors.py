"""Published vectors of filters, facets and anomalies: judged as they say, and made again."""

from pathlib import Path

import msgspec
import pytest

from chainnode.analysis.anomalies import anomalies, choose
from chainnode.analysis.facets import facets
from chainnode.analysis.filters import Condition, RangeCondition, TextCondition, filtered
from chainnode.analysis.rows import AuditRow, in_order
from chainnode.verify.strict_json import JsonObject, JsonValue, as_array, as_object, read_object
from tests.vectors.documents import published, texts
from tests.vectors.make_analysis import FOLDER, cases

FILES = sorted(FOLDER.glob("*.json"))


def condition_in(written: JsonObject) -> Condition:
    kind: type[Condition] = TextCondition if "test" in written else RangeCondition
    return msgspec.convert(written, kind)


def objects_in(case: JsonObject, name: str) -> list[JsonObject]:
    return [as_object(one, name) for one in as_array(case[name], name, size_max=1000)]


def case_in(path: Path) -> tuple[JsonObject, tuple[AuditRow, ...]]:
    """Return a case, and its rows in another order than they are written in."""
    case = read_object(path.read_bytes())
    rows = msgspec.convert(case["rows"], tuple[AuditRow, ...])
    return case, in_order((*rows[::-2], *rows[-2::-2], *rows[:3]))


def as_json(found: object) -> JsonValue:
    told: JsonValue = msgspec.json.decode(msgspec.json.encode(found))
    return told


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_filters_part_a_published_list_as_it_says(path: Path) -> None:
    case, rows = case_in(path)
    for one in objects_in(case, "filters"):
        found = filtered(rows, [condition_in(asked) for asked in objects_in(one, "conditions")])
        assert [row.position for row in found.matched] == one["matched"]
        assert [row.position for row in found.cannot_tell] == one["cannot_tell"]
        assert found.left_out == one["left_out"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_facets_count_a_published_list_as_it_says(path: Path) -> None:
    case, rows = case_in(path)
    assert as_json(facets(rows)) == case["facets"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_rules_find_in_a_published_list_what_it_says(path: Path) -> None:
    case, rows = case_in(path)
    for one in objects_in(case, "anomalies"):
        given = {name: f"{value}" for name, value in as_object(one.pop("given"), "given").items()}
        (found,) = anomalies(rows, [choose(f"{one['rule']}", given)])
        assert as_json(found) == one


def test_the_published_files_are_what_the_script_makes() -> None:
    assert published(FOLDER) == texts(cases())
