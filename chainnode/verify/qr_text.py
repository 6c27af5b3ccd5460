"""The text that a QR code carries: bytes in base 41, alone or behind an address (ADR-0020).

The 41 digits are in the alphanumeric set of QR codes and legal in a URL fragment. Every byte
string has one text: other characters and larger numbers are refused. docs/wire-format.md §13.
"""

from chainnode.verify.errors import UnreadableEvidence

TEXT_MARK = "KUN:"
FRAGMENT = "#"
# What the largest QR code of the lowest correction level holds as alphanumeric text.
PAYLOAD_BYTES_MAX = 2860
# The longest text of such a payload behind an address.
TEXT_CHARACTERS_MAX = 6144

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-/*.:"
_BASE = len(_DIGITS)
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}
# Two bytes make three digits, one byte makes two; one digit alone is nothing.
_GROUP_DIGITS, _GROUP_BYTES = 3, 2


def text_of(payload: bytes) -> str:
    """Return the text form."""
    groups = (payload[at : at + _GROUP_BYTES] for at in range(0, len(payload), _GROUP_BYTES))
    return TEXT_MARK + "".join(_group_text(group) for group in groups)


def url_of(payload: bytes, address: str) -> str:
    """Return the URL form: a browser keeps what stands behind `#` to itself."""
    return f"{address}{FRAGMENT}{text_of(payload)}"


def is_qr_text(text: str) -> bool:
    """Tell whether a text means to be the content of such a code, well-formed or not."""
    return text.startswith(TEXT_MARK) or f"{FRAGMENT}{TEXT_MARK}" in text


def payload_of(text: str) -> bytes:
    """Return the bytes of a text form or URL form.

    Raises:
        UnreadableEvidence: it is neither, or larger than a QR code.

    """
    if len(text) > TEXT_CHARACTERS_MAX:
        raise _unreadable(f"at most {TEXT_CHARACTERS_MAX} characters", f"{len(text)}")
    if not text.startswith(TEXT_MARK):
        text = text.partition(FRAGMENT)[2]
    if not text.startswith(TEXT_MARK):
        raise _unreadable(f"{TEXT_MARK} and digits, alone or behind {FRAGMENT}", "another text")
    digits = text.removeprefix(TEXT_MARK)
    if len(digits) % _GROUP_DIGITS == 1:
        raise _unreadable("groups of three digits, two at the end", "one left over")
    groups = (digits[at : at + _GROUP_DIGITS] for at in range(0, len(digits), _GROUP_DIGITS))
    payload = b"".join(_group_bytes(group) for group in groups)
    if not 0 < len(payload) <= PAYLOAD_BYTES_MAX:
        raise _unreadable(f"1 to {PAYLOAD_BYTES_MAX} bytes", f"{len(payload)}")
    return payload


def _group_text(group: bytes) -> str:
    number = int.from_bytes(group)
    digits = []
    for _ in range(len(group) + 1):
        number, value = divmod(number, _BASE)
        digits.append(_DIGITS[value])
    return "".join(digits)


def _group_bytes(group: str) -> bytes:
    number = 0
    for digit in reversed(group):
        value = _VALUES.get(digit)
        if value is None:
            raise _unreadable("digits 0–9 A–Z - / * . :", ascii(digit))
        number = number * _BASE + value
    size = len(group) - 1
    if number >> 8 * size:
        raise _unreadable(f"a group below {1 << 8 * size}", f"{number}")
    return number.to_bytes(size)


def _unreadable(expected: str, actual: str) -> UnreadableEvidence:
    return UnreadableEvidence(check="qr text", expected=expected, actual=actual)
