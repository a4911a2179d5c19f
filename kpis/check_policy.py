"""Checks of what surrounds a KPI: validation, SLA, runbook, schedule, change log and the sources its rules name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterBadDateError, croniter

from kpis.common import Lane, Status
from kpis.cron import FIELDS, CronError, to_scheduler
from kpis.diagnostics import Diagnostic, nearest
from kpis.documents import Place
from kpis.loader import Loaded
from kpis.rules import ColumnRange, EntitiesCovered, NullRatio, Reconciliation, UpstreamDelivered, UpstreamRange
from kpis.schema import AvailabilitySla, Kpi, Source

LIGHT_TIMEOUT = timedelta(minutes=15)
LONGEST = timedelta(days=3660)
"""Of what an SLA allows. Moments so far away cannot all be written, and what nobody can miss is no SLA (K31)."""
_LEAP_YEAR = datetime(2000, 1, 1)  # noqa: DTZ001 - cron counts on a calendar, not in a zone
_NUMERIC = frozenset({"integer", "numeric"})


def policy_problems(loaded: Loaded, root: Path) -> Iterator[Diagnostic]:
    """Every policy a KPI breaks; runbooks are files below `root`."""
    events = {signal.id for signal in loaded.dictionary.signals if signal.type == "event"}
    known = {key[1] for key in loaded.places if key[0] == "signal"}
    sources = {source.id: source for source in loaded.dictionary.sources}
    runbooks: dict[str, bool] = {}
    for kpi in loaded.dictionary.kpis:
        place = loaded.places["kpi", kpi.id]
        if kpi.runbook not in runbooks:
            runbooks[kpi.runbook] = _is_file(root, kpi.runbook)
        if not runbooks[kpi.runbook]:
            yield place.problem(
                "missing-runbook", f"runbook '{kpi.runbook}' of {kpi.id} is not a file of the repository; write it", "runbook"
            )
        yield from _active(kpi, place)
        yield from schedule_problems(kpi, place, events, known)
        yield from _change_log(kpi, place)
        yield from _rule_sources(kpi, place, sources)


def _is_file(root: Path, name: str) -> bool:
    path = Path(name.partition("#")[0])
    return not path.is_absolute() and ".." not in path.parts and (root / path).is_file()


def _active(kpi: Kpi, place: Place) -> Iterator[Diagnostic]:
    if kpi.status is not Status.ACTIVE:
        return
    if not kpi.sla:
        yield place.problem(
            "missing-sla", f"{kpi.id} is active and has no SLA; add one (freshness, latency, availability or consistency)", "sla"
        )
    for field in ("pre_validation", "post_validation"):
        if not getattr(kpi, field):
            message = f"{kpi.id} is active and has no {field} rule; a run that checked nothing is never a success"
            yield place.problem("missing-validation", message, field)


def schedule_problems(kpi: Kpi, place: Place, events: set[str], known: set[str]) -> Iterator[Diagnostic]:
    """What keeps a KPI from being scheduled as it says; `events` are signals that start KPIs, `known` all signals."""
    schedule = kpi.schedule
    complaint = cron_problem(schedule.cron) if schedule.cron is not None else None
    if complaint is not None:
        yield place.problem("cron-invalid", complaint, "schedule", "cron")
    if not zone_known(schedule.timezone):
        message = f"time zone '{schedule.timezone}' is not in the IANA database; write one such as UTC or America/New_York"
        yield place.problem("timezone-unknown", message, "schedule", "timezone")
    for index, sla in enumerate(kpi.sla):
        if max(sla.grace, timedelta() if isinstance(sla, AvailabilitySla) else sla.target) > LONGEST:
            message = f"the {sla.type} SLA allows more than {LONGEST.days}d; give a target that can be missed"
            yield place.problem("sla-endless", message, "sla", index)
        if isinstance(sla, AvailabilitySla) and not zone_known(sla.timezone):
            yield place.problem("timezone-unknown", f"time zone '{sla.timezone}' is not in the IANA database", "sla", index, "timezone")
    if schedule.event is not None and schedule.event not in events:
        reason = "is a metric, not an event" if schedule.event in known else "is not a signal of the dictionary"
        message = f"event '{schedule.event}' {reason}{nearest(schedule.event, events)}"
        yield place.problem("event-unknown-signal", message, "schedule", "event")
    if kpi.lane is Lane.LIGHT and schedule.timeout > LIGHT_TIMEOUT:
        message = f"{kpi.id} is in the light lane with a timeout above 15m, the most a function may run; use lane: heavy"
        yield place.problem("timeout-too-long", message, "schedule", "timeout")


@lru_cache(maxsize=1024)
def cron_problem(text: str) -> str | None:
    """What is wrong with a cron expression: its own form, or that EventBridge Scheduler cannot run it; None when it is fine."""
    if len(text.split()) != FIELDS or not croniter.is_valid(text):
        return f"cron '{text}' is not five valid fields: minute hour day month weekday, such as 0 2 * * *"
    try:
        to_scheduler(text)
    except CronError as error:
        return f"cron {error}"
    try:
        croniter(text, _LEAP_YEAR).get_next()
    except CroniterBadDateError:
        return f"cron '{text}' names a day that never comes; write one that some month has"
    return None


@lru_cache(maxsize=1024)
def zone_known(name: str) -> bool:
    """Whether the IANA database has the time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _change_log(kpi: Kpi, place: Place) -> Iterator[Diagnostic]:
    versions = [change.version for change in kpi.change_log]
    if kpi.contract_version not in versions:
        message = f"the change log of {kpi.id} does not mention its version {kpi.contract_version}; add an entry that says what changed"
        yield place.problem("change-log-missing", message, "change_log")
    if len(set(versions)) < len(versions):
        yield place.problem("change-log-missing", f"the change log of {kpi.id} names a version twice", "change_log")


def _rule_sources(kpi: Kpi, place: Place, sources: dict[str, Source]) -> Iterator[Diagnostic]:
    tables = {ref.gdp: sources.get(ref.gdp) for ref in kpi.gdp_sources}
    upstream = {ref.alias for ref in kpi.kpi_sources} | {ref.kpi for ref in kpi.kpi_sources}
    for index, rule in enumerate(kpi.pre_validation):
        if isinstance(rule, Reconciliation):
            continue
        names = upstream if isinstance(rule, UpstreamDelivered | UpstreamRange) else set(tables)
        if rule.source not in names:
            kind = "an upstream KPI" if names is upstream else "a golden data table"
            message = f"rule '{rule.id}' checks '{rule.source}', which is not {kind} among the sources{nearest(rule.source, names)}"
            yield place.problem("rule-unknown-source", message, "pre_validation", index, "source")
        source = tables.get(rule.source)
        if isinstance(rule, NullRatio | ColumnRange | EntitiesCovered) and source is not None:
            yield from _rule_column(rule, source, place, index)


def _rule_column(rule: NullRatio | ColumnRange | EntitiesCovered, source: Source, place: Place, index: int) -> Iterator[Diagnostic]:
    path = ("pre_validation", index, "column")
    column = source.columns.get(rule.column)
    if column is None:
        message = f"rule '{rule.id}' checks column '{rule.column}', which {source.id} does not have{nearest(rule.column, source.columns)}"
        yield place.problem("rule-unknown-column", message, *path)
    elif isinstance(rule, ColumnRange) and column.type not in _NUMERIC:
        yield place.problem(
            "wrong-type", f"rule '{rule.id}' checks the range of '{rule.column}', which is {column.type}, not a number", *path
        )
