"""What certificate evidence proves: which certificate a file is, its row, issuer and history.

Two queries, together or alone: "which certificate is the file with this digest?" and "what is
known of this identifier?". Absence is proven like presence. The evidence must hold exactly the
state items that the answer needs, and the history must have the count and root of the row.
docs/wire-format.md §9 and §11.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from chainnode.ledger.merkle import merkle_root
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.evidence import StateFacts, verify_state_evidence
from chainnode.verify.header import CertifiedHeader, require_equal
from chainnode.verify.strict_json import (
    JsonValue,
    as_array,
    as_base64,
    as_fields,
    as_hex,
    as_object,
    as_text,
)
from chainnode.verify.trust import Trust
from contracts.schemas.certificate_states import CertificateState
from contracts.schemas.certificates import (
    CERTIFICATES,
    FILES,
    CertificateRow,
    HistoryEntry,
    decode_history_entry,
)
from contracts.schemas.identifiers import IDENTIFIER_CHARACTERS_MAX
from contracts.schemas.members import ORGANISATIONS, OrganisationRow
from contracts.schemas.state import InvalidRow, Table

# The state table allows two entries today; later versions suspend and renew.
HISTORY_MAX = 1024
_HISTORY_ENTRY_BYTES_MAX = 512
RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateQuery:
    """What was asked; at least one of the two."""

    content_digest: bytes | None
    identifier: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredCertificate:
    """A certificate on the chain; `issuer` is None when the chain knows no such organisation."""

    identifier: str
    row: CertificateRow
    issuer: OrganisationRow | None
    history: tuple[HistoryEntry, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """Verified answer to a query.

    `found` is the certificate of the file, else of the identifier, else None: proven absent.
    `is_of_file` tells which: only then does the asked content belong to it.
    """

    header: CertifiedHeader
    query: CertificateQuery
    found: RegisteredCertificate | None
    is_of_file: bool


def verify_certificate_evidence(evidence: JsonValue, trust: Trust) -> CertificateFacts:
    """Check `kind: "certificate"` completely; the query is the one the evidence states.

    Raises:
        UnreadableEvidence: it does not decode.
        ForeignEvidence: it belongs to another chain.
        NoQuorum: too few signatures.
        InvalidEvidence: any other check fails.

    """
    state = verify_state_evidence(evidence, trust, kind="certificate")
    fields = as_object(evidence, "evidence")
    query = _query(fields["query"])
    leaves = [
        as_base64(one, "history", bytes_max=_HISTORY_ENTRY_BYTES_MAX)
        for one in as_array(fields["history"], "history", size_max=HISTORY_MAX)
    ]
    reader = _ItemReader(state)
    identifier, is_of_file = _found_identifier(reader, query)
    found = None
    if identifier is not None:
        found = _registered(reader, identifier, leaves, trust)
        if is_of_file and query.content_digest is not None:
            require_equal("content", query.content_digest, found.row.file_digest)
    elif leaves:
        raise InvalidEvidence(
            check="history", expected="none without a certificate", actual=f"{len(leaves)}"
        )
    reader.require_nothing_else()
    return CertificateFacts(header=state.header, query=query, found=found, is_of_file=is_of_file)


class _ItemReader:
    """Takes rows out of verified state items by table and key, and counts what it took."""

    def __init__(self, state: StateFacts) -> None:
        self._values = state.values
        self._taken: set[bytes] = set()

    def row(self, table: Table[RowT], part: str | bytes) -> RowT | None:
        """Return the row, or None when it is proven absent."""
        key = table.key(part)
        if key not in self._values:
            raise InvalidEvidence(
                check="items",
                expected=f"a proof for {table.contract}/{table.collection}",
                actual="none",
            )
        self._taken.add(key)
        value = self._values[key]
        return None if value is None else _decoded(table.decode, value, "state")

    def allow(self, table: Table[RowT], part: str | bytes) -> None:
        """Accept a proof that is not needed: nodes show the issuer of every row they show."""
        self._taken |= {table.key(part)} & self._values.keys()

    def require_nothing_else(self) -> None:
        """Refuse items that the query does not need."""
        if len(self._taken) != len(self._values):
            raise InvalidEvidence(
                check="items",
                expected=f"the {len(self._taken)} items of the query",
                actual=f"{len(self._values)}",
            )


def _query(value: JsonValue) -> CertificateQuery:
    fields = as_fields(value, "query", ("digest", "identifier"))
    digest, identifier = fields["digest"], fields["identifier"]
    query = CertificateQuery(
        content_digest=None if digest is None else as_hex(digest, "digest", size=32),
        identifier=None
        if identifier is None
        else as_text(identifier, "identifier", characters_max=IDENTIFIER_CHARACTERS_MAX),
    )
    if query.content_digest is None and query.identifier is None:
        raise InvalidEvidence(check="query", expected="a digest or an identifier", actual="neither")
    return query


def _found_identifier(reader: _ItemReader, query: CertificateQuery) -> tuple[str | None, bool]:
    """Return the identifier of the file, else the queried one if it is known; and which it is."""
    by_identifier = None
    if query.identifier is not None:
        row = reader.row(CERTIFICATES, query.identifier)
        if row is not None:
            by_identifier = query.identifier
            reader.allow(ORGANISATIONS, row.issuer)
    if query.content_digest is not None:
        file = reader.row(FILES, query.content_digest)
        if file is not None:
            return file.identifier, True
    return by_identifier, False


def _registered(
    reader: _ItemReader, identifier: str, leaves: list[bytes], trust: Trust
) -> RegisteredCertificate:
    row = reader.row(CERTIFICATES, identifier)
    if row is None:
        raise InvalidEvidence(
            check="content", expected="the certificate that the file is", actual="no such one"
        )
    issuer = reader.row(ORGANISATIONS, row.issuer)
    return RegisteredCertificate(
        identifier=identifier,
        row=row,
        issuer=issuer,
        history=_history(row, leaves, trust),
    )


def _history(row: CertificateRow, leaves: list[bytes], trust: Trust) -> tuple[HistoryEntry, ...]:
    """Check that the history is whole, and that its last entry is the state of the row."""
    if len(leaves) != row.history_count or not leaves:
        raise InvalidEvidence(
            check="history", expected=f"{row.history_count} entries", actual=f"{len(leaves)}"
        )
    require_equal("history", row.history_root, merkle_root(trust.suite.digest, leaves))
    entries = tuple(_decoded(decode_history_entry, leaf, "history") for leaf in leaves)
    last = entries[-1]
    present = (row.code_system, row.code, row.state)
    if (last.code_system, last.code, last.state) != present:
        raise InvalidEvidence(
            check="history", expected=f"state {row.state} last", actual=f"state {last.state}"
        )
    known = set(CertificateState)
    if any(entry.state not in known for entry in entries):
        raise InvalidEvidence(check="history", expected="canonical states", actual="an unknown one")
    return entries


def _decoded(decode: Callable[[bytes], RowT], data: bytes, check: str) -> RowT:
    try:
        return decode(data)
    except (InvalidRow, ValueError) as error:
        raise InvalidEvidence(
            check=check, expected="a row of version 1", actual=str(error)[:160]
        ) from error
