"""Four real nodes, one of whose system calls can be made to fail while it runs.

libfiu makes a call fail by its name. In a node only the data directory is synced, written by
position and renamed in, so these names are the data directory's alone; `write` is not (sockets
and wake-ups use it), so there strace makes it fail on the one file that it is about.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgpack
import pytest

from chainnode.cli.probe import fetch_json
from chainnode.codec import encode
from chainnode.node_base import open_base
from chainnode.suites import suite_named
from devnet.launcher import child_environment, start_node, stop_everything, wait_until_ready
from devnet.observe import record_file
from devnet.processes import ProcessRecord, record_of, running_record, send_signal, write_record
from devnet.site import SiteRequest, make_site
from devnet.topology import DevnetFolder, NodePlace, Topology, load_topology
from tests.acceptance.load import Writer
from tests.crash.recording import STRACE, RecordedNode, until_written
from tests.crash.verifying import Chain, Listener, require_kept

FIU_RUN: Final = "fiu-run"
_READY_S: Final = 90.0
_END_S: Final = 60.0
_POLL_S: Final = 0.02
# Some blocks: three votes of 200 bytes for each.
_TALK_BYTES: Final = 2048
_PROCESS_FILE: Final = "process.json"


def require_fiu() -> None:
    """Skip where libfiu is missing."""
    if shutil.which(FIU_RUN) is None:
        pytest.skip("needs the package fiu-utils")


@dataclass(slots=True)
class FaultySite:
    """A devnet whose last node is ours to break; see `faulty_site`."""

    site: DevnetFolder
    topology: Topology
    writer: Writer
    process: "subprocess.Popen[bytes] | None" = None
    injectors: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    replaced: Callable[[], None] | None = None

    @property
    def place(self) -> NodePlace:
        """The node that breaks."""
        return self.topology.nodes[-1]

    @property
    def home(self) -> Path:
        return self.site.node(self.place.name)

    @property
    def witness(self) -> Path:
        return self.site.path / f"{self.place.name}.said"

    def start(self) -> None:
        """Start the node that breaks, whole again, and wait until it takes part in the work."""
        said = self._said_bytes()
        self.launch()
        wait_until_ready(self.site, [self.place], timeout_s=_READY_S)
        self.until(lambda: self._said_bytes() >= said + _TALK_BYTES, what="votes of the node")

    def launch(self) -> None:
        """Start the node that breaks; it may end before it is ready."""
        if self.process is not None:  # a test before this one failed
            self.end_injectors()
            self.stop_broken()
        with (self.home / "errors.txt").open("wb") as sink:
            self.process = subprocess.Popen(
                [
                    *(FIU_RUN, "-x", "-f", str(self.site.path / "fiu")),
                    *(sys.executable, "-m", "tests.crash.witness"),
                    *(str(self.witness), str(self.home)),
                ],
                cwd=self.home,
                env=child_environment({"KUN_LANG": "en"}),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
        record = record_of(self.process.pid)
        assert record is not None
        write_record(record_file(self.site, self.place.name), record)

    def fail(self, name: str, *, errno: int) -> None:
        """Let every call of that name fail from now on."""
        subprocess.run(
            [
                *("fiu-ctrl", "-f", str(self.site.path / "fiu")),
                *("-c", f"enable name={name},failinfo={errno}", str(self._node().pid)),
            ],
            check=True,
            capture_output=True,
            timeout=_END_S,
        )

    def fail_write(self, pattern: str, *, error: str) -> None:
        """Let every write to the present files of a pattern fail from now on.

        A file may be replaced before the watcher is there; `ended` then looks for the next.
        """
        self.replaced = lambda: self.fail_write(pattern, error=error)
        files = [str(one) for one in self.home.glob(pattern)]
        assert files
        paths = [word for one in files for word in ("-P", one)]
        self.injectors.append(
            subprocess.Popen(
                [
                    *(STRACE, "-f", "-p", str(self._node().pid), *paths, "-o", os.devnull),
                    *("-e", "trace=write", "-e", f"inject=write:error={error}"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )

    def ended(self) -> tuple[int, str]:
        """Wait until the node has ended by itself; return its exit code and last words."""
        process = self.process
        assert process is not None
        self.until(
            lambda: process.poll() is not None or self._follow_replaced(),
            what="the end of the broken node",
        )
        self.end_injectors()
        self.replaced = None
        record_file(self.site, self.place.name).unlink(missing_ok=True)
        self.process = None
        code = process.returncode
        return code, (self.home / "errors.txt").read_text(encoding="utf-8", errors="replace")

    def _follow_replaced(self) -> bool:
        """Aim at the present file when the one aimed at is gone; the node has not ended."""
        aimed = [Path(str(one)) for one in self._words() if str(one).startswith(str(self.home))]
        if aimed and not any(one.exists() for one in aimed) and self.replaced is not None:
            self.end_injectors()
            self.replaced()
        return False

    def _words(self) -> list[str]:
        arguments = self.injectors[-1].args if self.injectors else []
        return [str(one) for one in arguments] if isinstance(arguments, list) else []

    def end_injectors(self) -> None:
        for one in self.injectors:
            one.kill()
            one.wait()
        self.injectors.clear()

    def until(self, holds: Callable[[], bool], *, what: str) -> None:
        deadline = time.monotonic() + _END_S
        while not holds():
            assert time.monotonic() < deadline, f"not within {_END_S:g} s: {what}"
            time.sleep(_POLL_S)

    def require_kept(self) -> int:
        """Hold what lies on the disk against all that the node ever said; return its height."""
        node = RecordedNode(place=self.place, home=self.home, operations=(), times=(), first=0)
        listener = Listener(node)
        said = [
            promise
            for promise in map(listener.promise_of, _payloads(self.witness))
            if promise is not None
        ]
        with ExitStack() as stack:
            base = open_base(node.config_at(self.home), node.genesis, node.key, stack)
            digest = suite_named(node.genesis.suite_name).digest
            heights = range(base.ledger.height + 1)
            chain = Chain(tuple(base.ledger.header(one).digest(digest) for one in heights))
            require_kept(base, said, chain)
            assert base.voting.stopped_because is None
            return base.ledger.height

    def role(self) -> str:
        return str(fetch_json(self.place.api, "/v1/consensus").document.get("role"))

    def stop_broken(self) -> None:
        """End the node that breaks, in order."""
        if self.process is not None:
            send_signal(self._node(), signal.SIGTERM)
            self.process.wait(_END_S)
            self.process = None
            record_file(self.site, self.place.name).unlink(missing_ok=True)

    def _said_bytes(self) -> int:
        return self.witness.stat().st_size if self.witness.exists() else 0

    def _node(self) -> ProcessRecord:
        record = running_record(self.home / _PROCESS_FILE)
        assert record is not None
        return record


@contextmanager
def faulty_site(folder: Path) -> Iterator[FaultySite]:
    """Run three nodes as they are, with somebody who writes; the fourth is for the test."""
    make_site(folder, SiteRequest(suite="intl", nodes=4, has_demo=False))
    site = DevnetFolder(folder.resolve())
    topology = load_topology(site)
    sound: Sequence[NodePlace] = topology.nodes[:-1]
    writer = Writer(site.path, tuple(one.api for one in sound), threads=1, pace_s=0.05)
    faulty = FaultySite(site, topology, writer)
    try:
        for place in sound:
            start_node(site, topology, place)
        wait_until_ready(site, sound, timeout_s=_READY_S)
        with writer:
            until_written(writer, 1)
            yield faulty
    finally:
        faulty.end_injectors()
        if faulty.process is not None:
            faulty.process.kill()
            faulty.process.wait()
        stop_everything(site, topology)


def _payloads(witness: Path) -> Iterator[bytes]:
    """Cut the witness's file into the messages that were written to it."""
    unpacker = msgpack.Unpacker(use_list=False, strict_map_key=True)
    unpacker.feed(witness.read_bytes())
    for plain in unpacker:
        yield encode(plain)
