"""An export over a real ledger: asked, answered, signed by both, checked by anybody."""

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from chainnode.client import asking, exporting
from chainnode.client.exchange import Answer, Elapsed, Exchange, Plan, Reply, Step
from chainnode.client.exporting import NotExportable, ToldPlaces
from chainnode.client.memory import HeightMemory
from chainnode.client.reports import NodeRefused
from chainnode.client.results import AuditAnswer
from chainnode.client.session import Session
from chainnode.errors import ConfigurationError
from chainnode.service import Refused
from chainnode.suites.port import PrivateKey
from chainnode.verify.archive import MANIFEST, SIGNATURES, read_archive, write_archive
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.export import verify_export
from chainnode.verify.rows import canonical_line
from chainnode.verify.strict_json import JsonObject, as_object, read_object
from contracts.schemas.index_kinds import IndexKind
from tests.builders import submission_key
from tests.unit.chainnode.api.web import Web, web_of
from tests.unit.chainnode.service.trail_sites import RECORDS, SUBJECT, fill

Result = TypeVar("Result")
PURPOSE = "年度检查 yearly check"


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    async with web_of(tmp_path) as opened:
        fill(opened.site)
        opened.site.orders_at_once = True
        yield opened


def session_of(web: Web, key: PrivateKey | None = None) -> Session:
    site = web.site
    return Session(
        nodes=("http://node",),
        trust=site.trust,
        memory=HeightMemory(trust=site.trust),
        key=key or submission_key(site.suite.name, 0),
        now_ms=site.clock.now_ms,
    )


async def carried(web: Web, plan: Plan[Result]) -> Result:
    """Carry a client's plan to the application, without a socket."""
    reply: Reply | None = None
    while True:
        try:
            step = next(plan) if reply is None else plan.send(reply)
        except StopIteration as done:
            result: Result = done.value
            return result
        reply = await _reply(web, step)


async def _reply(web: Web, step: Step) -> Reply:
    if not isinstance(step, Exchange):
        return Elapsed()
    told = await web.client.request(
        step.method, step.path, headers=dict(step.headers), content=step.body
    )
    return Answer(status=told.status_code, body=told.content)


async def answered(web: Web, session: Session) -> AuditAnswer:
    return await carried(
        web,
        asking.question(
            session, kind=IndexKind.SUBJECT, values=[SUBJECT], period=(0, 0), purpose=PURPOSE
        ),
    )


async def test_an_export_of_a_real_answer_is_whole_and_signed_by_auditor_and_node(
    web: Web,
) -> None:
    session = session_of(web)
    answer = await answered(web, session)
    assert answer.complete
    assert len(answer.items) == RECORDS
    exported = await carried(web, exporting.export(session, [answer], page=b"<!doctype html>"))
    facts = verify_export(exported.data, web.site.trust)
    assert facts.question.purpose == PURPOSE
    assert (facts.answer.is_complete, len(facts.answer.rows)) == (True, RECORDS)
    assert (facts.replica_id, facts.has_page) == (0, True)
    assert exported.reports == ()


async def test_a_node_that_only_learns_does_not_sign_and_the_export_says_so(web: Web) -> None:
    web.app.state.service.exports = web.site.exports(may_sign=False)
    session = session_of(web)
    answer = await answered(web, session)
    exported = await carried(web, exporting.export(session, [answer], page=None))
    assert (exported.facts.replica_id, exported.facts.has_page) == (None, False)
    assert {one.code for one in exported.reports if isinstance(one, NodeRefused)} == {"CANNOT_SIGN"}


async def test_an_answer_without_proofs_of_trails_is_not_exported(web: Web) -> None:
    session = session_of(web)
    answer = replace(await answered(web, session), trails=())
    with pytest.raises(NotExportable):
        await carried(web, exporting.export(session, [answer], page=None))


async def request_of(web: Web) -> JsonObject:
    """Return the request for a signature that an auditor's client sends."""
    session = session_of(web)
    answer = await answered(web, session)
    bodies: list[bytes] = []
    plan = exporting.export(session, [answer], page=None)
    reply: Reply | None = None
    while not bodies:
        step = next(plan) if reply is None else plan.send(reply)
        if isinstance(step, Exchange) and step.path == exporting.PATH:
            bodies.append(step.body or b"")
        reply = await _reply(web, step)
    return read_object(bodies[0])


async def test_only_who_asked_gets_a_signature_and_only_for_a_question_of_this_chain(
    web: Web,
) -> None:
    exports = web.site.exports()
    request = await request_of(web)
    signed = await exports.sign(canonical_line(request))
    assert signed["replica_id"] == 0
    stranger = session_of(web, submission_key(web.site.suite.name, 1))
    auditor = as_object(request["auditor"], "auditor")
    key = stranger.key
    assert key is not None
    other_key: JsonObject = {**auditor, "public_key": _base64(key.public_key)}
    manifest = request["manifest"]
    for changed in (
        {**request, "auditor": other_key},
        {**request, "auditor": {**auditor, "signature": _base64(bytes(64))}},
        {**request, "manifest": _base64(_decoded(manifest).replace(b'"rows":7', b'"rows":8'))},
        {**request, "manifest": _base64(_with_another_question(_decoded(manifest)))},
        {**request, "manifest": _base64(_decoded(manifest).replace(*_no_question(manifest)))},
        {**request, "manifest": _base64(b"{}")},
        {**request, "manifest": "no base64"},
        {"manifest": manifest},
    ):
        with pytest.raises(Refused) as caught:
            await exports.sign(canonical_line(changed))
        assert caught.value.code == "NOT_AN_EXPORT"


async def test_several_questions_of_one_asker_are_one_export_that_a_node_signs(web: Web) -> None:
    session = session_of(web)
    answers = [await answered(web, session) for _ in range(2)]
    told = ToldPlaces(custodian="CIVIL-AFFAIRS", places={SUBJECT: ("POLICE", 3)})
    exported = await carried(web, exporting.export(session, answers, told=told))
    facts = verify_export(exported.data, web.site.trust)
    asked = [one.question.record.entry.submission_digest for one in facts.questions]
    assert asked == [one.question.digest for one in answers]
    assert (facts.replica_id, facts.has_csv, facts.answer.is_complete) == (0, True, True)
    attested = facts.questions[1].attested
    assert attested is not None
    assert (attested.custodian, attested.places) == ("CIVIL-AFFAIRS", (("POLICE", 3),))


async def test_answers_that_do_not_belong_together_are_no_export(web: Web) -> None:
    session = session_of(web)
    answer = await answered(web, session)
    with pytest.raises(ConfigurationError, match="each question once"):
        await carried(web, exporting.export(session, [answer, answer]))
    with pytest.raises(NotExportable):
        await carried(web, exporting.export(session, []))
    told = ToldPlaces(custodian="CIVIL-AFFAIRS", places={})
    with pytest.raises(ConfigurationError, match="a place for each value"):
        await carried(web, exporting.export(session, [answer], told=told))


async def test_anything_else_is_a_problem_document(web: Web) -> None:
    for body in (b"", b"[]", b"\xff", b"{}", b"[" * 1000):
        told = await web.post_bytes("/v1/exports", body, content_type="application/json")
        assert (told.status_code, told.json()["code"]) == (400, "NOT_AN_EXPORT")
    told = await web.post_bytes("/v1/exports", b"{}", content_type="text/plain")
    assert told.status_code == 415


async def test_a_signature_of_one_export_is_none_of_another(web: Web) -> None:
    session = session_of(web)
    answer = await answered(web, session)
    first = await carried(web, exporting.export(session, [answer], page=None))
    second = await carried(web, exporting.export(session, [answer], page=b"<html>"))
    members = read_archive(first.data)
    swapped = {**members, SIGNATURES: read_archive(second.data)[SIGNATURES]}
    assert members[MANIFEST] != read_archive(second.data)[MANIFEST]
    with pytest.raises(InvalidEvidence):
        verify_export(write_archive(swapped), web.site.trust)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decoded(value: object) -> bytes:
    assert isinstance(value, str)
    return base64.b64decode(value)


def _no_question(manifest: object) -> tuple[bytes, bytes]:
    """Return the list of questions of a manifest, and an empty one."""
    text = _decoded(manifest)
    start = text.index(b'"questions":[') + len(b'"questions":[')
    return text[start : text.index(b"}]", start) + 1], b""


def _with_another_question(manifest: bytes) -> bytes:
    at = manifest.index(b'"digest":"', manifest.index(b'"questions"')) + len(b'"digest":"')
    other = b"0" if manifest[at : at + 1] != b"0" else b"1"
    return manifest[:at] + other + manifest[at + 1 :]
