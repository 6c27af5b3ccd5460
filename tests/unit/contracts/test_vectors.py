"""The published vectors: what they say is what the contracts do, and nobody edited them."""

import json

import pytest

from chainnode.suites import suite_named
from contracts.index_rule import index_keys
from contracts.schemas.codes import Rejection
from contracts.schemas.identifiers import InvalidIdentifier, parse_identifier
from contracts.schemas.shape import Schema
from tests.unit.contracts.builders import ACTIONS, REQUESTER, Caller
from tests.vectors.make_contracts import FILES_MADE, FOLDER, contents

TYPES = {name: part_type for part_type, name in ACTIONS.items()}


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
