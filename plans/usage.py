"""What a deployment uses in a month, by price: from the dictionary's schedules, the stacks' configs, what was rendered, and assumptions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from alerts.specs import MetricAlarm
from kpis.common import Lane
from kpis.metric_names import KPI, TIER_0_METRICS, Metric
from plans.assumptions import Assumptions
from plans.cadence import HOURS_A_MONTH
from plans.measure_account import item_bytes
from plans.measure_runs import log_rows, write_units
from plans.model import KpiLoad, Rendering, StackPlan
from plans.run_counts import TenantRuns

GB = Decimal(1024**3)
HOURS = Decimal(HOURS_A_MONTH)
FLEET_METRICS = len(Metric) - len(TIER_0_METRICS) - 2
"""Metrics of every closed run; `LogTamperEvents` is only there when somebody tampers, `KpiDrift` all the time."""
LOG_STREAMS = 5
STREAM_CALLS = 6
"""Batches of the log stream's function a run: five tables, and the run's own table at open and at close."""
MILLISECONDS = Decimal(1000)
_FIREHOSE_STEP = 5 * 1024
_ARCHIVE_DAYS = 30
_DAYS_A_MONTH = Decimal(365) / 12
_COLD_AFTER_DAYS = 30
_LEAST_COLD_DAYS = 90
_ALERT_TOPICS = 2
_STORE_CALLS = 20


class Part(StrEnum):
    """Why something is used."""

    BASE = "base"
    TIER_0 = "tier 0"
    """Series and alarms of single KPIs, which their tier opts into."""


@dataclass(frozen=True)
class Use:
    """A month's quantity of one price, for one stack."""

    price: str
    quantity: Decimal
    stack: StackPlan
    part: Part = Part.BASE


def watching(stack: StackPlan, rendering: Rendering, series: int) -> Iterator[Use]:
    """Alarms and dashboards of a stack; `series` is how many series a Metrics Insights alarm would look at."""
    yield Use("cloudwatch.dashboard", Decimal(len(rendering.dashboards)), stack)
    yield Use("cloudwatch.composite", Decimal(len(rendering.alarms.composites)), stack)
    for alarm in rendering.alarms.metrics:
        own = [query.series for query in alarm.queries if query.series] + ([alarm.series] if alarm.series else [])
        part = Part.TIER_0 if any(KPI in each.dimensions for each in own) else Part.BASE
        if any("ANOMALY_DETECTION_BAND" in (query.expression or "") for query in alarm.queries):
            yield Use("cloudwatch.anomaly_alarm", Decimal(1), stack, part)
        else:
            yield Use("cloudwatch.alarm", Decimal(_alarm_metrics(alarm, len(own), series)), stack, part)


def _alarm_metrics(alarm: MetricAlarm, own: int, series: int) -> int:
    """AWS charges an alarm for each metric of its math, and for each metric its query analyses."""
    query = any((each.expression or "").lstrip().upper().startswith("SELECT") for each in alarm.queries)
    return series if query else max(1, own)


def runs(count: TenantRuns, platform: StackPlan, assume: Assumptions) -> Iterator[Use]:
    """What the runs of a tenant use; `platform` is the stack they run on."""
    stack, total = count.stack, count.total
    heavy = sum((count.by_kpi[load.id] for load in count.loads if load.lane is Lane.HEAVY), Decimal(0))
    light = total - heavy
    events = total * (1 + assume.breach_share)
    yield Use("states.transitions", light * platform.light_states + heavy * platform.heavy_states, stack)
    yield Use("scheduler.invocations", count.scheduled, stack)
    yield Use("lambda.requests", 2 * total + light + events + STREAM_CALLS * total, stack)
    yield Use("lambda.compute", _gb_seconds(total, light, events, assume), stack)
    hours = heavy * max(assume.heavy_minutes, Decimal(1)) / 60
    yield Use("fargate.cpu", hours * platform.heavy_cpu / 1024, stack)
    yield Use("fargate.memory", hours * platform.heavy_memory_mib / 1024, stack)
    yield Use("events.custom", events, stack)
    archived = events * assume.event_bytes / GB
    yield Use("events.archive", archived, stack)
    yield Use("events.archive_store", archived * _ARCHIVE_DAYS / _DAYS_A_MONTH, stack)
    yield Use("kms.requests", total * assume.key_uses, stack)
    yield Use("secrets.calls", total * assume.secret_calls, stack)
    told = total * assume.breach_share * _ALERT_TOPICS
    yield Use("sns.publish", told, stack)
    yield Use("sqs.requests", told, stack)
    yield Use("sns.email", told * platform.alert_emails / 4, stack)
    carried = total * assume.endpoint_bytes / GB
    yield Use("vpc.nat_data" if platform.network.nat else "vpc.endpoint_data", carried, stack)


def _gb_seconds(total: Decimal, light: Decimal, events: Decimal, assume: Assumptions) -> Decimal:
    """Memory times time of the functions (sizes: infra/components/functions.py): half a GB each, and one for the runner."""
    half = total * (assume.open_ms + assume.close_ms) * assume.headroom + (events + STREAM_CALLS * total) * assume.small_ms
    return (half / 2 + light * (assume.light_ms * assume.headroom + assume.sql_ms)) / MILLISECONDS


def records(count: TenantRuns, platform: StackPlan, assume: Assumptions) -> Iterator[Use]:
    """What the rows of a tenant's runs cost: written, kept, recoverable, archived and logged."""
    stack, total = count.stack, count.total
    rows = {load.id: count.by_kpi[load.id] * log_rows(load) for load in count.loads}
    size = sum((count.by_kpi[load.id] * row_bytes(load, assume) for load in count.loads), Decimal(0)) / GB
    indexed = total * 2 * assume.run_row / GB
    kept = min(assume.age_months, Decimal(stack.log_table_retention_months))
    catalog = sum((Decimal(item_bytes(load)) for load in count.loads), Decimal(0)) / GB
    table = size * kept + catalog
    yield Use("dynamodb.write", sum((count.by_kpi[load.id] * write_units(load) for load in count.loads), Decimal(0)), stack)
    yield Use("dynamodb.read", (total + assume.api_requests) * assume.read_units, stack)
    yield Use("dynamodb.store", table + indexed * kept, stack)
    yield Use("dynamodb.recovery", table, stack)
    warm, cold = backup_copies(platform.backup_retention_days, assume)
    yield Use("backup.warm", table * warm, stack)
    yield Use("backup.cold", table * cold, stack)
    taken = sum(rows.values(), Decimal(0)) * _FIREHOSE_STEP / GB
    objects = count.minutes * LOG_STREAMS
    yield Use("firehose.ingest", taken, stack)
    yield Use("firehose.format", taken, stack)
    yield Use("firehose.partition", size, stack)
    yield Use("firehose.objects", objects, stack)
    yield Use("firehose.parse", size * assume.parse_hours_a_gb, stack)
    yield Use("s3.put", objects, stack)
    yield Use("s3.store", size * assume.parquet * assume.age_months, stack)
    lines = (total * assume.log_bytes + assume.api_requests * assume.access_log_bytes) / GB
    yield Use("logs.ingest", lines, stack)
    kept_logs = min(assume.age_months, Decimal(stack.log_retention_days) / _DAYS_A_MONTH)
    yield Use("logs.store", lines * assume.log_compression * kept_logs, stack)
    results = total * assume.result_row * assume.age_months / GB
    if platform.result_store.value != "external":
        yield Use(f"{platform.result_store.value}.store", results, stack)
    if platform.result_store.value == "aurora":
        yield Use("aurora.requests", total * _STORE_CALLS, stack)


def row_bytes(load: KpiLoad, assume: Assumptions) -> Decimal:
    """Bytes of the rows of the five log tables that one attempt writes."""
    rules = load.pre_rules + load.post_rules
    return 2 * assume.run_row + load.sources * assume.sourcing_row + rules * assume.validation_row + assume.delivery_row


def backup_copies(days: int, assume: Assumptions) -> tuple[Decimal, Decimal]:
    """Daily backups kept warm and cold: each is of the whole table (infra/components/protection.py says when they get cold)."""
    existing = min(Decimal(days), assume.age_months * _DAYS_A_MONTH)
    if days < _COLD_AFTER_DAYS + _LEAST_COLD_DAYS:
        return existing, Decimal(0)
    warm = min(existing, Decimal(_COLD_AFTER_DAYS))
    return warm, existing - warm


def metrics(count: TenantRuns) -> Iterator[Use]:
    """Custom metrics of a tenant: the fleet's, its drift, and two for each tier-0 KPI."""
    yield Use("cloudwatch.metric", 1 + FLEET_METRICS * count.hours() / HOURS, count.stack)
    for load in count.loads:
        if load.tier == 0:
            months = len(TIER_0_METRICS) * count.hours([load.id]) / HOURS
            yield Use("cloudwatch.metric", months, count.stack, Part.TIER_0)


def people(stack: StackPlan, assume: Assumptions) -> Iterator[Use]:
    """What the people of a tenant use: API, dashboards, portal and queries; and the tenant's own secret."""
    yield Use("secrets.secret", Decimal(1), stack)
    yield Use("api.requests", assume.api_requests, stack)
    yield Use("lambda.requests", assume.api_requests, stack)
    yield Use("lambda.compute", assume.api_requests * assume.small_ms / MILLISECONDS / 2, stack)
    yield Use("cloudwatch.metric_reads", assume.dashboard_reads, stack)
    yield Use("logs.scan", assume.scanned_gb, stack)
    yield Use("athena.scan", assume.athena_tb, stack)
    yield Use("cognito.users", assume.users, stack)
    yield Use("cloudfront.out", assume.portal_gb, stack)
    yield Use("cloudfront.requests", assume.portal_requests, stack)
    yield Use("waf.requests", assume.portal_requests, stack)
    yield Use("s3.get", assume.portal_requests, stack)


def naive(counts: Mapping[str, TenantRuns]) -> Iterator[Use]:
    """One alarm and one series for each KPI of each tenant: what the tiers of the dictionary avoid."""
    for count in counts.values():
        for load in count.loads:
            yield Use("cloudwatch.alarm", Decimal(1), count.stack)
            yield Use("cloudwatch.metric", count.hours([load.id]) / HOURS, count.stack)
