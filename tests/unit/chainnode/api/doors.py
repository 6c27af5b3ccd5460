"""Who may ask a node what, and what of another department stands in the answer: the whole table.

One row for each operation of the API. `test_doors.py` tries every row with every caller, and holds
docs/operating.md to the two tables that are rendered here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final


class Caller(Enum):
    """Who stands before the door; the words are those of the document."""

    NOBODY = "nobody: no signature"
    STRANGER = "a key that is not registered"
    SERVICE = "a key with role service"
    ISSUER = "role issuer"
    MEMBER = "role member"
    CUSTODIAN = "role custodian"
    AUDITOR = "role auditor"
    OTHER_AUDITOR = "role auditor, of another department"
    ENDED = "role auditor, the key has ended"
    OTHER_CHAIN = "role auditor, signed for another chain"
    FORGED = "role auditor, one bit of the signature changed"
    EXPIRED = "role auditor, past its validity"
    REPLAY = "anybody, with the bytes that an auditor sent before"


class Shown(Enum):
    """What of a department that did not ask may stand in an answer."""

    NAME = "its name"
    CALL = "its calls: public parts"
    TOKEN = "pseudonyms"
    ENCRYPTED = "private parts, encrypted"
    CLEAR = "private parts that it left in clear"
    COUNT = "how many halves it recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One operation; `paths` has more than one where records of two kinds are asked for."""

    operation: str
    paths: tuple[str, ...]
    shows: frozenset[Shown]
    method: str = "GET"


def _door(operation: str, *paths: str, shows: frozenset[Shown]) -> Door:
    return Door(operation=operation, paths=paths, shows=shows)


_NOTHING: Final = frozenset[Shown]()
_NAME: Final = frozenset({Shown.NAME})
_WHOLE: Final = frozenset(Shown) - {Shown.COUNT}
# They take no credential: whoever reaches the node gets the same, whatever they hold out.
OPEN: Final = (
    _door("submission", "/v1/submissions/{call_digest}", shows=_NOTHING),
    _door("record", "/v1/records/{call}", "/v1/records/{question}", shows=_WHOLE),
    _door(
        "authored_record",
        "/v1/records/{call}/authored",
        "/v1/records/{question}/authored?place=block",
        shows=_WHOLE,
    ),
    _door("block", "/v1/blocks/{call_height}", "/v1/blocks/{question_height}", shows=_WHOLE),
    _door("latest_header", "/v1/headers/latest", shows=_NOTHING),
    _door("header", "/v1/headers/{call_height}", shows=_NOTHING),
    _door("epochs", "/v1/epochs", shows=_NOTHING),
    _door("consistency", "/v1/consistency?from=1&to={call_height}", shows=_NOTHING),
    _door("state", "/v1/state/{key_row}", "/v1/state/{certificate_row}", shows=_NAME),
    _door("states", "/v1/states?keys={key_row},{certificate_row}", shows=_NAME),
    _door("certificate", "/v1/certificates/{certificate}", shows=_NAME),
    _door("compact_certificate", "/v1/certificates/{certificate}/compact", shows=_NAME),
    _door("stream", "/v1/stream?after=0", shows=frozenset({Shown.NAME, Shown.CALL})),
    _door("verify", "/verify?id={certificate}", shows=_NAME),
    Door(operation="verify_file", method="POST", paths=("/verify",), shows=_NOTHING),
    _door("healthz", "/healthz", shows=_NOTHING),
    _door("readyz", "/readyz", shows=_NOTHING),
    _door("metrics", "/metrics", shows=frozenset({Shown.NAME, Shown.COUNT})),
    _door("consensus", "/v1/consensus", shows=_NAME),
    _door("equivocations", "/v1/equivocations", shows=_NOTHING),
    _door("key", "/v1/keys/{key_id}", shows=_NAME),
    _door("trust", "/v1/trust", shows=_NAME),
)
# A further page of a question that stands on the chain; the question is the credential.
FURTHER_PAGE: Final = Door(
    operation="audit",
    method="POST",
    paths=("/audit?question={asked}",),
    shows=_WHOLE - {Shown.CLEAR},
)

_ROLES: Final = (Caller.SERVICE, Caller.ISSUER, Caller.MEMBER, Caller.CUSTODIAN)
_AT_THE_DOOR: Final[Mapping[Caller, str]] = {
    Caller.NOBODY: "400 MALFORMED",
    Caller.STRANGER: "403 UNKNOWN_KEY",
    Caller.OTHER_CHAIN: "409 WRONG_CHAIN",
    Caller.FORGED: "403 BAD_SIGNATURE",
    Caller.EXPIRED: "409 EXPIRED",
}
# The operations that look at who asks: each caller's answer to an audit question that they sign,
# or under the manifest of an export.
GUARDED: Final[Mapping[str, Mapping[Caller, str]]] = {
    "submit": {
        **_AT_THE_DOOR,
        **dict.fromkeys(_ROLES, "200 ROLE_MISSING"),
        Caller.AUDITOR: "200 ACCEPTED",
        Caller.OTHER_AUDITOR: "200 ACCEPTED",
        Caller.ENDED: "200 KEY_NOT_VALID",
        Caller.REPLAY: "200 ACCEPTED",
    },
    "audit": {
        **_AT_THE_DOOR,
        **dict.fromkeys(_ROLES, "403 QUESTION_REFUSED"),
        Caller.AUDITOR: "200",
        Caller.OTHER_AUDITOR: "200",
        Caller.ENDED: "403 QUESTION_REFUSED",
        Caller.REPLAY: "200",
    },
    "sign_export": {
        **dict.fromkeys(Caller, "400 NOT_AN_EXPORT"),
        Caller.AUDITOR: "200",
        Caller.REPLAY: "200",
        # A manifest has no validity.
        Caller.EXPIRED: "–",
    },
}
# What of another department an answer of these may show to who is let in.
GUARDED_SHOW: Final[Mapping[str, frozenset[Shown]]] = {
    "submit": _NOTHING,
    "audit": FURTHER_PAGE.shows,
    "sign_export": _NOTHING,
}


def rendered() -> str:
    """Return both tables as they stand in docs/operating.md."""
    lines = ["| open door | what of another department the answer shows |", "|---|---|"]
    for door in (*OPEN, FURTHER_PAGE):
        asked = " · ".join(f"`{door.method} {_public(path)}`" for path in _shapes(door))
        lines.append(f"| {asked} | {_words(door.shows)} |")
    heads = ("`POST /v1/submissions`, one question", "`POST /audit`", "`POST /v1/exports`")
    lines += ["", f"| who signs | {' | '.join(heads)} |", "|---|---|---|---|"]
    lines += [
        f"| {caller.value} | {' | '.join(answers[caller] for answers in GUARDED.values())} |"
        for caller in Caller
    ]
    shown = " | ".join(_words(one) for one in GUARDED_SHOW.values())
    lines.append(f"| *shows of another department* | {shown} |")
    return "\n".join(lines)


def _words(shows: frozenset[Shown]) -> str:
    return "; ".join(one.value for one in Shown if one in shows) or "nothing"


def _shapes(door: Door) -> tuple[str, ...]:
    """Return the paths without those that differ in their values alone."""
    return tuple(dict.fromkeys(path.partition("?place")[0] for path in map(_public, door.paths)))


def _public(path: str) -> str:
    names = {
        "{call_digest}": "{digest}",
        "{asked}": "{digest}",
        "{call}": "{position}",
        "{question}": "{position}",
        "{call_height}": "{height}",
        "{question_height}": "{height}",
        "{key_row}": "{key}",
        "{certificate_row}": "{key}",
        "{certificate}": "{id}",
    }
    for ours, theirs in names.items():
        path = path.replace(ours, theirs)
    return path.replace("{key},{key}", "{keys}").replace("from=1", "from={height}")
