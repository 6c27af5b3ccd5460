"""The id of an event of `/v1/stream`: a height, and a number within it. Pure leaf."""

import re
from dataclasses import dataclass
from typing import Final, Self

from chainnode.errors import InvalidInput

# ECMA 262 and Python read it alike; anchored, for descriptions of the API.
EVENT_ID_PATTERN: Final = r"^(0|[1-9][0-9]{0,15})(\.[1-9][0-9]{0,6})?$"
EXPECTED: Final = "<height> or <height>.<n>"
_SHAPE: Final = re.compile(EVENT_ID_PATTERN)


class InvalidEventId(InvalidInput):
    """A text that is no id of an event."""

    def __init__(self, text: str) -> None:
        self.actual = ascii(text[:40])
        super().__init__(f"event id: expected {EXPECTED}, got {self.actual}")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where an event stands: number 0 is the block itself, the others count its records."""

    height: int
    number: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the id of an event.

        Raises:
            InvalidEventId: it is none.

        """
        if _SHAPE.fullmatch(text) is None:
            raise InvalidEventId(text)
        height, _, number = text.partition(".")
        return cls(int(height), int(number or 0))

    def __str__(self) -> str:
        return f"{self.height}.{self.number}" if self.number else f"{self.height}"
