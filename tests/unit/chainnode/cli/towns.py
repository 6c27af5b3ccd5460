"""Four departments at one served chain with rules 3, and `kun` with the key of each."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from chainnode.cli.main import run
from chainnode.genesis import Parameters, write_genesis_file
from chainnode.keys import DEVNET_COST, KeyPurpose, Passphrase, write_key_file
from chainnode.secret_files import write_secret_file
from chainnode.suites import suite_named
from tests.builders import submission_key
from tests.served_site import EXCHANGE, Served, served_site
from tests.unit.chainnode.cli.conftest import Done


@dataclass
class Town:
    """The keys of the departments are files with their numbers; each has all roles."""

    served: Served
    path: Path
    capture: pytest.CaptureFixture[str]

    def key(self, department: int) -> str:
        return str(self.path / f"key{department}.json")

    def kun(self, department: int, *words: str) -> Done:
        """Run a command with the key of a department."""
        return self.bare(*words, "--key", self.key(department))

    def bare(self, *words: str) -> Done:
        """Run a command without a key."""
        trust = ("--trust", str(self.path / "genesis.json"))
        return self.bare_words(*words, "--node", self.served.url, *trust)

    def bare_words(self, *words: str) -> Done:
        """Run a command that asks no node."""
        self.capture.readouterr()
        code = run(words)
        out, err = self.capture.readouterr()
        return Done(code=code, out=out, err=err)

    def must(self, department: int, *words: str) -> Done:
        """Run a command that succeeds, and read its JSON."""
        done = self.kun(department, *words, "--json")
        assert done.code == 0, done.err
        return done


@contextmanager
def town_at(
    path: Path, capture: pytest.CaptureFixture[str], *, parameters: Parameters = EXCHANGE
) -> Iterator[Town]:
    """Make the keys, serve the chain, and write its genesis."""
    write_secret_file(path / "passphrase", b"correct horse\n")
    for number in range(4):
        write_key_file(
            path / f"key{number}.json",
            submission_key("intl", number),
            suite=suite_named("intl"),
            purpose=KeyPurpose.SUBMISSION,
            passphrase=Passphrase(b"correct horse"),
            cost=DEVNET_COST,
        )
    with served_site(path, parameters=parameters) as served:
        write_genesis_file(path / "genesis.json", served.genesis)
        yield Town(served=served, path=path, capture=capture)
