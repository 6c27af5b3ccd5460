"""`kun status`: the words, the names and the exit code."""

from collections.abc import Callable
from pathlib import Path

import pytest

from chainnode.cli.main import run
from tests.unit.chainnode.cli.conftest import FakeNode, Site

Start = Callable[[], FakeNode]


def _group(fake_node: Start, count: int = 4) -> list[FakeNode]:
    nodes = [fake_node() for _ in range(count)]
    for number, node in enumerate(nodes):
        node.says(
            "/v1/consensus",
            {
                "node": f"node-{number}",
                "role": "backup" if number else "primary",
                "state": "running",
                "view": 2,
                "height": 70 + number,
                "peers": [{}, {}, {}],
                "halted_because": None,
            },
        )
    return nodes


def _options(nodes: list[FakeNode]) -> list[str]:
    return [word for node in nodes for word in ("--node", node.url)]


def test_a_group_in_step_is_healthy(site: Site, fake_node: Start) -> None:
    done = site.bare("status", *_options(_group(fake_node)), "--json")

    assert (done.code, done.json["status"]) == (0, "healthy")
    assert (done.json["quorum"], done.json["replicas"]) == (3, 4)
    assert [one["height"] for one in done.json["nodes"]] == [70, 71, 72, 73]
    assert done.json["nodes"][0]["name"] == "node-0"


def test_one_silent_node_degrades_and_is_named(site: Site, fake_node: Start) -> None:
    nodes = _group(fake_node)
    nodes[2].routes.clear()

    done = site.bare("status", *_options(nodes))

    assert done.code == 1
    assert done.out.startswith("降级 degraded, because:\n")
    assert nodes[2].url.removeprefix("http://") in done.out.splitlines()[1]


def test_a_halt_tells_whose_vote_is_missing_and_what_to_do(site: Site, fake_node: Start) -> None:
    nodes = _group(fake_node)
    reason = {
        "reason": "NO_QUORUM",
        "silent": [{"replica_id": 2, "name": "住建局"}, {"replica_id": 3, "name": "数据局"}],
        "missing": {"vote": "VIEW-CHANGE", "view": 3, "replicas": [2, 3]},
    }
    for node in nodes[:2]:
        node.says(
            "/v1/consensus",
            {"node": "a", "state": "running", "height": 9, "peers": [], "halted_because": reason},
        )
    for node in nodes[2:]:
        node.routes.clear()

    done = site.bare("status", *_options(nodes))

    assert done.code == 3
    assert done.out.startswith("停滞 halted, because:\n")
    assert "in view 3 it lacks VIEW-CHANGE of 住建局, 数据局" in done.out
    assert "2 of 4 replicas vote, 3 are needed" in done.out
    assert "kun node start" in done.out


def test_the_group_is_as_large_as_its_trust_file_says(site: Site, fake_node: Start) -> None:
    nodes = _group(fake_node, count=1)
    nodes[0].says("/v1/consensus", {"state": "running", "height": 1, "peers": []})

    done = site.bare("status", *_options(nodes), "--trust", site.trust, "--json")

    assert done.json["replicas"] == 4


def test_what_a_node_says_is_shown_short(site: Site, fake_node: Start) -> None:
    nodes = _group(fake_node)
    nodes[0].says("/v1/consensus", {"node": "x" * 10_000, "state": "running", "height": 70})

    done = site.bare("status", *_options(nodes))

    assert max(len(line) for line in done.out.splitlines()) < 300


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("verify", "1.2.156.3005.2.x"),
        ("trust", "export"),
        ("audit", "query", "--grant", "x", "--purpose", "y"),
        ("catalog", "withdraw", "x"),
    ],
)
def test_without_a_devnet_or_a_node_the_way_is_shown(site: Site, words: tuple[str, ...]) -> None:
    done = site.bare(*words, "--json")

    assert (done.code, done.json["error"]["code"]) == (2, "NODE_MISSING")
    assert "kun devnet up" in done.json["error"]["hint"]


def test_a_folder_that_is_no_devnet_is_this_machines_fault(site: Site) -> None:
    assert site.bare("status", "--dir", str(site.path)).code == 5


def test_an_identity_belongs_to_a_devnet(site: Site) -> None:
    done = site.bare("status", "--node", "http://127.0.0.1:1", "--as", "issuer", "--json")

    assert (done.code, done.json["error"]["code"]) == (2, "IDENTITY_OUTSIDE_DEVNET")


def test_too_many_nodes_are_refused(site: Site) -> None:
    words = [word for port in range(1, 40) for word in ("--node", f"http://127.0.0.1:{port}")]

    assert site.bare("status", *words).code == 2


def test_the_environment_names_nodes_too(
    site: Site, fake_node: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUN_NODE", " ".join(one.url for one in _group(fake_node)))

    assert site.bare("status", "--quiet").code == 0


def test_a_devnet_that_was_never_made_is_named(tmp_path: Path) -> None:
    assert run(["devnet", "down", "--dir", str(tmp_path / "none"), "--quiet"]) == 5
