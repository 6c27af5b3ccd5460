"""The list of disputes at an organisation is what its proven trail and the state say."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chainnode.client import (
    CannotDecide,
    Client,
    DisputeList,
    Final,
    ItemDraft,
    list_disputes,
    publish_item,
)
from chainnode.client.dispute_calls import (
    Objection,
    correct_dispute,
    forward_dispute,
    object_to,
    withdraw_dispute,
)
from chainnode.submission import Call
from chainnode.verify import Trust
from contracts.schemas import catalog, disputes
from contracts.schemas.dispute_states import DisputeState
from contracts.schemas.disputes import Ground, Target
from tests.builders import ORGANISATIONS, submission_key
from tests.served_site import Served, served_site

OWNER, OTHER, _, FILER = range(4)
ITEM = "population/basic"
PURPOSE = "open objections"
CLAIM = Objection(ground=Ground.DATA_WRONG, target=Target.ITEM, item=ITEM)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with served_site(tmp_path) as made:
        yield made


def said(served: Served, sender: int, call: Call, *, contract: str = disputes.NAME) -> None:
    with client_of(served, sender) as client:
        outcome = client.submit(contract, [call])
    assert isinstance(outcome, Final)
    assert outcome.is_accepted


def client_of(served: Served, sender: int) -> Client:
    trust = Trust.from_genesis(served.genesis)
    return Client([served.url], trust, submission_key("intl", sender))


def listed(served: Served, *organisations: int, rows_max: int | None = None) -> DisputeList:
    with client_of(served, FILER) as client:
        return list_disputes(
            client,
            [ORGANISATIONS[one] for one in organisations],
            purpose=PURPOSE,
            rows_max=rows_max,
        )


def named(number: int) -> bytes:
    return bytes(15) + bytes((number,))


def published(served: Served) -> None:
    item = ItemDraft(item=ITEM, title="人口", fields=("name",))
    said(served, OWNER, publish_item(item), contract=catalog.NAME)


def test_all_that_came_to_an_organisation_is_listed_and_proven_whole(served: Served) -> None:
    published(served)
    for number in range(3):
        said(served, FILER, object_to(named(number), CLAIM))
    said(served, OWNER, correct_dispute(named(0), reason_code="fixed"))
    other = ORGANISATIONS[OTHER]
    said(served, OWNER, forward_dispute(named(1), organisation=other, reason_code="theirs"))

    found = listed(served, OWNER)

    assert found.complete
    assert (found.incomplete_because, found.complete_to_ms is None) == ("", False)
    assert {one.dispute_id: one.row.responsible for one in found.disputes} == {
        named(0): ORGANISATIONS[OWNER],
        named(1): other,
        named(2): ORGANISATIONS[OWNER],
    }
    assert [one.is_open for one in found.disputes] == [True, True, False]
    assert found.disputes[-1].row.state == DisputeState.CORRECTED
    assert not any(one.is_overdue for one in found.disputes)
    assert found.state_height is not None
    assert found.state_height >= found.as_of_height

    (passed_on,) = listed(served, OTHER).disputes
    assert passed_on.dispute_id == named(1)


def test_nothing_came_to_an_organisation_is_proven_too(served: Served) -> None:
    found = listed(served, OTHER)
    assert (found.complete, found.disputes, found.state_height) == (True, (), None)


def test_several_organisations_are_one_list_with_each_dispute_once(served: Served) -> None:
    published(served)
    said(served, FILER, object_to(named(1), CLAIM))
    other = ORGANISATIONS[OTHER]
    said(served, OWNER, forward_dispute(named(1), organisation=other, reason_code="theirs"))
    found = listed(served, OWNER, OTHER, OWNER)
    assert found.organisations == tuple(sorted((ORGANISATIONS[OWNER], other)))
    assert [one.dispute_id for one in found.disputes] == [named(1)]


def test_a_list_that_was_cut_says_that_it_is_not_whole(served: Served) -> None:
    published(served)
    said(served, FILER, object_to(named(1), CLAIM))
    said(served, FILER, object_to(named(2), CLAIM))
    said(served, FILER, withdraw_dispute(named(2)))
    found = listed(served, OWNER, rows_max=1)
    assert (found.complete, found.incomplete_because) == (False, "MORE_PAGES")
    assert [one.dispute_id for one in found.disputes] == [named(1)]


def test_no_organisation_is_no_list(served: Served) -> None:
    with pytest.raises(ValueError, match="at least one"):
        listed(served)


def test_events_of_disputes_are_followed_and_proven(served: Served) -> None:
    published(served)
    said(served, FILER, object_to(named(1), CLAIM))
    with client_of(served, FILER) as client:
        event = next(one for one in client.follow("0") if one.name == "dispute")
        assert event.data["dispute"] == named(1).hex()
        assert client.proven(event).position == event.data["position"]
        for name, value in (("responsible", ORGANISATIONS[OTHER]), ("state", "corrected")):
            lied = replace(event, data={**event.data, name: value})
            with pytest.raises(CannotDecide):
                client.proven(lied)
