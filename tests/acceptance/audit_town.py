"""A town at the end of a month, of which everything is known before anybody asks the ledger.

A devnet with its demo, whose clocks stand shortly before the last midnight of March 2026 (+08:00).
Housing calls the police's register through gateways; around midnight the chain stands still while
a call is made. Everybody here is invented.
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self, TypeVar

import httpx

from chainnode.client import (
    AccessCall,
    AccessReason,
    Client,
    Final,
    access_people,
    access_record,
)
from chainnode.client.calls import seal_department, sealed_call
from chainnode.exchange import CallReason
from chainnode.gateway import (
    CallIntent,
    CallNotMade,
    CallTransport,
    look_at_spool,
    new_call_id,
    open_caller,
    read_settings,
)
from chainnode.gateway.calling.transports import EXTENSION
from chainnode.submission import Call
from contracts.schemas.access import PEOPLE_MAX, SUBJECTS_MAX
from contracts.schemas.access_sealed import commitment_content
from contracts.schemas.call_words import Side
from devnet.demo.catalogue import grant_name, granted_fields
from devnet.demo.clients import open_client
from devnet.demo.logins.known import citizen_login
from devnet.demo.people import Person, invent_people
from devnet.demo.plan import plan_bulk
from devnet.demo.pseudonyms import DemoTokens, fetch_tokens
from devnet.demo.settings import custodian_url, office_config, registry_spool, registry_url
from devnet.departments import HOUSING, POLICE
from devnet.topology import DevnetFolder, Topology, departments_of, load_topology
from tests.acceptance.commands import Kun
from tests.acceptance.main_job import NAMES
from tests.acceptance.waiting import until

FIRST_CLOCK = "2026-03-31T23:40:00+08:00"
LAST_CLOCK = "2026-03-31T23:59:00+08:00"
MIDNIGHT_MS = int(datetime(2026, 3, 31, 16, tzinfo=UTC).timestamp() * 1000)
MARCH, APRIL, MAY = ("2026-03", "2026-04", "2026-05")
# The demo's person of whom the town speaks; one that the register answers for.
NUMBER = 4
LOGIN = citizen_login(NUMBER)
BULK = 1_000
CALLS_EACH = 3
# Later than the devnet's deadline of 20 s, and long enough for a slow machine to cross midnight.
LATE_S, MIDNIGHT_S, RECORDED_S, UP_S = 25.0, 120.0, 60.0, 300.0
# The clock of a devnet's node begins when its process has begun: some seconds behind.
BEHIND_S = 10.0
_TIMEOUT_S = 60.0
_SECOND_MS = 1_000
_DAY_MS = 86_400_000

Result = TypeVar("Result")


@dataclass(slots=True, kw_only=True)
class Known:
    """Ids of the calls about the person, by what they are examples of."""

    before: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    bulk: str = ""


class Office:
    """Housing's program: it stays while the chain stands still, and replays what it kept."""

    def __init__(self, folder: DevnetFolder, topology: Topology) -> None:
        self._url = registry_url(topology)
        settings = read_settings(office_config(folder))
        self._intent = CallIntent(
            provider=POLICE.organisation,
            item=POLICE.serves,
            item_version=1,
            fields=granted_fields(POLICE),
            grant=grant_name(HOUSING, POLICE),
            reason=CallReason(purpose="housing", reason="公租房资格审核", case="GZF-2026-0331"),
        )
        transport = CallTransport(
            lambda: open_caller(settings, provider=POLICE.organisation), self._intent
        )
        self._http = httpx.Client(transport=transport, timeout=_TIMEOUT_S)

    def call(self, person: Person) -> str:
        """Ask the register for a person; return the call's id."""
        answer = self._http.post(
            self._url, json={"person_id": person.person_id}, extensions={EXTENSION: self._intent}
        )
        assert answer.status_code == httpx.codes.OK, answer.text
        outcome = answer.extensions[EXTENSION]
        assert outcome.is_proven
        call_id: bytes = outcome.call_id
        return call_id.hex()

    def close(self) -> None:
        """End the program."""
        self._http.close()


@dataclass(slots=True, kw_only=True)
class Town:
    """The running devnet, and what happened in it."""

    kun: Kun
    topology: Topology
    tokens: DemoTokens = field(repr=False)
    known: Known = field(default_factory=Known)

    @classmethod
    def up(cls, folder: Path) -> Self:
        """Start the devnet in March, with its demo."""
        kun = Kun(folder)
        kun("devnet", "up", "--detach", "--clock", FIRST_CLOCK, timeout_s=UP_S)
        topology = load_topology(DevnetFolder(folder))
        people = invent_people()[NUMBER - 1 : NUMBER]
        tokens = _aside(lambda: fetch_tokens(DevnetFolder(folder), topology, people))
        return cls(kun=kun, topology=topology, tokens=tokens)

    @staticmethod
    def down(folder: Path) -> None:
        """Stop everything that runs there."""
        Kun(folder)("devnet", "down", ok=False)

    @property
    def folder(self) -> DevnetFolder:
        """The devnet's folder."""
        return DevnetFolder(self.kun.folder)

    @property
    def person(self) -> Person:
        """Of whom the town speaks."""
        return invent_people()[NUMBER - 1]

    @property
    def subject(self) -> bytes:
        """The person's token at the police."""
        return self.tokens.token(provider=POLICE.organisation, person_id=self.person.person_id)

    @property
    def custodian(self) -> str:
        """Who makes tokens."""
        return custodian_url(self.topology)

    @property
    def now_ms(self) -> int:
        """What the clocks of the nodes read."""
        return time.time_ns() // 1_000_000 + self.topology.clock_offset_ms

    def demo_calls(self) -> dict[str, int]:
        """Return how many calls about the person the demo made, by providing department."""
        people = invent_people()
        departments = departments_of(self.topology)
        marks = DemoTokens(
            tokens={
                (one.organisation, other.person_id): other.person_id.encode()
                for one in departments
                for other in people
            }
        )
        found = dict.fromkeys((one.organisation for one in departments), 0)
        for call in plan_bulk(departments, people, marks, now_ms=self.now_ms):
            found[call.provider] += self.person.person_id.encode() in call.subjects
        # Over HTTP the housing office asks the police for everybody once.
        found[POLICE.organisation] += 1
        return found

    def seal(self) -> None:
        """Let the police answer a call about the person under seal of the data bureau."""
        seal_id, now_ms = secrets.token_bytes(16), self.now_ms
        content = commitment_content(
            secret=secrets.token_bytes(32),
            requester=HOUSING.organisation,
            item=POLICE.serves,
            purpose="案件调查",
        )
        allowed = seal_department(
            seal_id=seal_id,
            department=POLICE.organisation,
            from_ms=now_ms - _DAY_MS,
            until_ms=now_ms + _DAY_MS,
            basis=bytes(32),
        )
        call = sealed_call(
            seal_id=seal_id,
            subjects=[self.subject],
            count=1,
            requested_ms=now_ms,
            commitment=hashlib.sha256(content).digest(),
        )
        self._submit("auditor", [allowed])
        self._submit("service-police", [call])

    def call_about_many(self) -> None:
        """Let both departments record one call about a thousand people; the person is one."""
        others = (hashlib.sha256(b"%d" % one).digest() for one in range(BULK - 1))
        tokens = sorted([self.subject, *others])
        now_ms = self.now_ms
        call_id, trace_id = new_call_id(now_ms), secrets.token_bytes(16)
        for side, identity in (
            (Side.PROVIDER, "service-police"),
            (Side.REQUESTER, "service-housing"),
        ):
            call = AccessCall(
                call_id=call_id,
                side=side,
                requester=HOUSING.organisation,
                provider=POLICE.organisation,
                item=POLICE.serves,
                fields=granted_fields(POLICE),
                grant=grant_name(HOUSING, POLICE),
                trace_id=trace_id,
                subjects=tuple(tokens[:SUBJECTS_MAX]),
                people=BULK - SUBJECTS_MAX,
                status=200,
                count=BULK,
                requested_ms=now_ms,
                answered_ms=now_ms,
            )
            further = tokens[SUBJECTS_MAX:]
            lists = [
                access_people(call, first=first, tokens=further[first : first + PEOPLE_MAX])
                for first in range(0, len(further), PEOPLE_MAX)
            ]
            half = access_record(call, AccessReason(reason_text="年度批量核对"))
            self._submit(identity, [*lists, half])
        self.known.bulk = call_id.hex()

    def cross_midnight(self) -> None:
        """Go on shortly before midnight: calls, one while the chain stands still, calls."""
        self.kun("devnet", "down")
        self.kun("devnet", "up", "--detach", "--clock", LAST_CLOCK, timeout_s=UP_S)
        self.topology = load_topology(self.folder)
        office = Office(self.folder, self.topology)
        try:
            self.known.before.append(self._first_call(office))
            self.known.before += [office.call(self.person) for _ in range(CALLS_EACH - 1)]
            self._until_recorded()
            for name in NAMES[2:]:
                self.kun("devnet", "kill", name)
            self.known.late.append(office.call(self.person))
            assert self.now_ms < MIDNIGHT_MS, "this machine is too slow for the town"
            past_ms = MIDNIGHT_MS + int(BEHIND_S * _SECOND_MS)
            again_ms = max(past_ms, self.now_ms + int(LATE_S * _SECOND_MS))
            until(lambda: self.now_ms > again_ms, timeout_s=MIDNIGHT_S, what="midnight")
            for name in NAMES[2:]:
                self.kun("devnet", "start", name)
            self._until_recorded()
            self.known.after += [office.call(self.person) for _ in range(CALLS_EACH)]
            self._until_recorded()
        finally:
            office.close()

    def _first_call(self, office: Office) -> str:
        """Call when the custodian has seen a new block: until then it makes no tokens."""
        made: list[str] = []

        def is_made() -> bool:
            try:
                made.append(office.call(self.person))
            except CallNotMade:
                return False
            return True

        until(is_made, timeout_s=RECORDED_S, what="tokens for the first call")
        return made[0]

    def _until_recorded(self) -> None:
        spools = (registry_spool(self.folder), office_config(self.folder).parent / "spool")

        def is_drained() -> bool:
            stored = [look_at_spool(one) for one in spools]
            return not any(one is None or one.state.waiting_count for one in stored)

        until(is_drained, timeout_s=RECORDED_S, what="both halves of every call on the ledger")

    def _submit(self, identity: str, calls: Sequence[Call]) -> None:
        with open_client(self.folder, self.topology, identity) as client:
            _require_final(client, calls)


def _require_final(client: Client, calls: Sequence[Call]) -> None:
    outcome = client.submit("access", calls)
    assert isinstance(outcome, Final), outcome
    assert outcome.is_accepted, outcome


def _aside(work: Callable[[], Result]) -> Result:
    """Run what needs an event loop of its own: beside a browser this thread has one already."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(work).result()


def made_town(folder: Path) -> Town:
    """Return the town when April has begun in it."""
    town = Town.up(folder)
    town.seal()
    town.call_about_many()
    town.cross_midnight()
    return town
