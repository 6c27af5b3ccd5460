"""A small chart of records per block: shapes for a template, with the same as words beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chainnode.console.news import BlockNews

WIDTH: Final = 600
HEIGHT: Final = 120
_GAP: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One block: a rectangle in the units of the picture, and what it stands for."""

    x: int
    y: int
    width: int
    height: int
    block: BlockNews


def bars(blocks: Sequence[BlockNews]) -> tuple[Bar, ...]:
    """Return one bar for each block; a block without records is a line of one unit."""
    if not blocks:
        return ()
    step = WIDTH // len(blocks)
    most = max(1, *(one.records for one in blocks))
    return tuple(
        _bar(one, at=number * step, step=step, most=most) for number, one in enumerate(blocks)
    )


def _bar(block: BlockNews, *, at: int, step: int, most: int) -> Bar:
    height = max(1, HEIGHT * block.records // most)
    return Bar(x=at, y=HEIGHT - height, width=max(1, step - _GAP), height=height, block=block)
