"""What a gateway does with the content of a call: reasons encrypted, messages kept."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chainnode.client.pair_keys import NoPairKey, Reader
from chainnode.errors import ConfigurationError
from chainnode.exchange import Half, Pair, commitment, decrypt_private, read_encrypted
from chainnode.gateway.half_entries import EncryptedReasons, HalfEntries
from chainnode.gateway.kept import KeptCalls
from chainnode.gateway.messages import HttpAnswer
from chainnode.gateway.recording import OpenCall
from chainnode.keys import DEVNET_COST, KeyPurpose, Passphrase, write_key_file
from chainnode.month_keys import WrappingKeyFiles, wrapping_key_file
from chainnode.suites import suite_named
from chainnode.suites.wrapping import WrappingKey, load_wrapping_key
from contracts.schemas.access import Side
from contracts.schemas.days import local_month
from tests.builders import NOW_MS, SUITES
from tests.builders_gateway import (
    CHAIN_ID,
    INTENT,
    PERSON_ID,
    PROVIDER,
    REQUESTER,
    Queue,
    World,
    code_of,
    json_answer,
)
from tests.gateway_site import caller_of

PURPOSE = "公租房资格审核"
PERIOD = local_month(NOW_MS)
PAIR = Pair(requester=REQUESTER, provider=PROVIDER, period=PERIOD)
PASSPHRASE = Passphrase(b"correct horse battery")


@dataclass
class PairKeys:
    """Keys of pairs as a test has them; what was asked stands in `asked`."""

    pair_key: bytes
    is_there: bool = True
    asked: list[tuple[str, Pair, str]] = field(default_factory=list)

    async def open_pair_key(self, pair: Pair, reader: Reader) -> bytes:
        return self._answer("open", pair, reader)

    async def share_pair_key(self, pair: Pair, reader: Reader) -> bytes:
        return self._answer("share", pair, reader)

    def _answer(self, how: str, pair: Pair, reader: Reader) -> bytes:
        self.asked.append((how, pair, reader.organisation))
        if not self.is_there:
            raise NoPairKey(pair, reason="as the test says")
        return self.pair_key


@dataclass
class Wrapping:
    """A wrapping key of every month."""

    key: WrappingKey

    async def wrapping_key(self, period: int) -> WrappingKey:
        assert period == PERIOD
        return self.key


def reasons_of(world: World, keys: PairKeys) -> EncryptedReasons:
    return EncryptedReasons(
        keys,
        suite=world.suite,
        chain_id=CHAIN_ID,
        wrapping=Wrapping(load_wrapping_key(world.suite, bytes(range(1, 33)))),
        now_ms=world.clock,
    )


def keys_of(world: World) -> PairKeys:
    return PairKeys(bytes(range(world.suite.aead_key_bytes)))


def half_of(call_id: bytes, side: Side = Side.PROVIDER) -> Half:
    return Half(
        chain_id=CHAIN_ID, requester=REQUESTER, provider=PROVIDER, call_id=call_id, side=side
    )


@pytest.mark.parametrize("suite_name", SUITES)
async def test_reasons_are_encrypted_for_the_pair_and_the_month(suite_name: str) -> None:
    world = World(suite_name)
    keys = keys_of(world)
    world.gateway = world.new_gateway(
        half_entries=HalfEntries(chain_id=CHAIN_ID, reasons=reasons_of(world, keys))
    )

    signed, _ = await world.call()

    (entry,) = world.queue.entries
    private = entry.calls[-1].private
    assert PURPOSE.encode() not in private
    found = read_encrypted(private)
    assert found is not None
    assert found.period == PERIOD
    clear = decrypt_private(
        world.suite, found, pair_key=keys.pair_key, half=half_of(signed.header.call_id)
    )
    assert PURPOSE.encode() in clear
    assert keys.asked == [("share", PAIR, PROVIDER)]


async def test_a_key_is_fetched_once_for_all_calls_of_a_month() -> None:
    world = World("intl")
    keys = keys_of(world)
    world.gateway = world.new_gateway(
        half_entries=HalfEntries(chain_id=CHAIN_ID, reasons=reasons_of(world, keys))
    )
    for _ in range(3):
        await world.call()
    assert len(keys.asked) == 1


async def test_without_a_key_reasons_stay_out_and_the_testimony_stands() -> None:
    world = World("intl")
    keys = keys_of(world)
    keys.is_there = False
    reasons = reasons_of(world, keys)
    world.gateway = world.new_gateway(half_entries=HalfEntries(chain_id=CHAIN_ID, reasons=reasons))

    for _ in range(2):
        _, answer = await world.call()
        assert answer.status == 200

    assert [one.calls[-1].private for one in world.queue.entries] == [b"", b""]
    assert (reasons.withheld, len(keys.asked)) == (2, 1)
    assert b"kunlian_gateway_reasons_withheld_total 2.0" in world.gateway.figures().body


async def test_a_key_is_looked_for_again_after_a_while() -> None:
    world = World("intl")
    keys = keys_of(world)
    keys.is_there = False
    half_entries = HalfEntries(chain_id=CHAIN_ID, reasons=reasons_of(world, keys))
    world.gateway = world.new_gateway(half_entries=half_entries)
    await world.call()
    keys.is_there = True
    world.clock.now_ms += 60_000

    await world.call()

    first, second = (one.calls[-1].private for one in world.queue.entries)
    assert (first, read_encrypted(second) is None) == (b"", False)


@pytest.mark.parametrize("suite_name", SUITES)
async def test_both_messages_are_kept_with_what_their_commitments_bind(
    tmp_path: Path, suite_name: str
) -> None:
    world = World(suite_name)
    kept = KeptCalls(tmp_path / "kept.sqlite", suite=world.suite, secret=bytes(32))
    world.gateway = world.new_gateway(half_entries=HalfEntries(chain_id=CHAIN_ID, kept=kept))

    signed, _ = await world.call()

    found = kept.find(half_of(signed.header.call_id))
    assert found is not None
    (half,) = world.halves
    for message, bound in (
        (found.request, half["request_commitment"]),
        (found.response, half["response_commitment"]),
    ):
        made = commitment(world.suite.digest, seed=message.seed, fields=message.fields)
        assert made == bound
    assert f'"{PERSON_ID}"' in {one.value for one in found.request.fields}
    assert {"body.name", "body.sex", "status"} == {one.name for one in found.response.fields}
    kept.close()


async def test_what_is_kept_is_the_content_of_the_half_that_is_recorded(tmp_path: Path) -> None:
    world = World("intl")
    kept = KeptCalls(tmp_path / "kept.sqlite", suite=world.suite, secret=bytes(32))
    half_entries = HalfEntries(chain_id=CHAIN_ID, kept=kept)
    world.gateway = world.new_gateway(half_entries=half_entries)
    signed, request = world.signed()
    half = half_of(signed.header.call_id)

    async def answered(name: str) -> HttpAnswer:
        call = await world.gateway.admit(request)
        assert isinstance(call, OpenCall)
        return await world.gateway.answer(call, json_answer({"name": name}))

    world.queue.is_full = True
    assert (await answered("first")).status == 503
    assert kept.find(half) is None
    world.queue.is_full = False
    assert (await answered("second")).status == 200
    recorded = kept.find(half)
    # As after a start with a clock that shows the same time again, and an empty spool.
    world.gateway = world.new_gateway(half_entries=half_entries)
    refused = await answered("third")
    assert (refused.status, code_of(refused)) == (409, "CALL_ID_REUSED")
    assert recorded is not None
    assert kept.find(half) == recorded
    assert "second" in str([one.value for one in recorded.response.fields])
    assert len(world.halves) == 1
    kept.close()


async def test_the_requester_keeps_the_same_messages_and_opens_the_shared_key(
    tmp_path: Path,
) -> None:
    world, queue = World("intl"), Queue()
    keys = keys_of(world)
    kept = KeptCalls(tmp_path / "kept.sqlite", suite=world.suite, secret=bytes(32))
    half_entries = HalfEntries(chain_id=CHAIN_ID, reasons=reasons_of(world, keys), kept=kept)
    caller = caller_of(world, queue, half_entries=half_entries)
    _, request = world.signed()
    started = await caller.start(INTENT, request)

    await caller.fail(started)

    call_id = started.signed.header.call_id
    found = kept.find(half_of(call_id, Side.REQUESTER))
    assert found is not None
    assert (found.request.seed, found.response.fields) == (started.signed.header.seed, ())
    assert keys.asked == [("open", PAIR, REQUESTER)]
    assert read_encrypted(queue.entries[0].calls[-1].private) is not None
    kept.close()


@pytest.mark.parametrize("suite_name", SUITES)
async def test_wrapping_keys_stand_in_one_file_a_month(tmp_path: Path, suite_name: str) -> None:
    suite = suite_named(suite_name)
    key = load_wrapping_key(suite, bytes(range(1, 33)))
    write_key_file(
        wrapping_key_file(tmp_path, PERIOD),
        key,
        suite=suite,
        purpose=KeyPurpose.WRAPPING,
        passphrase=PASSPHRASE,
        cost=DEVNET_COST,
    )
    files = WrappingKeyFiles(tmp_path, suite=suite, passphrase=PASSPHRASE)

    assert (await files.wrapping_key(PERIOD)).public_key == key.public_key
    with pytest.raises(ConfigurationError):
        await files.wrapping_key(PERIOD + 1)
    other = suite_named("intl" if suite_name == "sm" else "sm")
    with pytest.raises(ConfigurationError, match=f"a key of suite {other.name}"):
        await WrappingKeyFiles(tmp_path, suite=other, passphrase=PASSPHRASE).wrapping_key(PERIOD)
