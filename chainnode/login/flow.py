"""The authorization code flow with PKCE: where a browser is sent, and who comes back.

OpenID Connect Core 1.0 §3.1, RFC 7636, RFC 9207. Nothing that the provider or the browser sent
is repeated in an error; codes, tokens and claims are in no log.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlencode

from chainnode.login.errors import LoginCode, LoginRefused
from chainnode.login.id_token import Expected, UnknownKey, verify_id_token
from chainnode.login.people import Person, kept_claims, pseudonym_of, roles_of
from chainnode.login.provider import Provider
from chainnode.login.settings import LoginSettings
from chainnode.login.started import StartedLogin, StartedLogins

_CODE_CHARACTERS_MAX: Final = 4_096


class LoginFlow:
    """Begins and ends logins at one provider. Belongs to one event loop."""

    def __init__(
        self, settings: LoginSettings, provider: Provider, *, now_s: Callable[[], int]
    ) -> None:
        """`now_s`: seconds since the epoch, against which tokens are judged."""
        self._settings = settings
        self._provider = provider
        self._now_s = now_s
        self._started = StartedLogins(now_s=now_s)

    async def begin(self, path: str) -> tuple[str, str]:
        """Return where to send the browser, and what it must bring back in its cookie."""
        metadata = await self._provider.metadata()
        started = StartedLogin.to(path)
        challenge = hashlib.sha256(started.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._settings.redirect_uri,
            "scope": " ".join(self._settings.scopes),
            "state": started.state,
            "nonce": started.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{metadata.authorization_endpoint}?{urlencode(query)}", self._started.seal(started)

    async def finish(self, answer: Mapping[str, str], *, sealed: str) -> tuple[Person, str]:
        """Return who came back with the provider's answer, and the page that they wanted.

        Raises:
            LoginRefused: not begun by this browser, refused, or a check failed.

        """
        started = self._started.open(sealed, state=answer.get("state", ""))
        try:
            return await self._person(answer, started), started.path
        except BaseException:
            self._started.give_back(started)
            raise

    async def logout_url(self) -> str | None:
        """Return where the browser also ends its session at the provider, if it has such a page.

        Without the token as a hint: it names the person, and addresses are logged everywhere.
        The provider asks the person instead (OpenID Connect RP-Initiated Logout 1.0 §2).
        """
        metadata = await self._provider.metadata()
        if metadata.end_session_endpoint is None:
            return None
        query = {
            "client_id": self._settings.client_id,
            "post_logout_redirect_uri": self._settings.origin + "/",
        }
        return f"{metadata.end_session_endpoint}?{urlencode(query)}"

    async def _person(self, answer: Mapping[str, str], started: StartedLogin) -> Person:
        metadata = await self._provider.metadata()
        issuer = answer.get("iss", None if metadata.names_itself else self._settings.issuer)
        if issuer != self._settings.issuer:
            raise LoginRefused(LoginCode.BAD_ANSWER, check="iss")
        if "error" in answer:
            raise LoginRefused(LoginCode.REFUSED_BY_PROVIDER)
        code = answer.get("code", "")
        if not 0 < len(code) <= _CODE_CHARACTERS_MAX:
            raise LoginRefused(LoginCode.BAD_ANSWER, check="code")
        tokens = await self._provider.redeem(code, verifier=started.verifier)
        claims = await self._verified(tokens.get("id_token"), nonce=started.nonce)
        return self._named(await self._told(tokens, claims), subject=str(claims["sub"]))

    async def _verified(self, token: object, *, nonce: str) -> Mapping[str, object]:
        """Verify an id token, once more with fresh keys when it names an unknown one."""
        expected = Expected(
            issuer=self._settings.issuer,
            client_id=self._settings.client_id,
            nonce=nonce,
            algorithms=self._settings.algorithms,
            now_s=self._now_s(),
        )
        keys = await self._provider.keys()
        try:
            return verify_id_token(token, keys, expected)
        except UnknownKey:
            newer = await self._provider.keys(newer_than=keys)
            return verify_id_token(token, newer, expected)

    async def _told(
        self, tokens: Mapping[str, object], claims: Mapping[str, object]
    ) -> Mapping[str, object]:
        """Return the claims that roles are read from (OpenID Connect Core §5.3.2)."""
        if self._settings.claims_from == "id_token":
            return claims
        access = tokens.get("access_token")
        if not isinstance(access, str) or not (access.isascii() and access.isprintable()):
            raise LoginRefused(LoginCode.BAD_ANSWER, check="access_token")
        told = await self._provider.userinfo(access)
        if told.get("sub") != claims["sub"]:
            raise LoginRefused(LoginCode.BAD_ANSWER, check="sub")
        return told

    def _named(self, claims: Mapping[str, object], *, subject: str) -> Person:
        settings = self._settings
        roles = roles_of(_claim(claims, settings.role_claim), settings.roles)
        if not roles:
            raise LoginRefused(LoginCode.NO_ROLE)
        return Person(
            pseudonym=pseudonym_of(settings.pseudonym_key, issuer=settings.issuer, subject=subject),
            roles=roles,
            claims=kept_claims(claims, settings.kept_claims),
        )


def _claim(claims: Mapping[str, object], name: str) -> object:
    """Return a claim by its name, or by a path of names with dots between them."""
    if name in claims:
        return claims[name]
    found: object = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
