"""Close: judge the SLA, write the closing row, tell the bus and the metrics, and decide on another attempt."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from kpis.common import Level
from kpis.metric_names import VERDICT_CODES, Metric
from kpis.schema import Kpi, OnFailure
from lambdas.domain import anomalies, entries
from lambdas.domain.delivery import Deliverer, sla_results
from lambdas.domain.errors import DuplicateEntryError, ErrorCode, KpiError
from lambdas.domain.model import HardStop, Outcome, Run, RunRequest, RunStatus
from lambdas.domain.ports import Bus, Catalog, Clock, Metrics, Row, RunLogs
from lambdas.domain.redact import message_of
from lambdas.domain.sla import SlaResult, SlaState, breached
from lambdas.domain.timestamps import iso

BASELINE_RUNS = 30
_TIMEOUTS = ("States.Timeout", "States.HeartbeatTimeout", "Sandbox.Timedout")


@dataclass(frozen=True)
class Closed:
    """How the attempt ended and whether there is another."""

    run: Run
    outcome: Outcome
    sla: tuple[SlaResult, ...]
    next_request: RunRequest | None
    wait_seconds: int

    def as_json(self) -> dict[str, Any]:
        """What the state machine decides on; `next_input` is the input of the next attempt."""
        retry = {"retry": self.next_request is not None, "wait_seconds": self.wait_seconds, "retry_seq": self.run.retry_seq}
        document: dict[str, Any] = {
            "run_id": str(self.run.run_id),
            "tenant_id": self.run.tenant_id,
            "kpi_id": self.run.kpi_id,
            "status": self.outcome.status.value,
            "verdict": self.outcome.verdict.value if self.outcome.verdict else None,
            "value": self.outcome.value,
            "error_code": self.outcome.error_code.value if self.outcome.error_code else None,
            "error_message": self.outcome.error_message,
            "sla_breached": breached(self.sla),
            "period": self.run.period.model_dump(mode="json"),
            "retry": retry,
        }
        if self.next_request is not None:
            document["retry"] = retry | {"retry_seq": self.next_request.retry_seq}
            document["next_input"] = self.next_request.model_dump(mode="json", exclude_none=True)
        return document


class Closer:
    """Closes attempts. `random` gives numbers in [0, 1) for jitter; `deliverer` makes the fallback after a crash."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        logs: RunLogs,
        bus: Bus,
        metrics: Metrics,
        clock: Clock,
        random: Callable[[], float],
        deliverer: Callable[[], Deliverer],
    ) -> None:
        self._catalog = catalog
        self._logs = logs
        self._bus = bus
        self._metrics = metrics
        self._clock = clock
        self._random = random
        self._deliverer = deliverer

    def close(self, run: Run, outcome: Outcome | None, error: Mapping[str, Any] | None) -> Closed:
        """Close an attempt with its outcome, or with the error that ended it without one. Closing twice keeps the first row."""
        definition = self._catalog.definition(run.tenant_id, run.environment, run.kpi_id, run.contract_version, run.definition_hash)
        if definition is None:
            raise KpiError(ErrorCode.NOT_FOUND, f"{run.kpi_id} {run.contract_version} is not in the catalog")
        kpi = definition.kpi
        if outcome is None:
            outcome = self._after_crash(run, kpi, error or {})
        finished_at = self._clock.now()
        following = self._next(run, outcome)
        sla = self._sla(run, kpi, outcome, finished_at, final=following is None)
        # Read before this run is among them.
        compared = outcome.status is RunStatus.SUCCESS and run.canary is None
        baseline: Sequence[Row] = self._logs.recent_closes(run.tenant_id, run.kpi_id, BASELINE_RUNS) if compared else ()
        self._insert(run, outcome, finished_at, sla)
        duration_ms = (finished_at - run.started_at).total_seconds() * 1000
        found = anomalies.find(duration_ms, outcome.rows_processed, baseline) if compared else []
        self._bus.publish(events(run, kpi, outcome, finished_at, sla, found, retrying=following is not None))
        values, properties = measured(run, kpi, outcome, duration_ms, sla, found)
        self._metrics.emit(run.tenant_id, run.environment, values, properties)
        wait = self._wait(kpi, run.retry_seq) if following is not None else 0
        return Closed(run, outcome, sla, following, wait)

    @staticmethod
    def _sla(run: Run, kpi: Kpi, outcome: Outcome, finished_at: datetime, *, final: bool) -> tuple[SlaResult, ...]:
        """How the SLA was kept. A pause was decided and told, with its end: what it keeps from running is no breach."""
        if outcome.error_code is ErrorCode.PAUSED:
            return ()
        return sla_results(
            run,
            kpi,
            finished_at=finished_at,
            data_at=outcome.data_at,
            delivered=outcome.delivered and not outcome.fallback,
            entities=outcome.entities_delivered,
            final=final,
        )

    def _insert(self, run: Run, outcome: Outcome, finished_at: datetime, sla: Sequence[SlaResult]) -> None:
        try:
            self._logs.insert([entries.close_row(run, outcome, finished_at, sla_breached=breached(sla))])
        except DuplicateEntryError:
            return  # Close itself was retried; the row says what the first one saw

    def _after_crash(self, run: Run, kpi: Kpi, error: Mapping[str, Any]) -> Outcome:
        name = str(error.get("Error", "unknown"))
        cause = cause_text(error.get("Cause"))
        # The emulator reports every error as HandlerError, so a timeout is also told by its text.
        timed_out = name in _TIMEOUTS or "timed out" in cause.lower()
        code = ErrorCode.TIMEOUT if timed_out else ErrorCode.INTERNAL
        outcome = Outcome(
            status=RunStatus.FAILED, error_code=code, error_message=message_of(Exception(f"the runner ended with {name}: {cause}"))
        )
        if run.last_attempt and kpi.error_policy.on_failure is OnFailure.FALLBACK and run.canary is None:
            return self._deliverer().fall_back(run, kpi, outcome)
        return outcome

    @staticmethod
    def _next(run: Run, outcome: Outcome) -> RunRequest | None:
        failed = outcome.status is RunStatus.FAILED and outcome.error_code is not None
        if not failed or run.last_attempt or outcome.error_code is None or not KpiError(outcome.error_code, "").retryable:
            return None
        return RunRequest(
            tenant_id=run.tenant_id,
            environment=run.environment,
            kpi_id=run.kpi_id,
            trigger_type=run.trigger_type,
            triggered_by=run.triggered_by,
            scheduled_at=iso(run.as_of),
            period=run.period,
            entities=run.entities,
            scd_view=run.scd_view,
            contract_version=run.contract_version,
            retry_seq=run.retry_seq + 1,
            during_pause=run.despite_pause is not None,
            canary=run.canary.canary_id if run.canary else None,
        )

    def _wait(self, kpi: Kpi, retry_seq: int) -> int:
        """Seconds before the next attempt: exponential backoff with jitter, at least one."""
        retry = kpi.error_policy.retry
        seconds = retry.backoff.total_seconds() * 2**retry_seq * (1 + retry.jitter * self._random())
        return max(1, round(seconds))


def cause_text(cause: Any) -> str:
    """The message in Step Functions' Cause, which is JSON for Lambda errors and plain text for others."""
    text = str(cause or "no cause given")
    try:
        document: Any = json.loads(text)
    except ValueError:
        return text
    if isinstance(document, dict):
        found = cast("dict[str, Any]", document)
        return str(found.get("errorMessage") or found.get("StoppedReason") or text)
    return text


def measured(
    run: Run, kpi: Kpi, outcome: Outcome, duration_ms: float, sla: Sequence[SlaResult], found: Sequence[anomalies.Anomaly]
) -> tuple[dict[str, float], dict[str, Any]]:
    """The metrics of one closed attempt, and what dashboards ask the log line for.

    Both are about what consumers get, which a canary's run is not: it has no metrics, and its line says how it ended in words of its own.
    """
    known = {"run_id": str(run.run_id), "kpi_id": run.kpi_id, "contract_version": run.contract_version}
    if run.canary is not None:
        ended = {
            "canary_status": outcome.status.value,
            "canary_error_code": outcome.error_code,
            "canary_duration_ms": round(duration_ms, 3),
        }
        return {}, known | ended | {"canary": run.canary.canary_id}
    values = metric_values(outcome, duration_ms, breached(sla), len(found)) | tier_0_values(kpi, outcome)
    return values, known | {
        "trigger_type": run.trigger_type.value,
        "retry_seq": run.retry_seq,
        "sql_hash": outcome.sql_hash,
        "verdict": outcome.verdict.value if outcome.verdict else None,
        "failed_rule_types": failed_rule_types(kpi, outcome),
        "sla_breached": breached(sla),
        "status": outcome.status.value,
        "error_code": outcome.error_code,
        "error_message": outcome.error_message,
        "sla": [each.as_json() for each in sla],
        "anomalies": [each.as_json() for each in found],
    }


def metric_values(outcome: Outcome, duration_ms: float, breach: bool, anomalous: int) -> dict[str, float]:
    """The fleet metrics of one closed attempt."""
    status = outcome.status
    return {
        Metric.RUNS_COMPLETED: float(status in (RunStatus.SUCCESS, RunStatus.PARTIAL)),
        Metric.RUNS_FAILED: float(status is RunStatus.FAILED),
        Metric.RUNS_SKIPPED: float(status is RunStatus.SKIPPED),
        Metric.RUNS_PARTIAL: float(status is RunStatus.PARTIAL),
        Metric.SLA_BREACHES: float(breach),
        Metric.PRE_VALIDATION_HARD_STOPS: float(outcome.hard_stop is HardStop.PRE),
        Metric.POST_VALIDATION_HARD_STOPS: float(outcome.hard_stop is HardStop.POST),
        Metric.RUN_DURATION_MS: round(duration_ms, 3),
        Metric.RUN_OVERHEAD_MS: round(max(duration_ms - outcome.sql_ms, 0.0), 3),
        Metric.ROWS_PROCESSED: float(outcome.rows_processed),
        Metric.RUNTIME_ANOMALIES: float(anomalous),
    }


def tier_0_values(kpi: Kpi, outcome: Outcome) -> dict[str, float]:
    """The series that tier-0 KPIs have of their own: the verdict as a number, and the value when there is one."""
    if kpi.tier != 0 or not outcome.delivered or outcome.verdict is None:
        return {}
    verdict: dict[str, float] = {Metric.KPI_VERDICT: float(VERDICT_CODES[outcome.verdict])}
    return verdict if outcome.value is None else verdict | {Metric.KPI_VALUE: outcome.value}


def failed_rule_types(kpi: Kpi, outcome: Outcome) -> str:
    """The types of the rules that failed, joined by commas; dashboards group by them (K10)."""
    types = {rule.id: rule.type.value for rule in (*kpi.pre_validation, *kpi.post_validation)}
    return ",".join(sorted({types[rule] for rule in outcome.failed_rules if rule in types}))


def links(run: Run, kpi: Kpi) -> dict[str, str]:
    """Deep links of an alert: the run, its overview and validation summary, and the runbook (K7, K13). Paths are the API's."""
    here = f"/runs/{run.run_id}"
    return {
        "run": here,
        "run_overview": f"{here}#vw_kpi_run_overview",
        "validation_summary": f"{here}#vw_kpi_validation_summary",
        "kpi": f"/kpis/{run.kpi_id}",
        "runbook": kpi.runbook,
    }


def events(
    run: Run,
    kpi: Kpi,
    outcome: Outcome,
    finished_at: datetime,
    sla: Sequence[SlaResult],
    found: Sequence[anomalies.Anomaly],
    *,
    retrying: bool,
) -> list[tuple[str, Mapping[str, Any]]]:
    """What the bus is told of a closed attempt. A skipped run is a failed one to whoever waits for the number.

    A canary's run is told under names of its own: it starts no KPI and alerts nobody; comparing both versions says what follows.
    """
    detail: dict[str, Any] = {
        "run_id": str(run.run_id),
        "tenant_id": run.tenant_id,
        "environment": run.environment,
        "kpi_id": run.kpi_id,
        "kpi_name": kpi.name,
        "contract_version": run.contract_version,
        "trigger_type": run.trigger_type.value,
        "entities": list(run.entities) if run.entities is not None else None,
        "scd_view": run.scd_view.value,
        "despite_pause": run.despite_pause,
        "status": outcome.status.value,
        "verdict": outcome.verdict.value if outcome.verdict else None,
        "value": outcome.value,
        "unit": outcome.unit,
        "period": run.period.model_dump(mode="json"),
        "as_of": iso(run.as_of),
        "started_at": iso(run.started_at),
        "finished_at": iso(finished_at),
        "retry_seq": run.retry_seq,
        "will_retry": retrying,
        "error_code": outcome.error_code.value if outcome.error_code else None,
        "error_message": outcome.error_message,
        "failed_rules": list(outcome.failed_rules),
        "criticality": kpi.criticality.value,
        "links": links(run, kpi),
    }
    delivered = outcome.status in (RunStatus.SUCCESS, RunStatus.PARTIAL)
    if run.canary is not None:
        return [("kpi.canary.completed" if delivered else "kpi.canary.failed", detail | {"canary": run.canary.canary_id})]
    told: list[tuple[str, Mapping[str, Any]]] = [("kpi.run.completed" if delivered else "kpi.run.failed", detail)]
    late = [each.as_json() for each in sla if each.state is SlaState.BREACH]
    if late:
        told.append(("kpi.sla.breach", detail | {"severity": Level.HIGH.value, "sla": late}))
    if found:
        told.append(("kpi.run.anomaly", detail | {"severity": Level.MEDIUM.value, "anomalies": [each.as_json() for each in found]}))
    return told
