"""Reads server-sent events out of bytes as they come (WHATWG HTML §9.2.6). Pure and bounded."""

import re
from dataclasses import dataclass, field

from chainnode.verify.errors import InvalidEvidence

# A block with many findings has many events, none of which comes near to this.
EVENT_BYTES_MAX = 256 * 1024
_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEvent:
    """One event; `id` is the one it sets itself, None where it leaves the last one.

    `name` is empty where there is only an id and no data: the standard dispatches no event then,
    and remembers the id.
    """

    name: str
    id: str | None
    data: str = field(repr=False)


class EventParser:
    """The parts of one answer, in their order, cut anywhere."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._looked = 0
        self._is_first = True
        self._id: str | None = None
        self._name = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, part: bytes) -> list[ServerEvent]:
        """Return the events that end within this part.

        Raises:
            InvalidEvidence: an event is larger than any that a node sends.

        """
        self._buffer += part
        events: list[ServerEvent] = []
        while (line := self._next_line()) is not None:
            self._size += len(line) + 1
            self._require_bound(self._size)
            if line:
                self._take(line)
            elif (event := self._ended()) is not None:
                events.append(event)
        self._require_bound(self._size + len(self._buffer))
        return events

    def _next_line(self) -> bytes | None:
        found = _LINE_END.search(self._buffer, self._looked)
        # A CR at the very end may be the first half of an end of line.
        if found is None or (found[0] == b"\r" and found.end() == len(self._buffer)):
            self._looked = max(0, len(self._buffer) - 1)
            return None
        line = bytes(self._buffer[: found.start()])
        del self._buffer[: found.end()]
        self._looked = 0
        if self._is_first:
            self._is_first = False
            line = line.removeprefix(_BOM)
        return line

    def _take(self, line: bytes) -> None:
        name, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._name = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._id = value

    def _ended(self) -> ServerEvent | None:
        """Return the event that a blank line ends."""
        name, event_id, data = self._name or "message", self._id, self._data
        self._name, self._id, self._data, self._size = "", None, [], 0
        if not data:
            return None if event_id is None else ServerEvent(name="", id=event_id, data="")
        return ServerEvent(name=name, id=event_id, data="\n".join(data))

    def _require_bound(self, size: int) -> None:
        if size > EVENT_BYTES_MAX:
            raise InvalidEvidence(
                check="stream",
                expected=f"events of at most {EVENT_BYTES_MAX} bytes",
                actual=f"at least {size}",
            )
