"""The CloudWatch metrics of the product: the only place that knows their names, units and dimensions.

Functions emit them as embedded metric format (EMF), alarms and dashboards read them. Series are bounded: every fleet metric exists
for each tenant and environment and once as the platform's total (no dimensions); only tier-0 KPIs have series of their own.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

from kpis.common import Verdict

NAMESPACE = "KpiObservatory"
TENANT = "tenant_id"
ENVIRONMENT = "environment"
KPI = "kpi_id"
PLATFORM_DIMENSIONS: tuple[str, ...] = ()
TENANT_DIMENSIONS: tuple[str, ...] = (TENANT, ENVIRONMENT)
KPI_DIMENSIONS: tuple[str, ...] = (TENANT, ENVIRONMENT, KPI)
FLEET_DIMENSION_SETS: tuple[tuple[str, ...], ...] = (PLATFORM_DIMENSIONS, TENANT_DIMENSIONS)


class Metric(StrEnum):
    """A metric of the namespace; the value is its name in CloudWatch.

    Every closed run emits all of `RunsCompleted` (1 when it delivered: success or partial), `RunsFailed`, `RunsSkipped` and `RunsPartial`
    as 0 or 1, so the sample count of any of them is the number of closed runs. `SlaBreaches` includes runs that never started (found by
    the dead-man check). `KpiDrift` is what one pass of the reconciler found out of step, 0 too.
    """

    RUNS_COMPLETED = "RunsCompleted"
    RUNS_FAILED = "RunsFailed"
    RUNS_SKIPPED = "RunsSkipped"
    RUNS_PARTIAL = "RunsPartial"
    SLA_BREACHES = "SlaBreaches"
    PRE_VALIDATION_HARD_STOPS = "PreValidationHardStops"
    POST_VALIDATION_HARD_STOPS = "PostValidationHardStops"
    RUN_DURATION_MS = "RunDurationMs"
    RUN_OVERHEAD_MS = "RunOverheadMs"
    ROWS_PROCESSED = "RowsProcessed"
    RUNTIME_ANOMALIES = "RuntimeAnomalies"
    LOG_TAMPER_EVENTS = "LogTamperEvents"
    KPI_DRIFT = "KpiDrift"
    KPI_VALUE = "KpiValue"
    KPI_VERDICT = "KpiVerdict"

    @property
    def unit(self) -> str:
        """The CloudWatch unit: milliseconds for durations, none for a KPI's value and verdict, else a count."""
        if self in (Metric.RUN_DURATION_MS, Metric.RUN_OVERHEAD_MS):
            return "Milliseconds"
        return "None" if self in TIER_0_METRICS else "Count"


class VerdictCode(IntEnum):
    """How `KpiVerdict` writes a verdict as a number."""

    ADEQUATE = 0
    LOW = 1
    CRITICAL = 2


TIER_0_METRICS = frozenset({Metric.KPI_VALUE, Metric.KPI_VERDICT})
VERDICT_CODES: dict[Verdict, VerdictCode] = {
    Verdict.ADEQUATE: VerdictCode.ADEQUATE,
    Verdict.LOW: VerdictCode.LOW,
    Verdict.CRITICAL: VerdictCode.CRITICAL,
}
