"""`/audit`: who looked at what. The signed question is itself recorded before the answer leaves.

No subject ever stands in a URL: the question travels in the body, further pages name it by
its digest.
"""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from chainnode.api.problems import Problem
from chainnode.api.requests import (
    bounded_body,
    digest_of,
    require_media_type,
    service_of,
    unless_disconnected,
    wait_seconds,
)
from chainnode.api.submissions import MEDIA_TYPE
from chainnode.submission import SubmissionDigest

router = APIRouter(tags=["audit"])

ROWS_PER_PAGE_MAX = 500
_WAIT_S = 30.0
_NO_STORE = {"Cache-Control": "no-store"}
Limit = Annotated[int, Query(ge=1, le=ROWS_PER_PAGE_MAX)]
Cursor = Annotated[str | None, Query(max_length=80)]
# One number of chunks for each of at most 16 values.
Held = Annotated[str | None, Query(max_length=300, pattern=r"^\d{1,15}(,\d{1,15}){0,15}$")]


@router.post("/audit", operation_id="audit")
async def audit(
    request: Request,
    question: Annotated[str | None, Query(max_length=80)] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
    chunks: Held = None,
) -> Response:
    """Record the question in the body, then answer it; or give a further page of `question`.

    `chunks`: how many chunks of each trail the client holds, in the order of the index keys;
    their rows are left out. Each page stands alone as evidence (kind `trail`).
    """
    service = service_of(request)
    if cursor is not None and question is None:
        raise Problem("INVALID_PARAMETER", expected="question beside cursor", actual="no question")
    if question is not None:
        digest = SubmissionDigest(digest_of(question, service))
    else:
        require_media_type(request, MEDIA_TYPE)
        body = await bounded_body(
            request, bytes_max=service.genesis.parameters.submission_bytes_max
        )
        timeout_s = wait_seconds(request, default=_WAIT_S)
        digest = await unless_disconnected(
            request, service.questions.record(body, timeout_s=timeout_s)
        )
    held = tuple(int(one) for one in chunks.split(",")) if chunks else ()
    answer = await service.questions.answer(digest, cursor=cursor, limit=limit, held_chunks=held)
    # A page may have 1.5 MB: the loop stands still while it is encoded, here for a few ms.
    return Response(msgspec.json.encode(answer), headers=_NO_STORE, media_type="application/json")
