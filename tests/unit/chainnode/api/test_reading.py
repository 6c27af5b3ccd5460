"""What can be read: chain, certificates, verdicts, keys, the node itself."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chainnode.api import verify as verify_module
from chainnode.submission import key_id
from chainnode.verify.compact import verify_compact
from chainnode.verify.consistency import verify_consistency_evidence
from chainnode.verify.evidence import verify_record_evidence, verify_state_evidence
from chainnode.verify.qr_text import payload_of
from chainnode.verify.trust import Trust
from contracts.schemas.certificates import CERTIFICATES
from contracts.schemas.grants import GRANTS
from contracts.schemas.identifiers import generic_identifier
from contracts.schemas.index_kinds import IndexKind
from contracts.schemas.members import ORGANISATIONS as ORGANISATIONS_TABLE
from tests.builders import ORGANISATIONS, submission_key, submission_of
from tests.unit.chainnode.api.web import Web, problem_of
from tests.unit.contracts.builders import ACCESS_RECORD, ISSUE, QUESTION, changed

FILE = b"the bytes of a certificate"


IDENTIFIER = str(generic_identifier(issuer=ORGANISATIONS[0], entropy=b"e" * 16))


def issue(web: Web) -> str:
    """Register a certificate of `FILE` and return the digest as the API names it."""
    digest = web.site.suite.digest(FILE)
    part = changed(ISSUE, identifier=IDENTIFIER, file_digest=digest)
    web.site.grow(web.site.submission(part))
    assert web.site.ledger.log_size == 1
    return f"sha256:{digest.hex()}"


async def test_the_same_certificate_is_judged_alike_by_digest_by_identifier_and_by_file(
    web: Web,
) -> None:
    digest = issue(web)
    answers = [
        await web.get(f"/verify?digest={digest}"),
        await web.get(f"/verify?digest={digest}&id={IDENTIFIER}"),
        await web.post_bytes("/verify", FILE),
        await web.post_bytes(f"/verify?id={IDENTIFIER}", FILE),
    ]
    assert {one.status_code for one in answers} == {200}
    assert {one.json()["verdict"] for one in answers} == {"VALID"}
    assert {one.headers["cache-control"] for one in answers} == {"no-store"}
    by_identifier = (await web.get(f"/verify?id={IDENTIFIER}")).json()
    assert by_identifier["identifier"] == IDENTIFIER
    assert [one["name"] for one in by_identifier["checks"]] == [
        "content",
        "issuer",
        "history",
        "quorum",
        "freshness",
    ]


async def test_another_file_is_not_registered_and_under_a_known_identifier_tampered(
    web: Web,
) -> None:
    issue(web)
    other = await web.post_bytes("/verify", FILE + b"x")
    changed_file = await web.post_bytes(f"/verify?id={IDENTIFIER}", FILE + b"x")
    assert other.json()["verdict"] == "NOT_REGISTERED"
    assert changed_file.json()["verdict"] == "TAMPERED"


@pytest.mark.parametrize(
    "as_of",
    [
        "2026-06-01",
        "2026-06-01T00:00:00%2B08:00",
        "2026-06-01T00:00:00Z",
        "0001-01-01",
        "9999-12-31",
        "0001-01-01T00:00:00%2B14:00",
        "9999-12-31T23:59:59-12:00",
    ],
)
async def test_any_instant_can_be_asked_for(web: Web, as_of: str) -> None:
    digest = issue(web)
    response = await web.get(f"/verify?digest={digest}&as_of={as_of}")
    assert response.status_code in {200, 422}, response.text


async def test_an_empty_file_is_malformed_and_a_huge_one_refused_to_the_byte(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue(web)
    problem_of(await web.post_bytes("/verify", b""), "MALFORMED", 400)
    monkeypatch.setattr(verify_module, "FILE_BYTES_MAX", 1_000)
    assert (await web.post_bytes("/verify", bytes(1_000))).status_code == 200
    problem_of(await web.post_bytes("/verify", bytes(1_001)), "OVERSIZE", 413)


async def test_a_file_that_never_ends_is_given_up(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue(web)
    monkeypatch.setattr(verify_module, "_FILE_S_MAX", 0.01)

    async def endless() -> AsyncIterator[bytes]:
        yield b"begin"
        await asyncio.Event().wait()

    response = await web.client.post("/verify", content=endless())
    problem_of(response, "SLOW_BODY", 408)


async def test_a_certificate_and_its_absence_come_as_evidence(web: Web) -> None:
    issue(web)
    other = str(generic_identifier(issuer=ORGANISATIONS[0], entropy=b"o" * 16))
    for name in (IDENTIFIER, other):
        response = await web.get(f"/v1/certificates/{name}")
        assert response.json()["kind"] == "certificate"
        assert "etag" not in response.headers


async def test_what_a_code_of_a_certificate_carries_comes_with_its_text(web: Web) -> None:
    issue(web)
    told = (await web.get(f"/v1/certificates/{IDENTIFIER}/compact")).json()
    assert payload_of(told["text"]) == base64.b64decode(told["compact"])
    facts = verify_compact(payload_of(told["text"]), web.site.trust)
    assert facts.claim is not None
    assert facts.claim.part.identifier == IDENTIFIER
    other = str(generic_identifier(issuer=ORGANISATIONS[0], entropy=b"o" * 16))
    problem_of(await web.get(f"/v1/certificates/{other}/compact"), "NOT_FOUND", 404)
    problem_of(await web.get("/v1/certificates/1.2/compact"), "INVALID_IDENTIFIER", 400)
    web.site.grow()
    web.site.ledger.prune_batches(2)
    pruned = await web.get(f"/v1/certificates/{IDENTIFIER}/compact")
    problem_of(pruned, "PRUNED", 410)


async def test_a_row_of_the_state_and_its_absence_come_as_evidence(web: Web) -> None:
    issue(web)
    for table, part, is_there in (
        (CERTIFICATES, IDENTIFIER, True),
        (CERTIFICATES, IDENTIFIER[:-1], False),
        (GRANTS, "no such grant", False),
        (ORGANISATIONS_TABLE, ORGANISATIONS[0], True),
    ):
        key = table.key(part)
        response = await web.get(f"/v1/state/{key.hex()}")
        assert response.headers["cache-control"] == "no-store"
        facts = verify_state_evidence(response.json(), web.site.trust)
        assert facts.header.height == 1
        assert set(facts.values) == {key}
        assert (facts.values[key] is not None) is is_there


@pytest.mark.parametrize("key", ["0", "A0", "zz", "00" * 1025, "%00", "00%0a", "00 "])
async def test_a_state_key_is_whole_bytes_in_lower_hex_and_bounded(web: Web, key: str) -> None:
    web.site.grow()
    problem_of(await web.get(f"/v1/state/{key}"), "INVALID_PARAMETER", 422)


async def test_the_longest_state_key_is_answered_and_none_is_no_resource(web: Web) -> None:
    web.site.grow()
    longest = await web.get(f"/v1/state/{'00' * 1024}")
    assert verify_state_evidence(longest.json(), web.site.trust).values == {bytes(1024): None}
    problem_of(await web.get("/v1/state/"), "NOT_FOUND", 404)


async def test_state_is_shown_at_the_newest_certified_height(web: Web) -> None:
    web.site.grow()
    issued = changed(ISSUE, identifier=IDENTIFIER, file_digest=web.site.suite.digest(FILE))
    web.site.execute(web.site.submission(issued))
    key = CERTIFICATES.key(IDENTIFIER)
    told = (await web.get(f"/v1/state/{key.hex()}")).json()
    assert verify_state_evidence(told, web.site.trust).values == {key: None}


async def test_a_record_comes_with_its_proof(web: Web) -> None:
    issue(web)
    response = await web.get("/v1/records/0")
    facts = verify_record_evidence(response.json(), web.site.trust)
    assert facts.entry.contract == "certificates"
    problem_of(await web.get("/v1/records/1"), "NOT_FOUND", 404)


async def test_several_rows_are_proven_at_one_height(web: Web) -> None:
    issue(web)
    keys = [ORGANISATIONS_TABLE.key(one) for one in (*ORGANISATIONS, "nobody")]
    told = (await web.get("/v1/states?keys=" + ",".join(one.hex() for one in keys))).json()
    facts = verify_state_evidence(told, web.site.trust)
    assert list(facts.values) == keys
    assert [one is None for one in facts.values.values()] == [False] * len(ORGANISATIONS) + [True]


@pytest.mark.parametrize(
    "keys",
    ["", "zz", "00,", "0", ",".join(f"{one:02x}" for one in range(17)), "00" * 1025],
    ids=["none", "no hex", "empty", "odd", "many", "long"],
)
async def test_what_names_no_rows_is_refused(web: Web, keys: str) -> None:
    issue(web)
    problem_of(await web.get(f"/v1/states?keys={keys}"), "INVALID_PARAMETER", 422)


async def test_a_record_that_is_not_certified_yet_says_so(web: Web) -> None:
    issue(web)
    web.site.execute(
        web.site.submission(changed(ACCESS_RECORD, requester=ORGANISATIONS[0]), nonce=1)
    )
    assert web.site.ledger.log_size == 2
    problem_of(await web.get("/v1/records/1"), "NOT_FINAL_YET", 503)
    problem_of(await web.get("/v1/blocks/2"), "NOT_FINAL_YET", 503)


async def test_a_block_is_immutable_under_a_weak_tag_and_a_header_has_none(web: Web) -> None:
    issue(web)
    response = await web.get("/v1/blocks/1")
    assert "immutable" in response.headers["cache-control"]
    tag = response.headers["etag"]
    assert tag == f'W/"{web.site.ledger.tip_digest.hex()}"'
    again = await web.get("/v1/blocks/1", **{"If-None-Match": f'"x", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (await web.get("/v1/blocks/1", **{"If-None-Match": '"x"'})).status_code == 200
    for path in ("/v1/headers/1", "/v1/headers/latest", "/v1/records/0"):
        assert "etag" not in (await web.get(path)).headers


async def test_latest_is_the_newest_certified_header(web: Web) -> None:
    issue(web)
    web.site.execute()
    response = await web.get("/v1/headers/latest")
    assert response.json() == (await web.get("/v1/headers/1")).json()
    assert response.headers["cache-control"] == "no-store"


async def test_a_key_tells_its_roles_and_free_nonces(web: Web) -> None:
    own = key_id(web.site.suite, submission_key("intl", 0).public_key).hex()
    fresh = (await web.get(f"/v1/keys/{own}")).json()
    assert (fresh["nonce_base"], fresh["nonce_next"]) == (0, 0)
    web.site.grow(submission_of(web.site.genesis))
    used = (await web.get(f"/v1/keys/{own}")).json()
    assert used["nonce_next"] == 1
    assert used["organisation"] == ORGANISATIONS[0]
    assert used["roles"] == ["member", "issuer", "service", "auditor", "custodian"]
    assert used["key_id"] == own


async def test_the_trust_file_is_pinned_at_the_newest_certified_header(web: Web) -> None:
    web.site.grow()
    web.site.execute()
    trust = Trust.load((await web.get("/v1/trust")).content)
    assert trust.chain_id == web.site.genesis.chain_id


async def test_health_readiness_metrics_and_consensus_answer(web: Web) -> None:
    web.site.grow()
    health = await web.get("/healthz")
    assert (health.text, health.status_code) == ("ok\n", 200)
    ready = await web.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "because": None})
    web.site.connected = ()
    halted = await web.get("/readyz")
    assert (halted.status_code, halted.json()["because"]) == (503, "NO_QUORUM")
    assert "kunlian_height 1" in (await web.get("/metrics")).text
    assert (await web.get("/v1/consensus")).json()["height"] == 1


async def test_the_description_of_the_api_names_every_operation_and_its_problems(
    web: Web,
) -> None:
    document = (await web.get("/openapi.json")).json()
    operations = [
        operation for methods in document["paths"].values() for operation in methods.values()
    ]
    names = [one["operationId"] for one in operations]
    assert sorted(names) == sorted(
        [
            "submit",
            "sign_export",
            "submission",
            "record",
            "authored_record",
            "block",
            "latest_header",
            "header",
            "epochs",
            "consistency",
            "certificate",
            "compact_certificate",
            "state",
            "states",
            "stream",
            "verify",
            "verify_file",
            "audit",
            "healthz",
            "readyz",
            "metrics",
            "equivocations",
            "consensus",
            "key",
            "trust",
        ]
    )
    for one in operations:
        assert one["summary"]
        assert "default" not in one["responses"], one["operationId"]
        refused = {status: told for status, told in one["responses"].items() if status >= "400"}
        assert "429" in refused, one["operationId"]
        for status, told in refused.items():
            if (one["operationId"], status) != ("readyz", "503"):
                codes = told["content"]["application/problem+json"]["schema"]["properties"]["code"]
                assert codes["enum"], (one["operationId"], status)
        assert not one.get("parameters") or "422" in refused, one["operationId"]


async def test_evidence_that_cannot_be_read_makes_the_list_incomplete(
    web: Web, tmp_path: Path
) -> None:
    whole = (await web.client.get("/v1/equivocations")).json()
    assert whole == {"items": [], "complete": True, "incomplete_because": None}

    folder = tmp_path / "equivocations"
    folder.mkdir()
    (folder / "0-1-prepare-0-1.json").write_bytes(b"{")

    assert (await web.client.get("/v1/equivocations")).json() == {
        "items": [],
        "complete": False,
        "incomplete_because": "UNREADABLE_FILES: 1",
    }


async def test_no_subject_stands_in_a_url_or_a_log_line(
    web: Web, caplog: pytest.LogCaptureFixture
) -> None:
    token = bytes(range(32))
    question = changed(QUESTION, kind=int(IndexKind.SUBJECT), values=(token,), to_ms=0)
    web.site.orders_at_once = True
    with caplog.at_level(logging.DEBUG, logger="chainnode"):
        response = await web.ask(web.site.submission(question))
        assert response.status_code == 200, response.text
        digest = response.json()["question"]["digest"]
        further = await web.client.post(f"/audit?question={digest}")
        await web.get("/nowhere/110101199003071234")
    assert further.status_code == 200
    assert token.hex() not in str(further.request.url) + digest
    written = " ".join(f"{one.msg} {one.args} {one.__dict__}" for one in caplog.records)
    assert token.hex() not in written
    assert "110101199003071234" not in written
    paths = (await web.get("/openapi.json")).json()["paths"]
    parameters = [
        one["name"]
        for methods in paths.values()
        for operation in methods.values()
        for one in operation.get("parameters", [])
    ]
    assert not [one for one in parameters if "subject" in one or "user" in one]


async def test_the_log_at_one_height_is_shown_to_continue_that_at_another(web: Web) -> None:
    issue(web)
    for nonce in range(1, 6):
        web.site.grow(web.site.submission(changed(QUESTION), nonce=nonce))
    for older, newer in ((1, 6), (2, 6), (3, 5), (6, 6)):
        answer = await web.get(f"/v1/consistency?from={older}&to={newer}")
        facts = verify_consistency_evidence(answer.json(), web.site.trust)
        assert (facts.older.height, facts.header.height) == (older, newer)
    problem_of(await web.get("/v1/consistency?from=5&to=3"), "INVALID_PARAMETER", 422)
    problem_of(await web.get("/v1/consistency?from=1&to=99"), "NOT_FOUND", 404)
    problem_of(await web.get("/v1/consistency?from=0"), "INVALID_PARAMETER", 422)


async def test_the_first_epoch_has_no_end_to_show(web: Web) -> None:
    answer = (await web.get("/v1/epochs")).json()
    assert answer == {"items": [], "complete": True, "incomplete_because": None}
