"""What the console asks of the ledger: every answer proven by the SDK, off the event loop.

Checking a long answer takes seconds of a processor, so it runs on threads; more than `WORK_MAX`
at once are told to come back.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from chainnode.analysis.lineage import Lineage, UnknownCall
from chainnode.client import (
    AuditAnswer,
    CannotDecide,
    ChainForked,
    Client,
    NodeLied,
    NodeRefused,
    NodeReport,
    NodeStatus,
    NotExportable,
    PersonTokens,
    QuestionNotRecorded,
    TokensNotMade,
)
from chainnode.client.exporting import ToldPlaces
from chainnode.client.tracing import Tracing
from chainnode.client.whole import whole_answer
from chainnode.console.errors import (
    BUSY,
    CANNOT_DECIDE,
    FORKED,
    NOT_FOUND,
    UNKNOWN_CALL,
    PageRefused,
)
from chainnode.console.lineages import AskedLineage
from chainnode.console.questions import AskedPerson, AskedQuestion, QuestionRefused
from chainnode.errors import ConfigurationError, InvalidInput
from chainnode.pages import verify_page
from chainnode.reports import Rendering, ReportsNotInstalled, render, require_installed
from chainnode.verify.evidence import RecordFacts
from chainnode.verify.header import CertifiedHeader
from chainnode.verify.record import BlockRecordFacts
from contracts.schemas.audit import VALUES_MAX

# Each holds an answer of some megabytes.
WORK_MAX: Final = 8
# A node that is paused takes a connection and says nothing.
STATUS_S_MAX: Final = 2.0
# An answer of more rows would not fit a browser's memory; narrow the period.
ROWS_MAX: Final = 50_000
# What a node says whose read model is not what its ledger is (docs/operating.md).
STORE_DIFFERS: Final = "AUDIT_STORE_DIFFERS"
# The code of a question whose answers fail their proof at every node: an alarm, not a pause.
FALSE_ANSWERS: Final = "FALSE_ANSWERS"
# Records that a page of a block lists.
BLOCK_ROWS_MAX: Final = 50
_LOG: Final = logging.getLogger(__name__)

Result = TypeVar("Result")
# Asks the custodian about a person, for a purpose.
Tokens = Callable[[AskedPerson, str], PersonTokens]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRecord:
    """A record, proven; `is_authored`: with the signature of who submitted it."""

    facts: RecordFacts
    is_authored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBlock:
    """A certified header, where its records begin in the log, and the first of them, proven."""

    header: CertifiedHeader
    first_position: int
    records: tuple[RecordFacts, ...]

    @property
    def count(self) -> int:
        """How many records the block has."""
        return self.header.header.head.log_size - self.first_position


class Desk:
    """Asks the ledger for pages. Belongs to one event loop; close it."""

    def __init__(
        self,
        client: Client,
        looking: Sequence[Client],
        *,
        departments: Sequence[str],
        tokens: Tokens | None,
    ) -> None:
        """Ask by `client`; `looking` is one for each node, `tokens` asks the custodian, if any.

        Between `departments` the calls are looked for from which others came.
        """
        self._client = client
        self._looking = tuple(looking)
        self._departments = tuple(departments)
        self._tokens = tokens
        self.asks_custodian = tokens is not None
        self._threads = ThreadPoolExecutor(max_workers=WORK_MAX, thread_name_prefix="desk")
        self._watchers = ThreadPoolExecutor(
            max_workers=len(self._looking), thread_name_prefix="watch"
        )
        self._asked: dict[int, asyncio.Future[tuple[NodeStatus, ...]]] = {}
        self._in_work = 0

    def close(self) -> None:
        """End the threads; what is being asked is let go."""
        for one in (self._threads, self._watchers):
            one.shutdown(wait=False, cancel_futures=True)

    async def newest(self) -> CertifiedHeader:
        """Return the newest certified header."""
        return await self._proven(self._client.header_latest)

    async def statuses(self) -> tuple[NodeStatus | None, ...]:
        """Return what each node says of itself; None: it did not answer in time."""
        return tuple(
            await asyncio.gather(*(self._status(one) for one in range(len(self._looking))))
        )

    async def record(self, position: int) -> ShownRecord:
        """Return a record of the log, with its author's signature where a node has kept it."""
        return await self._proven(lambda: self._record(position))

    async def block(self, height: int) -> ShownBlock:
        """Return a block's header and its first records."""
        return await self._proven(lambda: self._block(height))

    async def answer(self, question: AskedQuestion) -> bytes:
        """Record a question, take the whole answer, and return it as a `.kunproof`.

        Raises:
            PageRefused: no node is of help, or too much is in work.
            QuestionRefused: the chain did not record it, or the answer is too long.

        """
        return await self._proven(lambda: self._answer(question))

    async def lineage(self, asked: AskedLineage) -> Lineage:
        """Return where a call came from, and with a purpose what came from it.

        Raises:
            PageRefused: it is proven that there is no such call, or no node is of help.
            QuestionRefused: the chain did not record the question about children.

        """
        return await self._proven(lambda: self._lineage(asked))

    async def _status(self, number: int) -> NodeStatus | None:
        """Ask one node, unless it still owes the last answer."""
        asked = self._asked.get(number)
        if asked is None or asked.done():
            loop = asyncio.get_running_loop()
            asked = loop.run_in_executor(self._watchers, self._looking[number].statuses)
            self._asked[number] = asked
        done, _ = await asyncio.wait({asked}, timeout=STATUS_S_MAX)
        return asked.result()[0] if done else None

    async def _proven(self, work: Callable[[], Result]) -> Result:
        if self._in_work >= WORK_MAX:
            raise PageRefused(*BUSY)
        self._in_work += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except CannotDecide as error:
            raise PageRefused(*CANNOT_DECIDE) from error
        except ChainForked as error:
            _LOG.error("chain_forked", extra={"height": error.height})
            raise PageRefused(*FORKED) from error
        finally:
            self._in_work -= 1

    def _record(self, position: int) -> ShownRecord:
        if position >= self._client.header_latest().header.head.log_size:
            raise PageRefused(*NOT_FOUND)
        try:
            facts, _ = self._client.authored_record(position)
        except CannotDecide:
            plain, _ = self._client.record(position)
            return ShownRecord(facts=plain, is_authored=False)
        if isinstance(facts, BlockRecordFacts):
            raise PageRefused(*CANNOT_DECIDE)
        return ShownRecord(facts=facts, is_authored=True)

    def _block(self, height: int) -> ShownBlock:
        if not 0 < height <= self._client.header_latest().height:
            raise PageRefused(*NOT_FOUND)
        found = self._client.header(height)
        # The block above genesis has the first records; genesis itself is signed by nobody.
        first = 0 if height == 1 else self._client.header(height - 1).header.head.log_size
        end = min(found.header.head.log_size, first + BLOCK_ROWS_MAX)
        records = tuple(self._client.record(one)[0] for one in range(first, end))
        return ShownBlock(header=found, first_position=first, records=records)

    def _lineage(self, asked: AskedLineage) -> Lineage:
        tracing = Tracing(
            start=asked.start,
            organisations=self._departments,
            purpose=asked.purpose,
            basis=asked.basis,
            period=asked.period,
        )
        try:
            return self._client.trace(tracing)
        except UnknownCall as error:
            raise PageRefused(*UNKNOWN_CALL) from error
        except QuestionNotRecorded as error:
            raise QuestionRefused("NOT_RECORDED") from error

    def _answer(self, question: AskedQuestion) -> bytes:
        try:
            # Before anything is recorded.
            require_installed(question.renderings)
            if question.person is None:
                answers = [self._whole(question, one) for one in _groups(question.values)]
                return self._exported(answers, question.renderings, told=None)
            if self._tokens is None:
                raise QuestionRefused("NO_CUSTODIAN")
            made = self._tokens(question.person, question.purpose)
            answers = [self._whole(question, one) for one in _groups(made.tokens)]
            return self._exported(answers, question.renderings, told=made.told)
        except ReportsNotInstalled as error:
            raise QuestionRefused("NOT_INSTALLED") from error
        except QuestionNotRecorded as error:
            raise QuestionRefused("NOT_RECORDED") from error
        except CannotDecide as error:
            raise QuestionRefused(_undecided(error.reports)) from error
        except TokensNotMade as error:
            raise QuestionRefused(error.code) from error
        except (ConfigurationError, InvalidInput, NotExportable) as error:
            raise QuestionRefused("NOT_ANSWERED") from error

    def _whole(self, question: AskedQuestion, values: Sequence[bytes | str]) -> AuditAnswer:
        found = whole_answer(
            self._client,
            question.kind,
            values,
            purpose=question.purpose,
            period=question.period,
            basis=question.basis,
            rows_max=ROWS_MAX,
        )
        if found.next_cursor is not None:
            raise QuestionRefused("TOO_MANY_ROWS")
        return found

    def _exported(
        self,
        answers: Sequence[AuditAnswer],
        renderings: Sequence[Rendering],
        *,
        told: ToldPlaces | None,
    ) -> bytes:
        made = partial(render, renderings=renderings)
        return self._client.export(*answers, page=verify_page(), render=made, told=told).data


def _groups(values: Sequence[bytes | str]) -> tuple[Sequence[bytes | str], ...]:
    """Part values into as many as one question may have."""
    return tuple(values[first : first + VALUES_MAX] for first in range(0, len(values), VALUES_MAX))


def _undecided(reports: Sequence[NodeReport]) -> str:
    """Tell an alarm, an answer that fails its proof or a store that lies, from mere silence."""
    is_false = any(
        isinstance(one, NodeLied) or (isinstance(one, NodeRefused) and one.code == STORE_DIFFERS)
        for one in reports
    )
    return FALSE_ANSWERS if is_false else CANNOT_DECIDE[0]
