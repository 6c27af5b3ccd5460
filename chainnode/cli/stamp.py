"""Writes a certificate's identifier into the metadata of a PDF, before it is hashed.

Needs `pypdf` (extra `demo`). The result is read back: a PDF whose stamp cannot be found again
is refused, because its identifier would not travel with it.
"""

import io

from chainnode.cli.exits import LocalProblem, UsageProblem
from chainnode.cli.words import Text
from chainnode.verify.discovery import PDF_KEY, pdf_identifier


def stamp_pdf(data: bytes, identifier: str) -> bytes:
    """Return the same PDF with the identifier in its metadata.

    Raises:
        UsageProblem: not a PDF that can be stamped.
        LocalProblem: `pypdf` is not installed.

    """
    try:
        from pypdf import PdfWriter
        from pypdf.errors import PyPdfError
    except ModuleNotFoundError as error:
        raise LocalProblem(
            "DEMO_EXTRA_MISSING",
            Text("--stamp 需要 pypdf", "--stamp needs pypdf"),
            hint=Text("pip install 'kunlian[demo]'", "pip install 'kunlian[demo]'"),
        ) from error
    sink = io.BytesIO()
    try:
        writer = PdfWriter(clone_from=io.BytesIO(data))
        writer.add_metadata({f"/{PDF_KEY}": identifier})
        writer.write(sink)
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _not_stampable() from error
    stamped = sink.getvalue()
    if pdf_identifier(stamped) != identifier:
        raise _not_stampable()
    return stamped


def _not_stampable() -> UsageProblem:
    return UsageProblem(
        "NOT_STAMPABLE",
        Text("--stamp：不是可写入标识的 PDF", "--stamp: not a PDF that can be stamped"),
        hint=Text("不带 --stamp：标识写在旁边的文件里", "without it the identifier stands beside"),
    )
