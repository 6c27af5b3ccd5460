"""The published vectors of the exchange: made again byte for byte, and opened by the product."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chainnode.custodian.root_file import read_root
from chainnode.exchange import Half, Pair, decrypt_private, read_encrypted
from chainnode.exchange.private_parts import decode_wrapped_keys, key_check, wrap_purpose
from chainnode.gateway.token_cache import TokenCache
from chainnode.genesis import decode_genesis
from chainnode.identity.numbers import IdType
from chainnode.keys import Passphrase
from chainnode.secret_files import write_secret_file
from chainnode.submission import decode_submission
from chainnode.suites import SUITE_NAMES, suite_named
from chainnode.suites.wrapping import load_wrapping_key
from tests.vectors import make_exchange

pytestmark = pytest.mark.parametrize("suite", SUITE_NAMES)


def published(suite: str, name: str) -> dict[str, Any]:
    text = (make_exchange.FOLDER / suite / name).read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


@pytest.mark.parametrize("name", make_exchange.FILES)
def test_the_published_file_is_made_again_byte_for_byte(suite: str, name: str) -> None:
    text = (make_exchange.FOLDER / suite / name).read_text(encoding="utf-8")

    assert make_exchange.contents(suite, name) == text


def test_nothing_else_is_published(suite: str) -> None:
    found = {one.name for one in (make_exchange.FOLDER / suite).iterdir()}

    assert found == set(make_exchange.FILES)


def test_both_versions_of_genesis_are_read_as_they_were_written(suite: str) -> None:
    chain = published(suite, "chain.json")
    for name, rules in (("genesis", 2), ("genesis_of_rules_1", 1)):
        genesis = decode_genesis(bytes.fromhex(chain[name]))

        assert genesis.parameters.rules == rules
        assert genesis.encoded.hex() == chain[name]
        assert genesis.chain_id.hex() == chain[name.replace("genesis", "chain_id")]


def test_each_reader_opens_the_pair_key_and_each_half_opens_with_it(suite: str) -> None:
    parts = published(suite, "secrets.json")["private_parts"]
    chain_id = bytes.fromhex(published(suite, "chain.json")["chain_id"])
    lent = suite_named(suite)
    pair = Pair(requester=parts["requester"], provider=parts["provider"], period=parts["period"])
    wrapped = decode_wrapped_keys(bytes.fromhex(parts["share"]))

    opened = set()
    for row, reader in zip(wrapped, parts["readers"], strict=True):
        key = load_wrapping_key(lent, bytes.fromhex(reader["secret"]))
        purpose = wrap_purpose(
            chain_id=chain_id,
            pair=pair,
            organisation=row.organisation,
            public_key=key.public_key,
        )
        assert (row.organisation, purpose.hex()) == (reader["organisation"], reader["purpose"])
        opened.add(key.unwrap(row.wrapped, purpose=purpose))

    assert opened == {bytes.fromhex(parts["pair_key"])}
    (pair_key,) = opened
    assert key_check(lent.digest, pair_key).hex() == parts["key_check"]
    private = _private_parts_of("matched", suite)
    for one in parts["encrypted"]:
        found = read_encrypted(private[one["side"]])
        assert found is not None
        half = Half(
            chain_id=chain_id,
            requester=pair.requester,
            provider=pair.provider,
            call_id=bytes.fromhex(one["call_id"]),
            side=one["side"],
        )
        assert decrypt_private(lent, found, pair_key=pair_key, half=half).hex() == one["clear"]


def test_the_custodians_file_opens_with_its_pass_phrase(suite: str, tmp_path: Path) -> None:
    told = published(suite, "secrets.json")["secret_file"]
    path = tmp_path / "root.json"
    write_secret_file(path, json.dumps(told["file"]).encode())
    passphrase = Passphrase(told["passphrase"].encode())

    secret = read_root(path, suite=suite_named(suite), passphrase=passphrase)

    assert secret.hex() == told["secret"]


def test_a_gateway_finds_the_cached_token_in_its_slot(suite: str, tmp_path: Path) -> None:
    told = published(suite, "secrets.json")["token_cache"]
    chain_id = bytes.fromhex(published(suite, "chain.json")["chain_id"])
    key = make_exchange.script_of(suite).chain.keys[told["key"]]
    scope = (chain_id, told["department"])

    def cache() -> TokenCache:
        return TokenCache(tmp_path / "tokens", key=key, suite=suite_named(suite), scope=scope)

    cache().close()
    with closing(sqlite3.connect(tmp_path / "tokens")) as database, database:
        row = (bytes.fromhex(told["slot"]), told["epoch"], bytes.fromhex(told["sealed"]))
        database.execute("INSERT INTO tokens (slot, epoch, sealed) VALUES (?, ?, ?)", row)
    opened = cache()
    found = opened.find(IdType(told["id_type"]), told["id"], epoch=told["epoch"])

    assert found is not None
    assert found.hex() == told["token"]
    opened.close()


def _private_parts_of(name: str, suite: str) -> list[bytes]:
    """Return the private parts of the requester's and the provider's half."""
    parameters = decode_genesis(bytes.fromhex(published(suite, "chain.json")["genesis"])).parameters
    encoded = {
        one["what"]: bytes.fromhex(one["encoded"])
        for block in published(suite, "chain.json")["blocks"]
        for one in block["submissions"]
    }
    halves = (
        decode_submission(suite_named(suite), encoded[f"{name}: {side}"], parameters)
        for side in ("requester", "provider")
    )
    return [one.calls[-1].private for one in halves]
