"""Four whole nodes of rules 3: an objection, passed on, overdue on an idle chain, answered late."""

from pathlib import Path

from chainnode.client.dispute_calls import (
    Objection,
    correct_dispute,
    forward_dispute,
    object_to,
)
from chainnode.submission import Call, Submission
from chainnode.verify.evidence import verify_record_evidence, verify_state_evidence
from chainnode.verify.trail import verify_trail_evidence
from contracts.schemas import audit, disputes
from contracts.schemas.dispute_states import DisputeState
from contracts.schemas.disputes import DISPUTES, OPEN, DisputeOutcome, Ground, OpenRow, Target
from contracts.schemas.index_kinds import IndexKind
from tests.builders import ORGANISATIONS, submission_key, submission_of
from tests.integration.cluster.harness import MEDIA_TYPE, Cluster, quick_genesis, running_cluster
from tests.integration.cluster.test_cluster import VALID_UNTIL_MS, call_record, final
from tests.integration.p2p.harness import until
from tests.sites import calls_of
from tests.unit.contracts.builders import GROUNDED_QUESTION, changed
from tests.unit.contracts.halves import HALF

DEADLINE_MS = 2_000
IDLE_MS = 500
DISPUTE = bytes(range(16))
FILER, ANOTHER = 3, 2
CLAIM = Objection(
    ground=Ground.UNAUTHORISED,
    target=Target.CALL,
    requester=ORGANISATIONS[0],
    provider=HALF.provider,
    call_id=bytes(16),
    subjects=HALF.subjects,
    item=HALF.item,
    grant=HALF.grant,
)


def _said(cluster: Cluster, sender: int, call: Call, *, nonce: int = 0) -> Submission:
    return submission_of(
        cluster.genesis,
        key=submission_key(cluster.genesis.suite_name, sender),
        nonce=nonce,
        contract=disputes.NAME,
        contract_version=disputes.VERSION,
        calls=[call],
        valid_until_ms=VALID_UNTIL_MS,
    )


async def test_an_objection_is_passed_on_becomes_overdue_and_is_answered_late(
    tmp_path: Path,
) -> None:
    genesis = quick_genesis(idle_block_ms=IDLE_MS, dispute_deadline_ms=DEADLINE_MS)
    async with running_cluster(tmp_path, genesis=genesis) as cluster:
        await final(cluster, 0, call_record(cluster, 0))
        await final(cluster, 1, _said(cluster, FILER, object_to(DISPUTE, CLAIM)))
        passed = forward_dispute(
            DISPUTE, organisation=ORGANISATIONS[ANOTHER], reason_code="not-ours"
        )
        await final(cluster, 2, _said(cluster, 0, passed, nonce=1))
        ledgers = [one.base.ledger for one in cluster.members.values()]
        await until(lambda: all(one.log_size >= 4 for one in ledgers), what="the deadline")
        answer = correct_dispute(DISPUTE, reason_code="corrected")
        await final(cluster, 3, _said(cluster, ANOTHER, answer))

        await until(lambda: all(one.log_size >= 5 for one in ledgers), what="all records")
        await _require_records(cluster)
        await _require_state(cluster)
        await _require_trails(cluster)


async def _require_records(cluster: Cluster) -> None:
    """Require that four nodes prove the same story, of which nobody signed the overdue."""
    outcomes = [
        DisputeOutcome.OBJECTED,
        DisputeOutcome.FORWARDED,
        DisputeOutcome.OVERDUE,
        DisputeOutcome.CORRECTED_LATE,
    ]
    for replica_id in cluster.members:
        for position, outcome in enumerate(outcomes, start=1):
            found = await cluster.read(replica_id, f"/v1/records/{position}")
            entry = verify_record_evidence(found, cluster.trust).entry
            assert (entry.contract, entry.outcome) == (disputes.NAME, outcome)
            assert entry.is_ledgers_own == (outcome == DisputeOutcome.OVERDUE)


async def _require_state(cluster: Cluster) -> None:
    row_key = DISPUTES.key(DISPUTE)
    opened = {
        OPEN.key(ORGANISATIONS[0]): OpenRow(1, 1, 0),
        OPEN.key(ORGANISATIONS[ANOTHER]): OpenRow(1, 1, 1),
    }
    for key, expected in opened.items():
        told = await cluster.read(2, f"/v1/state/{key.hex()}")
        assert verify_state_evidence(told, cluster.trust).values == {key: OPEN.encode(expected)}
    told = await cluster.read(3, f"/v1/state/{row_key.hex()}")
    value = verify_state_evidence(told, cluster.trust).values[row_key]
    assert value is not None
    row = DISPUTES.decode(value)
    assert (row.state, row.responsible, row.forwards) == (
        DisputeState.CORRECTED,
        ORGANISATIONS[ANOTHER],
        1,
    )


async def _require_trails(cluster: Cluster) -> None:
    """Require that person, dispute and whoever answered find all of it, proven whole."""
    asked: tuple[tuple[IndexKind, bytes, list[int]], ...] = (
        (IndexKind.SUBJECT, HALF.subjects[0], [0, 1, 2, 3, 4]),
        (IndexKind.DISPUTE, DISPUTE, [1, 2, 3, 4]),
        (IndexKind.RESPONSIBLE, ORGANISATIONS[ANOTHER].encode(), [2, 3, 4]),
    )
    for number, (kind, value, positions) in enumerate(asked):
        question = changed(GROUNDED_QUESTION, kind=int(kind), values=(value,), to_ms=0)
        contract, calls = calls_of(question)
        sent = submission_of(
            cluster.genesis,
            nonce=2 + number,
            contract=contract,
            contract_version=audit.VERSION,
            calls=calls,
            valid_until_ms=VALID_UNTIL_MS,
        )
        answer = await cluster.ask(
            number, "POST", "/audit", content=sent.encoded, headers={"Content-Type": MEDIA_TYPE}
        )
        assert answer.status_code == 200, answer.text
        (listing,) = verify_trail_evidence(answer.json()["evidence"], cluster.trust).listings
        found = [row.position for row in listing.rows if row.entry.contract != "audit"]
        assert found == positions
