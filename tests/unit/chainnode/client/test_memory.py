"""What a client remembers between answers: the highest header, the next nonce."""

import json
from pathlib import Path

import pytest

from chainnode.client.memory import HeightMemory, SeenHeader
from chainnode.client.nonces import NonceCounter
from chainnode.errors import ConfigurationError
from chainnode.verify import InvalidEvidence

CHAIN = b"\x01" * 32


def seen(height: int, mark: int = 0) -> SeenHeader:
    return SeenHeader(height=height, digest=bytes([mark]) * 32)


def test_the_highest_header_is_remembered_and_older_ones_are_behind() -> None:
    memory = HeightMemory(chain_id=CHAIN)
    assert not memory.is_behind(0)
    for height in (5, 9, 7):
        memory.observe(seen(height))
    assert memory.highest == seen(9)
    assert memory.is_behind(8)
    assert not memory.is_behind(9)


def test_two_headers_of_the_highest_height_are_a_fork() -> None:
    memory = HeightMemory(chain_id=CHAIN)
    memory.observe(seen(9))
    memory.observe(seen(9))
    with pytest.raises(InvalidEvidence, match="fork"):
        memory.observe(seen(9, mark=1))


def test_the_file_is_read_back_and_holds_the_chain(tmp_path: Path) -> None:
    path = tmp_path / "seen.json"
    HeightMemory(chain_id=CHAIN, path=path).observe(seen(9, mark=3))
    assert HeightMemory(chain_id=CHAIN, path=path).highest == seen(9, mark=3)
    assert [one.name for one in tmp_path.iterdir()] == ["seen.json"]
    with pytest.raises(ConfigurationError, match="chain_id"):
        HeightMemory(chain_id=b"\x02" * 32, path=path)


@pytest.mark.parametrize("change", [{"height": -1}, {"height": "9"}, {"version": 2}, {"x": 1}])
def test_a_malformed_file_is_a_configuration_error(
    tmp_path: Path, change: dict[str, object]
) -> None:
    path = tmp_path / "seen.json"
    HeightMemory(chain_id=CHAIN, path=path).observe(seen(9))
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ConfigurationError):
        HeightMemory(chain_id=CHAIN, path=path)


def test_a_file_that_cannot_be_written_is_a_configuration_error(tmp_path: Path) -> None:
    memory = HeightMemory(chain_id=CHAIN, path=tmp_path / "missing" / "seen.json")
    with pytest.raises(ConfigurationError, match="cannot remember"):
        memory.observe(seen(1))


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
