"""Running a KPI by hand, also during a pause: who asked for it, why and for what is an audit event like every other (K21, K28 B)."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from kpis.common import Frozen, ScdView
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.control.desk import Call, Desk
from lambdas.domain.control.states import ADMINS
from lambdas.domain.control.unit import Check
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.model import Period, RunRequest, TriggerType
from lambdas.domain.naming import execution_name

MAX_ENTITIES = 100


class RunNow(Frozen):
    """What is to be computed: a period (none: the last complete one) and entities (none: all). `during_pause` overrides pauses."""

    period: Period | None = None
    entities: tuple[str, ...] | None = Field(default=None, min_length=1, max_length=MAX_ENTITIES)
    scd_view: ScdView = ScdView.AS_REPORTED
    during_pause: bool = False


@dataclass(frozen=True)
class Running:
    """Runs that a person asks for."""

    desk: Desk

    def ask(self, call: Call, kpi_id: str, wanted: RunNow) -> AuditEvent:
        """Record that a run is wanted. Whoever records it then starts `started_by(call, ...)`, as often as the call is repeated.

        Raises:
            KpiError: NOT_FOUND when nothing of the KPI runs; POLICY_DENY for anybody but administrators.
        """
        step = self.desk.begin(call, "kpi.run", "kpi", kpi_id, wanted=wanted.model_dump_json())
        if step.done is not None:
            return step.done
        if call.actor.role not in ADMINS:
            raise KpiError(ErrorCode.POLICY_DENY, f"role '{call.actor.role}' may not start runs; {' or '.join(sorted(ADMINS))} may")
        pointer = self.desk.shelf(call).active_row(kpi_id)
        if pointer is None:
            raise KpiError(ErrorCode.NOT_FOUND, f"nothing of {kpi_id} runs in {call.environment}; publish a version first")
        name, _ = started_by(call, kpi_id, wanted)
        return step.commit(
            [Check(pointer.key, pointer.row_version)],
            after=pointer.text("definition_hash"),
            version=pointer.text("contract_version"),
            execution=name,
            period=wanted.period.text if wanted.period else None,
            entities=list(wanted.entities) if wanted.entities else None,
            during_pause=wanted.during_pause or None,
        )


def started_by(call: Call, kpi_id: str, wanted: RunNow) -> tuple[str, RunRequest]:
    """The execution a call starts. The same call gives the same name, which the state machine runs once."""
    request = RunRequest(
        tenant_id=call.tenant_id,
        environment=call.environment.value,
        kpi_id=kpi_id,
        trigger_type=TriggerType.MANUAL,
        triggered_by=f"api/{call.actor.subject}",
        period=wanted.period,
        entities=wanted.entities,
        scd_view=wanted.scd_view,
        during_pause=wanted.during_pause,
    )
    return execution_name("run", call.tenant_id, kpi_id, [call.environment.value, call.event_id]), request
