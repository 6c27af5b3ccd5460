"""Why a call was made: encrypted for the pair and the auditors, read by whoever has the key."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from chainnode.client import AccessCall, AccessReason, Client, Final, access_record
from chainnode.client.pair_keys import Reader
from chainnode.exchange import Half, Pair, encrypt_private
from chainnode.keys import Passphrase, open_wrapping_key
from chainnode.submission import Call
from chainnode.verify import Trust
from contracts.schemas.access import Side
from tests.builders import ORGANISATIONS, submission_key
from tests.unit.chainnode.cli.conftest import at_home
from tests.unit.chainnode.cli.towns import Town, town_at

PROVIDER, REQUESTER, AUDITOR, LATE = range(4)
PERIOD = 202611
PAIR = Pair(requester=ORGANISATIONS[REQUESTER], provider=ORGANISATIONS[PROVIDER], period=PERIOD)
CALL_ID = bytes(range(16))
PURPOSE = "公租房资格审核"


@pytest.fixture
def town(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Town]:
    at_home(tmp_path, monkeypatch)
    with town_at(tmp_path, capsys) as made:
        yield made


def folder_of(town: Town, department: int) -> Path:
    return town.path / f"wrapping{department}"


def publish(town: Town, department: int) -> None:
    """Make the wrapping key of a department for the month, and publish it."""
    folder = folder_of(town, department)
    folder.mkdir()
    file = str(folder / f"{PERIOD}.key.json")
    made = town.bare_words("key", "new", file, "--suite", "intl", "--purpose", "wrapping")
    assert made.code == 0, made.err
    told = town.must(department, "key", "publish", file, "--month", "2026-11")
    assert told.json["period"] == PERIOD


def client_of(town: Town, department: int) -> Client:
    trust = Trust.load((town.path / "genesis.json").read_bytes())
    return Client([town.served.url], trust, submission_key("intl", department))


def record(town: Town, *, encrypted: bool, is_other_key: bool = False) -> int:
    """Record the provider's half, and return its position."""
    call = access_record(
        AccessCall(
            call_id=CALL_ID,
            side=Side.PROVIDER,
            requester=PAIR.requester,
            provider=PAIR.provider,
            item="population.basic",
            trace_id=bytes(16),
        ),
        AccessReason(purpose_code="gongzufang", reason_text=PURPOSE),
    )
    with client_of(town, PROVIDER) as client:
        if encrypted:
            call = _encrypted(town, client, call, is_other_key=is_other_key)
        outcome = client.submit("access", [call])
    assert isinstance(outcome, Final)
    assert outcome.is_accepted
    (result,) = outcome.calls
    assert result.position is not None
    return result.position


def _encrypted(town: Town, client: Client, call: Call, *, is_other_key: bool) -> Call:
    file = folder_of(town, PROVIDER) / f"{PERIOD}.key.json"
    suite, wrapping = open_wrapping_key(file, passphrase=Passphrase(b"correct horse"))
    reader = Reader(organisation=PAIR.provider, wrapping=wrapping)
    half = Half(
        chain_id=client.trust.chain_id,
        requester=PAIR.requester,
        provider=PAIR.provider,
        call_id=CALL_ID,
        side=Side.PROVIDER,
    )
    pair_key = client.share_pair_key(PAIR, reader)
    private = encrypt_private(
        suite,
        call.private,
        pair_key=bytes(len(pair_key)) if is_other_key else pair_key,
        period=PERIOD,
        half=half,
        nonce=secrets.token_bytes(12),
    )
    return Call(action=call.action, public=call.public, private=private)


def test_both_departments_and_the_auditor_read_encrypted_reasons(town: Town) -> None:
    for one in (PROVIDER, REQUESTER, AUDITOR):
        publish(town, one)
    position = str(record(town, encrypted=True))
    for one in (PROVIDER, REQUESTER, AUDITOR):
        as_whom = ("--organisation", ORGANISATIONS[one])
        keys = ("--wrapping-keys", str(folder_of(town, one)))
        told = town.bare("audit", "reasons", position, *keys, *as_whom, "--json")
        assert told.code == 0, told.err
        assert (told.json["reason_text"], told.json["encrypted"]) == (PURPOSE, True)


def test_who_published_after_the_key_was_shared_does_not_read_them(town: Town) -> None:
    for one in (PROVIDER, REQUESTER):
        publish(town, one)
    position = str(record(town, encrypted=True))
    publish(town, LATE)
    keys = ("--wrapping-keys", str(folder_of(town, LATE)))
    told = town.bare("audit", "reasons", position, *keys, "--organisation", ORGANISATIONS[LATE])
    assert (told.code, "not shared with" in told.err) == (3, True)


def test_without_a_key_encrypted_reasons_stay_closed_and_say_so(town: Town) -> None:
    for one in (PROVIDER, REQUESTER):
        publish(town, one)
    position = str(record(town, encrypted=True))
    told = town.bare("audit", "reasons", position)
    assert (told.code, "are encrypted" in told.err) == (2, True)
    assert PURPOSE not in told.out + told.err


def test_reasons_that_their_key_does_not_open_prove_nothing(town: Town) -> None:
    for one in (PROVIDER, REQUESTER):
        publish(town, one)
    position = str(record(town, encrypted=True, is_other_key=True))
    keys = ("--wrapping-keys", str(folder_of(town, PROVIDER)))
    told = town.bare("audit", "reasons", position, *keys, "--organisation", ORGANISATIONS[PROVIDER])
    assert (told.code, "key of its pair" in told.err) == (3, True)


def test_reasons_in_clear_are_read_by_every_member(town: Town) -> None:
    position = str(record(town, encrypted=False))
    told = town.bare("audit", "reasons", position, "--json")
    assert (told.json["reason_text"], told.json["encrypted"]) == (PURPOSE, False)


def test_only_a_wrapping_key_is_published(town: Town) -> None:
    told = town.kun(PROVIDER, "key", "publish", town.key(PROVIDER), "--month", "2026-11")
    assert (told.code, "expected a wrapping key" in told.err) == (2, True)


def test_a_month_is_published_once(town: Town) -> None:
    publish(town, PROVIDER)
    file = str(folder_of(town, PROVIDER) / f"{PERIOD}.key.json")
    again = town.kun(PROVIDER, "key", "publish", file, "--month", "2026-11")
    assert (again.code, "CONTENT_KEY_KNOWN" in again.err) == (1, True)


def test_a_filter_reads_reasons_with_our_keys_and_cannot_tell_without(town: Town) -> None:
    for one in (PROVIDER, REQUESTER, AUDITOR):
        publish(town, one)
    position = record(town, encrypted=True)
    ask = ("audit", "query", "--item", "population.basic", "--purpose", "yearly inspection")
    where = ("--where", f"reason~{PURPOSE[:3]}")
    closed = town.must(AUDITOR, *ask, *where).json
    assert (closed["items"], closed["analysis"]["cannot_tell"]) == ([], [position])
    for one, found in ((AUDITOR, [position]), (LATE, [])):
        folder_of(town, one).mkdir(exist_ok=True)
        keys = ("--wrapping-keys", str(folder_of(town, one)))
        told = town.must(AUDITOR, *ask, *where, *keys, "--organisation", ORGANISATIONS[one]).json
        assert [row["position"] for row in told["items"]] == found
        assert told["analysis"]["cannot_tell"] == ([] if found else [position])


def test_a_part_that_its_key_does_not_open_stays_closed_in_a_filter(town: Town) -> None:
    for one in (PROVIDER, REQUESTER):
        publish(town, one)
    position = record(town, encrypted=True, is_other_key=True)
    ask = ("audit", "query", "--item", "population.basic", "--purpose", "yearly inspection")
    keys = ("--wrapping-keys", str(folder_of(town, PROVIDER)))
    ours = (*keys, "--organisation", ORGANISATIONS[PROVIDER])
    told = town.must(AUDITOR, *ask, "--where", "officer=", *ours).json
    assert told["analysis"]["cannot_tell"] == [position]
