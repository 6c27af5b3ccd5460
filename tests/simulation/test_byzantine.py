"""Byzantine members really lie, everywhere, and f of them break nothing; f+1 do."""

from collections import Counter
from dataclasses import replace
from random import Random
from types import MappingProxyType

import pytest

from consensus.messages import Message, Prepare, ViewChange
from consensus.types import Digest, Epoch, Membership, ReplicaId, SequenceNumber, Signature, View
from tests.simulation.byzantine import COUNTERS, Vice
from tests.simulation.byzantine.fields import KINDS, all_names, paths_of
from tests.simulation.byzantine.keys import KeyRing
from tests.simulation.byzantine.mutation import Mutator
from tests.simulation.cluster import options_of, run_seed
from tests.simulation.door import Door
from tests.simulation.options import Options

GROUP = Membership(epoch=Epoch(0), size=4)


def _with_vices(seed: int, vices: dict[int, Vice], *, size: int = 4, **changes: object) -> Options:
    options = replace(
        options_of(seed), size=size, vices=MappingProxyType(vices), learner=False, calm=False
    )
    return replace(options, **changes)  # type: ignore[arg-type]  # names of options


def test_every_field_of_every_kind_has_a_path() -> None:
    paths = {kind: {path[0] for path in paths_of(kind)} for kind in KINDS}

    for kind in KINDS:
        assert paths[kind] == set(kind.__dataclass_fields__), kind
    assert ("stable", "signatures", "0") in paths_of(ViewChange)
    assert ("prepared", "batch_digest") in paths_of(ViewChange)


def test_every_field_is_a_counter_that_the_default_seeds_must_raise() -> None:
    assert {f"mutated_{name}" for name in all_names()} <= set(COUNTERS)
    assert {f"vice_{one.value}" for one in Vice} - set(COUNTERS) == {"vice_none"}


def test_mutators_change_most_fields_within_few_runs() -> None:
    counted: Counter[str] = Counter()

    for seed in range(40):
        vices = {0: Vice.MUTATOR, 1: Vice.MUTATOR}
        counted.update(run_seed(seed, options=_with_vices(seed, vices, size=7)).counters)

    changed = [one for one in all_names() if counted[f"mutated_{one}"]]
    assert len(changed) > 0.9 * len(all_names()), set(all_names()) - set(changed)


def _mutator(tally: Counter[str]) -> Mutator:
    keys = KeyRing(frozenset({1}), size=GROUP.size)
    return Mutator(keys=keys, membership=GROUP, random=Random(3), tally=tally)  # noqa: S311 (a seed must replay)


def _prepare() -> Message:
    return KeyRing(frozenset({1}), size=GROUP.size).sign(
        Prepare(
            epoch=Epoch(0),
            view=View(2),
            sequence=SequenceNumber(5),
            batch_digest=Digest(bytes(range(32))),
            sender=ReplicaId(1),
            signature=Signature(b""),
        )
    )


def test_a_signed_lie_comes_through_the_door_and_an_unsigned_one_does_not() -> None:
    tally: Counter[str] = Counter()
    mutator, truth = _mutator(tally), _prepare()
    admitted = []

    for number in range(200):
        lie = mutator.mutate(truth, round_number=number)
        try:
            admitted.append(Door().open(lie, membership=GROUP, window=4))
        except Exception:  # noqa: BLE001, S112 (any refusal is one)
            continue

    assert truth not in admitted
    assert {one.view for one in admitted if isinstance(one, Prepare)} > {View(2)}
    assert len(admitted) <= tally["mutation_signed"] + tally["mutation_signed_deep"]


def test_more_twins_than_the_group_tolerates_break_agreement() -> None:
    vices = {0: Vice.TWINS, 1: Vice.TWINS}

    violations = [
        run_seed(seed, options=_with_vices(seed, vices, twins_split=1.0)).violation
        for seed in range(60)
    ]

    assert any(one is not None and "agreement" in one for one in violations)


def test_as_many_twins_as_the_group_tolerates_break_nothing() -> None:
    vices = {0: Vice.TWINS, 1: Vice.TWINS}

    for seed in range(300, 320):
        options = _with_vices(seed, vices, size=7)

        assert run_seed(seed, options=options).violation is None, f"seed {seed}"


@pytest.mark.parametrize(
    "vice", [one for one in Vice if one is not Vice.NONE], ids=lambda v: v.value
)
def test_one_member_of_four_with_any_vice_breaks_nothing(vice: Vice) -> None:
    for seed in range(8):
        options = _with_vices(seed, {seed % 4: vice})

        assert run_seed(seed, options=options).violation is None, f"seed {seed} {vice}"


def test_a_run_without_faults_is_calm() -> None:
    seeds = [seed for seed in range(300) if options_of(seed).calm]

    assert len(seeds) > 4
    for seed in seeds:
        outcome = run_seed(seed)
        assert outcome.violation is None, f"seed {seed}"
        assert outcome.counters["refused"] == 0
        assert outcome.counters["calm_schedules"] == 1
