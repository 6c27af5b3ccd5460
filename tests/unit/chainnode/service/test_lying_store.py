"""A read model that lies makes no answer complete: real databases, edited by a stranger."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.schemas.index_kinds import IndexKind, index_key
from tests.audit_places import KINDS, AuditPlace, postgresql_place, sqlite_place
from tests.sites import Site
from tests.unit.chainnode.service.trail_sites import (
    RECORDS,
    SUBJECT,
    facts_of,
    fill,
    positions,
    question,
    recorded,
    subject_key,
)

DROP = "DELETE FROM trail_rows WHERE trail = {0} AND position = {1}"
RENAME = "UPDATE trails SET index_key = {1} WHERE trail = {0}"
# `{0}` is the trail of the subject: rows 0 … 6 at positions 0, 2 … 12, the question at 14.
EDITS = {
    "drop the first row": "DELETE FROM trail_rows WHERE trail = {0} AND position = 0",
    "drop a row": "DELETE FROM trail_rows WHERE trail = {0} AND position = 6",
    "drop the last row": "DELETE FROM trail_rows WHERE trail = {0} AND position = 14",
    "drop all rows": "DELETE FROM trail_rows WHERE trail = {0}",
    "drop a row and number the others anew": "DELETE FROM trail_rows WHERE trail = {0} AND"
    " position = 6; UPDATE trail_rows SET row_number = row_number - 1 WHERE trail = {0}"
    " AND position > 6; UPDATE trails SET row_count = row_count - 1 WHERE trail = {0}",
    "add a row": "INSERT INTO trail_rows VALUES ({0}, 7, 4, 1)",
    "add a row beyond the log": "INSERT INTO trail_rows VALUES ({0}, 13, 9007199254740991, 1)",
    "add a row behind the last": "INSERT INTO trail_rows VALUES ({0}, 900, 8, 4)",
    "change where a row stands": "UPDATE trail_rows SET position = 7"
    " WHERE trail = {0} AND position = 6",
    "change the number of a row": "UPDATE trail_rows SET row_number = 77"
    " WHERE trail = {0} AND position = 6",
    "change the chunk of a row": "UPDATE trail_rows SET chunk_number = chunk_number + 1"
    " WHERE trail = {0} AND position = 6",
    "swap two rows": "UPDATE trail_rows SET row_number = 7 - row_number"
    " WHERE trail = {0} AND row_number IN (3, 4)",
    "swap two chunks": "UPDATE trail_chunks SET chunk_number = -1"
    " WHERE trail = {0} AND chunk_number = 1;"
    " UPDATE trail_chunks SET chunk_number = 1 WHERE trail = {0} AND chunk_number = 2;"
    " UPDATE trail_chunks SET chunk_number = 2 WHERE trail = {0} AND chunk_number = -1",
    "drop a chunk": "DELETE FROM trail_chunks WHERE trail = {0} AND chunk_number = 1",
    "change where a chunk begins": "UPDATE trail_chunks SET first_row = first_row + 1"
    " WHERE trail = {0} AND chunk_number = 1",
    "change how many rows a chunk has": "UPDATE trail_chunks SET row_count = 9007199254740991"
    " WHERE trail = {0} AND chunk_number = 1",
    "a negative number": "UPDATE trail_chunks SET first_row = -1"
    " WHERE trail = {0} AND chunk_number = 1",
    "drop the trail": "DELETE FROM trails WHERE trail = {0}",
    "count fewer rows": "UPDATE trails SET row_count = 3 WHERE trail = {0}",
    "give the trail to another key": "UPDATE trails SET trail = trail + 1000 WHERE trail = {0}",
}


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> AuditPlace:
    if request.param == "sqlite":
        return sqlite_place(tmp_path)
    return postgresql_place(tmp_path, request.getfixturevalue("postgresql"))


@pytest.fixture
async def site(place: AuditPlace) -> AsyncIterator[Site]:
    made = Site(place.folder, audit_url=place.url)
    yield made
    made.close()


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
async def test_a_changed_row_is_an_alarm_and_no_answer_and_then_the_store_is_rebuilt(
    place: AuditPlace, site: Site, edit: str
) -> None:
    fill(site)
    digest = recorded(site, question(site, SUBJECT))
    honest = await site.questions.answer(digest, cursor=None, limit=100)
    assert honest["complete"] is True
    assert facts_of(site, honest).listings[0].trail.chunks == 4
    trail = await _trail(site)

    place.edit(edit.format(trail))
    lied = await site.questions.answer(digest, cursor=None, limit=100)

    assert lied["complete"] is False
    assert lied["incomplete_because"] == "AUDIT_STORE_DIFFERS"
    assert lied["evidence"] is None
    assert lied["next_cursor"] is None
    assert site.audit.differences == 1
    assert site.status_reader.describe()["findings"] == [
        {"code": "AUDIT_STORE_DIFFERS", "count": 1}
    ]
    again = await site.questions.answer(digest, cursor=None, limit=100)
    assert again["complete"] is True
    assert positions(facts_of(site, again)) == [*range(0, 2 * RECORDS, 2), 2 * RECORDS]
    assert site.audit.differences == 1


@pytest.mark.parametrize("limit", [2, 3])
async def test_a_lie_on_any_page_is_found_on_that_page(
    place: AuditPlace, site: Site, limit: int
) -> None:
    fill(site)
    digest = recorded(site, question(site, SUBJECT))
    first = await site.questions.answer(digest, cursor=None, limit=limit)
    trail = await _trail(site)
    place.edit(DROP.format(trail, 2 * limit))
    second = await site.questions.answer(digest, cursor=str(first["next_cursor"]), limit=limit)
    assert second["complete"] is False
    assert second["incomplete_because"] == "AUDIT_STORE_DIFFERS"


async def test_rows_that_are_claimed_for_a_key_without_any_are_an_alarm(
    place: AuditPlace, site: Site
) -> None:
    fill(site)
    absent = question(site, b"GRANT-1", kind=IndexKind.GRANT)
    digest = recorded(site, absent)
    assert (await site.questions.answer(digest, cursor=None, limit=9))["complete"] is True
    key = index_key(site.suite.digest, IndexKind.GRANT, b"GRANT-1")
    place.edit(RENAME.format(await _trail(site), place.blob(key)))
    assert (await site.questions.answer(digest, cursor=None, limit=9))["complete"] is False
    assert site.audit.differences == 1


async def _trail(site: Site) -> int:
    key = subject_key(site)
    return await site.audit.ask(lambda database: database.states([key])[key].identity)
