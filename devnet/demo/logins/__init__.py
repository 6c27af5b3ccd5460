"""Where people of a devnet log in: who is known there, and the provider for trials itself."""

from devnet.demo.logins.known import (
    AUDITOR,
    CITIZEN,
    CITIZEN_CLIENT,
    CITIZENS,
    CONSOLE_CLIENT,
    DISCOVERY_PATH,
    ID_NUMBER_CLAIM,
    ID_TYPE_CLAIM,
    OFFICIALS,
    OPERATOR,
    ROLES_CLAIM,
    citizen_login,
    logins,
)

__all__ = [
    "AUDITOR",
    "CITIZEN",
    "CITIZENS",
    "CITIZEN_CLIENT",
    "CONSOLE_CLIENT",
    "DISCOVERY_PATH",
    "ID_NUMBER_CLAIM",
    "ID_TYPE_CLAIM",
    "OFFICIALS",
    "OPERATOR",
    "ROLES_CLAIM",
    "citizen_login",
    "logins",
]
