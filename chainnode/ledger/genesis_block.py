"""Block 0: made from genesis and the first state, alike on every machine. Pure.

docs/wire-format.md §7. Whoever holds the genesis file can compute its digest; hence it needs no
certificate.
"""

from collections.abc import Mapping

from chainnode.genesis import Genesis
from chainnode.ledger.bucket_map import BucketMap, MapDelta, empty_root
from chainnode.ledger.merkle import DIGEST_BYTES, Frontier, Hash, merkle_root
from chainnode.ledger.types import (
    ExecutedBlock,
    Head,
    Header,
    MapUpdate,
    Member,
    Rest,
    members_digest,
)
from chainnode.ledger.waiting import Waiting


def members_of(genesis: Genesis) -> tuple[Member, ...]:
    """Return the members of epoch 0."""
    return tuple(
        Member(replica_id=one.replica_id, organisation=one.organisation, vote_key=one.vote_key)
        for one in genesis.replicas
    )


def genesis_block(h: Hash, genesis: Genesis, initial_state: Mapping[bytes, bytes]) -> ExecutedBlock:
    """Return block 0: the first state, and nothing that was ordered."""
    parameters = genesis.parameters
    values = {h(key): value for key, value in initial_state.items()}
    state = BucketMap(h, bits=parameters.state_map_bits)
    delta = state.update({key: h(value) for key, value in values.items()}, lambda _: b"")
    no_index = empty_root(h, bits=parameters.index_map_bits)
    members = members_digest(h, epoch=0, members=members_of(genesis))
    nothing = merkle_root(h, ())
    head = Head(
        chain_id=genesis.chain_id,
        epoch=0,
        height=0,
        time_ms=genesis.created_ms,
        parent_digest=genesis.chain_id,
        batch_digest=bytes(DIGEST_BYTES),
        log_size=0,
    )
    rest = Rest(
        log_root=nothing,
        records_root=nothing,
        index_root=no_index,
        state_root=delta.root,
        receipts_root=nothing,
        members_digest=members,
        next_members_digest=members,
    )
    return ExecutedBlock(
        header=Header(head=head, rest=rest),
        batch=b"",
        outcomes=(),
        receipts=(),
        entries=(),
        log_nodes=(),
        frontier=Frontier(h),
        state=MapUpdate(values=values, delta=delta),
        index=MapUpdate(
            values={}, delta=MapDelta(base_root=no_index, root=no_index, rows={}, levels=())
        ),
        waiting=Waiting(),
    )
