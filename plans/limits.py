"""Whether a plan fits into AWS: every measure against its quota, before anything is deployed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from plans.measure_account import measure_account
from plans.measure_cloudwatch import measure_cloudwatch
from plans.measure_runs import measure_runs
from plans.model import Measure, Plan
from plans.quota import Effect, Quota, Scope
from plans.quotas import QUOTAS, by_key

NEAR = 0.8
"""From this share of a quota on, a finding is `near`."""


class Level(StrEnum):
    """How close a plan comes to a quota."""

    OK = "ok"
    NEAR = "near"
    OVER = "over"


@dataclass(frozen=True)
class Finding:
    """One measure against its quota. `place` is the account and Region, empty where the quota is not about one."""

    quota: Quota
    subject: str
    used: float
    place: str = ""
    per_tenant: float = 0
    per_kpi: float = 0

    @property
    def share(self) -> float:
        """The part of the quota that is used; 1 is all of it."""
        return self.used / self.quota.value

    @property
    def level(self) -> Level:
        """`over` beyond the quota, `near` from 80% of it."""
        if self.used > self.quota.value:
            return Level.OVER
        return Level.NEAR if self.share >= NEAR else Level.OK

    @property
    def blocks(self) -> bool:
        """Whether AWS would refuse, so that deploying must not begin."""
        return self.level is Level.OVER and self.quota.effect is Effect.REFUSES

    def __str__(self) -> str:
        where = f" in {self.place}" if self.place else ""
        rule = "a hard limit" if not self.quota.adjustable else "AWS's default"
        return (
            f"{self.quota.key}: {self.subject}{where} takes {number(self.used)} of {number(self.quota.value)} {self.quota.unit} "
            f"({self.quota.what}; {rule}, {self.quota.source}); {self.quota.remedy}"
        )


@dataclass(frozen=True)
class Room:
    """How many more `what` (tenants or KPIs) fit before a finding's quota is used up."""

    what: str
    fits: int
    finding: Finding


@dataclass(frozen=True)
class Report:
    """Every finding of a plan, the fullest first; `waits` are seconds that AWS's request rates make a first `up` take, by what."""

    findings: tuple[Finding, ...]
    waits: tuple[tuple[str, float], ...]

    @property
    def over(self) -> tuple[Finding, ...]:
        """What is beyond its quota."""
        return tuple(finding for finding in self.findings if finding.level is Level.OVER)

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """What AWS would refuse."""
        return tuple(finding for finding in self.findings if finding.blocks)

    def worst(self) -> tuple[Finding, ...]:
        """The fullest finding of each quota, the fullest first."""
        found: dict[str, Finding] = {}
        for finding in self.findings:
            found.setdefault(finding.quota.key, finding)
        return tuple(found.values())

    def headroom(self) -> tuple[Room, ...]:
        """How many more tenants and KPIs fit, by quota; what runs out first comes first."""
        rooms: list[Room] = []
        for what, growth in (("tenants", "per_tenant"), ("KPIs", "per_kpi")):
            nearest: dict[str, Room] = {}
            for finding in self.findings:
                step: float = getattr(finding, growth)
                if step <= 0:
                    continue
                # A hair is given back for what floating point loses in dividing.
                fits = max(0, math.floor((finding.quota.value - finding.used) / step + 1e-9))
                room = nearest.get(finding.quota.key)
                if room is None or fits < room.fits:
                    nearest[finding.quota.key] = Room(what, fits, finding)
            rooms += sorted(nearest.values(), key=lambda room: (room.fits, room.finding.quota.key))
        return tuple(rooms)


def check(plan: Plan, quotas: Sequence[Quota] = QUOTAS) -> Report:
    """Measure a plan against a table of quotas.

    Of what is far from its quota only the fullest subject of each account and Region becomes a finding, so that a report stays small.
    """
    table = by_key(quotas)
    collected = _Collected()
    for place, part in plan.of_region():
        for measure in (*_measures(part), *plan.measures):
            quota = table[measure.quota]
            if quota.scope is not Scope.ACCOUNT:
                collected.add(measure, quota, place if quota.scope is Scope.REGION else "")
    for account in sorted({stack.account_id for stack in plan.stacks}):
        own = tuple(stack for stack in plan.stacks if stack.account_id == account)
        for measure in measure_account(Plan(own, (), {})):
            if table[measure.quota].scope is Scope.ACCOUNT:
                collected.add(measure, table[measure.quota], account)
    waits = _waits(plan, table["cloudwatch.alarm.put_rate"], table["scheduler.create_group_rate"])
    return Report(collected.findings(), tuple(waits))


class _Collected:
    """The fullest subject of each quota and place, and everything from 80% on."""

    def __init__(self) -> None:
        self._fullest: dict[tuple[str, str], Finding] = {}
        self._close: dict[tuple[str, str, str], Finding] = {}

    def add(self, measure: Measure, quota: Quota, place: str) -> None:
        known = self._fullest.get((quota.key, place))
        fuller = known is None or (measure.used, known.subject) > (known.used, measure.subject)
        if not fuller and measure.used < NEAR * quota.value:
            return
        finding = Finding(quota, measure.subject, measure.used, place, measure.per_tenant, measure.per_kpi)
        if fuller:
            self._fullest[quota.key, place] = finding
        if finding.level is Level.OK:
            return
        same = self._close.get((quota.key, measure.subject, place))
        if same is None or same.used < finding.used:
            self._close[quota.key, measure.subject, place] = finding

    def findings(self) -> tuple[Finding, ...]:
        """The fullest first."""
        found = {(each.quota.key, each.subject, each.place): each for each in self._fullest.values()} | self._close
        return tuple(sorted(found.values(), key=lambda each: (-each.share, each.quota.key, each.subject, each.place)))


def _measures(plan: Plan) -> Iterator[Measure]:
    yield from measure_cloudwatch(plan)
    yield from measure_runs(plan)
    yield from measure_account(plan)


def _waits(plan: Plan, alarms: Quota, groups: Quota) -> Iterator[tuple[str, float]]:
    count = sum(len(each.alarms.metrics) + len(each.alarms.composites) for each in plan.renderings.values())
    yield f"{count} alarms at {alarms.value} PutMetricAlarm a second", count / alarms.value
    yield f"{len(plan.tenants)} schedule groups at {groups.value} CreateScheduleGroup a second", len(plan.tenants) / groups.value


def message(findings: Iterable[Finding]) -> str:
    """Findings as one readable message, one line each."""
    lines = [f"- {finding}" for finding in findings]
    count = f"{len(lines)} limit{'' if len(lines) == 1 else 's'} of AWS"
    return "\n".join(
        [f"the plan exceeds {count}, so deploying it would fail part of the way:", *lines, "`kpi limits` shows the whole plan"]
    )


def number(value: float) -> str:
    """A count without needless digits: `1,024`, `0.35`."""
    return f"{value:,.0f}" if value == int(value) or value >= 100 else f"{value:,.2f}"  # noqa: PLR2004 - digits that matter
