"""The impact report: what a change touches, for people to decide on and for programs to check (K25)."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from kpis.common import Frozen, Level
from lambdas.domain.lineage.change import Change
from lambdas.domain.lineage.columns import ColumnUse
from lambdas.domain.lineage.reach import Effect

LISTED = 200
"""Entries a list has; `totals` counts all."""


class AffectedKpi(Frozen):
    """A KPI the change reaches. `path`: node ids from what changes to it, a shortest way. `uses`: how it uses the column."""

    kpi_id: str
    name: str
    layer: str
    criticality: Level
    effect: Effect
    path: tuple[str, ...]
    uses: tuple[ColumnUse, ...] = ()


class Reader(Frozen):
    """A dashboard, report, application or team that reads KPIs the change reaches; `via` names them."""

    name: str
    via: tuple[str, ...]


class AlarmKind(StrEnum):
    """What can ring."""

    ROUTE = "alert route"
    TIER_0 = "tier-0 alarm"


class Alarm(Frozen):
    """An alert of a KPI the change reaches: where it goes, from which severity."""

    kpi_id: str
    kind: AlarmKind
    target: str
    severity: Level


class TouchedSlo(Frozen):
    """The objective of a KPI the change reaches: percent of the time over a window such as `28d`."""

    kpi_id: str
    objective: float
    window: str


class Rerun(Frozen):
    """Runs that would start at another time; `after` is None when they end."""

    kpi_id: str
    before: str
    after: str | None


class ImpactReport(Frozen):
    """What a change touches. Lists hold at most 200 entries each; `totals` counts all of each."""

    change: Change
    title: str
    highest_criticality: Level | None = None
    affected: tuple[AffectedKpi, ...] = ()
    variants: tuple[str, ...] = ()
    consumers: tuple[Reader, ...] = ()
    reports: tuple[Reader, ...] = ()
    tenants: tuple[str, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    slos: tuple[TouchedSlo, ...] = ()
    reruns: tuple[Rerun, ...] = ()
    warnings: tuple[str, ...] = ()
    totals: dict[str, int] = Field(default_factory=dict)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The report in plain words, the gravest first."""
        return tuple(_sentences(self))


_SHOWN = 5
_WARNED = 20
_NOUNS = {
    "affected": ("KPI", "KPIs"),
    "consumers": ("consumer", "consumers"),
    "reports": ("report", "reports"),
    "variants": ("variant", "variants"),
    "warnings": ("warning", "warnings"),
}


def _sentences(report: ImpactReport) -> list[str]:
    reached = [each for each in report.affected if each.effect is not Effect.OWN]
    own = report.totals.get("affected", 0) - report.totals.get("reached", 0)
    total = report.totals.get("reached", 0)
    said = [f"{report.title[0].upper()}{report.title[1:]} reaches {_count(total, 'affected')}{' besides itself' if own else ''}."]
    for effect in Effect:
        names = [each.kpi_id for each in reached if each.effect is effect]
        count = report.totals.get(effect.value, len(names)) if effect is not Effect.OWN else 0
        if count:
            # Where the list had no room for any of them they are counted.
            said.append(f"{named(names, count) if names else _count(count, 'affected')} {_plural(effect, count)}.")
    if report.highest_criticality in (Level.HIGH, Level.CRITICAL):
        said.append(f"The highest criticality among them is {report.highest_criticality}: business and technical sign-off are needed.")
    said += [f"{warning}." for warning in report.warnings[:_WARNED]]
    more = report.totals.get("warnings", len(report.warnings)) - _WARNED
    if more > 0:
        said.append(f"{_count(more, 'warnings')} like these {'is' if more == 1 else 'are'} left out.")
    if report.variants:
        said.append(
            f"{_count(report.totals['variants'], 'variants')} must be reviewed: {named(report.variants, report.totals['variants'])}."
        )
    said += _readers(report.consumers, report.totals.get("consumers", 0), "consumers", "reads", "read")
    said += _readers(report.reports, report.totals.get("reports", 0), "reports", "shows", "show")
    for each in report.reruns[:_SHOWN]:
        said.append(f"{each.kpi_id} runs {each.after} instead of {each.before}." if each.after else f"{each.kpi_id} ends ({each.before}).")
    if report.alarms:
        targets = sorted({each.target for each in report.alarms})
        count = report.totals["alarming"]
        said.append(f"Alerts of {count} {'KPI' if count == 1 else 'KPIs'} may ring: {named(targets, len(targets))}.")
    return said


def _readers(readers: tuple[Reader, ...], total: int, kind: str, one: str, many: str) -> list[str]:
    names = [each.name.removeprefix("report: ") for each in readers]
    return [f"{_count(total, kind)} {one if total == 1 else many} what is reached: {named(names, total)}."] if readers else []


def _plural(effect: Effect, count: int) -> str:
    if count == 1:
        return effect.value
    return effect.value.replace("loses an input", "lose an input").replace("is changed itself", "are changed themselves")


def _count(number: int, kind: str) -> str:
    one, many = _NOUNS[kind]
    return f"{number or 'no'} {one if number == 1 else many}"


def named(names: tuple[str, ...] | list[str], total: int) -> str:
    """The first names, and how many more there are."""
    shown = list(names[:_SHOWN])
    rest = total - len(shown)
    return f"{', '.join(shown)} and {rest} more" if rest > 0 else ", ".join(shown)
