"""How far a lineage goes: encrypted claims with our keys, the bounds, and both clients alike."""

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from chainnode.analysis import lineage
from chainnode.analysis.lineage import CallName, Lineage
from chainnode.client import AccessCall, AccessReason, AsyncClient, Client, Final, access_record
from chainnode.client.pair_keys import Reader
from chainnode.client.tracing import Tracing
from chainnode.exchange import Half, Pair, encrypt_private
from chainnode.keys import Passphrase, open_wrapping_key
from chainnode.submission import Call
from chainnode.suites import suite_named
from chainnode.verify import Trust
from contracts.schemas.access import Side
from tests.builders import NOW_MS, ORGANISATIONS, submission_key
from tests.unit.chainnode.cli.conftest import at_home
from tests.unit.chainnode.cli.towns import Town, town_at

ASKER, SOURCE, AUDITOR, LATE = range(4)
PERIOD = 202611
PAIR = Pair(requester=ORGANISATIONS[ASKER], provider=ORGANISATIONS[SOURCE], period=PERIOD)
TRACE = b"\x07" * 16


@pytest.fixture
def town(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Town]:
    at_home(tmp_path, monkeypatch)
    with town_at(tmp_path, capsys) as made:
        yield made


def call_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def trust_of(town: Town) -> Trust:
    return Trust.load((town.path / "genesis.json").read_bytes())


def client_of(town: Town, department: int) -> Client:
    return Client([town.served.url], trust_of(town), submission_key("intl", department))


def half(
    number: int,
    *,
    parent: int = 0,
    derived: Sequence[int] = (),
    pair: tuple[int, int] = (ASKER, SOURCE),
) -> Call:
    """Return the requester's half of a call."""
    return access_record(
        AccessCall(
            call_id=call_id(number),
            side=Side.REQUESTER,
            requester=ORGANISATIONS[pair[0]],
            provider=ORGANISATIONS[pair[1]],
            item="household",
            trace_id=TRACE,
            parent_call_id=call_id(parent) if parent else b"",
            requested_ms=NOW_MS,
        ),
        AccessReason(derived_from=tuple(call_id(one) for one in derived)),
    )


def record(client: Client, *calls: Call) -> None:
    outcome = client.submit("access", calls)
    assert isinstance(outcome, Final)
    assert outcome.is_accepted, outcome.calls


def folder_of(town: Town, department: int) -> Path:
    return town.path / f"wrapping{department}"


def publish(town: Town, department: int) -> None:
    folder_of(town, department).mkdir()
    file = str(folder_of(town, department) / f"{PERIOD}.key.json")
    made = town.bare_words("key", "new", file, "--suite", "intl", "--purpose", "wrapping")
    assert made.code == 0, made.err
    town.must(department, "key", "publish", file, "--month", "2026-11")


def encrypted(town: Town, number: int, call: Call) -> Call:
    """Share the key of the pair, and close the private part under it."""
    file = folder_of(town, SOURCE) / f"{PERIOD}.key.json"
    _, wrapping = open_wrapping_key(file, passphrase=Passphrase(b"correct horse"))
    with client_of(town, SOURCE) as client:
        reader = Reader(organisation=PAIR.provider, wrapping=wrapping)
        pair_key = client.share_pair_key(PAIR, reader)
    named = Half(
        chain_id=trust_of(town).chain_id,
        requester=PAIR.requester,
        provider=PAIR.provider,
        call_id=call_id(number),
        side=Side.REQUESTER,
    )
    private = encrypt_private(
        suite_named("intl"),
        call.private,
        pair_key=pair_key,
        period=PERIOD,
        half=named,
        nonce=secrets.token_bytes(12),
    )
    return Call(action=call.action, public=call.public, private=private)


def chain_of(town: Town, length: int) -> None:
    """Record calls 1 … length, each derived from the one before it."""
    with client_of(town, ASKER) as client:
        record(
            client,
            *(half(one, derived=[one - 1] if one > 1 else []) for one in range(1, length + 1)),
        )


def children_of(town: Town, parent: int, count: int) -> None:
    """Record so many calls that the provider of one made because of it."""
    numbers = range(parent + 1, parent + count + 1)
    with client_of(town, SOURCE) as client:
        record(client, *(half(one, parent=parent, pair=(SOURCE, ASKER)) for one in numbers))


def name_of(number: int) -> CallName:
    return CallName(requester=PAIR.requester, provider=PAIR.provider, call_id=call_id(number).hex())


def tracing(number: int, *, purpose: str = "") -> Tracing:
    pair = (PAIR.requester, PAIR.provider)
    return Tracing(start=name_of(number), organisations=pair, purpose=purpose)


def levels(found: Lineage) -> list[tuple[int, int]]:
    return [(one.level, int(one.name.call_id, 16)) for one in found.calls]


def test_derived_data_that_were_encrypted_are_followed_with_our_keys_and_not_without(
    town: Town,
) -> None:
    for one in (ASKER, SOURCE, AUDITOR):
        publish(town, one)
    closed = encrypted(town, 2, half(2, derived=[1]))
    with client_of(town, ASKER) as client:
        record(client, half(1), closed)
    folder_of(town, LATE).mkdir()
    sides = ("--requester", PAIR.requester, "--provider", PAIR.provider)
    ask = ("audit", "lineage", "--call", call_id(2).hex(), *sides)
    without = town.must(AUDITOR, *ask).json
    assert [one["level"] for one in without["calls"]] == [0]
    assert without["calls"][0]["halves"][0]["derived_from"] is None
    for department, found in ((AUDITOR, [-1, 0]), (SOURCE, [-1, 0]), (LATE, [0])):
        keys = ("--wrapping-keys", str(folder_of(town, department)))
        told = town.must(AUDITOR, *ask, *keys, "--organisation", ORGANISATIONS[department]).json
        assert [one["level"] for one in told["calls"]] == found
    (link,) = town.must(
        AUDITOR,
        *ask,
        "--wrapping-keys",
        str(folder_of(town, ASKER)),
        "--organisation",
        PAIR.requester,
    ).json["links"]
    assert (link["kind"], int(link["from"]["call_id"], 16)) == ("derived", 1)


def test_a_chain_is_followed_for_sixteen_levels_and_the_bound_is_named(town: Town) -> None:
    assert lineage.LEVELS_MAX == 16
    chain_of(town, 18)
    with client_of(town, ASKER) as client:
        whole, cut = client.trace(tracing(17)), client.trace(tracing(18))
    assert levels(whole) == [(-back, 17 - back) for back in range(16, -1, -1)]
    assert levels(cut) == [(-back, 18 - back) for back in range(16, -1, -1)]
    assert (whole.bounds, cut.bounds) == ((), ("levels",))


@pytest.mark.slow
def test_of_too_many_children_so_many_are_taken_and_the_bound_is_named(town: Town) -> None:
    assert lineage.CALLS_MAX == 128
    with client_of(town, ASKER) as client:
        record(client, half(1))
    children_of(town, 1, 128)
    with client_of(town, AUDITOR) as client:
        cut = client.trace(tracing(1, purpose="where did it go"))
    assert len(cut.calls) == 128
    assert cut.bounds == ("calls",)
    assert {one.level for one in cut.calls} == {0, 1}
    assert len(cut.links) == 127
    assert all(one.is_complete for one in cut.asked)


async def test_both_clients_tell_the_same_lineage(town: Town) -> None:
    chain_of(town, 4)
    with client_of(town, ASKER) as client:
        told = client.trace(tracing(4))
    async with AsyncClient([town.served.url], trust_of(town)) as client_async:
        assert await client_async.trace(tracing(4)) == told
