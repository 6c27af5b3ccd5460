"""Both sides of calls on a real ledger: from a signed request to a call that the chain matched."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from chainnode.cli.main import run
from chainnode.client import (
    AsyncClient,
    Final,
    GrantDraft,
    ItemDraft,
    apply_for_grant,
    approve_grant,
    publish_item,
    revoke_grant,
)
from chainnode.client.session import system_ms
from chainnode.errors import ConfigurationError
from chainnode.exchange import CallReason, call_id_of
from chainnode.gateway import (
    AccessLog,
    AsyncCallTransport,
    CallIntent,
    NoNodeAnswers,
    look_at_spool,
    open_caller,
    read_settings,
)
from chainnode.gateway.calling.steps import EXTENSION
from chainnode.gateway.messages import HttpAnswer, HttpRequest
from chainnode.gateway.opening import open_gateway, open_ledger_side
from chainnode.gateway.settings import GatewaySettings
from chainnode.gateway.spool.entries import SpoolEntry
from chainnode.gateway.spool.spool import Spool
from chainnode.genesis import write_genesis_file
from chainnode.keys import DEVNET_COST, KeyPurpose, Passphrase, write_key_file
from chainnode.secret_files import write_secret_file
from chainnode.submission import Call
from chainnode.suites import suite_named
from chainnode.verify import Trust
from contracts.schemas.access import DISPUTABLE_CALLS, Side
from contracts.schemas.catalog_states import Share
from contracts.schemas.match_states import Match
from tests.builders import ORGANISATIONS, SUITES, secret_key, submission_key
from tests.gateway_site import serving
from tests.served_site import Served, served_site

REQUESTER, PROVIDER = ORGANISATIONS[0], ORGANISATIONS[1]
ITEM, GRANT = "population/basic", "G-2026-1"
PASSPHRASE = b"throw-away pass phrase"
INTENT = CallIntent(
    provider=PROVIDER,
    item=ITEM,
    item_version=1,
    fields=1,
    grant=GRANT,
    reason=CallReason(purpose="housing", reason="公租房资格审核"),
)


@dataclass
class Chain:
    """A served chain, and files by which gateways of two departments open."""

    served: Served
    folder: Path
    suite_name: str

    def settings(self, number: int, **change: object) -> dict[str, object]:
        """Return the keywords of a gateway of an organisation."""
        given: dict[str, object] = {
            "node": self.served.url,
            "key": self.folder / f"{number}.key",
            "passphrase_file": self.folder / "passphrase",
            "trust": self.folder / "genesis.json",
            "spool": self.folder / f"spool-{number}",
            "item": ITEM,
        }
        return {**given, **change}

    def read(self, number: int, **change: object) -> GatewaySettings:
        return read_settings(None, self.settings(number, **change))

    def client(self, number: int) -> AsyncClient:
        trust = Trust.from_genesis(self.served.genesis)
        return AsyncClient((self.served.url,), trust, submission_key(self.suite_name, number))

    async def must(self, number: int, contract: str, call: Call) -> None:
        async with self.client(number) as client:
            outcome = await client.submit(contract, [call])
        assert isinstance(outcome, Final)
        assert outcome.is_accepted

    async def match_of(self, call_id: bytes) -> Match | None:
        """Return what the ledger says of a call as soon as it knows of both sides."""
        async with self.client(0) as client:
            for _ in range(200):
                found = await client.state(DISPUTABLE_CALLS, REQUESTER, PROVIDER, call_id)
                if found.row is not None and found.row.match != Match.OPEN:
                    return Match(found.row.match)
                await asyncio.sleep(0.05)
        return None


@pytest.fixture(params=SUITES)
def chain(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Chain]:
    suite_name: str = request.param
    with served_site(tmp_path / "site", suite_name=suite_name) as served:
        write_genesis_file(tmp_path / "genesis.json", served.genesis)
        write_secret_file(tmp_path / "passphrase", PASSPHRASE)
        for number, key in (
            (0, submission_key(suite_name, 0)),
            (1, submission_key(suite_name, 1)),
            (9, secret_key(suite_name, 77)),
        ):
            write_key_file(
                tmp_path / f"{number}.key",
                key,
                suite=suite_named(suite_name),
                purpose=KeyPurpose.SUBMISSION,
                passphrase=Passphrase(PASSPHRASE),
                cost=DEVNET_COST,
            )
        yield Chain(served=served, folder=tmp_path, suite_name=suite_name)


def service(chain: Chain, on_failure: str) -> FastAPI:
    app = FastAPI()
    given: Any = chain.settings(1, purpose="header:Kun-Purpose", on_failure=on_failure)
    app.add_middleware(AccessLog, **given)

    @app.post("/people")
    async def people() -> dict[str, str]:
        return {"name": "张三", "address": "x"}

    return app


@asynccontextmanager
async def calling(chain: Chain, url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with open_caller(chain.read(0), provider=PROVIDER) as caller:
        transport = AsyncCallTransport(caller, INTENT)
        async with httpx.AsyncClient(base_url=url, transport=transport, timeout=60) as client:
            yield client


async def granted(chain: Chain) -> None:
    """Let the ledger know an item and a grant for it."""
    item = ItemDraft(
        item=ITEM, title="人口基本信息", fields=("name", "address"), share=Share.CONDITIONAL
    )
    await chain.must(1, "catalog", publish_item(item))
    draft = GrantDraft(
        grant=GRANT,
        item=ITEM,
        item_version=1,
        fields=1,
        purpose="核验购房资格",
        valid_from=20200101,
    )
    await chain.must(0, "grants", apply_for_grant(draft))
    await chain.must(1, "grants", approve_grant(GRANT, fields=1, quota=0, valid_to=0))


@pytest.mark.timeout(120)
async def test_calls_from_request_to_matched_pair_on_the_ledger(chain: Chain) -> None:
    await granted(chain)
    async with serving(service(chain, "block")) as url, calling(chain, url) as client:
        permitted = await client.post("/people", json={})
        assert (permitted.status_code, permitted.json()) == (200, {"name": "张三"})
        outcome = permitted.extensions[EXTENSION]
        assert outcome.is_proven
        assert outcome.receipt
        assert await chain.match_of(outcome.call_id) is Match.MATCHED
        await chain.must(1, "grants", revoke_grant(GRANT, reason_code="ended"))


@pytest.mark.timeout(120)
async def test_call_without_a_grant_is_a_matched_denial_on_the_ledger(chain: Chain) -> None:
    await granted(chain)
    await chain.must(1, "grants", revoke_grant(GRANT, reason_code="ended"))
    async with serving(service(chain, "spool")) as url, calling(chain, url) as client:
        denied = await client.post("/people", json={})
        assert (denied.status_code, denied.json()["code"]) == (403, "GRANT_NOT_ACTIVE")
        assert await chain.match_of(denied.extensions[EXTENSION].call_id) is Match.MATCHED


@pytest.mark.timeout(120)
async def test_record_of_a_caller_that_closes_at_once_is_on_the_ledger(chain: Chain) -> None:
    settings = chain.read(0, gather_ms=60_000, drain_s=60)
    for _ in range(2):
        async with open_caller(settings, provider=PROVIDER) as caller:
            request = HttpRequest(method="GET", target="/", headers=(), body=b"")
            await caller.fail(await caller.start(INTENT, request))
    stored = look_at_spool(settings.spool)
    assert stored is not None
    assert (stored.state.waiting_count, stored.state.settled) == (0, 2)


@pytest.mark.timeout(120)
async def test_what_a_caller_left_is_sent_by_a_verb_of_its_own(chain: Chain) -> None:
    config = chain.folder / "kun-gateway.toml"
    config.write_text(
        f'node = "{chain.served.url}"\nkey = "0.key"\npassphrase_file = "passphrase"\n'
        'trust = "genesis.json"\nspool = "spool-0"\n'
    )
    settings = read_settings(config)
    trust = Trust.from_genesis(chain.served.genesis)
    spool = Spool.open(settings.spool, chain_id=trust.chain_id)
    async with open_caller(chain.read(0, spool=chain.folder / "else"), provider=PROVIDER) as caller:
        request = HttpRequest(method="GET", target="/", headers=(), body=b"")
        elsewhere = replace(caller, queue=spool)
        await elsewhere.fail(await elsewhere.start(INTENT, request))
    await spool.close()
    words = ["--json", "gateway", "spool", "send", "--config", str(config)]
    assert await asyncio.to_thread(run, words) == 0
    stored = look_at_spool(settings.spool)
    assert stored is not None
    assert (stored.state.waiting_count, stored.state.settled) == (0, 1)


async def test_verb_says_that_no_node_answers_and_sends_nothing(
    chain: Chain, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(NoNodeAnswers, match=f"no node answers: {url}; "):
            async with open_caller(chain.read(0, node=url), provider=PROVIDER):
                pass
        config = chain.folder / "kun-gateway.toml"
        config.write_text(
            f'node = "{url}"\nkey = "0.key"\npassphrase_file = "passphrase"\n'
            'trust = "genesis.json"\nspool = "spool-0"\n'
        )
        words = ["gateway", "spool", "send", "--config", str(config)]
        assert await asyncio.to_thread(run, words) == 3
        assert f"error: no node answers: {url}; " in capsys.readouterr().err


async def test_key_that_the_ledger_does_not_know_opens_no_gateway(chain: Chain) -> None:
    with pytest.raises(ConfigurationError, match="service key"):
        async with open_ledger_side(chain.read(9)):
            pass


async def test_gateway_that_claims_to_be_another_department_is_not_opened(chain: Chain) -> None:
    with pytest.raises(ConfigurationError, match="organisation"):
        async with open_ledger_side(chain.read(1, organisation=REQUESTER)):
            pass


async def test_gateway_of_a_real_chain_goes_by_the_systems_clock_alone(chain: Chain) -> None:
    genesis = chain.served.genesis
    real = replace(genesis, parameters=replace(genesis.parameters, devnet=0))
    write_genesis_file(chain.folder / "real.json", real)
    given = {"trust": chain.folder / "real.json", "clock_offset_ms": 1}

    with pytest.raises(ConfigurationError, match="only a devnet chain may have its own clock"):
        async with open_ledger_side(chain.read(1, **given)):
            pass


async def test_gateway_of_a_devnet_may_have_the_clock_of_its_nodes(chain: Chain) -> None:
    async with open_ledger_side(chain.read(1, clock_offset_ms=-10_000)) as side:
        assert system_ms() - 30_000 < side.now_ms() <= system_ms() - 10_000


async def test_call_that_a_former_life_answered_does_not_come_again_when_the_clock_was_set_back(
    chain: Chain,
) -> None:
    """Its spool knows how late it was."""
    settings = chain.read(1)
    trust = Trust.from_genesis(chain.served.genesis)
    later_ms = system_ms() + 600_000
    spool = Spool.open(settings.spool, chain_id=trust.chain_id)
    await spool.put(
        SpoolEntry(
            requester=REQUESTER,
            provider=PROVIDER,
            call_id=call_id_of(later_ms, bytes(10)),
            side=Side.PROVIDER,
            calls=(Call(action="record", public=b"no half"),),
            made_ms=later_ms,
        )
    )
    await spool.close()
    async with (
        open_gateway(settings) as gateway,
        open_caller(chain.read(0), provider=PROVIDER) as caller,
    ):
        request = HttpRequest(method="GET", target="/", headers=(), body=b"")
        started = await caller.start(INTENT, request)
        headers = tuple((name.lower(), value) for name, value in started.headers.items())
        answer = await gateway.admit(replace(request, headers=headers))
    assert isinstance(answer, HttpAnswer)
    assert (answer.status, json.loads(answer.body)["code"]) == (503, "BEFORE_START")
