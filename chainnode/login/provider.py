"""What the provider says about itself: discovery document and signing keys, both bounded.

OpenID Connect Discovery 1.0 §4; RFC 7517. Keys are fetched again when a token names one that is
not known (at most once in half a minute), and once an hour, so that a key that was taken out of
the set is believed no longer than that.
"""

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import quote

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from chainnode.errors import ConfigurationError
from chainnode.json_nesting import NestedTooDeep, check_nesting
from chainnode.login.errors import InvalidProviderAnswer, LoginCode, LoginRefused
from chainnode.login.settings import LoginSettings, require_safe_url

DOCUMENT_BYTES_MAX: Final = 256 * 1024
TIMEOUT_S: Final = 10.0
KEYS_S_MAX: Final = 3_600.0
REFETCH_S_MIN: Final = 30.0
_KEYS_MAX: Final = 64
_DEPTH_MAX: Final = 16
_URL_CHARACTERS_MAX: Final = 2_048
_OK: Final = 200
_DISCOVERY: Final = "/.well-known/openid-configuration"
_METHOD: Final = "S256"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderMetadata:
    """The parts of a discovery document that we use, checked."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    end_session_endpoint: str | None
    # RFC 9207: its answers name their issuer, and one that names none is another's.
    names_itself: bool


def read_metadata(document: Mapping[str, object], *, issuer: str) -> ProviderMetadata:
    """Check a discovery document against the issuer that it was asked of.

    Raises:
        InvalidProviderAnswer: another issuer, an unsafe address, or no PKCE by SHA-256.

    """
    if document.get("issuer") != issuer:
        raise InvalidProviderAnswer("issuer", expected="the configured one")
    methods = document.get("code_challenge_methods_supported", [_METHOD])
    if not isinstance(methods, list) or _METHOD not in methods:
        raise InvalidProviderAnswer("code_challenge_methods_supported", expected=_METHOD)
    return ProviderMetadata(
        authorization_endpoint=_endpoint(document, "authorization_endpoint"),
        token_endpoint=_endpoint(document, "token_endpoint"),
        jwks_uri=_endpoint(document, "jwks_uri"),
        userinfo_endpoint=_optional(document, "userinfo_endpoint"),
        end_session_endpoint=_optional(document, "end_session_endpoint"),
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _optional(document: Mapping[str, object], name: str) -> str | None:
    return None if document.get(name) is None else _endpoint(document, name)


def _endpoint(document: Mapping[str, object], name: str) -> str:
    url = document.get(name)
    if not isinstance(url, str) or len(url) > _URL_CHARACTERS_MAX:
        raise InvalidProviderAnswer(name, expected="an address")
    try:
        require_safe_url(url, setting=name)
    except (ConfigurationError, ValueError) as error:
        raise InvalidProviderAnswer(name, expected="https, without query or fragment") from error
    return url


class Provider:
    """One provider as we see it. Belongs to one event loop; close it."""

    def __init__(self, settings: LoginSettings, *, monotonic_s: Callable[[], float]) -> None:
        self._settings = settings
        self._monotonic_s = monotonic_s
        self._http = httpx.AsyncClient(
            verify=True if settings.tls is None else settings.tls,
            timeout=TIMEOUT_S,
            follow_redirects=False,
            # No proxy of the environment sees codes and tokens.
            trust_env=False,
        )
        self._metadata: tuple[ProviderMetadata, float] | None = None
        self._keys: tuple[KeySet, float] | None = None
        self._fetching = asyncio.Lock()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def metadata(self) -> ProviderMetadata:
        """Return the discovery document, fetched once an hour."""
        async with self._fetching:
            now_s = self._monotonic_s()
            if self._metadata is None or now_s - self._metadata[1] >= KEYS_S_MAX:
                issuer = self._settings.issuer
                document = await self._document("GET", issuer.rstrip("/") + _DISCOVERY)
                self._metadata = (_judged(document, issuer), now_s)
            return self._metadata[0]

    async def keys(self, *, newer_than: KeySet | None = None) -> KeySet:
        """Return the signing keys; with `newer_than` fetch them again, unless that was just done.

        The same set comes back when it is too early to ask again.
        """
        metadata = await self.metadata()
        async with self._fetching:
            now_s = self._monotonic_s()
            if self._keys is not None:
                found, at_s = self._keys
                patience_s = REFETCH_S_MIN if found is newer_than else KEYS_S_MAX
                if now_s - at_s < patience_s:
                    return found
            document = await self._document("GET", metadata.jwks_uri)
            self._keys = (_signing_keys(document), now_s)
            return self._keys[0]

    async def redeem(self, code: str, *, verifier: str) -> Mapping[str, object]:
        """Return the provider's answer to an authorization code (OpenID Connect Core §3.1.3).

        Raises:
            LoginRefused: refused, unavailable, or an answer that is none.

        """
        metadata = await self.metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._settings.redirect_uri,
            "code_verifier": verifier,
        }
        secret, client_id = self._settings.client_secret, self._settings.client_id
        if secret is None:
            return await self._document(
                "POST", metadata.token_endpoint, form=form | {"client_id": client_id}
            )
        # RFC 6749 §2.3.1: both are form-encoded before they are joined.
        pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
        basic = "Basic " + base64.b64encode(pair.encode()).decode()
        return await self._document("POST", metadata.token_endpoint, form=form, authorization=basic)

    async def userinfo(self, access_token: str) -> Mapping[str, object]:
        """Return what the provider tells about the person with this token."""
        metadata = await self.metadata()
        if metadata.userinfo_endpoint is None:
            raise LoginRefused(LoginCode.BAD_ANSWER, check="userinfo_endpoint")
        return await self._document(
            "GET", metadata.userinfo_endpoint, authorization=f"Bearer {access_token}"
        )

    async def _document(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        authorization: str | None = None,
    ) -> Mapping[str, object]:
        headers = {"Accept": "application/json"}
        headers |= {} if authorization is None else {"Authorization": authorization}
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                self._http.stream(method, url, data=form, headers=headers) as answer,
            ):
                body = b""
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > DOCUMENT_BYTES_MAX:
                        raise LoginRefused(LoginCode.BAD_ANSWER, check="size")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError):
            # `from None`: what the library says may repeat an address.
            raise LoginRefused(LoginCode.PROVIDER_UNAVAILABLE) from None
        return _read(answer.status_code, body)


def _read(status: int, body: bytes) -> Mapping[str, object]:
    if 400 <= status < 500:  # noqa: PLR2004 - the refusals of HTTP
        raise LoginRefused(LoginCode.REFUSED_BY_PROVIDER)
    if status != _OK:
        raise LoginRefused(LoginCode.PROVIDER_UNAVAILABLE)
    try:
        check_nesting(body, depth_max=_DEPTH_MAX)
        document = json.loads(body)
    except (ValueError, NestedTooDeep):
        raise LoginRefused(LoginCode.BAD_ANSWER, check="json") from None
    if not isinstance(document, dict):
        raise LoginRefused(LoginCode.BAD_ANSWER, check="json")
    return cast("dict[str, object]", document)


def _judged(document: Mapping[str, object], issuer: str) -> ProviderMetadata:
    try:
        return read_metadata(document, issuer=issuer)
    except InvalidProviderAnswer as error:
        raise LoginRefused(LoginCode.BAD_ANSWER, check=error.check) from error


def _signing_keys(document: Mapping[str, object]) -> KeySet:
    """Read a key set: public signature keys alone, no shared secrets."""
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > _KEYS_MAX:
        raise LoginRefused(LoginCode.BAD_ANSWER, check="jwks")
    chosen = [
        one
        for one in listed
        if isinstance(one, dict)
        and one.get("kty") in {"EC", "RSA", "OKP"}
        and one.get("use", "sig") == "sig"
    ]
    try:
        return KeySet.import_key_set(cast("KeySetSerialization", {"keys": chosen}))
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise LoginRefused(LoginCode.BAD_ANSWER, check="jwks") from error
