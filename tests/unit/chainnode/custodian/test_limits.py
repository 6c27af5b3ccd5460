"""A memory of nonces that is bounded."""

import pytest

from chainnode.custodian import limits
from chainnode.custodian.limits import AsksSeen
from chainnode.custodian.refusals import AskCode, AskRefused


def test_nonces_are_forgotten_when_their_ask_can_no_longer_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "_ASKS_MAX", 2)
    seen = AsksSeen(window_ms=10)
    seen.admit(b"k", b"1", at_ms=0, now_ms=0)
    seen.admit(b"k", b"2", at_ms=5, now_ms=5)
    with pytest.raises(AskRefused) as caught:
        seen.admit(b"k", b"3", at_ms=20, now_ms=20)
    assert caught.value.code is AskCode.BUSY
    seen.admit(b"k", b"3", at_ms=21, now_ms=21)
    with pytest.raises(AskRefused) as caught:
        seen.admit(b"k", b"1", at_ms=0, now_ms=0)
    assert caught.value.code is AskCode.CLOCK
