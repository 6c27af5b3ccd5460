"""`kun gateway`: what waits and what was refused for ever, also beside a running gateway."""

import asyncio
import json
from pathlib import Path

import pytest

from chainnode.cli.main import run
from chainnode.gateway import look_at_spool
from tests.unit.chainnode.gateway.spool_parts import answered, entry, opened, signed


def filled(folder: Path) -> Path:
    """A spool with one settled entry, one dead letter and two that wait."""

    async def fill() -> None:
        spool = opened(folder)
        ids = [await spool.put(entry(number)) for number in range(4)]
        under_way = signed(*ids[:2])
        await spool.note_signed(under_way)
        await spool.note_answered(answered(under_way, died=(ids[1],)))
        await spool.close()

    asyncio.run(fill())
    return folder


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, object]]:
    code = run(["--json", *words])
    return code, json.loads(capsys.readouterr().out)


def test_the_status_says_how_much_waits_and_since_when(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = filled(tmp_path / "spool")
    code, told = answer(capsys, "gateway", "spool", "status", "--spool", str(folder))
    assert code == 0
    assert (told["waiting"], told["dead_letters"], told["settled"]) == (2, 1, 1)
    assert told["oldest_made"] == "2023-11-15T06:13:20.002+08:00"
    assert run(["gateway", "spool", "status", "--spool", str(folder)]) == 0
    assert "2023-11-15" in capsys.readouterr().out


@pytest.mark.parametrize("verb", [("spool", "status"), ("dead-letters",)], ids=" ".join)
def test_a_folder_that_has_no_spool_is_refused_by_name(
    verb: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["gateway", *verb, "--spool", str(tmp_path)]) == 5
    said = capsys.readouterr().err
    assert f"{tmp_path}" in said
    assert "spool-*" in said
    assert list(tmp_path.iterdir()) == []


def test_a_spool_that_is_empty_holds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "spool"

    async def open_once() -> None:
        await opened(folder).close()

    asyncio.run(open_once())
    code, told = answer(capsys, "gateway", "spool", "status", "--spool", str(folder))
    assert (code, told["waiting"], told["dead_letters"]) == (0, 0, 0)


def test_dead_letters_are_listed_with_code_and_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = filled(tmp_path / "spool")
    code, told = answer(capsys, "gateway", "dead-letters", "--spool", str(folder))
    assert code == 0
    letters = told["dead_letters"]
    assert isinstance(letters, list)
    assert [one["entry"] for one in letters] == [2]
    assert letters[0]["call_id"] == (1).to_bytes(16).hex()
    assert letters[0]["code"] == 32
    assert letters[0]["reason"].startswith("FOREIGN_ORGANISATION: the sender acts for")
    assert run(["gateway", "dead-letters", "--spool", str(folder)]) == 0
    assert "FOREIGN_ORGANISATION" in capsys.readouterr().out


def test_a_dead_letter_is_put_back_behind_what_waits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = filled(tmp_path / "spool")
    words = ("gateway", "dead-letters", "--spool", str(folder), "--retry", "2")
    code, told = answer(capsys, *words)
    assert (code, told) == (0, {"dead_letters": [], "put_back": [2]})
    stored = look_at_spool(folder)
    assert stored is not None
    assert [one for one, _ in stored.state.waiting()] == [3, 4, 2]
    assert run(["gateway", "dead-letters", "--spool", str(folder)]) == 0


def test_only_a_dead_letter_can_be_put_back_and_only_without_the_gateway(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = filled(tmp_path / "spool")
    assert run(["gateway", "dead-letters", "--spool", str(folder), "--retry", "3"]) == 2
    assert "[3]" in capsys.readouterr().err
    running = opened(folder)
    assert run(["gateway", "dead-letters", "--spool", str(folder), "--retry", "2"]) == 5
    assert "holds the lock" in capsys.readouterr().err
    assert run(["gateway", "dead-letters", "--spool", str(folder)]) == 0
    asyncio.run(running.close())
