"""Codes, tables, index keys, nonces and the registry: data that must stay as it is."""

import re
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path
from typing import TypeVar

import pytest

from chainnode.codec import encode
from chainnode.ledger.types import DETAILS_MAX
from chainnode.submission import PUBLIC_BYTES_MAX
from contracts.index_rule import index_keys
from contracts.registry import CONTRACTS, contract, contract_named
from contracts.schemas import catalog_states, dispute_states, grant_states, match_states
from contracts.schemas.access_1 import HALVES, HalfRow
from contracts.schemas.certificate_states import STATE_WORDS, TRANSITIONS, CertificateState
from contracts.schemas.codes import MEANINGS, Code, Rejection, digest_of_words, digest_words
from contracts.schemas.index_kinds import IndexKind, index_key
from contracts.schemas.members import KEYS, KeyRow
from contracts.schemas.nonces import WINDOWS, NonceWindow
from contracts.schemas.shape import PublicPart, encode_part
from contracts.schemas.state import InvalidRow
from contracts.schemas.versions import version_of
from tests.unit.contracts.builders import (
    ACCESS_RECORD,
    ADD_KEY,
    CRYPTO,
    DISPUTE_PARTS,
    END_KEY,
    EXCHANGE_PARTS,
    IMPORT,
    ISSUE,
    PARTS,
    PROVIDER,
    QUESTION,
    REQUESTER,
    REVOKE,
    Caller,
    changed,
    identifier,
)

StateT = TypeVar("StateT", bound=IntEnum)
DOCUMENT = (Path(__file__).parents[3] / "docs" / "contracts.md").read_text(encoding="utf-8")


def test_every_code_has_a_meaning_and_details_fit_a_receipt() -> None:
    assert set(MEANINGS) == set(Code)
    assert all(len(one.details) <= DETAILS_MAX for one in MEANINGS.values())


def test_document_lists_every_code_with_its_details() -> None:
    row = re.compile(r"^\| (\d+) \| `([A-Z_]+)` \| (.*?) \| (.*?) \|$", re.MULTILINE)
    documented = row.findall(DOCUMENT)
    expected = [
        (str(int(code)), code.name, meaning.sentence, ", ".join(meaning.details) or "–")
        for code, meaning in MEANINGS.items()
    ]
    assert documented == expected


def test_document_draws_the_states_of_certificates_from_the_table() -> None:
    def cell(state: CertificateState | None) -> str:
        return "–" if state is None else f"{int(state)} {STATE_WORDS[state]}"

    row = re.compile(r"^\| `(issue|import|revoke)` \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)
    assert row.findall(DOCUMENT) == [
        (one.action, cell(one.before), cell(one.after)) for one in TRANSITIONS
    ]


def state_cell(state: StateT | None, words: Mapping[StateT, str]) -> str:
    return "–" if state is None else f"{int(state)} {words[state]}"


def test_document_draws_the_states_of_items_from_the_table() -> None:
    row = re.compile(r"^\| `(publish|withdraw)` \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)
    assert row.findall(DOCUMENT) == [
        (
            one.action,
            state_cell(one.before, catalog_states.ITEM_STATE_WORDS),
            state_cell(one.after, catalog_states.ITEM_STATE_WORDS),
        )
        for one in catalog_states.TRANSITIONS
    ]


def test_document_draws_the_states_of_grants_from_the_table() -> None:
    words = grant_states.STATE_WORDS
    actions = "|".join(sorted({one.action for one in grant_states.TRANSITIONS}))
    row = re.compile(rf"^\| `({actions})` \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", re.MULTILINE)
    assert row.findall(DOCUMENT) == [
        (
            one.action,
            one.answer.value if one.answer else "–",
            state_cell(one.before, words),
            state_cell(one.after, words),
            ", ".join(party.value for party in one.parties),
        )
        for one in grant_states.TRANSITIONS
    ]


def test_document_draws_the_states_of_disputes_from_the_table() -> None:
    words = dispute_states.STATE_WORDS
    actions = "|".join(one.action for one in dispute_states.TRANSITIONS)
    section = DOCUMENT[DOCUMENT.index("## `disputes`") :]
    row = re.compile(rf"^\| `({actions})` \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)
    assert row.findall(section) == [
        (
            one.action,
            state_cell(one.before, words),
            state_cell(one.after, words),
            one.party.value,
        )
        for one in dispute_states.TRANSITIONS
    ]
    arrow = re.compile(r"^    (\[\*\]|\d) --> (\d): (.*)$", re.MULTILINE)
    assert arrow.findall(section) == [
        (str(int(one.before)) if one.before else "[*]", str(int(one.after)), one.action)
        for one in dispute_states.TRANSITIONS
    ]


def test_document_draws_the_states_of_two_halves_from_the_table() -> None:
    words, events = match_states.MATCH_WORDS, [one.value for one in match_states.MatchEvent]
    row = re.compile(rf"^\| ({'|'.join(events)}) \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)
    assert row.findall(DOCUMENT) == [
        (one.event.value, state_cell(one.before, words), state_cell(one.after, words))
        for one in match_states.TRANSITIONS
    ]
    arrow = re.compile(rf"^    (\[\*\]|\d) --> (\d): ({'|'.join(events)})$", re.MULTILINE)
    assert arrow.findall(DOCUMENT) == [
        (
            "[*]" if one.before is None else str(int(one.before)),
            str(int(one.after)),
            one.event.value,
        )
        for one in match_states.TRANSITIONS
    ]


def test_the_diagram_of_grants_has_every_transition_and_no_other() -> None:
    arrow = re.compile(r"^    (\[\*\]|\d) --> (\d): (.*)$", re.MULTILINE)
    section = DOCUMENT[DOCUMENT.index("## `grants`") : DOCUMENT.index("## `pseudonyms`")]
    assert arrow.findall(section) == [
        (
            str(int(one.before)) if one.before else "[*]",
            str(int(one.after)),
            f"{one.action} ({one.answer.value})" if one.answer else one.action,
        )
        for one in grant_states.TRANSITIONS
    ]


def test_digest_survives_its_way_through_details() -> None:
    digest = bytes(range(224, 256))
    words = digest_words(digest)
    assert max(words) < 2**32
    assert digest_of_words(words) == digest


def test_state_keys_and_rows_are_canonical_bytes_of_the_one_encoding() -> None:
    key = HALVES.key(REQUESTER, PROVIDER, b"c" * 16, 1)
    assert key == encode(("access", "half", REQUESTER, PROVIDER, b"c" * 16, 1))
    assert HALVES.encode(HalfRow(b"D" * 32, 300)) == encode((b"D" * 32, 300))
    row = KeyRow(b"k" * 33, REQUESTER, (1, 3), 2**53 - 1, 0)
    assert KEYS.encode(row) == encode((b"k" * 33, REQUESTER, (1, 3), 2**53 - 1, 0))


@pytest.mark.parametrize(
    "value", [b"", b"\x90", b"\x91\x00", b"\x92\xc4\x00\xcc\x05", b"\x92\xc4\x00\x05\x00"]
)
def test_bytes_that_are_no_row_are_refused(value: bytes) -> None:
    with pytest.raises(InvalidRow, match="access/half"):
        HALVES.decode(value)


@pytest.mark.parametrize(
    "part", [*PARTS, *EXCHANGE_PARTS, *DISPUTE_PARTS], ids=lambda part: type(part).__name__
)
def test_parts_are_canonical_bytes_of_the_one_encoding(part: PublicPart) -> None:
    plain = tuple(getattr(part, name) for name in part.__struct_fields__)
    assert encode_part(part) == encode(plain)


def test_largest_legal_parts_fit_a_submission() -> None:
    record = changed(
        ACCESS_RECORD,
        requester="A" * 32,
        provider="B" * 32,
        item="𠮷" * 60,
        grant="𠮷" * 60,
        subjects=tuple(bytes((i,)) * 32 for i in range(4)),
        other_token=bytes(512),
        response_commitment=bytes(32),
    )
    values = tuple(bytes((number,)) * 240 for number in range(16))
    question = changed(QUESTION, kind=4, values=values, from_ms=2**53 - 2, to_ms=2**53 - 1)
    assert max(len(encode_part(record)), len(encode_part(question))) <= PUBLIC_BYTES_MAX
    Caller(organisation="A" * 32).send(record)
    Caller().send(question)


def test_index_key_is_kind_and_value_and_long_values_are_digests() -> None:
    assert index_key(CRYPTO.digest, IndexKind.ITEM, "x" * 63) == b"\x04" + b"x" * 63
    assert index_key(CRYPTO.digest, IndexKind.ITEM, "x" * 64) == b"\x04" + CRYPTO.digest(b"x" * 64)
    assert index_key(CRYPTO.digest, IndexKind.GRANT, "授权") == b"\x05" + "授权".encode()


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            ACCESS_RECORD,
            (
                b"\x01" + b"a" * 32,
                b"\x01" + b"b" * 32,
                b"\x02" + REQUESTER.encode(),
                b"\x03" + PROVIDER.encode(),
                b"\x04430000/population",
                b"\x05G-1",
            ),
        ),
        *(
            (part, (b"\x03SENDER", b"\x06" + CRYPTO.digest(name.encode())))
            for part, name in (
                (ISSUE, identifier()),
                (REVOKE, identifier()),
                (IMPORT, identifier(1)),
            )
        ),
        (QUESTION, (b"\x01" + b"a" * 32, b"\x02SENDER")),
        (ADD_KEY, (b"\x03SENDER",)),
        (END_KEY, (b"\x03SENDER",)),
    ],
    ids=lambda part: type(part).__name__,
)
def test_index_rules_version_1(part: PublicPart, expected: tuple[bytes, ...]) -> None:
    assert index_keys(CRYPTO.digest, part, "SENDER") == expected


def test_part_without_a_rule_is_our_own_fault() -> None:
    with pytest.raises(TypeError, match="no index rule"):
        index_keys(CRYPTO.digest, PublicPart(b"s" * 16), "SENDER")


def test_registry_knows_rules_name_and_version() -> None:
    assert sorted(CONTRACTS) == [1, 2, 3]
    assert sorted(CONTRACTS[1]) == [
        ("access", 1),
        ("audit", 1),
        ("certificates", 1),
        ("members", 1),
    ]
    assert sorted(name for name, _ in CONTRACTS[2]) == [
        "access",
        "audit",
        "catalog",
        "certificates",
        "content",
        "grants",
        "members",
        "pseudonyms",
    ]
    assert sorted(set(CONTRACTS[3]) - set(CONTRACTS[2])) == [
        ("access", 3),
        ("audit", 2),
        ("disputes", 1),
    ]
    assert contract(1, "access", 2) is None
    assert contract(2, "disputes", 1) is None
    assert contract(3, "audit", 1) is None
    assert contract(1, "grants", 1) is None
    assert contract(1, "nonces", 1) is None
    for table in CONTRACTS.values():
        assert all((one.name, one.version) == key for key, one in table.items())


def test_who_sends_calls_knows_the_version_that_the_rules_of_a_chain_have() -> None:
    for rules, table in CONTRACTS.items():
        for name, version in table:
            assert version_of(rules, name) == version
            assert contract_named(rules, name).version == version
    assert contract(2, "access", 1) is None


def test_unknown_action_is_refused() -> None:
    with pytest.raises(Rejection) as refusal:
        Caller().raw("access", "recorD", encode_part(ACCESS_RECORD))
    assert refusal.value.code == Code.UNKNOWN_ACTION


def test_next_nonce_follows_the_highest_used_one() -> None:
    assert NonceWindow().next_nonce == 0
    assert NonceWindow(0, b"\x01" + bytes(511)).next_nonce == 1
    assert NonceWindow(100, bytes(511) + b"\x80").next_nonce == 100 + 4096
    assert WINDOWS.decode(WINDOWS.encode(NonceWindow(7))) == NonceWindow(7)
