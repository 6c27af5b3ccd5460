"""Limits that make no sense are refused together; reconnects are capped and scattered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainnode.errors import ConfigurationError
from chainnode.p2p.framing import FRAME_BYTES_MAX
from chainnode.p2p.settings import TransportSettings, reconnect_delay_s

SETTINGS = TransportSettings(reconnect_first_s=0.25, reconnect_max_s=4.0)


def test_delays_double_until_the_cap() -> None:
    delays = [reconnect_delay_s(failures, settings=SETTINGS, jitter=0.0) for failures in range(7)]
    assert delays == [0.125, 0.25, 0.5, 1.0, 2.0, 2.0, 2.0]


@given(st.integers(0, 10**9), st.floats(0, 1, exclude_max=True))
def test_a_delay_is_never_zero_and_never_above_the_cap(failures: int, jitter: float) -> None:
    delay_s = reconnect_delay_s(failures, settings=SETTINGS, jitter=jitter)
    assert SETTINGS.reconnect_first_s / 2 <= delay_s <= SETTINGS.reconnect_max_s


def test_jitter_spreads_over_the_upper_half() -> None:
    assert reconnect_delay_s(99, settings=SETTINGS, jitter=0.5) == 3.0


def test_all_faults_of_the_settings_are_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        TransportSettings(heartbeat_s=0, requests_max=-1, queue_bytes_max=FRAME_BYTES_MAX - 1)
    assert str(caught.value) == (
        "peer transport: heartbeat_s: expected a positive number, got 0; "
        "requests_max: expected a positive number, got -1; "
        f"queue_bytes_max: expected ≥ {FRAME_BYTES_MAX}, got {FRAME_BYTES_MAX - 1}"
    )


def test_a_queue_of_exactly_one_largest_frame_is_legal() -> None:
    assert TransportSettings(queue_bytes_max=FRAME_BYTES_MAX).queue_bytes_max == FRAME_BYTES_MAX
