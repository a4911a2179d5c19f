"""The reconciler's parts of one deployment, put together once per process."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property

from pydantic import JsonValue

from lambdas.adapters.aws import Clients
from lambdas.adapters.catalog import DynamoCatalog
from lambdas.adapters.control_plane import control_plane
from lambdas.adapters.control_store import DynamoControlStore
from lambdas.adapters.dashboards import CloudWatchDashboards
from lambdas.adapters.mute_rules import CloudWatchMuteRules
from lambdas.adapters.scheduler import EventBridgeSchedules
from lambdas.adapters.search_index import keeper_of
from lambdas.adapters.settings import Settings
from lambdas.adapters.telemetry import EmfMetrics
from lambdas.domain.control.desk import RunFigures
from lambdas.domain.control.service import ControlPlane
from lambdas.domain.ports import Clock
from lambdas.domain.reconcile_dashboards import DashboardKeeper
from lambdas.domain.reconcile_mutes import MuteKeeper
from lambdas.domain.reconcile_schedules import ScheduleKeeper, ScheduleTarget
from lambdas.domain.search import Keeper
from lambdas.reconciler.registry import Registry

logger = logging.getLogger("kpi.reconciler")


class Parts:
    """Stores, keepers and the control plane, each made at its first use."""

    def __init__(self, settings: Settings, clients: Clients, clock: Clock, sleep: Callable[[float], None] = time.sleep) -> None:
        self.settings = settings
        self.clients = clients
        self.clock = clock
        self.sleep = sleep
        self.catalog = DynamoCatalog(clients, settings.catalog_table)
        self.store = DynamoControlStore(clients, settings.catalog_table, settings.audit_table)
        self.registry = Registry(self.catalog)

    @cached_property
    def plane(self) -> ControlPlane:
        """The control plane, for what needs a sign-off. The import neither promotes nor rolls back, so it asks no run log."""
        return control_plane(self.store, _NoRuns(), self.clock)

    @cached_property
    def schedules(self) -> ScheduleKeeper:
        """Keeps schedules."""
        target = ScheduleTarget(self.settings.state_machine_arn, self.settings.scheduler_role_arn)
        return ScheduleKeeper(self.catalog, self.store, EventBridgeSchedules(self.clients), target)

    @cached_property
    def mutes(self) -> MuteKeeper:
        """Keeps mute rules."""
        return MuteKeeper(CloudWatchMuteRules(self.clients))

    @cached_property
    def dashboards(self) -> DashboardKeeper:
        """Keeps dashboards of single KPIs."""
        return DashboardKeeper(self.store, CloudWatchDashboards(self.clients), self.registry.stencil, self.stem)

    @cached_property
    def index(self) -> Keeper:
        """Keeps search indexes."""
        return keeper_of(self.clients, self.settings)

    @cached_property
    def metrics(self) -> EmfMetrics:
        """Metrics of the deployment."""
        return EmfMetrics(self.settings.metric_namespace)

    def stem(self, tenant_id: str, environment: str) -> str:
        """What the physical names of a tenant's alarms begin with (infra/names.py)."""
        return f"kpi-{self.settings.deployment}-{tenant_id}-{environment}"


class _NoRuns:
    """A run record for a control plane that only writes drafts and asks for their publication, which look at no runs."""

    def figures(self, tenant_id: str, environment: str, kpi_id: str, contract_version: str, since: datetime) -> RunFigures:
        raise NotImplementedError(f"{contract_version} of {kpi_id} ({tenant_id}.{environment}, {since}): packs promote nothing")

    def healthy(self, tenant_id: str, environment: str, kpi_id: str, contract_version: str) -> bool:
        raise NotImplementedError(f"{contract_version} of {kpi_id} ({tenant_id}.{environment}): packs roll nothing back")

    def snapshot(self, tenant_id: str, environment: str, kpi_id: str, contract_version: str) -> Mapping[str, JsonValue]:
        raise NotImplementedError(f"{contract_version} of {kpi_id} ({tenant_id}.{environment}): packs roll nothing back")
