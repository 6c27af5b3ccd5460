"""Links lose, repeat, turn round, hold back and burst; partitions overlap; healing ends it all."""

from collections import Counter

from consensus.messages import Message
from tests.simulation.clock import Clock
from tests.simulation.network import Network
from tests.simulation.options import stream
from tests.unit.consensus.group import commit, new_view, pre_prepare, prepare, view_change

LETTERS = [prepare(1, sequence) for sequence in range(1, 41)]


class Post:
    """A network between two nodes, and what arrived."""

    def __init__(self, **weather: float) -> None:
        self.clock = Clock()
        self.counters: Counter[str] = Counter()
        self.arrived: list[Message] = []
        self.network = Network(
            clock=self.clock,
            random=stream(1, "network"),
            deliver=self._arrive,
            drop=weather.get("drop", 0.0),
            duplicate=weather.get("duplicate", 0.0),
            delay_max_ms=int(weather.get("delay_max_ms", 1)),
            codec_share=weather.get("codec_share", 0.0),
            counters=self.counters,
        )

    def _arrive(self, _: int, message: Message) -> None:
        self.arrived.append(message)

    def send_all(self) -> "Post":
        for one in LETTERS:
            self.network.carry(0, (1,), one)
        return self.wait()

    def wait(self) -> "Post":
        self.clock.run_until(self.clock.now_ms + 1_000)
        return self


def test_quiet_network_delivers_everything_in_order() -> None:
    assert Post().send_all().arrived == LETTERS


def test_loss_repetition_and_disorder_happen() -> None:
    lossy, chatty, slow = Post(drop=0.5), Post(duplicate=0.5), Post(delay_max_ms=50)

    assert 0 < len(lossy.send_all().arrived) < len(LETTERS)
    assert len(chatty.send_all().arrived) > len(LETTERS)
    assert slow.send_all().arrived != LETTERS
    assert sorted(one.sequence for one in slow.arrived if hasattr(one, "sequence")) == [
        one.sequence for one in LETTERS
    ]


def test_link_stays_cut_until_every_partition_is_mended() -> None:
    post = Post()
    post.network.cut([(0, 1)])
    post.network.cut([(0, 1)])
    post.network.mend([(0, 1)])

    assert not post.network.is_open(0, 1)
    assert post.network.is_open(1, 0)
    assert post.send_all().arrived == []

    post.network.mend([(0, 1)])
    assert post.send_all().arrived == LETTERS


def test_clogged_link_holds_everything_back_and_bursts() -> None:
    post = Post()
    post.network.clog((0, 1))
    assert post.send_all().arrived == []

    post.network.release((0, 1))

    assert post.wait().arrived == LETTERS


def test_bad_link_loses_while_others_do_not() -> None:
    post = Post()
    post.network.lose_on((0, 1), 0.5)

    assert 0 < len(post.send_all().arrived) < len(LETTERS)


def test_healed_network_delivers_everything_and_what_was_held_back() -> None:
    post = Post(drop=1.0, duplicate=0.0)
    post.network.cut([(0, 1)])
    post.network.clog((0, 1))
    post.network.lose_on((0, 1), 1.0)
    post.network.heal()

    assert len(post.send_all().arrived) == len(LETTERS)


def test_every_message_survives_the_codecs() -> None:
    post = Post(codec_share=1.1)
    letters: list[Message] = [pre_prepare(), commit(1), view_change(2), new_view()]
    for one in letters:
        post.network.carry(0, (1,), one)

    assert post.wait().arrived == letters
    assert post.counters["net_through_codec"] == len(letters)
