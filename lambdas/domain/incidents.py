"""Incidents, as the run logs tell them: what is wrong with a KPI, since when, and whether it still is.

An incident is one cause of one KPI, from the first run that shows it to the first later run that shows it is over. Nothing is stored: the
same logs give the same incidents with the same ids.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, cast

from kpis.common import Level, Verdict
from lambdas.domain.errors import ErrorCode
from lambdas.domain.ids import run_id_text
from lambdas.domain.model import RunStatus, TriggerType, period_of_lineage

Row = Mapping[str, Any]


class Cause(StrEnum):
    """Why there is an incident."""

    PRE_VALIDATION = "pre_validation"
    POST_VALIDATION = "post_validation"
    RUN_FAILURE = "run_failure"
    MISSING_RUN = "missing_run"
    SLA_BREACH = "sla_breach"
    VERDICT = "verdict"


class IncidentState(StrEnum):
    """Whether the newest run that can tell still shows the cause."""

    OPEN = "open"
    CLOSED = "closed"


DEAD_MAN = "dead-man check"
"""Who starts the runs that stand for missing ones. A test holds this against the check, which is too heavy to import for a word."""
_HARD_STOPS: Mapping[str, Cause] = {
    ErrorCode.VALIDATION_FAIL_PRE: Cause.PRE_VALIDATION,
    ErrorCode.VALIDATION_FAIL_POST: Cause.POST_VALIDATION,
}
_NO_FAILURE = frozenset[str]({ErrorCode.PAUSED, ErrorCode.SLA_BREACH})
_DELIVERING = frozenset({RunStatus.SUCCESS, RunStatus.PARTIAL})
_SEVERITY = {Verdict.LOW: Level.MEDIUM, Verdict.CRITICAL: Level.HIGH}
"""How grave a verdict is to an alert route, which takes alerts from its severity up."""
_ORDER = list(Level)


@dataclass(frozen=True)
class KpiFacts:
    """What an incident says of a KPI besides its runs. `alarming`: the verdicts it alarms on."""

    name: str = ""
    pack: str = ""
    owner: str = ""
    criticality: str = ""
    runbook: str = ""
    alarming: frozenset[Verdict] = frozenset()


_ANY = KpiFacts(alarming=frozenset(_SEVERITY))


def facts_of(row: Row) -> KpiFacts:
    """The facts in a catalog row of a definition."""
    definition = cast("dict[str, Any]", json.loads(str(row.get("definition") or "{}")))
    owners: Row = definition.get("owners") or {}
    return KpiFacts(
        name=str(row.get("name") or ""),
        pack=str(row.get("pack") or ""),
        owner=str(row.get("owner") or owners.get("business") or ""),
        criticality=str(row.get("criticality") or ""),
        runbook=str(definition.get("runbook") or ""),
        alarming=_alarming(definition),
    )


def _alarming(definition: Row) -> frozenset[Verdict]:
    """A tier-0 KPI alarms on both bad verdicts; another one on those an alert route of its own takes."""
    if definition.get("tier") == 0:
        return frozenset(_SEVERITY)
    routes: Sequence[Row] = definition.get("alerts") or ()
    floors = [_ORDER.index(Level(str(route.get("severity") or Level.MEDIUM))) for route in routes]
    return frozenset(verdict for verdict, level in _SEVERITY.items() if any(floor <= _ORDER.index(level) for floor in floors))


@dataclass(frozen=True)
class SeenRun:
    """A run that ended, with the verdict where it is a bad one, and the run that was its first attempt where it is a later one."""

    row: Row
    bad_verdict: Verdict | None = None
    first_attempt: int | None = None

    @property
    def run_id(self) -> int:
        """Sorts by time."""
        return int(self.row["run_id"])

    @property
    def status(self) -> RunStatus:
        """How it ended."""
        return RunStatus(str(self.row["status"]))

    @property
    def period(self) -> str:
        """`start/end`, empty when the log does not say."""
        return period_of_lineage(str(self.row.get("lineage_ref") or "")) or ""

    @property
    def period_end(self) -> str:
        """The end of the period."""
        return self.period.partition("/")[2]

    @property
    def retry(self) -> int:
        """0 for a first attempt."""
        return int(self.row.get("retry_seq") or 0)

    @property
    def ended_at(self) -> str:
        """When it ended."""
        return str(self.row.get("finished_at") or self.row["started_at"])

    @property
    def missing(self) -> bool:
        """Whether it is the trace of a run that never started."""
        return self.row.get("triggered_by") == DEAD_MAN

    @property
    def by_hand(self) -> bool:
        """Whether a person started it."""
        return self.row.get("trigger_type") == TriggerType.MANUAL

    @property
    def suspicious(self) -> bool:
        """Whether it could show a cause, whatever the KPI alarms on."""
        return bool(self.causes(_ANY))

    def causes(self, facts: KpiFacts) -> frozenset[Cause]:
        """What is wrong with it."""
        if self.missing:
            return frozenset({Cause.MISSING_RUN})
        found: set[Cause] = set()
        code = str(self.row.get("error_code") or "")
        failed = self.status is RunStatus.FAILED or (code != "" and self.status is not RunStatus.SUCCESS)
        if failed and code not in _NO_FAILURE:
            found.add(_HARD_STOPS.get(code, Cause.RUN_FAILURE))
        if self.row.get("sla_breached"):
            found.add(Cause.SLA_BREACH)
        if self.bad_verdict in facts.alarming:
            found.add(Cause.VERDICT)
        return frozenset(found)

    def ends(self, cause: Cause) -> bool:
        """Whether a run without the cause shows that it is over. A run that was skipped shows nothing."""
        if cause in (Cause.PRE_VALIDATION, Cause.POST_VALIDATION, Cause.RUN_FAILURE):
            return self.status is RunStatus.SUCCESS
        return self.status in _DELIVERING and not self.missing


@dataclass(frozen=True)
class Incident:
    """One cause of one KPI. Moments are ISO 8601; `runs` counts the runs that showed it, of which `first` and `last` are the ends."""

    tenant_id: str
    environment: str
    kpi_id: str
    cause: Cause
    first: SeenRun
    last: SeenRun
    runs: int
    closed_by: SeenRun | None = None

    @property
    def began_with(self) -> int:
        """The first attempt of the run that showed it first: while others follow, the incident keeps its name."""
        return self.first.run_id if self.first.first_attempt is None else self.first.first_attempt

    @property
    def incident_id(self) -> str:
        """The cause and the run it began with."""
        return f"{self.cause}-{run_id_text(self.began_with)}"

    @property
    def state(self) -> IncidentState:
        """Open until a run shows that it is over."""
        return IncidentState.OPEN if self.closed_by is None else IncidentState.CLOSED

    def shown_by(self, incident_id: str) -> bool:
        """Whether an id means this incident: it names its cause and a run from the first that showed it to the last."""
        cause, run_id = parts_of(incident_id)
        return cause is self.cause and self.began_with <= run_id <= self.last.run_id


def parts_of(incident_id: str) -> tuple[Cause, int]:
    """The cause and the run in an id.

    Raises:
        ValueError: for what is no id.
    """
    cause, _, run_id = incident_id.rpartition("-")
    return Cause(cause), int(run_id)


def incidents_of(runs: Iterable[SeenRun], facts: KpiFacts) -> list[Incident]:
    """The incidents among the runs of one KPI in one environment, which may come in any order; oldest first."""
    under_way: dict[Cause, Incident] = {}
    over: list[Incident] = []
    for run in telling(runs):
        causes = run.causes(facts)
        ended = [cause for cause in sorted(under_way.keys() - causes) if run.ends(cause)]
        over += (replace(under_way.pop(cause), closed_by=run) for cause in ended)
        for cause in sorted(causes):
            known = under_way.get(cause)
            under_way[cause] = replace(known, last=run, runs=known.runs + 1) if known else _begun(run, cause)
    return sorted([*over, *under_way.values()], key=lambda each: (each.first.run_id, each.cause))


def anchors(runs: Iterable[SeenRun], facts: KpiFacts) -> Mapping[Cause, int]:
    """By cause the oldest run after which it was not under way, whatever came before: one the platform started, and that ends it."""
    found: dict[Cause, int] = {}
    for run in runs:
        for cause in () if run.by_hand else Cause:
            if run.ends(cause) and cause not in run.causes(facts):
                found[cause] = min(run.run_id, found.get(cause, run.run_id))
    return found


def telling(runs: Iterable[SeenRun]) -> Iterator[SeenRun]:
    """Runs that say something about how the KPI is now, oldest first.

    An attempt that was followed by another one says nothing, and neither does a manual run of a period before the current one: that is a
    repair or a backfill of the past.
    """
    current = ""
    first_attempts: dict[int, int] = {}
    ordered = sorted(runs, key=lambda run: run.run_id)
    for run, following in zip(ordered, _next_of_period(ordered), strict=True):
        if following is not None and _follows(following, run):
            first_attempts[following.run_id] = first_attempts.get(run.run_id, run.run_id)
            continue
        if run.by_hand and run.period_end < current:
            continue
        current = run.period_end or current
        yield replace(run, first_attempt=first_attempts.get(run.run_id))


def _next_of_period(ordered: Sequence[SeenRun]) -> list[SeenRun | None]:
    """For each run the next one of the same period: runs of other periods may come between two attempts."""
    latest: dict[str, SeenRun] = {}
    found: list[SeenRun | None] = []
    for run in reversed(ordered):
        found.append(latest.get(run.period))
        latest[run.period] = run
    return found[::-1]


def _follows(later: SeenRun, run: SeenRun) -> bool:
    return run.status is RunStatus.FAILED and later.retry == run.retry + 1


def _begun(run: SeenRun, cause: Cause) -> Incident:
    row = run.row
    return Incident(str(row["tenant_id"]), str(row["environment"]), str(row["kpi_id"]), cause, run, run, 1)
