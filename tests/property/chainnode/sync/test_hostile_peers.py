"""Whatever peers answer, nothing is installed that a quorum did not sign, and honest ones win."""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainnode.genesis import Parameters
from chainnode.ledger.codec import decode_certificate
from chainnode.ledger.proofs import verify_certificate
from chainnode.p2p.errors import RequestTimeout
from chainnode.sync import snapshot_fetching
from tests.builders import genesis_of
from tests.unit.chainnode.sync.late import HEIGHT, Answer, Late

GENESIS = genesis_of(
    "intl",
    parameters=Parameters(
        devnet=1,
        state_map_bits=8,
        index_map_bits=8,
        rules=1,
        match_deadline_ms=0,
        dispute_deadline_ms=0,
    ),
)


@dataclass(frozen=True)
class Lie:
    """What becomes of one answer: cut, changed in a byte, repeated, swapped, kept back."""

    kind: str
    place: int = 0
    value: int = 1

    def tell(self, data: bytes, earlier: Sequence[bytes]) -> bytes:
        at = self.place % max(1, len(data))
        match self.kind:
            case "cut":
                return data[:at]
            case "changed":
                return data[:at] + bytes([data[at] ^ self.value]) + data[at + 1 :]
            case "longer":
                return data + data[:at]
            case "earlier":
                return earlier[self.place % len(earlier)] if earlier else data
            case "silent":
                raise RequestTimeout(1, kind=0, timeout_s=5)
            case _:
                return data


@dataclass
class Liar:
    """A peer that treats one answer after another as its list of lies says."""

    honest: Answer
    lies: Sequence[Lie]
    given: list[bytes] = field(default_factory=list)

    async def __call__(self, kind: int, payload: bytes) -> bytes:
        true = self.honest(kind, payload)
        data = true if isinstance(true, bytes) else await true
        lie = self.lies[len(self.given) % len(self.lies)]
        self.given.append(data)
        return lie.tell(data, self.given[:-1])


LIES = st.builds(
    Lie,
    kind=st.sampled_from(["cut", "changed", "changed", "longer", "earlier", "silent", "true"]),
    place=st.integers(0, 20_000),
    value=st.integers(1, 255),
)


def nothing_unsigned(late: Late) -> None:
    """Whatever stands here, the source has it, and the tip is certified or was executed."""
    here, source = late.here.ledger, late.source.ledger
    assert here.tip == source.header(here.height)
    if here.base_height:
        certificate = here.certificate(here.base_height)
        assert certificate is not None
        verify_certificate(
            late.here.suite,
            chain_id=GENESIS.chain_id,
            header=here.header(here.base_height),
            certificate=decode_certificate(certificate),
            members=late.vote_keys,
        )


async def among_liars(folder: Path, lies: Sequence[Sequence[Lie]], *, is_pruned: bool) -> None:
    late = Late(folder, genesis=GENESIS)
    if is_pruned:
        late.source.ledger.prune_batches(HEIGHT)
    liars: dict[int, Answer] = {
        peer: Liar(late.server(), told) for peer, told in enumerate(lies, start=1)
    }
    try:
        late.transport.answers = liars
        for _ in range(2):
            await late.fetch()
            nothing_unsigned(late)
        late.transport.answers = {**liars, 4: late.server(), 5: late.server()}
        for _ in range(4):
            if await late.fetch() is not None:
                break
            late.time.seconds += 100
        nothing_unsigned(late)
        assert late.here.ledger.tip == late.source.ledger.tip
    finally:
        late.close()


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    lies=st.lists(st.lists(LIES, min_size=1, max_size=6), min_size=1, max_size=3),
    is_pruned=st.booleans(),
)
def test_no_sequence_of_lies_installs_anything_unsigned_and_honest_peers_win(
    lies: list[list[Lie]], *, is_pruned: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot_fetching, "SUBTREES_PER_REQUEST_MAX", 2)
        asyncio.run(among_liars(Path(folder), lies, is_pruned=is_pruned))
