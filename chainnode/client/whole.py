"""A question taken to the end of its answer, page by page."""

from collections.abc import Sequence

from chainnode.client.asking import PAGE_ROWS_MAX
from chainnode.client.clients import Client
from chainnode.client.results import AuditAnswer
from contracts.schemas.audit import Basis
from contracts.schemas.index_kinds import IndexKind


def whole_answer(
    client: Client,
    kind: IndexKind,
    values: Sequence[bytes | str],
    *,
    purpose: str,
    period: tuple[int, int] = (0, 0),
    basis: Basis = Basis.SUPERVISION,
    rows_max: int | None = None,
) -> AuditAnswer:
    """Record a question and return its answer with all rows, or with `rows_max` of them.

    Raises:
        QuestionNotRecorded: refused by the chain, or not final in time.
        CannotDecide: recorded, but no node gave an answer that can be checked.

    """
    size = PAGE_ROWS_MAX if rows_max is None else min(rows_max, PAGE_ROWS_MAX)
    answer = client.question(kind, values, purpose=purpose, period=period, basis=basis, limit=size)
    while answer.next_cursor is not None and (rows_max is None or len(answer.items) < rows_max):
        left = size if rows_max is None else min(size, rows_max - len(answer.items))
        answer = client.next_page(answer, limit=left)
    return answer
