"""What each route answers; who may come in was decided before (`matrix`, `app`).

Nothing here writes on the chain but a question, which is recorded before its answer leaves. The
access log says which person, by pseudonym, did what; never about whom.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from chainnode.analysis.lineage import CallName
from chainnode.console.chart import HEIGHT, WIDTH, bars
from chainnode.console.desk import Desk
from chainnode.console.errors import BAD_FORM, BUSY, NOT_FOUND, PageRefused
from chainnode.console.lineages import AskedLineage, asked_children, call_named, shown_lineage
from chainnode.console.news import News
from chainnode.console.overview import overview
from chainnode.console.questions import PERSON, read_asked
from chainnode.console.records import call_of, checks_of, fields_of
from chainnode.console.rendering import LANGUAGE_COOKIE, LARGE, SIZE_COOKIE, Pages
from chainnode.console.shares import Share, Shares
from chainnode.console.words import LANGUAGES
from chainnode.login import LoginDoor, Session, read_form, safe_path
from chainnode.pages import CONSOLE_ASSETS, asset
from chainnode.reports import made_renderings
from chainnode.verify.disputed import dispute_of

PROOF_MEDIA_TYPE: Final = "application/vnd.kunlian.kunproof"
_MEDIA_TYPES: Final = {"css": "text/css", "js": "text/javascript"}
_YEAR_S: Final = 31_536_000
_SEE_OTHER: Final = 303
_SIZES: Final = ("normal", LARGE)
_LOG: Final = logging.getLogger(__name__)

View: TypeAlias = Callable[[Request, Session | None], Awaitable[Response]]


class Views:
    """The handlers of all routes, by the names of `ENTRANCES`."""

    def __init__(
        self,
        *,
        pages: Pages,
        door: LoginDoor,
        desk: Desk,
        news: News,
        shares: Shares,
        nodes: Sequence[str],
        names: Mapping[str, str],
        trust: bytes,
        kinds: Sequence[str],
        bases: Sequence[str],
        now_ms: Callable[[], int],
    ) -> None:
        self._pages = pages
        self._door = door
        self._desk = desk
        self._news = news
        self._shares = shares
        self._nodes = tuple(nodes)
        self._names = names
        self._trust = trust
        self._kinds = tuple(kinds)
        self._bases = tuple(bases)
        self._now_ms = now_ms

    async def health(self, _: Request, __: Session | None) -> Response:
        """Say that the process is up, and no more."""
        return JSONResponse({"status": "up"})

    async def asset(self, request: Request, _: Session | None) -> Response:
        """Return a built file."""
        name = str(request.path_params["name"])
        if name not in CONSOLE_ASSETS:
            raise PageRefused(*NOT_FOUND)
        media_type = _MEDIA_TYPES[name.rpartition(".")[2]]
        return Response(asset(name), media_type=media_type, headers={"Cache-Control": "no-cache"})

    async def begin(self, request: Request, _: Session | None) -> Response:
        """Send somebody to log in."""
        return await self._door.begin(request.query_params.get("next", "/"))

    async def finish(self, request: Request, _: Session | None) -> Response:
        """Let somebody in who comes back from there."""
        return await self._door.finish(request)

    async def leave(self, request: Request, _: Session | None) -> Response:
        """Log somebody out."""
        return await self._door.leave(request)

    async def prefer(self, request: Request, _: Session | None) -> Response:
        """Remember language and size of type, and go back to the page."""
        form = read_form(await request.body())
        answer = RedirectResponse(safe_path(form.get("path", "/")), _SEE_OTHER)
        for field, cookie, known in (
            ("lang", LANGUAGE_COOKIE, LANGUAGES),
            ("size", SIZE_COOKIE, _SIZES),
        ):
            value = form.get(field)
            if value is not None and value not in known:
                raise PageRefused(*BAD_FORM)
            if value is not None:
                answer.set_cookie(
                    cookie,
                    value,
                    max_age=_YEAR_S,
                    httponly=True,
                    samesite="lax",
                    secure=self._door.has_secure_cookies,
                )
        return answer

    async def overview(self, request: Request, session: Session | None) -> Response:
        """Show how the nodes are, the newest proven block, and what comes."""
        newest = await self._desk.newest()
        members = newest.trust.epochs[newest.epoch]
        shown = overview(
            await self._desk.statuses(),
            nodes=self._nodes,
            names=self._names,
            size=len(members),
            proven_height=newest.height,
        )
        blocks = self._news.blocks
        return self._pages.page(
            "overview",
            request,
            session,
            overview=shown,
            newest=newest,
            members=len(members),
            bars=bars(blocks),
            width=WIDTH,
            picture_height=HEIGHT,
        )

    async def events(self, _: Request, session: Session | None) -> Response:
        """Tell a page what happens, as server-sent events, while its session lives."""
        if session is None or not self._news.has_room:
            raise PageRefused(*BUSY)
        self._shares.require(Share.STREAMS, session)
        return StreamingResponse(
            self._heard(session),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def block(self, request: Request, session: Session | None) -> Response:
        """Show a block."""
        found = await self._desk.block(int(request.path_params["height"]))
        newest = await self._desk.newest()
        return self._pages.page(
            "block",
            request,
            session,
            block=found,
            members=len(found.header.trust.epochs[found.header.epoch]),
            has_next=found.header.height < newest.height,
        )

    async def record(self, request: Request, session: Session | None) -> Response:
        """Show a record and what was checked of it."""
        found = await self._desk.record(int(request.path_params["position"]))
        self._note(session, "record_seen")
        newest = await self._desk.newest()
        dispute = dispute_of(found.facts.entry)
        return self._pages.page(
            "record",
            request,
            session,
            record=found.facts,
            fields=fields_of(found),
            checks=checks_of(found, newest, now_ms=self._now_ms()),
            call=call_of(found),
            dispute=None if dispute is None else dispute.hex(),
        )

    async def call(self, request: Request, session: Session | None) -> Response:
        """Show a call and what it came from."""
        return await self._lineage(request, session, AskedLineage(start=_call_in(request)))

    async def children(self, request: Request, session: Session | None) -> Response:
        """Record a question about what came from a call, and show that as well."""
        asked = asked_children(_call_in(request), read_form(await request.body()))
        self._note(session, "question_asked", kind="lineage")
        return await self._lineage(request, session, asked)

    async def trust(self, _: Request, __: Session | None) -> Response:
        """Return the anchor by which a browser checks answers: that of this console."""
        return Response(self._trust, media_type="application/json")

    async def directory(self, request: Request, __: Session | None) -> Response:
        """Say what can be asked for: departments by name, and the kinds of questions."""
        wanted = request.query_params.get("kinds", "")
        known = (PERSON, *self._kinds) if self._desk.asks_custodian else self._kinds
        kinds = [one for one in (wanted.split(",") if wanted else known) if one in known]
        departments = [{"id": one, "name": name} for one, name in self._names.items()]
        return JSONResponse(
            {
                "departments": departments,
                "items": [],
                "kinds": kinds,
                "bases": [*self._bases],
                "renderings": [one.value for one in made_renderings()],
            }
        )

    async def search(self, request: Request, session: Session | None) -> Response:
        """Show the page that asks and verifies in the browser."""
        return self._shell(request, session, "search")

    async def findings(self, request: Request, session: Session | None) -> Response:
        """Show the same for what is missing and what the ledger found."""
        return self._shell(request, session, "findings", kinds="unmatched,finding")

    async def disputes(self, request: Request, session: Session | None) -> Response:
        """Show the same for objections and who answers for them."""
        return self._shell(request, session, "disputes", kinds="responsible,dispute")

    async def ask(self, request: Request, session: Session | None) -> Response:
        """Record a question and return its whole answer as one file."""
        asked = read_asked(await request.body())
        self._note(session, "question_asked", kind=asked.kind.name.lower())
        proof = await self._desk.answer(asked)
        self._note(session, "question_answered", bytes=len(proof))
        return Response(
            proof,
            media_type=PROOF_MEDIA_TYPE,
            headers={"Content-Disposition": 'attachment; filename="answer.kunproof"'},
        )

    async def _heard(self, session: Session) -> AsyncIterator[bytes]:
        """Tell one page what comes; nothing, when others of this person came first."""
        lives = self._door.sessions.lives
        with suppress(PageRefused), self._shares.taken(Share.STREAMS, session):
            async for line in self._news.heard(lambda: lives(session)):
                yield line

    async def _lineage(
        self, request: Request, session: Session | None, asked: AskedLineage
    ) -> Response:
        shown = shown_lineage(await self._desk.lineage(asked))
        self._note(session, "lineage_seen")
        return self._pages.page(
            "lineage", request, session, shown=shown, form=shown.form, bases=self._bases
        )

    def _shell(
        self, request: Request, session: Session | None, name: str, *, kinds: str = ""
    ) -> Response:
        return self._pages.page("search", request, session, name=name, kinds=kinds)

    def _note(self, session: Session | None, event: str, **more: object) -> None:
        who = "" if session is None else session.person.pseudonym
        _LOG.info(event, extra={"peer": who, **more})


def _call_in(request: Request) -> CallName:
    requester, provider, call_id = (
        str(request.path_params[one]) for one in ("requester", "provider", "call_id")
    )
    return call_named(requester, provider, call_id)
