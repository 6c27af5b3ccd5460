"""Codes as images are read back, byte for byte, by another library's reader."""

import io
import random
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from chainnode.cli.exits import UsageProblem
from chainnode.cli.qr_image import BORDER_MODULES, qr_code, write_image
from chainnode.verify.qr_text import payload_of, text_of, url_of
from tests.builders_compact import FULL_ISSUE, Paper, packed

ADDRESS = "https://verify.kunlian.example/verify"
PAPERS = {
    "block of 1": Paper(entries=1, index=0),
    "block of 16": Paper(),
    "sm, block of 64": Paper(suite_name="sm", entries=64, index=63),
    "7 members, block of 64": Paper(members=7, entries=64),
    "10 members, all shown": Paper(members=10, part=FULL_ISSUE, private=b"private"),
}
# Among a hundred thousand dots something may look like a bar code of another kind.
QR_CODES = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)


def image_of(payload: bytes, address: str | None, *, scale: int) -> Image.Image:
    written = io.BytesIO()
    qr_code(payload, address).save(written, kind="png", scale=scale, border=BORDER_MODULES)
    return Image.open(written).convert("L")


def read(image: Image.Image) -> str:
    (found,) = zxingcpp.read_barcodes(image, formats=QR_CODES)
    text: str = found.text
    return text


@pytest.mark.parametrize("name", PAPERS)
@pytest.mark.parametrize("scale", [2, 3, 5])
def test_every_size_of_code_is_read_back(name: str, scale: int) -> None:
    payload = packed(PAPERS[name].proof())
    assert read(image_of(payload, ADDRESS, scale=scale)) == url_of(payload, ADDRESS)
    assert read(image_of(payload, None, scale=scale)) == text_of(payload)


@pytest.mark.parametrize("degrees", [7, 45, 90, 180, 271])
def test_a_turned_code_is_read_back(degrees: int) -> None:
    payload = packed(PAPERS["block of 16"].proof())
    image = image_of(payload, ADDRESS, scale=5)
    turned = image.rotate(degrees, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC)
    assert payload_of(read(turned)) == payload


@pytest.mark.parametrize("seed", range(5))
def test_a_noisy_code_is_read_back(seed: int) -> None:
    payload = packed(PAPERS["7 members, block of 64"].proof())
    image = image_of(payload, ADDRESS, scale=5)
    chance = random.Random(seed)  # noqa: S311 - noise, not secrets
    pixels = bytearray(image.tobytes())
    for at in chance.sample(range(len(pixels)), len(pixels) // 50):
        pixels[at] = chance.randrange(256)
    noisy = Image.frombytes("L", image.size, bytes(pixels))
    assert payload_of(read(noisy)) == payload


def test_a_code_with_a_covered_corner_is_read_back_and_one_half_covered_is_not() -> None:
    payload = packed(PAPERS["block of 16"].proof())
    image = image_of(payload, ADDRESS, scale=4)
    side = image.size[0]
    # Level M mends 15 % of the codewords; the corner without a finder pattern holds a few.
    image.paste(255, (side * 4 // 5, side * 4 // 5, side, side))
    assert payload_of(read(image)) == payload
    image.paste(255, (side // 2, 0, side, side))
    assert not zxingcpp.read_barcodes(image)


def test_the_digits_stand_in_the_mode_that_is_made_for_them() -> None:
    payload = packed(PAPERS["block of 16"].proof())
    assert qr_code(payload, None).mode == "alphanumeric"
    assert int(qr_code(payload, None).version) == 20
    assert int(qr_code(payload, ADDRESS).version) == 21
    assert qr_code(payload, ADDRESS).error == "M"


def test_images_are_written_as_the_name_of_the_file_says(tmp_path: Path) -> None:
    code = qr_code(packed(PAPERS["block of 16"].proof()), ADDRESS)
    svg, png = tmp_path / "code.SVG", tmp_path / "code.png"
    write_image(code, svg, scale=4)
    write_image(code, png, scale=4)
    assert b"<svg" in svg.read_bytes()
    modules = 17 + 4 * int(code.version) + 2 * BORDER_MODULES
    with Image.open(png) as image:
        assert image.size == (4 * modules, 4 * modules)
    with pytest.raises(UsageProblem, match="UNKNOWN_IMAGE"):
        write_image(code, tmp_path / "code.pdf", scale=4)


@pytest.mark.parametrize(
    ("members", "entries", "size", "version"),
    [
        *((4, 1, 477, 18), (4, 16, 606, 21), (4, 64, 670, 22)),
        *((7, 1, 606, 21), (7, 16, 735, 23), (7, 64, 799, 24)),
        (10, 64, 929, 26),
    ],
)
def test_the_sizes_are_those_of_the_documents(
    members: int, entries: int, size: int, version: int
) -> None:
    for suite, more in (("intl", 0), ("sm", 1)):
        paper = Paper(suite_name=suite, members=members, entries=entries, index=entries - 1)
        payload = packed(paper.proof())
        assert len(payload) == size + more
        assert qr_code(payload, ADDRESS).version == version
        assert payload_of(read(image_of(payload, ADDRESS, scale=3))) == payload
