"""Four whole nodes of rules 2: a half that stands alone is found by a chain that stands still."""

import base64
from pathlib import Path
from typing import cast

from chainnode.ledger.codec import decode_entry
from chainnode.verify.evidence import (
    verify_record_evidence,
    verify_state_evidence,
)
from chainnode.verify.record import verify_any_record_evidence
from chainnode.verify.trail import verify_trail_evidence
from contracts.schemas import audit
from contracts.schemas.access import DISPUTABLE_CALLS, OPEN, OpenRow
from contracts.schemas.access_gaps import GapOutcome, Unmatched, decode_gap
from contracts.schemas.index_kinds import IndexKind
from contracts.schemas.match_states import Match
from tests.builders import ORGANISATIONS, submission_of
from tests.integration.cluster.harness import (
    MEDIA_TYPE,
    Cluster,
    quick_genesis,
    running_cluster,
)
from tests.integration.cluster.test_cluster import VALID_UNTIL_MS, call_record, final
from tests.integration.p2p.harness import until
from tests.sites import calls_of
from tests.unit.contracts.builders import GROUNDED_QUESTION, PROVIDER, changed

DEADLINE_MS = 1_000
IDLE_MS = 500
# The slot in which the deadline falls ends up to a second after it.
SLOT_MS = 1_000
# Proposal, agreement, and clocks of one machine under load.
SLACK_MS = 4_000


async def test_a_lone_half_is_found_on_an_idle_chain_with_proofs(tmp_path: Path) -> None:
    genesis = quick_genesis(idle_block_ms=IDLE_MS, match_deadline_ms=DEADLINE_MS)
    async with running_cluster(tmp_path, genesis=genesis) as cluster:
        await final(cluster, 0, call_record(cluster, 0))
        sent = verify_record_evidence(await cluster.read(0, "/v1/records/0"), cluster.trust)
        ledgers = [one.base.ledger for one in cluster.members.values()]
        await until(lambda: all(one.log_size >= 2 for one in ledgers), what="the gap")
        await cluster.until_height(decode_entry(ledgers[0].entry(1)).height)
        for replica_id in cluster.members:
            found = await cluster.read(replica_id, "/v1/records/1")
            facts = verify_record_evidence(found, cluster.trust)
            assert facts.entry.is_ledgers_own
            assert facts.entry.outcome == GapOutcome.ONE_SIDED_CLAIMED
            assert facts.call is not None
            part = decode_gap("access", facts.call.action, facts.call.public)
            assert isinstance(part, Unmatched)
            assert part.due_ms == sent.entry.time_ms + DEADLINE_MS
            late_ms = facts.entry.time_ms - part.due_ms
            assert 0 < late_ms <= SLOT_MS + IDLE_MS + SLACK_MS
        assert len(cluster.header_digests(facts.entry.height)) == 1
        await _require_nobodys_word(cluster)
        await _require_state(cluster)
        await _require_trail(cluster)


async def _require_nobodys_word(cluster: Cluster) -> None:
    for place in ("log", "block"):
        path = f"/v1/records/1/authored?place={place}"
        facts = verify_any_record_evidence(await cluster.read(1, path), cluster.trust)
        assert facts.author is None
        assert facts.entry.is_ledgers_own


async def _require_state(cluster: Cluster) -> None:
    """Require that the counter of gaps is proven, at the organisation that spoke alone."""
    call = (ORGANISATIONS[0], PROVIDER, bytes(16))
    for key, expected in (
        (OPEN.key(ORGANISATIONS[0]), OPEN.encode(OpenRow(1, 0))),
        (OPEN.key(PROVIDER), None),
    ):
        told = await cluster.read(2, f"/v1/state/{key.hex()}")
        assert verify_state_evidence(told, cluster.trust).values == {key: expected}
    key = DISPUTABLE_CALLS.key(*call)
    told = await cluster.read(2, f"/v1/state/{key.hex()}")
    value = verify_state_evidence(told, cluster.trust).values[key]
    assert value is not None
    assert DISPUTABLE_CALLS.decode(value).match == Match.ONE_SIDED_CLAIMED


async def _require_trail(cluster: Cluster) -> None:
    """Require that whoever asks for gaps is shown this one, and that there is no other."""
    asked = changed(
        GROUNDED_QUESTION,
        kind=int(IndexKind.UNMATCHED),
        values=(ORGANISATIONS[0].encode(),),
        to_ms=0,
    )
    contract, calls = calls_of(asked)
    question = submission_of(
        cluster.genesis,
        nonce=1,
        contract=contract,
        contract_version=audit.VERSION,
        calls=calls,
        valid_until_ms=VALID_UNTIL_MS,
    )
    headers = {"Content-Type": MEDIA_TYPE}
    answer = await cluster.ask(3, "POST", "/audit", content=question.encoded, headers=headers)
    assert answer.status_code == 200, answer.text
    page = answer.json()
    (listing,) = verify_trail_evidence(page["evidence"], cluster.trust).listings
    assert [row.position for row in listing.rows] == [1]
    assert page["complete"] is True
    body = cast("list[str]", page["evidence"]["trails"][0]["bodies"][0])
    assert base64.b64decode(body[2]) == b""
