"""Why somebody is not let in. No error repeats anything that a browser or a provider sent."""

from enum import StrEnum

from chainnode.errors import InvalidInput, NodeError


class LoginCode(StrEnum):
    """The reasons, as they stand in logs and answers."""

    NOT_LOGGED_IN = "NOT_LOGGED_IN"
    NO_ROLE = "NO_ROLE"
    BAD_CSRF = "BAD_CSRF"
    BAD_STATE = "BAD_STATE"
    BAD_FORM = "BAD_FORM"
    BAD_ANSWER = "BAD_ANSWER"
    BAD_ID_TOKEN = "BAD_ID_TOKEN"  # noqa: S105 - a code, no password
    REFUSED_BY_PROVIDER = "REFUSED_BY_PROVIDER"
    PROVIDER_UNAVAILABLE = "PROVIDER_UNAVAILABLE"
    TOO_MANY_SESSIONS = "TOO_MANY_SESSIONS"


_STATUS = {
    LoginCode.NOT_LOGGED_IN: 401,
    LoginCode.NO_ROLE: 403,
    LoginCode.BAD_CSRF: 403,
    LoginCode.BAD_STATE: 400,
    LoginCode.BAD_FORM: 400,
    LoginCode.BAD_ANSWER: 502,
    LoginCode.BAD_ID_TOKEN: 502,
    LoginCode.REFUSED_BY_PROVIDER: 403,
    LoginCode.PROVIDER_UNAVAILABLE: 503,
    LoginCode.TOO_MANY_SESSIONS: 503,
}


class LoginRefused(NodeError):
    """Somebody is not let in; `check` names the rule that failed, never the value."""

    def __init__(self, code: LoginCode, *, check: str = "") -> None:
        self.code = code
        self.check = check
        super().__init__(f"{code.value}: {check}" if check else code.value)

    @property
    def status(self) -> int:
        """The HTTP status that says so."""
        return _STATUS[self.code]


class InvalidProviderAnswer(InvalidInput):
    """The provider's document is not what the standard asks for; `check` names the member."""

    def __init__(self, check: str, *, expected: str) -> None:
        self.check = check
        self.expected = expected
        super().__init__(f"the provider's {check}: expected {expected}, got another")
