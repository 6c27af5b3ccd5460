"""What a node tells of disputes: events of a block, and figures of who has to answer."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chainnode.client.dispute_calls import (
    Objection,
    correct_dispute,
    forward_dispute,
    object_to,
    withdraw_dispute,
)
from chainnode.exchange_readings import ExchangeReadings
from chainnode.metrics import NodeMetrics
from chainnode.service.block_events import BlockEvent, events_of
from chainnode.submission import Call
from contracts.schemas.call_words import Side
from contracts.schemas.disputes import NAME, VERSION, Ground, Target
from tests.builders import ORGANISATIONS, genesis_of, submission_key, submission_of
from tests.gap_site import ASKING, GIVING, PARAMETERS, GapSite, call_id, half
from tests.sites import Site
from tests.unit.contracts.halves import HALF

FILER = 3
DEADLINE_MS = 5_000
CLAIM = Objection(
    ground=Ground.UNAUTHORISED,
    target=Target.CALL,
    requester=ASKING,
    provider=GIVING,
    call_id=call_id(1),
    subjects=HALF.subjects,
    item=HALF.item,
)


class DisputeSite(GapSite):
    """The same site; an answer to a dispute may take five seconds."""

    def __init__(self, folder: Path) -> None:
        short = replace(PARAMETERS, dispute_deadline_ms=DEADLINE_MS)
        Site.__init__(self, folder, genesis=genesis_of("intl", parameters=short))
        self.nonces = dict.fromkeys(Side, 0)
        self.sent = 100

    def said_of_disputes(self, sender: int, *calls: Call) -> list[BlockEvent]:
        """Put calls on the chain; return what their block tells of disputes."""
        self.sent += 1
        self.grow(
            submission_of(
                self.genesis,
                key=submission_key("intl", sender),
                nonce=self.sent,
                valid_until_ms=self.ledger.tip.head.time_ms + 60_000,
                contract=NAME,
                contract_version=VERSION,
                calls=list(calls),
            )
        )
        return self.told()

    def told(self) -> list[BlockEvent]:
        height = self.ledger.tip.height
        events = events_of(self.ledger, height, h=self.suite.digest)
        return [one for one in events if one.name == "dispute"]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[DisputeSite]:
    made = DisputeSite(tmp_path)
    made.record(half(Side.PROVIDER, 1))
    yield made
    made.close()


def named(number: int) -> bytes:
    return bytes(15) + bytes((number,))


def figures(site: Site) -> dict[str, float]:
    """Return the figures of disputes by their line."""
    readings = ExchangeReadings(
        genesis=site.genesis, ledger=site.ledger, h=site.suite.digest, counts=lambda: None
    )
    text = NodeMetrics(readings.read).render()[0].decode()
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    prefix = "kunlian_exchange_disputes_"
    return {
        name.removeprefix(prefix): float(value)
        for name, _, value in lines
        if name.startswith(prefix)
    }


def test_a_dispute_is_told_from_its_objection_to_its_late_answer(site: DisputeSite) -> None:
    (objected,) = site.said_of_disputes(FILER, object_to(named(1), CLAIM))
    assert {name: objected.data[name] for name in objected.data if name != "time_ms"} == {
        "height": site.ledger.tip.height,
        "position": 1,
        "record": "/v1/records/1",
        "dispute": named(1).hex(),
        "action": "object",
        "outcome": "objected",
        "state": "open",
        "responsible": ASKING,
        "requester": ASKING,
        "provider": GIVING,
        "item": HALF.item,
        "certificate": None,
    }
    other = ORGANISATIONS[2]
    passed = forward_dispute(named(1), organisation=other, reason_code="theirs")
    (forwarded,) = site.said_of_disputes(0, passed)
    assert (forwarded.data["action"], forwarded.data["responsible"]) == ("forward", other)
    site.grow(time_ms=site.ledger.tip.head.time_ms + DEADLINE_MS + 1_000)
    (overdue,) = site.told()
    assert (overdue.data["outcome"], overdue.data["responsible"]) == ("overdue", other)
    (answer,) = site.said_of_disputes(2, correct_dispute(named(1), reason_code="fixed"))
    assert (answer.data["outcome"], answer.data["state"]) == ("corrected_late", "corrected")


def test_no_event_of_a_dispute_shows_a_token_of_a_person(site: DisputeSite) -> None:
    (objected,) = site.said_of_disputes(FILER, object_to(named(1), CLAIM))
    assert HALF.subjects
    assert not any(one.hex().encode() in objected.frame for one in HALF.subjects)


def test_figures_say_who_has_to_answer_how_many(site: DisputeSite) -> None:
    assert figures(site)[f'open{{department="{ASKING}"}}'] == 0
    site.said_of_disputes(FILER, *(object_to(named(one), CLAIM) for one in range(3)))
    site.grow(time_ms=site.ledger.tip.head.time_ms + DEADLINE_MS + 1_000)
    site.said_of_disputes(FILER, withdraw_dispute(named(0)))
    told = figures(site)
    label = f'{{department="{ASKING}"}}'
    assert told[f"open{label}"] == 2
    assert told[f"opened_total{label}"] == 3
    assert told[f"closed_total{label}"] == 1
    assert told[f"overdue_total{label}"] == 3
    assert told[f'opened_total{{department="{GIVING}"}}'] == 0
    assert len(told) == 4 * len(site.genesis.organisations)
