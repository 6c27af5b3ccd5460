"""证照标识: known samples, every single substitution, every malformed part."""

import pytest

from contracts.schemas.identifiers import (
    GENERIC_TYPE_CODE,
    ROOT,
    CertificateIdentifier,
    IdentifierFault,
    InvalidIdentifier,
    check_character,
    generic_identifier,
    is_identifier_shaped,
    parse_identifier,
    serial_from,
    type_code_of,
)

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SAMPLES = (
    "1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F",
    "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
)
TYPE, ISSUER = "11100000000013338W032", "11220000013544541J"
PARTS = {"type_code": TYPE, "issuer": ISSUER, "serial": "2430599", "version": "001"}


def fault(text: str) -> tuple[IdentifierFault, int, int]:
    with pytest.raises(InvalidIdentifier) as error:
        parse_identifier(text)
    return error.value.fault, error.value.expected, error.value.actual


@pytest.mark.parametrize("sample", SAMPLES)
def test_published_samples_are_read_and_written_back(sample: str) -> None:
    assert str(parse_identifier(sample)) == sample


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_single_substitution_in_the_parts_and_the_check_character_is_caught(
    sample: str,
) -> None:
    payload = sample.removeprefix(ROOT).replace(".", "")
    body, check = payload[:-1], payload[-1]
    missed = [
        (position, other)
        for position, right in enumerate(body)
        for other in ALPHABET
        if other != right
        and check_character(body[:position] + other + body[position + 1 :]) == check
    ]
    assert missed == []
    assert check_character(body) == check


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_single_substitution_in_the_text_is_refused(sample: str) -> None:
    tried = 0
    for position, right in enumerate(sample):
        for other in (*ALPHABET, ".", "a", "-", "０"):
            if other == right:
                continue
            tried += 1
            with pytest.raises(InvalidIdentifier):
                parse_identifier(sample[:position] + other + sample[position + 1 :])
    assert tried > 2500


def test_adjacent_transpositions_are_caught_in_at_least_998_of_1000() -> None:
    body = SAMPLES[0].removeprefix(ROOT).replace(".", "")[:-1]
    tried = caught = 0
    for position in range(len(body) - 1):
        for left in ALPHABET:
            for right in ALPHABET:
                if left == right:
                    continue
                tried += 1
                before, after = body[:position], body[position + 2 :]
                caught += check_character(before + left + right + after) != check_character(
                    before + right + left + after
                )
    assert caught / tried >= 0.998


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (IdentifierFault.ROOT, 15, 0)),
        ("1.2.156.3005.3.x", (IdentifierFault.ROOT, 15, 13)),
        (ROOT, (IdentifierFault.ROOT, 15, 14)),
        (ROOT + ".", (IdentifierFault.PART_COUNT, 5, 1)),
        (f"{SAMPLES[0]}.X", (IdentifierFault.PART_COUNT, 5, 6)),
        (f"{ROOT}.{TYPE[1:]}.{ISSUER}.1.001.F", (IdentifierFault.TYPE, 21, 20)),
        (
            f"{ROOT}.{TYPE[:-1]}X.{ISSUER}.1.001.F",
            (IdentifierFault.ILLEGAL_CHARACTER, IdentifierFault.TYPE, ord("X")),
        ),
        (f"{ROOT}.{TYPE}.{ISSUER}0.1.001.F", (IdentifierFault.ISSUER, 18, 19)),
        (
            f"{ROOT}.{TYPE}.{ISSUER[:-1]}j.1.001.F",
            (IdentifierFault.ILLEGAL_CHARACTER, IdentifierFault.ISSUER, ord("j")),
        ),
        (f"{ROOT}.{TYPE}.{ISSUER}..001.F", (IdentifierFault.SERIAL, 1, 0)),
        (f"{ROOT}.{TYPE}.{ISSUER}.{'1' * 33}.001.F", (IdentifierFault.SERIAL, 32, 33)),
        (
            f"{ROOT}.{TYPE}.{ISSUER}.1-1.001.F",
            (IdentifierFault.ILLEGAL_CHARACTER, IdentifierFault.SERIAL, ord("-")),
        ),
        (f"{ROOT}.{TYPE}.{ISSUER}.1.01.F", (IdentifierFault.VERSION, 3, 2)),
        (
            f"{ROOT}.{TYPE}.{ISSUER}.1.00A.F",
            (IdentifierFault.ILLEGAL_CHARACTER, IdentifierFault.VERSION, ord("A")),
        ),
        (SAMPLES[0][:-1] + "G", (IdentifierFault.CHECK_CHARACTER, ord("F"), ord("G"))),
        (SAMPLES[0][:-1], (IdentifierFault.CHECK_CHARACTER, ord("F"), 0)),
        (SAMPLES[0] + "F", (IdentifierFault.CHECK_CHARACTER, ord("F"), 0)),
        (SAMPLES[0][:-1] + "f", (IdentifierFault.CHECK_CHARACTER, ord("F"), ord("f"))),
    ],
)
def test_malformed_identifier_names_its_fault(
    text: str, expected: tuple[IdentifierFault, int, int]
) -> None:
    assert fault(text) == expected


def test_fault_of_an_identifier_makes_its_own_sentence() -> None:
    with pytest.raises(InvalidIdentifier, match=r"^issuer: expected 18, got 17$"):
        CertificateIdentifier(**{**PARTS, "issuer": ISSUER[1:]})


def test_overlong_text_is_cut_before_it_costs_anything() -> None:
    with pytest.raises(InvalidIdentifier):
        parse_identifier(f"{ROOT}." + "1." * 1_000_000)


def test_overlong_text_that_begins_as_an_identifier_is_refused() -> None:
    longest = str(CertificateIdentifier(**{**PARTS, "serial": "1" * 32}))
    assert str(parse_identifier(longest)) == longest
    with pytest.raises(InvalidIdentifier):
        parse_identifier(longest + longest[-1])


@pytest.mark.parametrize(
    "fields",
    [{"serial": ""}, {"version": "1"}, {"issuer": ISSUER.lower()}, {"type_code": "generic"}],
)
def test_identifier_is_built_of_legal_parts_only(fields: dict[str, str]) -> None:
    with pytest.raises(InvalidIdentifier):
        CertificateIdentifier(**{**PARTS, **fields})


def test_generic_identifier_can_be_read_back() -> None:
    built = generic_identifier(issuer=ISSUER, entropy=b"\x07" * 16)
    assert parse_identifier(str(built)) == built
    assert built.type_code == GENERIC_TYPE_CODE == type_code_of("generic")
    assert built.version == "001"


def test_generic_identifier_refuses_an_issuer_that_is_no_18_character_code() -> None:
    with pytest.raises(InvalidIdentifier):
        generic_identifier(issuer="DEPT-A", entropy=bytes(16))


def test_serials_of_different_entropy_differ() -> None:
    serials = {serial_from(number.to_bytes(16)) for number in range(10_000)}
    assert len(serials) == 10_000
    assert {len(serial) for serial in serials} == {16}
    assert serial_from(b"\xff" * 16) != serial_from(b"\xff" * 15 + b"\xfe")


@pytest.mark.parametrize(
    ("text", "is_shaped"),
    [(SAMPLES[0], True), (ROOT + ".x", True), (ROOT, False), ("a.pdf", False)],
)
def test_what_begins_with_the_root_means_to_be_an_identifier(text: str, *, is_shaped: bool) -> None:
    assert is_identifier_shaped(text) is is_shaped
