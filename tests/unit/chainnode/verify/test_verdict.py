"""A verdict that claims more than its checks cannot exist; times are China's."""

import pytest

from chainnode.errors import InvariantBroken
from chainnode.verify import Check, CheckName, CheckResult, InvalidEvidence, Verdict, VerdictCode
from chainnode.verify.dates import day_end_ms, day_start_ms
from chainnode.verify.verdict import MUST_PASS, local_time


def checks(**changed: CheckResult) -> tuple[Check, ...]:
    return tuple(
        Check(name=name, result=changed.get(name.value, CheckResult.PASS), detail="x", zh="x")
        for name in CheckName
    )


def verdict(code: VerdictCode, given: tuple[Check, ...]) -> Verdict:
    return Verdict(
        verdict=code,
        state=None,
        identifier=None,
        as_of_height=None,
        as_of_time_ms=None,
        issuer=None,
        checks=given,
    )


@pytest.mark.parametrize("name", [one.value for one in CheckName])
def test_valid_with_a_failed_check_cannot_exist(name: str) -> None:
    with pytest.raises(InvariantBroken):
        verdict(VerdictCode.VALID, checks(**{name: CheckResult.FAIL}))


@pytest.mark.parametrize("name", CheckName)
def test_valid_rests_on_history_quorum_and_freshness(name: CheckName) -> None:
    given = checks(**{name.value: CheckResult.NOT_CHECKED})
    if name in MUST_PASS:
        with pytest.raises(InvariantBroken):
            verdict(VerdictCode.VALID, given)
    else:
        assert verdict(VerdictCode.VALID, given).checks == given


@pytest.mark.parametrize("given", [(), checks()[:4], checks()[::-1], (*checks(), checks()[0])])
def test_a_verdict_has_five_checks_in_order(given: tuple[Check, ...]) -> None:
    with pytest.raises(InvariantBroken):
        verdict(VerdictCode.TAMPERED, given)


@pytest.mark.parametrize(
    ("instant_ms", "told"),
    [
        (0, "1970-01-01T08:00:00.000+08:00"),
        (1_772_467_199_999, "2026-03-02T23:59:59.999+08:00"),
        (2**53 - 1, "9007199254740991 ms"),
    ],
)
def test_times_are_told_with_their_offset(instant_ms: int, told: str) -> None:
    assert local_time(instant_ms) == told


def test_a_day_is_a_day_in_china() -> None:
    assert day_start_ms(19700101) == -8 * 3_600_000
    assert day_end_ms(20260302) == 1_772_467_200_000
    assert day_end_ms(99991231) - day_start_ms(99991231) == 86_400_000


@pytest.mark.parametrize("date", [0, 1, 20260230, 20261301, 2**53 - 1, 100000101])
def test_what_is_no_day_is_refused(date: int) -> None:
    with pytest.raises(InvalidEvidence):
        day_start_ms(date)
