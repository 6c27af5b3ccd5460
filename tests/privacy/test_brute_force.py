"""All numbers of a district are tried: publicly salted hashes give everybody away, tokens nobody.

The third run shows what the custodian's root is worth: with it the same thief has everybody.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import plyvel
import pytest

from chainnode.client import AccessCall, AccessReason, access_record
from chainnode.codec import encode
from chainnode.custodian.tokens import RootSecret
from chainnode.gateway.pseudonyms import CustodianAccess, Pseudonyms
from chainnode.gateway.spool.entries import SpoolEntry
from chainnode.gateway.spool.spool import Spool
from chainnode.identity.numbers import IdType
from chainnode.submission import Call
from contracts.schemas.access import Side
from tests.builders_custodian import (
    CHAIN_ID,
    DATA,
    HOUSING,
    POLICE,
    ROOT,
    DirectTransport,
    World,
    app_of,
)
from tests.privacy.brute_force import attempts_with, loot, population, recovered

PEOPLE = 200
FIRST_BIRTH = date(1990, 1, 1)
PUBLIC_SALT = b"a public salt 16"


def half(subject: bytes, number: int, requested_ms: int) -> Call:
    """A provider's half of one call."""
    return access_record(
        AccessCall(
            call_id=number.to_bytes(16),
            side=Side.PROVIDER,
            requester=HOUSING,
            provider=POLICE,
            item="population.basic",
            trace_id=number.to_bytes(16),
            subjects=(subject,),
            requested_ms=requested_ms,
            answered_ms=requested_ms + 5,
        ),
        AccessReason(purpose_code="housing", reason_text="核验", case_number=f"CASE-{number}"),
    )


def write_ledger(folder: Path, calls: list[Call]) -> None:
    """Keep bodies and index keys as a node does: each token is also a key of its own."""
    store = plyvel.DB(str(folder / "ledger"), create_if_missing=True)
    for number, one in enumerate(calls):
        store.put(b"body%08d" % number, encode((one.action, one.public, one.private)))
    store.close()


async def write_spool(folder: Path, calls: list[Call]) -> None:
    """Leave what a gateway could not deliver yet."""
    spool = Spool.open(folder / "spool", chain_id=CHAIN_ID)
    for number, one in enumerate(calls):
        await spool.put(
            SpoolEntry(
                requester=HOUSING,
                provider=POLICE,
                call_id=number.to_bytes(16),
                side=Side.PROVIDER,
                calls=(one,),
                made_ms=1,
            )
        )
    await spool.close()


async def everything_of_ours(folder: Path, people: list[str]) -> World:
    """Tokenise people through gateway and custodian, and leave every file behind."""
    world = World(folder, suite="intl")
    with ThreadPoolExecutor(max_workers=1) as threads:
        access = CustodianAccess(
            url="http://127.0.0.1:7800",
            chain_id=CHAIN_ID,
            custodian=DATA,
            organisation=POLICE,
            department=POLICE,
            suite=world.suite,
            key=world.police,
        )
        transport = DirectTransport(app_of(world, threads))
        cache = access.open_cache(folder / "cache.sqlite")
        subjects = Pseudonyms(access, transport=transport, cache=cache, now_ms=world.times.now_ms)
        tokens = await subjects.tokens("111", people)
        await subjects.close()
    calls = [half(token, number, world.times.ms) for number, token in enumerate(tokens)]
    write_ledger(folder, calls)
    await write_spool(folder, calls[:20])
    lines = [json.dumps({"event": "called", "subject": one.hex()}) for one in tokens]
    (folder / "node.log").write_text("\n".join(lines))
    world.counters.close()
    return world


def public_keys_of(world: World) -> list[bytes]:
    """Everything fixed that a thief can hold for a key; the chain id stands first."""
    checks = [one.key_check for one in world.ledger.epochs.values()]
    publics = [world.police.public_key, world.housing.public_key, world.auditor.public_key]
    return [CHAIN_ID, b"", *checks, *publics, POLICE.encode(), PUBLIC_SALT]


async def attack(tmp_path: Path, *, candidates: int) -> None:
    numbers = list(population(candidates, first_birth=FIRST_BIRTH))
    people = numbers[7 :: candidates // PEOPLE][:PEOPLE]
    world = await everything_of_ours(tmp_path, people)
    suite = world.suite

    control = tmp_path.parent / f"{tmp_path.name}-control"
    control.mkdir()
    write_ledger(
        control,
        [
            half(suite.digest(PUBLIC_SALT + one.encode()), number, 1)
            for number, one in enumerate(people)
        ],
    )
    public = attempts_with(public_keys_of(world), suite=suite, department=POLICE)
    assert recovered(numbers, loot([control]), public) == set(people)

    ours = loot([tmp_path])
    assert recovered(numbers, ours, public) == set()

    with_root = RootSecret(ROOT, suite=suite, chain_id=CHAIN_ID).epoch_key(POLICE, 1)
    thief = [lambda one: with_root.tokens(IdType.CITIZEN, [one])[0]]
    assert recovered(numbers, ours, thief) == set(people)


async def test_the_thief_of_all_files_recovers_nobody(tmp_path: Path) -> None:
    await attack(tmp_path, candidates=2_000)


@pytest.mark.slow
async def test_the_thief_recovers_nobody_of_a_whole_district(tmp_path: Path) -> None:
    await attack(tmp_path, candidates=100_000)
