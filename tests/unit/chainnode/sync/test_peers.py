"""Whom to ask: helpers in turn, the silent and the liars last and for a while."""

import pytest

from chainnode.ledger.merkle import InvalidProof
from chainnode.p2p.errors import FailureCode, PeerUnavailable, RequestFailed, RequestTimeout
from chainnode.sync.peers import OURSELVES, ClaimTakenBack, PeerBook
from tests.unit.chainnode.sync.late import ManualTime

LIE = InvalidProof(what="x", expected="a", actual="b")
SILENCE = RequestTimeout(1, kind=17, timeout_s=5)


def book(time: ManualTime, *peers: int) -> PeerBook:
    return PeerBook(connected=lambda: peers, now_s=time.now_s)


def test_peers_take_turns() -> None:
    peers = book(ManualTime(), 1, 2, 3)
    firsts = [peers.in_order()[0] for _ in range(6)]
    assert sorted(firsts) == [1, 1, 2, 2, 3, 3]
    assert sorted(peers.in_order()) == [1, 2, 3]
    assert book(ManualTime()).in_order() == ()


def test_a_liar_is_asked_last_for_a_minute_and_not_at_all_where_all_are_asked_at_once() -> None:
    time = ManualTime()
    peers = book(time, 1, 2, 3)
    peers.pass_over(2, LIE)
    for _ in range(3):
        assert peers.in_order()[-1] == 2
        assert sorted(peers.ready()) == [1, 3]
    time.seconds += 61
    assert sorted(peers.ready()) == [1, 2, 3]
    assert peers.passed_over == {(2, "InvalidProof"): 1}


def test_silence_costs_more_each_time_and_help_makes_up_for_it() -> None:
    time = ManualTime()
    peers = book(time, 1, 2)
    for pause_s in (1, 2, 4, 8, 16, 32, 60, 60):
        peers.pass_over(1, SILENCE)
        time.seconds += pause_s - 0.5
        assert peers.ready() == (2,)
        time.seconds += 1
        assert sorted(peers.ready()) == [1, 2]
    peers.pass_over(1, SILENCE)
    peers.helped(1)
    assert sorted(peers.ready()) == [1, 2]


@pytest.mark.parametrize(
    "error",
    [PeerUnavailable(1, "gone"), RequestFailed(1, kind=16, code=FailureCode.HANDLER_FAILED)],
)
def test_who_says_at_once_that_it_has_no_answer_is_not_made_to_wait(error: Exception) -> None:
    peers = book(ManualTime(), 1, 2)
    peers.pass_over(1, error)
    assert sorted(peers.ready()) == [1, 2]


def test_when_everybody_is_on_pause_everybody_is_asked() -> None:
    time = ManualTime()
    peers = book(time, 1, 2)
    peers.pass_over(1, LIE)
    time.seconds += 1
    peers.pass_over(2, LIE)
    assert peers.ready() == peers.in_order() == (1, 2)


def test_what_we_put_together_ourselves_is_counted_and_nobody_blamed() -> None:
    peers = book(ManualTime(), 1)
    peers.pass_over(OURSELVES, LIE)
    assert peers.passed_over == {(OURSELVES, "InvalidProof"): 1}
    assert peers.ready() == (1,)


def test_a_height_that_is_taken_back_is_a_lie_once() -> None:
    peers = book(ManualTime(), 1)
    for height in (5, 5, 9):
        peers.note_claim(1, height)
    with pytest.raises(ClaimTakenBack, match="≥ 9, got 4"):
        peers.note_claim(1, 4)
    peers.note_claim(1, 4)
