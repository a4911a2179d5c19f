"""Puts the governance worker together, once per process; each part is imported when it is first needed."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING

from lambdas.adapters.aws import Clients
from lambdas.adapters.catalog import DynamoCatalog
from lambdas.adapters.change_machine import ChangeMachine
from lambdas.adapters.checkpoints import NOTED, Checkpointer, CheckpointObjects
from lambdas.adapters.control_store import DynamoControlStore
from lambdas.adapters.governance_settings import GovernanceSettings, governance_settings
from lambdas.adapters.invocations import invoke_later
from lambdas.adapters.limit_rows import DynamoRows
from lambdas.adapters.settings import Settings, from_environment
from lambdas.adapters.system import SystemClock, new_id
from lambdas.adapters.task_rows import TaskRows
from lambdas.adapters.tenant_list import TenantList
from lambdas.governance.service import Governance, SignedState
from lambdas.governance.telling import Teller
from lambdas.governance.waiting import Waiting
from lambdas.governance.watching import Watching

if TYPE_CHECKING:
    from lambdas.adapters.events import EventBus
    from lambdas.adapters.runlogs import DynamoRunLogs
    from lambdas.adapters.tenant_topics import TenantTopics
    from lambdas.domain.control.service import ControlPlane
    from lambdas.domain.reports.sending import Reporting


class GovernanceWiring:
    """The worker's parts."""

    def __init__(self, settings: Settings | None = None, own: GovernanceSettings | None = None, clients: Clients | None = None) -> None:
        self.settings = settings or from_environment()
        self.own = own or governance_settings()
        self.clients = clients or Clients(region=self.settings.region)
        self.clock = SystemClock()
        self.store = DynamoControlStore(self.clients, self.settings.catalog_table, self.settings.audit_table)
        self.catalog = DynamoCatalog(self.clients, self.settings.catalog_table)
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
            reporting=lambda: self.reporting,
            waiting=waiting,
            now=self.clock.now,
            export=self._export,
            reconcile=self._reconcile,
        )

    @cached_property
    def teller(self) -> Teller:
        """What works through the stream of the audit table."""
        from lambdas.adapters.alert_topics import alerts
        from lambdas.adapters.evidence_exports import ExportWorker
        from lambdas.adapters.notice_channels import ApprovalsQueue, NoticeTopics

        return Teller(
            machine=self.machine,
            memory=self.tasks,
            topics=NoticeTopics(self._topics),
            queue=ApprovalsQueue(self.clients, self.own.approvals_queue),
            bus=self._bus,
            tenants=self.tenants,
            follow=alerts(self.catalog, self._topics).follow,
            export=ExportWorker(self.clients, f"kpi-{self.settings.deployment}-governance").start,
        )

    @cached_property
    def plane(self) -> ControlPlane:
        """The control plane as the API has it, so that both decide by the same rules."""
        from lambdas.adapters.control_plane import control_plane
        from lambdas.adapters.run_record import DynamoRunRecord

        return control_plane(self.store, DynamoRunRecord(self._logs), self.clock)

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
        from lambdas.adapters.telemetry import EmfMetrics
        from lambdas.domain.deadman import DeadMan

        dead_man = DeadMan(self._logs, self._bus, EmfMetrics(self.settings.metric_namespace), self.clock)
        return Watching(self.catalog, dead_man, self.tasks, self.clock, self.settings.region)

    @cached_property
    def _logs(self) -> DynamoRunLogs:
        from lambdas.adapters.runlogs import DynamoRunLogs

        return DynamoRunLogs(self.clients, self.settings.log_tables)

    @cached_property
    def _bus(self) -> EventBus:
        from lambdas.adapters.events import EventBus

        return EventBus(self.clients, self.settings.bus_name)

    @cached_property
    def reporting(self) -> Reporting:
        """Makes reports."""
        from lambdas.adapters.report_shelf import ReportShelf, SubscribedCatalog
        from lambdas.domain.reports.sending import Reporting

        return Reporting(
            catalog=SubscribedCatalog(self.catalog),
            logs=self._logs,
            shelf=ReportShelf(self.clients, self.settings.artifacts_bucket, self.settings.catalog_table),
            marks=self.tasks,
            tell=self._topics.tell,
            now=self.clock.now,
        )

    @cached_property
    def _topics(self) -> TenantTopics:
        from lambdas.adapters.tenant_topics import TenantTopics

        return TenantTopics(self.clients, self.settings.topic_stem)

    def _reconcile(self) -> None:
        """Have the reconciler look for drift, which takes its own time (docs/reconciler.md)."""
        name = f"kpi-{self.settings.deployment}-reconciler"
        invoke_later(self.clients, name, {"action": "reconcile"})

    def _export(self, tenant_id: str, export_id: str) -> str:
        """Make an evidence bundle; answers what became of it."""
        from lambdas.adapters.evidence_exports import Where, export_evidence

        names, own = self.settings, self.own
        where = Where(names.catalog_table, names.audit_table, names.log_tables, names.artifacts_bucket, own.audit_bucket)
        return export_evidence(self.clients, where, own.signing_key_arn, tenant_id=tenant_id, export_id=export_id, now=self.clock.now)

    @cached_property
    def _rows(self) -> DynamoRows:
        return DynamoRows(self.clients, self.settings.catalog_table, new_id)

    def _last_signed(self, tenant_id: str) -> SignedState | None:
        from lambdas.domain.audit.checkpoint import SignedCheckpoint

        noted = self._rows.read(tenant_id, NOTED)
        if noted is None:
            return None
        last = SignedCheckpoint.model_validate_json(str(noted.values["checkpoint"])).checkpoint
        return SignedState(last.size, last.at)
