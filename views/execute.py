"""Ask a view through Athena: always for one tenant, with its views inlined, so nothing depends on what is stored there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from views.render import Dialect, inline

if TYPE_CHECKING:
    from mypy_boto3_athena.client import AthenaClient

DEFAULT_TIMEOUT = 60.0
_FIRST_WAIT, _LONGEST_WAIT = 0.05, 2.0


class ViewQueryError(RuntimeError):
    """The query did not succeed; the message holds Athena's reason and the query's id."""


@dataclass(frozen=True)
class ViewResult:
    """The answer: column names and rows, each value as Athena's text or None."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]

    def records(self) -> list[dict[str, str | None]]:
        """The rows as dictionaries."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class AthenaViews:
    """The views of one deployment.

    Attributes:
        client: Athena.
        workgroup: runs the queries and says where their results go.
        database: the Glue database of the log tables.
        sleep: waits so many seconds between two looks at a query.
        timeout: seconds a query may take before it is stopped.
    """

    client: AthenaClient
    workgroup: str
    database: str
    sleep: Callable[[float], None] = time.sleep
    timeout: float = DEFAULT_TIMEOUT

    def ask(self, name: str, *, tenant: str, limit: int | None = None) -> ViewResult:
        """One view's rows of one tenant, newest run first.

        Raises:
            KeyError: unknown view.
            ValueError: malformed tenant id or limit.
            ViewQueryError: the query failed, was cancelled or took longer than `timeout`.
        """
        sql = inline(name, Dialect.ATHENA, tenant=tenant, database=self.database, limit=limit)
        started = self.client.start_query_execution(
            QueryString=sql, QueryExecutionContext={"Database": self.database}, WorkGroup=self.workgroup
        )
        query_id = started["QueryExecutionId"]
        self._wait(query_id)
        rows = list(self._rows(query_id))
        header = tuple(text or "" for text in rows[0]) if rows else ()
        return ViewResult(header, tuple(rows[1:]))

    def _wait(self, query_id: str) -> None:
        waited, pause = 0.0, _FIRST_WAIT
        while True:
            execution = self.client.get_query_execution(QueryExecutionId=query_id).get("QueryExecution", {})
            status = execution.get("Status", {})
            state = status.get("State", "QUEUED")
            if state == "SUCCEEDED":
                return
            if state in ("FAILED", "CANCELLED"):
                reason = status.get("StateChangeReason") or "Athena gave no reason"
                raise ViewQueryError(f"Athena query {query_id} {state.lower()}: {reason}")
            if waited >= self.timeout:
                self.client.stop_query_execution(QueryExecutionId=query_id)
                raise ViewQueryError(f"Athena query {query_id} took longer than {self.timeout:g} s and was stopped; ask for fewer rows")
            self.sleep(pause)
            waited, pause = waited + pause, min(2 * pause, _LONGEST_WAIT)

    def _rows(self, query_id: str) -> Iterator[tuple[str | None, ...]]:
        """The header row, then every row, whatever the number of pages."""
        token: str | None = None
        while True:
            page = (
                self.client.get_query_results(QueryExecutionId=query_id, NextToken=token)
                if token
                else self.client.get_query_results(QueryExecutionId=query_id)
            )
            for row in page["ResultSet"].get("Rows", []):
                yield tuple(cell.get("VarCharValue") for cell in row.get("Data", []))
            token = page.get("NextToken")
            if not token:
                return
