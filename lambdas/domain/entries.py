"""The rows of the five log tables: keys, columns and expiry, in one place."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kpis.schema import GdpRef, Kpi
from lambdas.domain.fold import CLOSE, DESPITE_PAUSE, OPEN
from lambdas.domain.ids import run_id_text
from lambdas.domain.model import TOTAL, Delivery, LogEntry, LogTable, Outcome, RuleResult, Run
from lambdas.domain.periods import add_months
from lambdas.domain.timestamps import iso

HOT_MONTHS = 24
"""How long the tables keep a row before its TTL moves it out (K4)."""

SAMPLE_ENTITIES = 5
MAX_DETAILS = 2000


def _expires_at(started_at: datetime) -> int:
    return int(add_months(started_at, HOT_MONTHS).timestamp())


def _run_row(run: Run, entry: str, outcome: Mapping[str, Any]) -> LogEntry:
    started = iso(run.started_at)
    key = run_id_text(run.run_id)
    columns = {
        "run_id": run.run_id,
        "tenant_id": run.tenant_id,
        "environment": run.environment,
        "region": run.region,
        "kpi_id": run.kpi_id,
        "contract_version": run.contract_version,
        "variant_label": run.variant_label,
        "trigger_type": run.trigger_type.value,
        "triggered_by": _triggered_by(run),
        "schedule_cron": run.schedule_cron,
        "started_at": started,
        "sla_breached": False,
        "retry_seq": run.retry_seq,
        "lineage_ref": run.lineage_ref,
    }
    # Beside the seed's columns: the content that ran, and for which canary.
    columns |= {"definition_hash": run.definition_hash, "canary": run.canary.canary_id if run.canary else None}
    keys = {"gsi_pk": f"{run.tenant_id}#{run.kpi_id}", "gsi_sk": f"{started}#{key}#{entry}", "entry": entry}
    return LogEntry(
        LogTable.RUN, run.tenant_id, f"{key}#{entry}", columns | dict(outcome) | keys | {"expires_at": _expires_at(run.started_at)}
    )


def _triggered_by(run: Run) -> str | None:
    """Who or what started the run, and the pause it went ahead in spite of."""
    return run.triggered_by if run.despite_pause is None else f"{run.triggered_by} {DESPITE_PAUSE}{run.despite_pause})"


def open_row(run: Run) -> LogEntry:
    """The row that says an attempt began; it has no outcome."""
    return _run_row(run, OPEN, {})


def close_row(run: Run, outcome: Outcome, finished_at: datetime, *, sla_breached: bool) -> LogEntry:
    """The row that says how the attempt ended."""
    return _run_row(
        run,
        CLOSE,
        {
            "finished_at": iso(finished_at),
            "status": outcome.status.value,
            "rows_processed": outcome.rows_processed,
            "sla_breached": sla_breached,
            "error_code": outcome.error_code.value if outcome.error_code else None,
            "error_message": outcome.error_message,
        },
    )


def _child(run: Run, table: LogTable, suffix: str, columns: Mapping[str, Any], recorded_at: datetime) -> LogEntry:
    common = {
        "run_id": run.run_id,
        "tenant_id": run.tenant_id,
        "environment": run.environment,
        "kpi_id": run.kpi_id,
        "recorded_at": iso(recorded_at),
        "expires_at": _expires_at(run.started_at),
    }
    return LogEntry(table, run.tenant_id, run_id_text(run.run_id) + suffix, common | dict(columns))


def sourcing_rows(run: Run, kpi: Kpi, versions: Mapping[str, str], sql_hash: str, recorded_at: datetime) -> list[LogEntry]:
    """One row per source: golden data tables with the attributes read, upstream KPIs with the contract version used."""
    rows: list[LogEntry] = []
    for source in kpi.sources:
        if isinstance(source, GdpRef):
            kind, name, attributes = "gdp", source.gdp, json.dumps(list(source.attributes))
        else:
            kind, name, attributes = "kpi", source.kpi, json.dumps(["value"])
        columns = {
            "source_type": kind,
            "source_object": name,
            "source_version": versions.get(name),
            "attributes": attributes,
            "sql_hash": sql_hash,
        }
        rows.append(_child(run, LogTable.SOURCING, f"#{kind}#{name}", columns, recorded_at))
    return rows


def validation_rows(run: Run, table: LogTable, results: Sequence[RuleResult], recorded_at: datetime) -> list[LogEntry]:
    """One row per rule that was evaluated."""
    return [
        _child(
            run,
            table,
            f"#{result.rule_id}",
            {
                "rule_id": result.rule_id,
                "rule_type": result.rule_type.value,
                "severity": result.severity.value,
                "result": "pass" if result.passed else "fail",
                "details": result.details[:MAX_DETAILS],
            },
            recorded_at,
        )
        for result in results
    ]


def delivery_row(delivery: Delivery, verdict: str, extensions: Sequence[str]) -> LogEntry:
    """What consumers got: period, extensions, the run's verdict and a small sample."""
    run = delivery.run
    shown = sorted(delivery.results, key=lambda each: (each.entity != TOTAL, each.entity))
    sample = [{"entity": each.entity, "value": each.value, "verdict": each.verdict.value} for each in shown[:SAMPLE_ENTITIES]]
    columns = {
        "time_grain": delivery.grain.value,
        "time_range": run.period.text,
        "scd_view": run.scd_view.value,
        "extensions": json.dumps(list(extensions)),
        "verdict": verdict,
        "output_sample": json.dumps({"unit": delivery.unit, "entities": len(delivery.results), "sample": sample}),
    }
    return _child(run, LogTable.DELIVERY, "", columns, delivery.delivered_at)
