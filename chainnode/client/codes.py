"""Plan: the compact proof of a certificate, checked before anybody prints it."""

from dataclasses import dataclass, field
from urllib.parse import quote

from chainnode.client.exchange import Plan
from chainnode.client.session import Ask, Reports, Session
from chainnode.verify.compact import CompactFacts, ReferenceFacts, verify_compact
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.qr_text import PAYLOAD_BYTES_MAX
from chainnode.verify.strict_json import JsonObject, as_base64


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateCode:
    """What the QR code of a certificate carries, and what it proves by itself."""

    payload: bytes = field(repr=False)
    facts: CompactFacts | ReferenceFacts


def certificate_code(session: Session, identifier: str) -> Plan[CertificateCode]:
    """Fetch the compact proof of this certificate.

    Raises:
        CannotDecide: no node gave one that survives its checks; the reports say why.

    """

    def check(told: JsonObject) -> CertificateCode:
        payload = as_base64(told.get("compact"), "compact", bytes_max=PAYLOAD_BYTES_MAX)
        facts = verify_compact(payload, session.trust)
        if facts.claim is None or facts.claim.part.identifier != identifier:
            raise InvalidEvidence(
                check="query", expected="the certificate that was asked for", actual="another"
            )
        return CertificateCode(payload=payload, facts=facts)

    path = f"/v1/certificates/{quote(identifier, safe='')}/compact"
    return (yield from session.first_checked(Ask(method="GET", path=path), check, Reports()))
