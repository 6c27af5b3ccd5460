"""The demo's 50 certificates: real PDF files, issued, one revoked, one expired, one changed.

The identifier is written into the PDF's metadata before the file is hashed.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from chainnode.client.calls import (
    CertificateDraft,
    import_certificate,
    issue_certificate,
    revoke_certificate,
)
from chainnode.submission import Call
from chainnode.suites.port import Suite
from contracts.schemas.certificate_states import CertificateState
from contracts.schemas.certificates import OWN_CODE_SYSTEM, own_code
from contracts.schemas.identifiers import GENERIC_TYPE, generic_identifier
from devnet.demo.documents import DocumentText, render
from devnet.demo.people import Person
from devnet.departments import DATA

CERTIFICATES = 50
FOLDER = "certificates"
_KINDS = ("valid", "revoked", "expired", "tampered")
_TITLES = (
    ("不动产权证书", "Real estate title"),
    ("结婚证", "Marriage certificate"),
    ("出生医学证明", "Birth certificate"),
    ("居住证", "Residence permit"),
    ("公租房资格证明", "Public housing eligibility"),
)
_LOCAL_ZONE = timezone(timedelta(hours=8))
_EXPIRED_DAYS_AGO = 30
_VALID_DAYS = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCertificate:
    """One certificate: its file's name, what it shall be, its text and its bytes."""

    name: str
    kind: str
    text: DocumentText
    data: bytes = field(repr=False)


def render_certificates(people: Sequence[Person]) -> tuple[DemoCertificate, ...]:
    """Render all files; the first four are one of each kind, the others are valid."""
    rendered = []
    for number in range(CERTIFICATES):
        kind = _KINDS[number] if number < len(_KINDS) else "valid"
        title_zh, title_en = _TITLES[number % len(_TITLES)]
        identifier = generic_identifier(issuer=DATA.organisation, entropy=secrets.token_bytes(16))
        text = DocumentText(
            identifier=str(identifier),
            title_zh=title_zh,
            title_en=title_en,
            holder=people[number].name,
            issuer=DATA.title,
            number=number + 1,
        )
        rendered.append(
            DemoCertificate(
                name=f"{FOLDER}/certificate-{number + 1:02d}-{kind}.pdf",
                kind=kind,
                text=text,
                data=render(text),
            )
        )
    return tuple(rendered)


def registration(suite: Suite, one: DemoCertificate, *, now_ms: int) -> Call:
    """Return the call that brings a certificate onto the chain.

    The expired one comes from before the chain: it is imported with an end in the past.
    """
    began, ended = (_VALID_DAYS + _EXPIRED_DAYS_AGO, _EXPIRED_DAYS_AGO)
    is_expired = one.kind == "expired"
    draft = CertificateDraft(
        identifier=one.text.identifier,
        type=GENERIC_TYPE,
        file_digest=suite.digest(one.data),
        valid_from=_date(now_ms, days_ago=began if is_expired else 0),
        valid_to=_date(now_ms, days_ago=ended) if is_expired else 0,
    )
    if not is_expired:
        return issue_certificate(draft)
    return import_certificate(
        draft,
        code_system=OWN_CODE_SYSTEM,
        code=own_code(CertificateState.VALID),
        state=CertificateState.VALID,
        since_ms=now_ms - began * 24 * 60 * 60 * 1000,
    )


def revocations(certificates: Sequence[DemoCertificate]) -> tuple[Call, ...]:
    """Return the calls that revoke what shall be revoked."""
    return tuple(
        revoke_certificate(identifier=one.text.identifier, reason_code="demo")
        for one in certificates
        if one.kind == "revoked"
    )


def write_certificates(home: Path, certificates: Sequence[DemoCertificate]) -> None:
    """Write the files as they were registered; the changed one gets another holder's name."""
    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    for one in certificates:
        data = one.data
        if one.kind == "tampered":
            data = render(_with_other_holder(one.text))
        (home / one.name).write_bytes(data)


def named_files(certificates: Sequence[DemoCertificate]) -> dict[str, str]:
    """Return the first file of each kind, by kind."""
    return {kind: next(one.name for one in certificates if one.kind == kind) for kind in _KINDS}


def _with_other_holder(text: DocumentText) -> DocumentText:
    return replace(text, holder="另一个样例人 Another sample")


def _date(now_ms: int, *, days_ago: int) -> int:
    """Return the local day as YYYYMMDD."""
    instant = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(_LOCAL_ZONE)
    return int(f"{instant - timedelta(days=days_ago):%Y%m%d}")
