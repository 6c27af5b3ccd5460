"""A dispute as the state has it, for programs and people."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contracts.schemas.disputes import DisputeRow


def dispute_document(dispute_id: bytes, row: "DisputeRow | None") -> dict[str, object]:
    """Return a dispute as JSON, or that the chain proves that there is none."""
    from chainnode.cli.sharing import spoken
    from chainnode.verify.verdict import local_time
    from contracts.schemas.dispute_states import STATE_WORDS, DisputeState
    from contracts.schemas.disputes import GROUND_WORDS, TARGET_WORDS, Ground, Target

    if row is None:
        return {"dispute": dispute_id.hex(), "present": False}
    return {
        "dispute": dispute_id.hex(),
        "present": True,
        "state": spoken(DisputeState(row.state), STATE_WORDS),
        "overdue": bool(row.is_overdue),
        "ground": spoken(Ground(row.ground), GROUND_WORDS),
        "target": spoken(Target(row.target), TARGET_WORDS),
        "call_id": row.call_id.hex() or None,
        "certificate": row.certificate or None,
        "requester": row.requester or None,
        "provider": row.provider,
        "item": row.item or None,
        "grant": row.grant or None,
        "filer": row.filer,
        "responsible": row.responsible,
        "filed": local_time(row.filed_ms),
        "due": local_time(row.due_ms),
        "forwards": row.forwards,
        "follows": row.follows.hex() or None,
    }
