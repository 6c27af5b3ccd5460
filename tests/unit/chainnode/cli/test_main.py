"""The root of `kun`: global options, refusals, one JSON object, a fast start."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from chainnode.cli import tree
from chainnode.cli.main import COMMANDS, kun, run
from chainnode.cli.tree import current_session, kun_command
from chainnode.errors import ConfigurationError, InvariantBroken

_SECRET = "110101199003078888"


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> object:
    """Put a command `boom ERROR` beside the others."""
    errors = {
        "config": ConfigurationError("kun.toml: port is missing"),
        "bug": InvariantBroken(f"about {_SECRET}"),
        "interrupt": KeyboardInterrupt(),
        "usage": click.BadParameter("no such thing"),
    }

    @kun_command("boom", text="raises")
    @click.argument("name")
    def boom(name: str) -> int:
        raise errors[name]

    module = type(sys)("boom_module")
    vars(module)["boom"] = boom
    monkeypatch.setitem(sys.modules, "boom_module", module)
    monkeypatch.setitem(kun.lazy, "boom", tree.LazyCommand("boom_module:boom", "raises"))
    return boom


def test_version_answers_with_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version", "--json"]) == 0

    assert set(json.loads(capsys.readouterr().out)) == {"kunlian", "python"}


@pytest.mark.parametrize("words", [["--json", "version"], ["version", "--json"]])
def test_global_options_stand_before_and_after_the_command(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run(words)

    assert capsys.readouterr().out.startswith("{")


def test_global_options_reach_a_command_of_a_group(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run(["--lang", "zh", "devnet", "--quiet", "status", "--dir", str(tmp_path), "--json"])

    assert json.loads(capsys.readouterr().out)["error"]["exit_code"] == 5


def test_quiet_leaves_the_exit_code_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version", "--quiet"]) == 0

    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["verfy"], "verify"),
        (["devnet", "stauts"], "status"),
        (["version", "--jsn"], "--json"),
        (["devnet", "up", "--suit", "sm"], "--suite"),
    ],
)
def test_an_unknown_word_is_refused_naming_the_nearest(
    words: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2

    assert named in capsys.readouterr().err


def test_a_wrong_command_line_is_answered_in_json_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["nonsense", "--json"]) == 2

    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["code"] == "USAGE"
    assert "nonsense" in err


@pytest.mark.usefixtures("raising")
@pytest.mark.parametrize(
    ("name", "code"), [("config", 5), ("bug", 70), ("interrupt", 130), ("usage", 2)]
)
def test_an_error_becomes_its_exit_code_and_one_json_object(
    name: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["boom", name, "--json"]) == code

    out, _ = capsys.readouterr()
    if name != "interrupt":
        assert json.loads(out)["error"]["exit_code"] == code


@pytest.mark.usefixtures("raising")
def test_a_bug_names_the_place_and_never_the_message(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUN_DEBUG", raising=False)

    run(["boom", "bug", "--lang", "en"])

    err = capsys.readouterr().err
    assert "InvariantBroken" in err
    assert "test_main.py" in err
    assert "kun version" in err
    assert _SECRET not in err
    assert "Traceback" not in err


@pytest.mark.usefixtures("raising")
def test_a_traceback_is_shown_only_when_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUN_DEBUG", "1")

    run(["boom", "bug"])

    assert "Traceback" in capsys.readouterr().err


def test_the_language_is_chinese_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    run(["devnet", "status", "--dir", "/nonexistent", "--lang", "zh"])

    assert capsys.readouterr().err.startswith("错误")


def test_help_lists_every_command_without_importing_one() -> None:
    code = (
        "import sys; from chainnode.cli.main import run; run(['--help']);"
        " sys.exit(any(name.startswith('chainnode.cli.commands') for name in sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30
    )

    assert ended.returncode == 0
    assert all(name in ended.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_of_the_table_exists_and_explains_itself(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([name, "--help"]) == 0

    assert "--help" in capsys.readouterr().out


def test_the_version_needs_none_of_the_heavy_libraries() -> None:
    heavy = ["cryptography", "httpx", "fastapi", "rich", "plyvel", "msgspec", "asyncio"]
    code = (
        "import sys; from chainnode.cli.main import run; run(['version', '--quiet']);"
        f" print(*set({heavy}).intersection(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )

    assert ended.stdout.split() == []


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m chainnode.cli --help | true"
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}

    ended = subprocess.run(
        ["/bin/bash", "-c", f"set -o pipefail; {command}; echo ${{PIPESTATUS[0]}} >&2"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env=environment,
    )

    assert "Traceback" not in ended.stderr


def test_the_session_is_the_one_of_this_run(capsys: pytest.CaptureFixture[str]) -> None:
    @kun_command("probe", text="shows the session")
    def probe() -> int:
        session = current_session()
        session.output.line(f"{session.identity} {session.output.language.value}")
        return 0

    probe.main(["--as", "issuer", "--lang", "zh"], standalone_mode=False)

    assert capsys.readouterr().out == "issuer zh\n"


@pytest.mark.parametrize(
    ("name", "language", "reason"),
    [
        ("nothing", "en", "there is no such file"),
        ("nothing", "zh", "没有这个文件"),
        (".", "en", "this is a folder, not a file"),
        (".", "zh", "这是目录，不是文件"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_reason_in_words(
    name: str, language: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name

    code = run(["trust", "show", str(path), "--lang", language])

    told = capsys.readouterr().err
    assert code == 2
    assert f"{path}: {reason}" in told
    assert "Errno" not in told
