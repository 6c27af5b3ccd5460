"""Every test of this folder runs on asyncio's loop and on uvloop."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from tests.integration.p2p.harness import Consortium


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
def consortium(tmp_path: Path) -> Consortium:
    return Consortium(tmp_path / "consortium")
