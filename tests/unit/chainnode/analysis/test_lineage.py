"""Lineages as they are noted, written and drawn, hostile ones among them."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from chainnode.analysis.lineage import (
    AskedTrail,
    CallName,
    Lineage,
    Link,
    LinkedCall,
    LinkKind,
    Missing,
    Note,
    children_in,
    claims_of,
    identifiers_in,
    noted,
)
from chainnode.analysis.lineage_form import lineage_form
from chainnode.analysis.lineage_svg import lineage_svg
from chainnode.analysis.rows import AuditRow, Reasons
from contracts.schemas.identifiers import generic_identifier
from tests.builders import ORGANISATIONS
from tests.vectors.analysis_rows import call_id, half

IDENTIFIER = str(generic_identifier(issuer=ORGANISATIONS[0], entropy=b"e" * 16))
HOSTILE = '</text><script>alert(1)</script>"&\u202e\x00\x1b[31m'


def name(number: int, *, requester: str = "police", provider: str = "civil") -> CallName:
    return CallName(requester=requester, provider=provider, call_id=call_id(number))


def linked(number: int, *, level: int = 0, at: int = 0, **fields: object) -> LinkedCall:
    one = half(number, at=at, trace_id=call_id(1), **fields)  # type: ignore[arg-type]  # fields of a half
    return LinkedCall(name=name(number), level=level, match="open", halves=(one,))


def link(source: int, target: int, *, kind: LinkKind = LinkKind.PARENT) -> Link:
    return Link(kind=kind, source=name(source), target=name(target), said_by=("requester",))


def lineage_of(
    calls: tuple[LinkedCall, ...], links: tuple[Link, ...], *missing: Missing
) -> Lineage:
    return Lineage(
        start=calls[0].name,
        calls=calls,
        links=noted(links, {one.name: one for one in calls}),
        missing=missing,
        asked=(
            AskedTrail(
                kind="requester",
                value="civil",
                digest="00",
                rows=1,
                is_complete=True,
                complete_to_ms=None,
            ),
        ),
        organisations=("civil", "police"),
        are_children_asked=True,
        bounds=(),
        as_of_height=1,
    )


@pytest.mark.parametrize("length", [1, 2, 3, 500])
def test_a_circle_of_any_length_has_one_link_that_closes_it(length: int) -> None:
    calls = {name(one): linked(one) for one in range(length)}
    links = [link(one, (one + 1) % length) for one in range(length)]
    found = noted(links, calls)
    assert sum(Note.CYCLE in one.notes for one in found) == 1
    assert noted(links[::-1], calls) == found


def test_two_ways_to_one_call_are_no_circle() -> None:
    calls = {name(one): linked(one) for one in range(4)}
    found = noted([link(0, 1), link(0, 2), link(1, 3), link(2, 3), link(0, 1)], calls)
    assert [one.notes for one in found] == [(), (), (), ()]


def test_a_source_that_was_recorded_after_what_came_from_it_is_noted() -> None:
    calls = {name(1): linked(1, at=5_000), name(2): linked(2, at=1_000)}
    (found,) = noted([link(1, 2)], calls)
    assert found.notes == (Note.LATER,)


def test_children_are_calls_of_the_provider_that_name_the_parent() -> None:
    parent = name(1)

    def said(position: int, **fields: object) -> AuditRow:
        told = {"requester": "civil", "provider": "tax", "parent_call_id": call_id(1), **fields}
        return half(position, at=0, **told)  # type: ignore[arg-type]  # fields of a half

    rows = [said(2), said(3, requester="tax"), said(4, parent_call_id=call_id(9)), said(5)]
    assert [one.call_id for one in children_in(rows, parent)] == [call_id(2), call_id(5)]


def test_each_side_is_named_with_the_claims_that_it_makes() -> None:
    halves = (
        half(1, at=0, parent_call_id=call_id(7), reasons=Reasons(derived_from=(call_id(8),))),
        half(2, at=0, side="provider", parent_call_id=call_id(7)),
    )
    assert claims_of(halves, LinkKind.PARENT) == {call_id(7): ("provider", "requester")}
    assert claims_of(halves, LinkKind.DERIVED) == {call_id(8): ("requester",)}


def test_identifiers_are_found_in_texts_and_only_whole_ones() -> None:
    texts = (f"依据 {IDENTIFIER}，核查", IDENTIFIER + "9", "1.2.156.3005.2.", HOSTILE)
    found = [identifiers_in((half(1, at=0, reasons=Reasons(reason_text=one)),)) for one in texts]
    assert found == [(IDENTIFIER,), (), (), ()]


def test_a_picture_of_hostile_texts_has_no_element_of_theirs() -> None:
    bad = CallName(requester=HOSTILE, provider=HOSTILE, call_id=call_id(1))
    calls = (replace(linked(1, item=HOSTILE), name=bad, match=HOSTILE),)
    missing = Missing(kind=LinkKind.PARENT, call_id=HOSTILE, named_by=bad, places=4)
    drawn = lineage_svg(lineage_of(calls, (), missing))
    root = ET.fromstring(drawn)  # noqa: S314  the picture that was just made
    tags = {one.tag.rpartition("}")[2] for one in root.iter()}
    assert tags == {"svg", "title", "desc", "defs", "marker", "path", "g", "rect", "text"}
    attributes = {key for one in root.iter() for key in one.attrib}
    assert not {one for one in attributes if one.startswith("on") or "href" in one}
    assert "\u202e" not in drawn.decode()
    assert "\x1b" not in drawn.decode()


def test_a_picture_names_each_link_for_who_does_not_see_it() -> None:
    calls = (linked(1, level=-1), linked(2))
    drawn = lineage_svg(lineage_of(calls, (link(1, 2), link(1, 2, kind=LinkKind.DERIVED))))
    root = ET.fromstring(drawn)  # noqa: S314  the picture that was just made
    described = root[1].text or ""
    assert f"names parent {call_id(1)}" in described
    assert f"names derived {call_id(1)}" in described
    assert drawn == lineage_svg(lineage_of(calls, (link(1, 2, kind=LinkKind.DERIVED), link(1, 2))))


def test_the_form_has_what_the_page_names() -> None:
    form = lineage_form(lineage_of((linked(1),), ()))
    assert (form["format"], form["version"]) == ("kunlian-lineage", 1)
    assert set(form) == {
        *("format", "version", "start", "as_of_height", "organisations", "calls", "links"),
        *("missing", "children_asked", "questions", "bounds"),
    }
