"""The calls that the demo makes over HTTP, as `kun audit query` and the ledger tell of them."""

import json
from typing import Any

from contracts.schemas.access import DISPUTABLE_CALLS
from contracts.schemas.match_states import Match
from devnet.departments import HOUSING, POLICE
from tests.acceptance.main_job import MainJob


def asked_rows(job: MainJob, *asked: str) -> list[dict[str, Any]]:
    """Return the rows of one question to the audit log."""
    answer = job.kun("audit", "query", *asked, "--purpose", "年度抽查", "--json").json
    assert answer["complete"] is True
    items: list[dict[str, Any]] = answer["items"]
    return items


def exchanged(job: MainJob, *asked: str) -> list[dict[str, Any]]:
    """Return what the halves of the housing office's calls to the police say."""
    halves = [one["call"] for one in asked_rows(job, *asked) if one["call"] is not None]
    parties = (HOUSING.organisation, POLICE.organisation)
    return [one for one in halves if (one["requester"], one["provider"]) == parties]


def found_by_ledger(job: MainJob, action: str, *asked: str) -> dict[str, Any] | None:
    """Return what the first of the ledger's own records that a question shows says."""
    rows = [one["found"] for one in asked_rows(job, *asked) if one["action"] == action]
    return rows[0] if rows else None


def special_calls(job: MainJob) -> dict[str, str]:
    """Return the ids of the calls that did not end in a matched pair of answers."""
    calls: dict[str, str] = json.loads((job.folder / "demo" / "demo.json").read_bytes())["calls"]
    return calls


def match_of(job: MainJob, call_id: str) -> Match:
    """Return what the ledger says of a call of the housing office to the police."""
    with job.client(key="auditor") as client:
        row = client.state(
            DISPUTABLE_CALLS, HOUSING.organisation, POLICE.organisation, bytes.fromhex(call_id)
        ).row
    assert row is not None
    return Match(row.match)
