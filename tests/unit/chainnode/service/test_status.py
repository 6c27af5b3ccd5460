"""What a node says of itself: who is silent, which vote lacks its quorum, who is behind."""

from dataclasses import replace
from typing import cast

import pytest

from chainnode.verify.strict_json import JsonObject
from consensus.description import PeerDescription, SlotDescription
from tests.builders import NOW_MS, ORGANISATIONS
from tests.sites import Site

IDLE_MS = 30_000


def peers(site: Site, **changes: PeerDescription) -> tuple[PeerDescription, ...]:
    known = {f"p{one.replica_id}": one for one in site.replica.description.peers}
    return tuple({**known, **changes}.values())


def slot(**fields: object) -> SlotDescription:
    return replace(
        SlotDescription(
            sequence=5,
            batch_digest=b"d" * 32,
            has_body=True,
            is_prepared=False,
            is_committed=False,
            missing_prepares=(1, 2),
            missing_commits=(0, 1, 3),
        ),
        **fields,  # type: ignore[arg-type]  # fields of a slot
    )


def halted(site: Site) -> JsonObject:
    return cast("JsonObject", site.status_reader.describe()["halted_because"])


@pytest.fixture
def overdue(site: Site) -> Site:
    """A node whose chain has stood still for longer than it may, while peers go on talking."""
    site.status_reader = site.status()
    site.clock.set(NOW_MS + 4 * IDLE_MS)
    talking = tuple(
        replace(one, heard_ms=NOW_MS + 4 * IDLE_MS) for one in site.replica.description.peers
    )
    site.replica.set(peers=talking)
    return site


def test_a_node_in_step_is_running_ready_and_not_halted(site: Site) -> None:
    header = site.grow()
    told = site.status().describe()
    assert (told["role"], told["state"], told["halted_because"]) == ("backup", "running", None)
    assert (told["height"], told["stable_height"]) == (1, 1)
    assert told["header_digest"] == header.digest(site.suite.digest).hex()
    assert told["org"] == ORGANISATIONS[0]
    assert (told["quorum"], told["max_faulty"]) == (3, 1)
    assert [one["name"] for one in cast("list[JsonObject]", told["peers"])] == [
        "部门 1",
        "部门 2",
        "部门 3",
    ]
    assert site.status().not_ready_because() is None


def test_the_primary_says_so_and_a_learner_why(site: Site) -> None:
    site.replica.is_primary = True
    assert site.status().describe()["role"] == "primary"
    told = site.status(stopped_because="votes lost").describe()
    assert (told["role"], told["state"]) == ("learner", "voting_stopped")
    assert told["voting_stopped_because"] == "votes lost"


def test_a_node_that_asks_what_it_signed_is_not_ready_and_names_who_has_not_answered(
    overdue: Site,
) -> None:
    overdue.replica.set(missing_recollections=(2, 3))

    assert overdue.status_reader.describe()["state"] == "syncing"
    assert "asks its peers" in str(overdue.status_reader.not_ready_because())
    assert halted(overdue)["missing"] == {"vote": "RECOLLECTION", "replicas": [2, 3]}


def test_without_a_quorum_it_names_who_is_silent(site: Site) -> None:
    site.status_reader = site.status()
    site.connected = (1,)
    told = halted(site)
    assert told["reason"] == "NO_QUORUM"
    assert (told["present"], told["quorum"]) == (2, 3)
    assert [one["name"] for one in cast("list[JsonObject]", told["silent"])] == [
        "部门 2",
        "部门 3",
    ]
    assert site.status_reader.not_ready_because() == "NO_QUORUM"


def test_one_silent_peer_of_four_halts_nothing(site: Site) -> None:
    site.status_reader = site.status()
    site.connected = (1, 2)
    assert site.status_reader.describe()["halted_because"] is None


def test_a_connected_peer_that_says_nothing_counts_as_silent_after_a_while(site: Site) -> None:
    site.status_reader = site.status()
    mute = tuple(
        replace(one, heard_ms=None if one.replica_id == 1 else one.heard_ms)
        for one in site.replica.description.peers
    )
    site.replica.set(peers=mute)
    site.clock.set(NOW_MS + 5_000)
    assert site.status_reader.describe()["halted_because"] is None
    site.clock.set(NOW_MS + 5_001)
    assert [one["replica_id"] for one in cast("list[JsonObject]", halted(site)["silent"])] == [
        1,
        2,
        3,
    ]


def test_the_chain_stands_still_only_after_three_missed_idle_blocks(overdue: Site) -> None:
    overdue.clock.set(NOW_MS + 3 * IDLE_MS)
    assert overdue.status_reader.describe()["halted_because"] is None
    overdue.clock.set(NOW_MS + 3 * IDLE_MS + 1)
    told = halted(overdue)
    assert (told["reason"], told["silent"]) == ("NO_PROGRESS", [])
    assert overdue.status_reader.not_ready_because() == "NO_PROGRESS"


def test_a_chain_that_moves_on_is_not_halted(overdue: Site) -> None:
    overdue.grow(time_ms=NOW_MS + 4 * IDLE_MS)
    assert overdue.status_reader.describe()["halted_because"] is None


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({}, {"vote": "PRE-PREPARE", "view": 0, "replicas": [0]}),
        (
            {"slots": (slot(),)},
            {"vote": "PREPARE", "sequence": 5, "replicas": [1, 2]},
        ),
        (
            {"slots": (slot(is_prepared=True),)},
            {"vote": "COMMIT", "sequence": 5, "replicas": [0, 1, 3]},
        ),
        (
            {"slots": (slot(is_committed=True), slot(sequence=6))},
            {"vote": "PREPARE", "sequence": 6, "replicas": [1, 2]},
        ),
        (
            {"status": "view_change", "view": 2, "missing_view_changes": (1, 3)},
            {"vote": "VIEW-CHANGE", "view": 2, "replicas": [1, 3]},
        ),
        (
            {"status": "view_change", "view": 2, "awaits_new_view_of": 2},
            {"vote": "NEW-VIEW", "view": 2, "replicas": [2]},
        ),
    ],
)
def test_a_halted_chain_names_the_vote_that_lacks_its_quorum(
    overdue: Site, fields: dict[str, object], missing: JsonObject
) -> None:
    overdue.replica.set(**fields)
    assert halted(overdue)["missing"] == missing


def test_an_executed_block_without_its_certificate_lacks_checkpoints(overdue: Site) -> None:
    overdue.execute()
    overdue.replica.set(executed=1, missing_checkpoints=(2, 3))
    assert halted(overdue)["missing"] == {"vote": "CHECKPOINT", "height": 1, "replicas": [2, 3]}


@pytest.mark.parametrize(
    ("executed", "is_behind"),
    [((3, 0, 0), False), ((3, 3, 0), True), ((2, 2, 2), False), ((None, 0, 9), False)],
)
def test_a_node_is_behind_when_more_peers_than_may_lie_are_further(
    site: Site,
    executed: tuple[int | None, ...],
    is_behind: bool,  # noqa: FBT001 - a column of the table
) -> None:
    told = tuple(
        replace(one, executed=height)
        for one, height in zip(site.replica.description.peers, executed, strict=True)
    )
    site.replica.set(peers=told)
    status = site.status()
    assert status.describe()["state"] == ("syncing" if is_behind else "running")
    assert (status.not_ready_because() is not None) is is_behind


@pytest.mark.parametrize(
    ("executed", "is_ready"),
    [((None, None, None), False), ((None, None, 0), False), ((None, 0, 0), True)],
)
def test_a_node_is_ready_only_when_a_quorum_has_said_how_far_it_is(
    site: Site,
    executed: tuple[int | None, ...],
    is_ready: bool,  # noqa: FBT001 - a column of the table
) -> None:
    told = tuple(
        replace(one, executed=height)
        for one, height in zip(site.replica.description.peers, executed, strict=True)
    )
    site.replica.set(peers=told)
    assert (site.status().not_ready_because() is None) is is_ready
    assert site.status().describe()["halted_because"] is None


def test_a_node_that_fetches_state_is_behind_whatever_peers_say(site: Site) -> None:
    site.replica.set(state_target=9)
    assert site.status().describe()["state"] == "syncing"


def test_open_slots_are_shown_with_who_has_not_voted(site: Site) -> None:
    site.replica.set(slots=(slot(),))
    (shown,) = cast("list[JsonObject]", site.status().describe()["open_slots"])
    assert shown == {
        "sequence": 5,
        "has_batch": True,
        "is_prepared": False,
        "is_committed": False,
        "missing_prepares": [1, 2],
        "missing_commits": [0, 1, 3],
    }


def test_replicas_that_computed_different_headers_are_shown_with_their_digests(
    overdue: Site,
) -> None:
    overdue.execute()
    digests = ((0, b"a" * 32), (1, b"a" * 32), (2, b"b" * 32))
    overdue.replica.set(executed=1, missing_checkpoints=(2, 3), checkpoint_digests=digests)
    told = halted(overdue)
    assert told["reason"] == "DIVERGED"
    shown = cast("list[JsonObject]", told["digests"])
    assert [(one["replica_id"], one["header_digest"]) for one in shown] == [
        (replica, digest.hex()) for replica, digest in digests
    ]
    assert {one["height"] for one in shown} == {1}


def test_headers_that_diverged_for_good_are_a_halt_at_once_and_at_their_height(site: Site) -> None:
    digests = ((0, b"a" * 32), (1, b"a" * 32), (2, b"b" * 32), (3, b"b" * 32))
    site.replica.set(executed=4, split_at=2, checkpoint_digests=digests)
    told = halted(site)
    assert told["reason"] == "DIVERGED"
    shown = cast("list[JsonObject]", told["digests"])
    assert {one["height"] for one in shown} == {2}


def test_a_department_whose_clock_is_off_by_minutes_is_named_by_how_much(site: Site) -> None:
    site.clock_offsets_ms = {1: 20, 2: -240_000, 3: 0}
    told = site.status().describe()
    assert told["clocks_off"] == [{"replica_id": 2, "name": "部门 2", "ahead_ms": -240_000}]
    peers_told = cast("list[JsonObject]", told["peers"])
    assert [one["clock_offset_ms"] for one in peers_told] == [20, -240_000, 0]


def test_our_own_clock_is_named_when_the_others_agree_that_it_is_off(site: Site) -> None:
    site.clock_offsets_ms = dict.fromkeys((1, 2, 3), 180_000)
    (row,) = cast("list[JsonObject]", site.status().describe()["clocks_off"])
    assert (row["replica_id"], row["ahead_ms"]) == (0, -180_000)


def test_the_version_of_each_peer_is_shown(site: Site) -> None:
    site.software_versions = {1: "0.1.0", 3: "0.2.0"}
    peers_told = cast("list[JsonObject]", site.status().describe()["peers"])
    assert [one["version"] for one in peers_told] == ["0.1.0", None, "0.2.0"]
