"""Contract `audit`: a question to the log is a record before it is answered.

Keeps no state. The purpose is mandatory: it stands in the private part, in clear or encrypted.
"""

from contracts.schemas.audit import NAME, PRIVATE_BYTES_MIN, VERSION, AuditOutcome, Question
from contracts.schemas.members import Role
from contracts.sdk import ActionTable, Context, StateView, action


def _question(_state: StateView, _context: Context, _part: Question) -> int:
    return AuditOutcome.ASKED


CONTRACT = ActionTable(
    name=NAME,
    version=VERSION,
    actions={
        "question": action(
            Question, role=Role.AUDITOR, run=_question, private_bytes_min=PRIVATE_BYTES_MIN
        )
    },
)
