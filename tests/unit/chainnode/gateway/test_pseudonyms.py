"""A gateway's tokens: from cache or custodian, the same for all who wait, or none at all."""

import asyncio
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chainnode.client.exchange import Answer
from chainnode.custodian.asks import IDENTIFIERS_MAX, AskAnswer, PlaceTokens, answer_bytes
from chainnode.errors import ConfigurationError
from chainnode.gateway.pseudonyms import (
    CONFIRMED_S_MAX,
    CustodianAccess,
    NotTokenised,
    Pseudonyms,
)
from chainnode.gateway.token_cache import TokenCache
from chainnode.identity.numbers import IdType
from tests.builders_custodian import (
    CHAIN_ID,
    DATA,
    GRANT,
    HOUSING,
    PERSON,
    POLICE,
    DirectTransport,
    World,
    app_of,
)
from tests.builders_identity import citizen_number

TYPE = IdType.CITIZEN
OTHER = citizen_number(serial=9)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def transport(world: World) -> Iterator[DirectTransport]:
    with ThreadPoolExecutor(max_workers=1) as threads:
        yield DirectTransport(app_of(world, threads))


def access(world: World, **changed: str) -> CustodianAccess:
    is_ours = changed.get("organisation", POLICE) == POLICE
    return CustodianAccess(
        url=changed.get("url", "http://127.0.0.1:7800"),
        chain_id=CHAIN_ID,
        custodian=DATA,
        organisation=changed.get("organisation", POLICE),
        department=POLICE,
        suite=world.suite,
        key=world.police if is_ours else world.housing,
        grant=changed.get("grant", ""),
    )


def pseudonyms(world: World, transport: DirectTransport, **changed: str) -> Pseudonyms:
    path = world.folder / "cache.sqlite"
    cache = TokenCache(path, key=world.police, suite=world.suite, scope=(CHAIN_ID, POLICE))
    return Pseudonyms(
        access(world, **changed),
        transport=transport,
        cache=cache,
        now_ms=world.times.now_ms,
        monotonic_s=world.times.monotonic_s,
    )


async def test_a_token_is_the_custodians_and_the_second_time_it_is_at_hand(
    world: World, transport: DirectTransport
) -> None:
    subjects = pseudonyms(world, transport)
    (expected,) = world.root.epoch_key(POLICE, 1).tokens(TYPE, [PERSON])
    assert await subjects.token("111", PERSON.lower()) == expected
    assert await subjects.token("111", f" {PERSON}") == expected
    assert len(transport.sent) == 1


async def test_calls_at_the_same_time_share_one_ask(
    world: World, transport: DirectTransport
) -> None:
    subjects = pseudonyms(world, transport)
    tokens = await asyncio.gather(
        *(subjects.token("111", one) for one in [PERSON, OTHER] * 20),
        subjects.tokens("111", [OTHER, PERSON, OTHER]),
    )
    assert len(transport.sent) == 1
    assert tokens[-1] == (tokens[1], tokens[0], tokens[1])
    assert world.counters.totals() == (2, 0)


async def test_a_register_goes_out_in_batches(world: World, transport: DirectTransport) -> None:
    subjects = pseudonyms(world, transport)
    people = [
        citizen_number(born=f"19{year:02d}0101", serial=serial)
        for year in range(50, 53)
        for serial in range(1, 501)
    ]
    tokens = await subjects.tokens("111", people)
    assert len(set(tokens)) == len(people) == 1500
    assert len(transport.sent) == 2
    assert IDENTIFIERS_MAX == 1000


async def test_a_caller_asks_under_its_grant(world: World, transport: DirectTransport) -> None:
    subjects = pseudonyms(world, transport, organisation=HOUSING, grant=GRANT)
    assert (
        await subjects.token("111", PERSON)
        == world.root.epoch_key(POLICE, 1).tokens(TYPE, [PERSON])[0]
    )


@pytest.mark.parametrize(
    ("id_type", "number"), [("111", PERSON[:-1]), ("414", PERSON), ("111", ""), ("001", PERSON)]
)
async def test_what_is_no_number_gets_no_token_and_is_not_sent(
    world: World, transport: DirectTransport, id_type: str, number: str
) -> None:
    with pytest.raises(NotTokenised) as caught:
        await pseudonyms(world, transport).token(id_type, number)
    assert caught.value.code == "INVALID_IDENTIFIER"
    assert not number or number not in f"{caught.value!r}"
    assert transport.sent == []


async def test_no_answer_means_no_token_for_everybody_who_waits(
    world: World, transport: DirectTransport
) -> None:
    subjects = pseudonyms(world, transport)
    transport.is_reachable = False
    found = await asyncio.gather(
        *(subjects.token("111", one) for one in [PERSON, OTHER, PERSON]), return_exceptions=True
    )
    assert [one.code for one in found if isinstance(one, NotTokenised)] == ["UNREACHABLE"] * 3
    transport.is_reachable = True
    assert len(await subjects.token("111", PERSON)) == 32


async def test_a_refusal_comes_with_its_code(world: World, transport: DirectTransport) -> None:
    world.ledger.keys.clear()
    with pytest.raises(NotTokenised) as caught:
        await pseudonyms(world, transport).token("111", PERSON)
    assert caught.value.code == "UNKNOWN_KEY"


def forged(department: str = POLICE, epoch: int = 1, token: str = "ab" * 32) -> bytes:
    place = PlaceTokens(department=department, epoch=epoch, tokens=(token,))
    return answer_bytes(AskAnswer(places=(place,)))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{" * 5000,
        forged(HOUSING),
        forged(epoch=0),
        forged(token="AB" * 32),
        forged(token="ab" * 31),
        answer_bytes(AskAnswer(places=())),
    ],
    ids=["empty", "array", "deep", "department", "epoch", "upper", "short", "nothing"],
)
async def test_an_answer_of_another_form_gives_no_token(
    world: World, transport: DirectTransport, body: bytes
) -> None:
    transport.lie = Answer(status=200, body=body)
    with pytest.raises(NotTokenised) as caught:
        await pseudonyms(world, transport).token("111", PERSON)
    assert caught.value.code == "BAD_ANSWER"


async def test_a_new_epoch_empties_the_cache_and_an_older_one_is_not_believed(
    world: World, transport: DirectTransport
) -> None:
    subjects = pseudonyms(world, transport)
    old = await subjects.token("111", PERSON)
    world.open_epoch(POLICE, 2)
    assert await subjects.token("111", PERSON) == old
    world.times.pass_s(CONFIRMED_S_MAX + 1)
    new = await subjects.token("111", PERSON)
    assert new == world.root.epoch_key(POLICE, 2).tokens(TYPE, [PERSON])[0] != old
    transport.lie = Answer(status=200, body=forged(epoch=1))
    with pytest.raises(NotTokenised):
        await subjects.token("111", OTHER)


async def test_cached_tokens_end_when_the_custodian_stays_away(
    world: World, transport: DirectTransport
) -> None:
    subjects = pseudonyms(world, transport)
    await subjects.token("111", PERSON)
    transport.is_reachable = False
    world.times.pass_s(CONFIRMED_S_MAX)
    await subjects.token("111", PERSON)
    world.times.pass_s(1)
    with pytest.raises(NotTokenised):
        await subjects.token("111", PERSON)


async def test_closing_tells_those_who_wait(world: World, transport: DirectTransport) -> None:
    subjects = pseudonyms(world, transport)
    waiting = asyncio.ensure_future(subjects.token("111", PERSON))
    await asyncio.sleep(0)
    await subjects.close()
    with pytest.raises(NotTokenised):
        await waiting


@pytest.mark.parametrize("url", ["http://10.0.0.1:7800", "ftp://x", "", "https://h/path"])
def test_numbers_never_travel_in_clear_over_a_network(world: World, url: str) -> None:
    with pytest.raises(ConfigurationError):
        access(world, url=url)


def cache_of(world: World, path: Path | None, **more: int) -> TokenCache:
    return TokenCache(path, key=world.police, suite=world.suite, scope=(CHAIN_ID, POLICE), **more)


def test_a_cache_at_rest_shows_neither_number_nor_token_and_survives_a_restart(
    world: World, tmp_path: Path
) -> None:
    path, token = tmp_path / "c.sqlite", b"t" * 32
    cache_of(world, path).keep(TYPE, PERSON, token, epoch=1)
    raw = path.read_bytes()
    assert PERSON.encode() not in raw
    assert token not in raw
    assert path.stat().st_mode & 0o777 == 0o600
    again = cache_of(world, path)
    assert again.find(TYPE, PERSON, epoch=1) == token
    assert again.find(TYPE, PERSON, epoch=2) is None
    assert again.find(IdType.ORGANISATION, PERSON, epoch=1) is None


def test_another_key_or_department_finds_nothing_in_the_file(world: World, tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    cache_of(world, path).keep(TYPE, PERSON, b"t" * 32, epoch=1)
    for key, department in ((world.housing, POLICE), (world.police, HOUSING)):
        other = TokenCache(path, key=key, suite=world.suite, scope=(CHAIN_ID, department))
        assert other.find(TYPE, PERSON, epoch=1) is None


def test_a_row_that_was_changed_or_moved_is_not_believed(world: World, tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    cache = cache_of(world, path)
    cache.keep(TYPE, PERSON, b"t" * 32, epoch=1)
    cache.keep(TYPE, OTHER, b"o" * 32, epoch=1)
    with sqlite3.connect(path) as database:
        (sealed,) = database.execute("SELECT sealed FROM tokens WHERE number = 1").fetchone()
        database.execute("UPDATE tokens SET sealed = ? WHERE number = 2", (sealed,))
        database.execute("UPDATE tokens SET epoch = 2 WHERE number = 1")
    database.close()
    assert cache.find(TYPE, OTHER, epoch=1) is None
    assert cache.find(TYPE, PERSON, epoch=2) is None


def test_a_cache_is_bounded_and_drops_its_oldest(world: World) -> None:
    cache = cache_of(world, None, entries_max=32)
    people = [citizen_number(serial=serial) for serial in range(1, 101)]
    for one in people:
        cache.keep(TYPE, one, b"t" * 32, epoch=1)
    kept = [one for one in people if cache.find(TYPE, one, epoch=1) is not None]
    assert kept == people[-len(kept) :]
    assert 16 <= len(kept) <= 32


def test_a_damaged_cache_is_an_empty_one(world: World, tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    path.write_bytes(b"garbage " * 1000)
    cache = cache_of(world, path)
    cache.keep(TYPE, PERSON, b"t" * 32, epoch=1)
    assert cache.find(TYPE, PERSON, epoch=1) == b"t" * 32
