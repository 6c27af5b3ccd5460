"""The login as a Starlette application uses it: cookies, three routes, and who asks.

A cookie is `__Host-`, Secure, HttpOnly and SameSite=Lax; on a devnet's loopback, which has no
TLS, it can have neither prefix nor Secure. Every unsafe method needs the session's token: in the
header `X-CSRF-Token`, or in the field `csrf` of a form.
"""

import logging
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from chainnode.login.errors import LoginCode, LoginRefused
from chainnode.login.flow import LoginFlow
from chainnode.login.provider import Provider
from chainnode.login.sessions import Session, Sessions
from chainnode.login.settings import LoginSettings
from chainnode.login.started import STARTED_S_MAX

CSRF_HEADER: Final = "X-CSRF-Token"
CSRF_FIELD: Final = "csrf"
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_FIELDS_MAX: Final = 64
_FORM: Final = "application/x-www-form-urlencoded"
_SEE_OTHER: Final = 303
_LOG: Final = logging.getLogger(__name__)


def _wall_s() -> int:
    return int(time.time())


class LoginDoor:
    """Lets people in and out of one service. Belongs to one event loop; close it."""

    def __init__(
        self,
        settings: LoginSettings,
        *,
        now_s: Callable[[], int] = _wall_s,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._provider = Provider(settings, monotonic_s=monotonic_s)
        self._flow = LoginFlow(settings, self._provider, now_s=now_s)
        self.has_secure_cookies = settings.has_secure_cookies
        self.sessions = Sessions(settings.limits, now_s=monotonic_s)
        prefix = "__Host-" if settings.has_secure_cookies else ""
        self.session_cookie = f"{prefix}kun-session"
        self.started_cookie = f"{prefix}kun-login"

    async def close(self) -> None:
        """Close the connections to the provider."""
        await self._provider.close()

    def visitor(self, request: Request) -> Session | None:
        """Return the session of a request, or None: it is then nobody's."""
        return self.sessions.find(request.cookies.get(self.session_cookie, ""))

    async def begin(self, path: str) -> Response:
        """Answer `GET /login`: send the browser to the provider."""
        url, sealed = await self._flow.begin(path)
        answer = _sent_to(url)
        self._set(answer, self.started_cookie, sealed, max_age_s=STARTED_S_MAX)
        return answer

    async def finish(self, request: Request) -> Response:
        """Answer `GET /login/return`: a new session with a new id, whatever was there before.

        Raises:
            LoginRefused: nobody is let in.

        """
        pairs = request.query_params.multi_items()
        if len(pairs) != len(request.query_params):
            raise LoginRefused(LoginCode.BAD_FORM, check="query")
        sealed = request.cookies.get(self.started_cookie, "")
        person, path = await self._flow.finish(dict(pairs), sealed=sealed)
        self.sessions.end(request.cookies.get(self.session_cookie, ""))
        session_id, _ = self.sessions.begin(person)
        _LOG.info("logged_in", extra={"peer": person.pseudonym})
        answer = _sent_to(path)
        self._set(
            answer,
            self.session_cookie,
            session_id,
            max_age_s=self._settings.limits.absolute_s,
        )
        self._delete(answer, self.started_cookie)
        return answer

    async def leave(self, request: Request) -> Response:
        """Answer `POST /logout`, once its token was checked: end the session here and there."""
        self.sessions.end(request.cookies.get(self.session_cookie, ""))
        try:
            url = await self._flow.logout_url()
        except LoginRefused:
            # Here the session has ended; the provider may be away.
            url = None
        answer = _sent_to(url or "/")
        self._delete(answer, self.session_cookie)
        return answer

    async def require_csrf(self, request: Request, session: Session) -> None:
        """Refuse a request that changes something and was not made by a page of this session.

        Raises:
            LoginRefused: another site's page, or no token.

        """
        if request.method in SAFE_METHODS:
            return
        origin = request.headers.get("Origin", self._settings.origin)
        if origin != self._settings.origin:
            raise LoginRefused(LoginCode.BAD_CSRF, check="origin")
        given = request.headers.get(CSRF_HEADER)
        if given is None:
            given = await _form_token(request)
        if not session.has_csrf(given):
            raise LoginRefused(LoginCode.BAD_CSRF, check="token")

    def _set(self, answer: Response, name: str, value: str, *, max_age_s: int) -> None:
        answer.set_cookie(
            name,
            value,
            max_age=max_age_s,
            path="/",
            secure=self._settings.has_secure_cookies,
            httponly=True,
            samesite="lax",
        )

    def _delete(self, answer: Response, name: str) -> None:
        self._set(answer, name, "", max_age_s=0)


def _sent_to(url: str) -> Response:
    return RedirectResponse(url, status_code=_SEE_OTHER, headers={"Cache-Control": "no-store"})


async def _form_token(request: Request) -> str:
    """Read the token from a form of a page of ours; the body was bounded by `PageShield`."""
    if not request.headers.get("Content-Type", "").startswith(_FORM):
        return ""
    return read_form(await request.body()).get(CSRF_FIELD, "")


def read_form(body: bytes) -> dict[str, str]:
    """Return the fields of an URL-encoded form, each of which may come once.

    Raises:
        LoginRefused: no such form.

    """
    try:
        pairs = parse_qsl(
            body.decode(),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=_FIELDS_MAX,
        )
    except ValueError:
        raise LoginRefused(LoginCode.BAD_FORM, check="form") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise LoginRefused(LoginCode.BAD_FORM, check="form")
    return fields
