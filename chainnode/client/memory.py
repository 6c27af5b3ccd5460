"""The newest verified header a client has seen: an answer about *now* may not be older.

Without it, a node could show a genuine but old header in which a certificate is not yet
revoked. Kept in memory, and in a small file when a path is given, so that a restarted client
does not forget. One memory belongs to one chain; a file of another chain is refused.
"""

import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from chainnode.errors import ConfigurationError
from chainnode.verify.errors import InvalidEvidence, UnreadableEvidence
from chainnode.verify.strict_json import as_constant, as_fields, as_hex, as_integer, read_object

STATE_FORMAT = "kunlian-client-state"
_STATE_BYTES_MAX = 4096
_NAMES = ("format", "version", "chain_id", "height", "header_digest")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenHeader:
    """Height and digest of a verified header."""

    height: int
    digest: bytes


class HeightMemory:
    """Remembers the highest verified header of one chain. Thread-safe."""

    def __init__(self, *, chain_id: bytes, path: Path | None = None) -> None:
        """Load `path` when it exists.

        Raises:
            ConfigurationError: the file is malformed or belongs to another chain.

        """
        self._chain_id = chain_id
        self._path = path
        self._lock = threading.Lock()
        self._highest = _load(path, chain_id) if path is not None and path.exists() else None

    @property
    def highest(self) -> SeenHeader | None:
        """The highest verified header so far."""
        with self._lock:
            return self._highest

    def is_behind(self, height: int) -> bool:
        """Tell whether `height` is older than what was verified before."""
        with self._lock:
            return self._highest is not None and height < self._highest.height

    def observe(self, seen: SeenHeader) -> None:
        """Remember a verified header when it is the highest.

        Raises:
            InvalidEvidence: a quorum signed two different headers of one height: the chain
                has forked, and nothing it says can be believed.
            ConfigurationError: the state file cannot be written.

        """
        with self._lock:
            known = self._highest
            if known is not None and known.height == seen.height and known.digest != seen.digest:
                raise InvalidEvidence(
                    check="fork",
                    expected=f"header {known.digest.hex()} at height {known.height}",
                    actual=f"{seen.digest.hex()}, signed by a quorum too",
                )
            if known is None or seen.height > known.height:
                self._highest = seen
                self._save(seen)

    def _save(self, seen: SeenHeader) -> None:
        if self._path is None:
            return
        document = {
            "format": STATE_FORMAT,
            "version": 1,
            "chain_id": self._chain_id.hex(),
            "height": seen.height,
            "header_digest": seen.digest.hex(),
        }
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        try:
            draft.write_text(json.dumps(document) + "\n", encoding="utf-8")
            draft.replace(self._path)
        except OSError as error:
            raise ConfigurationError(f"{self._path}: cannot remember: {error.strerror}") from error


def _load(path: Path, chain_id: bytes) -> SeenHeader:
    try:
        with path.open("rb") as file:
            document = read_object(file.read(_STATE_BYTES_MAX + 1), bytes_max=_STATE_BYTES_MAX)
        fields = as_fields(document, "client state", _NAMES)
        as_constant(fields["format"], "format", STATE_FORMAT)
        as_constant(fields["version"], "version", 1)
        as_constant(fields["chain_id"], "chain_id", chain_id.hex())
        return SeenHeader(
            height=as_integer(fields["height"], "height"),
            digest=as_hex(fields["header_digest"], "header_digest", size=32),
        )
    except (UnreadableEvidence, OSError) as error:
        raise ConfigurationError(f"{path}: cannot use this client state: {error}") from error
