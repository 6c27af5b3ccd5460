"""The citizen's view over HTTP: the Data Tracker's three questions, proofs, the page, the login.

No request is logged but by the template of its path, and no answer but by its code: an address
may hold what somebody typed by mistake.
"""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chainnode.citizen.allowances import Buckets, TooFast
from chainnode.citizen.description import OPERATIONS, PROOF_TYPE, described
from chainnode.citizen.documents import (
    covered_document,
    filed_document,
    represented_document,
    sealed_document,
    tracked,
    view_document,
)
from chainnode.citizen.objections import (
    NotDisputable,
    NotFiled,
    ObjectedAlready,
    file_objection,
    read_objection,
)
from chainnode.citizen.problems import Refused, problem
from chainnode.citizen.representations import NoRepresentations, RepresentationSource
from chainnode.citizen.sessions import Visit, Visits
from chainnode.citizen.subjects import ME, Subject, UnknownUser
from chainnode.citizen.tracker import BadQuery, found_document, read_query, single_values
from chainnode.citizen.views import Asker, TooManyRows, View
from chainnode.client import CannotDecide, ChainForked, QuestionNotRecorded, TokensNotMade
from chainnode.errors import ConfigurationError
from chainnode.identity.numbers import InvalidIdentity
from chainnode.login import LoginCode, LoginDoor, LoginRefused, Role, Session
from chainnode.metrics import NodeMetrics, Reading, counter, gauge
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.verdict import local_time

_USER: Final = frozenset({"userCode"})
_LOG: Final = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFile:
    """A file of the page, as it was built."""

    data: bytes = field(repr=False)
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the application is made of."""

    door: LoginDoor
    visits: Visits
    asker: Asker
    source: RepresentationSource
    views: Buckets
    requests: Buckets
    since_ms: int
    trust: bytes = field(repr=False)
    # Path -> file; `/` is the page.
    files: dict[str, PageFile] = field(repr=False)


class CitizenApp:
    """The routes of one citizen's view. Belongs to one event loop."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._answered: Counter[tuple[str, str]] = Counter()
        self._metrics = NodeMetrics(self._readings)

    def starlette(self) -> Starlette:
        """Return the application."""
        handlers = self._handlers()
        routes = [
            *(self._route(one.path, handlers[one.name], method=one.method) for one in OPERATIONS),
            *(self._route(path, self._file) for path in self._parts.files),
        ]
        return Starlette(routes=routes, exception_handlers={HTTPException: self._no_route})

    def _handlers(self) -> dict[str, Handler]:
        """Return who answers, by the name of the operation."""
        return {
            "login": self._begin,
            "login_return": self._finish,
            "logout": self._leave,
            "session": self._session,
            "trust": self._trust,
            "heartbeat": self._heartbeat,
            "usage_period": self._usage_period,
            "find_usage": self._find_usage,
            "use_proof": self._use_proof,
            "sealed": self._sealed,
            "view": self._view_beside,
            "proof": self._proof,
            "representations": self._representations,
            "refresh": self._refresh,
            "objection": self._object,
            "healthz": self._healthz,
            "metrics": self._metrics_text,
            "description": self._description,
        }

    def _route(self, path: str, handler: Handler, *, method: str = "GET") -> Route:
        async def answered(request: Request) -> Response:
            try:
                answer = await handler(request)
                code = "OK"
            except Exception as error:  # noqa: BLE001 - an answer leaves, whatever happened
                refused = _refusal(error)
                code, answer = refused.code, problem(refused)
                if code == "INTERNAL":
                    _LOG.exception("request_failed", extra={"path_template": path})
                if isinstance(error, ChainForked):
                    _LOG.error("chain_forked", extra={"height": error.height})
            self._answered[path, code] += 1
            if code != "OK":
                _LOG.info("request_refused", extra={"path_template": path, "code": code})
            return answer

        return Route(path, answered, methods=[method])

    async def _no_route(self, request: Request, error: Exception) -> Response:
        del request
        is_method = isinstance(error, HTTPException) and error.status_code == 405  # noqa: PLR2004 - HTTP's own number
        code = "METHOD" if is_method else "NOT_FOUND"
        self._answered["", code] += 1
        answer = problem(Refused(code))
        if isinstance(error, HTTPException):
            # With 405, which methods there are (RFC 9110 §15.5.6).
            answer.headers.update(error.headers or {})
        return answer

    # --- the login -------------------------------------------------------------------------

    async def _begin(self, request: Request) -> Response:
        del request
        return await self._parts.door.begin("/")

    async def _finish(self, request: Request) -> Response:
        return await self._parts.door.finish(request)

    async def _leave(self, request: Request) -> Response:
        session = self._session_of(request)
        await self._parts.door.require_csrf(request, session)
        self._parts.visits.end(session)
        return await self._parts.door.leave(request)

    async def _session(self, request: Request) -> Response:
        """Say whether somebody is logged in; the page sends `csrf` with what changes something."""
        session = self._parts.door.visitor(request)
        if session is None:
            return JSONResponse({"logged_in": False})
        return JSONResponse({"logged_in": True, "csrf": session.csrf})

    # --- the Data Tracker ------------------------------------------------------------------

    async def _heartbeat(self, request: Request) -> Response:
        del request
        try:
            await self._parts.asker.client.header_latest()
        except CannotDecide:
            return JSONResponse({"status": "FAIL", "message": "没有可验证的节点 no node proves"})
        except ChainForked as error:
            _LOG.error("chain_forked", extra={"height": error.height})
            return JSONResponse({"status": "FAIL", "message": "账本分叉 the ledger has forked"})
        return JSONResponse({"status": "OK", "message": "可用 ready"})

    async def _usage_period(self, request: Request) -> Response:
        del request
        return JSONResponse({"periodStart": local_time(self._parts.since_ms)})

    async def _find_usage(self, request: Request) -> Response:
        visit, session = self._visit(request)
        query = read_query(request.query_params.multi_items())
        view = await self._view(session, visit, visit.subjects.subject(query.user_code))
        found = [
            (name, usage)
            for name, usage in view.identifiers.items()
            if usage.is_in(query.from_ms, query.to_ms)
        ]
        page = found[query.offset : query.offset + query.limit]
        return JSONResponse(found_document(len(found), [tracked(view, *one) for one in page]))

    # --- what goes beyond it ---------------------------------------------------------------

    async def _use_proof(self, request: Request) -> Response:
        view = await self._asked_view(request)
        name = request.path_params["use"]
        usage = view.identifiers.get(name)
        if usage is None:
            raise Refused("NO_SUCH_USE")
        evidence = await self._parts.asker.evidence(usage)
        return JSONResponse({"usage": tracked(view, name, usage), "evidence": evidence})

    async def _sealed(self, request: Request) -> Response:
        view = await self._asked_view(request)
        covered = covered_document(view, since_ms=self._parts.since_ms)
        return JSONResponse({**sealed_document(view), "covered": covered})

    async def _view_beside(self, request: Request) -> Response:
        view = await self._asked_view(request)
        return JSONResponse(view_document(view, since_ms=self._parts.since_ms))

    async def _proof(self, request: Request) -> Response:
        view = await self._asked_view(request)
        headers = {"Content-Disposition": 'attachment; filename="my-data.kunproof"'}
        return Response(view.proof.data, media_type=PROOF_TYPE, headers=headers)

    async def _representations(self, request: Request) -> Response:
        visit, session = self._visit(request)
        await self._parts.door.require_csrf(request, session)
        found = await self._parts.source.represented(visit.subjects.own)
        handles = visit.subjects.take(found)
        return JSONResponse({"representations": [represented_document(one) for one in handles]})

    async def _refresh(self, request: Request) -> Response:
        """Drop the kept answer: the next one is asked anew, and recorded."""
        visit, session = self._visit(request)
        await self._parts.door.require_csrf(request, session)
        self._parts.visits.forget(visit, self._subject(request, visit))
        return Response(status_code=204)

    async def _object(self, request: Request) -> Response:
        """File an objection to a use of the kept answer; the next answer shows it."""
        visit, session = self._visit(request)
        await self._parts.door.require_csrf(request, session)
        subject = self._subject(request, visit)
        try:
            objection = read_objection(await request.body())
        except ValueError:
            raise Refused("BAD_BODY") from None
        view = await self._view(session, visit, subject)
        usage = view.identifiers.get(objection.use)
        if usage is None:
            raise Refused("NO_SUCH_USE")
        self._parts.views.spend(session.person.pseudonym)
        # Whatever becomes of it, the kept answer is not what the ledger says next.
        self._parts.visits.forget(visit, subject)
        filed = await file_objection(
            self._parts.asker.client,
            usage,
            objection.ground,
            tokens=view.tokens,
            secret=self._parts.asker.objection_key,
        )
        self._parts.visits.forget(visit, subject)
        return JSONResponse(filed_document(filed), status_code=201)

    # --- the page and the process ----------------------------------------------------------

    async def _trust(self, request: Request) -> Response:
        del request
        return Response(self._parts.trust, media_type="application/json")

    async def _file(self, request: Request) -> Response:
        found = self._parts.files[request.url.path]
        return Response(found.data, media_type=found.media_type)

    async def _healthz(self, request: Request) -> Response:
        del request
        return JSONResponse({"status": "up"})

    async def _description(self, request: Request) -> Response:
        del request
        return JSONResponse(described(session_cookie=self._parts.door.session_cookie))

    async def _metrics_text(self, request: Request) -> Response:
        del request
        body, kind = self._metrics.render()
        return Response(body, media_type=kind)

    def _readings(self) -> Iterator[Reading]:
        for (path, code), count in sorted(self._answered.items()):
            yield counter(
                "citizen_answers", "Answers by how they ended", count, path=path, code=code
            )
        size = self._parts.visits.size
        yield gauge("citizen_kept_bytes", "Bytes of answers that sessions hold", size)

    # --- who asks, and about whom ----------------------------------------------------------

    def _session_of(self, request: Request) -> Session:
        session = self._parts.door.visitor(request)
        if session is None:
            raise Refused("NOT_LOGGED_IN")
        return session

    def _visit(self, request: Request) -> tuple[Visit, Session]:
        session = self._session_of(request)
        if Role.CITIZEN not in session.person.roles:
            raise Refused("NO_ROLE")
        self._parts.requests.spend(session.person.pseudonym)
        return self._parts.visits.of(session), session

    def _subject(self, request: Request, visit: Visit) -> Subject:
        given = single_values(request.query_params.multi_items(), allowed=_USER)
        return visit.subjects.subject(given.get("userCode", ME))

    async def _asked_view(self, request: Request) -> View:
        visit, session = self._visit(request)
        return await self._view(session, visit, self._subject(request, visit))

    async def _view(self, session: Session, visit: Visit, subject: Subject) -> View:
        async def make() -> View:
            self._parts.views.spend(session.person.pseudonym)
            return await self._parts.asker.view(subject, secret=visit.secret)

        return await self._parts.visits.view(visit, subject, make)


# What is not here is an error of ours. A wait, where one helps, in seconds.
_REFUSALS: Final[tuple[tuple[tuple[type[Exception], ...], str, int], ...]] = (
    ((InvalidIdentity,), "NO_NUMBER", 0),
    ((TokensNotMade, ConfigurationError), "CUSTODIAN", 5),
    ((NoRepresentations,), "REPRESENTATION", 5),
    ((TooManyRows,), "TOO_MANY_ROWS", 0),
    ((NotDisputable,), "NOT_DISPUTABLE", 0),
    ((ObjectedAlready,), "OBJECTED_ALREADY", 0),
    ((NotFiled,), "NOT_FILED", 5),
    ((ChainForked,), "FORKED", 0),
    ((CannotDecide, QuestionNotRecorded, InvalidEvidence), "NO_PROOF", 5),
)


def _refusal(error: Exception) -> Refused:
    """Say why a request has no answer; nothing of the error's words is passed on."""
    match error:
        case Refused():
            found = error
        case BadQuery():
            code = "USER_CODE" if error.parameter == "userCode" else "BAD_QUERY"
            found = Refused(code, parameter=error.parameter)
        case UnknownUser():
            found = Refused("USER_CODE", parameter="userCode")
        case TooFast():
            found = Refused("RATE", retry_after_s=error.retry_after_s)
        case LoginRefused():
            found = Refused("BAD_CSRF" if error.code is LoginCode.BAD_CSRF else "LOGIN")
        case _:
            named = (row for row in _REFUSALS if isinstance(error, row[0]))
            _, code, wait_s = next(named, ((), "INTERNAL", 0))
            found = Refused(code, retry_after_s=wait_s)
    return found
