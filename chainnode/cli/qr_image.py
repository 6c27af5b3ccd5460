"""The QR code of a certificate as an image: correction level M, address and digits in two modes.

The address is written byte by byte, the digits behind it in the alphanumeric mode, where they
cost two thirds of that (ADR-0020).
"""

from pathlib import Path
from urllib.parse import urlsplit

from segno import QRCode, make_qr

from chainnode.cli.exits import UsageProblem
from chainnode.cli.words import Text
from chainnode.verify.qr_text import FRAGMENT, text_of

# The quiet zone that the standard asks for (ISO/IEC 18004 §5.3.8).
BORDER_MODULES = 4
ADDRESS_CHARACTERS_MAX = 256
_CORRECTION = "m"
_KINDS = {".svg": "svg", ".png": "png"}


def qr_code(payload: bytes, address: str | None) -> QRCode:
    """Return the code of a payload, behind an address or alone."""
    text = text_of(payload)
    parts = [text] if address is None else [f"{address}{FRAGMENT}", text]
    return make_qr(parts, error=_CORRECTION, boost_error=False)  # type: ignore[arg-type]  # its stub knows no segments


def write_image(code: QRCode, path: Path, *, scale: int) -> None:
    """Write a code as SVG or PNG, as the name of the file says; `scale` pixels a module.

    Raises:
        UsageProblem: another ending.

    """
    code.save(str(path), kind=image_kind(path), scale=scale, border=BORDER_MODULES)


def image_kind(path: Path) -> str:
    """Return the kind of image that a file name asks for.

    Raises:
        UsageProblem: neither SVG nor PNG.

    """
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise UsageProblem(
            "UNKNOWN_IMAGE",
            Text(f"图像须为 .svg 或 .png：{path}", f"an image is .svg or .png: {path}"),
        )
    return kind


def checked_address(address: str) -> str:
    """Return the address of a verification page, behind which the digits stand.

    Raises:
        UsageProblem: not http or https, or with a fragment, a space or a login of its own.

    """
    parts = urlsplit(address)
    is_plain = address.isascii() and address.isprintable() and " " not in address
    is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.username
    if not (is_plain and is_whole) or FRAGMENT in address or len(address) > ADDRESS_CHARACTERS_MAX:
        raise UsageProblem(
            "INVALID_ADDRESS",
            Text(
                f"--address 须为不带 # 的网址：{address!r:.80}",
                f"--address is a URL without #: {address!r:.80}",
            ),
        )
    return address
