"""Batches: what fits, what is proposable, oldest first."""

from chainnode.driver.batches import Batches
from chainnode.driver.proposals import Proposals
from chainnode.genesis import Genesis, Parameters
from chainnode.mempool import Mempool
from chainnode.suites import suite_named
from consensus.messages import NULL_BATCH
from tests.builders import (
    NOW_MS,
    ManualClock,
    genesis_of,
    sized_submission,
    submission_key,
    submission_of,
)
from tests.unit.chainnode.driver.test_admission import SMALL


class Primary:
    """Proposals over a real pool."""

    def __init__(self, genesis: Genesis) -> None:
        suite = suite_named(genesis.suite_name)
        self.pool = Mempool()
        self.batches = Batches(genesis=genesis, suite=suite)
        self.clock = ManualClock()
        self.proposals = Proposals(
            genesis=genesis, suite=suite, pool=self.pool, batches=self.batches, clock=self.clock
        )

    def built(self) -> list[bytes]:
        batch = self.proposals.build()
        return [one.digest for one in self.batches.decoded(batch).submissions]


def test_the_oldest_of_each_key_comes_first_and_keys_take_turns() -> None:
    genesis = genesis_of()
    primary = Primary(genesis)
    first = [submission_of(genesis, nonce=nonce) for nonce in range(3)]
    second = submission_of(genesis, key=submission_key("intl", 1))
    for one in (*first, second):
        primary.pool.add(one)

    assert primary.proposals.has_work
    assert primary.built() == [
        first[0].digest,
        second.digest,
        first[1].digest,
        first[2].digest,
    ]
    assert not primary.proposals.has_work


def test_what_expired_while_it_waited_leaves_the_pool_and_is_not_proposed() -> None:
    genesis = genesis_of()
    primary = Primary(genesis)
    expired = submission_of(genesis, valid_until_ms=NOW_MS)
    good = submission_of(genesis, nonce=1)
    for one in (expired, good):
        primary.pool.add(one)
    primary.clock.set(NOW_MS + 1)

    assert primary.built() == [good.digest]
    assert expired.digest not in primary.pool


def test_with_nothing_to_say_the_batch_is_empty_but_carries_its_time() -> None:
    primary = Primary(genesis_of())
    batch = primary.proposals.build()
    assert batch != NULL_BATCH
    assert batch.time_ms == NOW_MS
    assert primary.batches.decoded(batch).submissions == ()


def test_a_batch_stays_within_its_limit_and_the_rest_comes_next() -> None:
    genesis = genesis_of(parameters=SMALL)
    primary = Primary(genesis)
    waiting = [sized_submission(genesis, 30_000 + number) for number in range(5)]
    waiting = [
        submission_of(
            genesis, key=submission_key("intl", number % 4), nonce=number, calls=one.calls
        )
        for number, one in enumerate(waiting)
    ]
    for one in waiting:
        primary.pool.add(one)
    sizes = []
    seen: list[bytes] = []
    while primary.proposals.has_work:
        batch = primary.proposals.build()
        sizes.append(len(batch.body))
        seen += [one.digest for one in primary.batches.decoded(batch).submissions]
    assert max(sizes) <= SMALL.batch_bytes_max
    assert len(sizes) == 3
    assert sorted(seen) == sorted(one.digest for one in waiting)


def test_a_batch_is_remembered_in_its_decoded_form_and_forgotten_after_two_windows() -> None:
    genesis = genesis_of(
        parameters=Parameters(
            devnet=1,
            state_map_bits=8,
            index_map_bits=8,
            rules=1,
            match_deadline_ms=0,
            dispute_deadline_ms=0,
        )
    )
    primary = Primary(genesis)
    made = []
    for number in range(2 * genesis.parameters.window + 1):
        primary.clock.set(NOW_MS + number)
        made.append(primary.proposals.build())
    assert primary.batches.body(made[0].digest) is None
    assert primary.batches.body(made[1].digest) == made[1].body
    assert primary.batches.decoded(made[0]).time_ms == NOW_MS
    assert primary.batches.open(b"") == NULL_BATCH
    assert primary.batches.open(made[0].body) == made[0]
