"""Calls are what the contracts accept, salted anew each time, or refused before signing."""

from dataclasses import replace

import pytest

from chainnode.client import (
    AccessCall,
    AccessReason,
    CertificateDraft,
    InvalidCall,
    access_record,
    audit_question,
    import_certificate,
    issue_certificate,
    revoke_certificate,
)
from contracts.schemas import access, audit, certificates
from contracts.schemas.certificate_states import CertificateState
from contracts.schemas.shape import Schema
from tests.builders_evidence import ISSUER, POLICE, SUBJECT, sample

IDENTIFIER = sample("valid").identifier
CALL = AccessCall(
    call_id=bytes(16),
    side=access.Side.PROVIDER,
    requester=POLICE,
    provider=ISSUER,
    item="population/basic",
    trace_id=bytes(range(16)),
    subjects=(SUBJECT,),
    status=200,
)
DRAFT = CertificateDraft(
    identifier=IDENTIFIER, type="generic", file_digest=bytes(32), valid_from=20260101
)


def test_a_call_record_reads_back_as_it_was_given() -> None:
    call = access_record(CALL, AccessReason(reason_text="办理居住证", operator="op-7"))
    part = Schema(access.AccessRecord).decode(call.public)
    assert call.action == "record"
    assert (part.requester, part.provider, part.item) == (POLICE, ISSUER, "population/basic")
    assert part.subjects == (SUBJECT,)
    assert "办理居住证".encode() in call.private


def test_certificate_calls_read_back_as_they_were_given() -> None:
    issued = issue_certificate(replace(DRAFT, valid_to=20301231))
    imported = import_certificate(
        DRAFT, code_system="kun", code="3", state=CertificateState.SUSPENDED, since_ms=5
    )
    revoked = revoke_certificate(identifier=IDENTIFIER, reason_code="holder asked")
    assert Schema(certificates.Issue).decode(issued.public).valid_to == 20301231
    assert Schema(certificates.Import).decode(imported.public).state == 3
    assert Schema(certificates.Revoke).decode(revoked.public).code == "6"
    assert [one.action for one in (issued, imported, revoked)] == ["issue", "import", "revoke"]


def test_the_values_of_a_question_become_canonical() -> None:
    call = audit_question(kind=4, values=[b"b", b"a", b"b"], from_ms=0, to_ms=0, purpose="check")
    part = Schema(audit.Question).decode(call.public)
    assert part.values == (b"a", b"b")
    assert call.private.endswith(b"check")


def test_no_two_calls_share_a_salt() -> None:
    calls = [access_record(CALL, AccessReason()) for _ in range(20)]
    salts = {Schema(access.AccessRecord).decode(one.public).salt for one in calls}
    assert len(salts | {one.private[3:19] for one in calls}) == 40


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"call_id": b"short"}, "MALFORMED"),
        ({"requester": "not an id"}, "ILLEGAL_TEXT"),
        ({"subjects": (SUBJECT, bytes(32))}, "NOT_ASCENDING"),
        ({"subjects": (SUBJECT,) * 5}, "MALFORMED"),
        ({"status": 1000}, "MALFORMED"),
        ({"item": ""}, "MALFORMED"),
        ({"request_commitment": b"x"}, "WRONG_LENGTH"),
    ],
)
def test_a_call_record_the_contract_would_refuse_is_not_built(
    change: dict[str, object], code: str
) -> None:
    with pytest.raises(InvalidCall) as refusal:
        access_record(replace(CALL, **change), AccessReason())  # type: ignore[arg-type]  # wrong values
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"identifier": IDENTIFIER[:-1] + "!"}, "CERTIFICATES_INVALID_IDENTIFIER"),
        ({"type": "other"}, "CERTIFICATES_TYPE_DIFFERS"),
        ({"file_digest": b""}, "MALFORMED"),
        ({"valid_from": 20260231}, "ILLEGAL_DATE"),
        ({"valid_to": 20250101}, "PERIOD_REVERSED"),
    ],
)
def test_a_certificate_the_contract_would_refuse_is_not_built(
    change: dict[str, object], code: str
) -> None:
    with pytest.raises(InvalidCall) as refusal:
        issue_certificate(replace(DRAFT, **change))  # type: ignore[arg-type]  # wrong values
    assert refusal.value.code == code


def test_a_private_part_over_the_limit_is_not_built() -> None:
    access_record(CALL, AccessReason(reason_text="x" * 4000))
    with pytest.raises(InvalidCall, match="PRIVATE_PART_TOO_LONG"):
        access_record(CALL, AccessReason(reason_text="x" * 4096))


def test_no_private_text_stands_in_the_representation_of_a_call() -> None:
    call = access_record(CALL, AccessReason(reason_text="secret reason", operator="op-7"))
    assert "secret" not in repr(call)
