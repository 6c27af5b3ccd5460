"""One trail under one header: which of its rows to show, and the proof that they are the ones.

The read model finds rows; every number that it gives is held against the ledger's entries and
the index root. Whatever does not agree is `DamagedReadModel`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chainnode.audit import AuditDatabase, DamagedReadModel, InvalidAuditQuery, InvalidCursor
from chainnode.audit.port import RowPlace, TrailState
from chainnode.audit.trail_rows import TrailRows
from chainnode.ledger.chain import Ledger
from chainnode.ledger.codec import decode_entry
from chainnode.ledger.errors import Pruned, UnknownPosition
from chainnode.ledger.merkle import Hash, InvalidProof, hash_leaf
from chainnode.ledger.trail_building import NO_ROWS, Listing, RowRange, build_trail_proof
from chainnode.ledger.trail_proofs import (
    ProvenTrail,
    TrailProof,
    encode_trail_proof,
    verify_trail_proof,
)
from chainnode.ledger.trails import EMPTY_TRAIL, decode_trail
from chainnode.ledger.types import Header
from chainnode.verify.forms import TrailItem

_NO_STATE = TrailState(identity=0)

Body = tuple[str, bytes, bytes] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which log positions are asked for, `low … stop − 1`: bodies are shown of no others.

    `stop` is never above the index size at the first page: the answer ends there.
    """

    low: int
    stop: int

    def asks_for(self, position: int) -> bool:
        """Tell whether the row there is one that was asked for, not a boundary."""
        return self.low <= position < self.stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one page may still cost: rows, bytes of entries and bodies, and time."""

    rows: int
    bytes: int
    is_late: Callable[[], bool]

    @property
    def is_spent(self) -> bool:
        """Whether the next row belongs on another page."""
        return self.rows <= 0 or self.bytes <= 0 or self.is_late()

    def less(self, run: "Run") -> "Budget":
        """Return what is left after a run."""
        return Budget(
            rows=self.rows - len(run.places), bytes=self.bytes - run.size, is_late=self.is_late
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where a run begins: at the first row from `position` on.

    `is_row`: that row stands exactly there. `chunk`: and it is the first of this chunk. Neither:
    the run itself must show that no row of the period stands before it.
    """

    position: int
    is_row: bool = False
    chunk: int | None = None

    def holds(self, proof: TrailProof, proven: ProvenTrail, window: Window) -> bool:
        """Tell whether a verified proof begins here."""
        first = proven.rows[0][0]
        if self.chunk is not None:
            return proof.first_chunk == self.chunk and not proof.chunks[0].start
        if self.is_row:
            return first == self.position
        return not proven.first_row or first < window.low


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Neighbouring rows with their entries and bodies.

    `following` is the position of the next row that has to be shown, None at the end.
    """

    places: tuple[RowPlace, ...]
    entries: tuple[bytes, ...] = field(repr=False)
    bodies: tuple[Body, ...] = field(repr=False)
    following: int | None

    @property
    def size(self) -> int:
        """Bytes of entries and bodies."""
        return sum(map(len, self.entries)) + sum(map(_size_of, self.bodies))


class TrailUnderHeader:
    """The trail of one key as the index of one header binds it; for one page."""

    def __init__(
        self,
        ledger: Ledger,
        database: AuditDatabase,
        *,
        h: Hash,
        bits: int,
        header: Header,
        key: bytes,
    ) -> None:
        """Find the trail in index and read model.

        Raises:
            DamagedReadModel: the two count different rows.
            Pruned: some of its rows stand below the snapshot of this node.

        """
        self._ledger = ledger
        self._database = database
        self._h = h
        self._bits = bits
        self._header = header
        self._key = key
        (item,) = ledger.index_proof((key,), header.height)
        trail = None if item.value is None else decode_trail(item.value)
        self._listing = Listing(index_key=key, trail=trail, map_proof=item.proof)
        self.trail = trail or EMPTY_TRAIL
        self._state = database.states((key,)).get(key, _NO_STATE)
        self._entries: dict[int, bytes] = {}
        self._submissions = ledger.submissions()
        self._require_counts()

    def start_of_period(self, window: Window) -> Start:
        """Begin with the row before the period, or with the first row of all."""
        before = self._database.row_before(self._state.identity, window.low)
        return Start(position=0 if before is None else before.position)

    def start_of_chunk(self, number: int) -> Start:
        """Begin with a chunk.

        Raises:
            InvalidAuditQuery: there is no such chunk.

        """
        if number >= self.trail.chunks:
            raise InvalidAuditQuery(
                what="chunks", expected=f"at most {self.trail.chunks}", actual=f"{number}"
            )
        found = self._database.chunks(self._state.identity, number, number + 1)
        if not found:
            raise DamagedReadModel("chunks of a trail: expected another one, got none")
        return Start(position=found[0].first_position, chunk=number)

    def start_at_row(self, position: int) -> Start:
        """Begin with the row at a log position, as a cursor says.

        Raises:
            InvalidCursor: the entry there is not below the index size, or has another key.

        """
        is_covered = position < self._header.head.index_size
        if not is_covered or self._key not in decode_entry(self._entry(position)).index_keys:
            raise InvalidCursor(what="cursor", expected="a row of the trail", actual=f"{position}")
        return Start(position=position, is_row=True)

    def first_row_from(self, position: int) -> int:
        """Return the position of the first row that stands at `position` or behind."""
        found = self._database.rows_from(self._state.identity, position, limit=1)
        if not found:
            raise DamagedReadModel("rows of a trail: expected one or more, got none")
        return found[0].position

    def run(self, start: int, window: Window, budget: Budget) -> Run:
        """Choose the rows from `start` on: those of the window, and one boundary behind them.

        The boundary stands behind the pin as well: where the trail has grown since the first
        page, nobody could tell without it that no row was left out. At most as many as the
        budget allows, and the first one always.

        Raises:
            DamagedReadModel: there is none, though the trail is not empty.

        """
        found = self._database.rows_from(self._state.identity, start, limit=budget.rows + 2)
        size = self._header.head.index_size
        below = [one for one in found if one.position < size]
        inside = sum(one.position < window.stop for one in below)
        asked = below[: inside + 1]
        if not asked:
            raise DamagedReadModel("rows of a trail: expected one or more, got none")
        shown = self._read(asked[: budget.rows], window, budget)
        is_cut = len(shown) < len(asked)
        return Run(
            places=tuple(asked[: len(shown)]),
            entries=tuple(entry for entry, _ in shown),
            bodies=tuple(body for _, body in shown),
            following=asked[len(shown)].position if is_cut else None,
        )

    def item(self, run: Run, window: Window, start: Start) -> TrailItem:
        """Return the verified proof of a run.

        A run that is not followed by another must prove that none of the window stands behind.

        Raises:
            DamagedReadModel: it does not verify, or rows of the window may be missing.

        """
        proof, proven = self._verified(run.places)
        last = proven.rows[-1][0]
        is_ended = run.following is not None or proven.is_to_end or last >= window.stop
        if not is_ended or not start.holds(proof, proven, window):
            raise DamagedReadModel("rows of a trail: expected all of a period, got fewer")
        return TrailItem(proof=encode_trail_proof(proof), entries=run.entries, bodies=run.bodies)

    def bare_item(self) -> TrailItem:
        """Return the verified proof of how many rows and chunks the trail has, none included."""
        proof, _ = self._verified(())
        return TrailItem(proof=encode_trail_proof(proof), entries=(), bodies=())

    def _require_counts(self) -> None:
        """Compare how many rows index and read model count below the index size."""
        above = self._database.rows_from(
            self._state.identity, self._header.head.index_size, limit=1
        )
        rows = above[0].row if above else self._state.rows
        progress = self._database.progress()
        if above and above[0].position >= progress.log_size:
            raise DamagedReadModel("rows of a trail: expected those that were followed")
        if rows == self.trail.rows:
            return
        if progress.first_position and rows < self.trail.rows:
            raise Pruned(what="position", asked=0, oldest=progress.first_position)
        raise DamagedReadModel(f"rows of a trail: expected {self.trail.rows}, got {rows}")

    def _read(
        self, places: Sequence[RowPlace], window: Window, budget: Budget
    ) -> list[tuple[bytes, Body]]:
        """Read entries and bodies as far as the budget goes."""
        shown: list[tuple[bytes, Body]] = []
        size = 0
        for place in places:
            if shown and budget.is_late():
                break
            data = self._entry(place.position)
            body = self._body(place.position) if window.asks_for(place.position) else None
            size += len(data) + _size_of(body)
            if shown and size > budget.bytes:
                break
            shown.append((data, body))
        return shown

    def _body(self, position: int) -> Body:
        return self._ledger.call_parts(position, submissions=self._submissions)

    def _verified(self, places: Sequence[RowPlace]) -> tuple[TrailProof, ProvenTrail]:
        """Build the proof that discloses these rows, and check it under the header."""
        source = TrailRows(
            self._h, self._database, trail=self._state.identity, run=places, leaf=self._leaf
        )
        shown = NO_ROWS
        if places:
            shown = RowRange(start=places[0].row, stop=places[-1].row + 1)
        if shown.stop - shown.start != len(places):
            raise DamagedReadModel("rows of a trail: expected neighbours, got others")
        try:
            proof = build_trail_proof(self._h, self._listing, shown=shown, source=source)
            proven = verify_trail_proof(
                self._h,
                bits=self._bits,
                index_root=self._header.rest.index_root,
                index_size=self._header.head.index_size,
                proof=proof,
            )
        except InvalidProof as error:
            raise DamagedReadModel(f"proof of a trail: {error.what}") from error
        return proof, proven

    def _leaf(self, position: int) -> bytes:
        return hash_leaf(self._h, self._entry(position))

    def _entry(self, position: int) -> bytes:
        """Read an entry of the ledger once; a position beyond the log came from the read model."""
        entry = self._entries.get(position)
        if entry is None:
            try:
                entry = self._entries[position] = self._ledger.entry(position)
            except UnknownPosition as error:
                raise DamagedReadModel(
                    "position of a row: expected one in the log, got another"
                ) from error
        return entry


def _size_of(body: Body) -> int:
    return 0 if body is None else sum(len(part) for part in body)
