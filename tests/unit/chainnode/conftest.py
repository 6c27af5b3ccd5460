from collections.abc import Iterator

import pytest

from tests.postgresql import PostgresqlServer, postgresql_server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """A real server; started by the first test of a process that asks for it."""
    with postgresql_server() as server:
        yield server
