"""The clients of a run: a process of its own that writes until its standard input ends.

Each writer has a key of its own and one submission under way, sent to its own node first and to
the others when that one fails. What is proven final to it goes to the journal; what is not is
counted, and the counts go to standard output at the end.

    python -m devnet.faults.writer FOLDER FILE CALLS PACE_MS
"""

import itertools
import json
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Final, TextIO

from chainnode.client import AccessCall, AccessReason, CannotDecide, Client, access_record
from chainnode.client import Final as Proven
from chainnode.keys import KeyPurpose, open_key, read_passphrase
from chainnode.submission import Call
from chainnode.verify import Trust
from contracts.schemas.access import Decision, Side
from devnet.faults.journal import Acknowledged, encode_line
from devnet.site import service_name
from devnet.topology import DevnetFolder, NodePlace, Topology, load_topology

SERVICES_EACH: Final = 3
_WAIT_S: Final = 15.0
# After trouble a writer goes back to its own node, once that may be well again.
_BACK_HOME_S: Final = 3.0
# A pause after a refusal, so that a fault in the harness is no flood.
_REFUSED_PAUSE_S: Final = 0.2


class Journal:
    """Where acknowledgements go, and the counts of all else; shared by the writers."""

    def __init__(self, file: TextIO) -> None:
        self.others: Counter[str] = Counter()
        self._file = file
        self._lock = threading.Lock()

    def note(self, one: Acknowledged) -> None:
        """Append one line, whole, before the writer goes on."""
        line = encode_line(one)
        with self._lock:
            self._file.write(line)
            self._file.flush()

    def count(self, outcome: str) -> None:
        """Count what was not acknowledged."""
        with self._lock:
            self.others[outcome] += 1


class Writer:
    """One client. `home` is its own node."""

    def __init__(
        self, folder: DevnetFolder, topology: Topology, home: NodePlace, *, identity: str
    ) -> None:
        _, self._key = open_key(
            folder.identity(identity),
            purpose=KeyPurpose.SUBMISSION,
            passphrase=read_passphrase(folder.passphrase),
        )
        self._trust = Trust.load(folder.genesis.read_bytes())
        at = topology.nodes.index(home)
        self._places = topology.nodes[at:] + topology.nodes[:at]
        self._ids = itertools.count()
        self._prefix = os.urandom(8)

    def write(self, journal: Journal, stop: threading.Event, *, calls: int, pace_s: float) -> None:
        """Write one submission after the other until told to stop."""
        client, back_home_s = self._client(), None
        while not stop.is_set():
            began_s = time.monotonic()
            if back_home_s is not None and began_s > back_home_s:
                client.close()
                client, back_home_s = self._client(), None
            has_trouble = self._submit(client, journal, calls=calls)
            if has_trouble and back_home_s is None:
                back_home_s = time.monotonic() + _BACK_HOME_S
            stop.wait(max(0.0, began_s + pace_s - time.monotonic()))
        client.close()

    def _submit(self, client: Client, journal: Journal, *, calls: int) -> bool:
        ids = [self._prefix + next(self._ids).to_bytes(8) for _ in range(calls)]
        try:
            outcome = client.submit("access", [self._call(one) for one in ids], wait_s=_WAIT_S)
        except CannotDecide:
            journal.count("CannotDecide")
            time.sleep(_REFUSED_PAUSE_S)
            return True
        if not isinstance(outcome, Proven) or not outcome.is_accepted:
            code = outcome.code_name if isinstance(outcome, Proven) else ""
            journal.count(f"{type(outcome).__name__} {code}".strip())
            time.sleep(_REFUSED_PAUSE_S)
            return True
        journal.note(
            Acknowledged(
                at_s=time.monotonic(),
                height=outcome.height,
                digest=outcome.digest.hex(),
                call_ids=tuple(one.hex() for one in ids),
                positions=tuple(one.position or 0 for one in outcome.calls),
                evidence=outcome.evidence,
            )
        )
        return bool(outcome.reports)

    def _client(self) -> Client:
        return Client([one.api for one in self._places], self._trust, self._key)

    def _call(self, call_id: bytes) -> Call:
        home, other = self._places[0], self._places[1]
        call = AccessCall(
            call_id=call_id,
            side=Side.REQUESTER,
            requester=home.organisation,
            provider=other.organisation,
            item=other.department.serves,
            trace_id=call_id,
            decision=Decision.PERMIT,
            status=200,
        )
        return access_record(call, AccessReason(purpose_code="TEST"))


def writers_of(folder: DevnetFolder) -> list[Writer]:
    """Return the writers of a devnet: `SERVICES_EACH` for every department."""
    topology = load_topology(folder)
    return [
        Writer(folder, topology, home, identity=service_name(home.department, number))
        for number in range(SERVICES_EACH)
        for home in topology.nodes
    ]


def main() -> None:
    """Write until standard input ends: with the run that started us, however that ends."""
    folder, file, calls, pace_ms = sys.argv[1:]
    writers = writers_of(DevnetFolder(Path(folder)))
    stop = threading.Event()
    with Path(file).open("a", encoding="ascii") as sink:
        journal = Journal(sink)
        settings = {"calls": int(calls), "pace_s": int(pace_ms) / 1000}
        threads = [
            threading.Thread(target=one.write, args=(journal, stop), kwargs=settings, daemon=True)
            for one in writers
        ]
        for one in threads:
            one.start()
        sys.stdin.read()
        stop.set()
        for one in threads:
            one.join(2 * _WAIT_S)
    sys.stdout.write(json.dumps(journal.others))


if __name__ == "__main__":
    main()
