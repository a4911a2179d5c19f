"""Mute rules follow pauses: while a KPI is paused, the alarm it has of its own tells nobody (K21).

Only tier-0 KPIs have an alarm of their own, which the tenant's stack declares; a pause of any other KPI needs no rule. Windows of a
stack's config are rules of the stack (docs/adr/0006) and have other names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lambdas.domain.control.pauses import Pause, ScopeKind
from lambdas.domain.drift import Difference, Finding, Grade, Part
from lambdas.domain.timestamps import parse

EXPRESSION, DURATION = "cron(* * * * *)", "PT1H"
"""Mute from every minute on, for an hour. The rule starts in the minute in which the pause starts, and expires with it, so that it is mute
in between whenever it is written and however long the pause is. (A single `at()` window would have to begin in the future and end within
15 days: PutAlarmMuteRule, CloudWatch API reference.)"""
SILENCE = ("missing-runs", "freshness")
"""Alarms of the tenant's stack that ring when nothing runs, as is the case while everything is paused."""
MAX_ALARMS = 100


@dataclass(frozen=True)
class MuteRule:
    """A rule as CloudWatch has it, in UTC; moments have no fractions of seconds."""

    name: str
    alarms: tuple[str, ...]
    starts: datetime
    expires: datetime | None
    description: str
    expression: str = EXPRESSION
    duration: str = DURATION


class MuteRules(Protocol):
    """The mute rules and the names of the alarms of an account and region."""

    def all(self, prefix: str) -> Mapping[str, MuteRule]:
        """Rules whose name begins with a prefix, by name."""
        ...

    def put(self, rule: MuteRule) -> None:
        """Create the rule, or make it what is given."""
        ...

    def delete(self, name: str) -> None:
        """Remove a rule; one that is gone is what was wanted."""
        ...

    def alarms(self, prefix: str) -> Collection[str]:
        """Names of alarms that begin with a prefix."""
        ...


def prefix_of(stem: str) -> str:
    """How the names of a tenant's rules begin; `stem` is what its alarms' names begin with."""
    return f"{stem}-pause-"


def alarm_of(stem: str, kpi_id: str) -> str:
    """The alarm a tier-0 KPI has of its own (alerts/templates/tenant.json.j2)."""
    return f"{stem}-kpi-{kpi_id.lower()}"


def wanted(stem: str, pauses: Iterable[Pause], alarms: Collection[str], at: datetime) -> dict[str, MuteRule]:
    """The rules of pauses that hold or are to come. A pause of one entity mutes nothing: the alarm is about the whole KPI."""
    rules: dict[str, MuteRule] = {}
    for pause in pauses:
        muted = _muted(stem, pause, alarms)
        if not muted or pause.over(at):
            continue
        kind = pause.scope.kpi_id.lower() if pause.scope.kpi_id else "everything"
        name = f"{prefix_of(stem)}{kind}"
        start, end = parse(pause.start), pause.end
        rules[name] = MuteRule(
            name=name,
            alarms=muted,
            # A window opens on the minute, and none that opened before the start of the rule counts.
            starts=start.replace(second=0, microsecond=0),
            expires=end.replace(microsecond=0) if end else None,
            description=f"Pause {pause.pause_id}",
        )
    return rules


def _muted(stem: str, pause: Pause, alarms: Collection[str]) -> tuple[str, ...]:
    if pause.scope.kind is ScopeKind.GLOBAL:
        own = {name for name in alarms if name.startswith(f"{stem}-kpi-")}
        return tuple(sorted(own | ({f"{stem}-{key}" for key in SILENCE} & set(alarms))))[:MAX_ALARMS]
    name = alarm_of(stem, pause.scope.kpi_id or "")
    return (name,) if pause.scope.kind is ScopeKind.KPI and name in alarms else ()


def is_over(rule: MuteRule, at: datetime) -> bool:
    """Whether a rule mutes nothing any more: it is left over from a pause that ended as it was planned to."""
    return rule.expires is not None and rule.expires <= at


def drifted(found: Mapping[str, MuteRule], rules: Mapping[str, MuteRule], at: datetime) -> list[Finding]:
    """What rules there are beside those there should be, by name. Rules that are over are no drift."""
    findings = [
        Finding(Part.MUTE_RULE, name, Difference.MISSING, Grade.MEDIUM, "people are told of a KPI that is paused")
        for name in sorted(set(rules) - set(found))
    ]
    findings += [
        Finding(Part.MUTE_RULE, name, Difference.EXTRA, Grade.HIGH, f"{', '.join(found[name].alarms)}: silent without a pause")
        for name in sorted(set(found) - set(rules))
        if not is_over(found[name], at)
    ]
    for name in sorted(set(found) & set(rules)):
        ours, theirs = vars(rules[name]), vars(found[name])
        differing = sorted(key for key in ours if ours[key] != theirs[key])
        if differing:
            grade = Grade.LOW if differing == ["description"] else Grade.HIGH
            findings.append(Finding(Part.MUTE_RULE, name, Difference.DIFFERENT, grade, ", ".join(differing)))
    return findings


@dataclass(frozen=True)
class MuteKeeper:
    """Keeps a tenant's mute rules in step with its pauses. There are few of either, so it always looks at all of them."""

    rules: MuteRules

    def plan(self, stem: str, pauses: Iterable[Pause], at: datetime) -> list[Finding]:
        """What differs."""
        return drifted(*self._both(stem, pauses, at), at)

    def apply(self, stem: str, pauses: Iterable[Pause], at: datetime) -> list[str]:
        """Bring the rules in step and remove those that are over; answers the names of those that were out of step."""
        found, rules = self._both(stem, pauses, at)
        changed = [finding.name for finding in drifted(found, rules, at)]
        over = {name for name in set(found) - set(rules) if is_over(found[name], at)}
        for name in sorted({*changed, *over}):
            if name in rules:
                self.rules.put(rules[name])
            else:
                self.rules.delete(name)
        return changed

    def _both(self, stem: str, pauses: Iterable[Pause], at: datetime) -> tuple[Mapping[str, MuteRule], Mapping[str, MuteRule]]:
        known = list(pauses)
        found = self.rules.all(prefix_of(stem))
        alarms = self.rules.alarms(f"{stem}-") if any(not pause.over(at) for pause in known) else ()
        return found, wanted(stem, known, alarms, at)
