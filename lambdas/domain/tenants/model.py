"""Settings of a tenant in an environment: what its stack deployed, what administrators decided, and the two together (K26, K31)."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import Annotated, TypeVar
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from kpis.common import Environment, Frozen, Identifier, KpiId, Name
from lambdas.domain.control.policy import Policy
from lambdas.domain.limits.limiter import Limits
from lambdas.domain.timestamps import parse

_DAYS = 7
YEARS = range(2000, 2200)
"""Of holidays and freezes: moments near the ends of what a calendar holds cannot be moved between time zones."""
LONGEST = timedelta(days=3660)
"""Of the durations in the rules of change."""
MOST_WINDOWS, MOST_FREEZES = 20, 50
MOST_DASHBOARDS = 20
"""Of single KPIs; each costs 3 USD a month (CloudWatch pricing)."""
Model = TypeVar("Model", bound=Frozen)


@cache
def _time_zones() -> frozenset[str]:
    """Every IANA time zone; finding them reads hundreds of files."""
    return frozenset(available_timezones())


def _time_zone(name: str) -> str:
    if name not in _time_zones():
        raise ValueError("not an IANA time zone, such as Europe/Berlin")
    return name


def _day(text: str) -> str:
    found = date.fromisoformat(text)
    _near(found.year)
    return found.isoformat()


def _near(year: int) -> None:
    if year not in YEARS:
        raise ValueError(f"the year {year} is not from {YEARS[0]} to {YEARS[-1]}")


def _usable(policy: Policy) -> Policy:
    """The rules of change, when every moment in them can be computed."""
    _time_zone(policy.timezone)
    if any(len(set(window.days)) != len(window.days) or not set(window.days) <= set(range(_DAYS)) for window in policy.windows):
        raise ValueError("days of windows are 0 (Monday) to 6 (Sunday), each once")
    if len(policy.windows) > MOST_WINDOWS or len(policy.freezes) > MOST_FREEZES:
        raise ValueError(f"there are at most {MOST_WINDOWS} windows and {MOST_FREEZES} freezes")
    for freeze in policy.freezes:
        start, until = parse(freeze.start), parse(freeze.until)
        _near(start.year)
        _near(until.year)
        if start >= until:
            raise ValueError(f"the freeze '{freeze.reason}' ends before it starts")
    times = (policy.request_expires, policy.publish_within, policy.grace, policy.global_pause_at_most, policy.gates.soak)
    if max(times) > LONGEST:
        raise ValueError(f"a duration is at most {LONGEST.days}d")
    return policy


def _each_once(kpi_ids: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(kpi_ids)) != len(kpi_ids):
        raise ValueError("a KPI is named twice")
    return kpi_ids


TimeZone = Annotated[str, AfterValidator(_time_zone)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Day = Annotated[str, AfterValidator(_day)]
Rules = Annotated[Policy, AfterValidator(_usable)]
Dashboards = Annotated[tuple[KpiId, ...], Field(max_length=MOST_DASHBOARDS), AfterValidator(_each_once)]


class Holiday(Frozen):
    """A day of the tenant's calendar, in its time zone."""

    date: Day
    name: Name


class Calendar(Frozen):
    """Holidays. No change goes live on one; KPIs run on them as on other days."""

    holidays: tuple[Holiday, ...] = Field(default=(), max_length=400)


class Governance(Frozen):
    """Rules that the stack's config may set; what it leaves out has the defaults of the product."""

    policy: Rules = Policy()
    limits: Limits = Limits()
    calendar: Calendar = Calendar()


class Deployed(BaseModel):
    """The part of the stack's registration that settings are made of; the rest of the row is for the engine."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    display_name: str = ""
    timezone: TimeZone = "UTC"
    currency: Currency = "USD"
    governance: Governance = Governance()
    sources: tuple[Identifier, ...] = ()


class Overrides(Frozen):
    """What administrators decided instead of what was deployed; what is left out stays as deployed.

    `policy` is laid over the deployed rules member by member; `calendar` and `limits` replace them. `dashboards` are the KPIs that get a
    CloudWatch dashboard of their own while they run.
    """

    timezone: TimeZone | None = None
    currency: Currency | None = None
    calendar: Calendar | None = None
    policy: Rules | None = None
    limits: Limits | None = None
    dashboards: Dashboards | None = None


class Effective(Frozen):
    """Settings as they apply. `policy.timezone` is the tenant's unless the rules name one of their own."""

    tenant_id: str
    environment: Environment
    display_name: str
    timezone: str
    currency: str
    calendar: Calendar
    policy: Policy
    limits: Limits
    dashboards: tuple[KpiId, ...] = ()


def effective(tenant_id: str, environment: Environment, deployed: Deployed, overrides: Overrides) -> Effective:
    """What was deployed with what was decided on top."""
    rules = deployed.governance
    timezone = overrides.timezone or deployed.timezone
    policy = _over(rules.policy, overrides.policy)
    if "timezone" not in rules.policy.model_fields_set | (overrides.policy.model_fields_set if overrides.policy else set()):
        policy = policy.model_copy(update={"timezone": timezone})
    return Effective(
        tenant_id=tenant_id,
        environment=environment,
        display_name=deployed.display_name or tenant_id,
        timezone=timezone,
        currency=overrides.currency or deployed.currency,
        calendar=overrides.calendar or rules.calendar,
        policy=policy,
        limits=overrides.limits or rules.limits,
        dashboards=overrides.dashboards or (),
    )


def _over(base: Model, changes: Model | None) -> Model:
    """A model with the members that another one names."""
    if changes is None:
        return base
    return base.model_copy(update={name: getattr(changes, name) for name in changes.model_fields_set})
