"""A bit flips on the disk of a node that does not run: it is found, or it changes nothing.

Every file of the node's folder in turn, and the genesis beside it. The node may refuse to start
and name what is damaged, or follow as a learner; what it votes and serves is what it was.
"""

import json
import math
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from chainnode.codec import encode
from chainnode.errors import NodeError
from chainnode.execution import genesis_state
from chainnode.genesis import load_genesis_file
from chainnode.ledger.chain import Ledger
from chainnode.ledger.codec import decode_entry, encode_header
from chainnode.node_base import open_base, open_vote_key
from chainnode.suites import suite_named
from devnet.launcher import child_environment, start_node, stop_everything, wait_until_ready
from devnet.topology import load_topology
from tests.crash.common_cut import cut_site
from tests.crash.disk import Loss
from tests.crash.operations import Said
from tests.crash.recording import RecordedNode, Recording
from tests.crash.verifying import Chain, Listener, Promise, require_kept

FLIPS_A_FILE = int(os.environ.get("KUN_CRASH_FLIPS", "6"))
# Nobody reads these: LevelDB's diary and lock, our lock's note of who holds it, the marker
# whose name says it all.
NOTES = {"LOG", "LOG.old", "LOCK", "lock", "vote.key.json.voted"}
# Not read before a link is made, and refused then; the settings are the operator's text.
NOT_OURS = {"tls.cert.pem", "tls.key.pem", "kun.toml"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_flipped_bit_in_any_file_is_found_or_changes_nothing(
    recording: Recording,
    chain: Chain,
    scratch: Path,
    record_property: Callable[[str, object], None],
) -> None:
    node = recording.nodes[2]
    home = shutil.copytree(node.home, scratch / "home", ignore=shutil.ignore_patterns("logs"))
    shutil.copy(recording.site.genesis, home / "genesis.json")
    said = promises_of(node)
    honest = opened(node, shutil.copytree(home, scratch / "honest"), said, chain)
    found: Counter[str] = Counter()
    flips: Counter[str] = Counter()

    for name in files_of(home):
        for at, bit in places(home / name):
            copy = shutil.copytree(home, scratch / "flipped")
            flip(copy / name, at, bit)
            flips[name] += 1
            try:
                served = opened(node, copy, said, chain)
            except NodeError:
                found[name] += 1
            else:
                assert served[1:] == honest[1:], f"{name} byte {at} bit {bit}"
                found[name] += served[0] == "learner"
            shutil.rmtree(copy)

    assert honest[0] == "voter"
    ours = [one for one in files_of(home) if Path(one).name not in NOTES]
    votes = [one for one in ours if one.startswith("data/votes/")]
    assert votes
    assert all(found[one] == FLIPS_A_FILE for one in votes)
    assert found["data/format"] == FLIPS_A_FILE
    assert found["genesis.json"] > FLIPS_A_FILE // 2  # blanks between its fields mean nothing
    assert sum(found[one] for one in ours) > 0.7 * sum(flips[one] for one in ours)
    record_property("files_flipped", len(flips))
    record_property("bits_flipped", flips.total())
    record_property("flips_found", found.total())


def test_a_damaged_ledger_is_refused_by_name_and_fetched_anew_by_the_command_it_names(
    recording: Recording, scratch: Path
) -> None:
    site = cut_site(recording, math.inf, scratch / "devnet", loss=Loss.NOTHING)
    topology = load_topology(site)
    place, node = topology.nodes[2], recording.nodes[2]
    home = site.node(place.name)
    for table in (home / "data" / "ledger").glob("MANIFEST-*"):
        flip(table, table.stat().st_size // 2, 3)

    try:
        for one in topology.nodes:
            if one != place:
                start_node(site, topology, one)
        refused = kun("node", "start", "--dir", str(home))
        mended = kun("node", "refetch", "--dir", str(home), "--json")
        start_node(site, topology, place)
        wait_until_ready(site, topology.nodes, timeout_s=90)
    finally:
        stop_everything(site, topology)

    assert refused.returncode == 5
    assert "kun node refetch" in refused.stderr
    assert str(home / "data" / "ledger") in refused.stderr
    assert json.loads(mended.stdout)["set_aside"] == str(home / "data" / "ledger.damaged-1")
    with ExitStack() as stack:
        base = open_base(node.config_at(home), node.genesis, node.key, stack)
        assert base.voting.stopped_because is None
        require_kept(base, promises_of(node), chain_of(base.ledger, node))


def opened(
    node: RecordedNode, home: Path, said: list[Promise], chain: Chain
) -> tuple[str, list[bytes]]:
    """Start as a node does and read all that it can serve; (role, everything)."""
    config = replace(node.config_at(home), genesis=home / "genesis.json")
    genesis = load_genesis_file(config.genesis)
    with ExitStack() as stack:
        base = open_base(config, genesis, open_vote_key(config, genesis), stack)
        role = "voter" if base.voting.stopped_because is None else "learner"
        if role == "voter":
            require_kept(base, said, chain)
        return role, everything(base.ledger, node)


def everything(ledger: Ledger, node: RecordedNode) -> list[bytes]:
    suite = suite_named(node.genesis.suite_name)
    served: list[bytes] = []
    for height in range(ledger.height + 1):
        served += [
            encode_header(ledger.header(height)),
            ledger.batch_bytes(height) or b"",
            repr(ledger.receipts(height)).encode(),
            ledger.own_checkpoint(height) or b"",
        ]
    size = ledger.log_size
    served += list(ledger.entries(0, size))
    served += [encode(ledger.record_path(one, size)) for one in range(size)]
    served += [repr(ledger.call_parts(one)).encode() for one in range(size)]
    keys = sorted(genesis_state(node.genesis, suite))
    served.append(repr(ledger.state_proof(keys, ledger.height)).encode())
    carried = {key for one in ledger.entries(0, size) for key in decode_entry(one).index_keys}
    served.append(repr(ledger.index_proof(sorted(carried), ledger.height)).encode())
    served.append(encode(tuple(ledger.advance_ends(0, size))))
    return served


def promises_of(node: RecordedNode) -> list[Promise]:
    listener = Listener(node)
    said = [one.payload for one in node.operations if isinstance(one, Said)]
    return [one for one in map(listener.promise_of, said) if one is not None]


def chain_of(ledger: Ledger, node: RecordedNode) -> Chain:
    digest = suite_named(node.genesis.suite_name).digest
    return Chain(tuple(ledger.header(one).digest(digest) for one in range(ledger.height + 1)))


def files_of(home: Path) -> list[str]:
    names = (one.relative_to(home) for one in sorted(home.rglob("*")) if one.is_file())
    return [
        str(one)
        for one in names
        if one.name not in NOT_OURS and not one.name.startswith("audit.sqlite")
    ]


def places(file: Path) -> list[tuple[int, int]]:
    """Choose bytes over the whole length of a file, and a bit of each."""
    size = file.stat().st_size
    chance = random.Random(f"{file.name} {size}")  # noqa: S311 - a seeded choice
    count = FLIPS_A_FILE if size else 0
    return [
        (
            min(size - 1, size * number // count + chance.randrange(size // count + 1)),
            1 << number % 8,
        )
        for number in range(count)
    ]


def flip(file: Path, at: int, bit: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= bit
    file.write_bytes(content)


def kun(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "chainnode.cli", *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=child_environment({"KUN_LANG": "en"}),
    )
