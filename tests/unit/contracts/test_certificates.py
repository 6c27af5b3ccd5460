"""Contract `certificates`: identifiers, files, states and history."""

import pytest

from contracts.schemas.certificate_states import TRANSITIONS, CertificateState
from contracts.schemas.certificates import (
    CERTIFICATES,
    FILES,
    HISTORIES,
    CertificatePart,
    CertificateRow,
    FileRow,
    HistoryEntry,
    decode_history_entry,
    encode_history_entry,
)
from contracts.schemas.codes import Code
from contracts.schemas.fields import encode_field
from contracts.schemas.identifiers import IdentifierFault
from contracts.schemas.shape import PublicPart
from contracts.schemas.state import InvalidRow
from contracts.sdk import Accepted
from tests.unit.contracts.builders import (
    CRYPTO,
    IMPORT,
    ISSUE,
    NOW_MS,
    PROVIDER,
    REVOKE,
    Caller,
    changed,
    identifier,
)

STATE = CertificateState


def certificate(caller: Caller, name: str) -> CertificateRow:
    row = caller.state.find(CERTIFICATES, name)
    assert row is not None
    return row


def history(caller: Caller, name: str) -> tuple[HistoryEntry, ...]:
    leaves = caller.state.find(HISTORIES, name)
    return tuple(decode_history_entry(leaf) for leaf in leaves or ())


def imported(state: int) -> Caller:
    caller = Caller()
    caller.send(changed(IMPORT, state=state, code=str(state)))
    return caller


def revoke_imported(caller: Caller) -> Accepted:
    return caller.send(changed(REVOKE, identifier=IMPORT.identifier))


def test_issue_binds_identifier_file_and_first_state() -> None:
    caller = Caller()
    assert caller.send(ISSUE).outcome == 1
    row = certificate(caller, ISSUE.identifier)
    assert (row.issuer, row.type, row.file_digest) == (caller.organisation, "generic", b"f" * 32)
    assert (row.code_system, row.code, row.state) == ("kun", "2", STATE.VALID)
    assert caller.state.find(FILES, ISSUE.file_digest) == FileRow(ISSUE.identifier)
    assert history(caller, ISSUE.identifier) == (
        HistoryEntry(
            height=7,
            since_ms=NOW_MS,
            code_system="kun",
            code="2",
            state=2,
            submission_digest=b"D" * 32,
            call_index=0,
        ),
    )


def test_import_keeps_the_state_and_its_day_from_before_the_ledger() -> None:
    caller = Caller()
    assert caller.send(IMPORT).outcome == 2
    assert certificate(caller, IMPORT.identifier).state == STATE.EXPIRED
    assert history(caller, IMPORT.identifier)[0].since_ms == IMPORT.since_ms


def test_revoke_changes_state_and_keeps_what_was_issued() -> None:
    caller = Caller()
    caller.send(ISSUE)
    before = certificate(caller, ISSUE.identifier)
    caller.now_ms, caller.height = NOW_MS + 5, 9
    assert caller.send(changed(REVOKE, code_system="GB-1", code="03")).outcome == 3
    row = certificate(caller, ISSUE.identifier)
    assert (row.code_system, row.code, row.state) == ("GB-1", "03", STATE.REVOKED)
    assert row.file_digest == before.file_digest
    assert row.history_count == 2
    assert [one.since_ms for one in history(caller, ISSUE.identifier)] == [NOW_MS, NOW_MS + 5]


def test_history_root_is_the_tree_over_the_kept_leaves() -> None:
    caller = Caller()
    caller.send(ISSUE)
    caller.send(REVOKE)
    leaves = caller.state.find(HISTORIES, ISSUE.identifier)
    assert leaves is not None
    row = certificate(caller, ISSUE.identifier)
    assert row.history_root == CRYPTO.merkle_root(leaves)
    assert row.history_root != CRYPTO.merkle_root(leaves[::-1])
    assert row.history_count == len(leaves) == 2


def test_history_is_bounded_by_the_longest_path_of_the_state_table() -> None:
    def longest(state: CertificateState) -> int:
        after = [one.after for one in TRANSITIONS if one.before is state]
        return 1 + max(map(longest, after), default=0)

    assert max(longest(one.after) for one in TRANSITIONS if one.before is None) == 2


@pytest.mark.parametrize("state", list(STATE))
def test_only_the_states_of_the_table_can_be_revoked(state: CertificateState) -> None:
    caller = imported(state)
    allowed = {one.before for one in TRANSITIONS if one.action == "revoke"}
    if state in allowed:
        revoke_imported(caller)
        assert certificate(caller, IMPORT.identifier).state == STATE.REVOKED
    else:
        refused = caller.refused(changed(REVOKE, identifier=IMPORT.identifier))
        assert refused == (
            (Code.CERTIFICATES_ALREADY_REVOKED,)
            if state is STATE.REVOKED
            else (Code.CERTIFICATES_STATE_FORBIDS, state)
        )


def test_revoke_before_issue_is_refused() -> None:
    assert Caller().refused(REVOKE) == (Code.CERTIFICATES_NOT_ISSUED,)


def test_second_revoke_is_refused() -> None:
    caller = Caller()
    caller.send(ISSUE)
    caller.send(REVOKE)
    assert caller.refused(REVOKE) == (Code.CERTIFICATES_ALREADY_REVOKED,)
    assert certificate(caller, ISSUE.identifier).history_count == 2


def test_only_the_issuing_organisation_revokes() -> None:
    caller = Caller()
    caller.send(ISSUE)
    other = Caller(state=caller.state, organisation=PROVIDER)
    assert other.refused(REVOKE) == (Code.FOREIGN_ORGANISATION,)


@pytest.mark.parametrize("part", [ISSUE, IMPORT, REVOKE])
def test_certificates_need_the_role_issuer(part: PublicPart) -> None:
    caller = Caller(roles=(1, 3, 4, 5))
    assert caller.refused(part) == (Code.ROLE_MISSING, 2)


def test_known_identifier_is_refused_with_its_state() -> None:
    caller = Caller()
    caller.send(ISSUE)
    again = changed(ISSUE, file_digest=b"g" * 32)
    assert caller.refused(again) == (Code.CERTIFICATES_IDENTIFIER_KNOWN, STATE.VALID)
    caller.send(REVOKE)
    assert caller.refused(again) == (Code.CERTIFICATES_IDENTIFIER_KNOWN, STATE.REVOKED)


def test_known_file_is_refused_for_another_identifier() -> None:
    caller = Caller()
    caller.send(ISSUE)
    assert caller.refused(changed(ISSUE, identifier=identifier(9))) == (
        Code.CERTIFICATES_FILE_KNOWN,
    )
    assert caller.refused(changed(IMPORT, file_digest=ISSUE.file_digest)) == (
        Code.CERTIFICATES_FILE_KNOWN,
    )


@pytest.mark.parametrize("part", [ISSUE, IMPORT])
def test_identifier_of_another_issuer_is_refused(part: CertificatePart) -> None:
    foreign = changed(part, identifier=identifier(issuer=PROVIDER))
    assert Caller().refused(foreign) == (Code.CERTIFICATES_FOREIGN_ISSUER_CODE,)


def test_import_from_the_future_is_refused() -> None:
    later = changed(IMPORT, since_ms=NOW_MS + 1)
    assert Caller().refused(later) == (Code.CERTIFICATES_SINCE_IN_FUTURE, NOW_MS, NOW_MS + 1)
    Caller().send(changed(IMPORT, since_ms=NOW_MS))


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"type": "11100000000013338W032"}, (Code.CERTIFICATES_TYPE_DIFFERS,)),
        ({"type": "other"}, (Code.CERTIFICATES_TYPE_DIFFERS,)),
        ({"type": ""}, (Code.WRONG_LENGTH, 2, 1, 21, 0)),
        ({"valid_from": 20230229}, (Code.ILLEGAL_DATE, 6, 20230229)),
        ({"valid_from": 0}, (Code.ILLEGAL_DATE, 6, 0)),
        ({"valid_to": 20241301}, (Code.ILLEGAL_DATE, 7, 20241301)),
        ({"valid_to": 20240228}, (Code.PERIOD_REVERSED, 20240229, 20240228)),
        ({"metadata_root": b"m"}, (Code.WRONG_LENGTH, 4, 32, 32, 1)),
        ({"holder_commitment": b"m" * 31}, (Code.WRONG_LENGTH, 5, 32, 32, 31)),
        ({"file_digest": b""}, (Code.WRONG_LENGTH, 3, 32, 32, 0)),
        ({"identifier": "x"}, (Code.CERTIFICATES_INVALID_IDENTIFIER, IdentifierFault.ROOT, 15, 0)),
    ],
)
def test_malformed_issue_is_refused_naming_field_and_bound(
    fields: dict[str, object], refused: tuple[int, ...]
) -> None:
    caller = Caller()
    assert caller.refused(changed(ISSUE, **fields)) == refused
    assert caller.state.rows == {}


def test_wrong_check_character_is_refused_with_the_right_one() -> None:
    wrong = ISSUE.identifier[:-1] + ("0" if ISSUE.identifier[-1] != "0" else "1")
    code, fault, expected, actual = Caller().refused(changed(ISSUE, identifier=wrong))
    assert (code, fault) == (
        Code.CERTIFICATES_INVALID_IDENTIFIER,
        IdentifierFault.CHECK_CHARACTER,
    )
    assert (chr(expected), chr(actual)) == (ISSUE.identifier[-1], wrong[-1])


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"code": "3"}, (Code.CERTIFICATES_CODE_DIFFERS, STATE.EXPIRED)),
        ({"code_system": ""}, (Code.WRONG_LENGTH, 8, 1, 32, 0)),
        ({"code_system": " a"}, (Code.ILLEGAL_TEXT, 8, 0, 32)),
        ({"code": "0\x00"}, (Code.ILLEGAL_TEXT, 9, 1, 0)),
        ({"state": 0}, (Code.OUT_OF_RANGE, 10, 1, 9, 0)),
        ({"state": 10}, (Code.OUT_OF_RANGE, 10, 1, 9, 10)),
        ({"valid_from": 20240230}, (Code.ILLEGAL_DATE, 6, 20240230)),
    ],
)
def test_malformed_import_is_refused_naming_field_and_bound(
    fields: dict[str, object], refused: tuple[int, ...]
) -> None:
    assert Caller().refused(changed(IMPORT, **fields)) == refused


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"code": "2"}, (Code.CERTIFICATES_CODE_DIFFERS, STATE.REVOKED)),
        ({"reason_code": ""}, (Code.WRONG_LENGTH, 4, 1, 32, 0)),
        ({"reason_code": "a  b"}, (Code.ILLEGAL_TEXT, 4, 2, 32)),
        (
            {"identifier": ISSUE.identifier + "0"},
            (
                Code.CERTIFICATES_INVALID_IDENTIFIER,
                IdentifierFault.CHECK_CHARACTER,
                ord(ISSUE.identifier[-1]),
                0,
            ),
        ),
    ],
)
def test_malformed_revoke_is_refused_naming_field_and_bound(
    fields: dict[str, object], refused: tuple[int, ...]
) -> None:
    caller = Caller()
    caller.send(ISSUE)
    assert caller.refused(changed(REVOKE, **fields)) == refused


def test_foreign_code_system_may_use_any_code() -> None:
    caller = Caller()
    caller.send(changed(IMPORT, code_system="吊销代码", code="03", state=7))
    assert certificate(caller, IMPORT.identifier).code == "03"


@pytest.mark.parametrize("cut", ["truncated", "longer", "tag", "version", "overlong"])
def test_history_leaf_is_read_back_only_in_its_one_form(cut: str) -> None:
    entry = HistoryEntry(
        height=1,
        since_ms=2,
        code_system="kun",
        code="2",
        state=2,
        submission_digest=b"D" * 32,
        call_index=3,
    )
    leaf = encode_history_entry(entry)
    assert decode_history_entry(leaf) == entry
    bad = {
        "truncated": leaf[:-1],
        "longer": leaf + b"\x00",
        "tag": leaf.replace(b"kun.certhistory", b"kun.certhistorz"),
        "version": leaf.replace(b"history\x01", b"history\x02"),
        "overlong": leaf.replace(b"history\x01", b"history\xcc\x01"),
    }[cut]
    with pytest.raises(InvalidRow):
        decode_history_entry(bad)


def test_metadata_field_is_the_tagged_array_of_the_wire_format() -> None:
    leaf = encode_field(salt=b"s" * 16, name="证照名称", value="x")
    assert leaf.startswith(b"\x95\xa9kun.field\x01\xc4\x10" + b"s" * 16)
