"""Sizes of compact proofs and their QR codes: the figures of docs/verification.md and ADR-0020.

`python -m benchmarks.bench_codes` prints two tables in Markdown: bytes and QR versions by group,
block and suite; and versions by alphabet. Correction level M everywhere. The last line of the
second table is what the bytes alone would need.
"""

import base64
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from segno import make_qr

from chainnode.cli.qr_image import qr_code
from chainnode.verify.compact import verify_compact
from chainnode.verify.compact_form import PROOF_BYTES_MAX, PROOF_MEMBERS_MAX
from tests.builders_compact import FULL_ISSUE, Paper, packed

ADDRESS = "https://verify.kunlian.example/verify"
MARK = f"{ADDRESS}#KUN:"
GROUPS, BLOCKS = (4, 7, 10), (1, 8, 16, 32, 64)
VERIFICATIONS = 200


def qr_version(*parts: str | bytes) -> int | str:
    """Return the version that segno chooses for segments in modes of their own."""
    return make_qr(list(parts), error="m", boost_error=False).version  # type: ignore[arg-type]  # its stub knows no segments


def sizes() -> Iterator[tuple[str, ...]]:
    """Yield the rows of the first table."""
    for members in GROUPS:
        for entries in BLOCKS:
            paper = Paper(members=members, entries=entries, index=entries - 1)
            intl = packed(paper.proof())
            sm = packed(replace(paper, suite_name="sm").proof())
            full = packed(replace(paper, part=FULL_ISSUE, private=b"private").proof())
            yield (
                f"{members}",
                f"{entries}",
                f"{len(intl)}",
                f"{len(sm)}",
                f"{qr_code(sm, ADDRESS).version}",
                f"{qr_code(sm, None).version}",
                _within_bound(full, members),
            )


def _within_bound(proof: bytes, members: int) -> str:
    is_proof = len(proof) <= PROOF_BYTES_MAX and members <= PROOF_MEMBERS_MAX
    return f"{len(proof)}" if is_proof else f"{len(proof)} → reference"


def _number_text(data: bytes, base: int) -> str:
    """Return the payload as one number in a base of up to 43 alphanumeric digits."""
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ$*+-./:"
    number, digits = int.from_bytes(b"\x01" + data), ""
    while number:
        number, value = divmod(number, base)
        digits += alphabet[value]
    return digits


ALPHABETS: dict[str, Callable[[bytes], tuple[str | bytes, ...]]] = {
    "base 41, groups of two bytes, alphanumeric mode": lambda data: (
        MARK,
        "A" * ((3 * len(data) + 1) // 2),
    ),
    "base 43, one number, alphanumeric mode": lambda data: (MARK, _number_text(data, 43)),
    "base 36, one number, alphanumeric mode": lambda data: (MARK, _number_text(data, 36)),
    "base32 (RFC 4648), alphanumeric mode": lambda data: (
        MARK,
        base64.b32encode(data).decode().rstrip("="),
    ),
    "decimal, one number, numeric mode": lambda data: (
        MARK,
        str(int.from_bytes(b"\x01" + data)),
    ),
    "base64url, byte mode": lambda data: (
        MARK + base64.urlsafe_b64encode(data).decode().rstrip("="),
    ),
    "base 41, no address": lambda data: ("A" * (4 + (3 * len(data) + 1) // 2),),
    "the bytes alone, no text at all": lambda data: (data,),
}


def alphabets() -> Iterator[tuple[str, ...]]:
    """Yield the rows of the second table."""
    papers = [Paper(members=one, entries=many, index=many - 1) for one, many in PAIRS]
    payloads = [packed(one.proof()) for one in papers]
    yield ("", *(f"{len(one)} bytes" for one in payloads))
    for name, parts in ALPHABETS.items():
        yield (name, *(f"{qr_version(*parts(one))}" for one in payloads))


PAIRS = ((4, 1), (4, 16), (4, 64), (7, 16), (7, 64), (10, 64))


def seconds(suite_name: str) -> float:
    """Return the mean time of one verification."""
    paper = Paper(suite_name=suite_name)
    data = packed(paper.proof())
    started = time.perf_counter()
    for _ in range(VERIFICATIONS):
        verify_compact(data, paper.trust)
    return (time.perf_counter() - started) / VERIFICATIONS


def main() -> None:
    """Print both tables."""
    for rows in (sizes(), alphabets()):
        for row in rows:
            print("|", " | ".join(row), "|")
        print()
    for suite_name in ("intl", "sm"):
        print(f"{suite_name}: {seconds(suite_name) * 1000:.2f} ms a verification")


if __name__ == "__main__":
    main()
