"""`kun key rotate`: a service goes on with a new key, and the old one signs nothing more."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chainnode.cli.main import run
from chainnode.client import Client, Final, add_key, share_pair_key
from chainnode.keys import (
    DEVNET_COST,
    KeyPurpose,
    open_key,
    read_key_file,
    read_passphrase,
    write_key_file,
)
from chainnode.submission import key_id
from chainnode.suites import suite_named
from chainnode.verify.trust import Trust
from contracts.schemas.codes import Code
from contracts.schemas.members import Role
from tests.builders import ORGANISATIONS, submission_key
from tests.unit.chainnode.cli.conftest import at_home
from tests.unit.chainnode.cli.towns import Town, town_at

SUITE = suite_named("intl")


@pytest.fixture
def town(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Town]:
    at_home(tmp_path, monkeypatch)
    with town_at(tmp_path, capsys) as made:
        yield made


def opened(town: Town, key: str) -> Client:
    _, private = open_key(Path(key), purpose=KeyPurpose.SUBMISSION, passphrase=read_passphrase())
    return Client([town.served.url], Trust.from_genesis(town.served.genesis), private)


def with_service_key(town: Town) -> str:
    """Register a key of department 0 that is a service's alone; return its file."""
    key = SUITE.generate_private_key()
    write_key_file(
        town.path / "service.json",
        key,
        suite=SUITE,
        purpose=KeyPurpose.SUBMISSION,
        passphrase=read_passphrase(),
        cost=DEVNET_COST,
    )
    with opened(town, town.key(0)) as client:
        done = client.submit("members", [add_key(key.public_key, roles=[Role.SERVICE])])
    assert isinstance(done, Final)
    assert done.is_accepted
    return str(town.path / "service.json")


def act(town: Town, key: str, number: int) -> Code | None:
    """Do what a service does; return why the chain refused it."""
    call = share_pair_key(
        requester=f"REQUESTER-{number}",
        provider=ORGANISATIONS[0],
        period=202605,
        key_check=bytes(32),
        wrapped={ORGANISATIONS[0]: bytes(92)},
    )
    with opened(town, key) as client:
        outcome = client.submit("content", [call])
    assert isinstance(outcome, Final)
    return None if outcome.is_accepted else Code(outcome.code or outcome.calls[0].code)


def until_refused(town: Town, key: str) -> Code | None:
    """Submit with a key until the chain refuses it; blocks are a second apart in its time."""
    codes = (act(town, key, 1_000 + number) for number in range(60))
    return next((code for code in codes if code is not None), None)


def test_the_new_key_acts_at_once_and_the_old_one_no_more_after_the_overlap(town: Town) -> None:
    old = with_service_key(town)
    done = town.must(0, "key", "rotate", old, "next.json", "--overlap", "5s")
    assert done.json["organisation"] == ORGANISATIONS[0]
    assert done.json["old"] == read_key_file(Path(old)).key_id.hex()
    assert done.json["new"] == read_key_file(Path("next.json")).key_id.hex()
    assert act(town, "next.json", 1) is None
    assert until_refused(town, old) is Code.KEY_NOT_VALID
    assert act(town, "next.json", 2) is None


def test_a_lost_key_is_ended_by_its_id_without_its_file(town: Town) -> None:
    old = with_service_key(town)
    lost = read_key_file(Path(old)).key_id.hex()
    Path(old).rename("stolen.json")
    done = town.must(0, "key", "rotate", lost, "next.json", "--overlap", "5s")
    assert done.json["old"] == lost
    assert act(town, "next.json", 1) is None
    assert until_refused(town, "stolen.json") is Code.KEY_NOT_VALID


def test_a_member_key_is_ended_by_its_successor(town: Town) -> None:
    done = town.must(0, "key", "rotate", town.key(0), "next.json", "--overlap", "5s")
    assert "member" in str(done.json["roles"])
    assert act(town, "next.json", 1) is None
    assert until_refused(town, town.key(0)) is Code.KEY_NOT_VALID


def test_the_new_key_has_the_roles_of_the_old_one_and_no_end(town: Town) -> None:
    done = town.must(0, "key", "rotate", town.key(0), "next.json")
    assert done.json["roles"] == "member, issuer, service, auditor, custodian"
    _, private = open_key(
        Path("next.json"), purpose=KeyPurpose.SUBMISSION, passphrase=read_passphrase()
    )
    assert key_id(SUITE, private.public_key).hex() == done.json["new"]


def test_a_rotation_that_was_cut_short_is_taken_up_again(town: Town) -> None:
    old = with_service_key(town)
    first = town.must(0, "key", "rotate", old, "next.json", "--overlap", "1h")
    again = town.must(0, "key", "rotate", old, "next.json", "--overlap", "2h")
    assert first.json["height"] is not None
    assert again.json == {**first.json, "height": None}
    sooner = town.must(0, "key", "rotate", old, "next.json", "--overlap", "5s")
    assert sooner.json["new"] == first.json["new"]
    assert sooner.json["old_ends"] < first.json["old_ends"]


@pytest.mark.parametrize(
    ("department", "words", "exit_code", "code"),
    [
        (0, ("00" * 20, "next.json"), 1, "MEMBERS_NO_SUCH_KEY"),
        (0, ("{service}", "{service}"), 2, "SAME_KEY"),
        (0, ("{service}", "next.json", "--overlap", "4s"), 2, "OVERLAP"),
        (0, ("{service}", "next.json", "--overlap", "soon"), 2, "AGE"),
        (0, ("{service}", "vote.json"), 2, "WRONG_KEY_FILE"),
        (0, ("{service}", "{other}"), 1, "MEMBERS_KEY_KNOWN"),
        (0, ("nowhere.json", "next.json"), 5, "SecretFileRefused"),
        (0, ("no key id, though forty characters long!", "next.json"), 5, "SecretFileRefused"),
    ],
)
def test_what_cannot_be_rotated_is_refused_and_named(
    town: Town, department: int, words: tuple[str, ...], exit_code: int, code: str
) -> None:
    names = {"service": with_service_key(town), "other": town.key(1)}
    assert run(("key", "new", "vote.json", "--suite", "intl", "--purpose", "vote")) == 0
    told = [one.format(**names) for one in words]
    done = town.kun(department, "key", "rotate", *told, "--json")
    assert (done.code, done.json["error"]["code"]) == (exit_code, code)


def test_another_department_s_key_is_left_alone_and_nothing_is_made(town: Town) -> None:
    service = with_service_key(town)
    done = town.kun(1, "key", "rotate", service, "next.json", "--json")
    assert (done.code, done.json["error"]["code"]) == (4, "FOREIGN_ORGANISATION")
    assert not Path("next.json").exists()
    assert act(town, service, 1) is None


def test_no_secret_is_printed(town: Town) -> None:
    done = town.kun(0, "key", "rotate", town.key(0), "next.json")
    assert "correct horse" not in done.out + done.err
    assert submission_key("intl", 0).public_key.hex() not in done.out
