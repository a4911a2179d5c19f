"""Puts adapters and domain together, once per process: what a warm function reuses.

Each part is imported when it is first asked for, so that Open and Close start without SQL parser and database drivers.
"""

from __future__ import annotations

import random
from functools import cached_property
from typing import TYPE_CHECKING

from lambdas.adapters.aws import ActingClients, Clients, Secrets, TenantClients
from lambdas.adapters.catalog import DynamoCatalog
from lambdas.adapters.result_store import result_store
from lambdas.adapters.runlogs import DynamoRunLogs
from lambdas.adapters.settings import Settings, from_environment
from lambdas.adapters.system import RandomIds, SystemClock
from lambdas.adapters.telemetry import configure_logging
from lambdas.domain.model import Run

if TYPE_CHECKING:
    from lambdas.adapters.warehouse import SqlWarehouses
    from lambdas.domain.closing import Closer
    from lambdas.domain.delivery import Deliverer
    from lambdas.domain.opening import Opener
    from lambdas.domain.runner import Runner


class RunWiring:
    """The run engine's parts."""

    def __init__(self, settings: Settings | None = None) -> None:
        configure_logging()
        self.settings = settings or from_environment()
        self.clients = Clients(region=self.settings.region)
        self.clock = SystemClock()
        self.catalog = DynamoCatalog(self.clients, self.settings.catalog_table)
        self.logs = DynamoRunLogs(self.clients, self.settings.log_tables)
        self.secrets = Secrets()
        self.results = result_store(self.clients, self.secrets, self.settings.result_store_secret)
        self.tenants = TenantClients(self.clients, self.settings.region)
        self._runners: dict[tuple[str, str | None], Runner] = {}

    @cached_property
    def warehouses(self) -> SqlWarehouses:
        from lambdas.adapters.warehouse import SqlWarehouses

        return SqlWarehouses(self._warehouse_url, lambda run: self.secrets.forget(run.warehouse_secret))

    def _warehouse_url(self, run: Run) -> str:
        return self.secrets.url(self.tenants.of(run.tenant_id, run.role_arn), run.warehouse_secret)

    @cached_property
    def opener(self) -> Opener:
        from lambdas.domain.opening import Opener

        return Opener(self.catalog, self.logs, self.clock, RandomIds(), self.settings.region)

    @cached_property
    def closer(self) -> Closer:
        from lambdas.adapters.events import EventBus
        from lambdas.adapters.telemetry import EmfMetrics
        from lambdas.domain.closing import Closer

        return Closer(
            catalog=self.catalog,
            logs=self.logs,
            bus=EventBus(self.clients, self.settings.bus_name),
            metrics=EmfMetrics(self.settings.metric_namespace),
            clock=self.clock,
            random=random.random,
            deliverer=self._deliverer,
        )

    def _deliverer(self) -> Deliverer:
        from lambdas.domain.delivery import Deliverer

        return Deliverer(self.results(), self.logs, self.clock)

    def runner(self, run: Run) -> Runner:
        """The runner for a tenant: its rows and secret are reached with the tenant's own role."""
        from lambdas.domain.runner import Runner

        key = (run.tenant_id, run.role_arn)
        if key not in self._runners:
            clients = ActingClients(self.tenants, run.tenant_id, run.role_arn)
            logs = DynamoRunLogs(clients, self.settings.log_tables)
            catalog = DynamoCatalog(clients, self.settings.catalog_table)
            self._runners[key] = Runner(catalog, logs, self.results(), self.warehouses, self.clock)
        return self._runners[key]
