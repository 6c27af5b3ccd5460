"""A provider that answers as a test wants it to: rightly, or with one thing twisted."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devnet.topology import free_ports
from tests.login_site import CLIENT, listening

Claims = dict[str, object]


def new_key(name: str) -> ECKey:
    """Draw a signing key of this name."""
    return ECKey.generate_key("P-256", parameters={"kid": name, "use": "sig"})


@dataclass
class Twisted:
    """What it says; every part may be changed while it runs."""

    issuer: str
    key: ECKey = field(default_factory=lambda: new_key("first"))
    published: list[ECKey] | None = None
    nonce: str = ""
    claims: Claims = field(default_factory=dict)
    sign: Callable[["Twisted", Claims], str] | None = None
    metadata: Claims = field(default_factory=dict)
    userinfo: Claims = field(default_factory=dict)
    answer: Response | None = None
    jwks_asked: int = 0

    def reset(self) -> None:
        """Be honest again."""
        self.claims, self.metadata, self.userinfo = {}, {}, {}
        self.sign, self.answer, self.published = None, None, None

    def token(self) -> str:
        """Return an id token with the twists in it."""
        now_s = int(time.time())
        claims: Claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "somebody",
            "nonce": self.nonce,
            "iat": now_s,
            "exp": now_s + 300,
            "roles": ["kun-auditor"],
        }
        claims = {name: one for name, one in (claims | self.claims).items() if one is not None}
        if self.sign is not None:
            return self.sign(self, claims)
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key)

    def back(self, url: str, **changed: str) -> str:
        """Let somebody in at once: return where the browser goes, from where it was sent."""
        asked = parse_qs(urlsplit(url).query)
        self.nonce = asked["nonce"][0]
        answer = {"code": "c", "state": asked["state"][0]} | changed
        query = "&".join(f"{name}={value}" for name, value in answer.items())
        return f"{asked['redirect_uri'][0]}?{query}"


def unsigned(_: Twisted, claims: Claims) -> str:
    """Return a token of algorithm none."""
    return ".".join([_part({"alg": "none"}), _part(claims), ""])


def signed_with_public_key(one: Twisted, claims: Claims) -> str:
    """Return a token whose shared secret is what everybody knows: the public key."""
    content = f"{_part({'alg': 'HS256', 'kid': one.key.kid})}.{_part(claims)}"
    code = hmac.digest(one.key.as_pem(private=False), content.encode(), hashlib.sha256)
    return f"{content}.{_text(code)}"


def signed_by_another(_: Twisted, claims: Claims) -> str:
    """Return a token of a key that says it is the published one."""
    return jwt.encode({"alg": "ES256", "kid": "first"}, claims, new_key("first"))


def with_a_key_of_its_own(_: Twisted, claims: Claims) -> str:
    """Return a token that brings the key by which it wants to be judged."""
    key = new_key("own")
    header = {"alg": "ES256", "jwk": key.as_dict(private=False)}
    return jwt.encode(header, claims, key)


def _part(document: Claims) -> str:
    return _text(json.dumps(document).encode())


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@contextmanager
def twisted_provider() -> Iterator[Twisted]:
    """Serve one until the block ends."""
    port = free_ports(1)[0]
    one = Twisted(issuer=f"http://127.0.0.1:{port}")

    async def discovery(_: Request) -> Response:
        told = {
            "issuer": one.issuer,
            "authorization_endpoint": f"{one.issuer}/authorize",
            "token_endpoint": f"{one.issuer}/token",
            "jwks_uri": f"{one.issuer}/jwks",
            "userinfo_endpoint": f"{one.issuer}/userinfo",
            "end_session_endpoint": f"{one.issuer}/end",
        }
        return JSONResponse(told | one.metadata)

    async def jwks(_: Request) -> Response:
        one.jwks_asked += 1
        keys = [one.key] if one.published is None else one.published
        return JSONResponse({"keys": [key.as_dict(private=False) for key in keys]})

    async def token(_: Request) -> Response:
        if one.answer is not None:
            return one.answer
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": one.token()})

    async def userinfo(_: Request) -> Response:
        return JSONResponse(one.userinfo)

    app = Starlette(
        routes=[
            Route("/.well-known/openid-configuration", discovery),
            Route("/jwks", jwks),
            Route("/token", token, methods=["POST"]),
            Route("/userinfo", userinfo),
        ]
    )
    with listening(app, port):
        yield one
