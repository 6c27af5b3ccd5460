"""What a client remembers between answers: the highest header, the next nonce."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from chainnode.client.memory import RECENT_MAX, ChainForked, HeightMemory
from chainnode.client.nonces import NonceCounter
from chainnode.errors import ConfigurationError
from chainnode.verify import (
    CertifiedHeader,
    ForkFacts,
    InvalidEvidence,
    load_evidence,
    verify_evidence,
)
from chainnode.verify.epochs import verify_placed_header
from chainnode.verify.strict_json import JsonObject, JsonValue
from tests.builders_epochs import (
    certified_in,
    end_link,
    first_group,
    header_in,
    recovery_link,
    second_group,
)
from tests.builders_evidence import GENESIS_MS, SyntheticChain, synthetic_chain

CHAIN = synthetic_chain("intl")
TRUST = CHAIN.trust


def seen(height: int, mark: int = 0, *, chain: SyntheticChain = CHAIN) -> CertifiedHeader:
    """Return a certified header; one of another `mark` contradicts it."""
    header = chain.header(height=height, time_ms=GENESIS_MS + mark)
    document = certified_in(chain, first_group(chain), header, signers=(0, 1, 2))
    return verify_placed_header({**document, "epochs": []}, chain.trust)


def stored(path: Path) -> int:
    highest = HeightMemory(trust=TRUST, path=path).highest
    assert highest is not None
    return highest.height


def test_the_highest_header_is_remembered_and_older_ones_are_behind() -> None:
    memory = HeightMemory(trust=TRUST)
    assert not memory.is_behind(0)
    for height in (5, 9, 7):
        memory.observe(seen(height))
    assert memory.highest == seen(9)
    assert memory.is_behind(8)
    assert not memory.is_behind(9)


@pytest.mark.parametrize("at", [9, 5])
def test_two_certified_headers_of_one_height_are_a_fork_that_anybody_can_check(at: int) -> None:
    memory = HeightMemory(trust=TRUST)
    memory.observe(seen(5))
    memory.observe(seen(9))
    memory.observe(seen(9))
    with pytest.raises(ChainForked, match=f"height {at}") as caught:
        memory.observe(seen(at, mark=1))
    facts = verify_evidence(caught.value.evidence, TRUST)
    assert isinstance(facts, ForkFacts)
    assert {facts.first.digest, facts.second.digest} == {seen(at).digest, seen(at, mark=1).digest}
    assert caught.value.file is None


def test_only_so_many_headers_below_the_highest_are_kept() -> None:
    memory = HeightMemory(trust=TRUST)
    for height in range(1, RECENT_MAX + 2):
        memory.observe(seen(height))
    memory.observe(seen(1, mark=1))
    with pytest.raises(ChainForked):
        memory.observe(seen(3, mark=1))


def test_the_file_is_read_back_and_holds_the_chain(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "seen.json"
    HeightMemory(trust=TRUST, path=path).observe(seen(9))
    assert HeightMemory(trust=TRUST, path=path).highest == seen(9)
    assert sorted(one.name for one in path.parent.iterdir()) == ["seen.json", "seen.json.lock"]
    with pytest.raises(ConfigurationError, match="chain_id"):
        HeightMemory(trust=synthetic_chain("intl", label="another").trust, path=path)


def test_a_fork_is_written_beside_the_file_and_ends_belief_until_a_person_moves_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "seen.json"
    HeightMemory(trust=TRUST, path=path).observe(seen(9))
    with pytest.raises(ChainForked) as caught:
        HeightMemory(trust=TRUST, path=path).observe(seen(9, mark=1))
    file = caught.value.file
    assert file is not None
    assert str(file) in str(caught.value)
    assert isinstance(verify_evidence(load_evidence(file.read_bytes()), TRUST), ForkFacts)
    with pytest.raises(ChainForked, match=file.name):
        HeightMemory(trust=TRUST, path=path)
    other = synthetic_chain("intl", label="another")
    HeightMemory(trust=other.trust, path=tmp_path / "other.json").observe(seen(1, chain=other))
    file.unlink()
    assert stored(path) == 9


def test_two_processes_share_the_file_and_it_never_goes_back(tmp_path: Path) -> None:
    path = tmp_path / "seen.json"
    first, second = (HeightMemory(trust=TRUST, path=path) for _ in range(2))
    first.observe(seen(9))
    second.observe(seen(7))
    assert stored(path) == 9
    assert second.highest == seen(9)
    second.observe(seen(11))
    first.observe(seen(10))
    assert stored(path) == 11
    first.observe(seen(12))
    with pytest.raises(ChainForked):
        second.observe(seen(12, mark=1))


def test_a_file_below_the_pinned_checkpoint_of_the_trust_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "seen.json"
    HeightMemory(trust=TRUST, path=path).observe(seen(9))
    pinned = TRUST.pinned_at(epoch=0, height=10, header_digest=seen(10).digest, time_ms=GENESIS_MS)
    memory = HeightMemory(trust=pinned, path=path)
    assert memory.highest is None
    memory.observe(seen(10))
    assert stored(path) == 10


def test_a_file_that_contradicts_the_pinned_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "seen.json"
    HeightMemory(trust=TRUST, path=path).observe(seen(9))
    pinned = TRUST.pinned_at(epoch=0, height=9, header_digest=bytes(32), time_ms=GENESIS_MS)
    with pytest.raises(ConfigurationError, match="checkpoint"):
        HeightMemory(trust=pinned, path=path)


def test_the_epochs_that_led_to_the_highest_header_are_kept_with_it(tmp_path: Path) -> None:
    path = tmp_path / "seen.json"
    second = second_group(CHAIN)
    links: list[JsonValue] = [end_link(CHAIN, first_group(CHAIN), second, epoch=0, height=20)]
    document: JsonObject = {
        **certified_in(CHAIN, second, header_in(CHAIN, second, epoch=1, height=21)),
        "epochs": links,
    }
    HeightMemory(trust=TRUST, path=path).observe(verify_placed_header(document, TRUST))
    highest = HeightMemory(trust=TRUST, path=path).highest
    assert highest is not None
    assert highest.trust.ends == {0: 20}
    assert highest.trust.epochs[1] == second.members


def after_recovery(height: int, *, ended_at: int) -> CertifiedHeader:
    """Return a header of epoch 1, which began where a recovery record ended epoch 0."""
    group = first_group(CHAIN)
    document: JsonObject = {
        **certified_in(CHAIN, group, header_in(CHAIN, group, epoch=1, height=height)),
        "epochs": [recovery_link(CHAIN, group, epoch=0, height=ended_at)],
    }
    return verify_placed_header(document, TRUST)


def test_an_epoch_that_ended_below_a_header_that_was_seen_in_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "seen.json"
    memory = HeightMemory(trust=TRUST, path=path)
    memory.observe(seen(9))
    with pytest.raises(InvalidEvidence, match="epoch: "):
        memory.observe(after_recovery(20, ended_at=8))
    assert stored(path) == 9
    memory.observe(after_recovery(21, ended_at=9))
    with pytest.raises(InvalidEvidence, match="epoch: "):
        memory.observe(seen(22))
    assert stored(path) == 21


def test_a_file_of_a_chain_that_was_rolled_back_is_a_configuration_error(tmp_path: Path) -> None:
    path = tmp_path / "seen.json"
    memory = HeightMemory(trust=TRUST, path=path)
    memory.observe(seen(9))
    path.unlink()
    HeightMemory(trust=TRUST, path=path).observe(after_recovery(20, ended_at=8))
    with pytest.raises(ConfigurationError, match="contradicts a header"):
        memory.observe(seen(10))


def test_who_noticed_a_fork_believes_nothing_of_the_chain_afterwards() -> None:
    memory = HeightMemory(trust=TRUST)
    memory.observe(seen(9))
    with pytest.raises(ChainForked):
        memory.observe(seen(9, mark=1))
    with pytest.raises(ChainForked, match="height 9"):
        memory.observe(seen(10))
    assert memory.highest == seen(9)


Change = Callable[[JsonObject], JsonObject]


def unsigned(document: JsonObject) -> JsonObject:
    certificate = document["certificate"]
    assert isinstance(certificate, dict)
    return {**document, "certificate": {**certificate, "signatures": []}}


MALFORMED: dict[str, tuple[str, Change]] = {
    "version 1": ("version", lambda one: {**one, "version": 1}),
    "an unknown name": ("client state", lambda one: {**one, "x": 1}),
    "another suite": ("suite", lambda one: {**one, "suite": "sm"}),
    "no signatures": ("quorum", unsigned),
    "another header": (
        "header",
        lambda one: {**one, "header": certified_in_header(height=90)},
    ),
    "a link too many": ("epochs", lambda one: {**one, "epochs": [{}]}),
}


def certified_in_header(*, height: int) -> JsonValue:
    return certified_in(CHAIN, first_group(CHAIN), CHAIN.header(height=height))["header"]


@pytest.mark.parametrize("name", MALFORMED)
def test_a_file_that_proves_nothing_is_a_configuration_error_that_says_what_to_do(
    tmp_path: Path, name: str
) -> None:
    check, change = MALFORMED[name]
    path = tmp_path / "seen.json"
    HeightMemory(trust=TRUST, path=path).observe(seen(9))
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(ConfigurationError, match=f"state: {check}.*remove the file"):
        HeightMemory(trust=TRUST, path=path)


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b'{"a":1,"a":2}', b"[" * 100_000])
def test_a_file_of_anything_else_is_a_configuration_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "seen.json"
    path.write_bytes(data)
    with pytest.raises(ConfigurationError, match="remove the file"):
        HeightMemory(trust=TRUST, path=path)


def test_a_file_that_cannot_be_written_or_read_is_a_configuration_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        HeightMemory(trust=TRUST, path=blocked / "seen.json")
    gone = HeightMemory(trust=TRUST, path=tmp_path / "later" / "seen.json")
    (tmp_path / "later").touch()
    with pytest.raises(ConfigurationError, match="cannot remember"):
        gone.observe(seen(1))


def test_a_fork_that_cannot_be_written_is_told_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    memory = HeightMemory(trust=TRUST, path=folder / "seen.json")
    memory.observe(seen(9))
    for one in folder.iterdir():
        one.unlink()
    folder.rmdir()
    with pytest.raises(ChainForked, match="could not be written") as caught:
        memory.observe(seen(9, mark=1))
    assert caught.value.evidence is not None


def test_nonces_are_handed_out_once_and_asked_for_first() -> None:
    counter = NonceCounter()
    assert counter.take() is None
    assert counter.learn(7) == (7, 0)
    assert counter.learn(7) == (8, 0)
    assert counter.take() == (9, 0)


def test_after_a_used_nonce_the_counter_never_goes_back() -> None:
    counter = NonceCounter()
    counter.learn(7)
    counter.discard(epoch=0, was_ahead=False)
    assert counter.take() is None
    assert counter.learn(3) == (8, 1)


def test_after_a_nonce_ahead_the_counter_goes_to_where_the_chain_is() -> None:
    counter = NonceCounter()
    counter.learn(9000)
    counter.discard(epoch=0, was_ahead=True)
    assert counter.learn(3) == (3, 1)


def test_only_the_first_of_many_threads_discards_the_counter() -> None:
    counter = NonceCounter()
    counter.learn(7)
    counter.discard(epoch=0, was_ahead=True)
    counter.learn(20)
    counter.discard(epoch=0, was_ahead=True)
    assert counter.take() == (21, 1)
