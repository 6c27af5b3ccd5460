"""What may stand in a log file, and how large it may grow."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from chainnode.logs import JsonFormatter, start_logging

IDENTITY = "110101199003071234"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Give the root logger back as it was."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.raiseExceptions
    yield tmp_path / "logs"
    for handler in root.handlers:
        if handler not in before[0]:
            handler.close()
    root.handlers[:], logging.raiseExceptions = before[0], before[2]
    root.setLevel(before[1])


def lines(folder: Path) -> list[dict[str, object]]:
    text = (folder / "node.log").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_an_event_of_ours_is_one_line_of_its_name_and_allowed_fields(folder: Path) -> None:
    start_logging(folder)
    logging.getLogger("chainnode.driver").warning(
        "equivocation",
        extra={"replica": 3, "digest": b"\x01\x02", "reason": "x" * 300, "status": True},
    )
    (line,) = lines(folder)
    assert line["event"] == "equivocation"
    assert (line["level"], line["logger"]) == ("warning", "chainnode.driver")
    assert (line["replica"], line["digest"], line["status"]) == (3, "0102", True)
    assert line["reason"] == "x" * 200
    assert isinstance(line["time_ms"], int)


@pytest.mark.parametrize(
    "logger", ["chainnode.api", "consensus", "contracts.access", "uvicorn.error", "asyncio", "root"]
)
def test_a_planted_identity_number_never_reaches_the_file(folder: Path, logger: str) -> None:
    start_logging(folder)
    log = logging.getLogger(logger)
    log.error(IDENTITY)
    log.error(int(IDENTITY))
    log.error("subject_%s", IDENTITY)
    log.error(f"subject {IDENTITY}")  # noqa: G004 - what must not be done
    log.error("event", extra={"subject": IDENTITY, "user": {"id": IDENTITY}})
    log.error("event", exc_info=ValueError(IDENTITY), stack_info=True)
    try:
        raise LookupError(IDENTITY) from ValueError(IDENTITY)
    except LookupError:
        log.exception("event")

    content = (folder / "node.log").read_text(encoding="utf-8")
    assert IDENTITY not in content
    written = lines(folder)
    assert len(written) == 7
    assert [one.get("error") for one in written[-2:]] == ["ValueError", "LookupError"]


@pytest.mark.parametrize("message", ["Has Spaces", "digits1", "", "x" * 65, "Upper", "a\nb"])
def test_what_is_no_event_name_is_not_written(message: str) -> None:
    record = logging.LogRecord("chainnode", logging.INFO, "", 0, message, (), None)
    assert json.loads(JsonFormatter().format(record))["event"] == "unnamed"


def test_a_message_of_a_foreign_logger_is_not_written(folder: Path) -> None:
    start_logging(folder)
    logging.getLogger("somebody.else").warning("GET /verify?id=1", extra={"peer": 1})
    (line,) = lines(folder)
    assert set(line) == {"time_ms", "level", "logger"}


def test_log_files_together_are_bounded(folder: Path) -> None:
    start_logging(folder, file_bytes_max=2_000)
    for height in range(500):
        logging.getLogger("chainnode").info("block_stored", extra={"height": height})
    files = sorted(folder.iterdir())
    assert len(files) == 4
    assert all(path.stat().st_size <= 2_000 for path in files)
    assert lines(folder)[-1]["height"] == 499


def test_a_handler_that_fails_prints_no_record(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start_logging(folder)
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, logging.FileHandler)
    writable = handler.setStream((folder / "node.log").open(encoding="utf-8"))
    assert writable is not None
    writable.close()
    logging.getLogger("chainnode").error("event", extra={"subject": IDENTITY})
    logging.getLogger("chainnode").error(IDENTITY)
    captured = capsys.readouterr()
    assert IDENTITY not in captured.err + captured.out
