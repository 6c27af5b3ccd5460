"""Contract `audit`: a question to the log is a record before it is answered.

Keeps no state. The purpose is mandatory: it stands in the private part, in clear or encrypted.
Version 2, of chains with rules 3, also says on what a question rests.
"""

from contracts.schemas import audit_1
from contracts.schemas.audit import NAME, PRIVATE_BYTES_MIN, VERSION, AuditOutcome, Question
from contracts.schemas.members import Role
from contracts.sdk import ActionTable, Context, StateView, action


def _question(
    _state: StateView, _context: Context, _part: Question | audit_1.Question
) -> AuditOutcome:
    return AuditOutcome.ASKED


CONTRACT_1 = ActionTable(
    name=NAME,
    version=audit_1.VERSION,
    actions={
        "question": action(
            audit_1.Question,
            role=Role.AUDITOR,
            run=_question,
            private_bytes_min=PRIVATE_BYTES_MIN,
        )
    },
)
CONTRACT = ActionTable(
    name=NAME,
    version=VERSION,
    actions={
        "question": action(
            Question, role=Role.AUDITOR, run=_question, private_bytes_min=PRIVATE_BYTES_MIN
        )
    },
)
