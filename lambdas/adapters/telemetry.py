"""Structured logs and metrics on standard output, one JSON document a line: CloudWatch makes metrics of those with `_aws` (EMF)."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from kpis.metric_names import FLEET_DIMENSION_SETS, KPI_DIMENSIONS, TIER_0_METRICS, Metric
from lambdas.domain.redact import redact


def write_line(document: Mapping[str, Any]) -> None:
    """Print one JSON line, redacted."""
    sys.stdout.write(redact(json.dumps(document, default=str, separators=(",", ":"))) + "\n")
    sys.stdout.flush()


class JsonFormatter(logging.Formatter):
    """Log records as JSON lines, redacted; also exceptions, whose texts may carry connection strings."""

    def format(self, record: logging.LogRecord) -> str:
        document: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return redact(json.dumps(document, default=str))


def configure_logging() -> None:
    """Send every log record of the process through the redacting formatter."""
    root = logging.getLogger()
    if any(isinstance(handler.formatter, JsonFormatter) for handler in root.handlers):
        return
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    root.handlers = [handler]
    root.setLevel(os.environ.get("KPI_LOG_LEVEL", "INFO"))
    for noisy in ("botocore", "boto3", "urllib3", "sqlglot"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def request_log(service: str, started: float, **fields: Any) -> None:
    """The request log: one line for each call (K17), with its duration in milliseconds."""
    write_line(
        {
            "ts": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "level": "INFO",
            "service": service,
            "message": f"{service} done",
            "duration_ms": round((time.perf_counter() - started) * 1000, 1),
            **{name: value for name, value in fields.items() if value is not None},
        }
    )


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
