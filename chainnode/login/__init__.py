"""How people log in to a service of ours: OpenID Connect, sessions, CSRF, roles.

Knows no ledger. The standard's words: OpenID Connect Core 1.0 and Discovery 1.0, RFC 6749, 7636,
9207 and 9700.
"""

from chainnode.login.door import CSRF_FIELD, CSRF_HEADER, SAFE_METHODS, LoginDoor, read_form
from chainnode.login.errors import LoginCode, LoginRefused
from chainnode.login.people import Person, Role
from chainnode.login.sessions import Session, Sessions
from chainnode.login.settings import (
    LOGIN_PATH,
    LOGOUT_PATH,
    RETURN_PATH,
    LoginSection,
    LoginSettings,
    SessionLimits,
    login_settings,
)
from chainnode.login.shield import PageShield
from chainnode.login.started import safe_path

__all__ = [
    "CSRF_FIELD",
    "CSRF_HEADER",
    "LOGIN_PATH",
    "LOGOUT_PATH",
    "RETURN_PATH",
    "SAFE_METHODS",
    "LoginCode",
    "LoginDoor",
    "LoginRefused",
    "LoginSection",
    "LoginSettings",
    "PageShield",
    "Person",
    "Role",
    "Session",
    "SessionLimits",
    "Sessions",
    "login_settings",
    "read_form",
    "safe_path",
]
