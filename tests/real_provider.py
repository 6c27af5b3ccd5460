"""A real OpenID provider, by others, as a process: idpyoidc with a page to log in on.

The protocol is idpyoidc's; here are its settings, its routes and that page.
`python -m tests.real_provider SETTINGS.json`
"""

import asyncio
import html
import json
import sys
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Protocol, cast
from urllib.parse import parse_qsl

import uvicorn
from idpyoidc.message.oidc import AuthorizationRequest
from idpyoidc.server import Server
from idpyoidc.server.exception import FailedAuthentication
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

_BODY_BYTES_MAX: Final = 64 * 1024
_OK: Final = 200
_SEE_OTHER: Final = 303
_BAD_REQUEST: Final = 400
_FORBIDDEN: Final = 403
_TOO_LARGE: Final = 413
_LEVEL: Final = "urn:oasis:names:tc:SAML:2.0:ac:classes:InternetProtocolPassword"
_ROOM: Final = "idpyoidc.server"
_ENDPOINTS: Final[Mapping[str, tuple[str, str, list[str] | None]]] = {
    "provider_config": (
        ".well-known/openid-configuration",
        "provider_config.ProviderConfiguration",
        None,
    ),
    "authorization": ("authorization", "authorization.Authorization", None),
    "token": ("token", "token.Token", ["client_secret_basic"]),
    "userinfo": ("userinfo", "userinfo.UserInfo", ["bearer_header"]),
}
_PAGE: Final = """<!doctype html>
<html lang="zh"><head><meta charset="utf-8"><title>登录 · Log in</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main><h1>登录 · Log in</h1>
<form method="post" action="/verify">
<input type="hidden" name="token" value="{token}">
<p><label>身份 · Person <select name="username">{people}</select></label></p>
<p><label>口令 · Password <input type="password" name="password" required></label></p>
<p><button type="submit">登录 · Log in</button></p></form></main></body></html>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class InventedPerson:
    """Somebody to log in as: their name at the provider, and what it says of them."""

    username: str
    claims: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """One provider: where it listens, who asks it, whom it knows."""

    host: str
    port: int
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    password: str = field(repr=False)
    people: tuple[InventedPerson, ...]
    id_token_s: int = 300

    @property
    def issuer(self) -> str:
        """The name that its tokens bear."""
        return f"http://{self.host}:{self.port}"

    def document(self) -> dict[str, object]:
        """Return what `read_provider_settings` reads."""
        return asdict(self)


def read_provider_settings(path: Path) -> ProviderSettings:
    """Read a file that a test wrote."""
    document = json.loads(path.read_text())
    people = tuple(InventedPerson(**one) for one in document.pop("people"))
    uris = tuple(document.pop("redirect_uris"))
    return ProviderSettings(**document, people=people, redirect_uris=uris)


class People:
    """What idpyoidc asks for the password of a person, which is one for all."""

    def __init__(self, names: Sequence[str], password: str) -> None:
        self._names = frozenset(names)
        self._password = password

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def __getitem__(self, name: str) -> str:
        return self._password


class ChoosingPage:
    """What idpyoidc renders to ask who somebody is."""

    def __init__(self, people: Sequence[InventedPerson]) -> None:
        self._options = "".join(f"<option>{html.escape(one.username)}</option>" for one in people)

    def render(self, _template: str, **given: object) -> str:
        """Return the page with the signed request in it."""
        token = html.escape(str(given["token"]))
        return _PAGE.format(token=token, people=self._options)


class _Message(Protocol):
    """A request as idpyoidc has read it, or the error that it answers with."""

    def __contains__(self, name: object) -> bool: ...

    def to_json(self) -> str: ...


class _Endpoint(Protocol):
    """One endpoint of idpyoidc."""

    response_placement: str

    def parse_request(self, request: object, http_info: object) -> _Message: ...

    def process_request(self, request: object, http_info: object) -> Mapping[str, object]: ...

    def do_response(self, **given: object) -> dict[str, object]: ...


def provider_app(settings: ProviderSettings) -> Starlette:
    """Return the provider as an application."""

    warnings.filterwarnings("ignore", module="idpyoidc")
    server = Server(_server_settings(settings))
    server.context.cdb[settings.client_id] = {
        "client_secret": settings.client_secret,
        "redirect_uris": [(one, {}) for one in settings.redirect_uris],
        "token_endpoint_auth_method": "client_secret_basic",
        "response_types_supported": ["code"],
        "allowed_scopes": ["openid", "kunlian"],
        "scopes_to_claims": _scopes(settings),
    }
    server.keyjar.add_symmetric(settings.client_id, settings.client_secret)

    async def verify(request: Request) -> Response:
        form = dict(parse_qsl((await _body(request)).decode()))
        method = server.context.authn_broker.get_method_by_id("user")
        try:
            username = method.verify(**form)
            begun = method.unpack_token(form["token"])
        except (FailedAuthentication, KeyError):
            return HTMLResponse("口令不对 · wrong password", _FORBIDDEN)
        asked = AuthorizationRequest().from_urlencoded(begun["query"])
        endpoint = server.get_endpoint("authorization")
        session = endpoint.create_session(
            asked, username, begun["authn_class_ref"], begun["iat"], method
        )
        found = endpoint.authz_part2(request=asked, session_id=session)
        return _answered(endpoint, asked, found)

    async def keys(_: Request) -> Response:
        return Response(server.keyjar.export_jwks_as_json(), media_type="application/json")

    def named(name: str) -> Callable[[Request], Awaitable[Response]]:
        return partial(_served, server.get_endpoint(name))

    return Starlette(
        routes=[
            Route("/verify", verify, methods=["POST"]),
            Route("/jwks", keys),
            Route("/.well-known/openid-configuration", named("provider_config")),
            Route("/authorization", named("authorization")),
            Route("/token", named("token"), methods=["POST"]),
            Route("/userinfo", named("userinfo")),
        ]
    )


def _scopes(settings: ProviderSettings) -> dict[str, list[str]]:
    claims = sorted({name for one in settings.people for name in one.claims})
    return {"openid": ["sub"], "kunlian": claims}


def _sealing() -> dict[str, object]:
    """Return keys that live as long as the process."""
    kinds = ("password", "salt")
    keys = [{"type": "OCT", "use": ["enc"], "kid": one} for one in kinds]
    return {"kwargs": {"keys": {"key_defs": keys}}}


def _server_settings(settings: ProviderSettings) -> dict[str, object]:
    """Return what idpyoidc is told: the code flow with PKCE, one client, keys in memory."""
    return {
        "issuer": settings.issuer,
        "session_params": {"encrypter": _sealing()},
        "httpc_params": {"verify": True, "timeout": 5},
        "capabilities": {
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "kunlian"],
        },
        "scopes_to_claims": _scopes(settings),
        "key_conf": {
            "key_defs": [
                {"type": "RSA", "use": ["sig"]},
                {"type": "EC", "crv": "P-256", "use": ["sig"]},
            ],
            "uri_path": "jwks",
        },
        "add_on": {
            "pkce": {
                "function": f"{_ROOM}.oauth2.add_on.pkce.add_support",
                "kwargs": {"essential": True, "code_challenge_methods": {"S256": None}},
            }
        },
        "endpoint": {name: _endpoint(*one) for name, one in _ENDPOINTS.items()},
        "token_handler_args": _tokens(settings),
        "authentication": {"user": _asking(settings)},
        "userinfo": {
            "class": f"{_ROOM}.user_info.UserInfo",
            "kwargs": {"db": {one.username: dict(one.claims) for one in settings.people}},
        },
    }


def _endpoint(path: str, made_by: str, methods: list[str] | None) -> dict[str, object]:
    """Return where an endpoint is, by what it is made, and how clients show who they are."""
    return {
        "path": path,
        "class": f"{_ROOM}.oidc.{made_by}",
        "kwargs": {"client_authn_method": methods},
    }


def _tokens(settings: ProviderSettings) -> dict[str, object]:
    tokens = f"{_ROOM}.token"
    return {
        "code": {"kwargs": {"lifetime": 60, "crypt_conf": _sealing()}},
        "token": {"class": f"{tokens}.jwt_token.JWTToken", "kwargs": {"lifetime": 300}},
        "id_token": {
            "class": f"{tokens}.id_token.IDToken",
            "kwargs": {"lifetime": settings.id_token_s, "add_claims_by_scope": True},
        },
    }


def _asking(settings: ProviderSettings) -> dict[str, object]:
    """Return how people say who they are."""
    names = [one.username for one in settings.people]
    return {
        "acr": _LEVEL,
        "class": f"{_ROOM}.user_authn.user.UserPassJinja2",
        "kwargs": {
            "template_handler": ChoosingPage(settings.people),
            "verify_endpoint": "/verify",
            "db": {"class": People, "kwargs": {"names": names, "password": settings.password}},
        },
    }


async def _served(endpoint: _Endpoint, request: Request) -> Response:
    """Hand one request to an endpoint of idpyoidc, and its answer back."""
    asked: object = dict(request.query_params)
    if request.method == "POST":
        asked = dict(parse_qsl((await _body(request)).decode()))
    http_info = {
        "headers": {name: value for name, value in request.headers.items() if name != "cookie"},
        "method": request.method,
        "url": str(request.url),
        "cookie": [],
    }
    try:
        parsed = endpoint.parse_request(asked, http_info=http_info)
        if "error" in parsed:
            return Response(parsed.to_json(), _BAD_REQUEST, media_type="application/json")
        found = endpoint.process_request(parsed, http_info=http_info)
    except Exception:  # noqa: BLE001 - a library of many exceptions
        return Response('{"error":"invalid_request"}', _BAD_REQUEST, media_type="application/json")
    if "http_response" in found:
        return HTMLResponse(str(found["http_response"]))
    return _answered(endpoint, parsed, found)


def _answered(endpoint: _Endpoint, asked: object, found: Mapping[str, object]) -> Response:
    if "redirect_location" in found:
        return RedirectResponse(str(found["redirect_location"]), _SEE_OTHER)
    told = endpoint.do_response(request=asked, **found)
    placement = told.get("response_placement", endpoint.response_placement)
    if placement == "url":
        return RedirectResponse(str(told["response"]), _SEE_OTHER)
    status = _BAD_REQUEST if "error" in found else _OK
    headers = dict(cast("list[tuple[str, str]]", told["http_headers"]))
    return Response(str(told["response"]), status, headers=headers)


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _BODY_BYTES_MAX:
            raise HTTPException(_TOO_LARGE)
    return body


def main(arguments: Sequence[str]) -> None:
    """Serve until SIGTERM."""
    settings = read_provider_settings(Path(arguments[0]))
    config = uvicorn.Config(
        provider_app(settings),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_level="warning",
    )
    asyncio.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    main(sys.argv[1:])
