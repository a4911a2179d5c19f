"""Structured logs on standard output: one JSON document a line, redacted. Loads nothing of the dictionary."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

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
