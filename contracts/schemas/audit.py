"""Schemas of the contract `audit`: questions to the log, which are records themselves."""

from enum import IntEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from contracts.schemas.codes import Code, Rejection
from contracts.schemas.index_kinds import KEYS_MAX, IndexKind
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
VERSION = 1
VALUES_MAX = 16
VALUE_BYTES_MAX = 240
# Each subject of a question is an index key of its record, and so is the asking organisation.
SUBJECTS_MAX = KEYS_MAX - 1
# Array head, salt with its head, one character with its head: the shortest purpose in clear.
PRIVATE_BYTES_MIN = 1 + 2 + SALT_BYTES + 1 + 1


class AuditOutcome(IntEnum):
    """Outcomes of accepted calls."""

    ASKED = 1


class Question(PublicPart, frozen=True):
    """Which records are asked for: index kind, values of it, period (`to_ms` 0 = no end)."""

    kind: Annotated[int, Meta(ge=int(min(IndexKind)), le=int(max(IndexKind)))]
    values: Annotated[
        tuple[Annotated[bytes, Meta(min_length=1, max_length=VALUE_BYTES_MAX)], ...],
        Meta(max_length=VALUES_MAX),
    ]
    from_ms: Natural
    to_ms: Natural

    def check(self) -> None:
        """Refuse values out of order, a reversed period, and subjects that are no tokens."""
        require_ascending(self, "values", self.values)
        require_period(self.from_ms, self.to_ms)
        if self.kind == IndexKind.SUBJECT:
            self._check_subjects()

    def _check_subjects(self) -> None:
        field = self.field("values")
        if len(self.values) > SUBJECTS_MAX:
            raise Rejection(Code.WRONG_LENGTH, (field, 0, SUBJECTS_MAX, len(self.values)))
        for value in self.values:
            if len(value) != DIGEST_BYTES:
                raise Rejection(Code.WRONG_LENGTH, (field, DIGEST_BYTES, DIGEST_BYTES, len(value)))


class QuestionPrivate(msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True):
    """Private part in clear: why the question is asked."""

    salt: Salt
    purpose: str
