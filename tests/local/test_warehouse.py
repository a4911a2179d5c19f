"""The warehouse and the result store, from the outside: who may read what, and that nothing can be changed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from kpis.loader import load_dictionary
from local import warehouse
from local.settings import repository_root
from local.warehouse.databases import READER, RESULTS_DATABASE, WRITER, reader_role
from local.warehouse.server import password, url
from tests.local.conftest import Stack

pytestmark = pytest.mark.local

_KINDS = {
    "text": {"text"},
    "integer": {"integer", "bigint"},
    "numeric": {"numeric", "double precision"},
    "boolean": {"boolean"},
    "date": {"date"},
    "timestamp": {"timestamp with time zone"},
}
_INSERT = """
    INSERT INTO kpi_result (run_id, tenant_id, environment, kpi_id, contract_version, entity, period_start, period_end, time_grain, unit,
                            value, verdict, rows_processed, delivered_at)
    VALUES (%s, %s, 'prod', 'TST-XX-01', '1.0.0', 'ALL', '2001-01-01', '2001-01-02', 'day', 'units', %s, 'Adequate', 1, now())
"""


@contextmanager
def connected(stack: Stack, role: str, database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url(stack.settings, role, database).replace("+psycopg", "")) as connection:
        yield connection
        connection.rollback()


@pytest.mark.parametrize("tenant", warehouse.DEMO_TENANTS)
def test_a_tenants_reader_reads_its_golden_tables_with_their_versions(stack: Stack, tenant: str) -> None:
    with connected(stack, reader_role(tenant), tenant) as connection:
        versions = connection.execute("SELECT table_name, version, row_count FROM gdp_version").fetchall()
        assert versions
        for name, version, rows in versions:
            assert version
            assert connection.execute(f"SELECT count(*) FROM {name}").fetchone() == (rows,)


@pytest.mark.parametrize("tenant", warehouse.DEMO_TENANTS)
@pytest.mark.parametrize("database", ["skyway", "discco", "acme", "results", "postgres", "template1"])
def test_a_tenants_reader_cannot_connect_to_any_other_database(stack: Stack, tenant: str, database: str) -> None:
    if tenant == database:
        return
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"), connected(stack, reader_role(tenant), database):
        pass


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO gdp_version VALUES ('x', 'x', now(), 0)",
        "UPDATE gdp_receivables SET balance = 0",
        "DELETE FROM gdp_receivables",
        "DROP TABLE gdp_receivables",
        "CREATE TABLE mine (x int)",
        "CREATE TEMPORARY TABLE mine (x int)",
        "COPY gdp_receivables TO PROGRAM 'cat'",
    ],
)
def test_a_tenants_reader_changes_nothing_even_in_a_transaction_that_allows_writes(stack: Stack, statement: str) -> None:
    with connected(stack, reader_role("acme"), "acme") as connection:
        connection.execute("SET TRANSACTION READ WRITE")
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
            connection.execute(statement)


def test_a_readers_transactions_are_read_only_and_bounded_in_time(stack: Stack) -> None:
    with connected(stack, reader_role("acme"), "acme") as connection:
        assert connection.execute("SHOW default_transaction_read_only").fetchone() == ("on",)
        assert connection.execute("SHOW statement_timeout").fetchone() == ("1min",)
        assert connection.execute("SHOW timezone").fetchone() == ("UTC",)


def test_a_wrong_password_is_refused(stack: Stack) -> None:
    address = {"host": "127.0.0.1", "port": stack.settings.warehouse_port, "dbname": "acme", "user": reader_role("acme")}
    for wrong in ("", "acme", password(stack.settings, reader_role("skyway"))):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(**address, password=wrong)


def test_the_server_listens_on_the_loopback_address_only(stack: Stack) -> None:
    try:
        addresses = {str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None, family=socket.AF_INET)}
    except OSError:
        addresses = set()
    for address in sorted(addresses - {"127.0.0.1"}):
        if not address.startswith("127."):
            with pytest.raises(OSError), socket.create_connection((address, stack.settings.warehouse_port), timeout=2):  # noqa: PT011
                pass


def test_every_source_of_the_dictionary_is_a_table_with_exactly_its_columns(stack: Stack) -> None:
    dictionary = load_dictionary(repository_root() / "kpis" / "packs")
    tenants = {pack.id: pack.tenants[0] for pack in dictionary.packs}
    packs = {ref.gdp: kpi.pack for kpi in dictionary.kpis for ref in kpi.gdp_sources}
    for source in dictionary.sources:
        tenant = tenants[packs[source.id]] if source.id in packs else "skyway"
        with connected(stack, reader_role(tenant), tenant) as connection:
            sql = "SELECT column_name, data_type, is_nullable = 'YES' FROM information_schema.columns WHERE table_name = %s"
            columns = {name: (kind, nullable) for name, kind, nullable in connection.execute(sql, [source.table])}
        assert columns.keys() == source.columns.keys(), source.id
        for name, column in source.columns.items():
            assert columns[name][0] in _KINDS[column.type], f"{source.id}.{name}"
            assert columns[name][1] == column.nullable, f"{source.id}.{name} nullable"


def scoped(connection: psycopg.Connection[Any], tenant: str) -> None:
    connection.execute("SELECT set_config('kpi.tenant_id', %s, true)", [tenant])


def test_the_result_store_takes_rows_of_the_scoped_tenant_only(stack: Stack) -> None:
    with connected(stack, WRITER, RESULTS_DATABASE) as connection:
        scoped(connection, "acme")
        connection.execute(_INSERT, [1, "acme", 1.5])
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute(_INSERT, [2, "skyway", 1.5])


def test_without_a_scope_the_result_store_shows_nothing(stack: Stack) -> None:
    for role in (WRITER, READER):
        with connected(stack, role, RESULTS_DATABASE) as connection:
            assert connection.execute("SELECT count(*) FROM kpi_result").fetchone() == (0,)
            assert connection.execute("SELECT count(*) FROM kpi_result_current").fetchone() == (0,)


@pytest.mark.parametrize("relation", ["kpi_result", "kpi_result_current"])
def test_a_scope_shows_its_own_tenants_rows_only(stack: Stack, relation: str) -> None:
    with connected(stack, WRITER, RESULTS_DATABASE) as connection:
        scoped(connection, "acme")
        connection.execute(_INSERT, [1, "acme", 1.5])
        assert connection.execute(f"SELECT DISTINCT tenant_id FROM {relation}").fetchall() == [("acme",)]
        scoped(connection, "skyway")
        assert ("acme",) not in connection.execute(f"SELECT DISTINCT tenant_id FROM {relation}").fetchall()


def test_what_candidates_compute_is_scoped_as_what_is_delivered(stack: Stack) -> None:
    into = _INSERT.replace("INTO kpi_result ", "INTO kpi_result_canary ")
    with connected(stack, WRITER, RESULTS_DATABASE) as connection:
        scoped(connection, "acme")
        connection.execute(into, [1, "acme", 1.5])
        assert connection.execute("SELECT DISTINCT tenant_id FROM kpi_result_canary").fetchall() == [("acme",)]
        scoped(connection, "skyway")
        assert ("acme",) not in connection.execute("SELECT DISTINCT tenant_id FROM kpi_result_canary").fetchall()
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute(into, [2, "acme", 1.5])


@pytest.mark.parametrize(
    "statement", ["UPDATE kpi_result SET value = 0", "DELETE FROM kpi_result", "TRUNCATE kpi_result", "DROP TABLE kpi_result"]
)
@pytest.mark.parametrize("role", [WRITER, READER])
def test_delivered_results_cannot_be_changed(stack: Stack, role: str, statement: str) -> None:
    with connected(stack, role, RESULTS_DATABASE) as connection:
        scoped(connection, "acme")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


def test_the_reader_of_results_cannot_write_them(stack: Stack) -> None:
    with connected(stack, READER, RESULTS_DATABASE) as connection:
        scoped(connection, "acme")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(_INSERT, [1, "acme", 1.5])


def test_the_latest_run_of_a_period_is_current_and_the_earlier_one_stays(stack: Stack) -> None:
    with connected(stack, WRITER, RESULTS_DATABASE) as connection:
        scoped(connection, "acme")
        for run_id, value in ((10, 1.0), (12, 3.0), (11, 2.0)):
            connection.execute(_INSERT, [run_id, "acme", value])
        current = "SELECT run_id, value FROM kpi_result_current WHERE kpi_id = 'TST-XX-01' AND period_start = '2001-01-01'"
        assert connection.execute(current).fetchall() == [(12, 3.0)]
        assert connection.execute("SELECT count(*) FROM kpi_result WHERE kpi_id = 'TST-XX-01'").fetchone() == (3,)


def test_preparing_again_changes_nothing(stack: Stack) -> None:
    def versions() -> list[Any]:
        with connected(stack, reader_role("skyway"), "skyway") as connection:
            return connection.execute("SELECT * FROM gdp_version ORDER BY table_name").fetchall()

    before, secrets = versions(), warehouse.secrets(stack.settings)
    warehouse.prepare(stack.settings)
    assert versions() == before
    assert warehouse.secrets(stack.settings) == secrets
