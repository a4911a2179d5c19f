"""Open: resolve what a request means now, and write the row that says the attempt began."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lambdas.domain import entries, periods
from lambdas.domain.control.pauses import must_prove
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.model import Active, CanaryPart, Definition, Outcome, Run, RunRequest, RunStatus, TenantSettings, TriggerType
from lambdas.domain.ports import Clock, Ids, RunLogs
from lambdas.domain.standing import OpeningCatalog, Orders, Standing, explained, orders
from lambdas.domain.timestamps import parse

PROOF_RUNS = 30
"""How many runs back a delivery since a pause is looked for; without one the next run proves itself again."""


@dataclass(frozen=True)
class Opened:
    """The opened attempt and the lane it takes; with an outcome it takes none and is closed at once."""

    run: Run
    lane: str
    outcome: Outcome | None = None

    def as_json(self) -> dict[str, Any]:
        """What the state machine hands on."""
        handed_on = {"run": self.run.model_dump(mode="json"), "lane": self.lane}
        return handed_on | ({"outcome": self.outcome.model_dump(mode="json")} if self.outcome else {})


class Opener:
    """Opens attempts."""

    def __init__(self, catalog: OpeningCatalog, logs: RunLogs, clock: Clock, ids: Ids, region: str) -> None:
        self._catalog = catalog
        self._logs = logs
        self._clock = clock
        self._ids = ids
        self._region = region
        # The start of the last run that delivered, by tenant, environment and KPI: a proof once given need not be looked up again.
        self._proofs: dict[tuple[str, str, str], datetime] = {}

    def open(self, request: RunRequest, execution_id: str | None) -> Opened:
        """Resolve tenant, version, period and logical time, and insert the open row. A paused run is opened too, with its outcome.

        Raises:
            KpiError: NOT_FOUND for an unknown tenant, KPI or version; INVALID_INPUT for an unreadable time or
                a run that asks to override a pause and is not manual. Nothing is written then.
        """
        tenant = self._tenant(request)
        started_at = self._clock.now()
        standing = self._catalog.standing(request.tenant_id, request.environment, request.kpi_id)
        ordered = orders(request, standing, started_at)
        definition = self._definition(request, ordered.version)
        kpi = definition.kpi
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
            entities=ordered.entities,
            scd_view=request.scd_view,
            role_arn=tenant.role_arn,
            warehouse_secret=tenant.warehouse_secret,
            execution_id=execution_id,
            excluded=ordered.excluded,
            enforce_post=ordered.stopped is None and self._proof_due(request, standing, started_at),
            despite_pause=ordered.despite.pause_id if ordered.despite else None,
            canary=_part(request, ordered),
        )
        self._logs.insert([entries.open_row(run)])
        return Opened(run, kpi.lane.value, _skipped(ordered, request) or _withdrawn(ordered, request))

    def _proof_due(self, request: RunRequest, standing: Standing, at: datetime) -> bool:
        """Whether this is the first run after a pause. The log is read only when a pause ended since the last delivery known here."""
        key = (request.tenant_id, request.environment, request.kpi_id)
        if not must_prove(standing.pauses, request.kpi_id, self._proofs.get(key), at):
            return False
        closes = self._logs.recent_closes(request.tenant_id, request.kpi_id, PROOF_RUNS)
        delivered = [
            parse(str(row["started_at"]))
            for row in closes
            if row.get("environment") == request.environment and row.get("status") == RunStatus.SUCCESS.value
        ]
        last = max(delivered, default=None)
        if last is not None:
            self._proofs[key] = last
        return must_prove(standing.pauses, request.kpi_id, last, at)

    def _tenant(self, request: RunRequest) -> TenantSettings:
        tenant = self._catalog.tenant(request.tenant_id, request.environment)
        if tenant is None:
            message = f"tenant {request.tenant_id} is not onboarded in {request.environment}; run `pulumi up` on its stack"
            raise KpiError(ErrorCode.NOT_FOUND, message)
        return tenant

    def _definition(self, request: RunRequest, chosen: Active | None) -> Definition:
        version, known_hash = request.contract_version, None
        if version is None or (chosen is not None and _is_automatic_retry(request)):
            if chosen is None:
                message = f"{request.kpi_id} has no active version for {request.tenant_id} in {request.environment}"
                raise KpiError(ErrorCode.NOT_FOUND, message)
            version, known_hash = chosen.contract_version, chosen.definition_hash
        definition = self._catalog.definition(request.tenant_id, request.environment, request.kpi_id, version, known_hash)
        if definition is None:
            message = f"{request.kpi_id} {version} is not in the catalog of {request.tenant_id} in {request.environment}"
            raise KpiError(ErrorCode.NOT_FOUND, message)
        return definition


def _part(request: RunRequest, ordered: Orders) -> CanaryPart | None:
    if request.canary is None:
        return None
    return CanaryPart(canary_id=request.canary, subset=ordered.canary.subset if ordered.canary else None)


def _is_automatic_retry(request: RunRequest) -> bool:
    """Whether it is another attempt of what a clock or an event started: such a run computes what is active, as its first attempt did.

    A person may have named the version of a manual run, and a canary's candidate is judged by what is active.
    """
    return request.retry_seq > 0 and request.trigger_type is not TriggerType.MANUAL and request.canary is None


def _withdrawn(ordered: Orders, request: RunRequest) -> Outcome | None:
    """Why another attempt computes nothing when its version was unpublished or retired since the one before, and nothing took its place."""
    if ordered.version is not None or not _is_automatic_retry(request):
        return None
    message = f"{request.kpi_id} {request.contract_version} does not run any more in {request.environment}, so it is not tried again"
    return Outcome(status=RunStatus.SKIPPED, error_code=ErrorCode.CONFLICT, error_message=message)


def _skipped(ordered: Orders, request: RunRequest) -> Outcome | None:
    if ordered.stopped is not None:
        message = explained(ordered.stopped, request.environment)
        return Outcome(status=RunStatus.SKIPPED, error_code=ErrorCode.PAUSED, error_message=message)
    if request.canary is not None and ordered.canary is None:
        message = (
            f"the canary {request.canary} of {request.kpi_id} does not run any more, so there is nothing to compare; nothing was computed"
        )
        return Outcome(status=RunStatus.SKIPPED, error_code=ErrorCode.CONFLICT, error_message=message)
    return None
