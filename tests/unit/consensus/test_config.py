from dataclasses import replace

import pytest

from consensus.errors import InvalidReplicaConfig
from consensus.types import ReplicaId
from tests.unit.consensus.group import config


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"replica_id": ReplicaId(4)}, "replica_id"),
        ({"window": 1}, "window"),
        ({"idle_block_ms": 0}, "idle_block_ms"),
        ({"drift_ms": -1}, "drift_ms"),
        ({"request_timeout_ms": 0}, "request_timeout_ms"),
        ({"retransmit_ms": 0}, "retransmit_ms"),
        ({"status_ms": 0}, "status_ms"),
        ({"timeout_cap_ms": 100}, "timeout_cap_ms"),
    ],
)
def test_setting_that_cannot_work_is_refused_by_name(changes: dict[str, int], name: str) -> None:
    with pytest.raises(InvalidReplicaConfig) as caught:
        replace(config(), **changes)  # type: ignore[arg-type]  # one field at a time

    assert caught.value.name == name


def test_chain_id_does_not_show_in_repr() -> None:
    assert "chain" not in repr(config())
