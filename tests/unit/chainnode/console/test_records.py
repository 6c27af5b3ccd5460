"""Freshness is judged, not said."""

from pathlib import Path

import pytest

from chainnode.client import Client, ItemDraft, publish_item
from chainnode.console.desk import ShownRecord
from chainnode.console.records import checks_of
from chainnode.genesis import write_genesis_file
from chainnode.verify import Trust
from chainnode.verify.judge import ONLINE_MAX_AGE_MS_DEFAULT
from tests.builders import submission_key
from tests.served_site import served_site


@pytest.mark.parametrize(("age_ms", "result"), [(0, "pass"), (1, "fail")])
def test_a_record_under_an_old_chain_is_not_fresh(tmp_path: Path, age_ms: int, result: str) -> None:
    with served_site(tmp_path / "chain") as served:
        write_genesis_file(tmp_path / "genesis.json", served.genesis)
        trust = Trust.load((tmp_path / "genesis.json").read_bytes())
        with Client([served.url], trust, submission_key("intl", 0)) as client:
            draft = ItemDraft(item="population.basic", title="人口", fields=("name",))
            client.submit("catalog", [publish_item(draft)])
            shown = ShownRecord(facts=client.record(0)[0], is_authored=False)
            newest = client.header_latest()

    now_ms = newest.time_ms + ONLINE_MAX_AGE_MS_DEFAULT + age_ms
    found = {one.name: one.result for one in checks_of(shown, newest, now_ms=now_ms)}

    assert found["freshness"] == result
    assert found["issuer"] == "not_checked"
    assert found["content"] == found["history"] == found["quorum"] == "pass"
