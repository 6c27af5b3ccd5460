"""Which version of a contract a chain has, by its rules (wire format §14), for who uses it."""

from contracts.schemas import access, access_1, audit, audit_1
from contracts.schemas.codes import Code, Rejection
from contracts.schemas.shape import Schema
from contracts.schemas.state import Table

RULES_NEWEST = 3
AnyQuestion = audit_1.Question | audit.Question

_VERSIONS = {
    access.NAME: {1: access_1.VERSION, 2: 2, 3: access.VERSION},
    audit.NAME: {1: audit_1.VERSION, 2: audit_1.VERSION, 3: audit.VERSION},
}

_QUESTIONS: dict[int, Schema[audit_1.Question] | Schema[audit.Question]] = {
    audit_1.VERSION: Schema(audit_1.Question),
    audit.VERSION: Schema(audit.Question),
}


def version_of(rules: int, contract: str) -> int:
    """Return the version to send; contracts that are not named here have one alone."""
    versions = _VERSIONS.get(contract)
    return 1 if versions is None else versions[rules]


def decode_question(version: int, public: bytes) -> AnyQuestion:
    """Read the public part of a question in this version of the contract.

    Raises:
        Rejection: it is none; an unknown version reads nothing.

    """
    schema = _QUESTIONS.get(version)
    if schema is None:
        raise Rejection(Code.UNKNOWN_CONTRACT)
    return schema.decode(public)


def calls_of(rules: int) -> Table[access.CallRow] | Table[access.DisputableCallRow]:
    """Return where a chain of these rules, 2 or more, keeps how the halves of calls stand."""
    return access.CALLS if rules == access.VERSIONS[0] else access.DISPUTABLE_CALLS
