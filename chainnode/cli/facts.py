"""What `kun audit verify` says of evidence: one JSON document for each kind."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chainnode.verify import BlockRecordFacts, CertifiedHeader, Facts, RecordFacts
    from chainnode.verify.answer import AnswerFacts
    from chainnode.verify.export import ExportFacts
    from chainnode.verify.export_forms import AnsweredQuestion
    from chainnode.verify.pages import PagesFacts


def facts_document(facts: "Facts") -> dict[str, object]:
    """Return what is proven, and under which header."""
    from chainnode.verify import EquivocationFacts, ForkFacts

    match facts:
        case EquivocationFacts():
            found: dict[str, object] = {
                "kind": "equivocation",
                "replica_id": facts.replica_id,
                "organisation": facts.organisation,
                "slot": list(facts.slot),
            }
        case ForkFacts():
            found = {
                "kind": "fork",
                "epoch": facts.first.epoch,
                "height": facts.height,
                "headers": [one.digest.hex() for one in (facts.first, facts.second)],
                "signers": [list(one.signers) for one in (facts.first, facts.second)],
                "signed_both": list(facts.on_both_sides),
            }
        case _:
            found = {**_content(facts), **under(facts.header)}
    return {"proven": True, **found}


def _content(facts: "Facts") -> dict[str, object]:
    from chainnode.verify import ReceiptFacts, RecordFacts, StateFacts
    from chainnode.verify.consistency import ConsistencyFacts
    from chainnode.verify.disclosure import DisclosureFacts
    from chainnode.verify.found import shown_row
    from chainnode.verify.record import BlockRecordFacts
    from chainnode.verify.trail import TrailFacts

    found: dict[str, object] = {"kind": "certificate"}
    match facts:
        case RecordFacts():
            found = {"kind": "record", **shown_row(facts), **_author(facts)}
        case BlockRecordFacts():
            found = {"kind": "record", **_in_block(facts), **_author(facts)}
        case ReceiptFacts(receipt=receipt):
            shown = {"submission": receipt.submission_digest.hex(), "code": receipt.code}
            found = {"kind": "receipt", **shown, "calls": [one.code for one in receipt.calls]}
        case StateFacts(values=values):
            items = {name.hex(): value is not None for name, value in values.items()}
            found = {"kind": "state", "present": items}
        case TrailFacts():
            found = {
                "kind": "trail",
                "index_keys": [one.hex() for one in facts.index_keys],
                "items": [shown_row(one) for one in facts.rows()],
                "complete": facts.is_complete,
                **completeness(facts.complete_to_ms),
            }
        case DisclosureFacts(record=record):
            found = {
                "kind": "disclosure",
                "record": _content(record),
                "message": facts.message,
                "fields": {one.name: one.value for one in facts.fields},
            }
        case ConsistencyFacts():
            found = {"kind": "consistency", "older_height": facts.older.height}
    return found


def _in_block(facts: "BlockRecordFacts") -> dict[str, object]:
    """Return a record as everywhere else; at which position of the log it stands is not shown."""
    from chainnode.verify.found import shown_record

    return {"position": None, **shown_record(facts.entry, facts.call)}


def _author(facts: "RecordFacts | BlockRecordFacts") -> dict[str, object]:
    """Return by which key the sender signed the record, null where that is not shown."""
    author, entry = facts.author, facts.entry
    if author is None:
        return {"author": None}
    shown = {"organisation": entry.organisation, "key_id": entry.key_id.hex()}
    return {"author": {**shown, "public_key": author.public_key.hex(), "nonce": author.nonce}}


def export_document(facts: "ExportFacts", *, reads_parquet: bool = False) -> dict[str, object]:
    """Return what an export proves; a table in Parquet is read where it can be.

    Raises:
        InvalidEvidence: that table says something else than what is proven.

    """
    questions = [_question(one) for one in facts.questions]
    return {
        "proven": True,
        "kind": "export",
        "version": facts.version,
        "question": questions[0],
        "questions": questions,
        **answer_facts(facts.answer),
        "exported_from": facts.organisation,
        "parts": _parts(facts, reads_parquet=reads_parquet),
        "page": facts.has_page,
        "page_same": _is_our_page(facts),
    }


def _question(answered: "AnsweredQuestion") -> dict[str, object]:
    """Return who asked what and why; what is attested is the auditor's word and marked so."""
    question, told = answered.question, answered.attested
    document: dict[str, object] = {
        "digest": question.record.entry.submission_digest.hex(),
        "asked_by": question.record.entry.organisation,
        "kind": question.kind.name.lower(),
        "purpose": question.purpose,
        "complete": answered.answer.is_complete,
        "rows": len(answered.answer.rows),
    }
    if told is None:
        return document
    places = [{"department": name, "key_epoch": epoch} for name, epoch in told.places]
    attested = {"by": "auditor", "custodian": told.custodian, "places": places}
    return {**document, "attested_not_proven": attested}


def _parts(facts: "ExportFacts", *, reads_parquet: bool) -> dict[str, str]:
    """Return what stands behind each rendering in the file: proof, or signatures alone."""
    from chainnode.reports import can_read_parquet, require_parquet
    from chainnode.verify.archive import CSV, PARQUET, ROWS

    parts = dict.fromkeys([ROWS, *([CSV] if facts.has_csv else [])], "proven")
    parts |= dict.fromkeys(facts.signed_alone, "signed")
    if reads_parquet and PARQUET in parts and can_read_parquet():
        require_parquet(facts.signed_alone[PARQUET], facts.answer.rows)
        parts[PARQUET] = "signed, its rows are those proven"
    return parts


def _is_our_page(facts: "ExportFacts") -> bool | None:
    """Return whether the page that came along is, byte for byte, that of this release."""
    from chainnode.pages import verify_page

    if facts.page_digest is None:
        return None
    return facts.page_digest == facts.answer.header.trust.suite.digest(verify_page())


def answer_facts(answer: "AnswerFacts") -> dict[str, object]:
    """Return the rows of an answer, how far they are proven to be all, and by whose signatures."""
    from chainnode.verify.found import shown_row

    return {
        "items": [shown_row(one) for one in answer.rows],
        "complete": answer.is_complete,
        **completeness(answer.complete_to_ms),
        **under(answer.header),
    }


def pages_document(facts: "PagesFacts") -> dict[str, object]:
    """Return what the kept pages of an answer prove, for the index keys that they name."""
    from chainnode.verify.found import shown_row

    return {
        "proven": True,
        "kind": "answer",
        "index_keys": [one.hex() for one in facts.index_keys],
        "items": [shown_row(one) for one in facts.rows],
        "complete": facts.is_complete,
        **completeness(facts.complete_to_ms),
        **under(facts.header),
    }


def completeness(complete_to_ms: int | None) -> dict[str, object]:
    """Return before which ledger time no record is missing, null where that is not proven."""
    from chainnode.verify.verdict import local_time

    return {"complete_to": None if complete_to_ms is None else local_time(complete_to_ms)}


def under(header: "CertifiedHeader") -> dict[str, object]:
    """Return the header that everything stands under, and who signed it."""
    from chainnode.verify.verdict import local_time

    return {
        "as_of_height": header.height,
        "as_of_time": local_time(header.time_ms),
        "signers": list(header.signers),
        "members": len(header.trust.epochs[header.epoch]),
    }
