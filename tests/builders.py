"""Builders with defaults for the values that many tests need; real parts, fixed keys."""

from collections.abc import Sequence

from chainnode.clock import WallClock
from chainnode.genesis import (
    Genesis,
    KeyEntry,
    OrganisationEntry,
    Parameters,
    ReplicaEntry,
)
from chainnode.submission import Call, Submission, sign_submission
from chainnode.suites import suite_named
from chainnode.suites.port import PrivateKey

SUITES = ("sm", "intl")
NOW_MS = 1_780_000_000_000
# Organisation codes in the shape of 统一社会信用代码.
ORGANISATIONS = (
    "11440300000000011A",
    "11440300000000022B",
    "11440300000000033C",
    "11440300000000044D",
)


def secret_key(suite_name: str, number: int) -> PrivateKey:
    """Return a key with a fixed secret; `number` tells keys apart."""
    return suite_named(suite_name).load_private_key(number.to_bytes(32, "big"))


def vote_key(suite_name: str, replica_id: int) -> PrivateKey:
    """Return the vote key of a replica in `genesis_of`."""
    return secret_key(suite_name, 1_000 + replica_id)


def submission_key(suite_name: str, organisation: int) -> PrivateKey:
    """Return the submission key, with all roles, of an organisation in `genesis_of`."""
    return secret_key(suite_name, 2_000 + organisation)


def parameters_of_rules_1(**change: int) -> Parameters:
    """Return those of a small chain for tests of what chains of rules 1 hold."""
    small = {"devnet": 1, "state_map_bits": 8, "index_map_bits": 8}
    return Parameters(**(small | change), rules=1, match_deadline_ms=0, dispute_deadline_ms=0)


def parameters_of_rules_2(**change: int) -> Parameters:
    """Return those of a small chain for tests of what chains of rules 2 hold."""
    small = {"devnet": 1, "state_map_bits": 8, "index_map_bits": 8}
    return Parameters(**(small | change), rules=2, dispute_deadline_ms=0)


def genesis_of(
    suite_name: str = "intl", *, size: int = 4, parameters: Parameters | None = None
) -> Genesis:
    """Return a genesis with `size` replicas and four departments whose keys have all roles."""
    roles = (1, 2, 3, 4, 5)
    return Genesis(
        suite_name=suite_name,
        label="test",
        created_ms=NOW_MS,
        parameters=parameters or parameters_of_rules_1(),
        replicas=tuple(
            ReplicaEntry(
                replica_id=one,
                organisation=ORGANISATIONS[one % len(ORGANISATIONS)],
                vote_key=vote_key(suite_name, one).public_key,
            )
            for one in range(size)
        ),
        organisations=tuple(
            OrganisationEntry(
                organisation=name,
                name=f"部门 {one}",
                roles=roles,
                keys=(
                    KeyEntry(public_key=submission_key(suite_name, one).public_key, roles=roles),
                ),
            )
            for one, name in enumerate(ORGANISATIONS)
        ),
    )


def submission_of(
    genesis: Genesis,
    *,
    key: PrivateKey | None = None,
    nonce: int = 0,
    valid_until_ms: int = NOW_MS + 60_000,
    contract: str = "members",
    contract_version: int = 1,
    calls: Sequence[Call] = (Call(action="noop", public=b"\x91\xc4\x10" + bytes(16)),),
    chain_id: bytes | None = None,
) -> Submission:
    """Return a signed submission; by default one that every replica refuses at execution."""
    return sign_submission(
        suite_named(genesis.suite_name),
        key or submission_key(genesis.suite_name, 0),
        chain_id=chain_id or genesis.chain_id,
        nonce=nonce,
        valid_until_ms=valid_until_ms,
        contract=contract,
        contract_version=contract_version,
        calls=calls,
    )


def sized_submission(genesis: Genesis, size: int) -> Submission:
    """Return a submission whose encoding has exactly `size` bytes, 16 KiB at least."""
    count = size // 2_500
    least = 300
    base = len(submission_of(genesis, calls=[_filled_call(least)] * count).encoded)
    each, rest = divmod(size - base, count)
    calls = [_filled_call(least + each + (one < rest)) for one in range(count)]
    made = submission_of(genesis, calls=calls)
    assert len(made.encoded) == size
    return made


def _filled_call(size: int) -> Call:
    return Call(action="noop", public=b"", private=bytes(size))


class ManualClock(WallClock):
    """A wall clock that stands still until it is set."""

    def __init__(self, time_ms: int = NOW_MS) -> None:
        super().__init__()
        self.set(time_ms)

    def now_ms(self) -> int:
        return int(self.__dict__["time_ms"])

    def set(self, time_ms: int) -> None:
        self.__dict__["time_ms"] = time_ms
