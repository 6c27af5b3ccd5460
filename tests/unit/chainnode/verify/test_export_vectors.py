"""Published vectors of exports: judged as they say, and the same as the script makes."""

import base64
from pathlib import Path

import pytest

from chainnode.verify import InvalidEvidence, Trust
from chainnode.verify.export import verify_export
from chainnode.verify.judge import verdict_of_refusal
from chainnode.verify.strict_json import JsonObject, as_object, read_object
from tests.vectors.documents import document_text, published, texts
from tests.vectors.export_facts import export_facts
from tests.vectors.make_exports import FOLDER, cases

FILES = sorted(FOLDER.glob("*/*.json"))
SUITES = ("sm", "intl")


def judged(case: JsonObject) -> tuple[str, JsonObject | None]:
    """Return `accepted` and what is proven, or verdict and check."""
    trust = Trust.load(document_text(as_object(case["trust"], "trust")).encode())
    try:
        return "accepted", export_facts(
            verify_export(base64.b64decode(str(case["archive"])), trust)
        )
    except InvalidEvidence as error:
        return f"{verdict_of_refusal(error).verdict.name} {error.check}", None


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_published_case_is_judged_as_it_says(path: Path) -> None:
    case = read_object(path.read_bytes())
    assert judged(case) == (case["expect"], case["facts"])


@pytest.mark.parametrize("suite", SUITES)
def test_the_script_makes_what_is_published_byte_for_byte(suite: str) -> None:
    assert texts(cases(suite)) == published(FOLDER / suite)
