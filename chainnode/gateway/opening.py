"""Opens what a gateway stands on: key, trust, client, spool and its replay, custodian, rows.

Everything belongs to the running event loop and is given back in the opposite order. As whom a
gateway speaks is what the ledger says of its key; a key that may not speak opens no gateway.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from chainnode.client import AsyncClient, CannotDecide
from chainnode.client.transport import AsyncTransport, trusting
from chainnode.clock import WallClock
from chainnode.errors import ConfigurationError
from chainnode.gateway.authentication import Authenticator
from chainnode.gateway.calling.caller import Caller
from chainnode.gateway.calling.requesting import Requester
from chainnode.gateway.content import open_half_entries
from chainnode.gateway.core import Gateway
from chainnode.gateway.counters import GatewayCounters
from chainnode.gateway.deciding import Decider
from chainnode.gateway.guard import refuse_personal_text
from chainnode.gateway.half_entries import HalfEntries
from chainnode.gateway.own_key import KeyWatch, OwnKey, organisation_of, watching
from chainnode.gateway.ports import Clock, NoNodeAnswers, RowsUnavailable, Tokeniser
from chainnode.gateway.pseudonyms import CustodianAccess, Pseudonyms
from chainnode.gateway.quotas import QuotaCounter
from chainnode.gateway.recording import Recorder
from chainnode.gateway.replay.replayer import Replayer, ReplaySettings
from chainnode.gateway.replay.running import EndListener, running
from chainnode.gateway.rows import CachedRows
from chainnode.gateway.seen_calls import CallMemory
from chainnode.gateway.settings import GatewaySettings
from chainnode.gateway.spool.spool import Spool
from chainnode.gateway.waiting_permits import WaitingPermits
from chainnode.genesis import Parameters
from chainnode.keys import KeyPurpose, open_key, read_passphrase
from chainnode.suites.port import PrivateKey, Suite
from chainnode.verify import Trust
from chainnode.verify.trust import TRUST_BYTES_MAX
from contracts.schemas.pseudonyms import EPOCHS

_RULES_MIN: Final = 2
# One idle block may be late, and two clocks may differ by this much.
_IDLE_BLOCKS: Final = 2
_CLOCKS_MS: Final = 15_000
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSide:
    """What both sides of calls have in common: as whom, over which chain, kept where."""

    suite: Suite
    key: OwnKey = field(repr=False)
    trust: Trust = field(repr=False)
    organisation: str
    client: AsyncClient
    rows: CachedRows
    spool: Spool
    now_ms: Clock
    half_entries: HalfEntries
    permits: WaitingPermits = field(repr=False)


@asynccontextmanager
async def open_gateway(
    settings: GatewaySettings, *, on_end: EndListener | None = None
) -> AsyncIterator[Gateway]:
    """Open the providing side of one service.

    `on_end` is told why nothing can be recorded any more, should that be so one day: the process
    should end. Until it does the gateway lets no call through.

    Raises:
        ConfigurationError: a file or setting cannot be used.
        StorageError: the spool cannot be used.
        NoNodeAnswers: no node says as whom the key speaks.

    """
    async with open_ledger_side(settings, on_end=on_end) as side:
        service = settings.service(side.organisation)
        async with _open_tokeniser(settings, side, department=side.organisation) as tokeniser:
            yield Gateway(
                authenticator=Authenticator(
                    suite=side.suite,
                    chain_id=side.trust.chain_id,
                    provider=side.organisation,
                    rows=side.rows,
                    now_ms=side.now_ms,
                    started_ms=_started_ms(side),
                    window_ms=settings.window_ms,
                ),
                decider=Decider(
                    service=service,
                    rows=side.rows,
                    quotas=QuotaCounter(side.permits),
                    guard=refuse_personal_text,
                    tokeniser=tokeniser,
                ),
                recorder=Recorder(
                    suite=side.suite,
                    key=side.key,
                    chain_id=side.trust.chain_id,
                    service=service,
                    queue=side.spool,
                    half_entries=side.half_entries,
                    now_ms=side.now_ms,
                ),
                memory=CallMemory(),
                counters=GatewayCounters(),
            )


@asynccontextmanager
async def open_caller(settings: GatewaySettings, *, provider: str) -> AsyncIterator[Caller]:
    """Open the calling side for calls to one department.

    Raises:
        ConfigurationError, StorageError, NoNodeAnswers: as `open_gateway`.

    """
    async with (
        open_ledger_side(settings) as side,
        _open_tokeniser(settings, side, department=provider) as tokeniser,
    ):
        yield Caller(
            requester=Requester(
                suite=side.suite,
                key=side.key,
                chain_id=side.trust.chain_id,
                organisation=side.organisation,
                system=settings.system,
            ),
            rows=side.rows,
            queue=side.spool,
            half_entries=side.half_entries,
            guard=refuse_personal_text,
            now_ms=side.now_ms,
            tokeniser=tokeniser,
            subjects=settings.subjects,
            id_type=settings.subject_type,
        )


@asynccontextmanager
async def open_ledger_side(
    settings: GatewaySettings, *, on_end: EndListener | None = None
) -> AsyncIterator[LedgerSide]:
    """Open key, trust, client, spool and rows, and replay what the spool holds.

    Raises:
        ConfigurationError, StorageError, NoNodeAnswers: as `open_gateway`.

    """
    trust = _read_trust(settings)
    suite, key = await asyncio.to_thread(_open_key, settings, trust)
    now_ms = WallClock.shifted(
        settings.clock_offset_ms,
        is_devnet=bool(trust.parameters.devnet),
        setting="clock_offset_ms",
    ).now_ms
    own = OwnKey(key, now_ms=now_ms)
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            AsyncClient(settings.nodes, trust, own.current, tls=_tls(settings), now_ms=now_ms)
        )
        own.tell(client.use_key)
        rows = CachedRows(
            client, now_ms=now_ms, block_age_ms_max=_block_age_ms_max(trust.parameters)
        )
        stack.push_async_callback(rows.close)
        with _answering(settings):
            organisation = await organisation_of(
                own,
                rows,
                suite=suite,
                path=settings.key,
                expected=settings.organisation,
                now_ms=now_ms,
            )
        spool, permits = await _open_spool(settings, trust)
        stack.push_async_callback(spool.close)
        replay = ReplaySettings(gather_s=settings.gather_ms / 1000)
        replayer = Replayer(spool, client, own.current, settings=replay, now_ms=now_ms)
        own.tell(replayer.use_key)
        await stack.enter_async_context(
            running(replayer, spool, on_end=on_end, drain_s=settings.drain_s)
        )
        half_entries = await stack.enter_async_context(
            open_half_entries(settings, client, trust, now_ms=now_ms)
        )
        side = LedgerSide(
            suite=suite,
            key=own,
            trust=trust,
            organisation=organisation,
            client=client,
            rows=rows,
            spool=spool,
            now_ms=now_ms,
            half_entries=half_entries,
            permits=permits,
        )
        await stack.enter_async_context(watching(_key_watch(settings, side)))
        yield side


@asynccontextmanager
async def _open_tokeniser(
    settings: GatewaySettings, side: LedgerSide, *, department: str
) -> AsyncIterator[Tokeniser | None]:
    """Open the way to the custodian of a department's tokens; None where no URL is set."""
    if not settings.custodian:
        yield None
        return
    with _answering(settings):
        custodian = settings.custodian_organisation or await _custodian(side, department)
    access = CustodianAccess(
        url=settings.custodian,
        chain_id=side.trust.chain_id,
        custodian=custodian,
        organisation=side.organisation,
        department=department,
        suite=side.suite,
        key=side.key,
        grant=settings.custodian_grant,
    )
    cache = access.open_cache(settings.token_cache)
    side.key.tell(cache.use_key)
    tls = trusting((settings.custodian,), _tls(settings))
    pseudonyms = Pseudonyms(
        access, transport=AsyncTransport(tls=tls), cache=cache, now_ms=side.now_ms
    )
    try:
        yield pseudonyms
    finally:
        await pseudonyms.close()


@contextlib.contextmanager
def _answering(settings: GatewaySettings) -> Iterator[None]:
    """Say of a start that fails for want of a node which nodes those are, and what they did."""
    try:
        yield
    except (RowsUnavailable, CannotDecide) as error:
        cause = error if isinstance(error, CannotDecide) else error.__cause__
        reports = cause.reports if isinstance(cause, CannotDecide) else ()
        reason = reports[-1].detail if reports else "none in time"
        raise NoNodeAnswers(settings.nodes, reason=reason) from error


def _started_ms(side: LedgerSide) -> int:
    """Return from when on tokens are taken: none that a former life may have answered.

    It answered none from ahead of its clock, and its spool knows the calls that it answered
    last, so a clock that was set back in between lets none of them come again.
    """
    now_ms, latest_ms = side.now_ms(), side.spool.state.latest_call_ms
    if latest_ms >= now_ms:
        _LOG.warning("the clock is %d ms behind the last call in the spool", latest_ms - now_ms)
    return max(now_ms, latest_ms + 1)


async def _custodian(side: LedgerSide, department: str) -> str:
    """Return the organisation that makes the tokens of a department, as the ledger says."""
    found = await side.client.state(EPOCHS, department)
    if found.row is None:
        raise ConfigurationError(f"custodian: {department} has no key epoch on the ledger")
    return found.row.custodian


def _block_age_ms_max(parameters: Parameters) -> int:
    """Return how old the newest block may be: an idle chain makes one each `idle_block_ms`."""
    return _IDLE_BLOCKS * parameters.idle_block_ms + _CLOCKS_MS


def _key_watch(settings: GatewaySettings, side: LedgerSide) -> KeyWatch:
    return KeyWatch(
        side.key,
        side.rows,
        suite=side.suite,
        organisation=side.organisation,
        path=settings.key,
        passphrase_file=settings.passphrase_file,
        now_ms=side.now_ms,
    )


async def _open_spool(settings: GatewaySettings, trust: Trust) -> tuple[Spool, WaitingPermits]:
    """Open the spool and read what waits in it, before a replay can answer anything unseen."""
    spool = await asyncio.to_thread(Spool.open, settings.spool, chain_id=trust.chain_id)
    permits = await asyncio.to_thread(WaitingPermits, tuple(spool.state.waiting()))
    spool.watch(permits.note_answered)
    return spool, permits


def _open_key(settings: GatewaySettings, trust: Trust) -> tuple[Suite, PrivateKey]:
    suite, key = open_key(
        settings.key,
        purpose=KeyPurpose.SUBMISSION,
        passphrase=read_passphrase(settings.passphrase_file),
    )
    if suite.name != trust.suite.name:
        raise ConfigurationError(
            f"{settings.key}: expected a key of suite {trust.suite.name}, got {suite.name}"
        )
    return suite, key


def _read_trust(settings: GatewaySettings) -> Trust:
    try:
        trust = Trust.load(settings.trust.read_bytes()[: TRUST_BYTES_MAX + 1])
    except OSError as error:
        raise ConfigurationError(f"{settings.trust}: cannot be read: {error.strerror}") from error
    if trust.parameters.rules < _RULES_MIN:
        raise ConfigurationError(
            f"{settings.trust}: expected a chain of rules {_RULES_MIN}, which knows grants and"
            f" halves with tokens, got rules {trust.parameters.rules}"
        )
    return trust


def _tls(settings: GatewaySettings) -> ssl.SSLContext | None:
    if settings.tls_ca is None:
        return None
    try:
        return ssl.create_default_context(cafile=settings.tls_ca)
    except OSError as error:
        raise ConfigurationError(f"{settings.tls_ca}: expected certificates in PEM") from error
