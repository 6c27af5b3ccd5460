"""What one entry adds to the counts, and what a database may say they are."""

import pytest

from chainnode.audit import DamagedReadModel
from chainnode.audit.port import Growth
from chainnode.audit.tallies import Tally, tallies_of
from chainnode.ledger.types import NO_SUBMISSION, NOBODY, NOBODYS_KEY_ID, Entry
from contracts.schemas.access import Finding, outcome_of
from contracts.schemas.access_gaps import GapOutcome
from contracts.schemas.call_words import AccessOutcome
from tests.audit_places import AuditPlace
from tests.unit.chainnode.audit.memory_log import CHAIN_ID

PAIR = (b"\x02HOUSING", b"\x03POLICE")
AT = {"HOUSING": "requester", "POLICE": "provider"}


def entry(
    outcome: int, *keys: bytes, organisation: str = NOBODY, contract: str = "access"
) -> Entry:
    own = organisation == NOBODY
    return Entry(
        height=1,
        time_ms=1,
        submission_digest=NO_SUBMISSION if own else b"d" * 32,
        call_index=0,
        organisation=organisation,
        key_id=NOBODYS_KEY_ID if own else b"k" * 20,
        contract=contract,
        contract_version=2,
        outcome=outcome,
        index_keys=keys,
        body_digest=bytes(32),
    )


@pytest.mark.parametrize("department", AT)
def test_a_half_counts_for_its_speaker_in_its_role_with_its_findings(department: str) -> None:
    outcome = outcome_of(AccessOutcome.FAILED, (Finding.NO_GRANT, Finding.LATE))
    found = list(tallies_of(entry(outcome, *PAIR, organisation=department)))
    role = AT[department]
    assert found == [
        Tally("half", "failed", department, role),
        Tally("finding", "no_grant", department, role),
        Tally("finding", "late", department, role),
    ]


@pytest.mark.parametrize("charged", AT)
@pytest.mark.parametrize(
    ("outcome", "gap"),
    [
        (GapOutcome.ONE_SIDED_CLAIMED, "one_sided_claimed"),
        (GapOutcome.ONE_SIDED_PROVEN, "one_sided_proven"),
        (GapOutcome.MATCHED, "closed"),
    ],
)
def test_a_gap_counts_for_the_department_it_is_held_against(
    charged: str, outcome: GapOutcome, gap: str
) -> None:
    found = list(tallies_of(entry(outcome, *PAIR, b"\x08" + charged.encode())))
    assert found == [Tally("gap", gap, charged, AT[charged])]


def test_a_contradiction_counts_for_both_and_a_late_one_closes_its_gap_too() -> None:
    both = [Tally("mismatch", "", name, role) for name, role in AT.items()]
    assert list(tallies_of(entry(GapOutcome.MISMATCHED, *PAIR))) == both
    late = entry(GapOutcome.MISMATCHED, *PAIR, b"\x08POLICE")
    assert list(tallies_of(late)) == [Tally("gap", "closed", "POLICE", "provider"), *both]


@pytest.mark.parametrize("outcome", [3, 4, 5, 6])
def test_people_and_seals_are_no_halves(outcome: int) -> None:
    assert list(tallies_of(entry(outcome, *PAIR, organisation="POLICE"))) == []


def test_other_contracts_count_nothing() -> None:
    assert list(tallies_of(entry(0, *PAIR, organisation="POLICE", contract="grants"))) == []


def test_counts_add_up_and_go_with_a_rebuild(place: AuditPlace) -> None:
    database = place.open(CHAIN_ID)
    database.progress()
    for step, added in enumerate(([(b"a", 2)], [(b"a", 3), (b"b", 1)], []), start=1):
        database.append(_growth(step, added))
    assert database.tallies() == {b"a": 5, b"b": 1}
    database.rebuild()
    assert database.tallies() == {}
    database.close()


@pytest.mark.parametrize("damaged", [b"", b"half", b"\xff\n\n\n", b"tax\na\nb\nc", b"half\na\nb"])
def test_a_tally_that_nobody_counts_is_damage(damaged: bytes) -> None:
    with pytest.raises(DamagedReadModel):
        Tally.decode(damaged)


def test_a_tally_survives_its_way_through_a_database() -> None:
    tally = Tally("gap", "closed", "POLICE", "provider")
    assert Tally.decode(tally.encoded) == tally


def _growth(log_size: int, tallies: list[tuple[bytes, int]]) -> Growth:
    return Growth(
        log_size=log_size, states={}, entries=[], rows=[], chunks=[], nodes=[], tallies=tallies
    )
