"""Calls of the contracts from plain arguments: canonical parts with fresh random salts.

Each function checks what the contract would check and raises `InvalidCall`, so that a mistake
is found before anything is signed. Salts come from the operating system's generator.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from chainnode.errors import InvalidInput
from chainnode.submission import PRIVATE_BYTES_MAX, PUBLIC_BYTES_MAX, SALT_BYTES, Call
from contracts.schemas import access, access_sealed, audit, audit_1, certificates
from contracts.schemas.certificate_states import CertificateState
from contracts.schemas.codes import MEANINGS, Rejection
from contracts.schemas.shape import PublicPart, encode_part
from contracts.schemas.versions import RULES_NEWEST, AnyQuestion, version_of


class InvalidCall(InvalidInput):
    """Arguments that the contract would refuse; `code` is the stable name of the refusal."""

    def __init__(self, *, code: str, expected: str, actual: str) -> None:
        self.code = code
        self.expected = expected
        self.actual = actual
        super().__init__(f"{code}: expected {expected}, got {actual}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessCall:
    """A data call as one side knows it; docs/wire-format.md §14, `access` · `record`.

    `fields` are bits of the catalogue item; `other` is the other side's token (§15).
    """

    call_id: bytes
    side: access.Side
    requester: str
    provider: str
    item: str
    trace_id: bytes
    item_version: int = 1
    fields: int = 0
    subjects: tuple[bytes, ...] = ()
    people: int = 0
    decision: access.Decision = access.Decision.PERMIT
    status: int = 0
    count: int = 0
    requested_ms: int = 0
    answered_ms: int = 0
    parent_call_id: bytes = b""
    grant: str = ""
    checked_height: int = 0
    other: bytes = b""
    request_commitment: bytes = b""
    response_commitment: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessReason:
    """Why a call was made and by whom: the private part of its record."""

    purpose_code: str = ""
    reason_text: str = ""
    case_number: str = ""
    operator: str = ""
    operator_role: str = ""
    system: str = ""
    represented_party: str = ""
    legal_basis: str = ""
    derived_from: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateDraft:
    """What is registered of a certificate; dates are YYYYMMDD, `valid_to` 0 = no end."""

    identifier: str
    type: str
    file_digest: bytes
    valid_from: int
    valid_to: int = 0
    metadata_root: bytes = b""
    holder_commitment: bytes = b""


def access_record(call: AccessCall, reason: AccessReason) -> Call:
    """Build `access` · `record`: one side's testimony of a data call."""
    part = access.AccessRecord(
        salt=new_salt(), **{name: getattr(call, name) for name in call.__slots__}
    )
    why = access.AccessPrivate(
        salt=new_salt(), **{name: getattr(reason, name) for name in reason.__slots__}
    )
    return build_call("record", part, encode_part(why))


def access_people(call: AccessCall, *, first: int, tokens: Sequence[bytes]) -> Call:
    """Build `access` · `people`: subjects beyond the four of a half, which comes after them."""
    part = access.People(
        salt=new_salt(),
        call_id=call.call_id,
        side=call.side,
        requester=call.requester,
        provider=call.provider,
        first=first,
        tokens=tuple(tokens),
    )
    return build_call("people", part)


def seal_department(
    *, seal_id: bytes, department: str, from_ms: int, until_ms: int, basis: bytes
) -> Call:
    """Build `access` · `seal`: a department may keep its calls secret for a time."""
    part = access_sealed.Seal(
        salt=new_salt(),
        seal_id=seal_id,
        department=department,
        from_ms=from_ms,
        until_ms=until_ms,
        basis=basis,
    )
    return build_call("seal", part)


def sealed_call(
    *,
    seal_id: bytes,
    subjects: Sequence[bytes],
    count: int,
    requested_ms: int,
    commitment: bytes,
) -> Call:
    """Build `access` · `sealed`: a call under seal; `commitment` is to who, what and why."""
    part = access_sealed.Sealed(
        salt=new_salt(),
        seal_id=seal_id,
        subjects=tuple(subjects),
        count=count,
        requested_ms=requested_ms,
        commitment=commitment,
    )
    return build_call("sealed", part)


def unseal_call(
    *, commitment: bytes, secret: bytes, requester: str, item: str, purpose: str
) -> Call:
    """Build `access` · `unseal`: open a sealed call."""
    part = access_sealed.Unseal(
        salt=new_salt(),
        commitment=commitment,
        secret=secret,
        requester=requester,
        item=item,
        purpose=purpose,
    )
    return build_call("unseal", part)


def issue_certificate(draft: CertificateDraft) -> Call:
    """Build `certificates` · `issue`."""
    part = certificates.Issue(
        salt=new_salt(),
        identifier=draft.identifier,
        type=draft.type,
        file_digest=draft.file_digest,
        metadata_root=draft.metadata_root,
        holder_commitment=draft.holder_commitment,
        valid_from=draft.valid_from,
        valid_to=draft.valid_to,
    )
    return build_call("issue", part)


def import_certificate(
    draft: CertificateDraft,
    *,
    code_system: str,
    code: str,
    state: CertificateState,
    since_ms: int,
) -> Call:
    """Build `certificates` · `import`: a certificate from before the chain, with its state."""
    part = certificates.Import(
        salt=new_salt(),
        identifier=draft.identifier,
        type=draft.type,
        file_digest=draft.file_digest,
        metadata_root=draft.metadata_root,
        holder_commitment=draft.holder_commitment,
        valid_from=draft.valid_from,
        valid_to=draft.valid_to,
        code_system=code_system,
        code=code,
        state=int(state),
        since_ms=since_ms,
    )
    return build_call("import", part)


def revoke_certificate(
    *,
    identifier: str,
    reason_code: str,
    code_system: str = certificates.OWN_CODE_SYSTEM,
    code: str = certificates.own_code(CertificateState.REVOKED),
) -> Call:
    """Build `certificates` · `revoke`."""
    part = certificates.Revoke(
        salt=new_salt(),
        identifier=identifier,
        code_system=code_system,
        code=code,
        reason_code=reason_code,
    )
    return build_call("revoke", part)


def audit_question(
    *,
    kind: int,
    values: Sequence[bytes],
    from_ms: int,
    to_ms: int,
    purpose: str,
    basis: audit.Basis = audit.Basis.SUPERVISION,
    rules: int = RULES_NEWEST,
) -> Call:
    """Build `audit` · `question`: who asks the log what, on what basis; `to_ms` 0 = no end.

    Under `rules` before 3 a question does not say its basis.

    Raises:
        InvalidCall: illegal values, or no purpose.

    """
    if not purpose.strip():
        raise InvalidCall(code="PURPOSE_MISSING", expected="a purpose in words", actual="none")
    ordered = tuple(sorted(set(values)))
    fields = (new_salt(), kind, ordered, from_ms, to_ms)
    is_first = version_of(rules, audit.NAME) == audit_1.VERSION
    part: AnyQuestion = audit_1.Question(*fields) if is_first else audit.Question(*fields, basis)
    return build_call("question", part, encode_part(audit.QuestionPrivate(new_salt(), purpose)))


def new_salt() -> bytes:
    """Return 16 random bytes, which begin every part of a call."""
    return secrets.token_bytes(SALT_BYTES)


def build_call(action: str, part: PublicPart, private: bytes = b"") -> Call:
    """Return the call with this part, when a node would read it as it is.

    Raises:
        InvalidCall: the schema refuses it, or it is too long for a submission.

    """
    public = encode_part(part)
    try:
        # The schema's annotations hold when decoding, so the part is read as a node reads it.
        msgspec.msgpack.decode(public, type=type(part)).check()
    except msgspec.ValidationError as error:
        raise InvalidCall(code="MALFORMED", expected=str(error), actual=action) from error
    except Rejection as error:
        raise InvalidCall(
            code=error.code.name,
            expected=f"none of: {MEANINGS[error.code].sentence}",
            actual=f"{list(error.details)}",
        ) from error
    _require_length("PUBLIC_PART_TOO_LONG", public, PUBLIC_BYTES_MAX)
    _require_length("PRIVATE_PART_TOO_LONG", private, PRIVATE_BYTES_MAX)
    return Call(action=action, public=public, private=private)


def _require_length(code: str, data: bytes, bytes_max: int) -> None:
    if len(data) > bytes_max:
        raise InvalidCall(code=code, expected=f"at most {bytes_max} bytes", actual=f"{len(data)}")
