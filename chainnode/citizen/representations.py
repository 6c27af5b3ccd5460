"""For whom a person may act: asked of a service of the city, or read from a file.

The number travels in the body of one request, over TLS or to this machine, and comes back in no
error. What the source says is hostile: bounded, and taken only when it has its one form.
"""

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, Protocol

import httpx
import msgspec
from msgspec import Meta

from chainnode.citizen.config import RepresentationSettings
from chainnode.citizen.subjects import REPRESENTED_MAX, Subject, subject_of
from chainnode.client.token_asks import require_safe_url
from chainnode.errors import ConfigurationError, NodeError
from chainnode.identity.numbers import InvalidIdentity
from chainnode.secret_files import read_secret_file
from chainnode.service_settings import authorities

_ANSWER_BYTES_MAX: Final = 64 * 1024
_FILE_BYTES_MAX: Final = 16 * 1024 * 1024
_SECRET_BYTES_MAX: Final = 4_096
# Of one read or write, and of the whole request: a service that drips does not hold a person up.
_TIMEOUT_S: Final = 5.0
_WITHIN_S: Final = 10.0
_HTTP_OK: Final = 200

Short = Annotated[str, Meta(min_length=1, max_length=64)]


class NoRepresentations(NodeError):
    """The source gave no answer that can be used; says nothing of the person."""


class _Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id_type: Short
    number: Short
    relation: Literal["guardian", "company"]
    label: Annotated[str, Meta(max_length=80)] = ""


class _Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    representations: Annotated[tuple[_Named, ...], Meta(max_length=REPRESENTED_MAX)]


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id_type: Short
    number: Short
    represents: Annotated[tuple[_Named, ...], Meta(max_length=REPRESENTED_MAX)]


class RepresentationSource(Protocol):
    """Says for whom a person may act."""

    async def represented(self, person: Subject) -> Sequence[Subject]:
        """Return everybody for whom this person may act now.

        Raises:
            NoRepresentations: nobody knows.

        """

    async def close(self) -> None:
        """Close what is open."""


class Nobody:
    """The source where none is configured: everybody acts for themselves alone."""

    async def represented(self, person: Subject) -> Sequence[Subject]:
        """Return nobody."""
        del person
        return ()

    async def close(self) -> None:
        """Close nothing."""


class RepresentationFile:
    """Rows that an authority has put into a file; read once, at the start."""

    def __init__(self, path: Path) -> None:
        raw = read_secret_file(path, bytes_max=_FILE_BYTES_MAX)
        try:
            rows = msgspec.json.decode(raw, type=tuple[_Row, ...])
            self._rows = {
                _key(subject_of(id_type=one.id_type, number=one.number, relation="self")): _read(
                    one.represents
                )
                for one in rows
            }
        except (msgspec.MsgspecError, InvalidIdentity, ValueError):
            # The error of a decoder may repeat what it read.
            raise ConfigurationError(
                f"{path}: expected a list of people with the people whom they represent"
            ) from None

    async def represented(self, person: Subject) -> Sequence[Subject]:
        """Return what the file says."""
        return self._rows.get(_key(person), ())

    async def close(self) -> None:
        """Close nothing."""


class RepresentationService:
    """A service that is asked by `POST` with the person's number in the body."""

    def __init__(
        self,
        url: str,
        *,
        tls: ssl.SSLContext | None,
        secret: str | None,
        within_s: float = _WITHIN_S,
    ) -> None:
        self._url = url
        self._within_s = within_s
        # Nothing packed: what is read is what is counted.
        headers = {"Accept-Encoding": "identity"}
        if secret is not None:
            headers["Authorization"] = f"Bearer {secret}"
        self._http = httpx.AsyncClient(
            verify=tls if tls is not None else ssl.create_default_context(),
            timeout=_TIMEOUT_S,
            trust_env=False,
            follow_redirects=False,
            headers=headers,
        )

    async def represented(self, person: Subject) -> Sequence[Subject]:
        """Ask the service.

        Raises:
            NoRepresentations: it is away, or says something else.

        """
        asked = {"id_type": person.id_type, "number": person.number}
        try:
            async with asyncio.timeout(self._within_s):
                body = await self._answer(asked)
            return _read(msgspec.json.decode(body, type=_Answer).representations)
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError):
            # A timeout is an OSError.
            raise NoRepresentations("it is not to be reached") from None
        except (msgspec.MsgspecError, InvalidIdentity, ValueError, RecursionError):
            raise NoRepresentations("its answer has another form") from None

    async def _answer(self, asked: dict[str, str]) -> bytes:
        """Return the bytes of a good answer, as they came."""
        async with self._http.stream("POST", self._url, json=asked) as reply:
            if reply.status_code != _HTTP_OK:
                raise NoRepresentations(f"it answered {reply.status_code}")
            body = b""
            async for part in reply.aiter_raw():
                body += part
                if len(body) > _ANSWER_BYTES_MAX:
                    raise NoRepresentations("its answer is too long")
            return body

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def open_source(settings: RepresentationSettings | None) -> RepresentationSource:
    """Open the configured source.

    Raises:
        ConfigurationError: a file cannot be used, or the address is not safe.

    """
    if settings is None:
        return Nobody()
    if settings.file is not None:
        return RepresentationFile(settings.file)
    url = settings.url or ""
    base, _, _ = url.partition("?")
    try:
        require_safe_url(_origin(base))
    except ConfigurationError:
        raise ConfigurationError(
            "[representation] url: expected https://… (http on this machine only),"
            f" got {base!r:.80}"
        ) from None
    secret = settings.secret_file
    shown = None if secret is None else read_secret_file(secret, bytes_max=_SECRET_BYTES_MAX)
    return RepresentationService(
        url,
        tls=authorities(settings.ca, "[representation] ca"),
        secret=None if shown is None else shown.decode().strip(),
    )


def _origin(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.partition('/')[0]}"


def _read(rows: Sequence[_Named]) -> tuple[Subject, ...]:
    return tuple(
        subject_of(id_type=one.id_type, number=one.number, relation=one.relation, label=one.label)
        for one in rows
    )


def _key(person: Subject) -> tuple[str, str]:
    return person.id_type, person.number
