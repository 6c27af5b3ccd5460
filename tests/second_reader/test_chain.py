"""The published chains of rules 2 and 3, computed again by the second implementation."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from gmssl import func, sm3

from tests.second_reader.chain import Chain, submission_of
from tests.second_reader.cryptography_of import Reader
from tests.second_reader.encoding import tagged

FOLDER = Path(__file__).parents[1] / "vectors"
SUITES = ("sm", "intl")
EXCHANGE, DISPUTES = "exchange", "disputes"
BLOCKS = {EXCHANGE: 8, DISPUTES: 9}
every_story = pytest.mark.parametrize("story", BLOCKS)
pytestmark = pytest.mark.parametrize("suite", SUITES)


@cache
def published(suite: str, name: str, story: str = EXCHANGE) -> dict[str, Any]:
    text = (FOLDER / story / suite / name).read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


@cache
def replayed(suite: str, story: str = EXCHANGE) -> Chain:
    """Return the chain of the vectors, executed again from genesis and submissions."""
    told = published(suite, "chain.json", story)
    chain = Chain(Reader(suite=suite), bytes.fromhex(told["genesis"]))
    for block in told["blocks"][1:]:
        chain.execute(
            block["time_ms"],
            [bytes.fromhex(one["encoded"]) for one in block["submissions"]],
            [bytes.fromhex(one) for one in block["receipts"]],
        )
    return chain


def submissions(suite: str, story: str = EXCHANGE) -> list[dict[str, Any]]:
    blocks = published(suite, "chain.json", story)["blocks"]
    return [one for block in blocks for one in block["submissions"]]


def test_the_chain_id_is_the_digest_of_genesis(suite: str) -> None:
    told = published(suite, "chain.json")
    h = Reader(suite=suite).h

    assert h(bytes.fromhex(told["genesis"])).hex() == told["chain_id"]
    assert h(bytes.fromhex(told["genesis_of_rules_1"])).hex() == told["chain_id_of_rules_1"]


def test_the_two_versions_of_genesis_differ_in_two_parameters_alone(suite: str) -> None:
    told = published(suite, "chain.json")
    first = tagged(bytes.fromhex(told["genesis_of_rules_1"]), "kun.genesis", 8)
    second = tagged(bytes.fromhex(told["genesis"]), "kun.genesis", 8, version=2)

    assert first[2:5] + first[6:] == second[2:5] + second[6:]
    more = [one for one in second[5] if one not in first[5]]
    assert more == [["match_deadline_ms", 20_000], ["rules", 2]]
    assert second[5] == sorted([*first[5], *more])


def test_genesis_of_rules_3_has_a_parameter_more(suite: str) -> None:
    told = published(suite, "chain.json", DISPUTES)
    genesis = bytes.fromhex(told["genesis"])
    second = tagged(
        bytes.fromhex(published(suite, "chain.json")["genesis"]), "kun.genesis", 8, version=2
    )
    third = tagged(genesis, "kun.genesis", 8, version=3)

    assert Reader(suite=suite).h(genesis).hex() == told["chain_id"]
    more = [one for one in third[5] if one not in second[5]]
    assert more == [["dispute_deadline_ms", 5_000], ["rules", 3]]
    assert {name for name, _ in third[5]} - {name for name, _ in second[5]} == {
        "dispute_deadline_ms"
    }


@every_story
def test_key_ids_follow_from_public_keys(suite: str, story: str) -> None:
    reader = Reader(suite=suite)
    for key in published(suite, "chain.json", story)["keys"]:
        assert reader.key_id(bytes.fromhex(key["public_key"])).hex() == key["key_id"]


@every_story
def test_submissions_have_their_digests_and_good_signatures(suite: str, story: str) -> None:
    reader = Reader(suite=suite)
    for told in submissions(suite, story):
        read = submission_of(reader, bytes.fromhex(told["encoded"]))

        assert read.digest.hex() == told["digest"]
        assert [one.hex() for one in read.body_digests] == told["body_digests"]
        assert reader.is_signature(read.public_key, read.signature, read.header)


@every_story
def test_every_block_is_looked_at(suite: str, story: str) -> None:
    assert len(published(suite, "chain.json", story)["blocks"]) == BLOCKS[story]


@pytest.mark.parametrize(
    ("story", "height"),
    [(story, height) for story, blocks in BLOCKS.items() for height in range(blocks)],
)
def test_a_block_leaves_what_was_published(suite: str, story: str, height: int) -> None:
    told = published(suite, "chain.json", story)["blocks"][height]
    block = replayed(suite, story).blocks[height]

    assert [[action, public.hex()] for action, public in block.own] == told["own"]
    assert [one.hex() for one in block.entries] == told["entries"]
    assert [one.hex() for one in block.receipts] == told["receipts"]
    assert block.head.hex() == told["head"]
    assert [one.hex() for one in block.rest] == told["rest"]
    assert block.digest.hex() == told["header_digest"]


@every_story
def test_the_rows_of_the_state_are_those_that_were_published(suite: str, story: str) -> None:
    rows: dict[str, str] = {}
    for block in published(suite, "chain.json", story)["blocks"]:
        for key, value in block["state"]:
            if value is None:
                del rows[key]
            else:
                rows[key] = value

    found = replayed(suite, story).town.state.rows
    assert {key.hex(): value.hex() for key, value in found.items()} == rows


def test_the_story_has_every_action_and_every_own_record_of_rules_2(suite: str) -> None:
    reader = Reader(suite=suite)
    read = [submission_of(reader, bytes.fromhex(one["encoded"])) for one in submissions(suite)]
    actions = {(one.contract, call[0]) for one in read for call in one.calls}
    own = {
        action for block in published(suite, "chain.json")["blocks"] for action, _ in block["own"]
    }

    assert own == {"unmatched", "matched", "mismatched"}
    grants = {"apply", "review", "confirm", "suspend", "resume", "revoke"}
    assert actions >= {
        *(("catalog", one) for one in ("publish", "withdraw")),
        *(("grants", one) for one in grants),
        *(("pseudonyms", one) for one in ("open_epoch", "usage")),
        *(("content", one) for one in ("publish_key", "share")),
        *(("access", one) for one in ("record", "people", "seal", "sealed", "unseal")),
    }


@pytest.mark.parametrize("content", [b"", b"abc", bytes(200)], ids=len)
def test_digests_by_another_library_are_the_same(suite: str, content: bytes) -> None:
    if suite == "sm":
        assert sm3.sm3_hash(func.bytes_to_list(content)) == Reader(suite=suite).h(content).hex()
    else:
        digest = Hash(SHA256())
        digest.update(content)
        assert digest.finalize() == Reader(suite=suite).h(content)
