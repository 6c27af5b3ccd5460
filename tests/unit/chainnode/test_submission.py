import dataclasses

import pytest

from chainnode.codec import Limits, decode, encode
from chainnode.genesis import Parameters
from chainnode.submission import (
    PRIVATE_BYTES_MAX,
    Call,
    InvalidSubmission,
    decode_submission,
    key_id,
    validate_proposable,
    verify_submission,
)
from chainnode.suites import suite_named
from tests.builders import NOW_MS, SUITES, genesis_of, secret_key, submission_of

_CALL = Call(action="record", public=b"\x91\xc4\x10" + bytes(16), private=b"secret reason")
_LIMITS = Limits(bytes_max=1 << 21)


def _wire(data: bytes) -> list[object]:
    wire = decode(data, _LIMITS)
    assert isinstance(wire, tuple)
    return list(wire)


def _refusal(data: bytes, parameters: Parameters | None = None) -> InvalidSubmission:
    suite = suite_named("intl")
    with pytest.raises(InvalidSubmission) as caught:
        decode_submission(suite, data, parameters or Parameters())
    return caught.value


@pytest.mark.parametrize("suite_name", SUITES)
def test_decoding_gives_back_what_was_signed(suite_name: str) -> None:
    genesis = genesis_of(suite_name)
    suite = suite_named(suite_name)
    signed = submission_of(genesis, calls=(_CALL, _CALL))

    decoded = decode_submission(suite, signed.encoded, genesis.parameters)

    assert decoded == signed
    verify_submission(suite, decoded)


def test_the_digest_does_not_depend_on_the_signature() -> None:
    genesis = genesis_of("sm")
    first, second = submission_of(genesis), submission_of(genesis)

    assert first.signature != second.signature
    assert first.digest == second.digest


def test_the_digest_changes_with_every_signed_field() -> None:
    genesis = genesis_of()
    base = submission_of(genesis, calls=(_CALL,))
    others = [
        submission_of(genesis, calls=(_CALL,), nonce=1),
        submission_of(genesis, calls=(_CALL,), valid_until_ms=NOW_MS + 60_001),
        submission_of(genesis, calls=(_CALL,), contract="access"),
        submission_of(genesis, calls=(_CALL,), chain_id=bytes(32)),
        submission_of(genesis, calls=(_CALL,), key=secret_key("intl", 7)),
        submission_of(genesis, calls=(_CALL, _CALL)),
        submission_of(genesis, calls=(dataclasses.replace(_CALL, action="other"),)),
        submission_of(genesis, calls=(dataclasses.replace(_CALL, public=_CALL.public + b"x"),)),
        submission_of(genesis, calls=(dataclasses.replace(_CALL, private=b"other"),)),
    ]

    assert len({base.digest, *(one.digest for one in others)}) == len(others) + 1


def test_parts_of_a_call_cannot_be_shifted_into_each_other() -> None:
    suite = suite_named("intl")
    left = Call(action="record", public=b"ab", private=b"c")
    right = Call(action="record", public=b"a", private=b"bc")

    assert left.body_digest(suite) != right.body_digest(suite)


def test_a_signature_by_another_key_is_refused() -> None:
    genesis = genesis_of()
    suite = suite_named("intl")
    signed = submission_of(genesis)
    forged = dataclasses.replace(
        signed, signature=submission_of(genesis, key=secret_key("intl", 9)).signature
    )

    with pytest.raises(InvalidSubmission, match="BAD_SIGNATURE"):
        verify_submission(suite, forged)


def test_a_key_that_is_none_is_refused() -> None:
    signed = submission_of(genesis_of())
    forged = dataclasses.replace(signed, public_key=b"\xff" * 32)

    with pytest.raises(InvalidSubmission, match=r"BAD_KEY|BAD_SIGNATURE"):
        verify_submission(suite_named("intl"), forged)


def test_an_oversize_submission_is_refused_at_the_exact_byte() -> None:
    genesis = genesis_of()
    calls = tuple(
        Call(action="record", public=_CALL.public, private=bytes(PRIVATE_BYTES_MAX))
        for _ in range(4)
    )
    data = submission_of(genesis, calls=calls).encoded
    suite = suite_named("intl")

    exact = Parameters(submission_bytes_max=len(data))
    assert decode_submission(suite, data, exact).calls == calls
    refusal = _refusal(data, Parameters(submission_bytes_max=len(data) - 1))
    assert refusal.code == "OVERSIZE"
    assert refusal.actual == f"{len(data)} bytes"


def test_more_calls_than_the_chain_allows_are_refused() -> None:
    genesis = genesis_of()
    data = submission_of(genesis, calls=(_CALL,) * 3).encoded
    suite = suite_named("intl")

    assert len(decode_submission(suite, data, Parameters(calls_max=3)).calls) == 3
    assert _refusal(data, Parameters(calls_max=2)).code == "MALFORMED"


@pytest.mark.parametrize(
    ("index", "value"),
    [
        (0, "kun.other"),
        (1, 2),
        (2, bytes(31)),
        (3, bytes(34)),
        (4, "nonce"),
        (5, b""),
        (6, "x" * 33),
        (7, ()),
        (8, ()),
        (8, (("record", b"", b"", b""),)),
        (8, (("record", b"", bytes(PRIVATE_BYTES_MAX + 1)),)),
        (8, (("x" * 33, b"", b""),)),
        (8, (b"record",)),
        (9, bytes(63)),
        (9, bytes(65)),
    ],
)
def test_each_malformed_field_is_refused(index: int, value: object) -> None:
    wire = _wire(submission_of(genesis_of()).encoded)
    wire[index] = value

    assert _refusal(encode(tuple(wire))).code == "MALFORMED"  # type: ignore[arg-type]  # hostile


@pytest.mark.parametrize("cut", [0, 1, 10, -1])
def test_a_truncated_or_lengthened_submission_is_refused(cut: int) -> None:
    data = submission_of(genesis_of()).encoded

    assert _refusal(data[:cut]).code == "MALFORMED"
    assert _refusal(data + b"\x00").code == "MALFORMED"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"chain_id": bytes(32)}, "WRONG_CHAIN"),
        ({"valid_until_ms": NOW_MS - 1}, "EXPIRED"),
        ({"valid_until_ms": NOW_MS + 600_001}, "VALID_TOO_LONG"),
        ({"valid_until_ms": NOW_MS}, None),
        ({"valid_until_ms": NOW_MS + 600_000}, None),
    ],
)
def test_the_predicate_of_admission_and_proposal_names_what_is_wrong(
    change: dict[str, object], code: str | None
) -> None:
    genesis = genesis_of()
    submission = submission_of(genesis, **change)  # type: ignore[arg-type]  # one field a row
    actual = None
    try:
        validate_proposable(
            submission,
            chain_id=genesis.chain_id,
            parameters=genesis.parameters,
            time_ms=NOW_MS,
        )
    except InvalidSubmission as error:
        actual = error.code

    assert actual == code


@pytest.mark.parametrize("suite_name", SUITES)
def test_key_ids_have_twenty_bytes_and_tell_keys_apart(suite_name: str) -> None:
    suite = suite_named(suite_name)
    ids = {key_id(suite, secret_key(suite_name, one).public_key) for one in range(1, 9)}

    assert len(ids) == 8
    assert {len(one) for one in ids} == {20}
