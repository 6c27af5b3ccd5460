"""A call and its lineage: sources without a question, followers by a recorded one."""

import base64
import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest

from chainnode.client import AccessCall, AccessReason, Client, Final, access_record
from contracts.schemas.call_words import Side
from tests.builders import ORGANISATIONS, submission_key
from tests.console_site import (
    SUITE,
    ConsoleSite,
    Visitor,
    console_site,
    record_call,
    trust_of,
)

PARENT = f"/calls/{ORGANISATIONS[0]}/{ORGANISATIONS[1]}/{bytes(range(16)).hex()}"
CHILD_ID = b"\x02" * 16
CHILD = f"/calls/{ORGANISATIONS[1]}/{ORGANISATIONS[2]}/{CHILD_ID.hex()}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleSite]:
    """A chain with a call, and with one that came from it."""
    with console_site(tmp_path_factory.mktemp("console")) as found:
        record_call(found)
        record_child(found)
        yield found


def record_child(site: ConsoleSite) -> None:
    call = access_record(
        AccessCall(
            call_id=CHILD_ID,
            side=Side.REQUESTER,
            requester=ORGANISATIONS[1],
            provider=ORGANISATIONS[2],
            item="household",
            trace_id=bytes(16),
            parent_call_id=bytes(range(16)),
        ),
        AccessReason(reason_text="核对"),
    )
    with Client([site.served.url], trust_of(site), submission_key(SUITE, 1)) as client:
        outcome = client.submit("access", [call])
    assert isinstance(outcome, Final)
    assert outcome.is_accepted


def log_size(site: ConsoleSite) -> int:
    with Client([site.served.url], trust_of(site)) as client:
        return client.header_latest().header.head.log_size


def test_a_record_of_a_half_leads_to_its_call(site: ConsoleSite) -> None:
    page = Visitor(site, "kun-auditor").http.get("/records/0")

    assert f'href="{PARENT}"' in page.text


def test_sources_are_shown_without_a_question(site: ConsoleSite) -> None:
    before = log_size(site)

    page = Visitor(site, "kun-auditor").http.get(CHILD)

    assert page.status_code == 200
    assert f'href="{PARENT}"' in page.text
    assert "上级调用" in page.text
    assert "只查了来源" in page.text
    assert 'href="/records/0"' in page.text
    assert log_size(site) == before


def test_followers_are_found_by_a_question_that_is_recorded(site: ConsoleSite) -> None:
    visitor = Visitor(site, "kun-auditor")
    before = log_size(site)
    without = visitor.http.get(PARENT)

    form = {"csrf": visitor.csrf, "purpose": "去向核查", "basis": "data_quality"}
    page = visitor.http.post(PARENT, data=form)

    assert f'href="{CHILD}"' not in without.text
    assert page.status_code == 200
    assert f'href="{CHILD}"' in page.text
    assert "来源与下游都已查" in page.text
    assert log_size(site) > before


def test_the_kept_picture_is_the_shown_one(site: ConsoleSite) -> None:
    page = Visitor(site, "kun-auditor").http.get(CHILD).text

    kept = re.search(r'download="lineage.svg" href="data:image/svg\+xml;base64,([^"]+)"', page)
    assert kept is not None
    picture = base64.b64decode(kept[1])
    assert picture.decode() in page
    assert ET.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314  ours


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (PARENT[:-1] + "0", "UNKNOWN_CALL"),
        (PARENT[:-1], "NOT_FOUND"),
        (f"/calls/x/{ORGANISATIONS[1]}/{'0' * 32}", "NOT_FOUND"),
    ],
)
def test_a_call_that_there_is_not_is_not_found(site: ConsoleSite, path: str, code: str) -> None:
    page = Visitor(site, "kun-auditor").http.get(path)

    assert page.status_code == 404
    assert code in page.text


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"purpose": " "}, "PURPOSE"), ({"basis": "x"}, "BASIS"), ({"from": "2026-13"}, "PERIOD")],
)
def test_a_question_about_followers_that_is_none_is_not_recorded(
    site: ConsoleSite, changed: dict[str, str], code: str
) -> None:
    visitor = Visitor(site, "kun-auditor")
    before = log_size(site)

    page = visitor.http.post(PARENT, data={"csrf": visitor.csrf, "purpose": "p"} | changed)

    assert (page.status_code, log_size(site)) == (422, before)
    assert code in page.text


def test_operators_see_no_lineage(site: ConsoleSite) -> None:
    assert Visitor(site, "kun-operator").http.get(PARENT).status_code == 403
