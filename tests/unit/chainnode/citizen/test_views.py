"""Who used my data, asked over real sockets: a chain, a custodian, the application."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chainnode.verify.export import verify_export
from tests.builders import ORGANISATIONS
from tests.citizen_site import (
    OPERATOR,
    OTHER,
    PROVIDER,
    REQUESTER,
    CitizenSite,
    citizen_site,
)

# 2026-04-01 00:00, +08:00.
APRIL_MS = 1_774_972_800_000


@pytest.fixture
def site(tmp_path: Path) -> Iterator[CitizenSite]:
    with citizen_site(tmp_path) as made:
        yield made


def test_calls_at_two_departments_are_each_one_use_with_who_what_and_why(
    site: CitizenSite,
) -> None:
    site.record(1, site.token(PROVIDER))
    site.record(2, site.token(PROVIDER, 2))
    site.record(3, site.token(REQUESTER), provider=REQUESTER)
    site.record(4, site.token(PROVIDER, 1, OTHER))

    told = site.visitor().usages()

    assert told["totalUsages"] == 3
    usages = told["usages"]
    assert isinstance(usages, list)
    assert {one["receiverCode"] for one in usages} == {ORGANISATIONS[OPERATOR]}
    assert {one["receiverName"] for one in usages} == {"部门 2"}
    assert {one["receiverSystem"] for one in usages} == {"公租房系统"}
    assert all("公租房资格审核" in one["action"] for one in usages)


def test_nothing_recorded_is_an_answer_with_a_proof(site: CitizenSite) -> None:
    visitor = site.visitor()

    assert visitor.usages() == {"totalUsages": 0, "usages": []}

    proof = visitor.get("/proof.kunproof")
    facts = verify_export(proof.content, site.trust)
    assert facts.answer.is_complete
    assert facts.answer.rows == ()
    assert zipfile.ZipFile(io.BytesIO(proof.content)).testzip() is None
