"""Asking nodes over HTTP: what they answer is hostile, what goes wrong is said in words."""

import socket
from collections.abc import Callable

import pytest

from chainnode.cli.exits import UsageProblem
from chainnode.cli.probe import ANSWER_BYTES_MAX, fetch_all, fetch_json, in_parallel, split_url
from tests.unit.chainnode.cli.conftest import FakeNode

Start = Callable[[], FakeNode]


def test_an_answer_is_read(fake_node: Start) -> None:
    node = fake_node()
    node.says("/v1/consensus", {"height": 7})

    reply = fetch_json(node.url, "/v1/consensus")

    assert reply.is_ok
    assert reply.document == {"height": 7}
    assert reply.date


def test_answers_come_in_the_order_of_the_nodes(fake_node: Start) -> None:
    nodes = [fake_node() for _ in range(3)]
    for number, node in enumerate(nodes):
        node.says("/x", {"n": number})

    replies = fetch_all([one.url for one in nodes], "/x")

    assert [one.document["n"] for one in replies] == [0, 1, 2]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"<html>", "without JSON"),
        (b"[1]", "not an object"),
        (b"[" * 200_000, "without JSON"),
        (b"", "without JSON"),
        (b" " * (ANSWER_BYTES_MAX + 1), "answer over"),
    ],
    ids=["html", "list", "deep", "empty", "huge"],
)
def test_an_answer_that_is_no_object_is_a_problem(
    fake_node: Start, body: bytes, problem: str
) -> None:
    node = fake_node()
    node.routes["/x"] = (200, body)

    reply = fetch_json(node.url, "/x", timeout_s=10)

    assert problem in reply.problem
    assert reply.document == {}


def test_a_node_that_is_not_there_is_a_problem_not_an_error() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"

        assert fetch_json(url, "/x").problem == "connection refused"


def test_a_node_that_does_not_answer_is_given_up() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"

        assert fetch_json(url, "/x", timeout_s=0.05).problem == "no answer within 0.05 s"


@pytest.mark.parametrize(
    "url", ["", "node", "ftp://x", "http://", "http://x:99999", "//x", "http://[::1"]
)
def test_what_is_no_address_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageProblem):
        split_url(url)


def test_nothing_to_ask_is_no_answer() -> None:
    assert in_parallel(len, []) == ()
