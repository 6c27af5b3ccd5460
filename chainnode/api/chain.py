"""Records, blocks, headers, epochs, consistency, certificates: the chain, with proofs."""

import asyncio
import base64
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse, Response

from chainnode.api.gate import LargeAnswer, hold_large_answer
from chainnode.api.problems import Problem
from chainnode.api.requests import service_of
from chainnode.verify.evidence import (
    STATE_KEY_BYTES_MAX,
    STATE_KEYS_CHARACTERS_MAX,
    STATE_KEYS_MAX,
)
from chainnode.verify.forms import RecordPlace
from chainnode.verify.qr_text import text_of

router = APIRouter(tags=["chain"])

_HEIGHT_MAX = 2**53 - 1
Position = Annotated[int, Path(ge=0, le=_HEIGHT_MAX)]
HeightFrom = Annotated[int, Query(alias="from", ge=1, le=_HEIGHT_MAX)]
HeightTo = Annotated[int, Query(alias="to", ge=0, le=_HEIGHT_MAX)]
StateKeyHex = Annotated[str, Path(pattern=r"^([0-9a-f]{2})+$", max_length=2 * STATE_KEY_BYTES_MAX)]
# Hexadecimal state keys with commas; a whole request line stays within a server's head.
StateKeysHex = Annotated[
    str, Query(pattern=r"^([0-9a-f]{2})+(,([0-9a-f]{2})+)*$", max_length=STATE_KEYS_CHARACTERS_MAX)
]
_IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable"}


@router.get("/v1/records/{position}", operation_id="record")
async def record(request: Request, position: Position) -> JSONResponse:
    """Return the evidence of the record at a log position (kind `record`)."""
    service = service_of(request)
    if position >= service.log_size:
        raise Problem(
            "NOT_FOUND", expected=f"a position below {service.log_size}", actual=str(position)
        )
    return JSONResponse(service.proofs.record(position))


@router.get("/v1/records/{position}/authored", operation_id="authored_record")
async def authored_record(
    request: Request, position: Position, place: RecordPlace = RecordPlace.LOG
) -> JSONResponse:
    """Return a record with the submission that its sender signed, in the log or in its block."""
    service = service_of(request)
    if position >= service.log_size:
        raise Problem(
            "NOT_FOUND", expected=f"a position below {service.log_size}", actual=str(position)
        )
    document = await asyncio.to_thread(service.authored_proofs.record, position, place)
    return JSONResponse(document)


@router.get("/v1/blocks/{height}", operation_id="block")
async def block(request: Request, height: Position) -> Response:
    """Return a whole certified block: header, certificate, batch, receipts.

    The entity tag is a weak one: every node has the same block under signatures of its own.
    """
    service = service_of(request)
    service.require_height(height)
    _require_signed(height)
    etag = f'W/"{service.header_digest(height)}"'
    headers = _IMMUTABLE | {"ETag": etag}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    hold_large_answer(request)
    return LargeAnswer(service.proofs.block(height), headers=headers)


@router.get("/v1/headers/latest", operation_id="latest_header")
async def latest_header(request: Request) -> JSONResponse:
    """Return the newest certified header and its certificate."""
    service = service_of(request)
    document = service.proofs.certified_header(service.stable_height)
    return JSONResponse(document, headers={"Cache-Control": "no-store"})


@router.get("/v1/headers/{height}", operation_id="header")
async def header(request: Request, height: Position) -> JSONResponse:
    """Return a certified header and a certificate for it; signers may differ by node."""
    service = service_of(request)
    service.require_height(height)
    _require_signed(height)
    return JSONResponse(service.proofs.certified_header(height))


@router.get("/v1/epochs", operation_id="epochs")
async def epochs(request: Request) -> JSONResponse:
    """Return how each earlier epoch ended, oldest first: what leads from genesis to today."""
    items = service_of(request).proofs.links
    document = {"items": [*items], "complete": True, "incomplete_because": None}
    return JSONResponse(document, headers={"Cache-Control": "no-store"})


@router.get("/v1/consistency", operation_id="consistency")
async def consistency(request: Request, older: HeightFrom, newer: HeightTo) -> JSONResponse:
    """Return the evidence that the log at height `to` continues that at `from` (`consistency`)."""
    service = service_of(request)
    service.require_height(newer)
    if older > newer:
        raise Problem("INVALID_PARAMETER", expected=f"from ≤ {newer}", actual=str(older))
    return JSONResponse(service.proofs.consistency(older, newer))


@router.get("/v1/state/{key}", operation_id="state")
async def state(request: Request, key: StateKeyHex) -> JSONResponse:
    """Return the evidence of a row of the state, or of its absence, now (kind `state`).

    `key` is the state key of docs/wire-format.md §9 and §14 in lower hex.
    """
    document = service_of(request).proofs.state(bytes.fromhex(key))
    return JSONResponse(document, headers={"Cache-Control": "no-store"})


@router.get("/v1/states", operation_id="states")
async def states(request: Request, keys: StateKeysHex) -> Response:
    """Return the evidence of several rows, or of their absence, at one height (kind `state`)."""
    asked = dict.fromkeys(bytes.fromhex(one) for one in keys.split(","))
    if len(asked) > STATE_KEYS_MAX or max(map(len, asked)) > STATE_KEY_BYTES_MAX:
        raise Problem(
            "INVALID_PARAMETER",
            expected=f"≤ {STATE_KEYS_MAX} keys of ≤ {STATE_KEY_BYTES_MAX} bytes",
            actual=f"{len(asked)} keys",
        )
    hold_large_answer(request)
    document = service_of(request).proofs.state(*asked)
    return LargeAnswer(document, headers={"Cache-Control": "no-store"})


@router.get("/v1/certificates/{identifier}", operation_id="certificate")
async def certificate(request: Request, identifier: str) -> JSONResponse:
    """Return the evidence of a certificate's state, or of its absence (kind `certificate`)."""
    service = service_of(request)
    service.require_identifier(identifier)
    return JSONResponse(
        service.proofs.certificate(file_digest=None, identifier=identifier),
        headers={"Cache-Control": "no-store"},
    )


@router.get("/v1/certificates/{identifier}/compact", operation_id="compact_certificate")
async def compact_certificate(request: Request, identifier: str) -> JSONResponse:
    """Return the compact proof that a certificate was issued, for a QR code; signers may differ."""
    service = service_of(request)
    service.require_identifier(identifier)
    # The path runs over all entries of the block.
    compact = await asyncio.to_thread(service.compact_proofs.certificate, identifier)
    if compact is None:
        raise Problem("NOT_FOUND", expected="a certificate on the chain", actual="none")
    return JSONResponse(
        {"compact": base64.b64encode(compact).decode("ascii"), "text": text_of(compact)}
    )


def _require_signed(height: int) -> None:
    """Refuse genesis where a certificate is asked for: there will never be one."""
    if height == 0:
        raise Problem("GENESIS_UNSIGNED")
