"""Rows from which the vectors of filters, facets and anomaly rules are made."""

from chainnode.analysis.rows import GAP, HALF, OTHER, PEOPLE, QUESTION, AuditRow, Reasons

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
# Monday, 2026-03-02, 00:00 (+08:00).
MONDAY_MS = 1_772_380_800_000
SIDES = ("requester", "provider")


def token(number: int) -> str:
    """Return a pseudonym that is nobody's."""
    return f"{number:064x}"


def call_id(number: int) -> str:
    return f"{number:032x}"


def half(
    position: int,
    *,
    at: int,
    call: int = 0,
    side: str = "requester",
    reasons: Reasons | None = None,
    **fields: object,
) -> AuditRow:
    """Return one side's record of a call; `at` is its ledger time after Monday's midnight."""
    told: dict[str, object] = {
        "organisation": "police" if side == "requester" else "civil",
        "requester": "police",
        "provider": "civil",
        "item": "household",
        "grant": "grant-1",
        "subjects": (token(1),),
        "people": 0,
        "outcome": "permitted",
        "status": 200,
        "count": 1,
        "requested_ms": MONDAY_MS + at - MINUTE_MS,
        "trace_id": call_id(9_000 + (call or position)),
        "parent_call_id": "",
        **fields,
    }
    return AuditRow(
        position=position,
        height=position + 1,
        time_ms=MONDAY_MS + at,
        contract="access",
        version=2,
        kind=HALF,
        action="record",
        call_id=call_id(call or position),
        side=side,
        reasons=reasons,
        **told,  # type: ignore[arg-type]  # fields of a row
    )


def withheld(position: int, *, at: int, outcome: str = "permitted") -> AuditRow:
    """Return a half whose body the node did not show: what its envelope says."""
    return AuditRow(
        position=position,
        height=position + 1,
        time_ms=MONDAY_MS + at,
        organisation="police",
        contract="access",
        version=2,
        kind=HALF,
        is_withheld=True,
        is_sealed=True,
        requester="police",
        provider="civil",
        item="household",
        grant="grant-1",
        subjects=(token(1),),
        outcome=outcome,
    )


def gap(position: int, *, at: int, call: int, outcome: str) -> AuditRow:
    """Return a record of the ledger itself about a call."""
    return AuditRow(
        position=position,
        height=position + 1,
        time_ms=MONDAY_MS + at,
        organisation="",
        contract="access",
        version=2,
        kind=GAP,
        action="unmatched" if outcome.startswith("one_sided") else outcome,
        call_id=call_id(call),
        side="requester",
        requester="police",
        provider="civil",
        item="household",
        grant="grant-1",
        subjects=(token(1),),
        outcome=outcome,
    )


def people(position: int, *, at: int, call: int, tokens: tuple[int, ...]) -> AuditRow:
    """Return a record of further people of a call."""
    return AuditRow(
        position=position,
        height=position + 1,
        time_ms=MONDAY_MS + at,
        organisation="police",
        contract="access",
        version=2,
        kind=PEOPLE,
        action="people",
        call_id=call_id(call),
        side="requester",
        requester="police",
        provider="civil",
        subjects=tuple(token(one) for one in tokens),
    )


def question(position: int, *, at: int, purpose: str | None) -> AuditRow:
    """Return a question to the audit log; None: its purpose cannot be read."""
    return AuditRow(
        position=position,
        height=position + 1,
        time_ms=MONDAY_MS + at,
        organisation="audit",
        contract="audit",
        version=1,
        kind=QUESTION,
        action="question",
        requester="audit",
        subjects=(token(1),),
        reasons=None if purpose is None else Reasons(reason_text=purpose),
        is_sealed=purpose is None,
    )


def other(position: int, *, at: int) -> AuditRow:
    """Return a decision about a grant."""
    return AuditRow(
        position=position,
        height=position + 1,
        time_ms=MONDAY_MS + at,
        organisation="civil",
        contract="grants",
        version=1,
        kind=OTHER,
        action="review",
        requester="police",
        provider="civil",
        item="household",
        grant="grant-1",
    )


def why(operator: str = "zhang", case: str = "case-1", **fields: str) -> Reasons:
    """Return reasons that can be read."""
    told = {"purpose_code": "enforcement", "reason_text": "核查户籍", "operator_role": "clerk"}
    return Reasons(operator=operator, case_number=case, **{**told, **fields})  # type: ignore[arg-type]  # texts
