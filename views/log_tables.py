"""The five log tables: the seed's columns, types and checks (K1), and what their raw rows carry besides.

Raw rows are what the engine appends: a run has an open row, a close row and perhaps corrections, told apart by `entry`. The seed's
`kpi_log_*` tables are views that fold them, so every reader sees the columns of the seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ColumnType(StrEnum):
    """A column's type in the seed's dialect."""

    TEXT = "TEXT"
    BIGINT = "BIGINT"
    INT = "INT"
    BOOLEAN = "BOOLEAN"
    TIMESTAMP = "TIMESTAMPTZ"


# Moments are ISO 8601 text in the lake: the formats that Firehose's converter takes for timestamps are not ours.
_GLUE = {
    ColumnType.TEXT: "string",
    ColumnType.BIGINT: "bigint",
    ColumnType.INT: "int",
    ColumnType.BOOLEAN: "boolean",
    ColumnType.TIMESTAMP: "string",
}


@dataclass(frozen=True)
class Column:
    """A column; `allowed` lists the only values it may have besides NULL."""

    name: str
    type: ColumnType = ColumnType.TEXT
    required: bool = False
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class LogTable:
    """A log table: `seed` names the folded view with the seed's `columns`, `name` the raw table with `raw_columns`."""

    seed: str
    columns: tuple[Column, ...]
    raw_only: tuple[Column, ...]
    identity: tuple[str, ...]

    @property
    def name(self) -> str:
        """The raw table, in the lake and in warehouses."""
        return f"{self.seed}_entries"

    @property
    def raw_columns(self) -> tuple[Column, ...]:
        """The columns of a raw row: those of the seed, then ours."""
        return self.columns + self.raw_only

    @property
    def glue_columns(self) -> Mapping[str, str]:
        """Name and Glue type of every raw column, the tenant's included."""
        return {column.name: _GLUE[column.type] for column in self.raw_columns}


_RUN_ID = Column("run_id", ColumnType.BIGINT, required=True)
_TENANT = Column("tenant_id", required=True)
_ENVIRONMENT = Column("environment", required=True, allowed=("dev", "stg", "prod"))
_KPI = Column("kpi_id", required=True)
_CONTEXT = (_TENANT, _ENVIRONMENT, _KPI, Column("recorded_at", ColumnType.TIMESTAMP))
_IDENTITY = ("tenant_id", "run_id")

_RUN = LogTable(
    "kpi_log_run",
    (
        _RUN_ID,
        _TENANT,
        _ENVIRONMENT,
        Column("region"),
        _KPI,
        Column("contract_version", required=True),
        Column("variant_label"),
        Column("trigger_type", required=True, allowed=("time", "event", "manual")),
        Column("triggered_by"),
        Column("schedule_cron"),
        Column("started_at", ColumnType.TIMESTAMP, required=True),
        Column("finished_at", ColumnType.TIMESTAMP),
        Column("status", allowed=("success", "failed", "partial", "skipped")),
        Column("rows_processed", ColumnType.BIGINT),
        Column("sla_breached", ColumnType.BOOLEAN),
        Column("retry_seq", ColumnType.INT),
        Column("error_code"),
        Column("error_message"),
        Column("lineage_ref"),
    ),
    (Column("entry", required=True), Column("definition_hash"), Column("canary")),
    (*_IDENTITY, "entry"),
)


def _validation(seed: str) -> LogTable:
    columns = (
        _RUN_ID,
        Column("rule_id"),
        Column("rule_type"),
        Column("severity", allowed=("warn", "error")),
        Column("result", allowed=("pass", "fail")),
        Column("details"),
    )
    return LogTable(seed, columns, _CONTEXT, (*_IDENTITY, "rule_id"))


_TABLES = (
    _RUN,
    LogTable(
        "kpi_log_sourcing",
        (
            _RUN_ID,
            Column("source_type", required=True, allowed=("gdp", "kpi")),
            Column("source_object", required=True),
            Column("source_version"),
            Column("attributes"),
            Column("sql_hash"),
        ),
        _CONTEXT,
        (*_IDENTITY, "source_type", "source_object"),
    ),
    _validation("kpi_log_pre_validation"),
    _validation("kpi_log_post_validation"),
    LogTable(
        "kpi_log_delivery",
        (
            _RUN_ID,
            Column("time_grain"),
            Column("time_range"),
            Column("scd_view", allowed=("as_reported", "restated")),
            Column("extensions"),
            Column("verdict", allowed=("Adequate", "Low", "Critical")),
            Column("output_sample"),
        ),
        _CONTEXT,
        _IDENTITY,
    ),
)


def log_tables() -> tuple[LogTable, ...]:
    """Run, sourcing, pre-validation, post-validation, delivery: in the order of the seed."""
    return _TABLES
