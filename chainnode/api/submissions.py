"""`/v1/submissions`: take one or many, wait for finality, and prove what became of them."""

import asyncio
from http import HTTPStatus

import msgpack
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from chainnode.api.problems import Problem, language_of, problem_document, request_id_of
from chainnode.api.requests import (
    bounded_body,
    digest_of,
    require_media_type,
    service_of,
    unless_disconnected,
    wait_seconds,
)
from chainnode.mempool import PoolRefusal
from chainnode.service import NodeService
from chainnode.submission import InvalidSubmission, SubmissionDigest
from chainnode.verify.strict_json import JsonObject

router = APIRouter(tags=["submissions"])

MEDIA_TYPE = "application/vnd.kunlian.submission+msgpack"
# Many small submissions in one request save round trips; more than this belong to a stream.
_SUBMISSIONS_PER_REQUEST_MAX = 4096
_BODY_BYTES_MAX = 4 * 1024 * 1024


@router.post("/v1/submissions", operation_id="submit")
async def submit(request: Request) -> JSONResponse:
    """Admit concatenated submissions; `Prefer: wait=5` waits for their finality.

    200: all of them are final. 202: some are pending. A single one that is refused is a
    problem; of many, each refused one says so in its place.
    """
    require_media_type(request, MEDIA_TYPE)
    blobs = split_submissions(await bounded_body(request, bytes_max=_BODY_BYTES_MAX))
    timeout_s = wait_seconds(request, default=0.0)
    outcomes = await unless_disconnected(request, _submit_all(request, blobs, timeout_s))
    pending = any(outcome["status"] == "pending" for outcome in outcomes)
    status = HTTPStatus.ACCEPTED if pending else HTTPStatus.OK
    return JSONResponse({"submissions": outcomes}, status_code=status)


@router.get("/v1/submissions/{digest}", operation_id="submission")
async def submission(request: Request, digest: str) -> JSONResponse:
    """Tell what became of a submission, with the proof once it is final."""
    service = service_of(request)
    wanted = SubmissionDigest(digest_of(digest, service))
    timeout_s = wait_seconds(request, default=0.0)
    if timeout_s:
        await unless_disconnected(request, service.outcomes.wait_final(wanted, timeout_s=timeout_s))
    outcome = service.outcomes.find(wanted)
    if outcome is None:
        raise Problem("UNKNOWN_SUBMISSION")
    return JSONResponse(outcome)


async def _submit_all(request: Request, blobs: list[bytes], timeout_s: float) -> list[JsonObject]:
    service = service_of(request)
    if len(blobs) == 1:
        return [await _submit_one(service, blobs[0], timeout_s)]
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_submit_of_many(request, service, blob, timeout_s)) for blob in blobs
        ]
    return [task.result() for task in tasks]


async def _submit_one(service: NodeService, blob: bytes, timeout_s: float) -> JsonObject:
    digest = await service.submit(blob)
    if timeout_s:
        await service.outcomes.wait_final(digest, timeout_s=timeout_s)
    return service.outcomes.find(digest) or service.outcomes.pending(digest)


async def _submit_of_many(
    request: Request, service: NodeService, blob: bytes, timeout_s: float
) -> JsonObject:
    try:
        return await _submit_one(service, blob, timeout_s)
    except InvalidSubmission as error:
        problem = Problem(error.code, expected=error.expected, actual=error.actual)
    except PoolRefusal as error:
        problem = Problem(error.code, expected=error.expected, actual=error.actual)
    document = problem_document(
        problem, lang=language_of(request), request_id=request_id_of(request)
    )
    return {"status": "refused", "problem": document}


def split_submissions(body: bytes) -> list[bytes]:
    """Cut a body into its submissions without decoding them twice.

    Raises:
        Problem: `MALFORMED`.

    """
    unpacker = msgpack.Unpacker(max_buffer_size=_BODY_BYTES_MAX)
    unpacker.feed(body)
    blobs: list[bytes] = []
    start = 0
    try:
        while start < len(body):
            unpacker.skip()
            blobs.append(body[start : unpacker.tell()])
            start = unpacker.tell()
            if len(blobs) > _SUBMISSIONS_PER_REQUEST_MAX:
                break
    except (msgpack.UnpackException, ValueError) as error:
        raise Problem(
            "MALFORMED", expected="whole submissions", actual=f"a broken one at byte {start}"
        ) from error
    if not 1 <= len(blobs) <= _SUBMISSIONS_PER_REQUEST_MAX:
        raise Problem(
            "MALFORMED",
            expected=f"1 to {_SUBMISSIONS_PER_REQUEST_MAX} submissions",
            actual=f"{len(blobs)}" if len(blobs) <= _SUBMISSIONS_PER_REQUEST_MAX else "more",
        )
    return blobs
