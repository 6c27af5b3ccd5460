"""The table from error to exit code, which users' scripts rely on."""

import importlib
from pathlib import Path

import pytest

from chainnode.cli.exits import (
    EXIT_CODES,
    HINTS,
    CommandError,
    ExitCode,
    LocalProblem,
    NoDecision,
    Refused,
    Unacceptable,
    UsageProblem,
    exit_code_of,
    hint_of,
)
from chainnode.cli.words import Text
from chainnode.client.reports import CannotDecide
from chainnode.config import InvalidConfiguration
from chainnode.errors import ConfigurationError, InvalidInput, InvariantBroken, StorageError
from chainnode.folder_lock import DirectoryLocked
from chainnode.ledger.errors import DamagedLedger
from chainnode.ledger.store import StoreFailed
from chainnode.secret_files import SecretFileRefused
from devnet.errors import NotADevnet, UnknownNode

_TEXT = Text("一", "one")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageProblem("X", _TEXT), 2),
        (NoDecision("X", _TEXT), 3),
        (Refused("X", _TEXT), 4),
        (Unacceptable("X", _TEXT), 1),
        (LocalProblem("X", _TEXT), 5),
        (CommandError("X", _TEXT), 70),
        (ConfigurationError("x"), 5),
        (StorageError("x"), 5),
        (InvalidInput("x"), 2),
        (InvariantBroken("x"), 70),
        (CannotDecide(()), 3),
        (PermissionError(13, "x"), 5),
        (FileNotFoundError(2, "x"), 2),
        (IsADirectoryError(21, "x"), 2),
        (OSError(28, "x"), 5),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError(), 70),
        (RuntimeError(), 70),
    ],
    ids=lambda value: value.__class__.__name__,
)
def test_each_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert exit_code_of(error) == code


@pytest.mark.parametrize("error", [InvalidConfiguration, SecretFileRefused, NotADevnet])
def test_what_is_wrong_with_this_machine_is_exit_code_5(error: type[Exception]) -> None:
    assert exit_code_of(error.__new__(error)) == ExitCode.LOCAL


def test_a_node_that_a_devnet_does_not_have_is_a_slip_of_the_command_line() -> None:
    error = UnknownNode("nosuch", known=("police", "civil"))
    assert exit_code_of(error) == ExitCode.USAGE
    assert "1 police, 2 civil" in str(error)


def test_the_nearest_class_decides() -> None:
    class OfOurs(ConfigurationError):
        pass

    assert exit_code_of(OfOurs()) == ExitCode.LOCAL


def test_a_class_of_the_same_name_elsewhere_does_not_count() -> None:
    class ConfigurationError(Exception):
        pass

    assert exit_code_of(ConfigurationError()) == ExitCode.BUG


def test_every_name_in_the_table_exists() -> None:
    for name in (*EXIT_CODES, *HINTS):
        module, _, attribute = name.rpartition(".")
        assert isinstance(getattr(importlib.import_module(module), attribute), type), name


def test_a_damaged_ledger_names_the_command_that_mends_it() -> None:
    damaged = hint_of(DamagedLedger(what="x", expected="a", actual="b"))
    failed = hint_of(StoreFailed(operation="open", cause="x"))

    assert damaged is not None
    assert damaged == failed
    assert "kun node refetch" in damaged.en
    assert hint_of(StorageError("x")) not in {None, damaged}


def test_who_says_by_itself_what_to_do_gets_no_second_advice() -> None:
    assert hint_of(DirectoryLocked(path=Path("x"), holder="1")) is None
    assert hint_of(ConfigurationError("x")) is None
