"""Nodes and clients for the tests of this room."""

from collections.abc import Iterator

import pytest

from chainnode.client import Client
from tests.builders_evidence import TIME_MS, SyntheticChain
from tests.little_node import LittleChain, LittleNode, little_nodes


@pytest.fixture(scope="module", params=["sm", "intl"])
def evidence(request: pytest.FixtureRequest) -> SyntheticChain:
    return SyntheticChain(str(request.param))


@pytest.fixture
def chain(evidence: SyntheticChain) -> LittleChain:
    return LittleChain(evidence)


@pytest.fixture
def nodes(chain: LittleChain) -> Iterator[list[LittleNode]]:
    with little_nodes(chain, 3) as running:
        yield running


@pytest.fixture
def client(nodes: list[LittleNode], evidence: SyntheticChain) -> Iterator[Client]:
    urls = [one.url for one in nodes]
    with Client(urls, evidence.trust, evidence.client_key, now_ms=lambda: TIME_MS) as opened:
        yield opened
