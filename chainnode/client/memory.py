"""The newest verified header a client has seen: an answer about *now* may not be older.

Without it, a node could show a genuine but old header in which a certificate is not yet
revoked. Kept in memory, and in a small file when a path is given, so that a restarted client
does not forget. The file holds the header with its certificate, is verified again when it is
read (a file can therefore neither invent a height nor make honest nodes look old), and belongs
to one chain.

A header of an epoch that began below one seen in the epoch before takes certified blocks back and
is refused. Two certified headers of one height are a fork. Then evidence is written beside the file
and the chain is believed no more, by this client and by those after it, until a person takes it
away.
"""

import fcntl
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chainnode.errors import ConfigurationError, NodeError
from chainnode.verify.epochs import verify_placed_header
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.fork import fork_evidence
from chainnode.verify.forms import placed_form
from chainnode.verify.header import (
    CertifiedHeader,
    anchor_of,
    read_header,
    require_within_epoch,
)
from chainnode.verify.strict_json import (
    EVIDENCE_BYTES_MAX,
    JsonObject,
    as_constant,
    as_fields,
    read_object,
)
from chainnode.verify.trust import Trust

STATE_FORMAT = "kunlian-client-state"
STATE_VERSION = 2
_NAMES = ("format", "version", "chain_id", "suite", "header", "certificate", "epochs")
# Headers of heights below the highest, against which late answers are compared too.
RECENT_MAX = 64
_FOLDER_MODE = 0o700


class ChainForked(NodeError):
    """A quorum signed two headers of one height: nothing that this chain says can be believed.

    `evidence` proves it to anybody; `file` is where it was written, if it could be.
    """

    def __init__(
        self, *, height: int | None, evidence: JsonObject | None, file: Path | None
    ) -> None:
        self.height = height
        self.evidence = evidence
        self.file = file
        where = "" if height is None else f" at height {height}"
        kept = "could not be written" if file is None else f"is in {file}"
        super().__init__(
            f"the chain forked: a quorum signed two different headers{where}; the evidence {kept}."
            " No node is asked until a person has looked at it and moved it away"
        )


class HeightMemory:
    """Remembers the highest verified header of one chain. Thread-safe, and safe beside others."""

    def __init__(self, *, trust: Trust, path: Path | None = None) -> None:
        """Load `path` when it exists.

        Raises:
            ConfigurationError: the file is malformed, of another chain, or proves nothing.
            ChainForked: evidence of a fork lies beside it.

        """
        self._trust = trust
        self._path = path
        self._lock = threading.Lock()
        self._recent: OrderedDict[tuple[int, int], CertifiedHeader] = OrderedDict()
        self._highest: CertifiedHeader | None = None
        self._stored: bytes | None = None
        self._fork: ChainForked | None = None
        if path is not None:
            self._require_no_fork(path)
            self._read(path)

    @property
    def highest(self) -> CertifiedHeader | None:
        """The highest verified header so far."""
        with self._lock:
            return self._highest

    def is_behind(self, height: int) -> bool:
        """Tell whether `height` is older than what was verified before."""
        with self._lock:
            return self._highest is not None and height < self._highest.height

    def observe(self, seen: CertifiedHeader) -> None:
        """Remember a verified header; the highest one durably.

        Raises:
            ChainForked: it contradicts another verified header of the same height, or another
                one did before.
            InvalidEvidence: what led to it takes back the highest header, or the other way round.
            ConfigurationError: the state file cannot be read or written.

        """
        with self._lock:
            if self._fork is not None:
                raise self._fork
            self._compare(seen)
            if self._highest is None or seen.height > self._highest.height:
                self._highest = seen
                if self._path is not None:
                    self._save(self._path)

    def _compare(self, seen: CertifiedHeader) -> None:
        highest = self._highest
        if highest is not None:
            # An epoch that ended below a header that was certified in it: a chain rolled back.
            require_within_epoch(highest.epoch, highest.height, seen.trust)
            require_within_epoch(seen.epoch, seen.height, highest.trust)
        place = (seen.epoch, seen.height)
        known = self._recent.setdefault(place, seen)
        if known.digest != seen.digest:
            self._fork = self._forked(known, seen)
            raise self._fork
        self._recent.move_to_end(place)
        if len(self._recent) > RECENT_MAX:
            self._recent.popitem(last=False)

    def _forked(self, known: CertifiedHeader, seen: CertifiedHeader) -> ChainForked:
        evidence = fork_evidence(known, seen, trust=self._trust)
        file = None
        if self._path is not None:
            file = self._path.with_name(f"{self._fork_prefix}{seen.height}.json")
            try:
                file.write_text(json.dumps(evidence) + "\n", encoding="utf-8")
            except OSError:
                file = None
        return ChainForked(height=seen.height, evidence=evidence, file=file)

    @property
    def _fork_prefix(self) -> str:
        return f"fork-{self._trust.chain_id.hex()[:16]}-"

    def _require_no_fork(self, path: Path) -> None:
        for found in sorted(path.parent.glob(f"{self._fork_prefix}*.json")):
            raise ChainForked(height=None, evidence=None, file=found)

    def _save(self, path: Path) -> None:
        """Write the highest header, unless another process has stored a higher one meanwhile."""
        try:
            path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            with _alone(path):
                self._read(path)
                if self._highest is not None:
                    self._write(path, self._highest)
        except OSError as error:
            raise ConfigurationError(f"{path}: cannot remember: {error.strerror}") from error

    def _write(self, path: Path, highest: CertifiedHeader) -> None:
        document = {
            "format": STATE_FORMAT,
            "version": STATE_VERSION,
            "chain_id": self._trust.chain_id.hex(),
            "suite": self._trust.suite.name,
            **placed_form(anchor_of(highest)),
        }
        data = (json.dumps(document) + "\n").encode()
        draft = path.with_name(f"{path.name}.{os.getpid()}.new")
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        self._stored = data

    def _read(self, path: Path) -> None:
        """Take what the file holds, when it is newer than what is known here."""
        try:
            with path.open("rb") as file:
                data = file.read(EVIDENCE_BYTES_MAX + 1)
        except FileNotFoundError:
            return
        except OSError as error:
            raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
        if data == self._stored:
            return
        stored = self._verified(path, data)
        self._stored = data
        if stored is None:
            return
        try:
            self._compare(stored)
        except InvalidEvidence as error:
            raise ConfigurationError(
                f"{path}: contradicts a header that was verified here: {error}"
            ) from error
        if self._highest is None or stored.height > self._highest.height:
            self._highest = stored

    def _verified(self, path: Path, data: bytes) -> CertifiedHeader | None:
        """Return the header in a state file; None when the trust at hand is pinned above it."""
        try:
            fields = as_fields(read_object(data), "client state", _NAMES)
            as_constant(fields["format"], "format", STATE_FORMAT)
            as_constant(fields["version"], "version", STATE_VERSION)
            as_constant(fields["chain_id"], "chain_id", self._trust.chain_id.hex())
            as_constant(fields["suite"], "suite", self._trust.suite.name)
            if read_header(fields["header"]).height < self._trust.checkpoint.height:
                return None
            return verify_placed_header(fields, self._trust)
        except InvalidEvidence as error:
            raise ConfigurationError(
                f"{path}: cannot use this client state: {error}; remove the file to begin anew"
            ) from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes from the same state file for a moment."""
    with path.with_name(f"{path.name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
