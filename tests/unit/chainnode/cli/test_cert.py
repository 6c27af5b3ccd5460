"""`kun cert`: what is registered, what travels with the file, and who may do it."""

import io
import json
from pathlib import Path

import pytest
from pypdf import PdfWriter

from chainnode.submission import decode_submission
from chainnode.verify.discovery import pdf_identifier, sidecar_identifier
from contracts.schemas import certificates
from contracts.schemas.codes import Code
from contracts.schemas.identifiers import parse_identifier
from contracts.schemas.shape import Schema
from tests.builders_evidence import ISSUER, sample
from tests.unit.chainnode.cli.conftest import Site

_ISSUE = Schema(certificates.Issue)


@pytest.fixture(autouse=True)
def known_key(site: Site) -> None:
    """The nodes say for whom the key acts."""
    site.alter_all(
        lambda path, told: {**told, "organisation": ISSUER} if "/keys/" in path else told
    )


def _registered(site: Site) -> certificates.Issue:
    bodies = [body for node in site.nodes for body in node.bodies]
    parameters = site.evidence.genesis.parameters
    submission = decode_submission(site.evidence.suite, bodies[-1], parameters)
    return _ISSUE.decode(submission.calls[0].public)


def test_a_file_is_registered_by_its_digest_and_its_identifier_lies_beside_it(site: Site) -> None:
    path = site.file("permit.txt", b"permit")

    done = site.kun("cert", "issue", path, "--json", signs=True)

    part = _registered(site)
    beside = sidecar_identifier(Path(path + ".kun.json").read_bytes())
    assert done.code == 0
    assert done.json["identifier"] == part.identifier == beside
    assert done.json["digest"] == f"sha256:{part.file_digest.hex()}"
    assert part.file_digest == site.evidence.suite.digest(b"permit")
    assert (done.json["record"], done.json["height"]) == (0, site.nodes[0].chain.height)
    assert (part.type, part.valid_to, part.holder_commitment) == ("generic", 0, b"")
    assert parse_identifier(part.identifier).issuer == ISSUER
    assert Path(path).read_bytes() == b"permit"


def test_two_certificates_of_one_moment_have_different_serials(site: Site) -> None:
    first = site.kun("cert", "issue", site.file("a", b"a"), "--json", signs=True)
    second = site.kun("cert", "issue", site.file("b", b"b"), "--json", signs=True)

    assert first.json["identifier"] != second.json["identifier"]


def test_days_are_registered_as_they_were_given(site: Site) -> None:
    path = site.file("permit.txt", b"permit")

    site.kun(
        *("cert", "issue", path, "--valid-from", "2026-03-01", "--valid-to", "20270228"),
        signs=True,
    )

    part = _registered(site)
    assert (part.valid_from, part.valid_to) == (20260301, 20270228)


def _pdf() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(width=100, height=100)
    sink = io.BytesIO()
    writer.write(sink)
    return sink.getvalue()


def test_a_stamped_pdf_carries_its_identifier_and_is_what_was_registered(site: Site) -> None:
    path = site.file("permit.pdf", _pdf())

    done = site.kun("cert", "issue", path, "--stamp", "--json", signs=True)

    data = Path(path).read_bytes()
    assert pdf_identifier(data) == done.json["identifier"]
    assert _registered(site).file_digest == site.evidence.suite.digest(data)
    assert not Path(path + ".kun.json").exists()


def test_a_pdf_is_left_alone_without_stamp(site: Site) -> None:
    path = site.file("permit.pdf", _pdf())

    site.kun("cert", "issue", path, "--quiet", signs=True)

    assert Path(path).read_bytes() == _pdf()


@pytest.mark.parametrize("content", [b"not a pdf", b"%PDF-1.4\nbroken"], ids=["text", "broken"])
def test_what_cannot_be_stamped_is_refused_and_not_touched(site: Site, content: bytes) -> None:
    path = site.file("permit.pdf", content)

    done = site.kun("cert", "issue", path, "--stamp", "--json", signs=True)

    assert (done.code, done.json["error"]["code"]) == (2, "NOT_STAMPABLE")
    assert Path(path).read_bytes() == content


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        (Code.ROLE_MISSING, 4),
        (Code.UNKNOWN_KEY, 4),
        (Code.KEY_NOT_VALID, 4),
        (Code.CERTIFICATES_FILE_KNOWN, 1),
        (Code.EXPIRED, 1),
    ],
)
def test_a_refusal_of_the_chain_is_named_and_leaves_nothing_beside_the_file(
    site: Site, code: Code, exit_code: int
) -> None:
    path = site.file("permit.txt", b"permit")
    chain = site.nodes[0].chain
    chain.refuse_with, chain.refusals_left = code, 10

    done = site.kun("cert", "issue", path, "--json", signs=True)

    assert (done.code, done.json["error"]["code"]) == (exit_code, code.name)
    assert not Path(path + ".kun.json").exists()


@pytest.mark.parametrize(("code", "exit_code"), [("UNKNOWN_KEY", 4), ("VALID_TOO_LONG", 1)])
def test_a_refusal_at_the_door_is_named(site: Site, code: str, exit_code: int) -> None:
    path = site.file("permit.txt", b"permit")
    for node in site.nodes:
        node.problem, node.problem_at = (403, code), "/v1/submissions"

    done = site.kun("cert", "issue", path, "--json", signs=True)

    assert (done.code, done.json["error"]["code"]) == (exit_code, code)


def test_without_a_node_nothing_is_decided(site: Site) -> None:
    path = site.file("permit.txt", b"permit")
    for node in site.nodes:
        node.problem = (503, "DOWN")

    done = site.kun("cert", "issue", path, "--json", signs=True)

    assert done.code == 3


@pytest.mark.parametrize(("what", "code"), [("mode", 5), ("missing", 5), ("unnamed", 2)])
def test_a_key_that_must_not_be_used_is_this_machines_fault(
    site: Site, what: str, code: int
) -> None:
    path = site.file("permit.txt", b"permit")
    if what == "mode":
        (site.path / "key.json").chmod(0o644)
    elif what == "missing":
        (site.path / "key.json").unlink()

    done = site.kun("cert", "issue", path, "--json", signs=what != "unnamed")

    assert done.code == code


@pytest.mark.parametrize(("name", "code"), [("missing.pdf", 2), ("empty.pdf", 2)])
def test_a_file_that_cannot_be_read_is_a_usage_error(site: Site, name: str, code: int) -> None:
    site.file("empty.pdf", b"")

    assert site.kun("cert", "issue", name, signs=True).code == code


def test_an_import_carries_the_state_and_since_when(site: Site) -> None:
    path = site.file("old.txt", b"old")

    site.kun(
        *("cert", "import", path, "--valid-from", "2020-01-01", "--valid-to", "2021-01-01"),
        *("--state", "7"),
        signs=True,
    )

    bodies = [body for node in site.nodes for body in node.bodies]
    submission = decode_submission(
        site.evidence.suite, bodies[-1], site.evidence.genesis.parameters
    )
    part = Schema(certificates.Import).decode(submission.calls[0].public)
    assert (part.state, part.code) == (7, "7")
    assert part.since_ms == 1_577_808_000_000


def test_a_revocation_names_the_certificate_and_the_reason(site: Site) -> None:
    identifier = sample("valid").identifier

    done = site.kun("cert", "revoke", identifier, "--reason", "fraud", "--json", signs=True)

    assert done.code == 0
    assert done.json["identifier"] == identifier


def test_the_whole_history_of_a_certificate_is_shown(site: Site) -> None:
    done = site.kun("cert", "show", sample("revoked").identifier, "--json")

    history = done.json["certificate"]["history"]
    assert [one["state"] for one in history] == [2, 6]
    assert done.json["certificate"]["issuer"] == ISSUER


def test_an_unknown_certificate_has_no_row(site: Site) -> None:
    unknown = "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U"

    done = site.kun("cert", "show", unknown, "--json")

    assert done.json["certificate"] is None
    assert done.code != 0


def test_an_identifier_is_checked_without_any_network(site: Site) -> None:
    good = "1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F"

    right = site.bare("cert", "check-id", good, "--json")
    wrong = site.bare("cert", "check-id", good[:-1] + "G", "--json")

    assert (right.code, right.json["issuer"]) == (0, "11220000013544541J")
    assert (wrong.code, wrong.json["fault"]) == (1, "CHECK_CHARACTER")
    assert json.dumps(site.nodes[0].seen) == "[]"
