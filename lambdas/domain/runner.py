"""The runner: sourcing, pre-validation, execution, post-validation and delivery of one attempt, for both lanes."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from kpis.schema import OnFailure, Source, SqlExpression
from lambdas.domain import entries, extensions, post_rules, pre_rules
from lambdas.domain import facts as f
from lambdas.domain import sql as s
from lambdas.domain.control.pauses import enforced
from lambdas.domain.delivery import Deliverer, Values, rows_behind, total
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.model import Definition, HardStop, LogTable, Measure, Outcome, PastValue, RuleResult, Run, RunStatus, UpstreamValue
from lambdas.domain.ports import Catalog, Clock, ResultStore, RunLogs, Warehouses, WarehouseSession
from lambdas.domain.redact import message_of
from lambdas.domain.timestamps import parse

logger = logging.getLogger("kpi.runner")


@dataclass
class _Attempt:
    """What one attempt has found so far; kept outside the flow so that a failure can still report it."""

    run: Run
    definition: Definition
    sql_hash: str
    sql_ms: float = 0.0
    data_at: datetime | None = None
    pre: list[RuleResult] = field(default_factory=list["RuleResult"])

    @property
    def sources(self) -> dict[str, Source]:
        return {ref.gdp: self.definition.sources[ref.gdp] for ref in self.definition.kpi.gdp_sources}


class _Timed:
    """A warehouse session that adds up the time spent in it."""

    def __init__(self, session: WarehouseSession, attempt: _Attempt, clock: Clock) -> None:
        self._session = session
        self._attempt = attempt
        self._clock = clock

    def query(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return self._timed(lambda: self._session.query(sql, parameters))

    def existing_tables(self, tables: Sequence[str]) -> frozenset[str]:
        return self._timed(lambda: self._session.existing_tables(tables))

    def source_versions(self, tables: Sequence[str]) -> Mapping[str, str]:
        return self._timed(lambda: self._session.source_versions(tables))

    def _timed(self, call: Any) -> Any:
        started = self._clock.now()
        try:
            return call()
        finally:
            self._attempt.sql_ms += (self._clock.now() - started).total_seconds() * 1000


class Runner:
    """Runs one opened attempt. Never raises for what goes wrong inside it: the outcome says it."""

    def __init__(self, catalog: Catalog, logs: RunLogs, results: ResultStore, warehouses: Warehouses, clock: Clock) -> None:
        self._catalog = catalog
        self._logs = logs
        self._results = results
        self._warehouses = warehouses
        self._clock = clock
        self._deliverer = Deliverer(results, logs, clock)

    def run(self, run: Run) -> Outcome:
        """Everything between Open and Close; applies the fallback when no attempt is left."""
        definition = self._catalog.definition(run.tenant_id, run.environment, run.kpi_id, run.contract_version, run.definition_hash)
        if definition is None:
            return _failure(KpiError(ErrorCode.NOT_FOUND, f"{run.kpi_id} {run.contract_version} is not in the catalog"))
        if run.enforce_post:
            definition = replace(definition, kpi=enforced(definition.kpi))
        outcome = self._guarded(run, definition)
        if outcome.status is RunStatus.FAILED and outcome.hard_stop is None and self._no_attempt_left(run, outcome):
            return self._last_resort(run, definition, outcome)
        return outcome

    @staticmethod
    def _no_attempt_left(run: Run, outcome: Outcome) -> bool:
        retryable = outcome.error_code is not None and KpiError(outcome.error_code, "").retryable
        return run.last_attempt or not retryable

    def _last_resort(self, run: Run, definition: Definition, outcome: Outcome) -> Outcome:
        # An earlier value would say nothing of the candidate of a canary.
        if definition.kpi.error_policy.on_failure is not OnFailure.FALLBACK or run.canary is not None:
            return outcome
        try:
            return self._deliverer.fall_back(run, definition.kpi, outcome)
        except Exception as error:  # noqa: BLE001 - the run has failed already; its own reason matters more than this one
            logger.warning("no fallback for run %s: %s", run.run_id, message_of(error))
            return outcome

    def _guarded(self, run: Run, definition: Definition) -> Outcome:
        try:
            attempt = _Attempt(run, definition, s.hash_of(definition.kpi))
        except (KpiError, ValueError) as error:
            return _failure(KpiError(ErrorCode.SQL_ERROR, message_of(error)))
        try:
            outcome = self._attempt(attempt)
        except KpiError as error:
            outcome = _failure(error)
        except Exception as error:
            # Whatever it was, the run must end with a clear failed row instead of being lost.
            logger.exception("run %s failed", run.run_id)
            outcome = _failure(KpiError(ErrorCode.INTERNAL, f"{type(error).__name__}: {message_of(error)}"))
        return outcome.model_copy(update={"sql_hash": attempt.sql_hash, "sql_ms": attempt.sql_ms, "data_at": attempt.data_at})

    def _attempt(self, attempt: _Attempt) -> Outcome:
        kpi, run = attempt.definition.kpi, attempt.run
        with ExitStack() as stack:
            session: WarehouseSession | None = None
            if kpi.gdp_sources:
                started = self._clock.now()
                opened = stack.enter_context(self._warehouses.open(run, kpi.schedule.timeout))
                attempt.sql_ms += (self._clock.now() - started).total_seconds() * 1000
                session = _Timed(opened, attempt, self._clock)
            upstream: Sequence[UpstreamValue] = self._results.upstream(run, kpi.kpi_sources, run.period) if kpi.kpi_sources else []
            stopped = self._validate_before(attempt, session, upstream)
            if stopped is not None:
                return stopped
            measures = self._execute(attempt, session)
        history = self._history(attempt)
        return self._finish(attempt, measures, history)

    def _validate_before(self, attempt: _Attempt, session: WarehouseSession | None, upstream: Sequence[UpstreamValue]) -> Outcome | None:
        """Sourcing and pre-validation. Both logs are written in one call, also when a check itself fails."""
        run, kpi = attempt.run, attempt.definition.kpi
        missing = self._missing(attempt, session)
        versions = {value.kpi_id: value.contract_version for value in upstream}
        versions |= self._source_versions(attempt, session)
        rows = entries.sourcing_rows(run, kpi, versions, attempt.sql_hash, self._clock.now())
        try:
            facts = {
                name: f.read_facts(session, source, kpi.pre_validation, run)
                for name, source in attempt.sources.items()
                if session is not None and name not in missing
            }
            attempt.data_at = _data_at(facts, upstream)
            context = pre_rules.PreContext(run, kpi, attempt.sources, session, upstream, facts, missing)
            attempt.pre = pre_rules.evaluate(context)
            rows += entries.validation_rows(run, LogTable.PRE_VALIDATION, attempt.pre, self._clock.now())
        finally:
            self._logs.insert(rows)
        if missing:
            tables = ", ".join(attempt.sources[name].table for name in sorted(missing))
            raise KpiError(ErrorCode.MISSING_GDP, f"golden data missing in the warehouse of {run.tenant_id}: table {tables} does not exist")
        hard = [result for result in attempt.pre if result.hard]
        if not hard:
            return None
        return _stopped(RunStatus.SKIPPED, ErrorCode.VALIDATION_FAIL_PRE, HardStop.PRE, hard)

    @staticmethod
    def _missing(attempt: _Attempt, session: WarehouseSession | None) -> frozenset[str]:
        if session is None:
            return frozenset()
        existing = session.existing_tables([source.table for source in attempt.sources.values()])
        return frozenset(name for name, source in attempt.sources.items() if source.table not in existing)

    @staticmethod
    def _source_versions(attempt: _Attempt, session: WarehouseSession | None) -> dict[str, str]:
        if session is None:
            return {}
        stated = session.source_versions([source.table for source in attempt.sources.values()])
        return {name: stated.get(source.table, source.version) for name, source in attempt.sources.items()}

    def _execute(self, attempt: _Attempt, session: WarehouseSession | None) -> list[Measure]:
        run, kpi = attempt.run, attempt.definition.kpi
        if isinstance(kpi.expression, SqlExpression):
            if session is None:
                raise KpiError(ErrorCode.SQL_ERROR, f"{kpi.id} is SQL over golden data but declares no gdp source")
            statement, parameters = s.wrapped(kpi.expression.sql, run.entities)
            used = {name: value for name, value in f.binds(run).items() if f":{name}" in statement}
            measures = [_measure(row) for row in session.query(statement, used | parameters)]
        else:
            statement, parameters = s.compiled(kpi, run.entities)
            started = self._clock.now()
            measures = list(self._results.compute(run, statement, parameters, kpi.schedule.timeout))
            attempt.sql_ms += (self._clock.now() - started).total_seconds() * 1000
        return _unpaused(run, _of_the_part(run, _checked(kpi.id, measures)))

    def _history(self, attempt: _Attempt) -> Mapping[str, Sequence[PastValue]]:
        since = extensions.history_start(attempt.definition.kpi, attempt.run.period.start)
        if since >= attempt.run.period.start:
            return {}
        return self._results.history(attempt.run, attempt.definition.kpi.grain, since)

    def _finish(self, attempt: _Attempt, measures: list[Measure], history: Mapping[str, Sequence[PastValue]]) -> Outcome:
        """Post-validation and delivery."""
        run, kpi = attempt.run, attempt.definition.kpi
        verdicts = {each.entity: kpi.verdict.judge(each.value) for each in measures}
        verdict = post_rules.worst(list(verdicts.values()))
        context = post_rules.PostContext(run, kpi, measures, verdicts, verdict, history, self._results)
        post = post_rules.evaluate(context)
        self._logs.insert(entries.validation_rows(run, LogTable.POST_VALIDATION, post, self._clock.now()))
        facts = {"rows_processed": rows_behind(measures), "verdict": verdict, "value": total(measures), "unit": kpi.unit}
        hard = [result for result in post if result.hard]
        if hard:
            return _stopped(RunStatus.FAILED, ErrorCode.VALIDATION_FAIL_POST, HardStop.POST, hard).model_copy(update=facts)
        warned = tuple(result.rule_id for result in [*attempt.pre, *post] if not result.passed)
        validated = bool(attempt.pre or post)
        self._deliverer.deliver(run, kpi, Values(measures, history, attempt.data_at, warned, validated))
        delivered = facts | {"delivered": True, "entities_delivered": len(measures), "failed_rules": warned}
        if validated:
            return Outcome(status=RunStatus.SUCCESS).model_copy(update=delivered)
        # A run that executed zero of its rules is never a success (contract: Pre-validation).
        message = f"{kpi.id} has no validation rule, so nothing vouches for the value; add rules to pre_validation or post_validation"
        unvouched = Outcome(status=RunStatus.PARTIAL, error_code=ErrorCode.VALIDATION_FAIL_PRE, error_message=message)
        return unvouched.model_copy(update=delivered)


def _failure(error: KpiError) -> Outcome:
    status = RunStatus.SKIPPED if error.code is ErrorCode.PAUSED else RunStatus.FAILED
    return Outcome(status=status, error_code=error.code, error_message=message_of(Exception(error.message)))


def _stopped(status: RunStatus, code: ErrorCode, stop: HardStop, hard: Sequence[RuleResult]) -> Outcome:
    reasons = "; ".join(f"{result.rule_id}: {result.details}" for result in hard)
    return Outcome(
        status=status,
        error_code=code,
        error_message=message_of(Exception(reasons)),
        hard_stop=stop,
        failed_rules=tuple(result.rule_id for result in hard),
    )


def _measure(row: Mapping[str, Any]) -> Measure:
    value = row["value"]
    return Measure(str(row["entity"]), None if value is None else float(value), int(row["rows_processed"] or 0))


def _checked(kpi_id: str, measures: list[Measure]) -> list[Measure]:
    if not measures:
        raise KpiError(ErrorCode.NO_DATA, f"{kpi_id} returned no row for the period and entities asked for")
    entities = [measure.entity for measure in measures]
    twice = sorted({entity for entity in entities if entities.count(entity) > 1}) if len(set(entities)) != len(entities) else []
    if twice:
        raise KpiError(ErrorCode.SQL_ERROR, f"{kpi_id} returned entity {', '.join(twice[:5])} more than once; group by the entity column")
    odd = [measure.entity for measure in measures if measure.value is not None and not math.isfinite(measure.value)]
    if odd:
        raise KpiError(ErrorCode.SQL_ERROR, f"{kpi_id} returned a value that is not a finite number for {', '.join(odd[:5])}")
    return measures


def _of_the_part(run: Run, measures: list[Measure]) -> list[Measure]:
    """The values of the entities that a canary's candidate computes; all for other runs."""
    part = run.canary
    if part is None:
        return measures
    kept = [measure for measure in measures if part.subset is not None and part.subset.contains(run.kpi_id, measure.entity)]
    if not kept:
        raise KpiError(ErrorCode.NO_DATA, f"{run.kpi_id} returned no entity of those the canary {part.canary_id} computes")
    return kept


def _unpaused(run: Run, measures: list[Measure]) -> list[Measure]:
    """The values without those of paused entities; a total still counts them."""
    kept = [measure for measure in measures if measure.entity not in run.excluded]
    if not kept:
        raise KpiError(ErrorCode.PAUSED, f"every entity {run.kpi_id} has a value for is paused: {', '.join(run.excluded[:5])}")
    return kept


def _data_at(facts: Mapping[str, f.SourceFacts], upstream: Sequence[UpstreamValue]) -> datetime | None:
    """When the newest data behind the run became known: newest rows used, or what the upstream results say of theirs."""
    moments = [each.newest for each in facts.values() if each.newest is not None]
    moments += [parse(str(value.flags["data_at"])) for value in upstream if "data_at" in value.flags]
    return max(moments, default=None)
