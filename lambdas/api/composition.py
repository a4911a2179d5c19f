"""Puts the control API together for a deployment: each part at its first use, so that a cold start stays short."""

from __future__ import annotations

import logging
import time
from functools import cached_property

from lambdas.adapters.aws import Clients, Secrets
from lambdas.adapters.result_store import result_store
from lambdas.adapters.settings import Settings, from_environment
from lambdas.adapters.system import SystemClock, new_id
from lambdas.api.control.ports import Ports

logger = logging.getLogger("kpi.api")


class Composition:
    """The parts of the control API of one deployment, once per process."""

    def __init__(self, settings: Settings | None = None, clients: Clients | None = None) -> None:
        self.settings = settings or from_environment()
        self.clients = clients or Clients(region=self.settings.region)
        self.clock = SystemClock()
        self.results = result_store(self.clients, Secrets(), self.settings.result_store_secret)

    @cached_property
    def ports(self) -> Ports:
        """What the routes work with."""
        from lambdas.adapters.audit_log import DynamoAuditLog
        from lambdas.adapters.canary_evidence import ResultCanaryEvidence
        from lambdas.adapters.connections import SecretsVault
        from lambdas.adapters.control_plane import control_plane
        from lambdas.adapters.control_store import DynamoControlStore
        from lambdas.adapters.executions import StateMachine
        from lambdas.adapters.index_objects import S3IndexObjects
        from lambdas.adapters.limit_rows import DynamoBuckets, DynamoRows
        from lambdas.adapters.run_readings import DynamoRunReadings
        from lambdas.adapters.run_record import DynamoRunRecord
        from lambdas.adapters.runlogs import DynamoRunLogs
        from lambdas.api.control.catalog_reads import CatalogReads
        from lambdas.api.control.tenants_ports import TenantPorts
        from lambdas.api.reads_composition import read_ports
        from lambdas.domain.authz.authorizer import Authorizer
        from lambdas.domain.limits.idempotency import Idempotency
        from lambdas.domain.limits.limiter import Limiter
        from lambdas.domain.search import Loader
        from lambdas.domain.tenants.directory import TenantDirectory

        settings, clients = self.settings, self.clients
        store = DynamoControlStore(clients, settings.catalog_table, settings.audit_table)
        reads = CatalogReads(store)
        logs = DynamoRunLogs(clients, settings.log_tables)
        loader = Loader(S3IndexObjects(clients, settings.artifacts_bucket), time.monotonic, logger.warning)
        directory = TenantDirectory(store, time.monotonic)
        return Ports(
            plane=control_plane(store, DynamoRunRecord(logs), self.clock, directory),
            authorizer=Authorizer(),
            limiter=Limiter(DynamoBuckets(clients, settings.catalog_table)),
            limits=directory.limits_of,
            idempotency=Idempotency(DynamoRows(clients, settings.catalog_table, new_id), self.clock.now),
            audit=DynamoAuditLog(clients, settings.audit_table),
            evidence=ResultCanaryEvidence(logs, self.results, self.clock),
            index=loader.index,
            graph=reads.graph,
            sources=reads.sources,
            tenants=TenantPorts(directory, SecretsVault(clients, settings.deployment)),
            reads=read_ports(settings, clients, logs, self.results),
            runs=StateMachine(clients, settings.state_machine_arn),
            readings=DynamoRunReadings(logs),
        )
