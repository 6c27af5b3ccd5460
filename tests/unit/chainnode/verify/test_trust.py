"""An anchor is read strictly: what a verifier believes is exactly what the file says."""

import base64
import json
from pathlib import Path

import pytest

from chainnode.genesis import write_genesis_file
from chainnode.verify import InvalidTrust, Trust
from chainnode.verify.spoken import anchor_digest
from chainnode.verify.strict_json import JsonObject, as_array
from tests.builders import genesis_of, parameters_of_rules_2
from tests.builders_evidence import TIME_MS, SyntheticChain, synthetic_chain
from tests.mutations import mutations


@pytest.fixture(params=["sm", "intl"])
def chain(request: pytest.FixtureRequest) -> SyntheticChain:
    return synthetic_chain(str(request.param))


def trust_form(chain: SyntheticChain) -> JsonObject:
    digest = chain.header().digest(chain.suite.digest)
    return chain.trust.pinned_at(epoch=0, height=12, header_digest=digest, time_ms=TIME_MS).form()


def test_a_trust_file_says_what_the_trust_said_that_wrote_it(chain: SyntheticChain) -> None:
    form = trust_form(chain)
    read = Trust.load(json.dumps(form).encode())
    assert read.form() == form
    assert read.epochs == chain.trust.epochs
    assert read.parameters == chain.genesis.parameters
    assert read.is_devnet


def test_a_genesis_file_is_a_trust_file_whose_readable_part_is_not_read(
    chain: SyntheticChain, tmp_path: Path
) -> None:
    path = tmp_path / "genesis.json"
    write_genesis_file(path, chain.genesis)
    document = json.loads(path.read_bytes())
    document["readable"] = {"chain_id": "lies"}
    read = Trust.load(json.dumps(document).encode())
    assert read.chain_id == chain.genesis.chain_id
    assert read.checkpoint.height == 0
    assert read.epochs == chain.trust.epochs


def test_trust_from_genesis_alone_is_not_written_as_a_trust_file(chain: SyntheticChain) -> None:
    with pytest.raises(InvalidTrust, match="pinned header"):
        chain.trust.form()


def test_a_changed_trust_file_is_refused_or_another_trust_never_something_else(
    chain: SyntheticChain,
) -> None:
    form = trust_form(chain)
    original = Trust.load(json.dumps(form).encode())
    refused = 0
    for what, changed in mutations(form):
        try:
            read = Trust.load(json.dumps(changed).encode())
        except InvalidTrust:
            refused += 1
            continue
        assert read != original, what
    assert refused > 150


def test_a_trust_file_of_a_chain_of_rules_2_says_rules_and_deadline() -> None:
    genesis = genesis_of(parameters=parameters_of_rules_2(match_deadline_ms=20_000))
    pinned = Trust.from_genesis(genesis).pinned_at(
        epoch=0, height=9, header_digest=b"d" * 32, time_ms=TIME_MS
    )
    form = pinned.form()
    read = Trust.load(json.dumps(form).encode())
    assert read.parameters == genesis.parameters
    assert read.form() == form
    assert anchor_digest(read) == anchor_digest(pinned)
    parameters = form["parameters"]
    assert isinstance(parameters, dict)
    assert parameters["rules"] == 2
    for wrong in ({"rules": 1}, {"rules": 3}, {"match_deadline_ms": 0}):
        changed = {**form, "parameters": {**parameters, **wrong}}
        with pytest.raises(InvalidTrust, match="parameters"):
            Trust.load(json.dumps(changed).encode())
    for gone in ("rules", "match_deadline_ms"):
        rest = {name: value for name, value in parameters.items() if name != gone}
        with pytest.raises(InvalidTrust):
            Trust.load(json.dumps({**form, "parameters": rest}).encode())


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"format": "kunlian-evidence"}, "format"),
        ({"version": 2}, "version"),
        ({"suite": "rsa"}, "suite"),
        ({"members": []}, "members"),
    ],
)
def test_a_refusal_names_the_field(chain: SyntheticChain, change: JsonObject, what: str) -> None:
    with pytest.raises(InvalidTrust) as refusal:
        Trust.load(json.dumps({**trust_form(chain), **change}).encode())
    assert refusal.value.what == what


def test_members_must_be_numbered_and_have_distinct_keys(chain: SyntheticChain) -> None:
    form = trust_form(chain)
    members = as_array(form["members"], "members", size_max=4)
    doubled = [*members[:3], [3, *as_array(members[0], "member", size_max=3)[1:]]]
    for wrong in (members[:3], members[::-1], doubled):
        with pytest.raises(InvalidTrust):
            Trust.load(json.dumps({**form, "members": wrong}).encode())


@pytest.mark.parametrize("key", [b"", b"\x02" * 33, b"\x00" * 32, b"\xff" * 64])
def test_a_member_key_that_is_no_key_of_the_suite_is_refused(
    chain: SyntheticChain, key: bytes
) -> None:
    form = trust_form(chain)
    members = json.loads(json.dumps(form["members"]))
    members[0][2] = base64.b64encode(key).decode()
    with pytest.raises(InvalidTrust):
        Trust.load(json.dumps({**form, "members": members}).encode())


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b"{" * 10_000, b"null"])
def test_what_is_no_trust_file_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidTrust):
        Trust.load(data)


def test_an_illegal_genesis_is_refused(chain: SyntheticChain, tmp_path: Path) -> None:
    path = tmp_path / "genesis.json"
    write_genesis_file(path, chain.genesis)
    document = json.loads(path.read_bytes())
    for genesis in ("", "AAAA", 7, None):
        with pytest.raises(InvalidTrust, match="genesis"):
            Trust.load(json.dumps({**document, "genesis": genesis}).encode())
