"""What a platform stack uses in a month whether or not anything runs, and what its shared parts use because something does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from kpis.common import Lane
from plans.assumptions import Assumptions
from plans.measure_account import API_ROUTES
from plans.model import ResultStore, StackPlan
from plans.run_counts import TenantRuns
from plans.usage import FLEET_METRICS, HOURS, MILLISECONDS, Use

KEYS = 3
TICKS = HOURS * 12
"""The governance function looks every five minutes (infra/components/governance.py), and so does the reconciler it calls."""
WAF_RULES = 4
"""A rate limit and three managed groups (infra/components/portal.py)."""
IDLE_CAPACITY = Decimal("0.5")
BASE_RPUS = 8
"""The least capacity of Aurora and Redshift in infra/components/store.py."""
_MINUTES = 60


def fixed(stack: StackPlan, assume: Assumptions) -> Iterator[Use]:
    """What stands there at no use at all."""
    yield Use("kms.key", Decimal(KEYS), stack)
    yield Use("scheduler.invocations", TICKS, stack)
    yield Use("lambda.requests", 2 * TICKS, stack)
    yield Use("lambda.compute", 2 * TICKS * assume.small_ms / MILLISECONDS / 2, stack)
    # AWS keeps the administrator's password of a database in a secret of its own.
    yield Use("secrets.secret", Decimal(1 if stack.result_store is ResultStore.EXTERNAL else 2), stack)
    yield Use("waf.acl", Decimal(1), stack)
    yield Use("waf.rule", Decimal(WAF_RULES), stack)
    yield Use("ecr.store", assume.images_gb, stack)
    yield Use("vpc.endpoint", len(stack.network.interface_endpoints) * stack.network.zones * HOURS, stack)
    if stack.network.nat:
        yield Use("vpc.nat", HOURS, stack)
        yield Use("vpc.address", HOURS, stack)
    if stack.result_store is ResultStore.AURORA:
        yield Use("aurora.capacity", IDLE_CAPACITY * HOURS, stack)
        yield Use("aurora.store", assume.store_gb, stack)
    elif stack.result_store is ResultStore.REDSHIFT:
        yield Use("redshift.store", assume.store_gb, stack)


def shared(stack: StackPlan, tenants: Sequence[TenantRuns], assume: Assumptions) -> Iterator[Use]:
    """What all tenants' runs together keep awake."""
    everything = _together(stack, tenants, assume)
    yield Use("cloudwatch.metric", (1 if tenants else 0) + FLEET_METRICS * everything.hours() / HOURS, stack)
    asked = min(assume.api_requests * len(tenants), HOURS)
    yield Use("cloudwatch.metric", API_ROUTES * assume.route_metrics * asked / HOURS, stack)
    heavy = [load.id for load in everything.loads if load.lane is Lane.HEAVY]
    if heavy:
        yield Use("cloudwatch.metric", assume.insights_metrics * everything.hours(heavy) / HOURS, stack)
    busy = min(everything.minutes * max(assume.store_minutes, Decimal(1)) / _MINUTES, HOURS)
    if stack.result_store is ResultStore.AURORA:
        yield Use("aurora.capacity", max(assume.busy_capacity - IDLE_CAPACITY, Decimal(0)) * busy, stack)
    elif stack.result_store is ResultStore.REDSHIFT:
        yield Use("redshift.capacity", BASE_RPUS * busy, stack)


def _together(stack: StackPlan, tenants: Sequence[TenantRuns], assume: Assumptions) -> TenantRuns:
    """All runs as those of one, each KPI once: what counts is when something runs."""
    loads = {load.id: load for each in tenants for load in each.loads}
    return TenantRuns(stack, tuple(loads[kpi_id] for kpi_id in sorted(loads)), assume)
