"""`kun verify` over real HTTP: verdicts, exit codes, evidence, and nodes that lie."""

import io
import json
import sys
from pathlib import Path

import pytest

from chainnode.verify import sidecar_form
from tests.builders_evidence import TIME_MS, sample
from tests.unit.chainnode.cli.conftest import Site

# The synthetic chain's newest block is of this moment.
_AS_OF = ("--as-of", "2026-03-02T10:00:30+08:00")
_CASES = [
    ("valid", "VALID", 0),
    ("revoked", "REVOKED", 1),
    ("expired", "EXPIRED", 1),
    ("last day", "VALID", 0),
    ("not yet valid", "EXPIRED", 1),
    ("foreign issuer", "UNTRUSTED_ISSUER", 1),
    ("issuer without right", "UNTRUSTED_ISSUER", 1),
    ("state IN_MAKING", "NOT_REGISTERED", 1),
    ("state SUSPENDED", "REVOKED", 1),
]


@pytest.mark.parametrize("name", ["valid", "foreign issuer", "state IN_MAKING"])
def test_a_reader_of_chinese_is_told_of_each_check_in_chinese(site: Site, name: str) -> None:
    path = site.file("paper.pdf", sample(name).content)
    chinese = site.kun("--lang", "zh", "verify", path, *_AS_OF).out
    english = site.kun("--lang", "en", "verify", path, *_AS_OF).out
    told = [one.partition(": ")[2] for one in chinese.splitlines() if one[2:3] in "✓✗–"]
    assert len(told) == 5
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in one) for one in told)
    assert not any(one in english for one in told)


def test_evidence_from_before_a_newer_pin_says_what_to_do(site: Site) -> None:
    evidence = site.evidence
    header = evidence.header(height=20)
    newer = evidence.trust.pinned_at(
        epoch=0,
        height=20,
        header_digest=header.digest(evidence.suite.digest),
        time_ms=TIME_MS,
    )
    trust = site.file("newer.json", json.dumps(newer.form()).encode())
    paper = site.file("paper.json", json.dumps(evidence.certificate_of(sample("valid"))).encode())
    record = site.file("record.json", json.dumps(evidence.record(3)).encode())
    for words in (("verify", paper, "--offline"), ("audit", "verify", record)):
        for language, hint in (("en", "genesis file"), ("zh", "创世文件")):
            done = site.bare("--lang", language, *words, "--trust", trust)
            assert (done.code, hint in done.out) == (3, True)


@pytest.mark.parametrize(("name", "verdict", "code"), _CASES)
def test_a_file_gets_its_verdict_and_exit_code(
    site: Site, name: str, verdict: str, code: int
) -> None:
    path = site.file("paper.pdf", sample(name).content)

    done = site.kun("verify", path, *_AS_OF, "--json")

    assert (done.json["verdict"], done.code) == (verdict, code)
    names = ["content", "issuer", "history", "quorum", "freshness"]
    assert [one["name"] for one in done.json["checks"]] == names
    assert done.json["as_of"] == {"height": 12, "time": "2026-03-02T10:00:30.000+08:00"}


@pytest.mark.parametrize(("name", "verdict", "code"), _CASES)
def test_evidence_that_was_written_gives_the_same_verdict_without_any_node(
    site: Site, name: str, verdict: str, code: int
) -> None:
    path = site.file("paper.pdf", sample(name).content)
    site.kun("verify", path, *_AS_OF, "--evidence", "out.json", "--quiet")
    for node in site.nodes:
        node.problem = (503, "DOWN")

    alone = site.bare("verify", "out.json", "--offline", "--trust", site.trust, *_AS_OF, "--json")
    beside = site.bare(
        *("verify", path, "--offline", "--evidence", "out.json"),
        *("--trust", site.trust, *_AS_OF, "--json"),
    )

    assert (alone.json["verdict"], alone.code) == (verdict, code)
    assert (beside.json["verdict"], beside.code) == (verdict, code)


def test_an_identifier_is_judged_without_a_file(site: Site) -> None:
    done = site.kun("verify", sample("revoked").identifier, *_AS_OF, "--json")

    assert (done.json["verdict"], done.code) == ("REVOKED", 1)
    assert done.json["checks"][0]["result"] == "not_checked"


def test_an_existing_path_is_a_file_unless_id_stands_before_it(site: Site) -> None:
    identifier = sample("valid").identifier
    site.file(identifier, b"something else")

    as_file = site.kun("verify", identifier, *_AS_OF, "--json")
    as_identifier = site.kun("verify", f"id:{identifier}", *_AS_OF, "--json")

    assert as_file.json["verdict"] == "NOT_REGISTERED"
    assert as_identifier.json["verdict"] == "VALID"


def test_a_changed_file_whose_identifier_travels_beside_it_is_tampered(site: Site) -> None:
    path = site.file("paper.pdf", b"changed")
    site.file("paper.pdf.kun.json", json.dumps(sidecar_form(sample("valid").identifier)).encode())

    done = site.kun("verify", path, *_AS_OF, "--json")

    assert (done.json["verdict"], done.code) == ("TAMPERED", 1)


def test_an_identifier_that_is_named_for_a_file_counts(site: Site) -> None:
    path = site.file("paper.pdf", b"changed")

    done = site.kun("verify", path, "--id", sample("valid").identifier, *_AS_OF, "--json")

    assert done.json["verdict"] == "TAMPERED"


def test_a_malformed_hint_is_no_hint(site: Site) -> None:
    path = site.file("paper.pdf", b"never seen")
    site.file("paper.pdf.kun.json", json.dumps(sidecar_form("1.2.156.3005.2.x")).encode())

    done = site.kun("verify", path, *_AS_OF, "--json")

    assert (done.json["verdict"], done.code) == ("NOT_REGISTERED", 1)


@pytest.mark.parametrize("what", ["wrong check", "empty", "directory", "forced"])
def test_what_cannot_be_read_is_unreadable(site: Site, what: str) -> None:
    good = sample("valid").identifier
    (site.path / "folder").mkdir()
    argument = {
        "wrong check": good[:-1] + ("A" if good[-1] != "A" else "B"),
        "empty": site.file("empty.pdf", b""),
        "directory": "folder",
        "forced": "id:letter.txt",
    }[what]

    done = site.kun("verify", argument, "--json")
    offline = site.kun("verify", argument, "--offline", "--json")

    assert (done.json["verdict"], done.code) == ("UNREADABLE", 2)
    assert (offline.json["verdict"], offline.code) == ("UNREADABLE", 2)


def test_a_path_that_does_not_exist_is_a_usage_error_without_a_verdict(site: Site) -> None:
    done = site.kun("verify", "nothing.pdf", "--json")

    assert done.code == 2
    assert done.json["error"]["code"] == "NO_SUCH_FILE"


def test_standard_input_is_a_file_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO(sample("valid").content)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(content))

    assert site.kun("verify", "-", *_AS_OF, "--quiet").code == 0


def test_a_node_that_forges_is_named_and_the_next_one_is_asked(site: Site) -> None:
    path = site.file("paper.pdf", sample("valid").content)
    site.nodes[0].alter = lambda _path, told: {**told, "evidence": {"kind": "certificate"}}

    done = site.kun("verify", path, *_AS_OF, "--json")

    assert (done.json["verdict"], done.code) == ("VALID", 0)
    assert done.json["reports"][0]["node"] == site.nodes[0].url


def test_when_every_node_forges_nothing_is_decided(site: Site) -> None:
    path = site.file("paper.pdf", sample("revoked").content)
    other = site.evidence.certificate_of(sample("valid"))
    site.alter_all(lambda _path, told: {**told, "evidence": other})

    done = site.kun("verify", path, *_AS_OF, "--json")

    assert (done.json["verdict"], done.code) == ("CANNOT_DECIDE", 3)
    assert {one["node"] for one in done.json["reports"]} == {one.url for one in site.nodes}


def test_when_no_node_answers_nothing_is_decided(site: Site) -> None:
    path = site.file("paper.pdf", sample("valid").content)
    for node in site.nodes:
        node.problem = (503, "DOWN")

    done = site.kun("verify", path)

    assert done.code == 3
    assert "CANNOT_DECIDE" in done.out


def test_an_old_proof_decides_nothing(site: Site) -> None:
    path = site.file("paper.pdf", sample("valid").content)

    done = site.kun("verify", path, "--as-of", "2026-03-02T12:00:00+08:00", "--max-age", "1h")

    assert done.code == 3


@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign"])
def test_damaged_evidence_is_never_valid(site: Site, damage: str) -> None:
    evidence = site.evidence.certificate_of(sample("valid"))
    text = json.dumps(evidence)
    if damage == "cut":
        text = text[:-9]
    elif damage == "flipped":
        text = text.replace('"signatures": [[0, "', '"signatures": [[0, "AAAA')
    else:
        text = json.dumps({**evidence, "chain_id": "00" * 32})
    path = site.file("out.json", text.encode())

    done = site.bare("verify", path, "--offline", "--trust", site.trust, *_AS_OF, "--json")

    expected = {"cut": "UNREADABLE", "flipped": "UNREADABLE", "foreign": "UNTRUSTED_ISSUER"}
    assert done.json["verdict"] == expected[damage]
    assert done.code != 0


def test_offline_without_evidence_decides_nothing(site: Site) -> None:
    path = site.file("paper.pdf", sample("valid").content)

    for argument in (path, sample("valid").identifier):
        done = site.bare("verify", argument, "--offline", "--trust", site.trust)
        assert done.code == 3


def test_without_trust_there_is_no_verdict(site: Site) -> None:
    path = site.file("paper.pdf", sample("valid").content)

    done = site.bare("verify", path, "--node", site.nodes[0].url, "--json")

    assert done.code == 2
    assert done.json["error"]["code"] == "TRUST_MISSING"


def test_a_trust_file_that_is_none_is_this_machines_fault(site: Site) -> None:
    path = site.file("paper.pdf", sample("valid").content)
    site.file("trust.json", b"{}")

    done = site.bare("verify", path, "--node", site.nodes[0].url, "--trust", "trust.json")

    assert done.code == 5


def test_a_person_sees_both_words_the_checks_and_the_kind_of_chain(site: Site) -> None:
    path = site.file("paper.pdf", sample("revoked").content)

    done = site.kun("verify", path, *_AS_OF)

    assert done.out.startswith("已撤销 REVOKED\n")
    assert done.out.count("✓") == 5
    assert "2026-03-02T10:00:30.000+08:00" in done.out


@pytest.mark.parametrize(
    ("option", "value"), [("--as-of", "yesterday"), ("--max-age", "old"), ("--as-of", "2026-13")]
)
def test_a_malformed_time_is_a_usage_error(site: Site, option: str, value: str) -> None:
    path = site.file("paper.pdf", sample("valid").content)

    done = site.kun("verify", path, option, value, "--json")

    assert done.code == 2
    assert option in done.json["error"]["message"]


def test_no_name_of_a_file_leaves_this_machine(site: Site) -> None:
    path = site.file("zhang-san.pdf", sample("valid").content)

    site.kun("verify", path, *_AS_OF)

    assert not any("zhang" in line for node in site.nodes for line in node.seen)
    assert Path(path).exists()


def test_an_older_block_than_was_seen_before_decides_nothing_and_names_the_nodes(
    site: Site,
) -> None:
    path = site.file("paper.pdf", sample("valid").content)
    assert site.kun("verify", path, *_AS_OF).code == 0
    for node in site.nodes:
        node.header = site.evidence.header(height=11)

    done = site.kun("verify", path, *_AS_OF, "--json")

    assert (done.json["verdict"], done.code) == ("CANNOT_DECIDE", 3)
    told = {one["node"]: one["detail"] for one in done.json["reports"]}
    assert set(told) == {node.url for node in site.nodes}
    assert all("height 11, older than 12" in detail for detail in told.values())


def test_a_fork_ends_with_3_and_a_file_that_anybody_can_check(site: Site) -> None:
    path = site.file("paper.pdf", sample("valid").content)
    assert site.kun("verify", path, *_AS_OF).code == 0
    for node in site.nodes:
        node.header = site.evidence.header(time_ms=TIME_MS + 1)

    done = site.kun("verify", path, *_AS_OF, "--json")

    assert (done.code, done.json["error"]["code"]) == (3, "ChainForked")
    (file,) = (site.path / "state").glob("fork-*.json")
    assert str(file) in done.json["error"]["message"]
    checked = site.bare("audit", "verify", str(file), "--trust", site.trust, "--json")
    assert (checked.code, checked.json["kind"], checked.json["height"]) == (0, "fork", 12)
    assert checked.json["signed_both"] == [0, 1, 3]
    for words in (("verify", path, *_AS_OF), ("trust", "export")):
        again = site.kun(*words)
        assert (again.code, str(file) in again.err) == (3, True)


def test_a_state_that_proves_nothing_is_refused_by_name(site: Site) -> None:
    path = site.file("paper.pdf", sample("valid").content)
    assert site.kun("verify", path, *_AS_OF).code == 0
    (state,) = (site.path / "state").glob("*.json")
    state.write_bytes(state.read_bytes().replace(b'"height": 12', b'"height": 99'))

    done = site.kun("verify", path, *_AS_OF)

    assert done.code == 5
    assert str(state) in done.err
