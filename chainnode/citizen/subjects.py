"""Whose data is looked at: the person who is logged in, or somebody whom they may act for.

Numbers live in the memory of one session. The browser says `me` or a handle that was drawn for
this session; a handle says nothing of the person, ends after a while, and opens nothing elsewhere.
"""

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from chainnode.identity.numbers import id_type_of, normalised

ME: Final = "me"
Relation = Literal["self", "guardian", "company"]
RELATIONS: Final = ("guardian", "company")
# Somebody who acts for more people than this is no guardian and no company officer.
REPRESENTED_MAX: Final = 32
HANDLE_S: Final = 1_800.0
_HANDLE_BYTES: Final = 16
_HANDLE: Final = re.compile(r"r-[A-Za-z0-9_-]{22}\Z")


class UnknownUser(Exception):
    """The user code is neither `me` nor a handle of this session; it is not repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A person or organisation by number; neither number nor name is in a `repr`."""

    id_type: str
    number: str = field(repr=False)
    relation: Relation = "self"
    label: str = field(default="", repr=False)


def subject_of(*, id_type: str, number: str, relation: Relation, label: str = "") -> Subject:
    """Return a subject with the number in its one form.

    Raises:
        InvalidIdentity: it is no number of its kind.

    """
    return Subject(
        id_type=id_type,
        number=normalised(id_type_of(id_type), number),
        relation=relation,
        label=label,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """A subject under the word that stands for it in this session, until `ends_s`."""

    code: str
    subject: Subject = field(repr=False)
    ends_s: float


class KnownSubjects:
    """Everybody whom one session may look at. Belongs to one event loop."""

    def __init__(self, own: Subject, *, now_s: Callable[[], float]) -> None:
        self.own = own
        self._now_s = now_s
        self._handles: dict[str, Handle] = {}

    def take(self, represented: Sequence[Subject]) -> tuple[Handle, ...]:
        """Draw new handles for whom the source names now; those of before end."""
        ends_s = self._now_s() + HANDLE_S
        drawn = [
            Handle(code=f"r-{secrets.token_urlsafe(_HANDLE_BYTES)}", subject=one, ends_s=ends_s)
            for one in represented[:REPRESENTED_MAX]
        ]
        self._handles = {one.code: one for one in drawn}
        return tuple(drawn)

    def subject(self, user_code: str) -> Subject:
        """Return whom a `userCode` means.

        Raises:
            UnknownUser: anything but `me` and a handle that was drawn here and has not ended.

        """
        if user_code == ME:
            return self.own
        handle = self._handles.get(user_code) if _HANDLE.match(user_code) else None
        if handle is None or self._now_s() >= handle.ends_s:
            raise UnknownUser
        return handle.subject
