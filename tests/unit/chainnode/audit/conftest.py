"""Every test of the read model runs on both databases: an SQLite file and a PostgreSQL server."""

from pathlib import Path

import pytest

from tests.audit_places import KINDS, AuditPlace, postgresql_place, sqlite_place


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> AuditPlace:
    if request.param == "sqlite":
        return sqlite_place(tmp_path)
    return postgresql_place(tmp_path, request.getfixturevalue("postgresql"))
