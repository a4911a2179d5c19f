"""Metrics on standard output, one JSON document a line: CloudWatch makes metrics of those with `_aws` (EMF)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from kpis.metric_names import FLEET_DIMENSION_SETS, KPI_DIMENSIONS, TIER_0_METRICS, Metric
from lambdas.adapters.structured_logs import configure_logging, request_log, write_line

__all__ = ["EmfMetrics", "configure_logging", "request_log", "write_line"]


class EmfMetrics:
    """Metrics as embedded metric format, by tenant and environment and in total."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace

    def emit(self, tenant_id: str, environment: str, values: Mapping[str, float], properties: Mapping[str, Any]) -> None:
        """Write one line. Fleet metrics count by tenant and in total, those of a tier-0 KPI by KPI (its id is among the properties)."""
        fleet = self._directive(FLEET_DIMENSION_SETS, [name for name in values if name not in TIER_0_METRICS])
        own = self._directive((KPI_DIMENSIONS,), [name for name in values if name in TIER_0_METRICS])
        write_line(
            {
                "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [*fleet, *own]},
                "tenant_id": tenant_id,
                "environment": environment,
                **{str(name): value for name, value in values.items()},
                **{name: value for name, value in properties.items() if value is not None},
            }
        )

    def _directive(self, dimensions: Sequence[Sequence[str]], names: Sequence[str]) -> list[dict[str, Any]]:
        """How CloudWatch reads these metrics out of the line; nothing without metrics."""
        metrics = [{"Name": str(name), "Unit": Metric(name).unit} for name in names]
        return [{"Namespace": self._namespace, "Dimensions": [list(each) for each in dimensions], "Metrics": metrics}] if metrics else []
