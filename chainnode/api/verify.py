"""`/verify`: is this certificate good? The verdict comes with the evidence it rests on.

The node's own verdict is a convenience; a client judges the same evidence by itself.
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from chainnode.api.page import page_answer, wants_page
from chainnode.api.problems import Problem
from chainnode.api.requests import digest_of, instant_of, service_of
from chainnode.service import NodeService

router = APIRouter(tags=["verify"])

# Scans of a whole file; the bytes are hashed as they come and never kept.
FILE_BYTES_MAX = 64 * 1024 * 1024
_FILE_S_MAX = 120.0
_NO_STORE = {"Cache-Control": "no-store"}
_OR_PAGE: dict[int | str, dict[str, object]] = {
    200: {
        "description": "The verdict with its evidence; without parameters a page for people.",
        "content": {"text/html": {"schema": {"type": "string"}}},
    }
}


@router.get("/verify", operation_id="verify", response_class=JSONResponse, responses=_OR_PAGE)
async def verify(
    request: Request,
    digest: Annotated[str | None, Query(max_length=80)] = None,
    id: Annotated[str | None, Query(max_length=256)] = None,  # noqa: A002 (public parameter name)
    as_of: Annotated[str | None, Query(max_length=40)] = None,
) -> Response:
    """Judge a certificate by its file's digest, its identifier, or both.

    Without parameters, and for `Accept: text/html`: the page that verifies in a browser.
    """
    if wants_page(request):
        return page_answer(request)
    service = service_of(request)
    if digest is None and id is None:
        raise Problem("INVALID_PARAMETER", expected="digest or id", actual="neither")
    file_digest = None if digest is None else digest_of(digest, service)
    return _answer(service, file_digest=file_digest, identifier=id, as_of=as_of)


@router.post("/verify", operation_id="verify_file")
async def verify_file(
    request: Request,
    id: Annotated[str | None, Query(max_length=256)] = None,  # noqa: A002 (public parameter name)
    as_of: Annotated[str | None, Query(max_length=40)] = None,
) -> JSONResponse:
    """Judge a file: its raw bytes are the body, hashed as they arrive and not kept."""
    try:
        async with asyncio.timeout(_FILE_S_MAX):
            digest = await _digest_of_body(request)
    except TimeoutError as error:
        raise Problem("SLOW_BODY") from error
    return _answer(service_of(request), file_digest=digest, identifier=id, as_of=as_of)


async def _digest_of_body(request: Request) -> bytes:
    if request.headers.get("content-type", "").lower().startswith("multipart/"):
        # Its envelope would be hashed too, and a good file would not be found.
        raise Problem(
            "UNSUPPORTED_MEDIA_TYPE", expected="the file's bytes as the body", actual="multipart"
        )
    hasher = service_of(request).suite.hasher()
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > FILE_BYTES_MAX:
            raise Problem("OVERSIZE", expected=f"at most {FILE_BYTES_MAX} bytes", actual="more")
        hasher.update(part)
    if size == 0:
        raise Problem("MALFORMED", expected="the bytes of a file", actual="an empty body")
    return hasher.digest()


def _answer(
    service: NodeService, *, file_digest: bytes | None, identifier: str | None, as_of: str | None
) -> JSONResponse:
    as_of_ms = None if as_of is None else instant_of(as_of)
    answer = service.judge(file_digest=file_digest, identifier=identifier, as_of_ms=as_of_ms)
    return JSONResponse(answer, headers=_NO_STORE)
