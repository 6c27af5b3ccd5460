"""A gateway's key: it signs nothing once it has ended, and the next one comes by its file."""

import logging
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest

from chainnode.client import AsyncClient
from chainnode.errors import ConfigurationError
from chainnode.gateway.calling.caller import CallNotMade
from chainnode.gateway.own_key import KeyEnded, KeyWatch, OwnKey, organisation_of
from chainnode.gateway.token_cache import TokenCache
from chainnode.identity.numbers import IdType
from chainnode.keys import DEVNET_COST, KeyPurpose, Passphrase, write_key_file
from chainnode.secret_files import write_secret_file
from chainnode.submission import key_id
from chainnode.suites.port import PrivateKey
from contracts.schemas.members import KeyRow
from tests.builders import secret_key
from tests.builders_gateway import INTENT, PROVIDER, STRANGER, Queue, World, code_of
from tests.gateway_site import caller_of
from tests.unit.chainnode.gateway.ledger_of_tests import CHAIN

PASSPHRASE = b"throw-away pass phrase"
ROW = KeyRow(
    public_key=bytes(32), organisation=PROVIDER, roles=(3,), valid_from_ms=0, valid_to_ms=0
)


def end(world: World, key: PrivateKey) -> None:
    """Let the ledger end a key now."""
    name = key_id(world.suite, key.public_key)
    row = world.rows.keys[name]
    world.rows.keys[name] = msgspec.structs.replace(row, valid_to_ms=world.clock.now_ms)


def register(world: World, key: PrivateKey, **change: object) -> None:
    """Let the ledger know a key as a service key of the provider."""
    row = msgspec.structs.replace(ROW, public_key=key.public_key, **change)
    world.rows.keys[key_id(world.suite, key.public_key)] = row


@dataclass
class Site:
    """A world whose gateway reads its key from a file."""

    world: World
    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "dept.key"

    def put(self, key: PrivateKey, *, purpose: KeyPurpose = KeyPurpose.SUBMISSION) -> None:
        """Put a key in the place of the one that is there, as `mv` does."""
        new = self.folder / "new.key"
        write_key_file(
            new,
            key,
            suite=self.world.suite,
            purpose=purpose,
            passphrase=Passphrase(PASSPHRASE),
            cost=DEVNET_COST,
        )
        new.replace(self.path)

    def watch(self) -> KeyWatch:
        return KeyWatch(
            self.world.own_key,
            self.world.rows,
            suite=self.world.suite,
            organisation=PROVIDER,
            path=self.path,
            passphrase_file=self.folder / "passphrase",
            now_ms=self.world.clock,
        )


@pytest.fixture
def site(tmp_path: Path) -> Site:
    write_secret_file(tmp_path / "passphrase", PASSPHRASE)
    made = Site(world=World(), folder=tmp_path)
    made.put(made.world.provider_key)
    return made


NEXT_KEY = secret_key("intl", 31)


async def test_key_that_has_ended_lets_no_call_through_and_says_so(site: Site) -> None:
    world, watch = site.world, site.watch()
    assert (await world.call())[1].status == 200
    end(world, world.provider_key)
    await watch.look()
    _, refused = await world.call()
    assert (refused.status, code_of(refused)) == (503, "KEY_ENDED")
    assert code_of(world.gateway.health()) == "KEY_ENDED"
    assert b"kunlian_gateway_key_valid 0" in world.gateway.figures().body
    assert len(world.halves) == 1


async def test_key_that_ends_while_the_service_works_signs_no_reply(site: Site) -> None:
    world = site.world
    _, sent = world.signed()
    admitted = await world.gateway.admit(sent)
    end(world, world.provider_key)
    await site.watch().look()
    refused = await world.gateway.broken(admitted, status=500)  # type: ignore[arg-type]  # it was admitted
    assert code_of(refused) == "KEY_ENDED"
    assert not world.halves


async def test_end_that_was_told_before_holds_from_its_moment_on(site: Site) -> None:
    world = site.world
    register(world, world.provider_key, valid_to_ms=world.clock.now_ms + 1000)
    await site.watch().look()
    world.rows.is_reachable = world.rows.knows_keys = False
    world.own_key.sign(b"still")
    world.clock.now_ms += 1000
    with pytest.raises(KeyEnded):
        world.own_key.sign(b"too late")


async def test_new_key_in_the_file_is_taken_once_the_ledger_knows_it(site: Site) -> None:
    world, watch, told = site.world, site.watch(), list[bytes]()
    world.own_key.tell(lambda key: told.append(key.public_key))
    site.put(NEXT_KEY)
    await watch.look()
    assert world.own_key.public_key == world.provider_key.public_key
    register(world, NEXT_KEY)
    end(world, world.provider_key)
    await watch.look()
    await watch.look()
    assert told == [NEXT_KEY.public_key]
    signed, answer = await world.call()
    assert answer.status == 200
    assert world.proven_end(signed, answer).other


@pytest.mark.parametrize("fault", ["roles", "organisation", "ended"])
async def test_key_that_may_not_speak_for_us_is_not_taken(site: Site, fault: str) -> None:
    world, watch = site.world, site.watch()
    changes: dict[str, dict[str, object]] = {
        "roles": {"roles": (1,)},
        "organisation": {"organisation": STRANGER},
        "ended": {"valid_to_ms": world.clock.now_ms},
    }
    register(world, NEXT_KEY, **changes[fault])
    site.put(NEXT_KEY)
    await watch.look()
    assert world.own_key.public_key == world.provider_key.public_key
    assert (await world.call())[1].status == 200


@pytest.mark.parametrize("fault", ["garbage", "gone", "readable", "vote", "suite"])
async def test_file_that_cannot_be_used_changes_nothing_and_is_told_once(
    site: Site, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    world, watch = site.world, site.watch()
    match fault:
        case "garbage":
            site.path.write_text("{}")
        case "gone":
            site.path.unlink()
        case "readable":
            site.put(NEXT_KEY)
            site.path.chmod(0o644)
        case "vote":
            site.put(NEXT_KEY, purpose=KeyPurpose.VOTE)
        case _:
            other = Site(world=World("sm"), folder=site.folder)
            other.put(other.world.provider_key)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            await watch.look()
    assert world.own_key.public_key == world.provider_key.public_key
    assert len([one for one in caplog.records if "key file" in one.message]) == 1


async def test_file_that_is_mended_later_is_taken_then(site: Site) -> None:
    world, watch = site.world, site.watch()
    register(world, NEXT_KEY)
    site.path.write_text("{}")
    await watch.look()
    site.put(NEXT_KEY)
    await watch.look()
    assert world.own_key.public_key == NEXT_KEY.public_key


async def test_same_key_in_another_file_is_no_new_key(site: Site) -> None:
    told: list[bytes] = []
    site.world.own_key.tell(lambda key: told.append(key.public_key))
    watch = site.watch()
    shutil.copy(site.path, site.folder / "copy")
    (site.folder / "copy").replace(site.path)
    await watch.look()
    assert not told


async def test_ledger_out_of_reach_neither_ends_a_key_nor_takes_one(site: Site) -> None:
    world, watch = site.world, site.watch()
    register(world, NEXT_KEY)
    site.put(NEXT_KEY)
    world.rows.knows_keys = False
    await watch.look()
    assert world.own_key.is_valid
    world.rows.knows_keys = True
    await watch.look()
    assert world.own_key.public_key == NEXT_KEY.public_key


async def test_caller_whose_key_has_ended_sends_nothing(site: Site) -> None:
    world, own = site.world, OwnKey(site.world.requester_key, now_ms=site.world.clock)
    request = world.signed()[1]
    own.current.learn(msgspec.structs.replace(ROW, valid_to_ms=world.clock.now_ms))
    world.requester = replace(world.requester, key=own)
    caller = caller_of(world, Queue())
    with pytest.raises(CallNotMade, match="ended"):
        await caller.start(INTENT, request)


async def test_at_the_start_a_key_of_nobody_is_refused(site: Site) -> None:
    world, own = site.world, OwnKey(NEXT_KEY, now_ms=site.world.clock)
    with pytest.raises(ConfigurationError, match="valid service key"):
        await organisation_of(
            own,
            world.rows,
            suite=world.suite,
            path=site.path,
            expected="",
            now_ms=world.clock,
        )


async def test_client_asks_for_the_nonces_of_its_new_key() -> None:
    async with AsyncClient(("http://127.0.0.1:1",), CHAIN.trust, CHAIN.client_key) as client:
        before = client._session.nonces  # noqa: SLF001 - what no answer shows
        client.use_key(NEXT_KEY)
        assert client._session.key is NEXT_KEY  # noqa: SLF001 - what no answer shows
        assert client._session.nonces is not before  # noqa: SLF001 - what no answer shows


def test_tokens_that_the_old_key_sealed_are_forgotten(tmp_path: Path) -> None:
    world = World()
    scope = (bytes(32), PROVIDER)
    number = "110101199003078515"
    cache = TokenCache(tmp_path / "tokens", key=world.provider_key, suite=world.suite, scope=scope)
    cache.keep(IdType.CITIZEN, number, bytes(32), epoch=1)
    cache.use_key(NEXT_KEY)
    assert cache.find(IdType.CITIZEN, number, epoch=1) is None
    cache.keep(IdType.CITIZEN, number, bytes(32), epoch=1)
    cache.close()

    old = TokenCache(tmp_path / "tokens", key=world.provider_key, suite=world.suite, scope=scope)
    assert old.find(IdType.CITIZEN, number, epoch=1) is None
    old.close()
    new = TokenCache(tmp_path / "tokens", key=NEXT_KEY, suite=world.suite, scope=scope)
    assert new.find(IdType.CITIZEN, number, epoch=1) == bytes(32)
    new.close()
