"""A run of a KPI as OpenLineage run events: START, then COMPLETE, FAIL or ABORT, from the facts the run's logs have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from uuid import NAMESPACE_URL, uuid5

from kpis.artifact import Surroundings
from kpis.common import Severity
from kpis.lineage import facets, openlineage
from kpis.lineage.facets import Json
from kpis.lineage.model import GDP, KPI
from kpis.lineage.naming import PRODUCER, Naming
from kpis.schema import Kpi


class Phase(StrEnum):
    """The transition an event tells of; ABORT is a run that pre-validation skipped."""

    START = "START"
    COMPLETE = "COMPLETE"
    FAIL = "FAIL"
    ABORT = "ABORT"


class Outcome(StrEnum):
    """What a rule said; a rule that was not executed is `skip`, never a success."""

    PASSED = "pass"
    FAILED = "fail"
    SKIPPED = "skip"


@dataclass(frozen=True)
class RuleResult:
    """What one validation rule said in a run; `expected` and `actual` as written into the validation logs."""

    rule_id: str
    outcome: Outcome
    expected: str | None = None
    actual: str | None = None


@dataclass(frozen=True)
class RunFacts:
    """What happened to one run up to `event_time`.

    `definition_hash` is that of the definition the run executed. `rows_read` counts rows by source id, `entities` the delivered rows.
    Times carry a time zone.
    """

    run_id: int
    tenant_id: str
    environment: str
    phase: Phase
    event_time: datetime
    definition_hash: str
    period_start: datetime
    period_end: datetime
    sql_hash: str | None = None
    rows_read: Mapping[str, int] = field(default_factory=dict[str, int])
    entities: int | None = None
    pre_validation: tuple[RuleResult, ...] = ()
    post_validation: tuple[RuleResult, ...] = ()
    error_code: str | None = None
    error_message: str | None = None

    def __post_init__(self) -> None:
        naive = [name for name in ("event_time", "period_start", "period_end") if getattr(self, name).tzinfo is None]
        if naive:
            raise ValueError(f"run {self.run_id}: {', '.join(naive)} without a time zone; pass times in UTC")
        failed = self.phase in (Phase.FAIL, Phase.ABORT)
        if failed != (self.error_code is not None):
            raise ValueError(f"run {self.run_id}: {self.phase} {'needs' if failed else 'has no'} error_code")

    @property
    def uuid(self) -> str:
        """The run's id in lineage: always the same for the same run, since a run has several events."""
        return str(uuid5(NAMESPACE_URL, f"{PRODUCER}:{self.tenant_id}:{self.environment}:{self.run_id}"))


def run_event(kpi: Kpi, around: Surroundings, facts: RunFacts, naming: Naming | None = None) -> Json:
    """One event of a run.

    Args:
        kpi: the definition the run executed.
        around: its neighbours.
        facts: what happened.
        naming: how to name things; default: the tenant's own namespace, with logical names of its tables.

    Raises:
        ValueError: when the run executed another definition than `kpi`, or reports a rule the definition does not have.
    """
    known = around.hash_of(kpi)
    if facts.definition_hash != known:
        raise ValueError(
            f"run {facts.run_id} executed {kpi.id} with definition {facts.definition_hash}, not {known}; pass the definition it executed"
        )
    names = naming or Naming.of_tenant(facts.tenant_id, facts.environment)
    output = openlineage.output(kpi, around, names)
    if facts.phase is Phase.COMPLETE and facts.entities is not None:
        output["outputFacets"] = {"outputStatistics": facets.facet("OutputStatisticsOutputDatasetFacet", rowCount=facts.entities)}
    return {
        "eventType": facts.phase,
        "eventTime": _time(facts.event_time),
        "producer": PRODUCER,
        "schemaURL": f"{openlineage.SPEC}/RunEvent",
        "run": {"runId": facts.uuid, "facets": _run_facets(kpi, facts)},
        "job": openlineage.job(kpi, around, names),
        "inputs": _inputs(kpi, around, facts, names),
        "outputs": [output],
    }


def _run_facets(kpi: Kpi, facts: RunFacts) -> Json:
    words = {"environment": facts.environment, "run_id": str(facts.run_id), "tenant_id": facts.tenant_id}
    words |= {"sql_hash": facts.sql_hash} if facts.sql_hash else {}
    words |= {"error_code": facts.error_code} if facts.error_code else {}
    found = {
        "nominalTime": facets.facet(
            "NominalTimeRunFacet", nominalStartTime=_time(facts.period_start), nominalEndTime=_time(facts.period_end)
        ),
        "tags": facets.facet("TagsRunFacet", tags=facets.tags(words)),
    }
    if facts.error_code:
        told = ": ".join(part for part in (facts.error_code, facts.error_message) if part)
        found["errorMessage"] = facets.facet("ErrorMessageRunFacet", message=told, programmingLanguage="SQL")
    results = [_test(kpi, result) for result in (*facts.pre_validation, *facts.post_validation)]
    if results:
        found["test"] = facets.facet("TestRunFacet", tests=results)
    return found


def _test(kpi: Kpi, result: RuleResult) -> Json:
    severity, kind, description = _rule(kpi, result.rule_id)
    told = {"description": description, "expected": result.expected, "actual": result.actual}
    shown = {key: value for key, value in told.items() if value is not None}
    return {"name": result.rule_id, "status": result.outcome, "severity": severity, "type": kind, **shown}


def _rule(kpi: Kpi, rule_id: str) -> tuple[Severity, str, str | None]:
    for rule in (*kpi.pre_validation, *kpi.post_validation):
        if rule.id == rule_id:
            return rule.severity, rule.check, rule.description
    raise ValueError(f"{kpi.id} has no rule '{rule_id}'; pass the results of the definition's own rules")


def _inputs(kpi: Kpi, around: Surroundings, facts: RunFacts, naming: Naming) -> list[Json]:
    read = openlineage.inputs(kpi, around, naming)
    logical = [*(f"{GDP}{ref.gdp}" for ref in kpi.gdp_sources), *(f"{KPI}{ref.kpi}" for ref in kpi.kpi_sources)]
    for dataset, name in zip(read, logical, strict=True):
        found: Json = {}
        rows = facts.rows_read.get(name.removeprefix(GDP))
        if rows is not None:
            found["inputStatistics"] = facets.facet("InputStatisticsInputDatasetFacet", rowCount=rows)
        assertions = [_assertion(kpi, result) for result in facts.pre_validation if _checks(kpi, result, name)]
        if assertions:
            found["dataQualityAssertions"] = facets.facet("DataQualityAssertionsDatasetFacet", assertions=assertions)
        if found:
            dataset["inputFacets"] = found
    return read


def _checks(kpi: Kpi, result: RuleResult, dataset: str) -> bool:
    """Whether a result is about a dataset; one that was not executed says nothing about it."""
    aliases = {ref.alias: f"{KPI}{ref.kpi}" for ref in kpi.kpi_sources}
    named = {getattr(rule, "source", "") for rule in kpi.pre_validation if rule.id == result.rule_id}
    return result.outcome is not Outcome.SKIPPED and dataset in {aliases.get(name, f"{GDP}{name}") for name in named}


def _assertion(kpi: Kpi, result: RuleResult) -> Json:
    severity, kind, description = _rule(kpi, result.rule_id)
    column = next((getattr(rule, "column", None) for rule in kpi.pre_validation if rule.id == result.rule_id), None)
    told = {"column": column, "description": description, "expected": result.expected, "actual": result.actual}
    shown = {key: value for key, value in told.items() if value is not None}
    return {"assertion": kind, "success": result.outcome is Outcome.PASSED, "name": result.rule_id, "severity": severity, **shown}


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
