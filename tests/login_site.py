"""A service that people log in to, served over a real socket, and a real provider's process."""

import asyncio
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from chainnode.login import (
    LoginDoor,
    LoginRefused,
    LoginSettings,
    PageShield,
    Role,
    SessionLimits,
)
from devnet.topology import free_ports
from tests.real_provider import InventedPerson, ProviderSettings

PASSWORD = "nobody is real"
CLIENT = "test-service"
CLIENT_SECRET = "s" * 40
# What no log, address or error may hold.
NUMBER = "110101199003078515"
PEOPLE = (
    InventedPerson(
        username="auditor", claims={"roles": ["kun-auditor"], "id_number": NUMBER, "name": "张三"}
    ),
    InventedPerson(username="guest", claims={"roles": ["something-else"]}),
)
ROLES = {"kun-auditor": Role.AUDITOR, "kun-operator": Role.OPERATOR}


@dataclass(slots=True)
class Clock:
    """Two clocks that a test sets: the wall's offset, and the monotonic one."""

    offset_s: int = 0
    monotonic: float = 1_000.0

    def now_s(self) -> int:
        """Return seconds since the epoch, as the service believes."""
        return int(time.time()) + self.offset_s

    def monotonic_s(self) -> float:
        """Return what only tests move."""
        return self.monotonic


@dataclass
class Service:
    """Where the service and its provider listen; `door` belongs to the service's thread."""

    url: str
    issuer: str
    door: LoginDoor
    clock: Clock
    changed: list[str] = field(default_factory=list)
    browsers: list[httpx.Client] = field(default_factory=list)


def settings_of(url: str, issuer: str, **changed: object) -> LoginSettings:
    """Return settings of a service at `url` that believes `issuer`."""
    given: dict[str, object] = {
        "issuer": issuer,
        "client_id": CLIENT,
        "client_secret": CLIENT_SECRET,
        "public_url": url,
        "pseudonym_key": b"k" * 32,
        "scopes": ("openid", "kunlian"),
        "roles": ROLES,
        "kept_claims": ("id_number",),
        "limits": SessionLimits(),
    }
    return LoginSettings(**(given | changed))  # type: ignore[arg-type]  # fields by name


@contextmanager
def listening(app: object, port: int) -> Iterator[None]:
    """Serve an ASGI application in a thread of its own until the block ends."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False)  # type: ignore[arg-type]  # an ASGI application
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    deadline_s = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline_s:
        thread.join(0.01)
    assert server.started, "the service did not come up"
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(20)


@contextmanager
def provider_process(settings: ProviderSettings, folder: Path) -> Iterator[None]:
    """Run the provider as a process of its own until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "provider.json"
    file.write_text(json.dumps(settings.document()))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.real_provider", str(file)], stderr=subprocess.DEVNULL
    )
    try:
        _await(settings.issuer, process)
        yield
    finally:
        process.terminate()
        process.wait(20)


def _await(issuer: str, process: "subprocess.Popen[bytes]") -> None:
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s and process.poll() is None:
        try:
            httpx.get(f"{issuer}/.well-known/openid-configuration", trust_env=False)
        except httpx.TransportError:
            continue
        return
    raise AssertionError("the provider did not come up")


@contextmanager
def service(issuer: str, *, port: int | None = None, **changed: object) -> Iterator[Service]:
    """Serve a little application behind a login door that believes `issuer`."""
    chosen = free_ports(1)[0] if port is None else port
    url = f"http://127.0.0.1:{chosen}"
    clock = Clock()
    made: list[Service] = []

    def app() -> Starlette:
        door = LoginDoor(
            settings_of(url, issuer, **changed),
            now_s=clock.now_s,
            monotonic_s=clock.monotonic_s,
        )
        made.append(Service(url=url, issuer=issuer, door=door, clock=clock))
        return _application(made[0])

    shielded = PageShield(app(), logout_origin=issuer, is_tls=False)
    with listening(shielded, chosen):
        yield made[0]
        for one in made[0].browsers:
            one.close()


def _application(one: Service) -> Starlette:
    door = one.door

    async def begin(request: Request) -> Response:
        return await door.begin(request.query_params.get("next", "/"))

    async def finish(request: Request) -> Response:
        return await door.finish(request)

    async def leave(request: Request) -> Response:
        session = door.visitor(request)
        assert session is not None
        await door.require_csrf(request, session)
        return await door.leave(request)

    async def whoami(request: Request) -> Response:
        session = door.visitor(request)
        if session is None:
            return PlainTextResponse("nobody", 401)
        return JSONResponse(
            {
                "pseudonym": session.person.pseudonym,
                "roles": sorted(session.person.roles),
                "csrf": session.csrf,
                "claims": dict(session.person.claims),
            }
        )

    async def change(request: Request) -> Response:
        session = door.visitor(request)
        if session is None:
            return PlainTextResponse("nobody", 401)
        await door.require_csrf(request, session)
        one.changed.append(session.person.pseudonym)
        return PlainTextResponse("changed")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await door.close()

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, LoginRefused)
        return JSONResponse({"code": error.code, "check": error.check}, error.status)

    return Starlette(
        routes=[
            Route("/login", begin),
            Route("/login/return", finish),
            Route("/logout", leave, methods=["POST"]),
            Route("/", whoami),
            Route("/page", whoami),
            Route("/change", change, methods=["POST"]),
        ],
        exception_handlers={LoginRefused: refused},
        lifespan=lifespan,
    )


class Somebody:
    """A person at a browser: cookies are kept, redirects followed by hand."""

    def __init__(self, one: Service) -> None:
        self._service = one
        self.http = httpx.Client(trust_env=False, timeout=20)
        one.browsers.append(self.http)
        self.urls: list[str] = []

    def get(self, url: str) -> httpx.Response:
        """Fetch one page, of the service where no host is named; follow nothing."""
        whole = url if url.startswith("http") else self._service.url + url
        self.urls.append(whole)
        return self.http.get(whole)

    def post(self, path: str, **given: object) -> httpx.Response:
        """Send something to the service."""
        self.urls.append(self._service.url + path)
        return self.http.post(self._service.url + path, **given)  # type: ignore[arg-type]  # of httpx

    def begin(self, path: str = "/login") -> str:
        """Begin a login; return where the service sends the browser."""
        answer = self.get(path)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def choose(self, provider_url: str, username: str, password: str = PASSWORD) -> str:
        """Log in at the real provider; return where it sends the browser back to."""
        page = self.get(provider_url)
        token = unescape(re.findall(r'name="token" value="([^"]+)"', page.text)[0])
        form: Mapping[str, str] = {"token": token, "username": username, "password": password}
        answer = self.http.post(f"{self._service.issuer}/verify", data=form)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    def log_in(self, username: str = "auditor", path: str = "/login") -> httpx.Response:
        """Do the whole login; return the service's last answer."""
        return self.get(self.choose(self.begin(path), username))

    def who(self) -> httpx.Response:
        """Ask the service who it takes us for."""
        return self.get("/")
