"""What PostgreSQL alone can do to a read model: be absent, be away, belong to another node."""

import importlib
import sys
from pathlib import Path

import pytest

from chainnode.audit import AuditStore, ReadModelUnavailable, open_audit_database
from chainnode.audit.postgresql_session import PostgresqlSession
from chainnode.config import AuditUrl
from chainnode.errors import ConfigurationError
from tests.audit_places import postgresql_place
from tests.postgresql import PostgresqlServer
from tests.unit.chainnode.audit.memory_log import CHAIN_ID, H, MemoryLog


def test_without_its_driver_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    url = AuditUrl("postgresql://node@db/audit")
    with pytest.raises(ConfigurationError, match=r"pip install kunlian\[postgresql\]"):
        open_audit_database(url, folder=tmp_path, chain_id=CHAIN_ID)


def test_sqlite_does_not_load_the_driver_of_another_database(tmp_path: Path) -> None:
    module = importlib.import_module("chainnode.audit.opening")
    assert "psycopg" not in vars(module)
    database = open_audit_database(AuditUrl("sqlite:"), folder=tmp_path, chain_id=CHAIN_ID)
    assert database.progress().log_size == 0
    database.close()


@pytest.mark.parametrize(
    "url",
    ["postgresql://node:s3cret@db/audit?nonsense=1", "postgresql://[s3cret", "postgresql://%"],
)
def test_a_malformed_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        PostgresqlSession(url)
    assert "s3cret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_server_that_is_away_makes_the_model_unavailable_and_tells_no_secret(
    tmp_path: Path,
) -> None:
    url = AuditUrl(f"postgresql://node:s3cret@/audit?host={tmp_path}")
    database = open_audit_database(url, folder=tmp_path, chain_id=CHAIN_ID)
    with pytest.raises(ReadModelUnavailable) as refused:
        database.progress()
    assert "s3cret" not in f"{refused.value!r} {refused.value.__cause__!r}"
    database.close()


async def test_a_second_node_on_the_same_database_is_refused_and_the_first_goes_on(
    tmp_path: Path, postgresql: PostgresqlServer
) -> None:
    place = postgresql_place(tmp_path, postgresql)
    log = MemoryLog(40)
    first, second = place.open(CHAIN_ID), place.open(b"\x02" * 32)
    await AuditStore(first, log, h=H).reach(log.index_size)
    with pytest.raises(ReadModelUnavailable, match="another node"):
        second.progress()
    assert first.progress().log_size == log.index_size
    first.close()
    assert second.progress().log_size == 0
    second.close()


async def test_a_connection_that_is_cut_is_made_again_and_nothing_is_rebuilt(
    tmp_path: Path, postgresql: PostgresqlServer
) -> None:
    place = postgresql_place(tmp_path, postgresql)
    log = MemoryLog(40)
    database = place.open(CHAIN_ID)
    store = AuditStore(database, log, h=H)
    await store.reach(log.index_size)
    place.edit(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with pytest.raises(ReadModelUnavailable):
        database.progress()
    assert database.progress().log_size == log.index_size
    assert store.differences == 0
    store.close()


def test_no_error_repeats_what_a_statement_held(
    tmp_path: Path, postgresql: PostgresqlServer
) -> None:
    place = postgresql_place(tmp_path, postgresql)
    session = PostgresqlSession(place.url.secret)
    session.recreate()
    session.insert("trails", [(1, b"a subject", 0, 0, b"")])
    with pytest.raises(Exception, match="UniqueViolation 23505") as refused:
        session.insert("trails", [(2, b"a subject", 0, 0, b"")])
    assert refused.value.__cause__ is None
    assert b"a subject".hex() not in str(refused.value)
    session.close()
