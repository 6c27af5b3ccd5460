"""Who reached the end of an epoch shows it to the members that lack it. Checklist I1, I2."""

from dataclasses import replace

import pytest

from consensus.codec import checkpoints_of
from consensus.messages import Checkpoint, Status
from consensus.types import Epoch, Height
from tests.unit.consensus.group import NOW_MS, signed, status
from tests.unit.consensus.test_epoch_switch import LAST, ending


def _asks(sender: int, *, stable_height: int = LAST - 1, epoch: int = 0) -> Status:
    behind = replace(status(sender), stable_height=Height(stable_height), epoch=Epoch(epoch))
    return signed(behind)


def test_who_has_no_part_in_the_next_epoch_still_shows_how_this_one_ended() -> None:
    over = ending(executed=LAST)
    stable_end = over.replica.stable
    assert stable_end.height == LAST

    assert over.receive(_asks(2)).sends(Checkpoint) == list(checkpoints_of(stable_end))
    assert over.receive(_asks(2)).effects == ()
    assert len(over.receive(_asks(3)).sends(Checkpoint)) == 3
    assert len(over.receive(_asks(2), now_ms=NOW_MS + 1_000).sends(Checkpoint)) == 3


@pytest.mark.parametrize(
    "asked",
    [_asks(2, stable_height=LAST), _asks(1), _asks(4), _asks(2, epoch=1)],
    ids=["has it", "ourselves", "no member", "another epoch"],
)
def test_the_end_is_shown_to_members_that_lack_it_alone(asked: Status) -> None:
    assert ending(executed=LAST).receive(asked).effects == ()
