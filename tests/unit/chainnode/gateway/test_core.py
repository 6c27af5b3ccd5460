"""The core of a gateway: what may pass, what is refused, and that each call leaves one half."""

import json
from dataclasses import replace

import pytest

from chainnode.exchange import CallReason
from chainnode.gateway.calling.requesting import CallIntent
from chainnode.gateway.denied_subjects import SUBJECTS_A_DAY_MAX
from chainnode.gateway.judging import DenialReason
from chainnode.gateway.messages import HttpAnswer
from chainnode.gateway.recording import OpenCall
from chainnode.gateway.selectors import Selector
from chainnode.gateway.service import OnFailure
from chainnode.gateway.spool.entries import CallIdentity, DeadLetter, EntryId
from contracts.schemas.access import Decision, Side
from contracts.schemas.grants import GrantRow
from contracts.schemas.tokens import decode_embedded_reply, decode_embedded_request
from tests.builders import NOW_MS, SUITES
from tests.builders_gateway import (
    ADDRESS,
    GRANT,
    GRANT_ROW,
    HEIGHT,
    INTENT,
    ITEM,
    NAME,
    PERSON_ID,
    PROVIDER,
    REQUESTER,
    SEX,
    STRANGER,
    World,
    code_of,
    header_of,
    json_answer,
    token_of,
    with_grant,
    with_item,
)


@pytest.mark.parametrize("suite_name", SUITES)
async def test_permitted_call_releases_granted_members_and_leaves_one_half(suite_name: str) -> None:
    world = World(suite_name)
    signed, answer = await world.call()
    assert (answer.status, json.loads(answer.body)) == (200, {"name": "张三", "sex": "1"})
    (half,) = world.halves
    end = world.proven_end(signed, answer)
    expected = {
        "call_id": signed.header.call_id,
        "side": Side.PROVIDER,
        "requester": REQUESTER,
        "provider": PROVIDER,
        "item": ITEM,
        "item_version": 2,
        "fields": NAME | SEX,
        "subjects": (token_of(PERSON_ID),),
        "people": 0,
        "decision": Decision.PERMIT,
        "status": 200,
        "count": 1,
        "grant": GRANT,
        "checked_height": HEIGHT,
        "request_commitment": signed.request_commitment,
        "response_commitment": end.response_commitment,
    }
    assert {name: half[name] for name in expected} == expected


async def test_half_embeds_what_is_left_of_the_request_token() -> None:
    world = World()
    signed, _ = await world.call()
    other = world.halves[0]["other"]
    assert isinstance(other, bytes)
    embedded = decode_embedded_request(other)
    assert embedded is not None
    token = signed.header.token(
        chain_id=b"c" * 32,
        provider=PROVIDER,
        request_commitment=signed.request_commitment,
        http_digest=embedded.http_digest,
    )
    world.suite.verify(
        public_key=world.requester_key.public_key,
        signature=embedded.signature,
        content=token.content(),
    )


async def test_both_halves_of_a_call_say_the_same() -> None:
    world = World()
    signed, answer = await world.call()
    end = world.proven_end(signed, answer)
    half = world.requester.half(
        signed, end, tokens=(token_of(PERSON_ID),), checked_height=3, now_ms=NOW_MS
    )
    provider = world.halves[0]
    assert (half.fields, half.status, half.count) == (
        provider["fields"],
        provider["status"],
        provider["count"],
    )
    assert half.request_commitment == provider["request_commitment"]
    assert half.response_commitment == provider["response_commitment"]
    assert decode_embedded_reply(end.other) is not None


async def test_identity_number_is_nowhere_in_what_is_recorded() -> None:
    world = World()
    await world.call()
    for call in world.queue.entries[0].calls:
        assert PERSON_ID.encode() not in call.public + call.private


@pytest.mark.parametrize(
    ("item", "grant", "intent", "reason"),
    [
        ({"owner": STRANGER}, {}, INTENT, DenialReason.ITEM_NOT_OFFERED),
        ({"is_withdrawn": 1}, {}, INTENT, DenialReason.ITEM_NOT_OFFERED),
        ({}, {}, replace(INTENT, item="other"), DenialReason.ITEM_NOT_OFFERED),
        ({}, {}, replace(INTENT, item_version=3), DenialReason.ITEM_VERSION_UNKNOWN),
        ({}, {}, replace(INTENT, item_version=0), DenialReason.ITEM_VERSION_UNKNOWN),
        ({}, {}, replace(INTENT, fields=8), DenialReason.FIELDS_UNKNOWN),
        ({}, {}, replace(INTENT, grant=""), DenialReason.NO_GRANT),
        ({}, {}, replace(INTENT, grant="G-0"), DenialReason.NO_GRANT),
        ({}, {"requester": STRANGER}, INTENT, DenialReason.GRANT_DIFFERS),
        ({}, {"provider": STRANGER}, INTENT, DenialReason.GRANT_DIFFERS),
        ({}, {"item": "other"}, INTENT, DenialReason.GRANT_DIFFERS),
        ({}, {"item_version": 1}, INTENT, DenialReason.GRANT_DIFFERS),
        ({}, {"state": 2}, INTENT, DenialReason.GRANT_NOT_ACTIVE),
        ({}, {"state": 5}, INTENT, DenialReason.GRANT_NOT_ACTIVE),
        ({}, {"state": 6}, INTENT, DenialReason.GRANT_NOT_ACTIVE),
        ({}, {"valid_to": 20200102}, INTENT, DenialReason.GRANT_NOT_IN_PERIOD),
        ({}, {"valid_from": 20990101}, INTENT, DenialReason.GRANT_NOT_IN_PERIOD),
        ({}, {}, replace(INTENT, fields=NAME | ADDRESS), DenialReason.FIELDS_NOT_GRANTED),
        (
            {},
            {},
            replace(INTENT, reason=CallReason(reason="x")),
            DenialReason.PURPOSE_MISSING,
        ),
        (
            {},
            {},
            replace(INTENT, reason=CallReason(purpose="a", case=PERSON_ID)),
            DenialReason.PERSONAL_DATA_IN_TEXT,
        ),
    ],
    ids=[
        *("owner", "withdrawn", "other-item", "newer-version", "version-0", "field"),
        *("no-grant", "unknown-grant", "requester", "provider", "item", "version"),
        *("reviewed", "suspended", "revoked", "ended", "early", "ungranted-field"),
        *("purpose", "personal-text"),
    ],
)
async def test_call_that_nothing_permits_is_denied_and_recorded_as_denied(
    item: dict[str, object], grant: dict[str, object], intent: CallIntent, reason: DenialReason
) -> None:
    world = World()
    with_item(world, **item)
    with_grant(world, **grant)
    signed, answer = await world.call(intent)
    assert (answer.status, code_of(answer)) == (reason.status, reason.name)
    (half,) = world.halves
    assert (half["decision"], half["status"]) == (Decision.DENY, reason.status)
    assert half["subjects"] == (token_of(PERSON_ID),)
    assert world.proven_end(signed, answer).decision is Decision.DENY


@pytest.mark.parametrize("purpose", ["a", ""], ids=["with-purpose", "without"])
async def test_text_with_a_personal_number_stands_nowhere_in_the_half_of_its_denial(
    purpose: str,
) -> None:
    world = World()
    await world.call(replace(INTENT, reason=CallReason(purpose=purpose, reason=f"for {PERSON_ID}")))
    assert PERSON_ID.encode() not in world.queue.entries[0].calls[-1].private


async def test_item_shared_without_condition_needs_no_grant() -> None:
    world = World()
    with_item(world, share=1)
    _, answer = await world.call(replace(INTENT, grant=""))
    assert answer.status == 200


async def test_grant_that_is_named_must_hold_for_an_unconditional_item_too() -> None:
    world = World()
    with_item(world, share=1)
    with_grant(world, state=6)
    _, answer = await world.call()
    assert code_of(answer) == DenialReason.GRANT_NOT_ACTIVE.name


async def test_quota_counts_own_permits_and_what_the_ledger_has() -> None:
    world = World()
    world.rows.calls_used = 1
    statuses = [(await world.call())[1].status for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert [half["decision"] for half in world.halves] == [0, 0, 1]


async def test_later_count_of_the_ledger_that_is_larger_wins() -> None:
    world = World()
    assert (await world.call())[1].status == 200
    world.rows.calls_used = 3
    assert (await world.call())[1].status == 429


async def test_failed_call_does_not_use_up_the_quota() -> None:
    world = World()
    with_grant(world, quota=1)
    for _ in range(2):
        _, sent = world.signed()
        call = await world.gateway.admit(sent)
        assert isinstance(call, OpenCall)
        await world.gateway.answer(call, json_answer({}, status=500))
    assert (await world.call())[1].status == 200
    assert [half["status"] for half in world.halves] == [500, 500, 200]


async def test_subject_that_cannot_be_tokenised_fails_closed_and_is_recorded() -> None:
    world = World()
    world.tokens.fails_with = "UNREACHABLE"
    _, answer = await world.call()
    assert (answer.status, code_of(answer)) == (503, "SUBJECT_NOT_TOKENISED")
    assert [(half["decision"], half["subjects"]) for half in world.halves] == [(1, ())]


async def test_subject_that_is_no_number_is_the_callers_fault() -> None:
    world = World()
    world.tokens.fails_with = "INVALID_IDENTIFIER"
    _, answer = await world.call()
    assert (answer.status, code_of(answer)) == (400, "SUBJECT_INVALID")


@pytest.mark.parametrize(
    "body", [{}, {"id_card": ""}, {"id_card": None}, [], {"x": {"id_card": "1"}}]
)
async def test_request_without_its_subject_is_denied(body: object) -> None:
    world = World()
    signed, request = world.signed(body=body)
    answer = await world.gateway.admit(request)
    assert isinstance(answer, HttpAnswer)
    assert code_of(answer) == "SUBJECT_MISSING"
    assert world.halves[0]["call_id"] == signed.header.call_id


async def test_second_subject_that_only_the_service_can_read_is_denied_and_the_first_recorded() -> (
    None
):
    world = World(subjects=(Selector.parse("query:id"), Selector.parse("json:id_card")))
    signed, request = world.signed(
        body={"id_card": {"value": "other"}}, target=f"/v1/people?id={PERSON_ID}"
    )
    answer = await world.gateway.admit(request)
    assert isinstance(answer, HttpAnswer)
    assert (answer.status, code_of(answer)) == (400, "SUBJECT_UNREADABLE")
    (half,) = world.halves
    assert (half["call_id"], half["subjects"]) == (signed.header.call_id, (token_of(PERSON_ID),))


async def test_denied_calls_use_up_so_many_tokens_a_day_and_no_more() -> None:
    """A department without a grant must not use up what the custodian makes for its provider."""
    world = World()
    with_grant(world, state=6)
    people = [str(number) for number in range(64)]
    for _ in range(SUBJECTS_A_DAY_MAX // 64 + 1):
        _, answer = await world.call(body={"id_card": people})
        assert code_of(answer) == "GRANT_NOT_ACTIVE"
    assert world.halves[-2]["people"] == 60
    assert (world.halves[-1]["subjects"], world.halves[-1]["people"]) == ((), 0)
    world.clock.now_ms += 86_400_000
    await world.call(body={"id_card": people})
    assert world.halves[-1]["people"] == 60
    with_grant(world, state=3)
    assert (await world.call(body={"id_card": people}))[1].status == 200


async def test_call_whose_subject_gets_no_token_uses_no_quota() -> None:
    world = World()
    with_grant(world, quota=1)
    world.tokens.fails_with = "UNREACHABLE"
    assert code_of((await world.call())[1]) == "SUBJECT_NOT_TOKENISED"
    world.tokens.fails_with = ""
    assert (await world.call())[1].status == 200
    assert code_of((await world.call())[1]) == "QUOTA_EXCEEDED"


async def test_purpose_that_cannot_be_read_is_none() -> None:
    world = World(purpose=Selector.parse("query:why"))
    _, answer = await world.call(target="/v1/people?why=a&why[]=b")
    assert code_of(answer) == "PURPOSE_MISSING"


async def test_more_subjects_than_a_half_has_go_before_it_into_people_records() -> None:
    world = World()
    people = [f"1101011990030785{number:02d}" for number in range(17)]
    await world.call(body={"id_card": people})
    actions = [call.action for call in world.queue.entries[0].calls]
    assert actions == ["people", "people", "record"]
    (half,) = world.halves
    assert half["people"] == 13
    assert half["subjects"] == tuple(sorted(map(token_of, people)))[:4]


async def test_more_subjects_than_a_call_may_have_are_denied() -> None:
    world = World()
    _, answer = await world.call(body={"id_card": [str(number) for number in range(65)]})
    assert code_of(answer) == "TOO_MANY_SUBJECTS"


async def test_rules_that_cannot_be_read_fail_closed_and_are_recorded() -> None:
    world = World()
    world.rows.is_reachable = False
    _, answer = await world.call()
    assert (answer.status, code_of(answer)) == (503, "RULES_UNAVAILABLE")
    assert len(world.halves) == 1


async def test_nothing_is_released_when_the_half_cannot_be_kept() -> None:
    world = World()
    world.queue.is_full = True
    _, answer = await world.call()
    assert (answer.status, code_of(answer)) == (503, "HALF_NOT_KEPT")
    assert "张三".encode() not in answer.body
    assert header_of(answer, "kun-reply") is None


async def test_call_whose_half_was_not_kept_may_be_tried_again() -> None:
    world = World()
    world.queue.is_full = True
    _, request = world.signed()
    call = await world.gateway.admit(request)
    assert isinstance(call, OpenCall)
    await world.gateway.answer(call, json_answer())
    world.queue.is_full = False
    assert isinstance(await world.gateway.admit(request), OpenCall)


async def test_block_releases_data_only_against_a_receipt() -> None:
    world = World(on_failure=OnFailure.BLOCK)
    _, answer = await world.call()
    assert header_of(answer, "kun-receipt") == f"sha256:{'44' * 32}; height=51; position=1"


async def test_block_without_a_receipt_releases_nothing_until_the_retry_finds_it() -> None:
    world = World(on_failure=OnFailure.BLOCK)
    world.queue.settles = False
    signed, request = world.signed()
    call = await world.gateway.admit(request)
    assert isinstance(call, OpenCall)
    answer = await world.gateway.answer(call, json_answer())
    assert (answer.status, code_of(answer)) == (503, "RECEIPT_PENDING")
    world.queue.settles = True
    released = await world.gateway.admit(request)
    assert isinstance(released, HttpAnswer)
    assert released.status == 200
    assert world.proven_end(signed, released).status == 200
    assert len(world.halves) == 1


async def test_block_releases_nothing_of_a_call_whose_half_the_ledger_refuses() -> None:
    world = World(on_failure=OnFailure.BLOCK)
    _, request = world.signed()
    call = await world.gateway.admit(request)
    assert isinstance(call, OpenCall)
    world.queue.fates = [
        DeadLetter(
            entry_id=EntryId(1),
            identity=CallIdentity(
                requester=REQUESTER,
                provider=PROVIDER,
                call_id=call.authentic.header.call_id,
                side=Side.PROVIDER,
            ),
            made_ms=0,
            died_ms=0,
            code=60,
            code_name="ACCESS_DOUBLE_RECORD",
        )
    ]
    answer = await world.gateway.answer(call, json_answer())
    assert (answer.status, code_of(answer)) == (503, "HALF_REFUSED")


async def test_spool_answers_without_a_receipt() -> None:
    world = World()
    world.queue.settles = False
    _, answer = await world.call()
    assert (answer.status, header_of(answer, "kun-receipt")) == (200, None)


@pytest.mark.parametrize("status", [404, 500, 503])
async def test_what_a_service_says_beside_its_data_stays_inside(status: int) -> None:
    world = World()
    signed, request = world.signed()
    call = await world.gateway.admit(request)
    assert isinstance(call, OpenCall)
    answer = await world.gateway.answer(call, json_answer({"detail": PERSON_ID}, status=status))
    assert answer.status == status
    assert PERSON_ID.encode() not in answer.body
    assert (world.halves[0]["decision"], world.halves[0]["status"]) == (0, status)
    assert world.proven_end(signed, answer).status == status


async def test_answer_that_cannot_be_cut_needs_every_field() -> None:
    world = World()
    _, request = world.signed()
    call = await world.gateway.admit(request)
    assert isinstance(call, OpenCall)
    whole = HttpAnswer(status=200, headers=((b"content-type", b"text/csv"),), body=b"a,b")
    answer = await world.gateway.answer(call, whole)
    assert (answer.status, code_of(answer)) == (403, "WHOLE_ITEM_NOT_GRANTED")
    assert world.halves[0]["decision"] == Decision.DENY


async def test_answer_that_cannot_be_cut_leaves_as_it_is_when_every_field_is_given() -> None:
    world = World()
    with_grant(world, fields=NAME | SEX | ADDRESS)
    signed, request = world.signed(replace(INTENT, fields=NAME | SEX | ADDRESS))
    call = await world.gateway.admit(request)
    assert isinstance(call, OpenCall)
    whole = HttpAnswer(status=200, headers=((b"content-type", b"text/csv"),), body=b"a,b")
    answer = await world.gateway.answer(call, whole)
    assert (answer.status, answer.body) == (200, b"a,b")
    assert world.proven_end(signed, answer).count == 1


async def test_purpose_may_stand_where_the_service_says() -> None:
    world = World(purpose=Selector.parse("query:why"))
    _, answer = await world.call(target="/v1/people?why=housing")
    assert answer.status == 200
    assert b"housing" in world.queue.entries[0].calls[-1].private


async def test_grant_without_quota_is_not_counted() -> None:
    world = World()
    with_grant(world, quota=0)
    assert [(await world.call())[1].status for _ in range(5)] == [200] * 5


def test_grant_row_of_the_builder_is_in_force() -> None:
    assert isinstance(GRANT_ROW, GrantRow)
    assert GRANT_ROW.is_in_force_at(NOW_MS)


async def test_no_header_of_the_service_carries_what_was_cut_from_its_answer() -> None:
    world = World()
    _, request = world.signed()
    call = await world.gateway.admit(request)
    assert isinstance(call, OpenCall)
    said = (
        (b"X-Address", b"No. 1, Example Road"),
        (b"Set-Cookie", b"address=1"),
        (b"Content-Disposition", b"attachment; filename=address.json"),
        (b"ETag", b"whole"),
        (b"Cache-Control", b"no-store"),
    )
    plain = json_answer()
    answer = await world.gateway.answer(call, replace(plain, headers=(*plain.headers, *said)))
    names = {name.lower() for name, _ in answer.headers if not name.lower().startswith(b"kun-")}
    assert names == {b"content-type", b"cache-control"}
