"""Whether an id token says what it must: OpenID Connect Core 1.0 §3.1.3.7, every step.

The signature is checked by joserfc with the algorithms that are configured and no others, never
those that the token names. Errors name the claim, not its value.
"""

import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from joserfc import jwt
from joserfc.errors import ClaimError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

from chainnode.login.errors import LoginCode, LoginRefused

TOKEN_CHARACTERS_MAX: Final = 32 * 1024
# Two clocks that are kept by NTP.
LEEWAY_S: Final = 60
# A token is made while its reader waits; one that says it is older was kept by somebody.
AGE_S_MAX: Final = 600
_SUBJECT_CHARACTERS_MAX: Final = 255


class UnknownKey(LoginRefused):
    """The token names a signing key that the set does not have: perhaps it is a new one."""

    def __init__(self) -> None:
        super().__init__(LoginCode.BAD_ID_TOKEN, check="kid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an id token must say."""

    issuer: str
    client_id: str
    nonce: str
    algorithms: tuple[str, ...]
    now_s: int


def verify_id_token(token: object, keys: KeySet, expected: Expected) -> Mapping[str, object]:
    """Return the claims of a token that is genuine, for us, for this login and of now.

    Raises:
        UnknownKey: signed by a key that `keys` does not have.
        LoginRefused: any other check failed.

    """
    if not isinstance(token, str) or len(token) > TOKEN_CHARACTERS_MAX:
        raise LoginRefused(LoginCode.BAD_ID_TOKEN, check="id_token")
    try:
        claims = jwt.decode(token, keys, algorithms=list(expected.algorithms)).claims
    except InvalidKeyIdError:
        raise UnknownKey from None
    except (JoseError, ValueError, TypeError, binascii.Error, RecursionError):
        raise LoginRefused(LoginCode.BAD_ID_TOKEN, check="signature") from None
    registry = JWTClaimsRegistry(
        now=expected.now_s,
        leeway=LEEWAY_S,
        iss={"essential": True, "value": expected.issuer},
        aud={"essential": True, "value": expected.client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": expected.nonce},
    )
    try:
        registry.validate(claims)
    except ClaimError as error:
        raise LoginRefused(LoginCode.BAD_ID_TOKEN, check=error.claim) from None
    except (JoseError, ValueError, TypeError, OverflowError):
        raise LoginRefused(LoginCode.BAD_ID_TOKEN, check="claims") from None
    _require_ours(claims, expected)
    return claims


def _require_ours(claims: Mapping[str, object], expected: Expected) -> None:
    """Check what the claims registry does not: authorised party, exact types, age, subject."""
    audience = claims.get("aud")
    has_others = isinstance(audience, list) and audience != [expected.client_id]
    if claims.get("azp", None if has_others else expected.client_id) != expected.client_id:
        raise LoginRefused(LoginCode.BAD_ID_TOKEN, check="azp")
    if claims.get("nonce") != expected.nonce:
        raise LoginRefused(LoginCode.BAD_ID_TOKEN, check="nonce")
    issued_s = claims.get("iat")
    if not isinstance(issued_s, int | float) or issued_s < expected.now_s - AGE_S_MAX:
        raise LoginRefused(LoginCode.BAD_ID_TOKEN, check="iat")
    subject = claims.get("sub")
    if not isinstance(subject, str) or len(subject) > _SUBJECT_CHARACTERS_MAX:
        raise LoginRefused(LoginCode.BAD_ID_TOKEN, check="sub")
