"""The custodian's door: bounded, exact about refusals, silent about everybody."""

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chainnode.client.exchange import Answer, Exchange
from chainnode.custodian.asks import BODY_BYTES_MAX, HEADER, TOKENS_PATH
from chainnode.custodian.desk import DeskLimits, SignedAsk
from chainnode.custodian.refusals import KINDS, AskCode
from chainnode.custodian.server import CustodianApp
from chainnode.rates import Rate
from tests.builders_custodian import PERSON, ROOT, World, app_of, ask_for, called


@pytest.fixture
def world(tmp_path: Path) -> World:
    slow = Rate(per_second=1, burst=5)
    return World(tmp_path, limits=DeskLimits(key=slow))


@pytest.fixture
def app(world: World) -> Iterator[CustodianApp]:
    with ThreadPoolExecutor(max_workers=1) as threads:
        yield app_of(world, threads)


def exchange(
    ask: SignedAsk | None = None,
    *,
    method: str = "POST",
    path: str = TOKENS_PATH,
    body: bytes | None = None,
    headers: tuple[tuple[str, str], ...] | None = None,
) -> Exchange:
    given = ((HEADER, ask.header),) if ask is not None else ()
    return Exchange(
        node="",
        method=method,
        path=path,
        timeout_s=1,
        bytes_max=1,
        headers=given if headers is None else headers,
        body=ask.body if ask is not None and body is None else body,
    )


def code_of(answer: Answer) -> str:
    document = json.loads(answer.body)
    assert document["status"] == answer.status
    return str(document["code"])


async def test_tokens_leave_as_json(world: World, app: CustodianApp) -> None:
    answer = await called(app, exchange(world.signed(ask_for())))
    assert answer.status == 200
    assert len(json.loads(answer.body)["places"][0]["tokens"][0]) == 64


async def test_each_refusal_has_its_status_and_when_to_come_back(
    world: World, app: CustodianApp
) -> None:
    ask = world.signed(ask_for(*[PERSON] * 5))
    await called(app, exchange(ask))
    assert code_of(await called(app, exchange(ask))) == "REPLAYED"
    late = await called(app, exchange(world.signed(ask_for(*[PERSON] * 3))))
    assert (late.status, json.loads(late.body)["retry_after_s"]) == (429, 4)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (exchange(method="GET"), "NOT_FOUND"),
        (exchange(path="/v1/tokens/"), "NOT_FOUND"),
        (exchange(), "MALFORMED"),
        (exchange(headers=((HEADER, "%%%"),)), "MALFORMED"),
        (exchange(headers=((HEADER, "A" * 600),)), "MALFORMED"),
        (exchange(headers=((HEADER, "kw"), (HEADER, "kw"))), "MALFORMED"),
        (exchange(headers=((HEADER, "kw"),), body=b"x" * (BODY_BYTES_MAX + 1)), "OVERSIZE"),
    ],
    ids=["method", "path", "no header", "characters", "long", "twice", "oversize"],
)
async def test_what_is_no_ask_is_refused(app: CustodianApp, sent: Exchange, code: str) -> None:
    assert code_of(await called(app, sent)) == code


async def test_a_signed_body_that_is_no_ask_is_malformed(world: World, app: CustodianApp) -> None:
    signed = world.signed(ask_for())
    assert code_of(await called(app, exchange(signed, body=b"{" * 1000))) == "BAD_SIGNATURE"


async def test_metrics_and_logs_name_nobody_and_show_no_secret(
    world: World, app: CustodianApp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await called(app, exchange(world.signed(ask_for())))
    await called(app, exchange(world.signed(ask_for(PERSON[:-1]))))
    metrics = (await called(app, exchange(method="GET", path="/metrics"))).body.decode()
    assert 'kunlian_custodian_asks_total{code="INVALID_IDENTIFIER"} 1.0' in metrics
    assert "kunlian_custodian_tokens_made_total 1.0" in metrics
    shown = metrics + caplog.text + "".join(str(one.__dict__) for one in caplog.records)
    assert PERSON[:-1] not in shown
    assert ROOT.hex() not in shown
    health = await called(app, exchange(method="GET", path="/healthz"))
    assert health.status == 200


def test_every_code_has_words_in_both_languages() -> None:
    assert set(KINDS) == set(AskCode)
    assert all(one.zh and one.en and one.status >= 400 for one in KINDS.values())
