"""The dispatcher: signals start the KPIs that wait for them, completed runs start the KPIs computed from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from kpis.common import ScdView
from lambdas.domain.control.canary import Canary, CanaryState
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.fold import CANARY_RUN
from lambdas.domain.model import Period, RunRequest, RunStatus, TriggerType
from lambdas.domain.naming import execution_name
from lambdas.domain.redact import message_of

COMPLETED = "kpi.run.completed"
RECENT_RUNS = 40
_DELIVERED = ("success", "partial")


class Waiting(Protocol):
    """What follows an event, by the catalog."""

    def triggers(self, tenant_id: str, environment: str, signal: str) -> Iterable[Mapping[str, Any]]:
        """What waits for a signal: maps with `kpi_id` and `upstreams`."""
        ...

    def canary(self, tenant_id: str, environment: str, kpi_id: str) -> Canary | None:
        """The last canary of a KPI, whatever became of it."""
        ...


class Deliveries(Protocol):
    """Which runs of KPIs delivered what period."""

    def recent_closes(self, tenant_id: str, kpi_id: str, limit: int) -> Sequence[Mapping[str, Any]]: ...

    def deliveries(self, tenant_id: str, run_ids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]: ...


class Starter(Protocol):
    """Starts executions of the run machine; a name that exists is left alone."""

    def start(self, name: str, request: RunRequest) -> bool: ...


@dataclass(frozen=True)
class Dispatched:
    """What an event started and what it had started before."""

    started: tuple[str, ...]
    known: tuple[str, ...]


class Dispatcher:
    """Decides what an event starts."""

    def __init__(self, waiting: Waiting, deliveries: Deliveries, starter: Starter) -> None:
        self._waiting = waiting
        self._deliveries = deliveries
        self._starter = starter

    def dispatch(self, event: Mapping[str, Any]) -> Dispatched:
        """Handle one event of the bus; handling it again starts nothing twice.

        Raises:
            KpiError: INVALID_INPUT when the event names no tenant or an unreadable period.
        """
        detail: Mapping[str, Any] = event.get("detail") or {}
        kind = str(event.get("detail-type", ""))
        if not detail.get("tenant_id"):
            raise KpiError(ErrorCode.INVALID_INPUT, f"event {event.get('id')} ({kind}) has no detail.tenant_id; say whose signal it is")
        try:
            if kind == COMPLETED:
                planned = self._canary(detail) + self._downstream(detail)
            else:
                planned = self._signalled(str(detail.get("signal") or kind), event, detail)
        except ValueError as error:
            raise KpiError(ErrorCode.INVALID_INPUT, f"event {event.get('id')} ({kind}): {message_of(error)}") from error
        started: list[str] = []
        known: list[str] = []
        for name, request in planned:
            (started if self._starter.start(name, request) else known).append(name)
        return Dispatched(tuple(started), tuple(known))

    def _signalled(self, signal: str, event: Mapping[str, Any], detail: Mapping[str, Any]) -> list[tuple[str, RunRequest]]:
        tenant_id, environment = str(detail["tenant_id"]), detail.get("environment", "prod")
        period = Period.model_validate(detail["period"]) if detail.get("period") else None
        return [
            (
                _name("signal", tenant_id, row["kpi_id"], [environment, signal, event.get("id")]),
                RunRequest(
                    tenant_id=tenant_id,
                    environment=environment,
                    kpi_id=row["kpi_id"],
                    trigger_type=TriggerType.EVENT,
                    triggered_by=f"signal/{signal}",
                    scheduled_at=detail.get("as_of") or (None if period else event.get("time")),
                    period=period,
                ),
            )
            for row in self._waiting.triggers(tenant_id, environment, signal)
        ]

    def _canary(self, detail: Mapping[str, Any]) -> list[tuple[str, RunRequest]]:
        """The candidate's run for the same period, when the run that completed is the baseline of a canary; however it was started."""
        tenant_id, environment, kpi_id = str(detail["tenant_id"]), str(detail["environment"]), str(detail["kpi_id"])
        canary = self._waiting.canary(tenant_id, environment, kpi_id)
        if canary is None or canary.state is not CanaryState.RUNNING or canary.baseline != detail.get("contract_version"):
            return []
        comparable = detail.get("status") == RunStatus.SUCCESS.value and detail.get("scd_view") == ScdView.AS_REPORTED.value
        if not comparable or detail.get("despite_pause"):
            return []
        entities = canary.part_of(detail.get("entities"))
        if entities == ():
            return []
        request = RunRequest(
            tenant_id=tenant_id,
            environment=environment,  # pyright: ignore[reportArgumentType] - validated by the model
            kpi_id=kpi_id,
            trigger_type=TriggerType.EVENT,
            triggered_by=f"{CANARY_RUN}{canary.canary_id}/{detail['run_id']}",
            scheduled_at=str(detail["as_of"]),
            period=Period.model_validate(detail["period"]),
            entities=entities,
            canary=canary.canary_id,
        )
        return [(_name("canary", tenant_id, kpi_id, [environment, canary.canary_id, str(detail["run_id"])]), request)]

    def _downstream(self, detail: Mapping[str, Any]) -> list[tuple[str, RunRequest]]:
        """KPIs all of whose upstreams have delivered the period. Manual runs start nothing: whoever runs by hand chooses the order."""
        if detail.get("trigger_type") == TriggerType.MANUAL.value:
            return []
        tenant_id, environment = str(detail["tenant_id"]), str(detail["environment"])
        period = Period.model_validate(detail["period"])
        planned: list[tuple[str, RunRequest]] = []
        delivered: dict[str, int | None] = {str(detail["kpi_id"]): int(detail["run_id"])}
        for row in self._waiting.triggers(tenant_id, environment, COMPLETED):
            if detail["kpi_id"] not in row["upstreams"]:
                continue
            for kpi_id in row["upstreams"]:
                if kpi_id not in delivered:
                    delivered[kpi_id] = self._delivered_by(tenant_id, environment, kpi_id, period)
            runs = {kpi_id: delivered[kpi_id] for kpi_id in row["upstreams"]}
            if None in runs.values():
                continue
            request = RunRequest(
                tenant_id=tenant_id,
                environment=environment,  # pyright: ignore[reportArgumentType] - validated by the model
                kpi_id=row["kpi_id"],
                trigger_type=TriggerType.EVENT,
                triggered_by=f"{COMPLETED}/{detail['kpi_id']}/{detail['run_id']}",
                scheduled_at=str(detail["as_of"]),
                period=period,
            )
            planned.append((_name("after", tenant_id, row["kpi_id"], [environment, period.text, runs]), request))
        return planned

    def _delivered_by(self, tenant_id: str, environment: str, kpi_id: str, period: Period) -> int | None:
        """The latest run that delivered this period, among the recent ones."""
        closes = self._deliveries.recent_closes(tenant_id, kpi_id, RECENT_RUNS)
        run_ids = [int(row["run_id"]) for row in closes if row.get("status") in _DELIVERED and row.get("environment") == environment]
        rows: Mapping[int, Mapping[str, Any]] = self._deliveries.deliveries(tenant_id, run_ids) if run_ids else {}
        return max((run_id for run_id, row in rows.items() if row.get("time_range") == period.text), default=None)


def _name(kind: str, tenant_id: str, kpi_id: str, cause: Sequence[Any]) -> str:
    """The name of an execution. One event starts many KPIs, and a long id is cut off in a name: so it is part of the cause."""
    return execution_name(kind, tenant_id, kpi_id, [kpi_id, *cause])
