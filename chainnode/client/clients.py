"""`Client` and `AsyncClient`: the SDK's two doors, equal in what they decide.

Both are thin: every method hands a plan (`submitting`, `verifying`, `reading`, `asking`) to a
transport.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Self, TypeVar, Unpack

from chainnode.analysis.lineage import Lineage
from chainnode.client import (
    asking,
    authored,
    call_lookup,
    codes,
    exporting,
    following,
    pair_keys,
    reading,
    submitting,
    verifying,
)
from chainnode.client.asking import PAGE_ROWS_DEFAULT
from chainnode.client.call_lookup import CallFound, Lookup
from chainnode.client.codes import CertificateCode
from chainnode.client.exporting import Exported, ExportParts
from chainnode.client.following import ChainEvent
from chainnode.client.opening import Keyring, opened_parts
from chainnode.client.pair_keys import Reader
from chainnode.client.reading import NameT, StateRow
from chainnode.client.results import AuditAnswer, NodeStatus, Outcome, Unknown, Verification
from chainnode.client.session import open_session, system_ms
from chainnode.client.submitting import WAIT_S_DEFAULT
from chainnode.client.tracing import Tracing, trace
from chainnode.client.transport import AsyncTransport, BlockingTransport, TlsContext, trusting
from chainnode.client.verifying import Judging
from chainnode.exchange import Pair
from chainnode.submission import Call, Submission
from chainnode.suites.port import PrivateKey
from chainnode.verify.evidence import ReceiptFacts, RecordFacts
from chainnode.verify.forms import RecordPlace
from chainnode.verify.header import CertifiedHeader
from chainnode.verify.judge import ONLINE_MAX_AGE_MS_DEFAULT
from chainnode.verify.record import BlockRecordFacts
from chainnode.verify.rows import ProvenRecord
from chainnode.verify.strict_json import JsonObject
from chainnode.verify.trust import Trust
from contracts.schemas.audit import Basis
from contracts.schemas.catalog import ItemRow
from contracts.schemas.grants import GrantRow
from contracts.schemas.index_kinds import IndexKind
from contracts.schemas.members import KeyRow
from contracts.schemas.state import Part, Table

RowT = TypeVar("RowT")


class Client:
    """Blocking client of one chain; may be shared by threads. Close it, or use it in `with`."""

    def __init__(
        self,
        nodes: Sequence[str],
        trust: Trust,
        key: PrivateKey | None = None,
        *,
        tls: TlsContext = None,
        state_file: Path | None = None,
        now_ms: Callable[[], int] = system_ms,
    ) -> None:
        """`nodes` are base URLs, asked in turn; `key` signs submissions and questions.

        Raises:
            ConfigurationError: a malformed URL, or a state file that cannot be used.
            ChainForked: evidence of a fork lies beside the state file.

        """
        self._session = open_session(nodes, trust, key, state_file, now_ms)
        self._transport = BlockingTransport(tls=trusting(self._session.nodes, tls))

    @property
    def trust(self) -> Trust:
        """The anchor that every answer is checked against."""
        return self._session.trust

    def submit(
        self, contract: str, calls: Sequence[Call], *, wait_s: float = WAIT_S_DEFAULT
    ) -> Outcome:
        """See `submitting.submit`: `Final` with proof, `Unknown`, or `Refused` at the door."""
        return self._transport.run(
            submitting.submit(self._session, contract=contract, calls=calls, wait_s=wait_s)
        )

    def ask_again(self, unknown: Unknown, *, wait_s: float = WAIT_S_DEFAULT) -> Outcome:
        """See `submitting.ask_again`."""
        return self._transport.run(submitting.ask_again(self._session, unknown, wait_s=wait_s))

    def verify_file(self, path: Path, **judging: Unpack[Judging]) -> Verification:
        """Judge a file; `FileNotFoundError` when nothing is there."""
        return self._transport.run(
            verifying.verify_content(self._session, verifying.opened(path), **judging)
        )

    def verify_digest(self, digest: bytes, **judging: Unpack[Judging]) -> Verification:
        """See `verifying.verify_digest`."""
        return self._transport.run(verifying.verify_digest(self._session, digest, **judging))

    def verify_identifier(
        self,
        identifier: str,
        *,
        as_of_ms: int | None = None,
        max_age_ms: int = ONLINE_MAX_AGE_MS_DEFAULT,
    ) -> Verification:
        """Judge the certificate with this identifier; no file is seen."""
        return self._transport.run(
            verifying.verify_digest(
                self._session,
                None,
                identifier=identifier,
                as_of_ms=as_of_ms,
                max_age_ms=max_age_ms,
            )
        )

    def certificate_code(self, identifier: str) -> CertificateCode:
        """See `codes.certificate_code`: what a QR code carries, checked."""
        return self._transport.run(codes.certificate_code(self._session, identifier))

    def question(
        self,
        kind: IndexKind,
        values: Sequence[bytes | str],
        *,
        purpose: str,
        period: tuple[int, int] = (0, 0),
        basis: Basis = Basis.SUPERVISION,
        limit: int = PAGE_ROWS_DEFAULT,
        wait_s: float = WAIT_S_DEFAULT,
    ) -> AuditAnswer:
        """See `asking.question`; `period` is [from, to) in ms of ledger time, to 0 = no end."""
        return self._transport.run(
            asking.question(
                self._session,
                kind=kind,
                values=values,
                period=period,
                purpose=purpose,
                basis=basis,
                limit=limit,
                wait_s=wait_s,
            )
        )

    def next_page(self, answer: AuditAnswer, *, limit: int = PAGE_ROWS_DEFAULT) -> AuditAnswer:
        """See `asking.next_page`."""
        return self._transport.run(asking.next_page(self._session, answer, limit=limit))

    def export(self, *answers: AuditAnswer, **parts: Unpack[ExportParts]) -> Exported:
        """See `exporting.export`."""
        return self._transport.run(exporting.export(self._session, answers, **parts))

    def state(
        self,
        table: Table[RowT],
        *parts: Part,
        max_age_ms: int = ONLINE_MAX_AGE_MS_DEFAULT,
    ) -> StateRow[RowT]:
        """See `reading.state`: a row of the state as of now, or its proven absence."""
        return self._transport.run(
            reading.state(self._session, table, *parts, max_age_ms=max_age_ms)
        )

    def states(self, table: Table[RowT], names: Sequence[NameT]) -> dict[NameT, StateRow[RowT]]:
        """See `reading.states`: many rows of a table, several with each request."""
        return self._transport.run(reading.states(self._session, table, names))

    def catalog_item(self, item: str) -> StateRow[ItemRow]:
        """See `reading.catalog_item`."""
        return self._transport.run(reading.catalog_item(self._session, item))

    def grant(self, grant: str) -> StateRow[GrantRow]:
        """See `reading.grant`."""
        return self._transport.run(reading.grant(self._session, grant))

    def key(self, key_id: bytes) -> StateRow[KeyRow]:
        """See `reading.key`."""
        return self._transport.run(reading.key(self._session, key_id))

    def open_pair_key(self, pair: Pair, reader: Reader) -> bytes:
        """See `pair_keys.open_pair_key`."""
        return self._transport.run(pair_keys.open_pair_key(self._session, pair, reader))

    def opened_parts(self, records: Sequence[ProvenRecord], keyring: Keyring) -> dict[int, bytes]:
        """See `opening.opened_parts`: clear private parts by position."""
        return self._transport.run(opened_parts(self._session, records, keyring))

    def share_pair_key(self, pair: Pair, reader: Reader) -> bytes:
        """See `pair_keys.share_pair_key`."""
        return self._transport.run(pair_keys.share_pair_key(self._session, pair, reader))

    def calls_with_id(self, call_id: str, organisations: Sequence[str]) -> Lookup:
        """See `call_lookup.look_up`: between every pair of these organisations."""
        pairs = call_lookup.pairs_of(organisations)
        return self._transport.run(call_lookup.look_up(self._session, call_id, pairs))

    def half_records(self, found: CallFound) -> tuple[RecordFacts, ...]:
        """See `call_lookup.half_records`."""
        return self._transport.run(call_lookup.half_records(self._session, found))

    def trace(self, tracing: Tracing) -> Lineage:
        """See `tracing.trace`: which calls a call came from, and which came from it."""
        return self._transport.run(trace(self._session, tracing))

    def record(self, position: int) -> tuple[RecordFacts, JsonObject]:
        """See `asking.record`."""
        return self._transport.run(asking.record(self._session, position))

    def authored_record(
        self, position: int, *, place: RecordPlace = RecordPlace.LOG
    ) -> tuple[RecordFacts | BlockRecordFacts, JsonObject]:
        """See `authored.authored_record`: the record with the signature of its sender."""
        return self._transport.run(authored.authored_record(self._session, position, place=place))

    def follow(self, after: str | None = None) -> Iterator[ChainEvent]:
        """See `following`: every final block, gap, finding, dispute after an event (None: now)."""
        return following.follow(self._session, self._transport, after)

    def proven(self, event: ChainEvent) -> RecordFacts:
        """See `following.proven`: the record that an event is about."""
        return self._transport.run(following.proven(self._session, event))

    def header(self, height: int) -> CertifiedHeader:
        """See `asking.header`."""
        return self._transport.run(asking.header(self._session, height))

    def header_latest(self) -> CertifiedHeader:
        """See `asking.header_latest`."""
        return self._transport.run(asking.header_latest(self._session))

    def statuses(self) -> tuple[NodeStatus, ...]:
        """See `asking.statuses`: what each node says of consensus, unchecked."""
        return self._transport.run(asking.statuses(self._session))

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient:
    """The same for asyncio; belongs to one event loop. Close it, or use it in `async with`."""

    def __init__(
        self,
        nodes: Sequence[str],
        trust: Trust,
        key: PrivateKey | None = None,
        *,
        tls: TlsContext = None,
        state_file: Path | None = None,
        now_ms: Callable[[], int] = system_ms,
    ) -> None:
        """See `Client`."""
        self._session = open_session(nodes, trust, key, state_file, now_ms)
        self._transport = AsyncTransport(tls=trusting(self._session.nodes, tls))

    @property
    def trust(self) -> Trust:
        """The anchor that every answer is checked against."""
        return self._session.trust

    async def submit(
        self,
        contract: str,
        calls: Sequence[Call],
        *,
        wait_s: float = WAIT_S_DEFAULT,
    ) -> Outcome:
        """See `Client.submit`."""
        return await self._transport.run(
            submitting.submit(self._session, contract=contract, calls=calls, wait_s=wait_s)
        )

    def use_key(self, key: PrivateKey) -> None:
        """Sign with another key from now on."""
        self._session.use_key(key)

    async def ask_again(self, unknown: Unknown, *, wait_s: float = WAIT_S_DEFAULT) -> Outcome:
        """See `Client.ask_again`."""
        return await self._transport.run(
            submitting.ask_again(self._session, unknown, wait_s=wait_s)
        )

    async def settle(self, submission: Submission, *, wait_s: float = WAIT_S_DEFAULT) -> Outcome:
        """See `submitting.settle_signed`."""
        return await self._transport.run(
            submitting.settle_signed(self._session, submission, wait_s=wait_s)
        )

    async def nonce_next(self, public_key: bytes) -> int:
        """See `submitting.nonce_next`."""
        return await self._transport.run(submitting.nonce_next(self._session, public_key))

    async def receipt(self, digest: bytes) -> ReceiptFacts:
        """See `submitting.receipt`."""
        return await self._transport.run(submitting.receipt(self._session, digest))

    async def verify_file(self, path: Path, **judging: Unpack[Judging]) -> Verification:
        """See `Client.verify_file`."""
        content = await asyncio.to_thread(verifying.opened, path)
        return await self._transport.run(
            verifying.verify_content(self._session, content, **judging)
        )

    async def verify_digest(self, digest: bytes, **judging: Unpack[Judging]) -> Verification:
        """See `Client.verify_digest`."""
        return await self._transport.run(verifying.verify_digest(self._session, digest, **judging))

    async def verify_identifier(
        self,
        identifier: str,
        *,
        as_of_ms: int | None = None,
        max_age_ms: int = ONLINE_MAX_AGE_MS_DEFAULT,
    ) -> Verification:
        """See `Client.verify_identifier`."""
        return await self._transport.run(
            verifying.verify_digest(
                self._session,
                None,
                identifier=identifier,
                as_of_ms=as_of_ms,
                max_age_ms=max_age_ms,
            )
        )

    async def certificate_code(self, identifier: str) -> CertificateCode:
        """See `Client.certificate_code`."""
        return await self._transport.run(codes.certificate_code(self._session, identifier))

    async def question(
        self,
        kind: IndexKind,
        values: Sequence[bytes | str],
        *,
        purpose: str,
        period: tuple[int, int] = (0, 0),
        basis: Basis = Basis.SUPERVISION,
        limit: int = PAGE_ROWS_DEFAULT,
        wait_s: float = WAIT_S_DEFAULT,
    ) -> AuditAnswer:
        """See `Client.question`."""
        return await self._transport.run(
            asking.question(
                self._session,
                kind=kind,
                values=values,
                period=period,
                purpose=purpose,
                basis=basis,
                limit=limit,
                wait_s=wait_s,
            )
        )

    async def next_page(
        self, answer: AuditAnswer, *, limit: int = PAGE_ROWS_DEFAULT
    ) -> AuditAnswer:
        """See `Client.next_page`."""
        return await self._transport.run(asking.next_page(self._session, answer, limit=limit))

    async def export(self, *answers: AuditAnswer, **parts: Unpack[ExportParts]) -> Exported:
        """See `Client.export`."""
        return await self._transport.run(exporting.export(self._session, answers, **parts))

    async def state(
        self,
        table: Table[RowT],
        *parts: Part,
        max_age_ms: int = ONLINE_MAX_AGE_MS_DEFAULT,
    ) -> StateRow[RowT]:
        """See `Client.state`."""
        return await self._transport.run(
            reading.state(self._session, table, *parts, max_age_ms=max_age_ms)
        )

    async def states(
        self, table: Table[RowT], names: Sequence[NameT]
    ) -> dict[NameT, StateRow[RowT]]:
        """See `Client.states`."""
        return await self._transport.run(reading.states(self._session, table, names))

    async def catalog_item(self, item: str) -> StateRow[ItemRow]:
        """See `Client.catalog_item`."""
        return await self._transport.run(reading.catalog_item(self._session, item))

    async def grant(self, grant: str) -> StateRow[GrantRow]:
        """See `Client.grant`."""
        return await self._transport.run(reading.grant(self._session, grant))

    async def key(self, key_id: bytes) -> StateRow[KeyRow]:
        """See `Client.key`."""
        return await self._transport.run(reading.key(self._session, key_id))

    async def open_pair_key(self, pair: Pair, reader: Reader) -> bytes:
        """See `Client.open_pair_key`."""
        return await self._transport.run(pair_keys.open_pair_key(self._session, pair, reader))

    async def opened_parts(
        self, records: Sequence[ProvenRecord], keyring: Keyring
    ) -> dict[int, bytes]:
        """See `Client.opened_parts`."""
        return await self._transport.run(opened_parts(self._session, records, keyring))

    async def share_pair_key(self, pair: Pair, reader: Reader) -> bytes:
        """See `Client.share_pair_key`."""
        return await self._transport.run(pair_keys.share_pair_key(self._session, pair, reader))

    async def calls_with_id(self, call_id: str, organisations: Sequence[str]) -> Lookup:
        """See `call_lookup.look_up`: between every pair of these organisations."""
        pairs = call_lookup.pairs_of(organisations)
        return await self._transport.run(call_lookup.look_up(self._session, call_id, pairs))

    async def half_records(self, found: CallFound) -> tuple[RecordFacts, ...]:
        """See `call_lookup.half_records`."""
        return await self._transport.run(call_lookup.half_records(self._session, found))

    async def trace(self, tracing: Tracing) -> Lineage:
        """See `tracing.trace`: which calls a call came from, and which came from it."""
        return await self._transport.run(trace(self._session, tracing))

    async def record(self, position: int) -> tuple[RecordFacts, JsonObject]:
        """See `Client.record`."""
        return await self._transport.run(asking.record(self._session, position))

    async def authored_record(
        self, position: int, *, place: RecordPlace = RecordPlace.LOG
    ) -> tuple[RecordFacts | BlockRecordFacts, JsonObject]:
        """See `Client.authored_record`."""
        return await self._transport.run(
            authored.authored_record(self._session, position, place=place)
        )

    async def placed_record(self, digest: bytes, call_index: int) -> tuple[RecordFacts, JsonObject]:
        """See `authored.placed_record`: the record of a call, by its submission."""
        return await self._transport.run(authored.placed_record(self._session, digest, call_index))

    def follow(self, after: str | None = None) -> AsyncIterator[ChainEvent]:
        """See `Client.follow`."""
        return following.follow_async(self._session, self._transport, after)

    async def proven(self, event: ChainEvent) -> RecordFacts:
        """See `Client.proven`."""
        return await self._transport.run(following.proven(self._session, event))

    async def header_latest(self) -> CertifiedHeader:
        """See `Client.header_latest`."""
        return await self._transport.run(asking.header_latest(self._session))

    async def statuses(self) -> tuple[NodeStatus, ...]:
        """See `Client.statuses`."""
        return await self._transport.run(asking.statuses(self._session))

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
