"""Running a KPI by hand, also during a pause: who asked for it, why and for what is an audit event like every other (K21, K28 B)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

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
ENTITY_LENGTH = 200
"""All of them together, escaped, are the input of an execution, which has at most 256 KiB (Step Functions quotas)."""

FIRST, END = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Of periods: a run looks at others before it, and moves moments between time zones, which the ends of a calendar do not allow."""


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
            KpiError: NOT_FOUND when nothing of the KPI runs; POLICY_DENY for anybody but administrators; INVALID_INPUT for names of
                entities that none has, or a period at the ends of the calendar.
        """
        step = self.desk.begin(call, "kpi.run", "kpi", kpi_id, wanted=wanted.model_dump_json())
        if step.done is not None:
            return step.done
        if call.actor.role not in ADMINS:
            raise KpiError(ErrorCode.POLICY_DENY, f"role '{call.actor.role}' may not start runs; {' or '.join(sorted(ADMINS))} may")
        if not all(0 < len(entity) <= ENTITY_LENGTH for entity in wanted.entities or ()):
            raise KpiError(ErrorCode.INVALID_INPUT, f"an entity has 1 to {ENTITY_LENGTH} characters; give those that are to be computed")
        if wanted.period is not None and not (wanted.period.start >= FIRST and wanted.period.end <= END):
            raise KpiError(ErrorCode.INVALID_INPUT, f"a period lies between the years {FIRST.year} and {END.year - 1}; give one that does")
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
