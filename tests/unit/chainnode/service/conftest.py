from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.sites import Site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()
