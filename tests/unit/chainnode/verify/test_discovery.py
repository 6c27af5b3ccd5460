"""The identifier travels with the file, and a hostile file gives at most a wrong hint."""

import io
import json
from pathlib import Path

import pytest

from chainnode.verify import SIDECAR_SUFFIX, UnreadableFile, discovery, read_file, sidecar_form
from chainnode.verify.discovery import pdf_identifier

IDENTIFIER = "1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F"


def pdf(entry: bytes) -> bytes:
    return b"%PDF-1.4\n1 0 obj\n<< /Producer (x) " + entry + b" >>\nendobj\n%%EOF\n"


@pytest.mark.parametrize(
    "entry",
    [
        f"/KunlianCertificate ({IDENTIFIER})".encode(),
        f"/KunlianCertificate({IDENTIFIER})".encode(),
        b"/KunlianCertificate (" + IDENTIFIER.replace(".", "\\056").encode() + b")",
        b"/KunlianCertificate\n<" + IDENTIFIER.encode().hex().encode() + b">",
        b"/KunlianCertificate <FEFF" + IDENTIFIER.encode("utf-16-be").hex().encode() + b">",
        f"/KunlianCertificate (old) /KunlianCertificate ({IDENTIFIER})".encode(),
    ],
)
def test_a_stamped_pdf_says_which_certificate_it_is(entry: bytes) -> None:
    assert pdf_identifier(pdf(entry)) == IDENTIFIER


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"/KunlianCertificate",
        b"/KunlianCertificate ()",
        b"/KunlianCertificate (open",
        b"/KunlianCertificate <zz>",
        b"/KunlianCertificate <FEFFD8>",
        b"/KunlianCertificate (\xe9)",
        b"/KunlianCertificate (" + b"9" * 129 + b")",
        b"/KunlianCertificate (" + b"9" * 5000 + b")",
        b"/KunlianCertificate /Name",
    ],
)
def test_a_broken_stamp_is_no_stamp(entry: bytes) -> None:
    assert pdf_identifier(pdf(entry)) is None


def test_what_is_no_pdf_is_not_searched() -> None:
    assert pdf_identifier(f"/KunlianCertificate ({IDENTIFIER})".encode()) is None


def test_a_stamp_by_pypdf_is_read() -> None:
    pypdf = pytest.importorskip("pypdf", reason="needs the package pypdf")
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    writer.add_metadata({"/KunlianCertificate": IDENTIFIER})
    written = io.BytesIO()
    writer.write(written)
    assert pdf_identifier(written.getvalue()) == IDENTIFIER


def test_a_long_hostile_pdf_is_scanned_in_one_pass() -> None:
    data = b"%PDF-" + b"/KunlianCertificate (" * 100_000
    assert pdf_identifier(data) is None


def test_a_file_of_any_kind_may_have_its_identifier_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "licence.ofd"
    file.write_bytes(b"content")
    beside = tmp_path / f"licence.ofd{SIDECAR_SUFFIX}"
    beside.write_text(json.dumps(sidecar_form(IDENTIFIER)), encoding="utf-8")
    read = read_file(file)
    assert (read.data, read.identifier) == (b"content", IDENTIFIER)


@pytest.mark.parametrize("text", ["", "{}", "x" * 5000, '{"format": "kunlian-certificate"}'])
def test_a_malformed_sidecar_gives_no_hint(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"content")
    (tmp_path / f"a{SIDECAR_SUFFIX}").write_text(text, encoding="utf-8")
    assert read_file(file).identifier is None


def test_the_stamp_goes_before_the_sidecar(tmp_path: Path) -> None:
    file = tmp_path / "a.pdf"
    file.write_bytes(pdf(f"/KunlianCertificate ({IDENTIFIER})".encode()))
    (tmp_path / f"a.pdf{SIDECAR_SUFFIX}").write_text(json.dumps(sidecar_form("other")))
    assert read_file(file).identifier == IDENTIFIER


def test_an_empty_file_and_a_directory_are_unreadable(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    for path in (empty, tmp_path):
        with pytest.raises(UnreadableFile):
            read_file(path)


def test_a_file_over_the_limit_is_unreadable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "FILE_BYTES_MAX", 7)
    exact, large = tmp_path / "exact", tmp_path / "large"
    exact.write_bytes(b"1234567")
    large.write_bytes(b"12345678")
    assert read_file(exact).data == b"1234567"
    with pytest.raises(UnreadableFile, match="more"):
        read_file(large)


def test_a_path_where_nothing_is_stays_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "missing")


def test_a_file_that_cannot_be_opened_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile):
        read_file(tmp_path / ("x" * 300))
