"""Schemas of the contract `catalog`: what departments share, one owner for each item 一数一源."""

from enum import IntEnum
from typing import Annotated

from msgspec import Meta

from contracts.schemas.catalog_states import Grade, ItemState, Share
from contracts.schemas.codes import Code, Rejection
from contracts.schemas.shape import (
    INTEGER_MAX,
    PublicPart,
    Text,
    require_organisation,
    require_text,
)
from contracts.schemas.state import Row, Table
from contracts.schemas.text import ORGANISATION_CHARACTERS_MAX, ORGANISATION_CHARACTERS_MIN

NAME = "catalog"
VERSION = 1
# Fields of an item are the bits of an integer, and one of 53 bits is the widest there is.
FIELDS_MAX = 48
FIELD_BITS_MAX = 2**FIELDS_MAX - 1
# So that an item of 48 fields with names of two dozen ideographs fits the 4,096 bytes of a part.
FIELD_CHARACTERS_MAX = 32

FieldName = Annotated[str, Meta(min_length=1, max_length=FIELD_CHARACTERS_MAX)]
OptionalOrganisationId = Annotated[str, Meta(max_length=ORGANISATION_CHARACTERS_MAX)]


class CatalogOutcome(IntEnum):
    """Outcomes of accepted calls."""

    PUBLISHED = 1
    WITHDRAWN = 2


class Publish(PublicPart, frozen=True):
    """An item as it is from now on: its first version, or the next one."""

    item: Text
    version: Annotated[int, Meta(ge=1, le=INTEGER_MAX)]
    title: Text
    grade: Annotated[int, Meta(ge=int(min(Grade)), le=int(max(Grade)))]
    share: Annotated[int, Meta(ge=int(min(Share)), le=int(max(Share)))]
    fields: Annotated[tuple[FieldName, ...], Meta(min_length=1, max_length=FIELDS_MAX)]
    supervisor: OptionalOrganisationId

    def check(self) -> None:
        """Refuse illegal texts, a name given twice, and a supervisor that the grade forbids."""
        require_text(self, "item", self.item)
        require_text(self, "title", self.title)
        for name in self.fields:
            require_text(self, "fields", name)
        self._require_distinct_fields()
        self._require_supervisor_by_grade()

    def _require_distinct_fields(self) -> None:
        for position, name in enumerate(self.fields):
            if name in self.fields[:position]:
                raise Rejection(Code.CATALOG_FIELD_TWICE, (position,))

    def _require_supervisor_by_grade(self) -> None:
        """Grade 1 has none; every higher grade has one."""
        require_organisation(self, "supervisor", self.supervisor)
        low, high = ORGANISATION_CHARACTERS_MIN, ORGANISATION_CHARACTERS_MAX
        if self.grade == Grade.GENERAL:
            low = high = 0
        if not low <= len(self.supervisor) <= high:
            field = self.field("supervisor")
            raise Rejection(Code.WRONG_LENGTH, (field, low, high, len(self.supervisor)))


class Withdraw(PublicPart, frozen=True):
    """An item that is no longer offered; its next version offers it again."""

    item: Text

    def check(self) -> None:
        """Refuse an illegal text."""
        require_text(self, "item", self.item)


class ItemRow(Row, frozen=True):
    """An item of the catalogue; the number of a field is its place in `fields`."""

    owner: str
    version: int
    title: str
    grade: int
    share: int
    fields: tuple[str, ...]
    supervisor: str
    is_withdrawn: int

    @property
    def state(self) -> ItemState:
        """Whether the item is offered."""
        return ItemState(self.is_withdrawn)

    @property
    def field_bits(self) -> int:
        """All fields of this version as bits."""
        return (1 << len(self.fields)) - 1


# Key: item.
ITEMS = Table(NAME, "item", ItemRow)


def bits_of(names: tuple[str, ...], fields: tuple[str, ...]) -> int:
    """Return the bits of these field names of an item.

    Raises:
        ValueError: a name that the item lacks.

    """
    unknown = [name for name in names if name not in fields]
    if unknown:
        raise ValueError(f"fields: expected names of {', '.join(fields)}, got {unknown[0]}")
    return sum(1 << number for number, name in enumerate(fields) if name in names)


def names_of(bits: int, fields: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the fields whose bits are set, in the order of the item."""
    return tuple(name for number, name in enumerate(fields) if bits >> number & 1)
