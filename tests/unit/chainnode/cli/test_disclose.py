"""`kun audit disclose`: chosen fields of a recorded call, out of what a gateway has kept."""

from pathlib import Path

import pytest

from chainnode.exchange import Half
from chainnode.gateway import KeptCall, KeptCalls, KeptMessage
from chainnode.secret_files import write_secret_file
from tests.builders_halves import (
    CALL_ID,
    FIELDS,
    POSITION,
    PROVIDER,
    REQUESTER,
    SEEDS,
    WITHOUT_COMMITMENT,
    HalvesChain,
    halves_chain,
)
from tests.unit.chainnode.cli.conftest import Done, Site

SECRET = bytes(range(32))


@pytest.fixture(scope="session")
def evidence() -> HalvesChain:
    return halves_chain("intl")


@pytest.fixture
def kept(site: Site, evidence: HalvesChain) -> KeptCalls:
    """What the provider's gateway has kept of the one call."""
    calls = KeptCalls(site.path / "kept.sqlite", suite=evidence.suite, secret=SECRET)
    messages = {
        name: KeptMessage(seed=SEEDS[name], fields=fields) for name, fields in FIELDS.items()
    }
    calls.keep(half(evidence), KeptCall(**messages), now_ms=1)
    write_secret_file(site.path / "kept.secret", SECRET)
    return calls


def half(evidence: HalvesChain) -> Half:
    return Half(
        chain_id=evidence.genesis.chain_id,
        requester=REQUESTER,
        provider=PROVIDER,
        call_id=CALL_ID,
        side=1,
    )


def disclose(site: Site, *words: str, position: int = POSITION) -> Done:
    files = ("--kept", str(site.path / "kept.sqlite"), "--secret", str(site.path / "kept.secret"))
    return site.kun("audit", "disclose", str(position), *files, "--message", "response", *words)


@pytest.mark.usefixtures("kept")
def test_the_names_are_listed_without_any_value(site: Site) -> None:
    done = disclose(site, "--json")
    assert (done.code, done.json["fields"]) == (0, [one.name for one in FIELDS["response"]])
    assert "甲" not in done.out + disclose(site).out


@pytest.mark.usefixtures("kept")
def test_a_chosen_field_is_shown_and_anybody_checks_it(site: Site) -> None:
    out = str(site.path / "shown.json")
    done = disclose(site, "--field", "body.city", "--out", out, "--json")
    assert (done.code, done.json["fields"]) == (0, {"body.city": '"乙"'})

    checked = site.bare("audit", "verify", out, "--trust", site.trust, "--json")

    assert (checked.code, checked.json) == (0, done.json)
    assert checked.json["record"]["position"] == POSITION
    assert "甲" not in Path(out).read_text(encoding="utf-8")
    assert "乙" in site.bare("audit", "verify", out, "--trust", site.trust).out


@pytest.mark.usefixtures("kept")
def test_a_field_that_the_message_lacks_is_a_usage_error_that_names_it(site: Site) -> None:
    done = disclose(site, "--field", "body.secret")
    assert (done.code, "body.secret" in done.err) == (2, True)


def test_after_forgetting_nothing_can_be_shown(
    site: Site, kept: KeptCalls, evidence: HalvesChain
) -> None:
    assert kept.erase(half(evidence))
    done = disclose(site, "--field", "body.city")
    assert (done.code, "keeps no response of this call" in done.err) == (2, True)


def test_kept_fields_that_are_not_the_recorded_ones_prove_nothing(
    site: Site, kept: KeptCalls, evidence: HalvesChain
) -> None:
    other = KeptMessage(seed=bytes(32), fields=FIELDS["response"])
    kept.take_back(half(evidence))
    kept.keep(half(evidence), KeptCall(request=other, response=other), now_ms=1)
    done = disclose(site, "--field", "body.city", "--out", str(site.path / "shown.json"))
    assert (done.code, (site.path / "shown.json").exists()) == (3, False)


@pytest.mark.usefixtures("kept")
def test_a_half_without_a_commitment_discloses_nothing(site: Site) -> None:
    done = disclose(site, "--field", "body.city", position=WITHOUT_COMMITMENT)
    assert (done.code, "a commitment to the response" in done.err) == (3, True)


@pytest.mark.usefixtures("kept")
def test_a_file_that_is_there_is_not_overwritten(site: Site) -> None:
    taken = site.file("taken.json", b"the only copy")
    assert disclose(site, "--field", "body.city", "--out", taken).code == 2
    assert Path(taken).read_bytes() == b"the only copy"


def forget(site: Site, *words: str) -> Done:
    files = ("--kept", str(site.path / "kept.sqlite"), "--secret", str(site.path / "kept.secret"))
    return site.bare("gateway", "forget", *files, *words, "--trust", site.trust, "--json")


def test_one_call_is_forgotten_by_its_names(
    site: Site, kept: KeptCalls, evidence: HalvesChain
) -> None:
    names = ("--requester", REQUESTER, "--provider", PROVIDER)
    done = forget(site, "--call", CALL_ID.hex(), *names)
    assert (done.code, done.json) == (0, {"erased": 1})
    assert kept.find(half(evidence)) is None
    assert forget(site, "--call", CALL_ID.hex(), *names).json == {"erased": 0}


@pytest.mark.usefixtures("kept")
def test_what_is_older_than_a_day_is_forgotten(site: Site) -> None:
    assert forget(site, "--before", "1970-01-01T00:00:00Z").json == {"erased": 0}
    assert forget(site, "--before", "2026-01-01").json == {"erased": 1}


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--call", CALL_ID.hex()),
        ("--before", "2026-01-01", "--call", CALL_ID.hex()),
        ("--call", "xyz", "--requester", REQUESTER, "--provider", PROVIDER),
        ("--before", "yesterday"),
    ],
    ids=lambda words: " ".join(words) or "nothing",
)
def test_what_is_not_said_clearly_is_not_erased(site: Site, words: tuple[str, ...]) -> None:
    assert forget(site, *words).code == 2
    assert forget(site, "--before", "2026-01-01").json == {"erased": 1}
