"""What `/metrics` says of the exchange, held against what was put on the chain."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chainnode.exchange_readings import ExchangeReadings
from chainnode.execution.deadlines import RECORDS_MAX
from chainnode.metrics import NodeMetrics
from contracts.schemas.call_words import Decision, Side
from tests.gap_site import ASKING, DEADLINE_MS, GIVING, GapSite, half
from tests.sites import Site

ROLES = {"requester": ASKING, "provider": GIVING}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[GapSite]:
    made = GapSite(tmp_path)
    yield made
    made.close()


def figures(site: Site) -> dict[str, float]:
    """Return every figure by its line."""
    readings = ExchangeReadings(
        genesis=site.genesis,
        ledger=site.ledger,
        h=site.suite.digest,
        counts=lambda: site.audit.tallies,
    )
    text = NodeMetrics(readings.read).render()[0].decode()
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name.removeprefix("kunlian_exchange_"): float(value) for name, _, value in lines}


def labelled(name: str, role: str, **more: str) -> str:
    labels = {"department": ROLES[role], "role": role, **more}
    inner = ",".join(f'{key}="{labels[key]}"' for key in sorted(labels))
    return f"{name}{{{inner}}}"


async def counted(site: GapSite) -> dict[str, float]:
    """Let everything be covered and counted, then read."""
    site.settle()
    await site.audit.reach(site.ledger.log_size)
    return figures(site)


async def test_a_chain_without_calls_has_no_gaps_and_waits_for_nothing(site: GapSite) -> None:
    site.grow()
    await site.audit.reach(0)
    told = figures(site)
    assert told["deadlines_pending"] == 0
    assert told["counted_from_position"] == 0
    assert told[f'unmatched{{department="{ASKING}"}}'] == 0
    assert told['findings_total{finding="late"}'] == 0
    assert not any(name.startswith(("halves", "gaps")) for name in told)


async def test_a_lone_half_waits_then_is_a_gap_and_closes_when_the_other_comes(
    site: GapSite,
) -> None:
    site.record(half(Side.PROVIDER, 1))
    assert figures(site)["deadlines_pending"] == 1
    assert figures(site)["deadlines_overdue_seconds"] == 0

    site.let_deadlines_pass()
    open_now = figures(site)
    assert open_now["deadlines_pending"] == 0
    assert open_now[f'unmatched{{department="{GIVING}"}}'] == 1
    assert open_now[f'unmatched_opened_total{{department="{GIVING}"}}'] == 1
    assert open_now[f'unmatched{{department="{ASKING}"}}'] == 0

    site.record(half(Side.REQUESTER, 1))
    told = await counted(site)
    assert told[f'unmatched{{department="{GIVING}"}}'] == 0
    assert told[f'unmatched_closed_total{{department="{GIVING}"}}'] == 1
    assert told[labelled("gaps_total", "provider", gap="one_sided_claimed")] == 1
    assert told[labelled("gaps_total", "provider", gap="closed")] == 1
    assert told[labelled("half_findings_total", "requester", finding="late")] == 1
    assert told['findings_total{finding="late"}'] == 1


async def test_halves_findings_and_contradictions_are_counted_for_who_spoke(
    site: GapSite,
) -> None:
    site.record(half(Side.REQUESTER, 1, decision=Decision.PERMIT), half(Side.REQUESTER, 2))
    site.record(half(Side.PROVIDER, 1, decision=Decision.PERMIT, fields=1), half(Side.PROVIDER, 2))
    told = await counted(site)
    for role in ROLES:
        assert told[labelled("halves_total", role, kind="permitted")] == 1
        assert told[labelled("halves_total", role, kind="denied")] == 1
        assert told[labelled("half_findings_total", role, finding="no_grant")] == 1
        assert told[labelled("mismatched_total", role)] == 1
    differ = "half_findings_total", "halves_differ"
    assert told[labelled(differ[0], "provider", finding=differ[1])] == 1
    assert labelled(differ[0], "requester", finding=differ[1]) not in told
    assert told['findings_total{finding="no_grant"}'] == 2
    assert told['findings_total{finding="halves_differ"}'] == 1
    assert not any(name.startswith("gaps") for name in told)


async def test_every_figure_is_the_same_after_a_restart_and_after_the_store_was_lost(
    tmp_path: Path,
) -> None:
    first = GapSite(tmp_path)
    first.record(half(Side.PROVIDER, 1), half(Side.PROVIDER, 2))
    first.let_deadlines_pass()
    before = await counted(first)
    first.close()

    again = GapSite(tmp_path)
    await again.audit.reach(again.ledger.log_size)
    assert figures(again) == before
    again.close()

    (tmp_path / "audit.sqlite").unlink()
    rebuilt = GapSite(tmp_path)
    uncounted = figures(rebuilt)
    assert "counted_from_position" not in uncounted
    assert uncounted == {name: value for name, value in before.items() if name in uncounted}
    await rebuilt.audit.reach(rebuilt.ledger.log_size)
    assert figures(rebuilt) == before
    rebuilt.close()


async def test_what_falls_due_in_an_outage_is_overdue_until_blocks_have_taken_it(
    site: GapSite,
) -> None:
    count = RECORDS_MAX + 1
    site.record(*(half(Side.PROVIDER, number) for number in range(count)))
    site.grow(time_ms=site.ledger.tip.head.time_ms + DEADLINE_MS + 60_000)
    told = figures(site)
    assert told["deadlines_pending"] == 1
    assert 58 <= told["deadlines_overdue_seconds"] <= 60
    site.grow()
    told = figures(site)
    assert (told["deadlines_pending"], told["deadlines_overdue_seconds"]) == (0, 0)
    assert told[f'unmatched{{department="{GIVING}"}}'] == count


async def test_a_node_on_a_snapshot_tells_the_same_and_says_from_where_it_counts(
    site: GapSite, tmp_path: Path
) -> None:
    site.record(half(Side.PROVIDER, 1, decision=Decision.PERMIT), half(Side.PROVIDER, 2))
    site.let_deadlines_pass()
    whole = await counted(site)
    late = GapSite(tmp_path / "late")
    late.stand_on_snapshot_of(site)
    await late.audit.reach(late.ledger.tip.head.index_size)

    told = figures(late)
    from_state = ("unmatched", "deadlines", "findings")
    assert {name for name in whole if name.startswith(from_state)} <= set(told)
    assert all(value == whole[name] for name, value in told.items() if name.startswith(from_state))
    assert told["counted_from_position"] == site.ledger.log_size
    assert not any(name.startswith(("halves", "gaps")) for name in told)

    for one in (site, late):
        one.record(half(Side.REQUESTER, 3))
    assert (await counted(late))[labelled("halves_total", "requester", kind="denied")] == 1
    late.close()
