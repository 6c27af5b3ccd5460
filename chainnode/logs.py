"""Structured logs: one JSON object a line, only allow-listed fields, rotated by size.

What is not in `_FIELDS` is never written, whatever a caller passes: personal data and secrets
cannot reach a log by accident. The message of a record of ours is an event name; of foreign
loggers only name, level and exception type are kept.
"""

import json
import logging
import logging.handlers
import re
from pathlib import Path

_FIELDS = (
    "address",
    "bytes",
    "code",
    "count",
    "digest",
    "duration_ms",
    "epoch",
    "height",
    "kind",
    "method",
    "path_template",
    "peer",
    "reason",
    "replica",
    "request_id",
    "signal",
    "status",
    "version",
    "view",
)
_OWN_LOGGERS = ("chainnode", "consensus", "contracts", "devnet")
_FILE_BYTES_MAX = 16 * 1024 * 1024
_FILES_KEPT = 4
_TEXT_CHARACTERS_MAX = 200
# An event name holds no digit, so no number of a person can pass for one.
_EVENT = re.compile(r"[a-z][a-z_]{0,63}\Z")


class JsonFormatter(logging.Formatter):
    """Formats a record from its event name and allow-listed fields alone."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of JSON."""
        line: dict[str, object] = {
            "time_ms": int(record.created * 1000),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if record.name.startswith(_OWN_LOGGERS):
            message = record.msg
            is_event = isinstance(message, str) and _EVENT.match(message) is not None
            line["event"] = message if is_event else "unnamed"
            line |= {
                name: _plain(record.__dict__[name]) for name in _FIELDS if name in record.__dict__
            }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
        return json.dumps(line, ensure_ascii=False)


def start_logging(folder: Path, *, file_bytes_max: int = _FILE_BYTES_MAX) -> None:
    """Write to `folder/node.log` and its predecessors, four files in all."""
    folder.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(
        folder / "node.log",
        maxBytes=file_bytes_max,
        backupCount=_FILES_KEPT - 1,
        encoding="utf-8",
    )
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # A handler that fails (disk full) would print the whole record to standard error.
    logging.raiseExceptions = False


def _plain(value: object) -> object:
    if isinstance(value, bool | int):
        return value
    if isinstance(value, bytes):
        return value.hex()[:_TEXT_CHARACTERS_MAX]
    return str(value)[:_TEXT_CHARACTERS_MAX]
