"""The published vectors of rules 3: made again byte for byte, and opened by the product."""

import json
from typing import Any

import pytest

from chainnode.client.dispute_calls import DisputeKey, read_written
from chainnode.exchange.private_parts import read_encrypted
from chainnode.genesis import decode_genesis
from chainnode.submission import decode_submission
from chainnode.suites import SUITE_NAMES, suite_named
from contracts.schemas.disputes import decode_private
from tests.vectors import make_disputes

pytestmark = pytest.mark.parametrize("suite", SUITE_NAMES)


def published(suite: str, name: str) -> dict[str, Any]:
    text = (make_disputes.FOLDER / suite / name).read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


@pytest.mark.parametrize("name", make_disputes.FILES)
def test_the_published_file_is_made_again_byte_for_byte(suite: str, name: str) -> None:
    text = (make_disputes.FOLDER / suite / name).read_text(encoding="utf-8")
    assert make_disputes.contents(suite, name) == text


def test_nothing_else_is_published(suite: str) -> None:
    found = {one.name for one in (make_disputes.FOLDER / suite).iterdir()}
    assert found == set(make_disputes.FILES)


def test_genesis_of_version_3_is_read_as_it_was_written(suite: str) -> None:
    chain = published(suite, "chain.json")
    genesis = decode_genesis(bytes.fromhex(chain["genesis"]))
    assert (genesis.parameters.rules, genesis.parameters.dispute_deadline_ms) == (3, 5_000)
    assert (genesis.encoded.hex(), genesis.chain_id.hex()) == (chain["genesis"], chain["chain_id"])


def test_texts_are_opened_with_their_keys(suite: str) -> None:
    chain = published(suite, "chain.json")
    parameters = decode_genesis(bytes.fromhex(chain["genesis"])).parameters
    sent = {
        one["what"]: decode_submission(
            suite_named(suite), bytes.fromhex(one["encoded"]), parameters
        )
        for block in chain["blocks"]
        for one in block["submissions"]
    }
    texts = published(suite, "texts.json")["texts"]
    for one in texts:
        found = read_encrypted(sent[one["what"]].calls[0].private)
        clear = decode_private(bytes.fromhex(one["clear"]))
        assert found is not None
        assert clear is not None
        key = DisputeKey(
            chain_id=bytes.fromhex(chain["chain_id"]),
            filer=one["filer"],
            responsible=one["responsible"],
            dispute_id=bytes.fromhex(one["dispute_id"]),
            period=one["period"],
            pair_key=bytes.fromhex(one["pair_key"]),
        )
        commitment = bytes.fromhex(one["commitment"])
        assert read_written(suite_named(suite), found, key, commitment=commitment) == clear.text
    assert len(texts) >= 5
