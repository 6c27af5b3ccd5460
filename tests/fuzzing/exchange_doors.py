"""Doors of the exchange that are fuzzed: what custodian, gateway and watcher read of a stranger.

An input is a head and a body with an empty line between them, as in HTTP. The first lines of
the head of a request are its target and its content type.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise

from chainnode.client.following import Follower
from chainnode.client.memory import HeightMemory
from chainnode.client.session import Session
from chainnode.codec import InvalidEncoding
from chainnode.custodian.asks import (
    AskBody,
    AskTarget,
    InvalidAsk,
    Place,
    body_of,
    problem_of,
    read_answer,
    read_body,
    read_header,
    signed_header,
    verify_header,
)
from chainnode.exchange import CallReason, decode_call, decode_reason, decode_reply, encode_call
from chainnode.exchange.fields import members
from chainnode.gateway.releasing import release
from chainnode.gateway.selectors import (
    VALUE_CHARACTERS_MAX,
    RequestParts,
    Selector,
    subjects_of,
)
from chainnode.suites import suite_named
from chainnode.suites.port import InvalidKey, InvalidSignature
from chainnode.verify.trust import Trust
from tests.builders import genesis_of, secret_key
from tests.builders_gateway import FIELDS, PERSON_ID, World

_SUITE = suite_named("intl")
_TRUST = Trust.from_genesis(genesis_of())
_BETWEEN = b"\n\n"
_SELECTORS = tuple(
    map(Selector.parse, ("json:people.id_card", "query:id", "path:/p/{id}", "header:content-type"))
)


def run_ask(data: bytes) -> None:
    """Read a header and a body as a custodian does, and an answer and a refusal as its callers."""
    head, _, body = data.partition(_BETWEEN)
    try:
        header = read_header(head.decode("latin-1"))
        verify_header(header, _target(body), _SUITE)
    except (InvalidAsk, InvalidKey, InvalidSignature):
        pass
    code, wait_s = problem_of(body)
    assert len(code) <= 64
    assert wait_s >= 0
    try:
        places = read_answer(body, places=1, identifiers=1)
        assert len(bytes.fromhex(places[0].tokens[0])) == 32
    except InvalidAsk:
        pass
    try:
        ask = read_body(body)
    except InvalidAsk:
        return
    assert read_body(body_of(ask)) == ask
    assert not any(one in repr(ask) for one in ask.identifiers if len(one) > 20)


def ask_seeds() -> Iterator[bytes]:
    """Asks of a service and of an auditor, an answer, and a refusal."""
    own = AskBody(places=(Place("POLICE"),), id_type="111", identifiers=(PERSON_ID,), grant="G-1")
    audit = AskBody(
        places=(Place("POLICE", 1), Place("HOUSING", 2)),
        id_type="001",
        identifiers=(PERSON_ID, PERSON_ID),
        purpose="audit",
    )
    for ask in (own, audit):
        body = body_of(ask)
        header = signed_header(
            _target(body),
            organisation="POLICE",
            key=secret_key("intl", 1),
            suite=_SUITE,
            now_ms=1_790_000_000_000,
        )
        yield header.encode() + _BETWEEN + body
    token = "0" * 64
    answer = f'{{"places":[{{"department":"POLICE","epoch":1,"tokens":["{token}"]}}]}}'
    yield _BETWEEN + answer.encode()
    yield _BETWEEN + b'{"code":"RATE","retry_after_s":3}'


def run_request(data: bytes) -> None:
    """Read a request of a call as a gateway does before it believes anything, and cut its body."""
    head, _, body = data.partition(_BETWEEN)
    target, content_type, call, *_ = [*head.decode("latin-1").split("\n"), "", "", ""]
    path, _, query = target.partition("?")
    headers = (("content-type", content_type), ("kun-call", call))
    request = RequestParts(path=path, query=query, headers=headers, body=body)
    subjects = subjects_of(_SELECTORS, request)
    assert all(0 < len(one) <= VALUE_CHARACTERS_MAX and one.encode() for one in subjects.values)
    for decode in (decode_call, decode_reply):
        with suppress(InvalidEncoding):
            decode(call)
    with suppress(InvalidEncoding):
        assert isinstance(decode_reason({"kun-purpose": call}), CallReason)
    released = release(body, given=0b001, item_fields=FIELDS, field_of={})
    if released is not None:
        left = members(released.body)
        assert left is None or set(left) <= {FIELDS[0]}


def request_seeds() -> Iterator[bytes]:
    """A call in each place where a subject can stand."""
    signed, _ = World().signed()
    call = encode_call(signed.header)
    people = f'{{"people":[{{"id_card":"{PERSON_ID}"}}],"name":"x","other":[1,2]}}'
    yield f"/p/{PERSON_ID}?id={PERSON_ID}&x=%20\napplication/json\n{call}\n\n{people}".encode()
    yield b"/p/%31/?id[]=2;id=1\napplication/json; charset=gbk\n\n\n[{}]"


def run_stream(data: bytes) -> None:
    """Follow what a node sends as its stream, in parts of many sizes; only what is next comes."""
    session = Session(
        nodes=("http://node",), trust=_TRUST, memory=HeightMemory(trust=_TRUST, path=None)
    )
    follower = Follower(session, "0", patience_s=60.0)
    follower.request()
    places = [(0, 0)]
    size = 1 + (data[0] if data else 0)
    for start in range(0, len(data), size):
        for event in follower.take(data[start : start + size]):
            numbers = [int(one) for one in event.id.split(".")]
            places.append((numbers[0], sum(numbers[1:])))
        if follower.has_left:
            break
    for (height, number), later in pairwise(places):
        assert later in {(height, number + 1), (height + 1, 0)}


def stream_seeds() -> Iterator[bytes]:
    """A stream with what it may hold, and one with every end of line."""
    block = b'id: 1\nevent: block\ndata: {"height":1}\n\n'
    gap = b'id: 1.1\nevent: unmatched\ndata: {"height":1,"position":0}\n\n'
    yield (
        b": \nretry: 1000\nid: 0\n\n" + block + gap + b": alive\n\n" + b"event: node\ndata: {}\n\n"
    )
    yield b"\xef\xbb\xbf" + block.replace(b"\n", b"\r\n") + gap.replace(b"\n", b"\r")


def _target(body: bytes) -> AskTarget:
    return AskTarget(
        chain_id=bytes(32), custodian="DATA", method="POST", path="/v1/tokens", body=body
    )
