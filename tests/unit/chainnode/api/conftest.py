from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.chainnode.api.web import Web, web_of


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    async with web_of(tmp_path) as made:
        yield made
