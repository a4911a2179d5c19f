"""Tenants' warehouses through SQLAlchemy: one read-only snapshot a run, with a statement timeout."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.model import Run
from lambdas.domain.redact import message_of

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.exc import DBAPIError

CONNECT_TIMEOUT_SECONDS = 5
_UNDEFINED_TABLE = "42P01"
_CANCELED = "57014"


class SqlWarehouses:
    """Engines by secret, with one pooled connection each, kept across warm calls."""

    def __init__(self, url: Callable[[Run], str], on_failure: Callable[[Run], None] = lambda _run: None) -> None:
        self._url = url
        self._on_failure = on_failure
        self._engines: dict[str, tuple[str, Engine]] = {}

    @contextmanager
    def open(self, run: Run, timeout: timedelta) -> Generator[SqlSession]:
        """A session on the tenant's warehouse, read only, on one snapshot.

        Raises:
            KpiError: SQL_ERROR when the warehouse cannot be reached.
        """
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError

        try:
            connection = self._engine(run).connect()
        except (DBAPIError, SQLAlchemyError) as error:
            self._forget(run)
            raise KpiError(ErrorCode.SQL_ERROR, f"the warehouse of {run.tenant_id} cannot be reached: {_reason(error)}") from error
        with connection:
            try:
                begin(connection, timeout)
            except DBAPIError as error:
                self._forget(run)
                raise KpiError(ErrorCode.SQL_ERROR, f"the warehouse of {run.tenant_id} refused a session: {_reason(error)}") from error
            yield SqlSession(connection, run.tenant_id, timeout)

    def _engine(self, run: Run) -> Engine:
        given = self._url(run)
        known = self._engines.get(run.warehouse_secret)
        if known is None or known[0] != given:
            from sqlalchemy import create_engine, make_url

            url = make_url(given)
            arguments: dict[str, Any] = {}
            if url.get_backend_name() == "postgresql":
                # Naive times and dates compare as UTC, whatever the server's zone is.
                arguments = {"connect_timeout": CONNECT_TIMEOUT_SECONDS, "options": "-c timezone=UTC", "application_name": "kpi-runner"}
                arguments |= _trusted_issuers(url.query)
            engine = create_engine(url, pool_size=1, max_overflow=0, pool_pre_ping=True, connect_args=arguments, hide_parameters=True)
            self._engines[run.warehouse_secret] = (given, engine)
            if known is not None:
                known[1].dispose()
            return engine
        return known[1]

    def _forget(self, run: Run) -> None:
        known = self._engines.pop(run.warehouse_secret, None)
        if known is not None:
            known[1].dispose()
        self._on_failure(run)


def _trusted_issuers(query: Mapping[str, Any]) -> dict[str, str]:
    """Whose certificates prove a server's name. libpq knows none by itself, and an image need not have any (libpq, "SSL Support")."""
    if query.get("sslmode") != "verify-full" or "sslrootcert" in query:
        return {}
    import certifi

    return {"sslrootcert": certifi.where()}


def begin(connection: Connection, timeout: timedelta) -> None:
    """Start the transaction a run lives in. Only PostgreSQL can promise snapshot, read-only and timeout at once."""
    from sqlalchemy import text

    if connection.dialect.name == "postgresql":
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        connection.execute(text("SELECT set_config('statement_timeout', :ms, true)"), {"ms": str(int(timeout.total_seconds() * 1000))})


class SqlSession:
    """One open transaction."""

    def __init__(self, connection: Connection, tenant_id: str, timeout: timedelta) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._timeout = timeout

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Run one SELECT.

        Raises:
            KpiError: TIMEOUT, MISSING_GDP or SQL_ERROR; the transaction is over then.
        """
        from sqlalchemy import text
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError

        try:
            return [dict(row) for row in self._connection.execute(text(sql), dict(parameters)).mappings()]
        except DBAPIError as error:
            raise self._translated(error) from error
        except SQLAlchemyError as error:
            raise KpiError(ErrorCode.SQL_ERROR, message_of(error)) from error

    def existing_tables(self, tables: Sequence[str]) -> frozenset[str]:
        """Which of the tables the session can see."""
        names = {f"t{index}": table for index, table in enumerate(tables)}
        listed = ", ".join(f":{name}" for name in names)
        sql = f"SELECT DISTINCT table_name FROM information_schema.tables WHERE table_name IN ({listed})"  # noqa: S608 - parameters
        return frozenset(str(row["table_name"]) for row in self.query(sql, names))

    def source_versions(self, tables: Sequence[str]) -> dict[str, str]:
        """What table `gdp_version` says of the tables; nothing where there is no such table."""
        if "gdp_version" not in self.existing_tables(["gdp_version"]):
            return {}
        names = {f"t{index}": table for index, table in enumerate(tables)}
        listed = ", ".join(f":{name}" for name in names)
        rows = self.query(f"SELECT table_name, version FROM gdp_version WHERE table_name IN ({listed})", names)  # noqa: S608
        return {str(row["table_name"]): str(row["version"]) for row in rows}

    def _translated(self, error: DBAPIError) -> KpiError:
        state = getattr(error.orig, "sqlstate", None)
        if state == _CANCELED:
            return KpiError(ErrorCode.TIMEOUT, f"a query on the warehouse of {self._tenant_id} took longer than {self._timeout}")
        if state == _UNDEFINED_TABLE:
            return KpiError(ErrorCode.MISSING_GDP, f"golden data missing in the warehouse of {self._tenant_id}: {_reason(error)}")
        if error.connection_invalidated or state is None:
            return KpiError(ErrorCode.SQL_ERROR, f"the warehouse of {self._tenant_id} went away during the run: {_reason(error)}")
        return KpiError(ErrorCode.SQL_ERROR, _reason(error))


def _reason(error: Exception) -> str:
    """What the driver said, without SQLAlchemy's copy of the statement."""
    cause = getattr(error, "orig", None) or error
    return message_of(cause)
