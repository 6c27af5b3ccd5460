"""Evidence that a list is the whole list: trails under the index root of a certified header.

docs/wire-format.md §10 and §11, docs/verification.md. A trail shows a gapless run of the rows
of one index key; `complete` is a conclusion drawn here and never a claim that is read. Entries
before the period and after it are shown only to prove that nothing of the period is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from chainnode.codec import InvalidEncoding
from chainnode.ledger.merkle import InvalidProof, hash_leaf
from chainnode.ledger.proofs import verify_record
from chainnode.ledger.trail_proofs import (
    DISCLOSED_ROWS_MAX,
    PROOF_LIMITS,
    ProvenTrail,
    TrailProof,
    covered_until_ms,
    decode_trail_proof,
    verify_continuation,
    verify_trail_proof,
)
from chainnode.ledger.trails import Trail
from chainnode.ledger.types import Entry
from chainnode.submission import Call
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.evidence import (
    ENTRY_BYTES_MAX,
    open_envelope,
    read_body,
    read_entry,
    read_path,
    unreadable,
)
from chainnode.verify.forms import EVIDENCE_VERSION_2
from chainnode.verify.header import CertifiedHeader, refused, require_equal
from chainnode.verify.strict_json import (
    JsonValue,
    as_array,
    as_base64,
    as_fields,
    as_integer,
)
from chainnode.verify.trust import Trust

KIND = "trail"
# A question names at most 16 values, each in a few key epochs.
TRAILS_MAX = 64
# docs/wire-format.md §9: keys of other rules might begin later than the chain.
INDEX_RULES = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailRow:
    """An entry at its position in the log; `call` is what it recorded, when shown."""

    position: int
    entry: Entry
    call: Call | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailListing:
    """What is proven of one index key.

    `rows` are gapless from row number `first_row` on, of `trail.rows` below the index size;
    before `complete_to_ms` no entry of the period is missing (None: that is not proven).
    """

    index_key: bytes
    trail: Trail
    first_row: int
    rows: tuple[TrailRow, ...] = field(repr=False)
    complete_to_ms: int | None
    proof: TrailProof = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailFacts:
    """Trails for a period of ledger time, ascending by index key.

    `to_ms` is the end that was asked for, or `as_of_ms` where none was; every entry with a lower
    block time than `as_of_ms` is covered by the index.
    """

    header: CertifiedHeader
    from_ms: int
    to_ms: int
    as_of_ms: int
    listings: tuple[TrailListing, ...]

    @property
    def index_keys(self) -> tuple[bytes, ...]:
        """The keys whose trails are shown: whether they are those asked for, the asker knows."""
        return tuple(one.index_key for one in self.listings)

    @property
    def complete_to_ms(self) -> int | None:
        """Before this time no entry of the period is missing in any trail; None: not proven."""
        ends = [one.complete_to_ms for one in self.listings]
        known = [one for one in ends if one is not None]
        return min(*known, self.to_ms) if len(known) == len(ends) else None

    @property
    def is_complete(self) -> bool:
        """Whether every trail is proven whole for the whole period, which has begun."""
        return self.from_ms <= self.to_ms == self.complete_to_ms

    def rows(self) -> tuple[TrailRow, ...]:
        """Return the shown entries of the period, each once, ascending by position."""
        found = {
            row.position: row
            for listing in self.listings
            for row in listing.rows
            if self.from_ms <= row.entry.time_ms < self.to_ms
        }
        return tuple(found[position] for position in sorted(found))


def verify_trail_evidence(evidence: JsonValue, trust: Trust) -> TrailFacts:
    """Check `kind: "trail"`.

    Raises:
        UnreadableEvidence: it does not decode.
        InvalidEvidence: a check fails; the row, chunk, trail or tail is not what it claims.

    """
    names = ("from_ms", "to_ms", "tail", "trails")
    fields, header = open_envelope(
        evidence, trust, kind=KIND, names=names, version=EVIDENCE_VERSION_2
    )
    rules = header.header.head.index_rules
    if rules != INDEX_RULES:
        raise InvalidEvidence(
            check="rules", expected=f"index rules {INDEX_RULES}", actual=f"{rules}"
        )
    as_of_ms = _as_of_ms(fields["tail"], header, trust)
    from_ms = as_integer(fields["from_ms"], "from_ms")
    to_ms = as_integer(fields["to_ms"], "to_ms") or as_of_ms
    if fields["to_ms"] and from_ms > to_ms:
        raise InvalidEvidence(check="period", expected=f"from ≤ {to_ms}", actual=f"{from_ms}")
    reader = _TrailReader(header=header, trust=trust, from_ms=from_ms, as_of_ms=as_of_ms)
    trails = as_array(fields["trails"], "trails", size_max=TRAILS_MAX)
    listings = tuple(reader.read(one) for one in trails)
    keys = [one.index_key for one in listings]
    if not keys or any(left >= right for left, right in pairwise(keys)):
        raise InvalidEvidence(
            check="trails", expected="one or more, ascending by index key", actual=f"{len(keys)}"
        )
    return TrailFacts(
        header=header, from_ms=from_ms, to_ms=to_ms, as_of_ms=as_of_ms, listings=listings
    )


def require_continuation(listing: TrailListing, held: Trail) -> None:
    """Check that a proven trail goes on where one ended that was proven before.

    Raises:
        InvalidEvidence: rows that were proven before are no longer there, or are not the same.

    """
    try:
        verify_continuation(held, listing.proof)
    except InvalidProof as error:
        raise refused("held", error) from error


def _as_of_ms(tail: JsonValue, header: CertifiedHeader, trust: Trust) -> int:
    """Return before which ledger time every entry is below the index size."""
    head = header.header.head
    shown = as_array(tail, "tail", size_max=1)
    if head.index_size == head.log_size:
        if shown:
            raise InvalidEvidence(check="tail", expected="none", actual="an entry")
        return head.time_ms
    if not shown:
        raise InvalidEvidence(
            check="tail", expected=f"the entry at position {head.index_size}", actual="none"
        )
    fields = as_fields(shown[0], "tail", ("entry", "path"))
    data = as_base64(fields["entry"], "entry", bytes_max=ENTRY_BYTES_MAX)
    entry = read_entry(data)
    try:
        verify_record(
            trust.suite.digest,
            header=header.header,
            entry=data,
            position=head.index_size,
            path=read_path(fields["path"]),
        )
    except InvalidProof as error:
        raise refused("tail", error) from error
    return entry.time_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class _TrailReader:
    """Reads the trails of one evidence, under its header and for its period."""

    header: CertifiedHeader
    trust: Trust
    from_ms: int
    as_of_ms: int

    def read(self, value: JsonValue) -> TrailListing:
        """Check one trail with its entries and bodies."""
        fields = as_fields(value, "trail", ("proof", "entries", "bodies"))
        proof, proven = self._proven(fields["proof"])
        count = len(proven.rows)
        entries = as_array(fields["entries"], "entries", size_max=DISCLOSED_ROWS_MAX)
        bodies = as_array(fields["bodies"], "bodies", size_max=DISCLOSED_ROWS_MAX)
        if (len(entries), len(bodies)) != (count, count):
            raise InvalidEvidence(
                check="entries",
                expected=f"{count}, and as many bodies",
                actual=f"{len(entries)} and {len(bodies)}",
            )
        rows = tuple(
            self._row(position, leaf, entry, body, proven.index_key)
            for (position, leaf), entry, body in zip(proven.rows, entries, bodies, strict=True)
        )
        _require_order([row.entry for row in rows], self.header)
        return TrailListing(
            index_key=proven.index_key,
            trail=proven.trail,
            first_row=proven.first_row,
            rows=rows,
            complete_to_ms=covered_until_ms(
                proven.trail,
                first_row=proven.first_row,
                times_ms=[row.entry.time_ms for row in rows],
                from_ms=self.from_ms,
                as_of_ms=self.as_of_ms,
            ),
            proof=proof,
        )

    def _proven(self, value: JsonValue) -> tuple[TrailProof, ProvenTrail]:
        data = as_base64(value, "proof", bytes_max=PROOF_LIMITS.bytes_max)
        try:
            proof = decode_trail_proof(data)
        except InvalidEncoding as error:
            raise unreadable("proof", error) from error
        header = self.header.header
        try:
            proven = verify_trail_proof(
                self.trust.suite.digest,
                bits=self.trust.parameters.index_map_bits,
                index_root=header.rest.index_root,
                index_size=header.head.index_size,
                proof=proof,
            )
        except InvalidProof as error:
            raise refused("trail", error) from error
        return proof, proven

    def _row(
        self, position: int, leaf: bytes, entry: JsonValue, body: JsonValue, key: bytes
    ) -> TrailRow:
        data = as_base64(entry, "entry", bytes_max=ENTRY_BYTES_MAX)
        require_equal("entries", leaf, hash_leaf(self.trust.suite.digest, data))
        decoded = read_entry(data)
        if key not in decoded.index_keys:
            raise InvalidEvidence(
                check="key", expected="the index key of the trail", actual="an entry without it"
            )
        return TrailRow(position=position, entry=decoded, call=read_body(body, decoded, self.trust))


def _require_order(entries: Sequence[Entry], header: CertifiedHeader) -> None:
    """Check that ledger time runs forward: what stands between two entries is between them."""
    places = [(one.height, one.time_ms) for one in entries]
    places.append((header.height, header.time_ms))
    for left, right in pairwise(places):
        if left[0] > right[0] or left[1] > right[1]:
            raise InvalidEvidence(check="order", expected=f"at or after {left}", actual=f"{right}")
