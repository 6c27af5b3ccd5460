"""The door for submissions: one predicate with proposals, every refusal by its code."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainnode.codec import encode
from chainnode.driver.admission import Admission
from chainnode.driver.batches import Batches
from chainnode.driver.proposals import Proposals, submission_bytes_max
from chainnode.genesis import Genesis, Parameters
from chainnode.mempool import Mempool, PoolRefusal
from chainnode.mempool.limits import PoolLimits
from chainnode.submission import InvalidSubmission, SubmissionDigest, key_id
from chainnode.suites import suite_named
from tests.builders import (
    NOW_MS,
    ManualClock,
    genesis_of,
    secret_key,
    sized_submission,
    submission_key,
    submission_of,
)

DRIFT_MS = 5_000
VALIDITY_MS = 600_000
SMALL = Parameters(
    devnet=1,
    state_map_bits=8,
    index_map_bits=8,
    batch_bytes_max=64 * 1024,
    submission_bytes_max=128 * 1024,
)


@dataclass
class KnownKeys:
    """A registry of the keys in genesis and of what the test says was executed."""

    genesis: Genesis
    executed: set[SubmissionDigest] = field(default_factory=set)
    # Nonces that were used below a snapshot.
    forgotten: set[int] = field(default_factory=set)

    def is_key_registered(self, key_id: bytes) -> bool:
        return key_id in self._ids()

    def is_forgotten(self, key_id: bytes, nonce: int) -> bool:
        assert len(key_id) == 20
        return nonce in self.forgotten

    def is_executed(self, digest: SubmissionDigest) -> bool:
        return digest in self.executed

    def _ids(self) -> set[bytes]:
        suite = suite_named(self.genesis.suite_name)
        return {
            key_id(suite, key.public_key) for one in self.genesis.organisations for key in one.keys
        }


class Door:
    """Admission over a real pool; what it passes on is kept."""

    def __init__(self, genesis: Genesis | None = None, limits: PoolLimits | None = None) -> None:
        self.genesis = genesis or genesis_of()
        self.suite = suite_named(self.genesis.suite_name)
        self.clock = ManualClock()
        self.pool = Mempool(limits or PoolLimits())
        self.batches = Batches(genesis=self.genesis, suite=self.suite)
        self.registry = KnownKeys(self.genesis)
        self.forwarded: list[bytes] = []
        self.changes = 0
        self.threads = ThreadPoolExecutor(1)
        self.admission = Admission(
            genesis=self.genesis,
            suite=self.suite,
            clock=self.clock,
            pool=self.pool,
            batches=self.batches,
            registry=self.registry,
            threads=self.threads,
            forward=self.forwarded.extend,
            pool_changed=self._changed,
        )

    def _changed(self) -> None:
        self.changes += 1

    def proposals(self, time_ms: int) -> Proposals:
        return Proposals(
            genesis=self.genesis,
            suite=self.suite,
            pool=self.pool,
            batches=self.batches,
            clock=ManualClock(time_ms),
        )

    async def refusal(self, data: bytes) -> str:
        with pytest.raises(InvalidSubmission) as refused:
            await self.admission.admit_own(data)
        assert refused.value.expected
        assert refused.value.actual
        assert len(self.pool) == 0
        assert self.forwarded == []
        return refused.value.code


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    made = Door()
    yield made
    made.threads.shutdown()


async def test_a_good_submission_is_pooled_and_passed_on(door: Door) -> None:
    submission = submission_of(door.genesis)

    admitted = await door.admission.admit_own(submission.encoded)

    assert admitted.submission == submission
    assert not admitted.was_executed
    assert submission.digest in door.pool
    assert door.forwarded == [submission.encoded]
    assert door.changes == 1


async def test_a_submission_of_a_peer_is_pooled_and_not_passed_on(door: Door) -> None:
    submission = submission_of(door.genesis)

    await door.admission.admit_forwarded(submission.encoded)

    assert submission.digest in door.pool
    assert door.forwarded == []
    assert door.admission.uncertified_own(count_max=None) == ()


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("UNKNOWN_KEY", {"key": secret_key("intl", 77)}),
        ("WRONG_CHAIN", {"chain_id": b"x" * 32}),
        ("EXPIRED", {"valid_until_ms": NOW_MS - 1}),
        ("VALID_TOO_LONG", {"valid_until_ms": NOW_MS - DRIFT_MS + VALIDITY_MS + 1}),
    ],
)
async def test_each_refusal_has_its_code(door: Door, code: str, fields: dict[str, object]) -> None:
    submission = submission_of(door.genesis, **fields)  # type: ignore[arg-type]  # fields of a submission
    assert await door.refusal(submission.encoded) == code


@pytest.mark.parametrize("valid_until_ms", [NOW_MS, NOW_MS - DRIFT_MS + VALIDITY_MS])
async def test_the_first_and_the_last_moment_of_validity_are_accepted(
    door: Door, valid_until_ms: int
) -> None:
    submission = submission_of(door.genesis, valid_until_ms=valid_until_ms)
    await door.admission.admit_own(submission.encoded)


async def test_a_forged_signature_is_refused_also_after_the_real_one_was_seen(door: Door) -> None:
    real = submission_of(door.genesis)
    forged = real.encoded[:-64] + bytes(64)
    assert await door.refusal(forged) == "BAD_SIGNATURE"

    await door.admission.admit_own(real.encoded)
    with pytest.raises(InvalidSubmission):
        await door.admission.admit_own(forged)


@pytest.mark.parametrize("data", [b"", b"\xc1", encode((1, 2)), b"\xff" * 100])
async def test_what_is_no_submission_is_malformed(door: Door, data: bytes) -> None:
    assert await door.refusal(data) == "MALFORMED"


async def test_every_bit_of_a_submission_counts(door: Door) -> None:
    real = submission_of(door.genesis).encoded
    for at in range(len(real)):
        flipped = bytearray(real)
        flipped[at] ^= 1
        await door.refusal(bytes(flipped))


async def test_a_size_limit_holds_to_the_byte() -> None:
    genesis = genesis_of(
        parameters=Parameters(
            devnet=1, state_map_bits=8, index_map_bits=8, submission_bytes_max=32 * 1024
        )
    )
    door = Door(genesis)
    limit = genesis.parameters.submission_bytes_max
    assert await door.refusal(sized_submission(genesis, limit + 1).encoded) == "OVERSIZE"
    await door.admission.admit_own(sized_submission(genesis, limit).encoded)
    door.threads.shutdown()


async def test_what_no_batch_can_carry_is_refused_and_what_just_fits_is_proposed() -> None:
    genesis = genesis_of(parameters=SMALL)
    door = Door(genesis)
    limit = submission_bytes_max(SMALL)
    assert await door.refusal(sized_submission(genesis, limit + 1).encoded) == "OVERSIZE"

    just_fits = sized_submission(genesis, limit)
    await door.admission.admit_own(just_fits.encoded)
    batch = door.proposals(NOW_MS).build()
    assert len(batch.body) <= SMALL.batch_bytes_max
    opened = Batches(genesis=genesis, suite=door.suite).decode(batch.body)
    assert [one.digest for one in opened.submissions] == [just_fits.digest]
    door.threads.shutdown()


async def test_a_full_pool_refuses_with_the_bound_that_was_reached() -> None:
    door = Door(limits=PoolLimits(key_count_max=1, count_max=2))
    keys = [submission_key("intl", one) for one in range(3)]
    await door.admission.admit_own(submission_of(door.genesis, key=keys[0]).encoded)
    with pytest.raises(PoolRefusal) as quota:
        await door.admission.admit_own(submission_of(door.genesis, key=keys[0], nonce=1).encoded)
    await door.admission.admit_own(submission_of(door.genesis, key=keys[1]).encoded)
    with pytest.raises(PoolRefusal) as full:
        await door.admission.admit_own(submission_of(door.genesis, key=keys[2]).encoded)

    assert (quota.value.code, full.value.code) == ("KEY_QUOTA", "POOL_FULL")
    assert len(door.forwarded) == 2
    door.threads.shutdown()


async def test_a_replay_is_answered_and_not_pooled_even_when_it_has_expired(door: Door) -> None:
    submission = submission_of(door.genesis, valid_until_ms=NOW_MS - 1)
    door.registry.executed.add(submission.digest)

    admitted = await door.admission.admit_own(submission.encoded)

    assert admitted.was_executed
    assert len(door.pool) == 0
    assert door.forwarded == []


async def test_a_replay_with_a_forged_signature_is_refused(door: Door) -> None:
    submission = submission_of(door.genesis)
    door.registry.executed.add(submission.digest)
    assert await door.refusal(submission.encoded[:-64] + bytes(64)) == "BAD_SIGNATURE"


async def test_sending_again_what_waits_passes_it_on_again_and_pools_it_once(door: Door) -> None:
    submission = submission_of(door.genesis)
    for _ in range(3):
        await door.admission.admit_own(submission.encoded)
    assert len(door.pool) == 1
    assert door.changes == 1
    assert door.forwarded == [submission.encoded] * 3


async def test_own_submissions_are_known_until_they_are_final_or_dropped(door: Door) -> None:
    first, second, third = (submission_of(door.genesis, nonce=nonce) for nonce in range(3))
    for one in (first, second, third):
        await door.admission.admit_own(one.encoded)
    assert door.admission.uncertified_own(count_max=2) == (first.encoded, second.encoded)

    door.admission.forget([first.digest])
    door.pool.remove([second.digest])
    assert door.admission.uncertified_own(count_max=None) == (third.encoded,)

    # What the pool dropped is forgotten for good, so that nothing gathers here.
    door.pool.add(second)
    assert door.admission.uncertified_own(count_max=None) == (third.encoded,)


@given(
    valid_for_ms=st.integers(-2 * DRIFT_MS, VALIDITY_MS + 2 * DRIFT_MS),
    clock_error_ms=st.integers(-DRIFT_MS, DRIFT_MS),
)
def test_what_admission_accepts_every_primary_within_drift_can_propose(
    valid_for_ms: int, clock_error_ms: int
) -> None:
    door = Door()
    door.threads.shutdown()
    submission = submission_of(door.genesis, valid_until_ms=NOW_MS + valid_for_ms)
    try:
        door.admission.validate_for_any_primary(submission)
    except InvalidSubmission:
        return
    door.pool.add(submission)
    time_ms = NOW_MS + clock_error_ms
    batch = door.proposals(time_ms).build()
    other = Batches(genesis=door.genesis, suite=door.suite)
    opened = other.decode(batch.body)

    other.verify_proposable(opened)
    is_over = time_ms > submission.valid_until_ms
    assert len(opened.submissions) == (0 if is_over else 1)
    assert (submission.digest in door.pool) is not is_over
