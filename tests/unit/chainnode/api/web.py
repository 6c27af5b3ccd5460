"""An API over a site, asked without a socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from chainnode.genesis import Genesis
from chainnode.mempool import Mempool
from chainnode.submission import Submission
from chainnode.verify.strict_json import JsonObject, as_object
from tests.sites import Site

MEDIA_TYPE = "application/vnd.kunlian.submission+msgpack"


class Web:
    """A client of the application of one site."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.app = site.app()
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url="http://node",
        )

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=headers)

    async def post_bytes(self, path: str, content: bytes, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, content=content, headers=named)

    async def submit(self, *submissions: Submission | bytes, **headers: str) -> httpx.Response:
        content = b"".join(one if isinstance(one, bytes) else one.encoded for one in submissions)
        return await self.post_bytes(
            "/v1/submissions", content, **({"content_type": MEDIA_TYPE} | headers)
        )

    async def ask(self, question: Submission, query: str = "", **headers: str) -> httpx.Response:
        return await self.post_bytes(
            f"/audit{query}",
            question.encoded,
            **({"content_type": MEDIA_TYPE, "prefer": "wait=20"} | headers),
        )


@asynccontextmanager
async def web_of(
    folder: Path, *, genesis: Genesis | None = None, pool: Mempool | None = None
) -> AsyncIterator[Web]:
    site = Site(folder, genesis=genesis, pool=pool)
    web = Web(site)
    try:
        yield web
    finally:
        await web.client.aclose()
        site.close()


def problem_of(response: httpx.Response, code: str, status: int) -> JsonObject:
    """Check that an answer is a whole problem document of this code."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document = as_object(response.json(), "problem")
    assert document["code"] == code
    assert document["status"] == status
    assert document["type"] == f"urn:kunlian:problem:{code.lower().replace('_', '-')}"
    assert document["title"]
    assert "hint" in document
    assert document["request_id"] == response.headers["x-request-id"]
    assert len(str(document["request_id"])) == 16
    assert response.headers["cache-control"] == "no-store"
    return document
