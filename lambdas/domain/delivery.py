"""Delivering values: the results with their extensions and flags, and the fallback to the last good value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kpis.common import Verdict
from kpis.schema import Kpi
from lambdas.domain import entries, extensions
from lambdas.domain.model import TOTAL, Delivery, Measure, Outcome, PastValue, Result, Run, RunStatus
from lambdas.domain.ports import Clock, ResultStore, RunLogs
from lambdas.domain.post_rules import worst
from lambdas.domain.sla import SlaFacts, SlaResult, judge
from lambdas.domain.timestamps import iso


@dataclass(frozen=True)
class Values:
    """What is to be delivered: values with verdicts, and what is known about them."""

    measures: Sequence[Measure]
    history: Mapping[str, Sequence[PastValue]]
    data_at: datetime | None
    warnings: tuple[str, ...] = ()
    validated: bool = True


class Deliverer:
    """Writes results and the delivery log."""

    def __init__(self, results: ResultStore, logs: RunLogs, clock: Clock) -> None:
        self._results = results
        self._logs = logs
        self._clock = clock

    def deliver(self, run: Run, kpi: Kpi, values: Values) -> Verdict:
        """Store every value, then log the delivery. Returns the run's verdict: the worst of its entities."""
        now = self._clock.now()
        flags = self._flags(run, kpi, values, now)
        results = tuple(
            Result(
                entity=each.entity,
                value=each.value,
                verdict=kpi.verdict.judge(each.value),
                rows_processed=each.rows_processed,
                extensions=extensions.compute(kpi, each.value, values.history.get(each.entity, ()), run.period.start),
                flags=flags,
            )
            for each in values.measures
        )
        return self._write(run, kpi, results, now, [extension.kind.value for extension in kpi.extensions])

    def fall_back(self, run: Run, kpi: Kpi, failure: Outcome) -> Outcome:
        """Deliver the last good value, flagged and dated (contract: Error policy). The failure stays when there is none."""
        last = [each for each in self._results.last_good(run) if each[0].entity not in run.excluded]
        if not last:
            return failure.model_copy(update={"error_message": f"{failure.error_message} (no earlier value to fall back to)"})
        results = tuple(
            Result(
                entity=measure.entity,
                value=measure.value,
                verdict=kpi.verdict.judge(measure.value),
                rows_processed=measure.rows_processed,
                extensions={},
                flags={"fallback": True, "value_of": period.text, "reason": str(failure.error_code), "as_of": iso(run.as_of)},
            )
            for measure, period in last
        )
        verdict = self._write(run, kpi, results, self._clock.now(), [])
        return failure.model_copy(
            update={
                "status": RunStatus.PARTIAL,
                "verdict": verdict,
                "value": total([measure for measure, _ in last]),
                "unit": kpi.unit,
                "entities_delivered": len(results),
                "delivered": True,
                "fallback": True,
            }
        )

    def _write(self, run: Run, kpi: Kpi, results: tuple[Result, ...], now: datetime, computed: Sequence[str]) -> Verdict:
        delivery = Delivery(run=run, grain=kpi.grain, unit=kpi.unit, delivered_at=now, results=results)
        verdict = worst([result.verdict for result in results])
        self._results.deliver(delivery)
        self._logs.insert([entries.delivery_row(delivery, verdict.value, computed)])
        return verdict

    def _flags(self, run: Run, kpi: Kpi, values: Values, now: datetime) -> dict[str, Any]:
        states = sla_results(run, kpi, finished_at=now, data_at=values.data_at, delivered=True, entities=len(values.measures), final=True)
        flags: dict[str, Any] = {"as_of": iso(run.as_of), "sla": {each.type: each.state.value for each in states}}
        if values.data_at is not None:
            flags["data_at"] = iso(values.data_at)
        if values.warnings:
            flags["warnings"] = list(values.warnings)
        if not values.validated:
            flags["unvalidated"] = True
        return flags


def sla_results(
    run: Run, kpi: Kpi, *, finished_at: datetime, data_at: datetime | None, delivered: bool, entities: int, final: bool
) -> tuple[SlaResult, ...]:
    """The KPI's SLA rows, judged for this run; none for a canary's, which owes nobody a delivery."""
    if run.canary is not None:
        return ()
    facts = SlaFacts(
        period=run.period,
        grain=kpi.grain,
        timezone=kpi.schedule.timezone,
        finished_at=run.logical(finished_at),
        took=finished_at - run.started_at,
        data_at=data_at,
        delivered=delivered,
        entities=entities + len(run.excluded),  # what is paused is not expected
        final=final,
    )
    return judge(kpi.sla, facts)


def total(measures: Sequence[Measure]) -> float | None:
    """The value a run is shown with: the tenant's total, or its only entity."""
    by_entity = {each.entity: each.value for each in measures}
    if TOTAL in by_entity:
        return by_entity[TOTAL]
    return measures[0].value if len(measures) == 1 else None


def rows_behind(measures: Sequence[Measure]) -> int:
    """Source rows behind a run: those of the total where there is one, since entities are parts of it."""
    by_entity = {each.entity: each.rows_processed for each in measures}
    return by_entity.get(TOTAL, sum(by_entity.values()))
