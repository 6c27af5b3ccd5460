"""`kun cert qr` and `kun verify` of a code, over real HTTP and a real chain's answers."""

import base64
import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from chainnode.cli.main import run
from chainnode.genesis import write_genesis_file
from chainnode.verify.compact_form import (
    CompactProof,
    decode_compact,
    encode_compact,
)
from chainnode.verify.qr_text import payload_of, text_of
from contracts.schemas.identifiers import generic_identifier
from tests.builders import ORGANISATIONS, genesis_of
from tests.sites import Site as Chain
from tests.unit.chainnode.cli.conftest import Done, FakeNode
from tests.unit.contracts.builders import ISSUE, REVOKE, changed

IDENTIFIER = str(generic_identifier(issuer=ORGANISATIONS[0], entropy=b"the certificate!"))
OTHER = str(generic_identifier(issuer=ORGANISATIONS[0], entropy=b"another one     "))
FILE = b"the bytes of a certificate"
# The chain's blocks are of the seconds after 2026-05-28T20:26:40Z.
AS_OF = ("--as-of", "2026-05-29T04:27:00+08:00")


@dataclass
class Counter:
    """A node, and the files and words of whoever stands before it."""

    chain: Chain
    node: FakeNode
    folder: Path
    capture: pytest.CaptureFixture[str]

    def file(self, name: str, data: bytes) -> str:
        (self.folder / name).write_bytes(data)
        return str(self.folder / name)

    def shows(self, *identifiers: str) -> None:
        """Let the node answer for these certificates as of now."""
        service = self.chain.service()
        for one in identifiers:
            compact = service.compact_proofs.certificate(one)
            if compact is not None:
                told = {"compact": base64.b64encode(compact).decode()}
                self.node.says(f"/v1/certificates/{one}/compact", told)
            judged = service.judge(file_digest=None, identifier=one, as_of_ms=None)
            self.node.says(f"/verify?id={one}", judged)

    def kun(self, *words: str) -> Done:
        """Run a command over the node."""
        return self.bare(*words, "--node", self.node.url)

    def bare(self, *words: str) -> Done:
        """Run a command that knows the trust and no node."""
        self.capture.readouterr()
        code = run((*words, "--trust", str(self.folder / "genesis.json"), "--json"))
        out, err = self.capture.readouterr()
        return Done(code=code, out=out, err=err)

    def text(self) -> str:
        """Return what the certificate's code says."""
        told = self.kun("cert", "qr", IDENTIFIER, "--raw").json["text"]
        assert isinstance(told, str)
        return told


@pytest.fixture(params=["sm", "intl"])
def counter(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    fake_node: Callable[[], FakeNode],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Counter]:
    for name in ("KUN_DIR", "KUN_NODE", "KUN_TRUST", "KUN_VERIFY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KUN_LANG", "en")
    monkeypatch.setenv("KUN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    chain = Chain(tmp_path / "node", genesis=genesis_of(request.param))
    digest = chain.suite.digest(FILE)
    chain.grow(
        chain.submission(changed(ISSUE, identifier=IDENTIFIER, file_digest=digest), private=b"")
    )
    write_genesis_file(tmp_path / "genesis.json", chain.genesis)
    made = Counter(chain=chain, node=fake_node(), folder=tmp_path, capture=capsys)
    made.shows(IDENTIFIER, OTHER)
    yield made
    chain.close()


def checks(done: Done) -> dict[str, str]:
    return {one["name"]: one["result"] for one in done.json["checks"]}


def test_a_code_is_printed_with_what_it_says(counter: Counter) -> None:
    done = counter.kun("cert", "qr", IDENTIFIER, "--address", "https://verify.example/v")

    assert done.code == 0
    told = done.json
    assert (told["kind"], told["identifier"], told["height"]) == ("proof", IDENTIFIER, 1)
    assert told["digest"].endswith(counter.chain.suite.digest(FILE).hex())
    assert told["text"].startswith("https://verify.example/v#KUN:")
    assert told["bytes"] == len(payload_of(told["text"]))
    assert (told["file"], told["devnet"]) == (None, True)
    by_node = counter.kun("cert", "qr", IDENTIFIER).json["text"]
    assert by_node.startswith(f"{counter.node.url}/verify#KUN:")


def test_a_node_whose_proof_fails_prints_nothing(counter: Counter) -> None:
    payload = payload_of(counter.text())
    forged = payload[:-1] + bytes([payload[-1] ^ 1])
    told = {"compact": base64.b64encode(forged).decode()}
    counter.node.says(f"/v1/certificates/{IDENTIFIER}/compact", told)

    done = counter.kun("cert", "qr", IDENTIFIER, "--out", "code.svg")

    assert done.code == 3
    assert not Path("code.svg").exists()
    other = counter.kun("cert", "qr", OTHER)
    assert other.code == 3


@pytest.mark.parametrize(
    "words",
    [
        ("1.2.156.3005.2.wrong",),
        (IDENTIFIER, "--out", "code.bmp"),
        (IDENTIFIER, "--address", "ftp://verify.example"),
        (IDENTIFIER, "--address", "https://verify.example/#there"),
        (IDENTIFIER, "--address", "https://verify.example/a b"),
    ],
)
def test_what_cannot_be_printed_is_a_usage_error(counter: Counter, words: tuple[str, ...]) -> None:
    assert counter.kun("cert", "qr", *words).code == 2


def test_a_code_beside_the_state_of_a_node_gets_the_verdict_of_the_state(counter: Counter) -> None:
    text = counter.text()
    path = counter.file("paper", FILE)

    alone = counter.kun("verify", text, *AS_OF)
    beside = counter.kun("verify", f"https://verify.example/v#{text}", "--file", path, *AS_OF)

    assert (alone.json["verdict"], alone.code) == ("VALID", 0)
    assert checks(alone)["content"] == "not_checked"
    assert (beside.json["verdict"], beside.code) == ("VALID", 0)
    assert set(checks(beside).values()) == {"pass"}
    assert beside.json["code"]["kind"] == "proof"


def test_the_code_of_a_revoked_certificate_says_so_as_soon_as_a_node_is_asked(
    counter: Counter,
) -> None:
    text = counter.text()
    counter.chain.grow(counter.chain.submission(changed(REVOKE, identifier=IDENTIFIER), nonce=1))
    counter.shows(IDENTIFIER)

    asked = counter.kun("verify", text, *AS_OF)
    offline = counter.bare("verify", text, "--offline", *AS_OF)

    assert (asked.json["verdict"], asked.code) == ("REVOKED", 1)
    assert (offline.json["verdict"], offline.code) == ("CANNOT_DECIDE", 3)


def test_a_code_alone_proves_the_issue_and_never_says_valid(counter: Counter) -> None:
    text = counter.text()
    good, bad = counter.file("good", FILE), counter.file("bad", b"another file")

    results = [
        counter.bare("verify", text, "--offline", "--file", good, *AS_OF),
        counter.bare("verify", text, "--offline", "--file", bad, *AS_OF),
        counter.bare("verify", text, "--offline", *AS_OF),
    ]

    assert [(one.json["verdict"], one.code) for one in results] == [("CANNOT_DECIDE", 3)] * 3
    assert [checks(one)["content"] for one in results] == ["pass", "fail", "not_checked"]
    for one in results:
        told = checks(one)
        assert (told["issuer"], told["quorum"]) == ("pass", "pass")
        assert (told["history"], told["freshness"]) == ("not_checked", "fail")
        assert (one.json["identifier"], one.json["issuer"]) == (IDENTIFIER, ORGANISATIONS[0])


def test_no_node_left_is_like_offline(counter: Counter) -> None:
    text = counter.text()
    counter.node.routes.clear()

    done = counter.kun("verify", text, *AS_OF)

    assert (done.json["verdict"], done.code) == ("CANNOT_DECIDE", 3)
    assert checks(done)["quorum"] == "pass"
    assert done.json["reports"]


def test_written_evidence_decides_beside_a_code_without_any_node(counter: Counter) -> None:
    text = counter.text()
    counter.kun("verify", text, "--evidence", "state.json", *AS_OF)
    counter.kun("verify", f"id:{OTHER}", "--evidence", "other.json", *AS_OF)
    path = counter.file("bad", b"another file")

    words = ("verify", text, "--offline", *AS_OF)
    good = counter.bare(*words, "--evidence", "state.json")
    changed_file = counter.bare(*words, "--evidence", "state.json", "--file", path)
    foreign = counter.bare(*words, "--evidence", "other.json")

    assert (good.json["verdict"], good.code) == ("VALID", 0)
    assert (changed_file.json["verdict"], changed_file.code) == ("TAMPERED", 1)
    assert (foreign.json["verdict"], foreign.code) == ("CANNOT_DECIDE", 3)


def test_a_file_that_is_not_that_of_the_code_is_tampered_when_the_state_is_known(
    counter: Counter,
) -> None:
    path = counter.file("bad", b"another file")

    done = counter.kun("verify", counter.text(), "--file", path, *AS_OF)

    assert (done.json["verdict"], done.code) == ("TAMPERED", 1)
    assert checks(done)["content"] == "fail"


def test_a_code_comes_by_standard_input_or_in_a_file_too(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = counter.text()
    path = counter.file("scanned.txt", f"{text}\n".encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{text}\n".encode())))

    assert counter.kun("verify", "-", *AS_OF).json["verdict"] == "VALID"
    assert counter.kun("verify", path, *AS_OF).json["verdict"] == "VALID"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1],
        lambda text: text[:40],
        lambda text: text.lower().replace("kun:", "KUN:"),
        lambda _: "KUN:",
        lambda _: "https://verify.example/v",
        lambda _: "https://verify.example/v#KUN:",
        lambda text: text + "0" * 9000,
    ],
)
def test_a_code_that_does_not_decode_is_unreadable(
    counter: Counter, change: Callable[[str], str]
) -> None:
    done = counter.kun("verify", change(counter.text()), *AS_OF)

    assert (done.json["verdict"], done.code) == ("UNREADABLE", 2)


def test_a_forged_code_and_that_of_another_chain_ask_no_node(counter: Counter) -> None:
    proof = decode_compact(payload_of(counter.text()))
    assert isinstance(proof, CompactProof)
    later = text_of(_with(proof, height=proof.height + 1))
    foreign = text_of(_with(proof, chain_mark=proof.chain_mark ^ 1))
    counter.node.asked.clear()

    forged = counter.kun("verify", later, *AS_OF)
    other = counter.kun("verify", foreign, *AS_OF)

    assert (forged.json["verdict"], forged.code) == ("TAMPERED", 1)
    assert (other.json["verdict"], other.code) == ("UNTRUSTED_ISSUER", 1)
    assert counter.node.asked == []


def test_a_file_beside_anything_but_a_code_is_a_usage_error(counter: Counter) -> None:
    path = counter.file("paper", FILE)

    for subject in (path, f"id:{IDENTIFIER}", IDENTIFIER):
        done = counter.kun("verify", subject, "--file", path, *AS_OF)
        assert done.code == 2
        assert "FILE_WITHOUT_CODE" in done.out + done.err


def _with(proof: CompactProof, **fields: int) -> bytes:
    return encode_compact(replace(proof, **fields))  # type: ignore[arg-type]  # integer fields
