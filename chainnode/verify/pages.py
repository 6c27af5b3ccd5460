"""The pages of an answer in one file, as `kun audit query --evidence` keeps them.

A page is evidence of kind `trail`, or a list of records of which each is proven alone. The file
does not carry the question: what is proven is whole for the index keys that the pages name, and
whoever needs the question beside it exports the answer (`chainnode.verify.export`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chainnode.verify.answer import join_pages
from chainnode.verify.epochs import verify_placed_header
from chainnode.verify.errors import InvalidEvidence, UnreadableEvidence
from chainnode.verify.evidence import RecordFacts, verify_record_item
from chainnode.verify.header import CertifiedHeader
from chainnode.verify.strict_json import (
    JsonObject,
    JsonValue,
    as_array,
    as_constant,
    as_fields,
    as_integer,
    as_object,
)
from chainnode.verify.trail import TrailRow, verify_trail_evidence
from chainnode.verify.trust import Trust

PAGES_FORMAT = "kunlian-audit-answer"
PAGES_VERSION = 1
# As many as the archive of an export has room for; the bound of bytes holds earlier.
_PAGES_MAX = 1000
_ITEMS_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesFacts:
    """What the pages prove together; `index_keys` is empty where records stand alone."""

    header: CertifiedHeader
    index_keys: tuple[bytes, ...]
    rows: tuple[RecordFacts | TrailRow, ...] = field(repr=False)
    is_complete: bool
    complete_to_ms: int | None


def pages_form(pages: Sequence[JsonObject]) -> JsonObject:
    """Return the file's content for the pages of an answer as they came."""
    return {"format": PAGES_FORMAT, "version": PAGES_VERSION, "pages": [*pages]}


def verify_pages(document: JsonValue, trust: Trust) -> PagesFacts:
    """Check every page, and that they go on where the one before ended.

    Raises:
        UnreadableEvidence: it does not decode.
        InvalidEvidence: a check of a page fails, or the pages do not belong together.

    """
    fields = as_fields(document, "answer", ("format", "version", "pages"))
    as_constant(fields["format"], "format", PAGES_FORMAT)
    as_constant(fields["version"], "version", PAGES_VERSION)
    pages = [
        as_object(one, "page") for one in as_array(fields["pages"], "pages", size_max=_PAGES_MAX)
    ]
    if not pages:
        raise UnreadableEvidence(check="pages", expected="one or more", actual="none")
    if any(one.get("evidence") is not None for one in pages):
        return _proven(pages, trust)
    return _listed(pages, trust)


def _proven(pages: Sequence[JsonObject], trust: Trust) -> PagesFacts:
    evidence = [as_object(one.get("evidence"), "evidence") for one in pages]
    trails = [verify_trail_evidence(one, trust) for one in evidence]
    keys = frozenset(key for one in trails for key in one.index_keys)
    answer = join_pages(
        trails,
        keys=keys,
        from_ms=trails[0].from_ms,
        to_ms=as_integer(evidence[0]["to_ms"], "to_ms"),
    )
    return PagesFacts(
        header=answer.header,
        index_keys=tuple(sorted(keys)),
        rows=answer.rows,
        is_complete=answer.is_complete,
        complete_to_ms=answer.complete_to_ms,
    )


def _listed(pages: Sequence[JsonObject], trust: Trust) -> PagesFacts:
    headers = [verify_placed_header(one, trust) for one in pages]
    rows = [
        verify_record_item(item, header, trust)
        for one, header in zip(pages, headers, strict=True)
        for item in as_array(one.get("items"), "items", size_max=_ITEMS_MAX)
    ]
    positions = [one.position for one in rows]
    if positions != sorted(set(positions)):
        raise InvalidEvidence(
            check="order", expected="ascending positions", actual="another order, or one twice"
        )
    return PagesFacts(
        header=headers[0],
        index_keys=(),
        rows=tuple(rows),
        is_complete=False,
        complete_to_ms=None,
    )
