"""The console as an ASGI application: one gate before all routes, then a view.

The gate decides by `ENTRANCES` alone, before anything is read: who is not logged in is sent to
the login (pages) or told so (the rest); whose roles do not fit is refused; whoever changes
something must come from a page of the session.
"""

import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from chainnode.console.errors import PageRefused
from chainnode.console.matrix import ENTRANCES, QUESTIONS_PATH, Entrance
from chainnode.console.questions import QuestionRefused
from chainnode.console.rendering import Pages, style_of
from chainnode.console.shares import Shares
from chainnode.console.views import View, Views
from chainnode.console.words import refusal_word, said
from chainnode.login import LOGIN_PATH, LoginCode, LoginDoor, LoginRefused

_FOUND: Final = 303
_METHOD: Final = 405
_UNPROCESSABLE: Final = 422
_BUG: Final = 500
# What a browser navigates to says so; scripts and others are told, not sent elsewhere.
_HTML: Final = "text/html"
_LOG: Final = logging.getLogger(__name__)


class _PlaceConvertor(IntegerConvertor):
    """A height or a position; a number with more digits is no route, and never parsed."""

    regex = "[0-9]{1,16}"


register_url_convertor("place", _PlaceConvertor())

Lifespan = Callable[[], AbstractAsyncContextManager[None]]


def console_app(
    views: Views, pages: Pages, door: LoginDoor, shares: Shares, *, lifespan: Lifespan
) -> Starlette:
    """Return the application; `lifespan` surrounds its life."""

    async def refused(request: Request, error: Exception) -> Response:
        code, status = _told(error)
        if not _wants_page(request):
            answer = _problem(code, status, language=style_of(request).language)
        else:
            answer = pages.page(
                "error",
                request,
                door.visitor(request),
                status=status,
                code=code,
                word=refusal_word(code),
            )
        if isinstance(error, PageRefused) and error.retry_after_s is not None:
            answer.headers["Retry-After"] = f"{error.retry_after_s}"
        return answer

    @asynccontextmanager
    async def living(_: Starlette) -> AsyncIterator[None]:
        async with lifespan():
            yield

    return Starlette(
        routes=[_route(one, views, door, shares) for one in ENTRANCES],
        exception_handlers={
            LoginRefused: refused,
            PageRefused: refused,
            QuestionRefused: refused,
            HTTPException: refused,
            Exception: refused,
        },
        lifespan=living,
    )


def _route(entrance: Entrance, views: Views, door: LoginDoor, shares: Shares) -> Route:
    view: View = getattr(views, entrance.name)

    async def gate(request: Request) -> Response:
        if entrance.roles is None:
            return await view(request, None)
        session = door.visitor(request)
        if session is None:
            return _to_login(request)
        if not entrance.roles & session.person.roles:
            raise LoginRefused(LoginCode.NO_ROLE)
        await door.require_csrf(request, session)
        if entrance.share is None:
            return await view(request, session)
        with shares.taken(entrance.share, session):
            return await view(request, session)

    return Route(entrance.path, gate, methods=[entrance.method], name=entrance.name)


def _to_login(request: Request) -> Response:
    """Send a browser to the login, and back to the page; tell anybody else."""
    if request.method != "GET" or not _wants_page(request):
        raise LoginRefused(LoginCode.NOT_LOGGED_IN)
    return RedirectResponse(f"{LOGIN_PATH}?next={quote(request.url.path)}", _FOUND)


def _wants_page(request: Request) -> bool:
    return request.url.path != QUESTIONS_PATH and _HTML in request.headers.get("Accept", "")


def _problem(code: str, status: int, *, language: str) -> Response:
    """Tell a script what a page would tell a person."""
    problem = {"code": code, "status": status, "title": said(refusal_word(code), language)}
    content = json.dumps(problem, ensure_ascii=False)
    return Response(content, status, media_type="application/problem+json")


def _told(error: Exception) -> tuple[str, int]:
    """Return the word and the status of a refusal."""
    match error:
        case LoginRefused():
            _LOG.info("refused", extra={"code": error.code.value, "reason": error.check})
            return error.code.value, error.status
        case PageRefused():
            return error.code, error.status
        case QuestionRefused():
            return error.code, _UNPROCESSABLE
        case HTTPException(status_code=status):
            return ("METHOD" if status == _METHOD else "NOT_FOUND"), status
        case _:
            _LOG.error("page_failed", exc_info=error)
            return "BUG", _BUG
