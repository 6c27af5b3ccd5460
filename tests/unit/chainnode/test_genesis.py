import base64
import dataclasses
import json
from pathlib import Path

import pytest

from chainnode.codec import Limits, Plain, as_array, as_int, as_text, decode, encode
from chainnode.errors import ConfigurationError
from chainnode.genesis import (
    Genesis,
    InvalidGenesis,
    KeyEntry,
    Parameters,
    decode_genesis,
    genesis_from_document,
    load_genesis_file,
    write_genesis_file,
)
from tests.builders import SUITES, genesis_of, parameters_of_rules_1, parameters_of_rules_2

_LIMITS = Limits(bytes_max=1 << 20)


@pytest.mark.parametrize("suite_name", SUITES)
def test_a_genesis_survives_its_file_and_keeps_its_chain_id(
    suite_name: str, tmp_path: Path
) -> None:
    genesis = genesis_of(suite_name)
    path = tmp_path / "genesis.json"

    write_genesis_file(path, genesis)

    assert load_genesis_file(path) == genesis
    assert load_genesis_file(path).chain_id == genesis.chain_id


def test_the_readable_part_of_the_file_decides_nothing(tmp_path: Path) -> None:
    genesis = genesis_of()
    path = tmp_path / "genesis.json"
    write_genesis_file(path, genesis)
    document = json.loads(path.read_text())
    document["readable"] = {"chain_id": "00"}

    assert genesis_from_document(document).chain_id == genesis.chain_id


def test_every_field_changes_the_chain_id() -> None:
    base = genesis_of()
    organisation = base.organisations[0]
    others = [
        dataclasses.replace(base, label="other"),
        dataclasses.replace(base, created_ms=base.created_ms + 1),
        dataclasses.replace(base, parameters=dataclasses.replace(base.parameters, window=17)),
        dataclasses.replace(base, replicas=genesis_of(size=5).replicas),
        dataclasses.replace(
            base,
            organisations=(
                dataclasses.replace(organisation, name="other"),
                *base.organisations[1:],
            ),
        ),
    ]

    assert len({base.chain_id, *(one.chain_id for one in others)}) == len(others) + 1


def test_one_error_names_every_fault() -> None:
    base = genesis_of()
    swapped = (base.replicas[1], base.replicas[0], *base.replicas[2:])

    with pytest.raises(InvalidGenesis) as caught:
        dataclasses.replace(
            base, label="", replicas=swapped, organisations=base.organisations[::-1]
        )

    assert len(caught.value.faults) == 3


def test_a_suite_that_nobody_knows_is_a_fault_of_the_genesis() -> None:
    encoded = genesis_of("intl").encoded.replace(b"\xa4intl", b"\xa4inth")

    with pytest.raises(InvalidGenesis, match="suite: expected one of sm, intl, got 'inth'"):
        decode_genesis(encoded)


def test_three_replicas_are_too_few() -> None:
    base = genesis_of()
    with pytest.raises(InvalidGenesis, match="expected 4 to 31, got 3"):
        dataclasses.replace(base, replicas=base.replicas[:3])


@pytest.mark.parametrize(
    "change",
    [
        {"roles": (2, 1)},
        {"roles": (1, 1)},
        {"roles": (9,)},
        {"name": ""},
        {"organisation": "lower"},
        {"organisation": "A"},
        {"keys": (KeyEntry(public_key=bytes(32), roles=(1,)),)},
        {"keys": (KeyEntry(public_key=genesis_of().replicas[0].vote_key, roles=(9,)),)},
    ],
)
def test_an_illegal_organisation_is_refused(change: dict[str, object]) -> None:
    base = genesis_of()
    illegal = dataclasses.replace(base.organisations[0], **change)  # type: ignore[arg-type]  # rows

    with pytest.raises(InvalidGenesis):
        dataclasses.replace(base, organisations=(illegal, *base.organisations[1:]))


@pytest.mark.parametrize(
    "change",
    [
        {"window": 15},
        {"batch_bytes_max": 2 * 1024 * 1024 + 1},
        {"state_map_bits": 9},
        {"devnet": 2},
        {"validity_ms_max": 600_001},
        {"match_deadline_ms": 999},
        {"match_deadline_ms": 30 * 86_400_000 + 1},
        {"rules": 0},
        {"rules": 4},
        {"rules": 2},
        {"rules": 1},
        {"rules": 1, "match_deadline_ms": 20_000, "dispute_deadline_ms": 0},
        {"rules": 1, "match_deadline_ms": 0},
        {"dispute_deadline_ms": 999},
        {"dispute_deadline_ms": 366 * 86_400_000 + 1},
    ],
)
def test_a_parameter_out_of_range_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(InvalidGenesis):
        Parameters(**change)


@pytest.mark.parametrize("index", range(8))
def test_each_malformed_field_is_refused(index: int) -> None:
    wire = list(decode(genesis_of().encoded, _LIMITS))  # type: ignore[arg-type]  # an array
    wire[index] = b"wrong"

    with pytest.raises(ConfigurationError):
        decode_genesis(encode(tuple(wire)))


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"format": "other"},
        {"format": "kunlian-genesis", "version": 2},
        {"format": "kunlian-genesis", "version": True},
        {"format": "kunlian-genesis", "version": 1},
        {"format": "kunlian-genesis", "version": 1, "genesis": 7},
        {"format": "kunlian-genesis", "version": 1, "genesis": "%%%"},
        {
            "format": "kunlian-genesis",
            "version": 1,
            "genesis": base64.b64encode(b"\xc0").decode(),
        },
    ],
)
def test_a_document_that_is_no_genesis_file_is_refused(document: object) -> None:
    with pytest.raises(InvalidGenesis):
        genesis_from_document(document)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "genesis.json"
    with pytest.raises(ConfigurationError, match=r"genesis\.json"):
        load_genesis_file(path)
    path.write_text("{")
    with pytest.raises(ConfigurationError, match=r"genesis\.json"):
        load_genesis_file(path)


def test_a_window_whose_new_view_fits_into_no_frame_is_refused() -> None:
    base = genesis_of("intl", size=31)
    wide = dataclasses.replace(base.parameters, window=64)

    with pytest.raises(InvalidGenesis, match="NEW-VIEW of 31 replicas"):
        dataclasses.replace(base, parameters=wide)
    dataclasses.replace(base, parameters=dataclasses.replace(base.parameters, window=48))


def _opened(genesis: Genesis) -> tuple[list[Plain], dict[str, int]]:
    """Return the eight fields, and the parameters by name."""
    wire = list(as_array(decode(genesis.encoded, _LIMITS), 8, "genesis"))
    rows = (as_array(one, 2, "parameter") for one in as_array(wire[5], None, "parameters"))
    return wire, {as_text(name, "name", 64): as_int(value, "value") for name, value in rows}


def _with(genesis: Genesis, *, version: int, change: dict[str, int | None]) -> bytes:
    """Return the genesis with another version and other parameters; None: without it."""
    wire, pairs = _opened(genesis)
    changed = {**pairs, **change}
    rows = tuple(sorted((name, value) for name, value in changed.items() if value is not None))
    return encode((wire[0], version, *wire[2:5], rows, *wire[6:]))


def test_a_genesis_of_rules_1_is_of_version_1_and_holds_ten_parameters() -> None:
    genesis = genesis_of(parameters=parameters_of_rules_1())
    wire, parameters = _opened(genesis)

    assert wire[1] == 1
    assert "rules" not in parameters
    assert len(parameters) == 10
    assert decode_genesis(genesis.encoded) == genesis


def test_a_genesis_of_rules_2_is_of_version_2_and_knows_no_disputes() -> None:
    genesis = genesis_of(parameters=parameters_of_rules_2())
    wire, parameters = _opened(genesis)

    assert wire[1] == 2
    assert parameters["rules"] == 2
    assert "dispute_deadline_ms" not in parameters
    assert len(parameters) == 12
    assert decode_genesis(genesis.encoded) == genesis


def test_a_new_chain_has_rules_3_and_says_so_with_its_deadlines() -> None:
    genesis = genesis_of(parameters=Parameters(devnet=1))
    wire, parameters = _opened(genesis)

    assert wire[1] == 3
    assert parameters["rules"] == 3
    assert parameters["match_deadline_ms"] == 86_400_000
    assert parameters["dispute_deadline_ms"] == 21 * 86_400_000
    assert decode_genesis(genesis.encoded) == genesis


@pytest.mark.parametrize(
    ("rules", "version", "change"),
    [
        (1, 2, {}),
        (2, 1, {}),
        (2, 3, {}),
        (1, 1, {"rules": 1, "match_deadline_ms": 0}),
        (1, 2, {"rules": 1, "match_deadline_ms": 0}),
        (2, 2, {"rules": 3}),
        (2, 2, {"rules": None}),
        (2, 2, {"match_deadline_ms": None}),
        (2, 2, {"dispute_deadline_ms": 60_000}),
        (3, 2, {}),
        (3, 4, {}),
        (3, 3, {"rules": 2}),
        (3, 3, {"rules": None}),
        (3, 3, {"dispute_deadline_ms": None}),
        (3, 3, {"match_deadline_ms": None}),
    ],
)
def test_version_and_rules_that_do_not_belong_together_are_refused(
    rules: int, version: int, change: dict[str, int | None]
) -> None:
    parameters = {
        1: parameters_of_rules_1(),
        2: parameters_of_rules_2(),
        3: Parameters(devnet=1),
    }[rules]
    genesis = genesis_of(parameters=parameters)
    assert decode_genesis(_with(genesis, version=rules, change={})) == genesis

    with pytest.raises(InvalidGenesis):
        decode_genesis(_with(genesis, version=version, change=change))
