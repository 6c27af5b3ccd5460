"""Calls that are not authentic leave no half; authentic ones that come again leave no second."""

from dataclasses import replace

import msgspec
import pytest

from chainnode.exchange import CallHeader, call_id_of, encode_call
from chainnode.exchange.headers import CALL_HEADER
from chainnode.gateway.messages import HttpAnswer, HttpRequest, Unrecorded
from chainnode.gateway.ports import AHEAD_MS_MAX
from chainnode.gateway.recording import OpenCall
from chainnode.gateway.seen_calls import CallMemory
from tests.builders import NOW_MS
from tests.builders_gateway import (
    CHAIN_ID,
    INTENT,
    PROVIDER,
    REQUESTER,
    STRANGER,
    World,
    code_of,
    header_of,
    json_answer,
    with_grant,
)


async def refused(world: World, request: HttpRequest) -> Unrecorded:
    answer = await world.gateway.admit(request)
    assert isinstance(answer, HttpAnswer)
    assert world.queue.entries == []
    reason = Unrecorded[code_of(answer)]
    assert answer.status == reason.status
    assert world.gateway.counters.refusals(reason) == 1
    return reason


def answer_of(admitted: OpenCall | HttpAnswer) -> HttpAnswer:
    assert isinstance(admitted, HttpAnswer)
    return admitted


def without(request: HttpRequest, name: str) -> HttpRequest:
    return replace(request, headers=tuple(one for one in request.headers if one[0] != name))


def with_call(request: HttpRequest, header: CallHeader) -> HttpRequest:
    """Return the same request with another `Kun-Call`."""
    name = CALL_HEADER.lower()
    kept = tuple(one for one in request.headers if one[0] != name)
    return replace(request, headers=(*kept, (name, encode_call(header))))


async def test_request_without_a_token_is_refused_and_counted() -> None:
    world = World()
    _, request = world.signed()
    assert await refused(world, without(request, "kun-call")) is Unrecorded.CALL_MISSING


async def test_request_with_two_tokens_is_refused() -> None:
    world = World()
    signed, request = world.signed()
    twice = replace(request, headers=(*request.headers, ("kun-call", encode_call(signed.header))))
    assert await refused(world, twice) is Unrecorded.CALL_MISSING


async def test_malformed_token_is_refused() -> None:
    world = World()
    _, request = world.signed()
    other = (*without(request, "kun-call").headers, ("kun-call", "AAAA"))
    assert await refused(world, replace(request, headers=other)) is Unrecorded.CALL_MALFORMED


async def test_malformed_reason_is_refused() -> None:
    world = World()
    _, request = world.signed()
    other = (*without(request, "kun-case").headers, ("kun-case", "%zz"))
    assert await refused(world, replace(request, headers=other)) is Unrecorded.REASON_MALFORMED


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"target": "/v1/people?x=2"},
        {"body": b'{"id_card": "other"}'},
    ],
    ids=["method", "target", "body"],
)
async def test_token_of_another_request_is_refused(change: dict[str, str]) -> None:
    world = World()
    _, request = world.signed()
    assert await refused(world, replace(request, **change)) is Unrecorded.SIGNATURE_WRONG  # type: ignore[arg-type]  # fields of a request


async def test_reason_that_was_not_signed_is_refused() -> None:
    world = World()
    _, request = world.signed()
    more = replace(request, headers=(*request.headers, ("kun-operator", "x")))
    assert await refused(world, more) is Unrecorded.SIGNATURE_WRONG


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (None, Unrecorded.KEY_UNKNOWN),
        ({"organisation": STRANGER}, Unrecorded.KEY_NOT_ENTITLED),
        ({"roles": (1, 2, 4, 5)}, Unrecorded.KEY_NOT_ENTITLED),
        ({"valid_from_ms": NOW_MS + 1}, Unrecorded.KEY_NOT_ENTITLED),
        ({"valid_to_ms": NOW_MS}, Unrecorded.KEY_NOT_ENTITLED),
    ],
    ids=["unknown", "organisation", "role", "early", "ended"],
)
async def test_key_that_the_ledger_does_not_entitle_is_refused(
    change: dict[str, object] | None, reason: Unrecorded
) -> None:
    world = World()
    _, request = world.signed()
    for identity, row in tuple(world.rows.keys.items()):
        if row.organisation == REQUESTER:
            del world.rows.keys[identity]
            if change is not None:
                world.rows.keys[identity] = msgspec.structs.replace(row, **change)
    assert await refused(world, request) is reason


@pytest.mark.parametrize(
    "late_ms", [60_001, -AHEAD_MS_MAX - 1], ids=["too-late", "from-the-future"]
)
async def test_token_that_is_not_of_now_is_refused(late_ms: int) -> None:
    world = World()
    _, request = world.signed()
    world.clock.now_ms += late_ms
    assert await refused(world, request) is Unrecorded.NOT_OF_NOW


async def test_token_from_before_the_gateway_started_is_refused() -> None:
    world = World()
    _, request = world.signed()
    world.clock.now_ms += 1
    world.gateway = world.new_gateway()
    assert await refused(world, request) is Unrecorded.BEFORE_START


async def test_token_from_ahead_of_our_clock_waits_until_it_is_of_now() -> None:
    world = World()
    ahead_ms = world.clock.now_ms + AHEAD_MS_MAX
    signed, _ = await world.call(replace(INTENT, call_id=call_id_of(ahead_ms, bytes(10))))
    (half,) = world.halves
    assert (signed.header.requested_ms, half["requested_ms"]) == (ahead_ms, ahead_ms + 1)


async def test_nobody_waits_for_the_time_of_a_strangers_token() -> None:
    world = World()
    now_ms = world.clock.now_ms
    _, request = world.signed(replace(INTENT, call_id=call_id_of(now_ms + 4_000, bytes(10))))
    world.rows.keys.clear()
    assert await refused(world, request) is Unrecorded.KEY_UNKNOWN
    assert world.clock.now_ms == now_ms


async def test_token_that_was_answered_does_not_come_again_after_a_restart() -> None:
    """Memory of calls is gone; the token is from ahead of the clock, so as new as any."""
    world = World()
    ahead_ms = world.clock.now_ms + AHEAD_MS_MAX
    _, request = world.signed(replace(INTENT, call_id=call_id_of(ahead_ms, bytes(10))))
    call = await world.gateway.admit(request)
    assert isinstance(call, OpenCall)
    await world.gateway.answer(call, json_answer())
    world.gateway = world.new_gateway()
    again = await world.gateway.admit(request)
    assert isinstance(again, HttpAnswer)
    assert (code_of(again), len(world.halves)) == ("BEFORE_START", 1)


async def test_token_whose_time_does_not_come_is_refused() -> None:
    world = World()
    _, request = world.signed()
    world.clock.now_ms -= 1
    world.clock.is_set_back = True
    assert await refused(world, request) is Unrecorded.NOT_OF_NOW


async def test_token_that_memory_has_forgotten_does_not_come_again_when_the_clock_steps_back() -> (
    None
):
    world = World()
    _, request = world.signed()
    call = await world.gateway.admit(request)
    assert isinstance(call, OpenCall)
    await world.gateway.answer(call, json_answer())
    world.clock.now_ms += 600_000
    await world.call()
    world.clock.now_ms -= 600_000
    again = await world.gateway.admit(request)
    assert isinstance(again, HttpAnswer)
    assert (code_of(again), len(world.halves)) == ("NOT_OF_NOW", 2)
    world.clock.now_ms += 1
    assert (await world.call())[1].status == 200


async def test_caller_that_cannot_be_checked_is_refused() -> None:
    world = World()
    world.rows.knows_keys = False
    _, request = world.signed()
    assert await refused(world, request) is Unrecorded.ROWS_UNAVAILABLE


async def test_retry_of_a_call_gets_the_same_answer_and_no_second_half() -> None:
    world = World()
    _, request = world.signed()
    call = await world.gateway.admit(request)
    assert isinstance(call, OpenCall)
    answer = await world.gateway.answer(call, json_answer())
    world.clock.now_ms += 1_000
    assert await world.gateway.admit(request) == answer
    assert len(world.halves) == 1


async def test_retry_of_a_denied_call_is_denied_again_without_a_second_half() -> None:
    world = World()
    with_grant(world, state=6)
    _, request = world.signed()
    answer = await world.gateway.admit(request)
    with_grant(world, state=3)
    assert await world.gateway.admit(request) == answer
    assert len(world.halves) == 1


async def test_retry_while_a_call_is_answered_is_refused() -> None:
    world = World()
    _, request = world.signed()
    await world.gateway.admit(request)
    assert await refused(world, request) is Unrecorded.IN_FLIGHT


async def test_call_id_of_another_request_is_refused() -> None:
    world = World()
    signed, request = world.signed()
    await world.gateway.admit(request)
    reused = replace(INTENT, call_id=signed.header.call_id)
    _, other = world.signed(reused, body={"id_card": "2"})
    assert await refused(world, other) is Unrecorded.CALL_ID_REUSED


async def test_call_id_that_memory_has_forgotten_does_not_come_again() -> None:
    """Its half would be a double on the ledger, and the data would be out."""
    world = World()
    signed, _ = await world.call()
    world.clock.now_ms += 70_000
    await world.call()
    _, again = world.signed(replace(INTENT, call_id=signed.header.call_id))
    answer = await world.gateway.admit(again)
    assert isinstance(answer, HttpAnswer)
    assert (code_of(answer), len(world.halves)) == ("NOT_OF_NOW", 2)


async def test_call_id_of_another_time_is_refused() -> None:
    world = World()
    signed, request = world.signed()
    other = replace(signed.header, call_id=bytes(16))
    token = other.token(
        chain_id=CHAIN_ID, provider=PROVIDER, request_commitment=bytes(32), http_digest=bytes(32)
    )
    forged = replace(other, signature=world.requester_key.sign(token.content()))
    assert await refused(world, with_call(request, forged)) is Unrecorded.NOT_OF_NOW


async def test_ledger_is_asked_of_no_key_that_did_not_sign() -> None:
    world = World()
    signed, request = world.signed()
    forged = replace(signed.header, signature=bytes(64))
    world.rows.knows_keys = False
    assert await refused(world, with_call(request, forged)) is Unrecorded.SIGNATURE_WRONG


async def test_full_memory_refuses_new_calls_and_forgets_none() -> None:
    world = World()
    world.gateway = world.new_gateway(memory=CallMemory(calls_max=1))
    _, first = world.signed()
    call = await world.gateway.admit(first)
    _, second = world.signed()
    assert await refused(world, second) is Unrecorded.CALLS_REMEMBERED_FULL
    assert isinstance(call, OpenCall)
    world.clock.now_ms += 60_001
    _, third = world.signed()
    assert code_of(answer_of(await world.gateway.admit(third))) == "CALLS_REMEMBERED_FULL"
    await world.gateway.answer(call, json_answer())
    world.clock.now_ms += 60_001
    assert (await world.call())[1].status == 200


async def test_one_requester_fills_no_more_than_its_share_of_the_memory() -> None:
    world = World()
    world.gateway = world.new_gateway(memory=CallMemory(calls_max=2, calls_of_one_max=1))
    await world.call()
    _, second = world.signed()
    assert code_of(answer_of(await world.gateway.admit(second))) == "CALLS_REMEMBERED_FULL"
    world.clock.now_ms += 60_001
    assert (await world.call())[1].status == 200


async def test_call_that_takes_longer_than_its_window_is_answered_and_its_reply_told() -> None:
    world = World()
    signed, request = world.signed()
    call = await world.gateway.admit(request)
    assert isinstance(call, OpenCall)
    for _ in range(3):
        world.clock.now_ms += 70_000
        await world.call()
    answer = await world.gateway.answer(call, json_answer())
    assert (answer.status, len(world.halves)) == (200, 4)
    asked = HttpRequest(
        method="GET", target="/", headers=(("kun-call", encode_call(signed.header)),), body=b""
    )
    assert (await world.gateway.reply_of(asked)).status == 204


async def test_reply_token_is_told_to_whoever_shows_the_header_of_the_call() -> None:
    world = World()
    signed, answer = await world.call()
    asked = HttpRequest(
        method="GET",
        target="/.well-known/kun/reply",
        headers=(("kun-call", encode_call(signed.header)),),
        body=b"",
    )
    told = await world.gateway.reply_of(asked)
    assert header_of(told, "kun-reply") == header_of(answer, "kun-reply")


@pytest.mark.parametrize("value", ["", "AAAA"], ids=["missing", "malformed"])
async def test_reply_token_is_not_told_without_the_header_of_the_call(value: str) -> None:
    world = World()
    signed, _ = await world.call()
    changed = replace(signed.header, seed=b"x" * 32)
    for shown in (value, encode_call(changed)):
        asked = HttpRequest(method="GET", target="/", headers=(("kun-call", shown),), body=b"")
        assert (await world.gateway.reply_of(asked)).status == 404
