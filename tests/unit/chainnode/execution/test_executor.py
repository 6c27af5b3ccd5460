"""Execution of decided batches: refusals as a whole, calls alone, receipts, entries, roots."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chainnode.batch import NULL_DECODED_BATCH
from chainnode.errors import InvariantBroken
from chainnode.execution import block_work, genesis_state
from chainnode.ledger.chain import Ledger
from chainnode.ledger.genesis_block import members_of
from chainnode.ledger.merkle import hash_leaf, merkle_root
from chainnode.submission import Call, body_digest, key_id
from contracts.schemas.access_1 import AccessRecord
from contracts.schemas.call_words import NAME
from contracts.schemas.codes import Code, digest_of_words
from contracts.schemas.members import KEYS, KeyRow
from contracts.schemas.nonces import WINDOWS
from contracts.sdk import Accepted, ActionTable, Context, Rejection, StateView
from contracts.sdk.actions import Handler
from tests.unit.chainnode.execution.chains import (
    CREATED_MS,
    Chain,
    call_codes,
    codes,
    entries,
    receipts,
)
from tests.unit.contracts.builders import (
    ACCESS_RECORD,
    ADD_KEY,
    END_KEY,
    ISSUE,
    NOW_MS,
    PURPOSE,
    QUESTION,
    REQUESTER,
    REVOKE,
    changed,
)

ROOT = Path(__file__).parents[4]


def record(number: int) -> AccessRecord:
    return changed(ACCESS_RECORD, call_id=bytes((number,)) * 16)


@pytest.mark.parametrize("suite", ["intl", "sm"])
def test_accepted_calls_become_entries_in_order(suite: str) -> None:
    chain = Chain(suite)
    submission = chain.submission(record(1), record(2))
    block = chain.execute(submission, chain.submission(QUESTION))
    assert [one.call_index for one in entries(block)] == [0, 1, 0]
    first = entries(block)[0]
    assert (first.height, first.time_ms) == (1, NOW_MS)
    assert (first.submission_digest, first.organisation) == (submission.digest, REQUESTER)
    assert first.key_id == key_id(chain.suite, chain.public_key())
    assert (first.contract, first.contract_version, first.outcome) == ("access", 1, 0)
    assert first.index_keys[0] == b"\x01" + b"a" * 32
    assert first.body_digest == submission.calls[0].body_digest(chain.suite)
    assert [one.contract for one in entries(block)] == ["access", "access", "audit"]


def test_body_digest_of_an_entry_binds_both_parts() -> None:
    chain = Chain()
    block = chain.execute(chain.submission(record(1)))
    h = chain.suite.digest
    public_digest = h(b"\x00" + chain.submission(record(1)).calls[0].public)
    assert entries(block)[0].body_digest == body_digest(
        chain.suite,
        action="record",
        public_digest=public_digest,
        private_digest=h(b"\x00" + PURPOSE),
    )


def test_header_commits_to_what_the_block_holds() -> None:
    chain = Chain()
    parent = chain.ledger.tip
    chain_entries: list[bytes] = []
    for number in (1, 2):
        block = chain.execute(chain.submission(record(number), record(number + 10)))
        chain_entries += block.entries
    h, head, rest = chain.suite.digest, block.header.head, block.header.rest
    assert (head.epoch, head.height, head.log_size, head.index_size) == (0, 2, 4, 0)
    assert rest.log_root == merkle_root(h, chain_entries)
    assert rest.records_root == merkle_root(h, block.entries)
    assert rest.receipts_root == merkle_root(h, block.receipts)
    assert rest.index_root == parent.rest.index_root
    assert rest.state_root == block.state.root == chain.ledger.state.tree.root
    assert rest.members_digest == rest.next_members_digest == parent.rest.members_digest
    assert block.log_nodes[0] == (0, 2, hash_leaf(h, block.entries[0]))


def test_header_names_parent_and_batch() -> None:
    chain = Chain()
    parent = chain.ledger.tip
    batch = chain.batch(chain.submission(record(1)))
    head = chain.execute_batch(batch).header.head
    assert head.parent_digest == parent.digest(chain.suite.digest)
    assert head.batch_digest == batch.digest
    assert head.chain_id == chain.genesis.chain_id


def test_execution_leaves_the_ledger_as_it_is() -> None:
    chain = Chain()
    before = dict(chain.ledger.state.values)
    batch = chain.batch(chain.submission(record(1)))
    first, second = chain.execute_batch(batch), chain.execute_batch(batch)
    assert chain.ledger.state.values == before
    assert first.header == second.header


def test_null_batch_makes_an_empty_block_that_keeps_time_and_state() -> None:
    chain = Chain()
    parent = chain.execute(chain.submission(record(1)))
    block = chain.execute_batch(NULL_DECODED_BATCH)
    assert (block.entries, block.receipts, dict(block.state.values.items())) == ((), (), {})
    assert block.header.head.time_ms == NOW_MS
    assert block.header.head.batch_digest == bytes(32)
    assert block.header.rest.state_root == parent.header.rest.state_root
    assert block.header.rest.log_root == parent.header.rest.log_root
    assert block.header.rest.receipts_root == chain.suite.digest(b"")


@pytest.mark.parametrize(("proposed", "time"), [(0, CREATED_MS), (NOW_MS, NOW_MS)])
def test_time_never_goes_back(proposed: int, time: int) -> None:
    chain = Chain()
    assert chain.execute(time_ms=proposed).header.head.time_ms == time


def test_submission_executes_until_its_last_millisecond() -> None:
    chain = Chain()
    late = chain.submission(record(1), valid_until_ms=NOW_MS - 1)
    in_time = chain.submission(record(2), valid_until_ms=NOW_MS)
    block = chain.execute(late, in_time)
    assert codes(block) == [Code.EXPIRED, Code.ACCEPTED]
    assert len(block.entries) == 1


def test_expiry_is_judged_by_the_time_of_the_block_not_of_the_batch() -> None:
    chain = Chain()
    chain.execute(time_ms=NOW_MS)
    block = chain.execute(chain.submission(record(1), valid_until_ms=NOW_MS - 1), time_ms=1)
    assert codes(block) == [Code.EXPIRED]


@pytest.mark.parametrize(("contract", "version"), [("access", 2), ("nonces", 1), ("", 1)])
def test_unknown_contract_is_refused_as_a_whole(contract: str, version: int) -> None:
    chain = Chain()
    block = chain.execute(
        chain.raw_submission(
            [Call(action="record", public=b"")],
            public_key=chain.public_key(),
            contract=contract,
            contract_version=version,
        )
    )
    assert codes(block) == [Code.UNKNOWN_CONTRACT]


@pytest.mark.parametrize("public_key", [b"", b"\x00", bytes(32), b"\xff" * 33])
def test_unknown_key_is_refused_as_a_whole(public_key: bytes) -> None:
    chain = Chain()
    block = chain.execute(
        chain.raw_submission([Call(action="record", public=b"")], public_key=public_key)
    )
    assert codes(block) == [Code.UNKNOWN_KEY]


def test_key_whose_id_is_registered_for_other_bytes_is_unknown() -> None:
    chain = Chain()
    state_key = KEYS.key(key_id(chain.suite, chain.public_key()))
    value = chain.ledger.value(state_key)
    assert value is not None
    row = KEYS.decode(value)
    other = KeyRow(b"\x02" * 32, row.organisation, row.roles, 0, 0)
    chain.ledger.state.values[chain.ledger.h(state_key)] = KEYS.encode(other)
    assert codes(chain.execute(chain.submission(record(1)))) == [Code.UNKNOWN_KEY]


def test_key_is_used_only_within_its_time() -> None:
    chain = Chain()
    begins = changed(ADD_KEY, public_key=chain.public_key(9), valid_from_ms=NOW_MS + 10, roles=(3,))
    early = chain.submission(record(1), sender=9)
    in_time = chain.submission(record(2), sender=9)
    late = chain.submission(record(3), sender=9)
    ends = changed(
        END_KEY, key_id=key_id(chain.suite, chain.public_key(9)), valid_to_ms=NOW_MS + 20
    )
    assert call_codes(chain.execute(chain.submission(begins))) == [0]
    assert codes(chain.execute(early)) == [Code.KEY_NOT_VALID]
    assert call_codes(chain.execute(in_time, time_ms=NOW_MS + 10)) == [0]
    assert call_codes(chain.execute(chain.submission(ends), time_ms=NOW_MS + 11)) == [0]
    assert codes(chain.execute(late, time_ms=NOW_MS + 20)) == [Code.KEY_NOT_VALID]


def test_key_added_in_a_block_signs_later_submissions_of_the_same_block() -> None:
    chain = Chain()
    add = changed(ADD_KEY, public_key=chain.public_key(9))
    block = chain.execute(chain.submission(add), chain.submission(record(1), sender=9))
    assert codes(block) == [0, 0]
    assert call_codes(block) == [0, 0]


def test_repeated_submission_is_refused_and_runs_no_call() -> None:
    chain = Chain()
    submission = chain.submission(record(1))
    first = chain.execute(submission, submission)
    again = chain.execute(submission)
    assert codes(first) == [0, Code.NONCE_USED]
    assert codes(again) == [Code.NONCE_USED]
    assert again.outcomes == ((submission.digest, False),)
    assert first.outcomes == ((submission.digest, True), (submission.digest, False))
    assert len(first.entries) == 1


def test_submission_refused_as_a_whole_consumes_no_nonce() -> None:
    chain = Chain()
    expired = chain.submission(record(1), nonce=5, valid_until_ms=NOW_MS - 1)
    good = chain.submission(record(1), nonce=5)
    assert codes(chain.execute(expired, good)) == [Code.EXPIRED, 0]


def test_submission_whose_calls_are_all_refused_consumes_its_nonce() -> None:
    chain = Chain()
    block = chain.execute(
        chain.submission(record(1), sender=1, nonce=5),
        chain.submission(QUESTION, sender=1, nonce=5),
    )
    assert codes(block) == [0, Code.NONCE_USED]
    assert call_codes(block) == [Code.FOREIGN_ORGANISATION]
    assert receipts(block)[0].first_position == 0


def test_nonce_windows_of_keys_are_apart_and_survive_the_block() -> None:
    chain = Chain()
    chain.execute(
        chain.submission(QUESTION, nonce=3), chain.submission(QUESTION, sender=1, nonce=3)
    )
    window = chain.ledger.value(WINDOWS.key(key_id(chain.suite, chain.public_key(1))))
    assert window is not None
    assert WINDOWS.decode(window).next_nonce == 4
    ahead = chain.execute(
        chain.submission(QUESTION, nonce=3),
        chain.submission(QUESTION, nonce=8192),
        chain.submission(QUESTION, nonce=8191),
        chain.submission(QUESTION, nonce=8192),
    )
    assert codes(ahead) == [Code.NONCE_USED, Code.NONCE_AHEAD, 0, 0]


def test_first_position_names_the_first_accepted_call() -> None:
    chain = Chain()
    chain.execute(chain.submission(record(1), record(2)))
    mixed = chain.submission(record(1), record(3), record(2), record(4))
    block = chain.execute(chain.submission(record(5)), mixed, chain.submission(record(5)))
    assert [one.first_position for one in receipts(block)] == [2, 3, 0]
    assert [one.call_index for one in entries(block)] == [0, 1, 3]
    assert [call.code for call in receipts(block)[1].calls] == [60, 0, 60, 0]


def test_details_of_a_double_record_name_the_submission_of_the_first() -> None:
    chain = Chain()
    first = chain.submission(record(9), record(1))
    block = chain.execute(first, chain.submission(record(1)))
    call_index, *words = receipts(block)[1].calls[0].details
    assert call_index == 1
    assert digest_of_words(tuple(words)) == first.digest


def test_refused_call_leaves_no_change_and_stops_no_other() -> None:
    chain = Chain()
    block = chain.execute(
        chain.submission(ISSUE, changed(ISSUE, salt=b"x" * 16), REVOKE, REVOKE),
    )
    assert call_codes(block) == [
        0,
        Code.CERTIFICATES_IDENTIFIER_KNOWN,
        0,
        Code.CERTIFICATES_ALREADY_REVOKED,
    ]
    # Certificate, its history, its file, and the window of nonces.
    assert len(dict(block.state.values.items())) == 4


def test_execution_does_not_look_at_signatures() -> None:
    chain, other = Chain(), Chain()
    calls = chain.submission(record(1), nonce=0).calls
    key = chain.public_key()
    plain = chain.execute(chain.raw_submission(calls, public_key=key, nonce=1))
    signed = other.execute(
        other.raw_submission(calls, public_key=key, nonce=1, signature=b"\xff" * 64)
    )
    assert plain.entries == signed.entries
    assert plain.header.rest == signed.header.rest


def test_block_of_another_height_is_our_own_fault() -> None:
    chain = Chain()
    with pytest.raises(InvariantBroken, match="expected 1, got 2"):
        chain.executor.execute(2, NULL_DECODED_BATCH, epoch=0, members=members_of(chain.genesis))


def _fail(_state: StateView, _context: Context, _public: bytes, _private: bytes) -> Accepted:
    raise KeyError("subject of a person")


def _write_elsewhere(
    state: StateView, _context: Context, _public: bytes, _private: bytes
) -> Accepted:
    state.put(KEYS, KeyRow(b"k" * 32, REQUESTER, (1,), 0, 0), b"k")
    return Accepted(0, ())


@pytest.mark.parametrize("handler", [_fail, _write_elsewhere])
def test_error_inside_a_contract_stops_the_node_and_quotes_no_data(
    handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty = ActionTable(name=NAME, version=1, actions={"record": handler})
    monkeypatch.setattr(block_work, "contract", lambda _rules, _name, _version: faulty)
    chain = Chain()
    with pytest.raises(InvariantBroken, match="contract access version 1, height 1") as error:
        chain.execute(chain.submission(record(1)))
    assert "person" not in str(error.value)


def test_rejection_after_a_write_undoes_it_although_the_next_call_is_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def put_then_refuse_the_first(
        state: StateView, context: Context, _public: bytes, _private: bytes
    ) -> Accepted:
        row = KeyRow(b"k" * 32, REQUESTER, (1,), 0, 0)
        assert state.find(KEYS, b"first") is None
        if context.call_index == 0:
            state.put(KEYS, row, b"first")
            assert state.find(KEYS, b"first") == row
            raise Rejection(Code.MEMBERS_KEY_KNOWN)
        state.put(KEYS, row, b"second")
        return Accepted(0, ())

    rules = ActionTable(name="members", version=1, actions={"add_key": put_then_refuse_the_first})
    monkeypatch.setattr(block_work, "contract", lambda _rules, _name, _version: rules)
    chain = Chain()
    block = chain.execute(chain.submission(ADD_KEY, ADD_KEY))
    assert call_codes(block) == [Code.MEMBERS_KEY_KNOWN, 0]
    assert chain.ledger.h(KEYS.key(b"first")) not in dict(block.state.values.items())
    assert chain.ledger.h(KEYS.key(b"second")) in dict(block.state.values.items())


@pytest.mark.parametrize("suite", ["intl", "sm"])
def test_stored_ledger_takes_executed_blocks(suite: str, tmp_path: Path) -> None:
    chain = Chain(suite)
    ledger = Ledger.open(
        tmp_path,
        genesis=chain.genesis,
        suite=chain.suite,
        initial_state=genesis_state(chain.genesis, chain.suite),
    )
    executor = type(chain.executor)(chain.genesis, chain.suite, ledger)
    submission = chain.submission(record(1), record(1))
    members = members_of(chain.genesis)
    for height, submissions in enumerate(((submission,), (submission,), ()), start=1):
        batch = chain.batch(*submissions)
        block = executor.execute(height, batch, epoch=0, members=members)
        assert block.header == chain.execute(*submissions).header
        ledger.append(block)
    assert ledger.tip == chain.ledger.tip
    found = ledger.receipt_of(submission.digest)
    ledger.close()
    assert found is not None
    height, receipt = found
    assert (height, receipt.code) == (1, 0)
    assert [call.code for call in receipt.calls] == [0, Code.ACCESS_DOUBLE_RECORD]


@pytest.mark.parametrize("suite", ["intl", "sm"])
def test_headers_are_the_same_under_every_hash_seed(suite: str) -> None:
    script = (
        "from tests.unit.chainnode.execution.fixed_chain import fixed_headers;"
        f"print(*(one.hex() for one in fixed_headers('{suite}')))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(outputs) == 1
    assert len(outputs.pop().split()) == 3
