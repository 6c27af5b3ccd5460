"""Real little HTTP servers that answer like nodes of a synthetic chain; some of them lie.

`LittleChain` executes submissions at once and proves them with `SyntheticChain`; any number of
`LittleNode`s serve it. A node's `alter` sees every answer before it leaves.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

from chainnode.ledger.codec import encode_receipt
from chainnode.ledger.types import CallReceipt, Header, Receipt
from chainnode.submission import Submission, decode_submission
from chainnode.verify.forms import (
    Anchor,
    placed_form,
    receipt_evidence,
    record_form,
)
from chainnode.verify.strict_json import JsonObject
from contracts.schemas import audit_1
from contracts.schemas.codes import Code
from contracts.schemas.shape import Schema
from tests.builders_evidence import SyntheticChain
from tests.builders_trails import IndexedChain, Shown

Reply: TypeAlias = tuple[int, JsonObject | bytes]
Alter: TypeAlias = Callable[[str, JsonObject], JsonObject | bytes]


def _unaltered(_path: str, document: JsonObject) -> JsonObject:
    return document


@dataclass
class LittleChain:
    """What the nodes of a test have in common."""

    evidence: SyntheticChain
    rows: tuple[int, ...] = (1, 3, 5, 7, 9)
    refuse_with: Code = Code.ACCEPTED
    refusals_left: int = 0
    window: int = 8192
    first_free_nonce: int = 0
    height: int = 12
    executed: dict[bytes, JsonObject] = field(default_factory=dict)
    asked: dict[bytes, bytes] = field(default_factory=dict)
    headers: dict[int, Header] = field(default_factory=dict)
    used_nonces: set[int] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def execute(self, submission: Submission) -> JsonObject:
        """Return the outcome of a submission; the same one for a repetition."""
        with self.lock:
            known = self.executed.get(submission.digest)
            if known is not None:
                return known
            self.height += 1
            outcome = self._outcome(submission, self._code(submission))
            self.executed[submission.digest] = outcome
            self.asked[submission.digest] = submission.calls[0].public
            return outcome

    def anchor(self) -> Anchor:
        """Return the newest header with its certificate; one header per height."""
        header = self.headers.setdefault(self.height, self.evidence.header(height=self.height))
        return self.evidence.anchor(self.indexed(header))

    def indexed(self, header: Header) -> Header:
        """Return the header with the index that the chain has, if it has one."""
        if not isinstance(self.evidence, IndexedChain):
            return header
        source = self.evidence.indexed_header()
        return replace(
            header,
            head=replace(header.head, index_size=source.head.index_size),
            rest=replace(header.rest, index_root=source.rest.index_root),
        )

    def _code(self, submission: Submission) -> Code:
        if self.refusals_left:
            self.refusals_left -= 1
            return self.refuse_with
        nonce = submission.nonce
        if nonce in self.used_nonces or nonce < self.first_free_nonce:
            return Code.NONCE_USED
        if nonce >= self.first_free_nonce + self.window:
            return Code.NONCE_AHEAD
        self.used_nonces.add(nonce)
        return Code.ACCEPTED

    def _outcome(self, submission: Submission, code: Code) -> JsonObject:
        chain = self.evidence
        calls = tuple(CallReceipt(code=0) for _ in submission.calls) if not code else ()
        receipt = encode_receipt(
            Receipt(submission_digest=submission.digest, code=code, first_position=0, calls=calls)
        )
        self.headers[self.height] = chain.header(height=self.height, receipts=[receipt])
        anchor = self.anchor()
        return {
            "digest": f"{chain.suite.hash_name}:{submission.digest.hex()}",
            "status": "final",
            "height": self.height,
            "code": int(code),
            "code_name": code.name,
            "calls": [],
            "evidence": receipt_evidence(anchor, receipt=receipt, index=0, count=1, path=()),
        }


class LittleNode:
    """One HTTP server of a `LittleChain`."""

    def __init__(self, chain: LittleChain) -> None:
        self.chain = chain
        self.alter: Alter = _unaltered
        self.problem: tuple[int, str] | None = None
        self.problem_at = ""
        self.pending = False
        self.header: Header | None = None
        self.nonce_next: int | None = None
        self.cursor_of_page: Callable[[str | None], tuple[tuple[int, ...], str | None]] | None
        self.cursor_of_page = None
        self.page_rows = 500
        self.seen: list[str] = []
        self.bodies: list[bytes] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, method: str, target: str, body: bytes) -> Reply:
        self.seen.append(f"{method} {target}")
        if self.problem is not None and self.problem_at in target:
            status, code = self.problem
            return status, {"code": code, "title": code}
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        status, document = self._route(method, parts.path, query, body)
        if isinstance(document, bytes) or status >= 400:
            return status, document
        return status, self.alter(parts.path, document)

    def _route(self, method: str, path: str, query: dict[str, str], body: bytes) -> Reply:
        chain = self.chain.evidence
        reply: Reply = 404, {"code": "NOT_FOUND"}
        match method, path.strip("/").split("/"):
            case "GET", ["v1", "keys", _]:
                reply = self._key()
            case "POST", ["v1", "submissions"]:
                reply = self._submitted(body)
            case "GET", ["v1", "submissions", digest]:
                known = self.chain.executed.get(bytes.fromhex(digest.partition(":")[2]))
                reply = (404, {"code": "UNKNOWN_SUBMISSION"}) if known is None else (200, known)
            case "GET", ["verify"]:
                reply = 200, self._verified(query)
            case "GET", ["v1", ("records" | "state" | "states") as what, *names]:
                name = ",".join(names[:1]) or query["keys"]
                reply = 200, self._shown(what, name, query.get("place"))
            case "GET", ["v1", "headers", "latest"]:
                reply = 200, self._header_document()
            case "GET", ["v1", "consistency"] if isinstance(chain, IndexedChain):
                reply = 200, chain.consistency(int(query["from"]), newer=self._anchor())
            case "GET", ["v1", "consensus"]:
                reply = 200, {"state": "running", "height": self.chain.height}
            case "POST", ["audit"]:
                reply = 200, self._audited(query)
        return reply

    def _shown(self, what: str, name: str, place: str | None) -> JsonObject:
        chain = self.chain.evidence
        if place is not None and isinstance(chain, IndexedChain):
            in_block = place == "block"
            return chain.authored_record(int(name), in_block=in_block, anchor=self._anchor())
        if what == "records":
            return chain.record(int(name), anchor=self._anchor())
        keys = [bytes.fromhex(one) for one in name.split(",")]
        return chain.state(keys, anchor=self._anchor())

    def _key(self) -> Reply:
        used = max(self.chain.used_nonces, default=self.chain.first_free_nonce - 1)
        told = used + 1 if self.nonce_next is None else self.nonce_next
        return 200, {"nonce_base": 0, "nonce_next": told}

    def _submitted(self, body: bytes) -> Reply:
        chain = self.chain.evidence
        self.bodies.append(body)
        submission = decode_submission(chain.suite, body, chain.genesis.parameters)
        if self.pending:
            return 202, {"submissions": [{"status": "pending"}]}
        return 200, {"submissions": [self.chain.execute(submission)]}

    def _verified(self, query: dict[str, str]) -> JsonObject:
        digest = query.get("digest")
        evidence = self.chain.evidence.certificate(
            digest=None if digest is None else bytes.fromhex(digest.partition(":")[2]),
            identifier=query.get("id"),
            anchor=self._anchor(),
        )
        return {"verdict": "VALID", "evidence": evidence}

    def _audited(self, query: dict[str, str]) -> JsonObject:
        if isinstance(self.chain.evidence, IndexedChain):
            return self._proven(query, self.chain.evidence)
        return self._listed(query)

    def _proven(self, query: dict[str, str], chain: IndexedChain) -> JsonObject:
        """Answer a question about one subject with its trail, `page_rows` rows a page."""
        digest = bytes.fromhex(query["question"].partition(":")[2])
        question = Schema(audit_1.Question).decode(self.chain.asked[digest])
        start = int(query.get("cursor", "0"))
        stop = start + self.page_rows
        (subject,) = question.values
        rows = sum(len(one) for one in chain.chunks(chain.key(subject)))
        is_last = stop >= rows
        period = (question.from_ms, question.to_ms)
        shown = Shown(
            subject=subject, start=start, stop=None if is_last else stop, with_bodies=True
        )
        return {
            "question": {"digest": query["question"], "height": 1, "position": 0},
            "evidence": chain.trail(shown, period=period, anchor=self._anchor()),
            "complete": is_last,
            "incomplete_because": None if is_last else "MORE_PAGES",
            "as_of_height": self.chain.height,
            "as_of_ms": 0,
            "next_cursor": None if is_last else f"{stop}",
        }

    def _listed(self, query: dict[str, str]) -> JsonObject:
        rows, cursor = self.chain.rows, None
        if self.cursor_of_page is not None:
            rows, cursor = self.cursor_of_page(query.get("cursor"))
        items = [record_form(self.chain.evidence.record_item(one)) for one in rows]
        return {
            "question": {"digest": query["question"], "height": 1, "position": 0},
            **self._header_document(),
            "items": [*items],
            "complete": False,
            "incomplete_because": "NO_INDEX",
            "as_of_height": self.chain.height,
            "next_cursor": cursor,
        }

    def _header_document(self) -> JsonObject:
        anchor = self._anchor()
        return placed_form(anchor)

    def _anchor(self) -> Anchor:
        if self.header is not None:
            return self.chain.evidence.anchor(self.header)
        return self.chain.anchor()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._respond("GET")

            def do_POST(self) -> None:
                self._respond("POST")

            def _respond(self, method: str) -> None:
                size = int(self.headers.get("Content-Length", "0"))
                status, document = node.answer(method, self.path, self.rfile.read(size))
                data = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Keep the output of tests clean."""

        return Handler


@contextmanager
def little_nodes(chain: LittleChain, count: int) -> Iterator[list[LittleNode]]:
    """Serve a chain from `count` nodes for as long as the block runs."""
    nodes = [LittleNode(chain) for _ in range(count)]
    try:
        yield nodes
    finally:
        for node in nodes:
            node.close()
