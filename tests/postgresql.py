"""A real PostgreSQL server for tests: unprivileged, without a network, gone after the session.

Debian keeps the server's programs outside PATH. `initdb` refuses root, so that tests run by root
(in a container) start it as the user `postgres` or `nobody`. Socket and data stand in a folder
with a short name, because the path of a socket has at most 107 bytes.
"""

import itertools
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PACKAGE = "postgresql"
_FOLDER = Path("/usr/lib/postgresql")
_USERS = ("postgres", "nobody")
# Where a folder of our own is open to another user, though TMPDIR may not be.
_PUBLIC = (Path("/", "tmp"), Path("/", "var", "tmp"))
_NAMES = itertools.count()
# What a test loses in a crash of the machine is nothing.
_SETTINGS = "-c listen_addresses='' -c fsync=off -c full_page_writes=off -c shared_buffers=16MB"


@dataclass
class PostgresqlServer:
    """A running server; every caller of `database` has one of its own."""

    programs: Path
    folder: Path
    user: str
    as_user: list[str] = field(default_factory=list)

    def run(self, program: str, *arguments: str) -> str:
        """Run one of the server's programs as its user."""
        command = [*self.as_user, str(self.programs / program), *arguments]
        done = subprocess.run(
            command, cwd=self.folder, check=True, capture_output=True, text=True, timeout=60
        )
        return done.stdout

    def psql(self, database: str, statement: str) -> str:
        """Carry out a statement the way a stranger would, past the node."""
        words = ("-h", str(self.folder), "-U", self.user, "-d", database)
        return self.run("psql", *words, "-v", "ON_ERROR_STOP=1", "-At", "-c", statement)

    def database(self) -> str:
        """Make an empty database; return its name."""
        name = f"audit{next(_NAMES)}"
        self.psql("postgres", f"CREATE DATABASE {name}")
        return name

    def url(self, database: str) -> str:
        return f"postgresql://{self.user}@/{database}?host={self.folder}"

    def start(self) -> None:
        options = f"{_SETTINGS} -k {self.folder}"
        log = str(self.folder / "server.log")
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-l", log, "-w", "-o", options, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")


def server_programs() -> Path | None:
    """Return the folder of the newest server's programs; None: not installed."""
    found = sorted(_FOLDER.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def postgresql_server() -> Iterator[PostgresqlServer]:
    """Run a server as long as the block runs; skip where its package is not installed."""
    programs = server_programs()
    if programs is None:
        pytest.skip(f"needs {PACKAGE}")
    user, as_user = _user()
    folder = Path(tempfile.mkdtemp(prefix="kunpg", dir=_base(is_root=bool(as_user))))
    try:
        if as_user:
            shutil.chown(folder, user)
        server = PostgresqlServer(programs, folder, user, as_user)
        server.run("initdb", "-D", str(folder / "data"), "-U", user, "-A", "trust", "--no-sync")
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _base(*, is_root: bool) -> Path:
    """Return a folder for temporary files that the server's user can enter, not root alone."""
    bases = [Path(tempfile.gettempdir()), *_PUBLIC]
    return next(one for one in bases if not is_root or _is_open_to_all(one))


def _is_open_to_all(folder: Path) -> bool:
    return all(one.stat().st_mode & stat.S_IXOTH for one in (folder, *folder.parents))


def _user() -> tuple[str, list[str]]:
    """Return who runs the server, and what goes in front of its commands."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name, []
    names = {one.pw_name for one in pwd.getpwall()}
    user = next(one for one in _USERS if one in names)
    group = str(pwd.getpwnam(user).pw_gid)
    return user, ["setpriv", "--reuid", user, "--regid", group, "--clear-groups"]
