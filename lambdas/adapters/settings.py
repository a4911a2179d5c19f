"""What the environment tells the functions and the Fargate task."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.model import LogTable


@dataclass(frozen=True)
class Settings:
    """Names of what this deployment consists of."""

    deployment: str
    region: str
    catalog_table: str
    audit_table: str
    bus_name: str
    state_machine_arn: str
    result_store_secret: str
    artifacts_bucket: str
    scheduler_role_arn: str
    alert_topic_arn: str
    firehose_prefix: str
    metric_namespace: str
    log_tables: Mapping[LogTable, str] = field(default_factory=dict[LogTable, str])

    @property
    def topic_stem(self) -> str:
        """What the ARNs of tenants' topics begin with: those of the platform and of tenants share it (infra/names.py)."""
        return self.alert_topic_arn.rsplit("-alerts-", 1)[0]


def require(environ: Mapping[str, str], names: Iterable[str]) -> None:
    """Refuse an environment that lacks variables.

    Raises:
        KpiError: INTERNAL naming every variable that is missing or empty.
    """
    missing = sorted(name for name in names if not environ.get(name))
    if missing:
        raise KpiError(ErrorCode.INTERNAL, f"environment variables are not set: {', '.join(missing)}; the platform stack sets them")


def from_environment(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Raises:
        KpiError: INTERNAL naming every variable that is missing.
    """
    env = os.environ if environ is None else environ
    tables = {table: f"KPI_TABLE_{table.value.replace('-', '_').upper()}" for table in LogTable}
    plain = {
        "deployment": "KPI_DEPLOYMENT",
        "catalog_table": "KPI_TABLE_CATALOG",
        "audit_table": "KPI_TABLE_AUDIT",
        "bus_name": "KPI_BUS_NAME",
        "state_machine_arn": "KPI_STATE_MACHINE_ARN",
        "result_store_secret": "KPI_RESULT_STORE_SECRET",
        "artifacts_bucket": "KPI_ARTIFACTS_BUCKET",
        "scheduler_role_arn": "KPI_SCHEDULER_ROLE_ARN",
        "alert_topic_arn": "KPI_ALERT_TOPIC_ARN",
        "firehose_prefix": "KPI_FIREHOSE_PREFIX",
        "metric_namespace": "KPI_METRIC_NAMESPACE",
    }
    require(env, (*plain.values(), *tables.values()))
    return Settings(
        region=env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION", "us-east-1"),
        log_tables={table: env[name] for table, name in tables.items()},
        **{key: env[name] for key, name in plain.items()},
    )
