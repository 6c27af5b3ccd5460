"""However often and wherever a stream is cut, whoever resumes hears the same as an undisturbed one.

The bytes are those that the application sends of a chain with everything that a stream tells; the
reader is the client's own.
"""

import asyncio
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainnode.client.exchange import Unreachable
from chainnode.client.following import ChainEvent, Follower
from chainnode.client.memory import HeightMemory
from chainnode.client.session import Session
from chainnode.event_ids import InvalidEventId, Place
from contracts.schemas.call_words import Decision, Side
from tests.gap_site import GapSite, half
from tests.streams import AppReader

START, NEWEST = "0", "5"


class Recorded:
    """What a node answers whoever resumes by any id, and the whole sequence."""

    def __init__(self, folder: Path) -> None:
        self.site = GapSite(folder)
        self.answers: dict[str, bytes] = {}
        try:
            asyncio.run(self._record())
        finally:
            self.site.close()
        self.whole = self.read([])

    def read(self, cuts: list[int]) -> list[ChainEvent]:
        """Follow to the end of the chain; the n-th answer is cut after so many bytes."""
        session = Session(
            nodes=("http://node",),
            trust=self.site.trust,
            memory=HeightMemory(trust=self.site.trust, path=None),
        )
        follower = Follower(session, START, patience_s=60.0)
        found: list[ChainEvent] = []
        for cut in [*cuts, None]:
            asked = dict(follower.request().headers)["Last-Event-ID"]
            answer = self.answers[asked][:cut]
            # Parts of a size that falls on no boundary.
            for start in range(0, len(answer), 53):
                found += follower.take(answer[start : start + 53])
            assert not follower.has_left
            follower.take(Unreachable(reason="cut"))
        return found

    async def _record(self) -> None:
        site = self.site
        site.record(half(Side.PROVIDER, 1), half(Side.PROVIDER, 2), half(Side.PROVIDER, 3))
        site.let_deadlines_pass()
        site.record(half(Side.REQUESTER, 1), half(Side.REQUESTER, 2, fields=1))
        site.record(half(Side.REQUESTER, 4, decision=Decision.PERMIT))
        site.grow()
        app = site.app()
        waiting = [START]
        while waiting:
            after = waiting.pop()
            reader = AppReader(app, after=after)
            await reader.until(partial(_is_whole, reader), "the newest block")
            self.answers[after] = reader.body
            await reader.leave()
            waiting += [one for one in reader.ids if one not in self.answers]
        app.state.service.feed.close()


def _is_whole(reader: AppReader) -> bool:
    return b"event: node\n" in reader.body and reader.last_id == NEWEST


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return Recorded(tmp_path_factory.mktemp("stream"))


def test_the_undisturbed_sequence_has_every_kind_of_event(recorded: Recorded) -> None:
    names = {one.name for one in recorded.whole}
    assert names == {"block", "unmatched", "matched", "mismatched", "finding"}
    ids = [one.id for one in recorded.whole]
    assert len(ids) == len(set(ids)) == 13


def test_a_cut_at_every_single_byte_loses_and_doubles_nothing(recorded: Recorded) -> None:
    for cut in range(len(recorded.answers[START]) + 1):
        assert recorded.read([cut]) == recorded.whole, cut


@given(st.lists(st.integers(0, 5_000), max_size=12))
def test_any_number_of_cuts_loses_and_doubles_nothing(recorded: Recorded, cuts: list[int]) -> None:
    assert recorded.read(cuts) == recorded.whole


_PIECES = st.sampled_from(
    [
        b"\n\n",
        b"\n",
        b"\r",
        b"id: 1\n",
        b"id: 1.1\n",
        b"id: 2\n",
        b"event: block\n",
        b"data: {}\n",
        b'data: {"height":1}\n',
        b'data: {"height":2}\n',
        b":",
        b"retry: x\n",
        b"\xff",
        b"id:\n",
        b"\0",
    ]
)


@given(st.lists(_PIECES | st.binary(max_size=20), max_size=60))
def test_whatever_a_node_sends_ends_in_events_in_order_or_in_leaving_it(
    recorded: Recorded, pieces: list[bytes]
) -> None:
    session = Session(
        nodes=("http://node",),
        trust=recorded.site.trust,
        memory=HeightMemory(trust=recorded.site.trust, path=None),
    )
    follower = Follower(session, START, patience_s=60.0)
    follower.request()
    found: list[ChainEvent] = []
    for piece in pieces:
        found += follower.take(piece)
        if follower.has_left:
            break
    places = [Place(0), *(Place.parse(one.id) for one in found)]
    assert all(
        later in {Place(one.height, one.number + 1), Place(one.height + 1)}
        for one, later in pairwise(places)
    )


@given(st.text(max_size=24) | st.from_regex(r"[0-9.]{1,24}", fullmatch=True))
def test_a_text_is_the_id_of_an_event_in_one_form_or_it_is_refused(text: str) -> None:
    try:
        told = str(Place.parse(text))
    except InvalidEventId:
        told = "no id"
    assert told in {text, "no id"}
