"""The folder of proofs: written once, few per replica, checkable by anybody."""

from pathlib import Path

import pytest

from chainnode.driver import equivocations
from chainnode.driver.equivocations import EquivocationStore, KeptEvidence
from chainnode.errors import StorageError
from chainnode.verify import EquivocationFacts, verify_evidence
from tests.builders_evidence import SyntheticChain, synthetic_chain

A, B = b"a" * 32, b"b" * 32


@pytest.fixture
def chain() -> SyntheticChain:
    return synthetic_chain("intl")


def store_of(chain: SyntheticChain, folder: Path) -> EquivocationStore:
    return EquivocationStore(
        folder, chain_id=chain.genesis.chain_id, suite_name=chain.genesis.suite_name
    )


def test_what_is_kept_convinces_a_stranger_also_after_a_restart(
    chain: SyntheticChain, tmp_path: Path
) -> None:
    store_of(chain, tmp_path / "kept").keep(chain.vote(A), chain.vote(B))
    (evidence,) = store_of(chain, tmp_path / "kept").read().items
    facts = verify_evidence(evidence, chain.trust)
    assert isinstance(facts, EquivocationFacts)
    assert (facts.replica_id, facts.slot) == (2, ("prepare", 0, 3, 7))


def test_nothing_is_kept_before_anybody_lied(chain: SyntheticChain, tmp_path: Path) -> None:
    assert store_of(chain, tmp_path / "kept").read() == KeptEvidence(items=(), unreadable=0)


def test_the_same_slot_is_kept_once_and_a_replica_fills_its_share_only(
    chain: SyntheticChain, tmp_path: Path
) -> None:
    store = store_of(chain, tmp_path)
    for sequence in (1, 1, 2, 3, 4, 5, 6):
        store.keep(chain.vote(A, sequence=sequence), chain.vote(B, sequence=sequence))
    store.keep(chain.vote(A, replica=3), chain.vote(B, replica=3))
    kept = store.read().items
    assert sorted(str(one["replica_id"]) for one in kept) == ["2", "2", "2", "2", "3"]


def test_a_proof_that_no_reader_takes_is_not_kept(
    chain: SyntheticChain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(equivocations, "EVIDENCE_BYTES_MAX", 100)
    store_of(chain, tmp_path / "kept").keep(chain.vote(A), chain.vote(B))
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff" * 40])
def test_a_spoiled_file_is_counted_and_hides_no_other(
    chain: SyntheticChain, tmp_path: Path, content: bytes
) -> None:
    store = store_of(chain, tmp_path)
    store.keep(chain.vote(A), chain.vote(B))
    (tmp_path / "0-1-prepare-0-1.json").write_bytes(content)
    (tmp_path / "notes.json").write_bytes(content)
    kept = store.read()
    assert [one["replica_id"] for one in kept.items] == [2]
    assert kept.unreadable == 2


def test_a_folder_that_cannot_be_written_stops_the_node(
    chain: SyntheticChain, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(StorageError, match="could not be written"):
        store_of(chain, tmp_path / "taken").keep(chain.vote(A), chain.vote(B))
