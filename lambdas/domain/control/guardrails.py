"""The guardrails (K31): what must hold before a version moves, whoever asks and whoever signed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kpis.common import Environment
from kpis.schema import Kpi, Source
from lambdas.domain.control.catalog import ORDER
from lambdas.domain.control.policy import Policy, is_open, next_open
from lambdas.domain.control.requests import Gate
from lambdas.domain.control.states import Guard
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.timestamps import iso, parse

Judge = Callable[[Kpi, Mapping[str, Source]], Sequence[str]]
"""What is wrong with a definition and the sources it reads, as sentences."""
_NAMED = 20
"""How many KPIs a message names."""


@dataclass(frozen=True)
class Situation:
    """All a guardrail may look at. `neighbours` are KPIs that run in the environment; all that read this one are among them.

    `active` is what runs of the KPI; `base` that, or else the newest version that ever ran. `ran` counts a canary, `was_live` does not.
    """

    tenant_id: str
    environment: Environment
    kpi: Kpi
    at: datetime
    policy: Policy
    sources: Mapping[str, Source] = field(default_factory=dict[str, Source])
    judge: Judge = lambda _kpi, _sources: ()
    active: Kpi | None = None
    base: Kpi | None = None
    ran: bool = False
    promoted_from: str = ""
    was_live: bool = False
    canary: str | None = None
    retire_after: str = ""
    break_glass: bool = False
    gates: tuple[Gate, ...] = ()
    healthy: str | None = None
    dead_upstreams: Callable[[], Sequence[str]] = lambda: ()
    against_the_stream: Callable[[], Sequence[str]] = lambda: ()
    neighbours: Callable[[], Sequence[Kpi]] = lambda: ()


def broken(guards: Sequence[Guard], situation: Situation) -> list[str]:
    """What does not hold, each as `guardrail: sentence`, in the order of the guards."""
    return [f"{guard}: {problem}" for guard in guards for problem in _GUARDS[guard](situation)]


def enforce(guards: Sequence[Guard], situation: Situation) -> None:
    """Let pass only what every guard allows.

    Raises:
        KpiError: POLICY_DENY, naming every guardrail that does not hold.
    """
    problems = broken(guards, situation)
    if problems:
        raise KpiError(ErrorCode.POLICY_DENY, f"{situation.kpi.id} {situation.kpi.contract_version}: " + "; ".join(problems))


def _sound(s: Situation) -> Iterator[str]:
    if s.tenant_id not in s.kpi.tenants:
        yield f"its definition is for {', '.join(s.kpi.tenants)}, not for {s.tenant_id}"
    if s.environment not in s.kpi.environments:
        yield f"its definition is for {', '.join(s.kpi.environments)}, not for {s.environment}"
    if any(ref.kpi == s.kpi.id for ref in s.kpi.kpi_sources):
        yield "it reads itself"
    for ref in s.kpi.gdp_sources:
        source = s.sources.get(ref.gdp)
        if source is None:
            yield f"it reads {ref.gdp}, which is not a declared source"
        elif unknown := sorted(set(ref.attributes) - set(source.columns)):
            yield f"it reads {', '.join(unknown)} of {ref.gdp}, which has no such columns"
    yield from s.judge(s.kpi, s.sources)


def _first_environment(s: Situation) -> Iterator[str]:
    listed = [each for each in ORDER if each in s.kpi.environments]
    if listed and s.environment in listed and s.environment is not listed[0]:
        yield f"it lives in {listed[0]} first; create it there and promote it"


def _gates_passed(s: Situation) -> Iterator[str]:
    if s.promoted_from and not s.was_live:
        yield f"it was promoted from {s.promoted_from} and never went live here; promote it again, which looks at the gates of now"


def _bump_fits(s: Situation) -> Iterator[str]:
    if s.base is None or (s.base.contract_version == s.kpi.contract_version and s.ran):
        return
    from kpis.compat import Bump, actual_bump, required_bump  # brings the SQL parser along

    needed, why = required_bump(s.base, s.kpi)
    actual = actual_bump(s.base.contract_version, s.kpi.contract_version)
    if actual is None or actual is Bump.NONE:
        yield f"{s.base.contract_version} is the newest that ran; versions only go up (a rollback goes back)"
    elif actual < needed:
        yield f"{why} since {s.base.contract_version}, which needs a {needed.name.lower()} version"


def _never_ran(s: Situation) -> Iterator[str]:
    if s.ran:
        yield "it ran, and logs name it; make a new version of it"
    elif s.promoted_from:
        yield f"it was promoted from {s.promoted_from}; make a new version there"


def _no_canary(s: Situation) -> Iterator[str]:
    if s.canary is not None:
        yield f"a canary of {s.canary} is under way; promote or abort it first"


def _has_sla(s: Situation) -> Iterator[str]:
    if not s.kpi.sla:
        yield "it has no SLA; add at least one row to sla"


def _has_rules(s: Situation) -> Iterator[str]:
    for name, rules in (("pre_validation", s.kpi.pre_validation), ("post_validation", s.kpi.post_validation)):
        if not rules:
            yield f"it has no {name} rule; a run without rules is never a success"


def _upstreams_active(s: Situation) -> Iterator[str]:
    dead = s.dead_upstreams()
    if dead:
        yield f"it reads {', '.join(dead)}, not active in {s.environment}; publish upstreams first"
    yield from s.against_the_stream()


def _gates(s: Situation) -> Iterator[str]:
    for gate in s.gates:
        if not gate.passed:
            yield f"{gate.name}, found {gate.found}"


def _in_window(s: Situation) -> Iterator[str]:
    if not s.break_glass and not is_open(s.policy, s.at):
        following = next_open(s.policy, s.at)
        yield f"changes go live in change windows; the next opens {iso(following) if following else 'in none of the next three months'}"


def _baseline(s: Situation) -> Iterator[str]:
    if s.active is None:
        yield "nothing is active to compare it with; publish it"


def _no_readers(s: Situation) -> Iterator[str]:
    readers = sorted(kpi.id for kpi in s.neighbours() if any(ref.kpi == s.kpi.id for ref in kpi.kpi_sources))
    if readers and s.active is not None and s.active.contract_version == s.kpi.contract_version:
        yield f"{_some(readers)} read it and are active; retire or change them first"
        return
    pinned = sorted(
        kpi.id for kpi in s.neighbours() if any(ref.kpi == s.kpi.id and ref.version == s.kpi.contract_version for ref in kpi.kpi_sources)
    )
    if pinned:
        yield f"{_some(pinned)} read exactly this version; change them first"


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _grace_over(s: Situation) -> Iterator[str]:
    if s.retire_after and s.at < parse(s.retire_after):
        yield f"its consumers were promised it until {s.retire_after}"


def _last_healthy(s: Situation) -> Iterator[str]:
    if s.healthy is None:
        yield "no earlier version is known that ran healthily and whose upstreams are active; pause it or publish a fix"


_GUARDS: Mapping[Guard, Callable[[Situation], Iterator[str]]] = {
    Guard.SOUND: _sound,
    Guard.FIRST_ENVIRONMENT: _first_environment,
    Guard.GATES_PASSED: _gates_passed,
    Guard.BUMP_FITS: _bump_fits,
    Guard.NEVER_RAN: _never_ran,
    Guard.NO_CANARY: _no_canary,
    Guard.HAS_SLA: _has_sla,
    Guard.HAS_RULES: _has_rules,
    Guard.UPSTREAMS_ACTIVE: _upstreams_active,
    Guard.GATES: _gates,
    Guard.IN_WINDOW: _in_window,
    Guard.BASELINE: _baseline,
    Guard.NO_READERS: _no_readers,
    Guard.GRACE_OVER: _grace_over,
    Guard.LAST_HEALTHY: _last_healthy,
}
