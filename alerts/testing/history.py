"""The history of metrics, rebuilt from the run log: what the functions emitted when a run closed, as `kpis.metric_names` defines it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from alerts.simulator import Point
from alerts.simulator.history import SeriesKey
from alerts.testing.series import SeriesName
from kpis.common import Verdict
from kpis.metric_names import (
    ENVIRONMENT,
    FLEET_DIMENSION_SETS,
    KPI,
    KPI_DIMENSIONS,
    NAMESPACE,
    TENANT,
    TIER_0_METRICS,
    VERDICT_CODES,
    Metric,
)

NOT_IN_THE_LOG = frozenset({Metric.RUN_OVERHEAD_MS, Metric.LOG_TAMPER_EVENTS, Metric.KPI_DRIFT})
"""Metrics of the product that no row of the run log tells; alarms on them cannot be judged on history."""
TOTAL_ENTITY = "ALL"


class By(StrEnum):
    """Where a run lies in time: when it closed, as its metrics did, or at the end of the data period it is about."""

    CLOCK = "clock"
    PERIOD = "period"


class RunRow(BaseModel):
    """A run as the control plane's `/runs` shows it; columns that no metric is made of are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    run_id: str
    tenant_id: str
    environment: str
    kpi_id: str
    started_at: datetime
    finished_at: datetime | None = None
    status: str | None = None
    rows_processed: int = 0
    sla_breached: bool = False
    error_code: str | None = None
    time_range: str | None = None
    verdict: Verdict | None = None
    entity: str | None = None
    value: float | None = None


@dataclass(frozen=True)
class Run:
    """A closed run. `anomalies`: how many runtime anomalies were found; `tier_0`: whether its KPI has series of its own."""

    row: RunRow
    finished_at: datetime
    anomalies: int = 0
    tier_0: bool = False

    @property
    def duration_ms(self) -> float:
        """How long it took, in milliseconds."""
        return (self.finished_at - self.row.started_at).total_seconds() * 1000

    def has_moment(self, by: By) -> bool:
        """Whether it can be placed in time: by period only when the log tells its period."""
        return by is By.CLOCK or "/" in (self.row.time_range or "")

    def moment(self, by: By) -> float:
        """When it happened, in seconds since the epoch.

        Raises:
            ValueError: by period, when the run does not tell its period.
        """
        if by is By.CLOCK:
            return self.finished_at.timestamp()
        end = (self.row.time_range or "").partition("/")[2]
        if not end:
            raise ValueError(f"run {self.row.run_id} of {self.row.kpi_id} does not tell its period")
        moment = datetime.fromisoformat(end)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

    @property
    def values(self) -> Mapping[Metric, float]:
        """What its close emitted. A hard stop is told by status and error code, which nothing else sets together."""
        status, code = self.row.status, self.row.error_code
        fleet = {
            Metric.RUNS_COMPLETED: float(status in ("success", "partial")),
            Metric.RUNS_FAILED: float(status == "failed"),
            Metric.RUNS_SKIPPED: float(status == "skipped"),
            Metric.RUNS_PARTIAL: float(status == "partial"),
            Metric.SLA_BREACHES: float(self.row.sla_breached),
            Metric.PRE_VALIDATION_HARD_STOPS: float(status == "skipped" and code == "VALIDATION_FAIL_PRE"),
            Metric.POST_VALIDATION_HARD_STOPS: float(status == "failed" and code == "VALIDATION_FAIL_POST"),
            Metric.RUN_DURATION_MS: round(self.duration_ms, 3),
            Metric.ROWS_PROCESSED: float(self.row.rows_processed),
            Metric.RUNTIME_ANOMALIES: float(self.anomalies),
        }
        return fleet | self._own_values(delivered=status in ("success", "partial"))

    def _own_values(self, *, delivered: bool) -> dict[Metric, float]:
        if not (self.tier_0 and delivered and self.row.verdict is not None):
            return {}
        verdict = {Metric.KPI_VERDICT: float(VERDICT_CODES[self.row.verdict])}
        if self.row.value is None or self.row.entity != TOTAL_ENTITY:
            return verdict
        return verdict | {Metric.KPI_VALUE: self.row.value}


def read_run(row: Mapping[str, Any], *, anomalies: int = 0, tier_0: bool = False) -> Run | None:
    """A row of `/runs` as a closed run; None while it has not ended, for an open run emits nothing.

    Raises:
        pydantic.ValidationError: when the row is not one of `/runs`.
    """
    read = RunRow.model_validate(row)
    if read.status is None or read.finished_at is None:
        return None
    return Run(read, read.finished_at, anomalies, tier_0)


def known(series: SeriesName) -> bool:
    """Whether the run log tells this series at all."""
    names = {str(metric) for metric in Metric if metric not in NOT_IN_THE_LOG}
    return series.namespace == NAMESPACE and series.metric in names


def points_of(run: Run, by: By) -> Iterator[tuple[SeriesName, Point]]:
    """The datapoints of one run: fleet metrics by tenant and in total, those of a tier-0 KPI by KPI."""
    words = {TENANT: run.row.tenant_id, ENVIRONMENT: run.row.environment, KPI: run.row.kpi_id}
    at = run.moment(by)
    for metric, value in run.values.items():
        for names in dimension_sets(metric):
            yield SeriesName(NAMESPACE, str(metric), frozenset((name, words[name]) for name in names)), Point.of(at, value)


def dimension_sets(metric: Metric) -> tuple[tuple[str, ...], ...]:
    """By which dimensions a metric is counted."""
    return (KPI_DIMENSIONS,) if metric in TIER_0_METRICS else FLEET_DIMENSION_SETS


def metric_history(runs: Iterable[Run], by: By, wanted: Collection[SeriesName]) -> dict[SeriesKey, list[Point]]:
    """The datapoints of the wanted series, oldest first; the rest of what these runs emitted is left out."""
    found: dict[SeriesKey, list[Point]] = {series.key: [] for series in wanted}
    metrics = [metric for metric in Metric if any(series.metric == metric for series in wanted)]
    for run in runs:
        words = {TENANT: run.row.tenant_id, ENVIRONMENT: run.row.environment, KPI: run.row.kpi_id}
        values, at = run.values, run.moment(by)
        for metric in metrics:
            if metric in values:
                for names in dimension_sets(metric):
                    points = found.get((NAMESPACE, str(metric), frozenset((name, words[name]) for name in names)))
                    if points is not None:
                        points.append(Point.of(at, values[metric]))
    return {key: sorted(points, key=lambda point: point.timestamp) for key, points in found.items()}
