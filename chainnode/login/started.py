"""A login that was begun: what must come back with it travels sealed in the browser's cookie.

So nobody can fill a memory of ours by beginning logins, and only the browser that began one can
end it. A state that was used is remembered until its cookie is too old.
"""

import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.fernet import Fernet, InvalidToken

from chainnode.login.errors import LoginCode, LoginRefused

# As long as somebody may need at the provider, with a second factor.
STARTED_S_MAX = 600
_RANDOM_BYTES = 32
_COOKIE_CHARACTERS_MAX = 4_096
_PATH_CHARACTERS_MAX = 1_024
# Each was paid for by a login that the provider let through.
_USED_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedLogin:
    """What one login is bound to; `verifier` is the secret of RFC 7636."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    path: str = field(repr=False)

    @classmethod
    def to(cls, path: str) -> "StartedLogin":
        """Begin a login after which the browser goes to `path`, a page of ours."""
        return cls(
            state=secrets.token_urlsafe(_RANDOM_BYTES),
            nonce=secrets.token_urlsafe(_RANDOM_BYTES),
            verifier=secrets.token_urlsafe(_RANDOM_BYTES),
            path=safe_path(path),
        )


class StartedLogins:
    """Seals and opens them with a key that lives as long as the process."""

    def __init__(self, *, now_s: Callable[[], int]) -> None:
        """`now_s`: seconds; the seal carries the time at which it was made."""
        self._fernet = Fernet(Fernet.generate_key())
        self._now_s = now_s
        self._used: dict[str, int] = {}

    def seal(self, started: StartedLogin) -> str:
        """Return the content of the cookie."""
        fields = [started.state, started.nonce, started.verifier, started.path]
        return self._fernet.encrypt_at_time(json.dumps(fields).encode(), self._now_s()).decode()

    def open(self, sealed: str, *, state: str) -> StartedLogin:
        """Return the login that a cookie and the `state` of an answer belong to, and use it up.

        Raises:
            LoginRefused: not of this browser, of this process, too old, or used before.

        """
        started = self._opened(sealed)
        if not hmac.compare_digest(started.state.encode(), state.encode()):
            raise LoginRefused(LoginCode.BAD_STATE, check="state")
        self._forget_old()
        if started.state in self._used or len(self._used) >= _USED_MAX:
            raise LoginRefused(LoginCode.BAD_STATE, check="used")
        self._used[started.state] = self._now_s()
        return started

    def give_back(self, started: StartedLogin) -> None:
        """Undo the use of a login that let nobody in."""
        self._used.pop(started.state, None)

    def _opened(self, sealed: str) -> StartedLogin:
        if not 0 < len(sealed) <= _COOKIE_CHARACTERS_MAX:
            raise LoginRefused(LoginCode.BAD_STATE, check="cookie")
        try:
            content = self._fernet.decrypt_at_time(
                sealed.encode(), ttl=STARTED_S_MAX, current_time=self._now_s()
            )
        except InvalidToken as error:
            raise LoginRefused(LoginCode.BAD_STATE, check="cookie") from error
        state, nonce, verifier, path = json.loads(content)
        return StartedLogin(state=state, nonce=nonce, verifier=verifier, path=path)

    def _forget_old(self) -> None:
        oldest_s = self._now_s() - STARTED_S_MAX
        for state in [state for state, at_s in self._used.items() if at_s < oldest_s]:
            del self._used[state]


def safe_path(path: str) -> str:
    """Return `path` when it is one of ours without a query, else `/`: no open redirect."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\"))
    is_plain = path.isascii() and path.isprintable() and not set(path) & set("\\?# ")
    return path if is_ours and is_plain and len(path) <= _PATH_CHARACTERS_MAX else "/"
