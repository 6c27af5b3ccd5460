"""Fields of a request or response, shown under the commitment that a recorded call holds.

docs/wire-format.md §11, §15. Proves that a department recorded a call whose message had these
fields, and nothing of its other fields. Whose word it is says the record: one half is one side's.
"""

from dataclasses import dataclass, field

from chainnode.exchange import (
    Disclosure,
    Field,
    IllegalFields,
    ShownField,
    verify_disclosure,
)
from chainnode.ledger.merkle import InvalidProof
from chainnode.verify.errors import InvalidEvidence, UnreadableEvidence
from chainnode.verify.evidence import RecordFacts, open_envelope, read_path
from chainnode.verify.forms import EVIDENCE_VERSION_2
from chainnode.verify.header import CertifiedHeader, refused
from chainnode.verify.record import RECORD_NAMES, BlockRecordFacts, verify_record_fields
from chainnode.verify.rows import Half, read_half
from chainnode.verify.strict_json import (
    JsonValue,
    as_array,
    as_fields,
    as_hex,
    as_integer,
    as_text,
)
from chainnode.verify.trust import Trust

KIND = "disclosure"
MESSAGES = ("request", "response")
FIELDS_SHOWN_MAX = 4096
_NAMES = (*RECORD_NAMES, "message", "size", "fields")
_FIELD_NAMES = ("index", "salt", "name", "value", "path")
_SALT_BYTES = 16
_TEXT_CHARACTERS_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureFacts:
    """The recorded half of a call, and some of the fields of one of its messages.

    How many others the message has is not proven.
    """

    record: RecordFacts | BlockRecordFacts
    message: str
    fields: tuple[Field, ...] = field(repr=False)

    @property
    def header(self) -> CertifiedHeader:
        """The header under which the record stands."""
        return self.record.header


def verify_disclosure_evidence(evidence: JsonValue, trust: Trust) -> DisclosureFacts:
    """Check `kind: "disclosure"`.

    Raises:
        InvalidEvidence: the record is not proven, it is no half of a call, it holds no
            commitment to this message, or a field is not under it.

    """
    fields, header = open_envelope(
        evidence, trust, kind=KIND, names=_NAMES, version=EVIDENCE_VERSION_2
    )
    record = verify_record_fields(fields, header, trust)
    message = as_text(fields["message"], "message", characters_max=16)
    if message not in MESSAGES:
        raise UnreadableEvidence(
            check="message", expected=" or ".join(MESSAGES), actual=f"{message!r}"
        )
    disclosure = _disclosure(fields["size"], fields["fields"])
    try:
        verify_disclosure(trust.suite.digest, disclosure, root=_commitment(record, message))
    except InvalidProof as error:
        raise refused("disclosure", error) from error
    except IllegalFields as error:
        raise InvalidEvidence(
            check="disclosure", expected=error.expected, actual=error.actual
        ) from error
    return DisclosureFacts(
        record=record,
        message=message,
        fields=tuple(one.field for one in disclosure.fields),
    )


def _disclosure(size: JsonValue, shown: JsonValue) -> Disclosure:
    fields = tuple(
        _shown_field(one) for one in as_array(shown, "fields", size_max=FIELDS_SHOWN_MAX)
    )
    if not fields:
        raise UnreadableEvidence(check="fields", expected="at least one", actual="none")
    return Disclosure(size=as_integer(size, "size"), fields=fields)


def _shown_field(value: JsonValue) -> ShownField:
    one = as_fields(value, "field", _FIELD_NAMES)
    return ShownField(
        index=as_integer(one["index"], "index"),
        salt=as_hex(one["salt"], "salt", size=_SALT_BYTES),
        field=Field(
            as_text(one["name"], "name", characters_max=_TEXT_CHARACTERS_MAX),
            as_text(one["value"], "value", characters_max=_TEXT_CHARACTERS_MAX),
        ),
        path=read_path(one["path"]),
    )


def recorded_half(record: RecordFacts | BlockRecordFacts) -> Half:
    """Return the public part of a half.

    Raises:
        InvalidEvidence: the record is no half of a call, or its body is not shown.

    """
    entry = record.entry
    half = None if record.call is None else read_half(entry, record.call)
    if half is not None:
        return half
    raise InvalidEvidence(
        check="disclosure",
        expected="the record of one side of a call, with its body",
        actual=f"{entry.contract} {entry.contract_version}",
    )


def _commitment(record: RecordFacts | BlockRecordFacts, message: str) -> bytes:
    """Return what the half holds; an empty one binds nothing, so no field is under it."""
    half = recorded_half(record)
    root = half.request_commitment if message == "request" else half.response_commitment
    if not root:
        raise InvalidEvidence(
            check="disclosure", expected=f"a commitment to the {message}", actual="none"
        )
    return root
