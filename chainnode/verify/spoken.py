"""A trust anchor as 30 digits that two people can read to each other over the telephone.

25 digits are taken from a slow hash of the whole anchor (83 bits); the sixth digit of each group
of six tells at once that this group was misheard. docs/wire-format.md §11, ADR-0018.
"""

import re
from typing import Final

from chainnode.codec import encode
from chainnode.errors import InvalidInput
from chainnode.verify.trust import Trust

TRUST_TAG: Final = "kun.trust"
CODE_TAG: Final = "kun.fingerprint"
FORMAT_VERSION: Final = 1
# Makes each try of somebody who looks for a second anchor with the same code as dear.
ROUNDS: Final = 65_536
GROUPS: Final = 5
DIGITS: Final = 5
DIGEST_BYTES: Final = 32
# Damm's quasigroup of order 10: finds every wrong digit and every swap of neighbours.
_DAMM: Final = (
    *("0317598642", "7092154863", "4206871359", "1750983426", "6123045978"),
    *("3674209581", "5869720134", "8945362017", "9438617205", "2581436790"),
)
_SEPARATORS: Final = re.compile(r"[\s,.\-‐–—_·]+")
_TEXT_MAX: Final = 256


class UnreadableCode(InvalidInput):
    """Neither a spoken code nor a digest; `group` says which group was misheard, if one was."""

    def __init__(self, *, expected: str, actual: str, group: int | None = None) -> None:
        self.expected = expected
        self.actual = actual
        self.group = group
        super().__init__(f"fingerprint: expected {expected}, got {actual}")


def anchor_digest(trust: Trust) -> bytes:
    """Return what stands for the whole anchor: the chain id, or the digest of a trust file."""
    pinned = trust.checkpoint
    if pinned.header_digest is None:
        return trust.chain_id
    (epoch,) = trust.epochs
    return trust.suite.digest(
        encode(
            (
                TRUST_TAG,
                FORMAT_VERSION,
                trust.chain_id,
                trust.suite.name,
                trust.parameters.pairs,
                epoch,
                pinned.height,
                pinned.header_digest,
                pinned.time_ms,
                tuple(
                    (one.replica_id, one.organisation, one.vote_key) for one in trust.epochs[epoch]
                ),
            )
        )
    )


def spoken_code(trust: Trust) -> str:
    """Return five groups of six digits, with a blank between groups."""
    anchor = anchor_digest(trust)
    h = trust.suite.digest
    digest = h(encode((CODE_TAG, FORMAT_VERSION, anchor)))
    for _ in range(ROUNDS):
        digest = h(digest + anchor)
    digits = f"{int.from_bytes(digest) % 10 ** (GROUPS * DIGITS):0{GROUPS * DIGITS}}"
    payloads = (digits[at : at + DIGITS] for at in range(0, len(digits), DIGITS))
    return " ".join(
        payload + check_digit(group, payload) for group, payload in enumerate(payloads, start=1)
    )


def check_digit(group: int, payload: str) -> str:
    """Return the Damm check digit of a group; the number of the group counts, so order does."""
    interim = 0
    for digit in f"{group}{payload}":
        interim = int(_DAMM[interim][int(digit)])
    return str(interim)


def is_same(text: str, trust: Trust) -> bool:
    """Tell whether `text`, a spoken code or a digest in hex, is that of this anchor.

    Raises:
        UnreadableCode: it is neither.

    """
    compact = _SEPARATORS.sub("", text[:_TEXT_MAX]).lower()
    digest = compact.removeprefix(f"{trust.suite.hash_name}:")
    if re.fullmatch(rf"[0-9a-f]{{{2 * DIGEST_BYTES}}}", digest):
        return digest == anchor_digest(trust).hex()
    return _read(compact) == spoken_code(trust).replace(" ", "")


def _read(compact: str) -> str:
    """Return the digits of a spoken code in which every group agrees with its check digit."""
    size = DIGITS + 1
    if not re.fullmatch(rf"[0-9]{{{GROUPS * size}}}", compact):
        raise UnreadableCode(
            expected=f"{GROUPS} groups of {size} digits, or {2 * DIGEST_BYTES} hex digits",
            actual=f"{len(compact)} characters",
        )
    for group in range(1, GROUPS + 1):
        digits = compact[(group - 1) * size : group * size]
        if check_digit(group, digits[:DIGITS]) != digits[DIGITS]:
            raise UnreadableCode(
                expected="groups that agree with their last digit",
                actual=f"group {group} misheard",
                group=group,
            )
    return compact
