"""Who may open what: every route of the console, and the roles that may use it.

The one place where this is decided. A route that is not here does not exist; a role that is not
named is refused. `ANYBODY` needs no login: there people log in, and nothing of the ledger is told.
"""

from dataclasses import dataclass
from typing import Final

from chainnode.console.shares import Share
from chainnode.login import LOGIN_PATH, LOGOUT_PATH, RETURN_PATH, Role

ANYBODY: Final = None
# Asked by scripts alone: every refusal is a problem document.
QUESTIONS_PATH: Final = "/questions"
_CALL_PATH: Final = "/calls/{requester}/{provider}/{call_id}"
_OFFICIALS: Final = frozenset({Role.AUDITOR, Role.OPERATOR})
_AUDITORS: Final = frozenset({Role.AUDITOR})
_ALL: Final = frozenset(Role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """One route: its name is that of the handler; `roles` None lets in who is not logged in.

    `share`: what an answer takes of what one person may have in work at once.
    """

    name: str
    method: str
    path: str
    roles: frozenset[Role] | None
    share: Share | None = None


ENTRANCES: Final = (
    Entrance(name="health", method="GET", path="/healthz", roles=ANYBODY),
    Entrance(name="asset", method="GET", path="/assets/{name}", roles=ANYBODY),
    Entrance(name="begin", method="GET", path=LOGIN_PATH, roles=ANYBODY),
    Entrance(name="finish", method="GET", path=RETURN_PATH, roles=ANYBODY),
    Entrance(name="leave", method="POST", path=LOGOUT_PATH, roles=_ALL),
    Entrance(name="prefer", method="POST", path="/preferences", roles=_ALL),
    Entrance(name="overview", method="GET", path="/", roles=_OFFICIALS, share=Share.LOOKS),
    Entrance(name="events", method="GET", path="/events", roles=_OFFICIALS),
    Entrance(
        name="block",
        method="GET",
        path="/blocks/{height:place}",
        roles=_OFFICIALS,
        share=Share.LOOKS,
    ),
    Entrance(
        name="record",
        method="GET",
        path="/records/{position:place}",
        roles=_AUDITORS,
        share=Share.LOOKS,
    ),
    Entrance(name="call", method="GET", path=_CALL_PATH, roles=_AUDITORS, share=Share.LOOKS),
    Entrance(
        name="children", method="POST", path=_CALL_PATH, roles=_AUDITORS, share=Share.QUESTIONS
    ),
    Entrance(name="trust", method="GET", path="/trust.json", roles=_AUDITORS),
    Entrance(name="directory", method="GET", path="/directory.json", roles=_AUDITORS),
    Entrance(name="search", method="GET", path="/search", roles=_AUDITORS),
    Entrance(name="findings", method="GET", path="/findings", roles=_AUDITORS),
    Entrance(name="disputes", method="GET", path="/disputes", roles=_AUDITORS),
    Entrance(
        name="ask", method="POST", path=QUESTIONS_PATH, roles=_AUDITORS, share=Share.QUESTIONS
    ),
)
