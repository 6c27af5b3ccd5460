"""The demo of a real devnet: nobody is named outside of the registry's own files."""

import subprocess
import sys
from pathlib import Path

import pytest

from devnet.demo.people import invent_people
from devnet.demo.settings import ACCESS_LOG_FILE, DATABASE_FILE
from devnet.topology import DevnetFolder
from tests.privacy.scanner import Scanner

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def kun(folder: Path, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "chainnode.cli", *words, "--dir", str(folder)],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr


def test_no_store_log_table_or_file_of_the_demo_names_a_person(tmp_path: Path) -> None:
    folder = DevnetFolder(tmp_path / "dn")
    try:
        kun(folder.path, "devnet", "up", "--detach")
        asked = ("--department", "police", "--purpose", "核查")
        kun(folder.path, "audit", "export", *asked, "--out", str(tmp_path / "answer.kunproof"))
    finally:
        kun(folder.path, "devnet", "down")
    people = invent_people()
    secrets = [text for one in people for text in (one.person_id, one.name)]

    # The department's own data, and the certificates that it hands to the people themselves.
    own = [folder.demo / DATABASE_FILE, folder.demo / "certificates"]
    scan = Scanner(secrets).scan([tmp_path], besides=own)

    assert scan.hits == ()
    assert {"leveldb", "sqlite", "json", "msgpack", "zip"} <= set(scan.opened)
    assert (folder.demo / ACCESS_LOG_FILE).stat().st_size > 0
    # The same scan sees the people where they do stand.
    found = Scanner(secrets).scan([folder.demo])
    assert {one.secret for one in found.hits} == set(range(len(secrets)))
