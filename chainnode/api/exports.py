"""`/v1/exports`: the node's signature under an export that an auditor made of its answer."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from chainnode.api.requests import bounded_body, require_media_type, service_of
from chainnode.service.exports import REQUEST_BYTES_MAX

router = APIRouter(tags=["audit"])

MEDIA_TYPE = "application/json"
_NO_STORE = {"Cache-Control": "no-store"}


@router.post("/v1/exports", operation_id="sign_export")
async def sign_export(request: Request) -> JSONResponse:
    """Sign a manifest that names a question recorded here, for who asked it."""
    require_media_type(request, MEDIA_TYPE)
    body = await bounded_body(request, bytes_max=REQUEST_BYTES_MAX)
    return JSONResponse(await service_of(request).exports.sign(body), headers=_NO_STORE)
