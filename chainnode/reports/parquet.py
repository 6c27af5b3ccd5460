"""`rows.parquet` of an export: proven records for data tools, written and held against the proofs.

Its bytes depend on the library's version, so a verifier compares rows where bytes differ. Read is
only what this writer writes: uncompressed, without dictionaries, one schema, as many rows as are
proven. docs/wire-format.md §12, ADR-0032.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.rows import ProvenRecord, read_half, row_document
from chainnode.verify.strict_json import JsonObject, JsonValue

CHECK = "parquet"
_TIME = pa.timestamp("ms", tz="UTC")
SCHEMA = pa.schema(
    [
        *((name, pa.int64()) for name in ("position", "height")),
        ("time", _TIME),
        *((name, pa.string()) for name in ("organisation", "contract", "action")),
        ("code", pa.int64()),
        *((name, pa.string()) for name in ("submission", "call_id", "side")),
        *((name, pa.string()) for name in ("requester", "provider", "item", "outcome")),
        *((name, pa.int64()) for name in ("status", "count")),
        ("requested", _TIME),
        ("subjects", pa.list_(pa.string())),
        ("purpose", pa.string()),
    ]
)
_ENVELOPE = ("position", "height", "organisation", "contract", "action", "submission", "purpose")
_OF_CALL = (
    *("call_id", "side", "requester", "provider", "item", "outcome"),
    *("status", "count", "subjects"),
)


def parquet_rows(records: Sequence[ProvenRecord]) -> bytes:
    """Return `rows.parquet`; one version of the library gives one form."""
    table = pa.Table.from_pylist([_row(one) for one in records], schema=SCHEMA)
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        compression="NONE",
        use_dictionary=False,
        write_statistics=False,
        store_schema=False,
    )
    return bytes(sink.getvalue())


def require_same_rows(data: bytes, records: Sequence[ProvenRecord]) -> None:
    """Check that a `rows.parquet` says what is proven.

    Raises:
        InvalidEvidence: it cannot be read, or says something else.

    """
    if data == parquet_rows(records):
        return
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        is_plain = _is_plain(file.metadata, rows=len(records), size=len(data))
        is_same = is_plain and file.schema_arrow.equals(SCHEMA) and _is_same(file, records)
    # What the library raises for hostile bytes is not documented as a whole.
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        raise _refused(type(error).__name__) from error
    if not is_same:
        raise _refused("other rows, or another form")


def _is_plain(metadata: pq.FileMetaData, *, rows: int, size: int) -> bool:
    """Tell whether what the file says of itself lets no few bytes stand for many."""
    groups = [metadata.row_group(at) for at in range(min(metadata.num_row_groups, rows + 1))]
    columns = [group.column(at) for group in groups for at in range(group.num_columns)]
    return (
        metadata.num_rows == rows
        and len(groups) == metadata.num_row_groups
        and all(one.compression == "UNCOMPRESSED" for one in columns)
        and not any(one.has_dictionary_page for one in columns)
        and sum(one.total_uncompressed_size for one in columns) <= size
    )


def _is_same(file: pq.ParquetFile, records: Sequence[ProvenRecord]) -> bool:
    expected = pa.Table.from_pylist([_row(one) for one in records], schema=SCHEMA)
    return bool(file.read(use_threads=False).equals(expected))


def _row(found: ProvenRecord) -> JsonObject:
    document = row_document(found)
    call = document["call"]
    told = call if isinstance(call, dict) else {}
    half = None if found.call is None else read_half(found.entry, found.call)
    row: dict[str, JsonValue] = {name: document[name] for name in _ENVELOPE}
    return {
        **row,
        **{name: told.get(name) for name in _OF_CALL},
        "code": document["outcome"],
        "time": found.entry.time_ms,
        "requested": None if half is None else half.requested_ms,
    }


def _refused(actual: str) -> InvalidEvidence:
    return InvalidEvidence(
        check=CHECK, expected="a table of the records that are proven", actual=actual
    )
