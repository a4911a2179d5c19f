"""Puts the governance worker together, once per process; each part is imported when it is first needed."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import uuid4

from lambdas.adapters.aws import Clients
from lambdas.adapters.change_machine import ChangeMachine
from lambdas.adapters.checkpoints import NOTED, Checkpointer, CheckpointObjects
from lambdas.adapters.control_store import DynamoControlStore
from lambdas.adapters.governance_settings import GovernanceSettings, governance_settings
from lambdas.adapters.limit_rows import DynamoRows
from lambdas.adapters.settings import Settings, from_environment
from lambdas.adapters.system import SystemClock
from lambdas.adapters.task_rows import TaskRows
from lambdas.adapters.tenant_list import TenantList
from lambdas.governance.service import Governance, SignedState
from lambdas.governance.telling import Teller
from lambdas.governance.waiting import Waiting
from lambdas.governance.watching import Watching

if TYPE_CHECKING:
    from lambdas.domain.control.service import ControlPlane

_TOPICS = "-alerts-"


class GovernanceWiring:
    """The worker's parts."""

    def __init__(self, settings: Settings | None = None, own: GovernanceSettings | None = None, clients: Clients | None = None) -> None:
        self.settings = settings or from_environment()
        self.own = own or governance_settings()
        self.clients = clients or Clients(region=self.settings.region)
        self.clock = SystemClock()
        self.store = DynamoControlStore(self.clients, self.settings.catalog_table, self.settings.audit_table)
        self.tasks = TaskRows(self.clients, self.settings.catalog_table, self.clock.now)
        self.tenants = TenantList(self.clients, self.settings.catalog_table)
        self.machine = ChangeMachine(self.clients, self.own.change_machine_arn)

    @cached_property
    def governance(self) -> Governance:
        """What schedules and the state machine call."""
        waiting = Waiting(self.store, lambda: self.plane, self.tasks, self.machine, self.clock.now)
        return Governance(
            store=self.store,
            plane=lambda: self.plane,
            places=self.tenants,
            notary=lambda: self.checkpointer,
            last_signed=self._last_signed,
            watching=lambda: self.watching,
            waiting=waiting,
            now=self.clock.now,
            export=self._export,
            reconcile=self._reconcile,
        )

    @cached_property
    def teller(self) -> Teller:
        """What works through the stream of the audit table."""
        from lambdas.adapters.alert_topics import CatalogRoutes, SnsAlertTopics
        from lambdas.adapters.catalog import DynamoCatalog
        from lambdas.adapters.events import EventBus
        from lambdas.adapters.evidence_exports import ExportWorker
        from lambdas.adapters.notice_channels import ApprovalsQueue, TenantTopics
        from lambdas.domain.tenants.alerts import Alerts

        # arn:aws:sns:region:account:kpi-deployment-alerts-ops, of which a tenant's topics share the beginning
        stem = self.settings.alert_topic_arn.rsplit(_TOPICS, 1)[0]
        return Teller(
            machine=self.machine,
            memory=self.tasks,
            topics=TenantTopics(self.clients, stem),
            queue=ApprovalsQueue(self.clients, self.own.approvals_queue),
            bus=EventBus(self.clients, self.settings.bus_name),
            tenants=self.tenants,
            follow=Alerts(
                CatalogRoutes(DynamoCatalog(self.clients, self.settings.catalog_table)), SnsAlertTopics(self.clients, stem)
            ).follow,
            export=ExportWorker(self.clients, f"kpi-{self.settings.deployment}-governance").start,
        )

    @cached_property
    def plane(self) -> ControlPlane:
        """The control plane as the API has it, so that both decide by the same rules."""
        from lambdas.api.composition import Composition

        return Composition(self.settings, self.clients).ports.plane

    @cached_property
    def checkpointer(self) -> Checkpointer:
        """Signs and keeps."""
        from lambdas.adapters.audit_chain import AuditChains
        from lambdas.adapters.signing import KmsKey

        key = KmsKey(self.clients, self.own.signing_key_arn)
        chains = AuditChains(self.clients, self.settings.catalog_table, self.settings.audit_table, sleep=time.sleep)
        objects = CheckpointObjects(self.clients, self.own.audit_bucket, self.own.retention, key.verify, self.clock.now)
        return Checkpointer(chains, objects, self._rows, key, self.clock.now)

    @cached_property
    def watching(self) -> Watching:
        """Looks for missing runs."""
        from lambdas.adapters.catalog import DynamoCatalog
        from lambdas.adapters.events import EventBus
        from lambdas.adapters.runlogs import DynamoRunLogs
        from lambdas.adapters.telemetry import EmfMetrics
        from lambdas.domain.deadman import DeadMan

        catalog = DynamoCatalog(self.clients, self.settings.catalog_table)
        logs = DynamoRunLogs(self.clients, self.settings.log_tables)
        bus, metrics = EventBus(self.clients, self.settings.bus_name), EmfMetrics(self.settings.metric_namespace)
        return Watching(catalog, DeadMan(logs, bus, metrics, self.clock), self.tasks, self.clock, self.settings.region)

    def _reconcile(self) -> None:
        """Have the reconciler look for drift, which takes its own time (docs/reconciler.md)."""
        name = f"kpi-{self.settings.deployment}-reconciler"
        self.clients("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b'{"action": "reconcile"}')

    def _export(self, tenant_id: str, export_id: str) -> str:
        """Make an evidence bundle; answers what became of it."""
        from lambdas.adapters.evidence_exports import Where, export_evidence

        names, own = self.settings, self.own
        where = Where(names.catalog_table, names.audit_table, names.log_tables, names.artifacts_bucket, own.audit_bucket)
        return export_evidence(self.clients, where, own.signing_key_arn, tenant_id=tenant_id, export_id=export_id, now=self.clock.now)

    @cached_property
    def _rows(self) -> DynamoRows:
        return DynamoRows(self.clients, self.settings.catalog_table, lambda: uuid4().hex)

    def _last_signed(self, tenant_id: str) -> SignedState | None:
        from lambdas.domain.audit.checkpoint import SignedCheckpoint

        noted = self._rows.read(tenant_id, NOTED)
        if noted is None:
            return None
        last = SignedCheckpoint.model_validate_json(str(noted.values["checkpoint"])).checkpoint
        return SignedState(last.size, last.at)
