"""DynamoDB as custom widgets read it: as the tenant, with no more than reading.

Light on purpose: a table opens while a person waits, so nothing here loads the dictionary's models.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas.adapters import queries
from lambdas.adapters.aws import Clients, acting_session, code_of
from lambdas.adapters.items import projection, to_item
from lambdas.domain.fold import RUN_COLUMNS, fold_runs, of_canary
from lambdas.domain.ids import first_run_id_at, run_id_text
from lambdas.domain.widget_reads import Page, Row, Version
from lambdas.domain.widget_request import WidgetError

MAX_ROWS = 4_000
"""Rows one question may read, so that a table opens in a second or two whatever the time range."""
_SESSION_SECONDS = 900
_MARGIN = timedelta(minutes=1)
_LOGS = ("run", "sourcing", "pre-validation", "post-validation", "delivery")
_ENTRY_COLUMNS = ("run_id", "kpi_id", "environment", "sql_hash", "rule_id", "rule_type", "severity", "result")
_DEFINITION_COLUMNS = ("sk", "kpi_id", "contract_version", "name", "pack", "status", "definition_hash", "definition")


@dataclass(frozen=True)
class Tables:
    """Physical names; `logs` by `run`, `sourcing`, `pre-validation`, `post-validation`, `delivery`."""

    catalog: str
    logs: Mapping[str, str]

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Tables:
        """The names the platform stack gives its functions."""
        logs = {name: environ[f"KPI_TABLE_LOG_{name.replace('-', '_').upper()}"] for name in _LOGS}
        return cls(environ["KPI_TABLE_CATALOG"], logs)


class TableReader:
    """Reads the rows of one tenant and environment."""

    def __init__(self, clients: Callable[[str], Any], tables: Tables, tenant_id: str, environment: str) -> None:
        self._clients = clients
        self._tables = tables
        self._tenant_id = tenant_id
        self._environment = environment

    def runs(self, since: datetime, until: datetime) -> Page:
        rows, complete = self._between("run", since, until, ("entry", *RUN_COLUMNS))
        return Page(self._folded(rows), complete)

    def runs_of(self, kpi_id: str, limit: int) -> Page:
        arguments: dict[str, Any] = {
            "TableName": self._tables.logs["run"],
            "IndexName": "by_kpi",
            "KeyConditionExpression": "gsi_pk = :pk",
            "ExpressionAttributeValues": to_item({":pk": f"{self._tenant_id}#{kpi_id}"}),
        }
        # A run has two rows, and other environments have runs between.
        rows, complete = queries.newest(self._clients, arguments, 6 * limit)
        found = self._folded(rows)
        return Page(found[:limit], complete)

    def _folded(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Runs of the environment but those of canaries, which delivered to nobody."""
        return [run for run in fold_runs(row for row in rows if row.get("environment") == self._environment) if not of_canary(run)]

    def entries(self, table: str, since: datetime, until: datetime) -> Page:
        rows, complete = self._between(table, since, until, _ENTRY_COLUMNS)
        return Page([row for row in rows if row.get("environment") == self._environment], complete)

    def run(self, run_id: str) -> Mapping[str, Sequence[Row]]:
        found: dict[str, Sequence[Row]] = {}
        for name in _LOGS:
            rows, _ = queries.newest(self._clients, self._prefixed(self._tables.logs[name], run_id_text(int(run_id))), MAX_ROWS)
            mine = [row for row in rows if row.get("environment") == self._environment]
            found[name] = fold_runs(mine) if name == "run" else mine
        return found

    def definitions(self, versions: Sequence[Version]) -> Mapping[Version, Row]:
        keys = [to_item({"pk": self._tenant_id, "sk": self._key(*each)}) for each in versions]
        rows = queries.batch(self._clients, self._tables.catalog, keys, **projection(_DEFINITION_COLUMNS))
        return {(str(row["kpi_id"]), str(row["contract_version"])): row for row in rows}

    def versions(self, kpi_id: str) -> Sequence[Row]:
        arguments = self._prefixed(self._tables.catalog, self._key(kpi_id, "")) | projection(_DEFINITION_COLUMNS)
        rows, _ = queries.newest(self._clients, arguments, MAX_ROWS)
        return sorted(rows, key=lambda row: [int(part) for part in str(row["contract_version"]).split(".")])

    def _key(self, kpi_id: str, version: str) -> str:
        return f"{self._environment}#kpi#{kpi_id}#{version}"

    def _prefixed(self, table: str, prefix: str) -> dict[str, Any]:
        return queries.of_prefix(table, self._tenant_id, prefix)

    def _between(self, table: str, since: datetime, until: datetime, columns: Sequence[str]) -> tuple[list[dict[str, Any]], bool]:
        """Rows of runs that started in [since, until): run ids sort by time."""
        span = {":low": run_id_text(first_run_id_at(since)), ":high": run_id_text(first_run_id_at(until))}
        arguments: dict[str, Any] = {
            "TableName": self._tables.logs[table],
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :low AND :high",
            "ExpressionAttributeValues": to_item({":pk": self._tenant_id, **span}),
        }
        return queries.newest(self._clients, arguments | projection(columns), MAX_ROWS)


class TenantReaders:
    """A reader for each tenant and environment, through the tenant's own role narrowed to reading its rows."""

    def __init__(
        self,
        clients: Clients,
        tables: Tables,
        *,
        role_arn: Callable[[str, str], str],
        region: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`role_arn` gives the role of a tenant and environment; the function itself may read nothing."""
        self._clients = clients
        self._tables = tables
        self._role_arn = role_arn
        self._region = region
        self._now = now
        self._acting: dict[tuple[str, str], tuple[datetime, Clients]] = {}

    def of(self, tenant_id: str, environment: str) -> TableReader:
        """The reader of a tenant and environment.

        Raises:
            WidgetError: when there is no such tenant, or its role may not be taken.
        """
        known = self._acting.get((tenant_id, environment))
        if known is None or known[0] - _MARGIN < self._now():
            known = self._acting[tenant_id, environment] = self._act_as(tenant_id, environment)
        return TableReader(known[1], self._tables, tenant_id, environment)

    def _act_as(self, tenant_id: str, environment: str) -> tuple[datetime, Clients]:
        from botocore.exceptions import ClientError

        try:
            answer = self._clients("sts").assume_role(
                RoleArn=self._role_arn(tenant_id, environment),
                RoleSessionName=f"kpi-widgets-{tenant_id}"[:64],
                DurationSeconds=_SESSION_SECONDS,
                Policy=session_policy(tenant_id, [self._tables.catalog, *self._tables.logs.values()]),
                Tags=[{"Key": "tenant_id", "Value": tenant_id}],
            )
        except ClientError as error:
            code = code_of(error)
            raise WidgetError(f"there is no tenant {tenant_id} in {environment}, or its rows may not be read ({code})") from error
        given = answer["Credentials"]
        return given["Expiration"], Clients(acting_session(given), self._region)


def session_policy(tenant_id: str, tables: Sequence[str]) -> str:
    """What a session may do at most: read the tenant's rows. The role may also write logs and read a secret; widgets need neither."""
    arns = [arn for table in tables for arn in (f"arn:aws:dynamodb:*:*:table/{table}", f"arn:aws:dynamodb:*:*:table/{table}/index/*")]
    rows = {
        "Effect": "Allow",
        "Action": ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"],
        "Resource": arns,
        # ForAllValues alone is true when a request names no key at all; Null makes that a refusal.
        "Condition": {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [tenant_id, f"{tenant_id}#*"]},
            "Null": {"dynamodb:LeadingKeys": "false"},
        },
    }
    key = {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [rows, key]}, separators=(",", ":"))
