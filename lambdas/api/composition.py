"""Puts the control API together for a deployment: each part at its first use, so that a cold start stays short."""

from __future__ import annotations

import logging
import time
import uuid
from functools import cached_property
from typing import TYPE_CHECKING

from lambdas.adapters.aws import Clients, Secrets
from lambdas.adapters.settings import Settings, from_environment
from lambdas.adapters.system import SystemClock
from lambdas.api.control.ports import Ports

if TYPE_CHECKING:
    from lambdas.adapters.results import PostgresResults

logger = logging.getLogger("kpi.api")


class Composition:
    """The parts of the control API of one deployment, once per process."""

    def __init__(self, settings: Settings | None = None, clients: Clients | None = None) -> None:
        self.settings = settings or from_environment()
        self.clients = clients or Clients(region=self.settings.region)
        self.clock = SystemClock()
        self.secrets = Secrets()

    @cached_property
    def results(self) -> PostgresResults:
        """The result store; connected to when it is first read."""
        from lambdas.adapters.results import PostgresResults

        name = self.settings.result_store_secret
        return PostgresResults(lambda: self.secrets.url(self.clients, name), lambda: self.secrets.forget(name))

    @cached_property
    def ports(self) -> Ports:
        """What the routes work with."""
        from lambdas.adapters.audit_log import DynamoAuditLog
        from lambdas.adapters.canary_evidence import ResultCanaryEvidence
        from lambdas.adapters.connections import SecretsVault
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
        from lambdas.domain.control.judge import unsound
        from lambdas.domain.control.service import ControlPlane
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
        plane = ControlPlane(store, self.clock, new_id, directory.policy_of, DynamoRunRecord(logs), unsound)
        return Ports(
            plane=plane,
            authorizer=Authorizer(),
            limiter=Limiter(DynamoBuckets(clients, settings.catalog_table)),
            limits=directory.limits_of,
            idempotency=Idempotency(DynamoRows(clients, settings.catalog_table, new_id), self.clock.now),
            audit=DynamoAuditLog(clients, settings.audit_table),
            evidence=ResultCanaryEvidence(logs, lambda: self.results, self.clock),
            index=loader.index,
            graph=reads.graph,
            sources=reads.sources,
            tenants=TenantPorts(directory, SecretsVault(clients, settings.deployment)),
            reads=read_ports(settings, clients, self.secrets),
            runs=StateMachine(clients, settings.state_machine_arn),
            readings=DynamoRunReadings(logs),
        )


def new_id() -> str:
    """An id of a request, a pause or a canary: unguessable, and in the alphabet of ids in paths."""
    return uuid.uuid4().hex
