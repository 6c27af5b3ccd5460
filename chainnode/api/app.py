"""The HTTP API: one router per resource, one way for errors to leave, bounded bodies.

Reads nothing itself: every answer comes from `chainnode.service.NodeService`.
"""

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from chainnode.api import audit, chain, exports, node, stream, submissions, verify
from chainnode.api.addresses import Addresses
from chainnode.api.description import describe
from chainnode.api.gate import add_gate
from chainnode.api.problems import MEDIA_TYPE, Problem, problem_response
from chainnode.audit import ReadModelUnavailable
from chainnode.errors import InvalidInput
from chainnode.ledger.errors import Pruned
from chainnode.mempool import PoolRefusal
from chainnode.proving.evidence import NotCertified
from chainnode.service import NodeService, Refused
from chainnode.submission import InvalidSubmission

_STATUS_CODES = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}

_log = logging.getLogger(__name__)


def create_app(service: NodeService, addresses: Addresses) -> FastAPI:
    """Build the application of one node."""
    app = FastAPI(
        title="Kunlian 昆链",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        responses={
            "default": {
                "description": "A problem document (RFC 9457).",
                "content": {MEDIA_TYPE: {"schema": {"type": "object"}}},
            }
        },
    )
    app.state.service = service
    add_gate(app, addresses)
    stream.add_streams(app)
    _add_error_handlers(app, service)
    for router in (
        submissions.router,
        chain.router,
        stream.router,
        verify.router,
        audit.router,
        exports.router,
        node.router,
    ):
        app.include_router(router)
    describe(app)
    return app


def _add_error_handlers(app: FastAPI, service: NodeService) -> None:
    _add_refusals(app, service)
    _add_faults(app)


def _add_refusals(app: FastAPI, service: NodeService) -> None:
    """Refusals that know their code."""

    @app.exception_handler(Problem)
    async def on_problem(request: Request, error: Problem) -> Response:
        return problem_response(request, error)

    @app.exception_handler(InvalidSubmission)
    async def on_invalid_submission(request: Request, error: InvalidSubmission) -> Response:
        return problem_response(
            request, Problem(error.code, expected=error.expected, actual=error.actual)
        )

    @app.exception_handler(Refused)
    async def on_refused(request: Request, error: Refused) -> Response:
        return problem_response(
            request, Problem(error.code, expected=error.expected, actual=error.actual)
        )

    @app.exception_handler(PoolRefusal)
    async def on_pool_refusal(request: Request, error: PoolRefusal) -> Response:
        problem = Problem(error.code, expected=error.expected, actual=error.actual)
        return problem_response(request, problem)

    @app.exception_handler(Pruned)
    async def on_pruned(request: Request, error: Pruned) -> Response:
        return problem_response(
            request,
            Problem(
                "PRUNED",
                expected=f"{error.what} ≥ {error.oldest}",
                actual=str(error.asked),
                more=service.elsewhere(),
            ),
        )

    @app.exception_handler(ReadModelUnavailable)
    async def on_read_model_unavailable(request: Request, _: ReadModelUnavailable) -> Response:
        return problem_response(request, Problem("CATCHING_UP"))

    @app.exception_handler(NotCertified)
    async def on_not_certified(request: Request, error: NotCertified) -> Response:
        problem = Problem(
            "NOT_FINAL_YET" if error.stable_height else "NO_BLOCK_YET",
            expected=f"height {max(error.height, 1)} certified",
            actual=f"newest certified height {error.stable_height}",
        )
        return problem_response(request, problem)


def _add_faults(app: FastAPI) -> None:
    """Everything else that can end a request."""

    @app.exception_handler(ClientDisconnect)
    async def on_disconnect(request: Request, _: ClientDisconnect) -> Response:
        problem = Problem("MALFORMED", expected="a client that waits", actual="nobody")
        return problem_response(request, problem)

    @app.exception_handler(InvalidInput)
    async def on_invalid_input(request: Request, error: InvalidInput) -> Response:
        return problem_response(
            request, Problem("MALFORMED", expected="well-formed input", actual=str(error))
        )

    @app.exception_handler(RequestValidationError)
    async def on_validation(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return problem_response(
            request,
            Problem("INVALID_PARAMETER", expected=str(first["msg"]), actual=f"parameter {where}"),
        )

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        problem = Problem(_STATUS_CODES.get(error.status_code, "INVALID_PARAMETER"))
        return problem_response(request, problem, headers=error.headers or {})

    @app.exception_handler(Exception)
    async def on_unexpected(request: Request, error: Exception) -> Response:
        _log.error(
            "request_failed",
            exc_info=(type(error), error, None),
            extra={"method": request.method},
        )
        return problem_response(request, Problem("INTERNAL"))
