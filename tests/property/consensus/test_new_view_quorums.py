"""What a new view re-proposes, for every quorum, every order, and every liar among them.

A column is one sequence number: who of the honest has which latest certificate after three views.
Per view a batch may have been prepared, by any of the honest; where so many prepared it that it
may be committed, every later view prepared the same or nothing. That is all that correct members
ensure; the liar shows any certificate that exists, or none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, permutations, product
from random import Random

import pytest

from consensus.errors import RefusedMessage
from consensus.messages import (
    NewView,
    PreparedCertificate,
    StableCheckpoint,
    ViewChange,
)
from consensus.new_view import UNSIGNED, new_view_proposals
from consensus.types import (
    NULL_BATCH_DIGEST,
    Digest,
    Epoch,
    Height,
    ReplicaId,
    SequenceNumber,
    View,
    Window,
)
from consensus.validation import validate_message
from tests.unit.consensus.group import (
    GENESIS,
    WINDOW,
    Subject,
    batch,
    membership,
    prepared,
    signed,
    stable,
    view_change,
)

VIEWS = 3
TARGET = View(VIEWS)
DIGESTS = (batch(1).digest, batch(2).digest, NULL_BATCH_DIGEST)
# view, digest; None: nothing was ever prepared here
Latest = tuple[int, Digest] | None


@dataclass(frozen=True, slots=True)
class Column:
    """One sequence number after all views."""

    latest: tuple[Latest, ...]
    existing: tuple[tuple[int, Digest], ...]
    committed: Digest | None


def columns(size: int) -> list[Column]:
    """List all columns of a group, the honest first, without names that differ only."""
    group = membership(size)
    honest = range(size - group.max_faulty)
    sets = [one for count in range(1, len(honest) + 1) for one in combinations(honest, count)]
    per_view = (None, *product(DIGESTS, sets))
    found: dict[Column, None] = {}
    for history in product(per_view, repeat=VIEWS):
        column = _column(history, len(honest), enough=group.quorum - group.max_faulty)
        if column is not None:
            found[column] = None
    return list(found)


def _column(
    history: Sequence[tuple[Digest, tuple[int, ...]] | None], honest: int, *, enough: int
) -> Column | None:
    latest: list[Latest] = [None] * honest
    existing: list[tuple[int, Digest]] = []
    committed: Digest | None = None
    for view, entry in enumerate(history):
        if entry is None:
            continue
        digest, members = entry
        if committed not in (None, digest):
            return None
        existing.append((view, digest))
        for one in members:
            latest[one] = (view, digest)
        committed = digest if len(members) >= enough else committed
    return Column(tuple(latest), tuple(existing), committed)


def certificate(sequence: int, proven: tuple[int, Digest]) -> PreparedCertificate:
    """The choice looks at no signature: they were checked with the message."""
    return PreparedCertificate(
        epoch=Epoch(0),
        view=View(proven[0]),
        sequence=SequenceNumber(sequence),
        batch_digest=proven[1],
        primary_signature=UNSIGNED,
        prepares=(),
    )


def checkpoint_at(height: int) -> StableCheckpoint:
    return replace(GENESIS, height=Height(height))


def wish(sender: int, row: Sequence[Latest], *, height: int = 0) -> ViewChange:
    proofs = tuple(
        certificate(sequence, one)
        for sequence, one in enumerate(row, start=1)
        if one is not None and sequence > height
    )
    return ViewChange(
        epoch=Epoch(0),
        new_view=TARGET,
        stable=checkpoint_at(height),
        prepared=proofs,
        sender=ReplicaId(sender),
        signature=UNSIGNED,
    )


def lies(slots: Sequence[Column]) -> Iterator[tuple[Latest, ...]]:
    """Whatever a liar can show: for each sequence an existing certificate, or none."""
    yield from product(*((None, *column.existing) for column in slots))


def by_the_paper(quorum: Sequence[ViewChange]) -> dict[int, Digest]:
    """§4.4: min-s, max-s, and for each n between them the highest view, else null."""
    min_s = 0
    max_s = 0
    for message in quorum:
        min_s = max(min_s, message.stable.height)
        for proof in message.prepared:
            max_s = max(max_s, proof.sequence)
    chosen: dict[int, Digest] = {}
    for n in range(min_s + 1, max_s + 1):
        chosen[n] = NULL_BATCH_DIGEST
        best = -1
        for message in quorum:
            for proof in message.prepared:
                if proof.sequence == n and proof.view > best:
                    best, chosen[n] = proof.view, proof.batch_digest
    return chosen


def require_laws(size: int, slots: Sequence[Column], rows: Sequence[ViewChange]) -> int:
    """Check every quorum of `rows`; four members' least quorums in every order, others turned."""
    group = membership(size)
    checked = 0
    for count in range(group.quorum, len(rows) + 1):
        for quorum in combinations(rows, count):
            expected = by_the_paper(quorum)
            turned = (quorum, quorum[::-1])
            orders = permutations(quorum) if len(quorum) == size - 1 == 3 else turned
            for order in orders:
                proposals = new_view_proposals(TARGET, order, membership=group)
                assert {one.sequence: one.batch_digest for one in proposals} == expected
                assert [one.sequence for one in proposals] == sorted(expected)
                assert {(one.view, one.sender) for one in proposals} <= {
                    (TARGET, group.primary(TARGET))
                }
                checked += 1
            start = max(one.stable.height for one in quorum)
            for sequence, column in enumerate(slots, start=1):
                if column.committed is not None and sequence > start:
                    assert expected[sequence] == column.committed
    return checked


def rows_of(
    size: int, slots: Sequence[Column], shown: Sequence[Sequence[Latest]], *, heights: Sequence[int]
) -> list[ViewChange]:
    honest = size - membership(size).max_faulty
    rows = [
        wish(one, [column.latest[one] for column in slots], height=heights[one])
        for one in range(honest)
    ]
    rows.extend(wish(honest + number, row) for number, row in enumerate(shown))
    return rows


def test_every_constellation_of_one_sequence_gives_what_the_paper_says() -> None:
    all_of = columns(4)

    checked = sum(
        require_laws(4, (column,), rows_of(4, (column,), (lie,), heights=(0, 0, 0)))
        for column in all_of
        for lie in lies((column,))
    )

    assert len(all_of) > 300
    assert checked > 10_000


@pytest.mark.parametrize("slots", [2, 3])
def test_constellations_of_several_sequences_give_what_the_paper_says(slots: int) -> None:
    random = Random(slots)  # noqa: S311 (a reproducible choice)
    all_of = columns(4)
    for _ in range(150):
        chosen = [random.choice(all_of) for _ in range(slots)]
        is_first_final = chosen[0].committed is not None
        heights = [random.randrange(2) if is_first_final else 0 for _ in range(3)]
        lie = random.choice(list(lies(chosen)))
        assert require_laws(4, chosen, rows_of(4, chosen, (lie,), heights=heights)) == 26


@pytest.mark.parametrize("size", [5, 7])
def test_larger_groups_with_all_their_liars_give_what_the_paper_says(size: int) -> None:
    random = Random(size)  # noqa: S311 (a reproducible choice)
    faulty = membership(size).max_faulty
    honest = size - faulty
    group = membership(size)
    sets = [one for count in range(1, honest + 1) for one in combinations(range(honest), count)]
    met = 0
    while met < 200:
        drawn = (
            _column(
                [
                    random.choice((None, (random.choice(DIGESTS), random.choice(sets))))
                    for _ in range(VIEWS)
                ],
                honest,
                enough=group.quorum - faulty,
            )
            for _ in range(3)
        )
        chosen = [one for one in drawn if one is not None]
        shown = [random.choice(list(lies(chosen))) for _ in range(faulty)]
        met += require_laws(size, chosen, rows_of(size, chosen, shown, heights=[0] * honest)) > 0


def test_a_hole_between_two_prepared_sequences_is_the_null_batch() -> None:
    empty = Column((None, None, None), (), None)
    full = next(one for one in columns(4) if one.committed == DIGESTS[0])

    rows = rows_of(4, (full, empty, full), ((None, None, None),), heights=(0, 0, 0))
    proposals = new_view_proposals(TARGET, rows[:3], membership=membership())

    assert [one.batch_digest for one in proposals] == [
        DIGESTS[0],
        NULL_BATCH_DIGEST,
        DIGESTS[0],
    ]


# A member that breaks a rule of its VIEW-CHANGE: nothing of it is used.


def _spoilt() -> dict[str, ViewChange]:
    """Return wishes of replica 3 for view 1, each with one fault and a tempting lie beside it."""
    lie = prepared(1, digest=batch(9).digest)
    backups = lie.prepares
    stranger = (ReplicaId(4), UNSIGNED)
    return {
        "wrong epoch": replace(view_change(3, certificates=(lie,)), epoch=Epoch(1)),
        "no member": replace(view_change(3, certificates=(lie,)), sender=ReplicaId(4)),
        "view zero": replace(view_change(3, certificates=(lie,)), new_view=View(0)),
        "certificate of another epoch": _showing(lie, replace(lie, epoch=Epoch(1))),
        "certificate of the new view": _showing(replace(lie, view=View(1))),
        "one PREPARE short": _showing(replace(lie, prepares=backups[:1])),
        "one PREPARE too many": _showing(
            replace(lie, prepares=(*backups, (ReplicaId(3), UNSIGNED)))
        ),
        "PREPARE of the primary": _showing(
            replace(lie, prepares=((ReplicaId(0), UNSIGNED), backups[0]))
        ),
        "PREPARE of a stranger": _showing(replace(lie, prepares=(backups[0], stranger))),
        "one PREPARE twice": _showing(replace(lie, prepares=(backups[0], backups[0]))),
        "PREPAREs out of order": _showing(replace(lie, prepares=backups[::-1])),
        "one sequence twice": _showing(lie, lie),
        "sequences out of order": _showing(prepared(2), lie),
        "sequence at the checkpoint": _showing(replace(lie, sequence=SequenceNumber(0))),
        "sequence above the window": _showing(lie, prepared(2 * WINDOW + 1)),
        "checkpoint one signer short": view_change(
            3, base=replace(stable(1), signatures=stable(1).signatures[:2]), certificates=(lie,)
        ),
        "checkpoint of another epoch": view_change(
            3, base=replace(stable(1), epoch=Epoch(1)), certificates=(prepared(2),)
        ),
        "checkpoint signed twice": view_change(
            3, base=replace(stable(1), signatures=(stable(1).signatures[0],) * 3)
        ),
    }


def _showing(*certificates: PreparedCertificate) -> ViewChange:
    return view_change(3, certificates=certificates)


@pytest.mark.parametrize("fault", list(_spoilt()))
@pytest.mark.parametrize("is_first", [True, False])
def test_invalid_member_changes_nothing_of_what_the_others_show(
    fault: str, *, is_first: bool
) -> None:
    primary = Subject(1)
    honest = [view_change(0, certificates=(prepared(2),)), view_change(2)]
    wishes = [_spoilt()[fault], *honest] if is_first else [*honest[:1], _spoilt()[fault], honest[1]]
    announced: list[NewView] = []
    for one in wishes:
        if one == _spoilt()[fault]:
            with pytest.raises(RefusedMessage):
                primary.receive(one)
        else:
            announced.extend(primary.receive(one).broadcasts(NewView))

    (message,) = announced
    assert [one.sender for one in message.view_changes] == [0, 1, 2]
    chosen = {one.sequence: one.batch_digest for one in message.pre_prepares}
    assert (
        chosen == by_the_paper(message.view_changes) == {1: NULL_BATCH_DIGEST, 2: batch(2).digest}
    )


@pytest.mark.parametrize("fault", list(_spoilt()))
def test_new_view_that_shows_an_invalid_member_is_refused(fault: str) -> None:
    spoilt = _spoilt()[fault]
    shown = (view_change(0), view_change(1), view_change(2), spoilt)
    message = signed(
        NewView(
            epoch=Epoch(0),
            view=View(1),
            view_changes=shown,
            pre_prepares=(),
            sender=ReplicaId(1),
            signature=UNSIGNED,
        )
    )

    with pytest.raises(RefusedMessage):
        validate_message(message, membership=membership(), window=Window(size=WINDOW))
