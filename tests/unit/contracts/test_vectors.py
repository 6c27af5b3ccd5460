"""The published vectors: what they say is what the contracts do, and nobody edited them."""

import json
from typing import Any

import pytest

from chainnode.execution.crypto import SuiteCrypto
from chainnode.suites import suite_named
from contracts.index_rule import index_keys
from contracts.schemas.codes import Rejection
from contracts.schemas.identifiers import InvalidIdentifier, parse_identifier
from contracts.schemas.shape import Schema
from tests.unit.contracts.builders import ACTIONS, EXCHANGE, REQUESTER, Caller, MemoryState
from tests.vectors.make_contracts import FILES_MADE, FOLDER, contents

# The oldest part of an action: that of rules 1.
TYPES = {name: part_type for part_type, name in reversed(ACTIONS.items())}


@pytest.mark.parametrize("name", FILES_MADE)
def test_vectors_are_what_the_script_makes(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == contents(name)


def test_identifiers_are_judged_as_published() -> None:
    published = json.loads((FOLDER / "identifiers.json").read_text(encoding="utf-8"))
    for text, *parts in published["valid"]:
        read = parse_identifier(text)
        assert [read.type_code, read.issuer, read.serial, read.version] == parts
    for text, *fault in published["invalid"]:
        with pytest.raises(InvalidIdentifier) as error:
            parse_identifier(text)
        assert [error.value.fault, error.value.expected, error.value.actual] == fault


def test_parts_are_judged_as_published() -> None:
    published = json.loads((FOLDER / "parts.json").read_text(encoding="utf-8"))
    for row in published["accepted"]:
        part = Schema(TYPES[row["contract"], row["action"]]).decode(bytes.fromhex(row["public"]))
        for suite, expected in row["index_keys"].items():
            keys = index_keys(suite_named(suite).digest, part, REQUESTER)
            assert [key.hex() for key in keys] == expected
    for name, action, public, code, details in published["refused"]:
        with pytest.raises(Rejection) as refusal:
            Caller().raw(name, action, bytes.fromhex(public))
        assert [refusal.value.code, list(refusal.value.details)] == [code, details]


def story() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((FOLDER / "exchange.json").read_text(encoding="utf-8"))
    return read


@pytest.mark.parametrize("suite", ["sm", "intl"])
def test_the_story_of_an_exchange_goes_as_published(suite: str) -> None:
    published = story()
    crypto = SuiteCrypto(suite_named(suite))
    state = MemoryState(rows=dict(map(as_bytes, published["before"])))
    for step in published["steps"]:
        caller = Caller(
            state=state, organisation=step["organisation"], now_ms=step["now_ms"], crypto=crypto
        )
        call = (step["contract"], step["action"])
        parts = (bytes.fromhex(step["public"]), bytes.fromhex(step["private"]))
        if step["code"]:
            with pytest.raises(Rejection) as refusal:
                caller.raw(*call, *parts)
            told = [refusal.value.code, list(refusal.value.details)]
            assert told == [step["code"], step["details"]]
        else:
            accepted = caller.raw(*call, *parts)
            assert accepted.outcome == step["outcome"]
            assert [key.hex() for key in accepted.index_keys] == step["index_keys"][suite]
    assert state.rows == dict(map(as_bytes, published["after"]))


def as_bytes(row: list[str]) -> tuple[bytes, bytes]:
    return bytes.fromhex(row[0]), bytes.fromhex(row[1])


def test_the_story_has_every_action_accepted_and_refused() -> None:
    seen = {(one["contract"], one["action"], bool(one["code"])) for one in story()["steps"]}
    actions = {name for name in ACTIONS.values() if name[0] in EXCHANGE}
    assert {(*name, False) for name in actions} <= seen
    assert {(*name, True) for name in actions} <= seen
