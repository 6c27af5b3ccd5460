"""Who can log in at the pages of a devnet: officials, and some of the demo's invented people."""

from collections.abc import Mapping

from devnet.demo.people import invent_people

ROLES_CLAIM = "kunlian_roles"
ID_TYPE_CLAIM = "id_type"
ID_NUMBER_CLAIM = "id_number"
CONSOLE_CLIENT = "kunlian-console"
CITIZEN_CLIENT = "kunlian-citizen"
AUDITOR = "auditor"
OPERATOR = "operator"
CITIZEN = "citizen"
# Who may use a department's console.
OFFICIALS = (AUDITOR, OPERATOR)
# Where a provider says what it is.
DISCOVERY_PATH = "/.well-known/openid-configuration"
# Enough to choose from on one screen.
CITIZENS = 8
_CITIZEN_ID_TYPE = "111"


def citizen_login(number: int) -> str:
    """Return under which name the demo's person `number`, from 1, logs in."""
    return f"citizen-{number:03d}"


def logins() -> Mapping[str, Mapping[str, object]]:
    """Return who can log in, by name, with the claims that a page gets."""
    officials: dict[str, Mapping[str, object]] = {
        "auditor-01": {ROLES_CLAIM: [AUDITOR], "name": "审计员 Auditor"},
        "operator-01": {ROLES_CLAIM: [OPERATOR], "name": "运维员 Operator"},
        "visitor-01": {ROLES_CLAIM: [], "name": "访客 Visitor"},
    }
    citizens = {
        citizen_login(number): {
            ROLES_CLAIM: [CITIZEN],
            ID_TYPE_CLAIM: _CITIZEN_ID_TYPE,
            ID_NUMBER_CLAIM: person.person_id,
            "name": person.name,
        }
        for number, person in enumerate(invent_people()[:CITIZENS], start=1)
    }
    return officials | citizens
