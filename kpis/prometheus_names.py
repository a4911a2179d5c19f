"""Names and labels of the Prometheus metrics about KPIs: one place, so that rules, tests and dashboards agree.

Names follow Prometheus's naming practice (https://prometheus.io/docs/practices/naming/): base units in the name, counters end in
`_total`. Each constant is the full name of a series; each series carries the labels of `IDENTITY`.
"""

from __future__ import annotations

PREFIX = "kpi_"

VALUE = "kpi_value"
"""Gauge: the latest signed value, in the KPI's own unit."""
VERDICT = "kpi_verdict"
"""Gauge: the latest verdict as a `kpis.metric_names.VerdictCode` (0 Adequate, 1 Low, 2 Critical)."""
SLA_OK = "kpi_sla_ok"
"""Gauge: 1 while the latest expected result is there and within its SLA, else 0. The SLO is the share of time it is 1."""
LAST_DELIVERED = "kpi_last_delivered_timestamp_seconds"
"""Gauge: when the latest result was delivered, in seconds of the Unix epoch."""
FRESHNESS = "kpi_data_freshness_seconds"
"""Gauge: age of the newest data in the latest result, in seconds."""
RUN_DURATION = "kpi_run_duration_seconds"
"""Gauge: how long the last run took, in seconds."""
RUNS = "kpi_runs_total"
"""Counter with the label `STATUS`."""
SLA_BREACHES = "kpi_sla_breaches_total"
"""Counter: results that were late beyond target and grace."""
VALIDATION_FAILURES = "kpi_validation_failures_total"
"""Counter with the labels `RULE_TYPE` and `SEVERITY`."""
ROWS_PROCESSED = "kpi_rows_processed_total"
"""Counter: rows read by runs."""

GAUGES = (VALUE, VERDICT, SLA_OK, LAST_DELIVERED, FRESHNESS, RUN_DURATION)
COUNTERS = (RUNS, SLA_BREACHES, VALIDATION_FAILURES, ROWS_PROCESSED)

TENANT_ID = "tenant_id"
ENVIRONMENT = "environment"
KPI_ID = "kpi_id"
PACK = "pack"
IDENTITY = (TENANT_ID, ENVIRONMENT, KPI_ID, PACK)
"""Labels of every series."""
STATUS = "status"
RULE_TYPE = "rule_type"
SEVERITY = "severity"
OWN_LABELS = {RUNS: (STATUS,), VALIDATION_FAILURES: (RULE_TYPE, SEVERITY)}
"""Labels a series has besides `IDENTITY`."""

# Recorded by the rules, as level:metric:operations (https://prometheus.io/docs/practices/rules/); the level is one KPI of one tenant.
OBJECTIVE = "kpi:slo_objective:ratio"
"""Constant: the promised share of good time, 0 to 1. Labels: kpi_id, pack."""
ERROR_BUDGET = "kpi:slo_error_budget:ratio"
"""Constant: the share of time that may be bad, 0 to 1. Labels: kpi_id, pack."""
SLO_WINDOW = "kpi:slo_window:days"
"""Constant: the SLO's window. Labels: kpi_id, pack."""
CURRENT_BURN_RATE = "kpi:sla_error:current_burn_rate"
"""How many times faster than allowed the error budget burns now (over 5 minutes)."""
PERIOD_BURN_RATE = "kpi:sla_error:period_burn_rate"
"""The same over the SLO's window; 1 uses the budget up exactly."""
BUDGET_REMAINING = "kpi:slo_error_budget:remaining_ratio"
"""The share of the error budget that is left; negative once the objective is missed."""
INFO = "kpi:slo:info"
"""Constant 1 with what the rules come from: definition_hash, contract_version, objective, window, owner, tier."""


def error_ratio(window: str) -> str:
    """The recorded share of bad time over a window in PromQL's notation: `kpi:sla_error:ratio_avg1h`."""
    return f"kpi:sla_error:ratio_avg{window}"


def label_value(text: str) -> str:
    """A string as a PromQL string literal with its double quotes; the escapes are Go's (https://prometheus.io/docs/prometheus/latest/querying/basics/).

    Control characters and line ends become escapes; everything printable stays as written.
    """
    return '"' + "".join(_ESCAPES.get(each) or (each if each.isprintable() else _escape(each)) for each in text) + '"'


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - the largest code of a \u escape
