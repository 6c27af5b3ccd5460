"""What rules 3 add, by the second implementation: the story is whole, and its texts open."""

import pytest

from tests.second_reader.chain import submission_of
from tests.second_reader.cryptography_of import Reader
from tests.second_reader.encoding import dec, enc, tagged
from tests.second_reader.test_chain import DISPUTES, SUITES, published, submissions

pytestmark = pytest.mark.parametrize("suite", SUITES)
# Where the public part of an action has its commitment, after the salt.
COMMITMENTS = {"object": -1, "correct": 2, "refuse": 2}


def test_the_story_has_every_action_outcome_and_own_record_of_disputes(suite: str) -> None:
    reader = Reader(suite=suite)
    told = submissions(suite, DISPUTES)
    read = [submission_of(reader, bytes.fromhex(one["encoded"])) for one in told]
    blocks = published(suite, "chain.json", DISPUTES)["blocks"]
    entries = [dec(bytes.fromhex(one)) for block in blocks for one in block["entries"]]

    actions = {call[0] for one in read if one.contract == "disputes" for call in one.calls}
    assert actions == {"object", "forward", "extend", "correct", "refuse", "withdraw"}
    outcomes = {one[10] for one in entries if one[8] == "disputes"}
    assert outcomes == {1, 2, 3, 4, 5, 6, 12, 13, 64}
    assert {action for block in blocks for action, _ in block["own"]} == {"overdue", "unmatched"}
    assert {one[10] % 8 for one in entries if one[8:10] == ["audit", 2]} == {1}
    assert {key[0] for one in entries for key in one[11]} == {1, 2, 3, 4, 6, 7, 8, 9, 10, 11}


def test_the_story_has_every_refusal_of_disputes(suite: str) -> None:
    blocks = published(suite, "chain.json", DISPUTES)["blocks"]
    codes = {
        call[0]
        for block in blocks
        for one in block["receipts"]
        for call in tagged(bytes.fromhex(one), "kun.receipt", 6)[5]
    }
    assert codes >= set(range(180, 195))


def test_every_ground_and_target_is_objected_to(suite: str) -> None:
    reader = Reader(suite=suite)
    read = [
        submission_of(reader, bytes.fromhex(one["encoded"]))
        for one in submissions(suite, DISPUTES)
        if one["what"].partition(": ")[2].startswith("object")
    ]
    said = [dec(one.calls[0][1])[2:4] for one in read]
    assert {ground for ground, _ in said} == {1, 2, 3, 4, 5}
    assert {target for _, target in said} == {1, 2, 3}


def test_texts_open_and_are_what_was_committed_to(suite: str) -> None:
    reader = Reader(suite=suite)
    chain_id = bytes.fromhex(published(suite, "chain.json", DISPUTES)["chain_id"])
    calls = {
        one["what"]: submission_of(reader, bytes.fromhex(one["encoded"])).calls[0]
        for one in submissions(suite, DISPUTES)
    }
    texts = published(suite, "texts.json", DISPUTES)["texts"]
    for one in texts:
        action, public, private = calls[one["what"]]
        wire = tagged(private, "kun.enc", 5)
        pair = [one["filer"], one["responsible"]]
        bound = enc(["kun.enc", 1, chain_id, *pair, bytes.fromhex(one["dispute_id"]), 2])
        key = bytes.fromhex(one["pair_key"])
        clear = reader.opened(key=key, nonce=wire[3], ciphertext=wire[4], associated=bound)
        assert (wire[2], clear.hex()) == (one["period"], one["clear"])
        salt, text = dec(clear)
        field = enc(["kun.field", 1, salt, "text", text])
        _, *part = dec(public)
        place = COMMITMENTS.get(action)
        committed = reader.h(b"\x00" + field) if place is not None else b""
        assert (part[place] if place is not None else b"") == committed
        assert committed.hex() == one["commitment"]
    assert {calls[one["what"]][0] for one in texts} == {"object", "correct", "refuse", "extend"}
