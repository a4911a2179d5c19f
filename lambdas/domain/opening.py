"""Open: resolve what a request means now, and write the row that says the attempt began."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lambdas.domain import entries, periods
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.model import Definition, Run, RunRequest, TenantSettings
from lambdas.domain.ports import Catalog, Clock, Ids, RunLogs


@dataclass(frozen=True)
class Opened:
    """The opened attempt and the lane it takes."""

    run: Run
    lane: str

    def as_json(self) -> dict[str, Any]:
        """What the state machine hands on."""
        return {"run": self.run.model_dump(mode="json"), "lane": self.lane}


class Opener:
    """Opens attempts."""

    def __init__(self, catalog: Catalog, logs: RunLogs, clock: Clock, ids: Ids, region: str) -> None:
        self._catalog = catalog
        self._logs = logs
        self._clock = clock
        self._ids = ids
        self._region = region

    def open(self, request: RunRequest, execution_id: str | None) -> Opened:
        """Resolve tenant, version, period and logical time, and insert the open row.

        Raises:
            KpiError: NOT_FOUND for an unknown tenant, KPI or version; INVALID_INPUT for an unreadable time. Nothing is written then.
        """
        tenant = self._tenant(request)
        definition = self._definition(request)
        kpi = definition.kpi
        started_at = self._clock.now()
        resolved = periods.resolve(request, kpi.grain, kpi.schedule, tenant, started_at)
        run = Run(
            run_id=self._ids.run_id(started_at),
            tenant_id=request.tenant_id,
            environment=request.environment,
            region=self._region,
            kpi_id=kpi.id,
            contract_version=kpi.contract_version,
            definition_hash=definition.definition_hash,
            variant_label=kpi.variant_label,
            trigger_type=request.trigger_type,
            triggered_by=request.triggered_by or execution_id,
            schedule_cron=kpi.schedule.cron,
            started_at=started_at,
            retry_seq=request.retry_seq,
            last_attempt=request.retry_seq >= kpi.error_policy.retry.count,
            period=resolved.period,
            as_of=resolved.as_of,
            historical=resolved.historical,
            entities=request.entities,
            scd_view=request.scd_view,
            role_arn=tenant.role_arn,
            warehouse_secret=tenant.warehouse_secret,
            execution_id=execution_id,
        )
        self._logs.insert([entries.open_row(run)])
        return Opened(run, kpi.lane.value)

    def _tenant(self, request: RunRequest) -> TenantSettings:
        tenant = self._catalog.tenant(request.tenant_id, request.environment)
        if tenant is None:
            message = f"tenant {request.tenant_id} is not onboarded in {request.environment}; run `pulumi up` on its stack"
            raise KpiError(ErrorCode.NOT_FOUND, message)
        return tenant

    def _definition(self, request: RunRequest) -> Definition:
        version, known_hash = request.contract_version, None
        if version is None:
            active = self._catalog.active(request.tenant_id, request.environment, request.kpi_id)
            if active is None:
                message = f"{request.kpi_id} has no active version for {request.tenant_id} in {request.environment}"
                raise KpiError(ErrorCode.NOT_FOUND, message)
            version, known_hash = active.contract_version, active.definition_hash
        definition = self._catalog.definition(request.tenant_id, request.environment, request.kpi_id, version, known_hash)
        if definition is None:
            message = f"{request.kpi_id} {version} is not in the catalog of {request.tenant_id} in {request.environment}"
            raise KpiError(ErrorCode.NOT_FOUND, message)
        return definition
