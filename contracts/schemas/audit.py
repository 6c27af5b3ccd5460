"""Schemas of the contract `audit`: questions to the log, which are records themselves.

docs/wire-format.md §18. Version 1, of chains with rules 1 and 2, is in `audit_1`.
"""

from enum import IntEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from contracts.schemas.call_words import CALL_ID_BYTES
from contracts.schemas.codes import Code, Rejection
from contracts.schemas.index_kinds import DISPUTE_ID_BYTES, IndexKind
from contracts.schemas.shape import (
    DIGEST_BYTES,
    SALT_BYTES,
    Natural,
    PublicPart,
    Salt,
    require_ascending,
    require_period,
)

NAME = "audit"
VERSION = 2
# Each value is an index key of the question's record, and so is the asking organisation.
VALUES_MAX = 9
SUBJECTS_MAX = VALUES_MAX
VALUE_BYTES_MAX = 240
# Array head, salt with its head, one character with its head: the shortest purpose in clear.
PRIVATE_BYTES_MIN = 1 + 2 + SALT_BYTES + 1 + 1
# Kinds whose values have one size.
_VALUE_BYTES = {
    IndexKind.SUBJECT: DIGEST_BYTES,
    IndexKind.TRACE: CALL_ID_BYTES,
    IndexKind.DISPUTE: DISPUTE_ID_BYTES,
}


class AuditOutcome(IntEnum):
    """Outcomes of accepted calls."""

    ASKED = 1


class Basis(IntEnum):
    """On what a question rests."""

    SUPERVISION = 1
    OWN_VIEW = 2
    DATA_QUALITY = 3
    OPERATION = 4


BASIS_WORDS = {
    Basis.SUPERVISION: "监督审计",
    Basis.OWN_VIEW: "本人查询",
    Basis.DATA_QUALITY: "数据质量",
    Basis.OPERATION: "运行维护",
}


class Question(PublicPart, frozen=True):
    """Which records are asked for and on what basis; period: `to_ms` 0 = no end."""

    kind: Annotated[int, Meta(ge=int(min(IndexKind)), le=int(max(IndexKind)))]
    values: Annotated[
        tuple[Annotated[bytes, Meta(min_length=1, max_length=VALUE_BYTES_MAX)], ...],
        Meta(max_length=VALUES_MAX),
    ]
    from_ms: Natural
    to_ms: Natural
    basis: Annotated[int, Meta(ge=int(min(Basis)), le=int(max(Basis)))]

    def check(self) -> None:
        """Refuse values out of order, a reversed period, and values that have another size."""
        require_ascending(self, "values", self.values)
        require_period(self.from_ms, self.to_ms)
        size = _VALUE_BYTES.get(IndexKind(self.kind))
        if size is not None:
            _require_size(self, self.values, size)


def require_subjects(part: PublicPart, values: tuple[bytes, ...], *, count_max: int) -> None:
    """Refuse more subjects of a question than its record is found by, and what is no token."""
    if len(values) > count_max:
        raise Rejection(Code.WRONG_LENGTH, (part.field("values"), 0, count_max, len(values)))
    _require_size(part, values, DIGEST_BYTES)


def _require_size(part: PublicPart, values: tuple[bytes, ...], size: int) -> None:
    for value in values:
        if len(value) != size:
            raise Rejection(Code.WRONG_LENGTH, (part.field("values"), size, size, len(value)))


class QuestionPrivate(msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True):
    """Private part in clear: why the question is asked."""

    salt: Salt
    purpose: str
