"""What a member looks at before it signs a recovery record."""

import pytest

from chainnode.recovery import InvalidRecovery
from chainnode.recovery.offline import require_kept
from tests.unit.chainnode.recovery.test_document import certificate, record


@pytest.mark.parametrize("height", [8, 9, 50])
def test_a_record_that_loses_a_block_whose_certificate_is_in_the_vote_log_is_refused(
    height: int,
) -> None:
    with pytest.raises(InvalidRecovery, match=f"{height} certified, as our vote log says"):
        require_kept((certificate(height=height),), record())


def test_certificates_up_to_the_record_and_of_other_epochs_lose_nothing() -> None:
    require_kept((), record())
    require_kept((certificate(height=7), certificate(height=1)), record())
    require_kept((certificate(epoch=1, height=50),), record())
