"""Who is logged in right now: sessions in memory, bounded in number and in time.

The browser holds a random id and nothing else. Ids are kept as digests, so what reads this
memory cannot be that browser. A restart logs everybody out.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from chainnode.login.errors import LoginCode, LoginRefused
from chainnode.login.people import Person
from chainnode.login.settings import SessionLimits

_ID_BYTES = 32
# What `token_urlsafe` makes of them; longer cookies are not looked at.
_ID_CHARACTERS = 43


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser of one person. `csrf` must come with every request that changes something."""

    person: Person
    csrf: str = field(repr=False)
    begun_s: float

    def has_csrf(self, given: str) -> bool:
        """Tell whether this session's token was given."""
        return hmac.compare_digest(self.csrf.encode(), given.encode())


@dataclass(slots=True, kw_only=True)
class _Kept:
    session: Session
    seen_s: float


class Sessions:
    """The sessions of one process. Belongs to one event loop."""

    def __init__(self, limits: SessionLimits, *, now_s: Callable[[], float]) -> None:
        """`now_s` is a monotonic clock."""
        self._limits = limits
        self._now_s = now_s
        # In the order of their last use, the longest unused first.
        self._kept: dict[bytes, _Kept] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def begin(self, person: Person) -> tuple[str, Session]:
        """Log somebody in; returns the new id, which exists nowhere else.

        Of one person the longest unused session makes way; of others none ever does.

        Raises:
            LoginRefused: as many people are logged in as may be.

        """
        self._drop_ended()
        own = [
            name
            for name, one in self._kept.items()
            if one.session.person.pseudonym == person.pseudonym
        ]
        for name in own[: max(0, len(own) + 1 - self._limits.of_one_max)]:
            del self._kept[name]
        if len(self._kept) >= self._limits.sessions_max:
            raise LoginRefused(LoginCode.TOO_MANY_SESSIONS)
        now_s = self._now_s()
        session_id = secrets.token_urlsafe(_ID_BYTES)
        session = Session(person=person, csrf=secrets.token_urlsafe(_ID_BYTES), begun_s=now_s)
        self._kept[_name(session_id)] = _Kept(session=session, seen_s=now_s)
        return session_id, session

    def find(self, session_id: str) -> Session | None:
        """Return a session that lives, and note that it was used."""
        if len(session_id) != _ID_CHARACTERS:
            return None
        name = _name(session_id)
        kept = self._kept.pop(name, None)
        if kept is None or self._has_ended(kept):
            return None
        kept.seen_s = self._now_s()
        self._kept[name] = kept
        return kept.session

    def lives(self, session: Session) -> bool:
        """Tell whether a session that was found is still there; it is not noted as used."""
        return any(
            one.session is session and not self._has_ended(one) for one in self._kept.values()
        )

    def end(self, session_id: str) -> None:
        """Log one browser out."""
        self._kept.pop(_name(session_id), None)

    def _drop_ended(self) -> None:
        for name in [name for name, one in self._kept.items() if self._has_ended(one)]:
            del self._kept[name]

    def _has_ended(self, kept: _Kept) -> bool:
        now_s = self._now_s()
        return (
            now_s - kept.seen_s >= self._limits.idle_s
            or now_s - kept.session.begun_s >= self._limits.absolute_s
        )


def _name(session_id: str) -> bytes:
    return hashlib.sha256(session_id.encode()).digest()
