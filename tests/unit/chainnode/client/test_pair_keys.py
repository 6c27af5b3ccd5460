"""The key of a pair of departments and a month, shared over a real ledger."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from chainnode.client.exchange import Answer, Elapsed, Pause, Plan, Reply, Result, Step
from chainnode.client.memory import HeightMemory
from chainnode.client.pair_keys import NoPairKey, Reader, open_pair_key, share_pair_key
from chainnode.client.session import Session
from chainnode.exchange import Pair
from chainnode.genesis import Genesis, Parameters
from chainnode.submission import Call
from chainnode.suites import suite_named
from chainnode.suites.wrapping import WrappingKey, load_wrapping_key
from contracts.schemas.content import PublishKey
from contracts.schemas.shape import encode_part
from tests.builders import ORGANISATIONS, genesis_of, submission_key, submission_of
from tests.sites import Site

SUITES = ("sm", "intl")
REQUESTER, PROVIDER, AUDITOR, OTHER = ORGANISATIONS[:4]
PAIR = Pair(requester=REQUESTER, provider=PROVIDER, period=202611)
_NODE = "http://node"


def genesis(suite: str) -> Genesis:
    """Return a chain of rules 2 on which everybody but `OTHER` may audit."""
    plain = genesis_of(suite, parameters=Parameters(devnet=1, state_map_bits=8, index_map_bits=8))
    organisations = tuple(
        one
        if one.organisation != OTHER
        else replace(
            one,
            roles=(1, 2, 3),
            keys=tuple(replace(key, roles=(1, 2, 3)) for key in one.keys),
        )
        for one in plain.organisations
    )
    return replace(plain, organisations=organisations)


def wrapping_of(suite: str, organisation: str, *, number: int = 1) -> WrappingKey:
    secret = bytes((number, ORGANISATIONS.index(organisation) + 1)) * 16
    return load_wrapping_key(suite_named(suite), secret)


def reader(suite: str, organisation: str) -> Reader:
    return Reader(organisation=organisation, wrapping=wrapping_of(suite, organisation))


class Chain:
    """A site, the departments' sessions to it, and a carrier of plans."""

    def __init__(self, site: Site, http: httpx.AsyncClient) -> None:
        self.site = site
        self.suite = site.suite.name
        self._http = http
        self._nonces = iter(range(1_000, 2_000))

    def session(self, organisation: str) -> Session:
        return Session(
            nodes=(_NODE,),
            trust=self.site.trust,
            memory=HeightMemory(trust=self.site.trust, path=None),
            key=submission_key(self.suite, ORGANISATIONS.index(organisation)),
            now_ms=self.site.clock.now_ms,
        )

    async def run(self, plan: Plan[Result]) -> Result:
        try:
            step = next(plan)
            while True:
                step = plan.send(await self._carried_out(step))
        except StopIteration as end:
            result: Result = end.value
            return result

    async def share(self, organisation: str = PROVIDER) -> bytes:
        return await self.run(
            share_pair_key(self.session(organisation), PAIR, reader(self.suite, organisation))
        )

    async def open(self, one: Reader, pair: Pair = PAIR) -> bytes:
        return await self.run(open_pair_key(self.session(one.organisation), pair, one))

    def publish(self, organisation: str, public_key: bytes | None = None) -> None:
        """Put an organisation's wrapping key of the month on the ledger."""
        key = public_key or wrapping_of(self.suite, organisation).public_key
        part = PublishKey(salt=bytes(16), period=PAIR.period, public_key=key)
        self.site.grow(
            submission_of(
                self.site.genesis,
                key=submission_key(self.suite, ORGANISATIONS.index(organisation)),
                nonce=next(self._nonces),
                contract="content",
                calls=[Call(action="publish_key", public=encode_part(part))],
            )
        )

    async def _carried_out(self, step: Step) -> Reply:
        if isinstance(step, Pause):
            return Elapsed()
        response = await self._http.request(
            step.method, step.path, headers=list(step.headers), content=step.body
        )
        return Answer(status=response.status_code, body=response.content)


@asynccontextmanager
async def chain_of(folder: Path, suite: str) -> AsyncIterator[Chain]:
    site = Site(folder, genesis=genesis(suite))
    site.orders_at_once = True
    transport = httpx.ASGITransport(site.app())
    async with httpx.AsyncClient(transport=transport, base_url=_NODE) as http:
        try:
            yield Chain(site, http)
        finally:
            site.close()


@pytest.mark.parametrize("suite", SUITES)
async def test_both_departments_and_every_auditor_open_what_the_provider_shared(
    tmp_path: Path, suite: str
) -> None:
    async with chain_of(tmp_path, suite) as chain:
        for one in (REQUESTER, PROVIDER, AUDITOR, OTHER):
            chain.publish(one)

        shared = await chain.share()

        assert len(shared) == chain.site.suite.aead_key_bytes
        for one in (REQUESTER, PROVIDER, AUDITOR):
            assert await chain.open(reader(suite, one)) == shared
        with pytest.raises(NoPairKey, match="not shared with"):
            await chain.open(reader(suite, OTHER))


async def test_a_second_sharing_returns_the_first_key(tmp_path: Path) -> None:
    async with chain_of(tmp_path, "intl") as chain:
        for one in (REQUESTER, PROVIDER):
            chain.publish(one)
        assert await chain.share() == await chain.share()


async def test_nothing_is_opened_before_it_is_shared(tmp_path: Path) -> None:
    async with chain_of(tmp_path, "intl") as chain:
        chain.publish(REQUESTER)
        with pytest.raises(NoPairKey, match="has shared none"):
            await chain.open(reader("intl", REQUESTER))


async def test_a_key_of_another_month_opens_nothing(tmp_path: Path) -> None:
    async with chain_of(tmp_path, "intl") as chain:
        for one in (REQUESTER, PROVIDER):
            chain.publish(one)
        await chain.share()
        with pytest.raises(NoPairKey, match="has shared none"):
            await chain.open(reader("intl", REQUESTER), replace(PAIR, period=202612))


@pytest.mark.parametrize("suite", SUITES)
async def test_another_wrapping_key_does_not_open_it(tmp_path: Path, suite: str) -> None:
    async with chain_of(tmp_path, suite) as chain:
        for one in (REQUESTER, PROVIDER):
            chain.publish(one)
        await chain.share()
        other = Reader(organisation=REQUESTER, wrapping=wrapping_of(suite, REQUESTER, number=9))
        with pytest.raises(NoPairKey, match="for another key"):
            await chain.open(other)


@pytest.mark.parametrize("missing", [REQUESTER, PROVIDER])
async def test_both_must_have_published_a_key(tmp_path: Path, missing: str) -> None:
    async with chain_of(tmp_path, "intl") as chain:
        chain.publish(REQUESTER if missing == PROVIDER else PROVIDER)
        with pytest.raises(NoPairKey, match=f"{missing} has published no wrapping key"):
            await chain.share()


async def test_a_bad_key_of_an_auditor_keeps_nobody_from_sharing(tmp_path: Path) -> None:
    async with chain_of(tmp_path, "intl") as chain:
        for one in (REQUESTER, PROVIDER):
            chain.publish(one)
        chain.publish(AUDITOR, bytes(32))
        shared = await chain.share()
        assert await chain.open(reader("intl", REQUESTER)) == shared
        with pytest.raises(NoPairKey, match="not shared with"):
            await chain.open(reader("intl", AUDITOR))


async def test_only_the_provider_shares(tmp_path: Path) -> None:
    async with chain_of(tmp_path, "intl") as chain:
        for one in (REQUESTER, PROVIDER):
            chain.publish(one)
        with pytest.raises(NoPairKey, match="FOREIGN_ORGANISATION"):
            await chain.share(REQUESTER)


async def test_a_provider_that_shares_another_key_than_it_commits_to_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with chain_of(tmp_path, "intl") as chain:
        for one in (REQUESTER, PROVIDER):
            chain.publish(one)
        with monkeypatch.context() as patched:
            patched.setattr("chainnode.client.pair_keys.key_check", lambda _h, _key: bytes(32))
            await chain.share()
        with pytest.raises(NoPairKey, match="not the key that the state binds"):
            await chain.open(reader("intl", REQUESTER))
