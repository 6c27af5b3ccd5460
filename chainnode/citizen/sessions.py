"""What is kept of a session: whom it may look at, and the answers of the last minutes.

In memory alone, bounded in number and bytes, gone at the logout, and when the next person asks
half an hour after the last use. One view of one subject is
made at a time, so that a page that asks for four things at once records its questions once.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from chainnode.citizen.config import NumberClaims
from chainnode.citizen.subjects import HANDLE_S, KnownSubjects, Subject, subject_of
from chainnode.citizen.views import View
from chainnode.login import Session

# Answers of all sessions together.
VIEW_BYTES_MAX: Final = 512 * 1024 * 1024
SESSIONS_MAX: Final = 4_096
# A session that asks again after this begins anew: its handles have ended by then.
UNUSED_S_MAX: Final = HANDLE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    view: View = field(repr=False)
    made_s: float


class Visit:
    """One session's memory. Belongs to one event loop."""

    def __init__(self, own: Subject, *, secret: bytes, now_s: Callable[[], float]) -> None:
        self.subjects = KnownSubjects(own, now_s=now_s)
        # Makes the ids of uses; a digest, so that no id tells the session's own secret.
        self.secret = secret
        self.views: dict[Subject, _Kept] = {}
        # Whose answer is in the making and will be kept; None once it was dropped meanwhile.
        self.making: Subject | None = None
        self.seen_s = now_s()
        self.lock = asyncio.Lock()


class Visits:
    """The visits of all sessions, the one longest unused first."""

    def __init__(self, claims: NumberClaims, *, kept_s: float, now_s: Callable[[], float]) -> None:
        self._claims = claims
        self._kept_s = kept_s
        self._now_s = now_s
        self._visits: OrderedDict[bytes, Visit] = OrderedDict()

    def of(self, session: Session) -> Visit:
        """Return what is kept of a session; begin it at its first request.

        Raises:
            InvalidIdentity: the login gave no number, or none of its kind.

        """
        self._drop_unused()
        name = _name(session)
        visit = self._visits.pop(name, None)
        if visit is None:
            claims = session.person.claims
            named = self._claims.id_type
            own = subject_of(
                id_type=claims.get(named, "") if named else self._claims.id_type_default,
                number=claims.get(self._claims.number, ""),
                relation="self",
            )
            secret = hashlib.sha256(b"uses" + session.csrf.encode()).digest()
            visit = Visit(own, secret=secret, now_s=self._now_s)
        visit.seen_s = self._now_s()
        self._visits[name] = visit
        while len(self._visits) > SESSIONS_MAX:
            self._visits.popitem(last=False)
        return visit

    def kept(self, visit: Visit, subject: Subject) -> View | None:
        """Return the answer that is kept for a subject, unless it has become too old."""
        found = visit.views.get(subject)
        is_new = found is not None and self._now_s() - found.made_s < self._kept_s
        return found.view if found is not None and is_new else None

    async def view(
        self, visit: Visit, subject: Subject, make: Callable[[], Awaitable[View]]
    ) -> View:
        """Return the kept answer, or make one; a second asker waits for the first."""
        async with visit.lock:
            found = self.kept(visit, subject)
            if found is None:
                self.forget(visit, subject)
                visit.making = subject
                found = await make()
                if visit.making == subject:
                    visit.views[subject] = _Kept(view=found, made_s=self._now_s())
                    self._drop_old(visit)
            return found

    def forget(self, visit: Visit, subject: Subject) -> None:
        """Drop the answer of a subject, so that the next one is new; one in the making as well."""
        visit.views.pop(subject, None)
        if visit.making == subject:
            visit.making = None

    def end(self, session: Session) -> None:
        """Drop everything of a session."""
        self._visits.pop(_name(session), None)

    @property
    def size(self) -> int:
        """How many bytes of answers are kept."""
        return sum(kept.view.size for one in self._visits.values() for kept in one.views.values())

    def _drop_unused(self) -> None:
        """Let numbers and answers go of sessions that ended without a logout."""
        while self._visits:
            name, visit = next(iter(self._visits.items()))
            if self._now_s() - visit.seen_s < UNUSED_S_MAX:
                return
            del self._visits[name]

    def _drop_old(self, newest: Visit) -> None:
        now_s = self._now_s()
        for visit in self._visits.values():
            old = [one for one, kept in visit.views.items() if now_s - kept.made_s >= self._kept_s]
            for one in old:
                del visit.views[one]
        for visit in tuple(self._visits.values()):
            if self.size <= VIEW_BYTES_MAX:
                return
            if visit is not newest:
                visit.views.clear()


def _name(session: Session) -> bytes:
    return hashlib.sha256(session.csrf.encode()).digest()
