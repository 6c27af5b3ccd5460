"""Brings what the spool keeps onto the ledger, in its order, many entries to a submission.

A lone entry goes out at once; what comes within `gather_s` after a signature shares the next one,
because each signature costs every node a check and an idle chain a block.

One submission is under way at a time. It is durable in the spool before its first byte leaves,
so that after any crash the same bytes are offered again and the first receipt answers. Only
when it is proven that they can no longer execute are its entries signed anew; should an earlier
one have executed all the same, the ledger names the testimony it has, and it is compared.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from chainnode.client.reports import CannotDecide, NodeRefused
from chainnode.client.results import CallResult, Outcome, Refused, Unknown
from chainnode.client.results import Final as FinalOutcome
from chainnode.client.session import system_ms
from chainnode.client.submitting import VALIDITY_SHARE, code_name
from chainnode.errors import InvariantBroken, NodeError, StorageError
from chainnode.gateway.replay.backoff import Backoff
from chainnode.gateway.replay.judging import (
    SIGNED_ANEW,
    Accepted,
    Double,
    NotByThisKey,
    RefusedForEver,
    judge_entries,
    recorded_before,
)
from chainnode.gateway.replay.port import Ledger
from chainnode.gateway.spool.entries import EntryId, SpoolEntry
from chainnode.gateway.spool.records import Answered, Died, Recorded, Signed
from chainnode.gateway.spool.spool import Spool
from chainnode.ledger.types import Receipt
from chainnode.submission import Submission, rejoin_submission, sign_submission
from chainnode.suites.port import PrivateKey
from contracts.schemas.access import NAME
from contracts.schemas.codes import Code
from contracts.schemas.versions import version_of

# Enough to keep up with any gateway at a block a second; few enough that one refused entry is
# found by halving in ten steps.
CALLS_PER_SUBMISSION: Final = 1024
BYTES_PER_SUBMISSION: Final = 512 * 1024
# A receipt is waited for so long before the bytes are offered once more.
WAIT_S_DEFAULT: Final = 30.0
# While the last entries go out, nodes are asked this often whether they are there.
_ASK_EVERY_S: Final = 1.0
_NOT_FOUND: Final = 404
# What the nodes' door says of the bytes themselves; halving finds the entry that is meant.
_DOOR_CONTENT: Final = frozenset({"MALFORMED", "OVERSIZE"})
_DOOR_KEY: Final = frozenset({"UNKNOWN_KEY", "KEY_NOT_VALID", "BAD_KEY"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySettings:
    """How entries are joined and sent.

    `contract_version` None: the one that the rules of the chain have. `gather_s`: the least time
    between two signatures, but where what waits fills a submission.
    """

    contract: str = NAME
    contract_version: int | None = None
    calls_max: int = CALLS_PER_SUBMISSION
    bytes_max: int = BYTES_PER_SUBMISSION
    wait_s: float = WAIT_S_DEFAULT
    gather_s: float = 0.0


class Replayer:
    """One task that empties one spool. `run` it, and cancel it to stop."""

    def __init__(
        self,
        spool: Spool,
        ledger: Ledger,
        key: PrivateKey,
        *,
        settings: ReplaySettings | None = None,
        backoff: Backoff | None = None,
        now_ms: Callable[[], int] = system_ms,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._spool = spool
        self._ledger = ledger
        self._key = key
        self._settings = settings or ReplaySettings()
        self._backoff = backoff or Backoff()
        self._now_ms = now_ms
        self._pause = pause
        # When the last signature was made, by the clock of the event loop.
        self._signed_s = -math.inf
        self._calls_max = self._settings.calls_max
        # The next nonce of the key, None before the chain was asked in this life.
        self._nonce: int | None = None
        # The ledger said that our own count ran away: its own counts alone.
        self._is_ahead = False
        # Ends a pause: another key is there, or the process is about to end.
        self._roused = asyncio.Event()
        self._is_hurried = False

    def use_key(self, key: PrivateKey) -> None:
        """Sign with this key from now on: what was under way is offered first, then signed anew."""
        self._key = key
        self._nonce = None
        self._roused.set()

    async def drain(self, *, within_s: float) -> None:
        """Let `run`, which goes on beside, bring out what waits; at most for this many seconds.

        Ends at once when nothing waits, or when no node answers.
        """
        state = self._spool.state
        if not state.waiting_count or self._spool.is_ended:
            return
        emptied = asyncio.Event()
        self._spool.watch(lambda _: None if state.waiting_count else emptied.set())
        self._is_hurried = True
        self._roused.set()
        tasks = (
            asyncio.create_task(emptied.wait(), name="kun-drain"),
            asyncio.create_task(self._spool.wait_for_end(), name="kun-drain-end"),
            asyncio.create_task(self._until_nobody_answers(), name="kun-drain-nodes"),
        )
        try:
            await asyncio.wait(tasks, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _until_nobody_answers(self) -> None:
        """Return as soon as no node can be asked any more."""
        while True:
            try:
                await self._ledger.header_latest()
            except NodeError:
                return
            await asyncio.sleep(_ASK_EVERY_S)

    async def run(self) -> None:
        """Replay until cancelled.

        Raises:
            StorageError: the spool has ended; the process should.
            InvariantBroken: our own fault.

        """
        while True:
            await self._spool.wait_for_work()
            await self._gather()
            try:
                is_done = await self._step()
            except (StorageError, InvariantBroken):
                raise
            except NodeError as error:
                self._spool.raise_alarm(str(error))
                is_done = False
            if is_done:
                self._backoff.reset()
            else:
                await self._rest()

    async def _gather(self) -> None:
        """Let more come together before the next signature; what is under way is not held up."""
        state = self._spool.state
        if state.in_flight is not None or state.waiting_count >= self._calls_max:
            return
        passed_s = asyncio.get_running_loop().time() - self._signed_s
        if passed_s < self._settings.gather_s and not self._is_hurried:
            await self._paused(self._settings.gather_s - passed_s)

    async def _paused(self, pause_s: float) -> None:
        """Pause; whatever rouses the replay ends the pause."""
        self._roused.clear()
        tasks = (
            asyncio.ensure_future(self._pause(pause_s)),
            asyncio.ensure_future(self._roused.wait()),
        )
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    async def _rest(self) -> None:
        """Pause before the next step; a new key ends the pause."""
        self._roused.clear()
        try:
            async with asyncio.timeout(self._backoff.next_s()):
                await self._roused.wait()
        except TimeoutError:
            return

    async def _step(self) -> bool:
        """Bring one submission further; False when it makes no sense to go on at once."""
        signed = self._spool.state.in_flight
        if signed is None:
            signed = await self._sign_next()
        elif self._now_ms() > signed.valid_until_ms and await self._is_concluded_late(signed):
            return True
        submission = await asyncio.to_thread(self._rejoined, signed)
        outcome = await self._ledger.settle(submission, wait_s=self._settings.wait_s)
        return await self._conclude(signed, outcome)

    async def _conclude(self, signed: Signed, outcome: Outcome) -> bool:
        match outcome:
            case FinalOutcome(receipt=receipt, height=height):
                return await self._take_receipt(signed, receipt, height)
            case Refused(reports=reports):
                codes = {one.code for one in reports if isinstance(one, NodeRefused)}
                return await self._take_door_refusal(signed, codes)
            case Unknown(reports=reports):
                last = reports[-1].detail if reports else "none was asked"
                self._spool.raise_alarm(f"the ledger has given no receipt yet: {last}")
                return False
            case _:
                assert_never(outcome)

    async def _sign_next(self) -> Signed:
        """Sign what waits first, and keep the signature before anything of it leaves."""
        self._signed_s = asyncio.get_running_loop().time()
        chosen = self._choose()
        nonce = await self._next_nonce()
        trust, settings = self._ledger.trust, self._settings
        parameters, version = trust.parameters, settings.contract_version
        if version is None:
            version = version_of(parameters.rules, settings.contract)
        submission = await asyncio.to_thread(
            sign_submission,
            trust.suite,
            self._key,
            chain_id=trust.chain_id,
            nonce=nonce,
            valid_until_ms=self._now_ms() + parameters.validity_ms_max // VALIDITY_SHARE,
            contract=settings.contract,
            contract_version=version,
            calls=[call for _, entry in chosen for call in entry.calls],
        )
        signed = Signed(
            entry_ids=tuple(entry_id for entry_id, _ in chosen),
            public_key=submission.public_key,
            nonce=nonce,
            valid_until_ms=submission.valid_until_ms,
            contract=submission.contract,
            contract_version=submission.contract_version,
            signature=submission.signature,
            digest=submission.digest,
        )
        await self._spool.note_signed(signed)
        self._nonce = nonce + 1
        return signed

    def _choose(self) -> Sequence[tuple[EntryId, SpoolEntry]]:
        """Take entries from the front while they fit; the first one always."""
        parameters = self._ledger.trust.parameters
        calls_left = min(self._calls_max, parameters.calls_max)
        bytes_left = min(self._settings.bytes_max, parameters.submission_bytes_max)
        chosen: list[tuple[EntryId, SpoolEntry]] = []
        for entry_id, entry in self._spool.state.waiting():
            calls_left -= len(entry.calls)
            bytes_left -= entry.size_bytes
            if chosen and (calls_left < 0 or bytes_left < 0):
                break
            chosen.append((entry_id, entry))
        return chosen

    async def _next_nonce(self) -> int:
        if self._nonce is None:
            public_key = self._key.public_key
            told = await self._ledger.nonce_next(public_key)
            kept = 0 if self._is_ahead else self._spool.state.next_nonce(public_key)
            self._nonce = max(told, kept)
        return self._nonce

    def _rejoined(self, signed: Signed) -> Submission:
        """Build the bytes that were signed; the same ones in every life of the gateway."""
        trust = self._ledger.trust
        entries = self._spool.state.entries_of(signed)
        submission = rejoin_submission(
            trust.suite,
            chain_id=trust.chain_id,
            public_key=signed.public_key,
            nonce=signed.nonce,
            valid_until_ms=signed.valid_until_ms,
            contract=signed.contract,
            contract_version=signed.contract_version,
            calls=[call for entry in entries for call in entry.calls],
            signature=signed.signature,
        )
        if submission.digest != signed.digest:
            raise InvariantBroken(
                f"spool: expected the calls of submission {signed.digest.hex()}, got others"
            )
        return submission

    async def _is_concluded_late(self, signed: Signed) -> bool:
        """Learn the fate of a submission whose time is over, as far as blocks show it.

        False: it may still execute, or nobody can be asked.
        """
        header = await self._ledger.header_latest()
        if header.time_ms <= signed.valid_until_ms:
            return False
        try:
            facts = await self._ledger.receipt(signed.digest)
        except CannotDecide as error:
            answers = [one for one in error.reports if isinstance(one, NodeRefused)]
            if not answers or any(one.status != _NOT_FOUND for one in answers):
                raise
            await self._sign_anew(signed)
            return True
        await self._take_receipt(signed, facts.receipt, facts.header.height)
        return True

    async def _take_receipt(self, signed: Signed, receipt: Receipt, height: int) -> bool:
        if receipt.is_executed:
            return await self._take_executed(signed, receipt, height)
        await self._sign_anew(signed)
        if receipt.code not in SIGNED_ANEW:
            return self._is_mended(signed, code_name(receipt.code))
        if receipt.code != Code.EXPIRED:
            self._nonce = None
            self._is_ahead = receipt.code == Code.NONCE_AHEAD
        return False

    async def _take_executed(self, signed: Signed, receipt: Receipt, height: int) -> bool:
        recorded, died, refused_key = list[Recorded](), list[Died](), ""
        entries = self._spool.state.entries_of(signed)
        for entry_id, entry, judged in judge_entries(
            receipt, tuple(zip(signed.entry_ids, entries, strict=True))
        ):
            match judged:
                case Accepted(position=position):
                    recorded.append(_recorded(entry_id, signed, height, position))
                case Double(refusal=refusal):
                    found = await recorded_before(self._ledger, entry_id, entry, judged)
                    if found is not None:
                        recorded.append(found)
                    else:
                        died.append(self._died(entry_id, refusal))
                case NotByThisKey(code_name=name):
                    refused_key = name
                case RefusedForEver(refusal=refusal):
                    died.append(self._died(entry_id, refusal))
                case _:
                    assert_never(judged)
        await self._spool.note_answered(
            Answered(digest=signed.digest, recorded=tuple(recorded), died=tuple(died))
        )
        self._calls_max = min(self._settings.calls_max, 2 * self._calls_max)
        if refused_key:
            return self._is_mended(signed, refused_key)
        self._spool.raise_alarm(None)
        return True

    async def _take_door_refusal(self, signed: Signed, codes: set[str]) -> bool:
        """F + 1 nodes would not order it: for what it says, or for what a person must mend."""
        if codes & _DOOR_CONTENT:
            await self._halve_or_bury(signed, min(codes & _DOOR_CONTENT))
            return True
        if codes & _DOOR_KEY and signed.public_key != self._key.public_key:
            await self._sign_anew(signed)
            return True
        return self._is_mended(signed, ", ".join(sorted(codes)))

    async def _halve_or_bury(self, signed: Signed, code: str) -> None:
        """Find the entry that the nodes refuse: sign fewer, and at last give up the one."""
        if len(signed.entry_ids) > 1:
            calls = sum(len(one.calls) for one in self._spool.state.entries_of(signed))
            self._calls_max = max(1, calls // 2)
            await self._sign_anew(signed)
            return
        died = Died(
            entry_id=signed.entry_ids[0],
            died_ms=self._now_ms(),
            code=Code.ACCEPTED,
            code_name=code,
            details=(),
        )
        await self._spool.note_answered(Answered(digest=signed.digest, died=(died,)))

    async def _sign_anew(self, signed: Signed) -> None:
        """Let the entries of a submission that did not execute wait for the next signature."""
        await self._spool.note_answered(Answered(digest=signed.digest))

    def _is_mended(self, signed: Signed, refusal: str) -> bool:
        """Raise the alarm; tell whether another key is there already, which may do better."""
        self._spool.raise_alarm(
            f"the ledger refuses what the gateway signs: {refusal}; entries wait until the key"
            " or the settings are mended"
        )
        return signed.public_key != self._key.public_key

    def _died(self, entry_id: EntryId, refusal: CallResult) -> Died:
        return Died(
            entry_id=entry_id,
            died_ms=self._now_ms(),
            code=refusal.code,
            code_name=refusal.code_name,
            details=refusal.details,
        )


def _recorded(entry_id: EntryId, signed: Signed, height: int, position: int) -> Recorded:
    return Recorded(
        entry_id=entry_id, submission_digest=signed.digest, height=height, position=position
    )
