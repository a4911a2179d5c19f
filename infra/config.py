"""Stack configuration: typed, complete and checked before the first resource is declared."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel

from alerts.mute_rules import MuteScope, Window
from alerts.mute_schedule import duration_of, schedule_problem


class Section(BaseModel):
    """A frozen part of a config file; keys are camelCase, unknown ones refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class FunctionTarget(StrEnum):
    """What function packages are built for."""

    LOCAL_PYTHON = "local-python"
    AWS_ARM64 = "aws-arm64"


class ResultStore(StrEnum):
    """Where results are kept; `external` is a PostgreSQL the platform only knows by its secret."""

    EXTERNAL = "external"
    AURORA = "aurora"
    REDSHIFT = "redshift"


def _number(value: object) -> object:
    """Scalars of a config file arrive as text, which a choice of numbers does not convert by itself."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


@cache
def _time_zones() -> frozenset[str]:
    """Every IANA time zone; finding them reads hundreds of files."""
    return frozenset(available_timezones())


def _time_zone(name: str) -> str:
    if name not in _time_zones():
        raise ValueError("not a time zone")
    return name


def _schedule(expression: str) -> str:
    problem = schedule_problem(expression)
    if problem is not None:
        raise ValueError(problem)
    return expression


def _duration(text: str) -> str:
    duration_of(text)
    return text


def _near(year: int) -> None:
    if year not in range(2000, 2200):
        raise ValueError("not a year from 2000 to 2199")


def _moment(text: str) -> datetime:
    """A date or moment; without an offset it is UTC."""
    found = datetime.fromisoformat(text)
    _near(found.year)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _is_span(text: str) -> str:
    """A number and a unit, at most ten years."""
    if int(text[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[text[-1]] > 3660 * 86_400:
        raise ValueError("longer than 3660d")
    return text


def _is_moment(text: str) -> str:
    _moment(text)
    return text


def _is_day(text: str) -> str:
    found = date.fromisoformat(text)
    _near(found.year)
    return found.isoformat()


LogRetention = Annotated[
    Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
    BeforeValidator(_number),
]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Moment = Annotated[str, AfterValidator(_is_moment)]
Day = Annotated[str, AfterValidator(_is_day)]
Weekday = Annotated[int, Field(ge=0, le=6)]
ClockTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Duration = Annotated[str, Field(pattern=r"^[0-9]{1,9}[smhd]$"), AfterValidator(_is_span)]
Minute = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:00Z$")]


class Common(Section):
    """What every stack's config has."""

    account_id: str = Field(
        pattern=r"^\d{12}$", description="the 12 digits of the AWS account, in quotes; credentials of another are refused"
    )
    protect: bool = Field(default=True, description="true or false; true guards records against deletion")
    log_retention_days: LogRetention = Field(default=365, description="a number of days that CloudWatch Logs accepts, such as 30 or 365")
    packs: str = Field(default="kpis/packs", min_length=1, description="the folder of dictionary packs, from the repository root")
    tags: dict[str, str] = Field(default_factory=dict, description="a map of additional tags, texts to texts")
    alarm_actions: bool = Field(default=True, description="true or false; false declares alarms that do not act (embedded: the agent acts)")
    monthly_budget_usd: float | None = Field(
        default=None, gt=0, description="a positive number of US dollars a month, or absent for no budget"
    )
    budget_emails: tuple[Email, ...] = Field(default=(), description="a list of e-mail addresses told at 80% and 100% of the budget")
    docs_url: str | None = Field(
        default=None,
        pattern=r"^https://[^\s()<>]+[^\s()<>/]$",
        description="where this repository is published, such as https://github.com/acme/kpi/blob/main: runbook links lead there",
    )


class Network(Section):
    """The private network of functions and tasks that reach a warehouse."""

    cidr: str = Field(default="10.42.0.0/16", pattern=r"^\d{1,3}(\.\d{1,3}){3}/16$", description="a /16 IPv4 range such as 10.42.0.0/16")
    interface_endpoints: tuple[str, ...] = Field(
        default=("secretsmanager", "kms", "events", "states", "logs", "sts", "ecr.api", "ecr.dkr"),
        description="a list of AWS service names that get an interface endpoint (about 7 USD a month each, a zone)",
    )
    nat: bool = Field(default=False, description="true for a NAT gateway (about 33 USD a month and traffic), for warehouses outside AWS")


class Api(Section):
    """The control plane's HTTP API."""

    throttle_rate: int = Field(default=100, ge=1, le=10_000, description="requests a second, 1 to 10000")
    throttle_burst: int = Field(default=200, ge=1, le=5_000, description="requests at once, 1 to 5000")
    cors_origins: tuple[str, ...] = Field(
        default=(), description="a list of origins, such as https://portal.example.com, that may call from a browser"
    )
    custom_id: str | None = Field(
        default=None, pattern=r"^[a-z0-9-]{3,20}$", description="3 to 20 lower-case letters, digits or hyphens (embedded only)"
    )


class Heavy(Section):
    """The Fargate lane."""

    cpu: Annotated[Literal[256, 512, 1024, 2048, 4096], BeforeValidator(_number)] = Field(
        default=1024, description="CPU units: 256, 512, 1024, 2048 or 4096"
    )
    memory: int = Field(default=4096, ge=512, le=30_720, description="MiB that Fargate offers with that cpu, such as 4096")
    image_tag: str = Field(default="current", description="the tag of the runner image in the platform's repository")


class AuditLock(Section):
    """Object Lock of the audit bucket."""

    mode: Literal["GOVERNANCE", "COMPLIANCE"] = Field(
        default="COMPLIANCE", description="GOVERNANCE or COMPLIANCE (which nobody can shorten)"
    )
    days: int = Field(default=2557, ge=1, le=36_500, description="days an audit object cannot be deleted (2557 = 7 years)")


class AlertTopics(Section):
    """Who is told, by topic."""

    cfo_office: tuple[Email, ...] = Field(default=(), description="a list of e-mail addresses")
    ops: tuple[Email, ...] = Field(default=(), description="a list of e-mail addresses")
    data_quality: tuple[Email, ...] = Field(default=(), description="a list of e-mail addresses")
    platform_engineering: tuple[Email, ...] = Field(default=(), description="a list of e-mail addresses")

    def of(self, topic: str) -> tuple[Email, ...]:
        """The addresses of a topic by its physical name, such as `cfo-office`."""
        addresses: tuple[Email, ...] = getattr(self, topic.replace("-", "_"))
        return addresses


class MuteWindow(Section):
    """A time in which alarms tell nobody. What else can be wrong with it is found when it meets the alarms (`alerts.mute_rules`)."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9-]{1,39}$", description="2 to 40 lower-case letters, digits and hyphens, such as weekly-patching"
    )
    reason: str = Field(min_length=1, max_length=400, description="why, for whoever wonders about the silence; up to 400 characters")
    schedule: Annotated[str, AfterValidator(_schedule)] = Field(
        description="cron(minutes hours day-of-month month day-of-week) with * - and , and names of days, such as cron(0 2 * * SUN), "
        "or at(yyyy-MM-ddThh:mm)"
    )
    duration: Annotated[str, AfterValidator(_duration)] = Field(
        description="an ISO 8601 duration from PT1M to P15D, such as PT4H or P1DT12H"
    )
    timezone: Annotated[str, AfterValidator(_time_zone)] = Field(default="UTC", description="an IANA time zone, such as Europe/Berlin")
    scope: MuteScope = Field(default=MuteScope.ROUTINE, description="routine (all but critical alarms) or all")
    alarms: tuple[str, ...] = Field(default=(), description="a list of keys of alarms, such as function-errors, instead of a scope")
    starts: Minute | None = Field(default=None, description="the minute from which it recurs, in UTC, such as 2026-12-01T00:00:00Z")
    expires: Minute | None = Field(default=None, description="the minute until which it recurs, in UTC, such as 2026-12-31T23:59:00Z")

    def window(self) -> Window:
        """The window as alarms know it."""
        return Window(**dict(self))


class PlatformConfig(Common):
    """Config of `platform.<deployment>`."""

    function_target: FunctionTarget = Field(default=FunctionTarget.AWS_ARM64, description="aws-arm64 or local-python (embedded)")
    result_store: ResultStore = Field(
        default=ResultStore.AURORA, description="aurora, redshift or external (a PostgreSQL known by its secret only)"
    )
    network: Network = Field(default=Network(), description="a section with cidr, interfaceEndpoints, nat")
    api: Api = Field(default=Api(), description="a section with throttleRate, throttleBurst, corsOrigins, customId")
    heavy: Heavy = Field(default=Heavy(), description="a section with cpu, memory, imageTag")
    audit_lock: AuditLock = Field(default=AuditLock(), description="a section with mode, days")
    alerts: AlertTopics = Field(default=AlertTopics(), description="a section with cfoOffice, ops, dataQuality, platformEngineering")
    change_windows: tuple[MuteWindow, ...] = Field(
        default=(), max_length=5, description="up to 5 windows of name, reason, schedule, duration in which the platform's alarms are mute"
    )
    pack_dashboards: bool = Field(default=False, description="true for a dashboard of each pack as well (3 USD a month each)")
    backup_retention_days: int = Field(default=35, ge=1, le=3650, description="days a daily backup is kept, 1 to 3650")


EXTRAS = 8
"""Resources that a tenant may opt into: routes of its alerts, maintenance windows, dashboards beside its overview."""
DASHBOARDS = 4


class Route(Section):
    """One subscription of a tenant's alerts."""

    severity: Literal["low", "medium", "high", "critical"] = Field(description="low, medium, high or critical")
    protocol: Literal["email", "https", "sqs", "lambda"] = Field(description="email, https, sqs or lambda")
    endpoint: str = Field(min_length=3, description="an address that fits the protocol")


class Limits(Section):
    """Calls a minute of a tenant, all its people together: the most that its administrators may set."""

    reads: int = Field(default=600, ge=1, le=1_000_000, description="reads a minute, 600 unless given")
    writes: int = Field(default=120, ge=1, le=1_000_000, description="writes a minute, 120 unless given")


class ChangeHours(Section):
    """Hours of some weekdays in which changes go live."""

    days: tuple[Weekday, ...] = Field(min_length=1, description="a list of weekdays, 0 (Monday) to 6 (Sunday)")
    start: ClockTime = Field(description="a time of the day, such as 08:00")
    end: ClockTime = Field(description="a time of the day, such as 18:00; before start it is on the day after")


class Freeze(Section):
    """A time without changes."""

    start: Moment = Field(description="a date or moment in ISO 8601, inclusive, such as 2026-12-20")
    until: Moment = Field(description="a date or moment in ISO 8601 after the start, exclusive, such as 2027-01-04")
    reason: str = Field(min_length=1, max_length=400, description="why, up to 400 characters")

    @field_validator("until")
    @classmethod
    def _after_the_start(cls, until: str, info: ValidationInfo) -> str:
        start = info.data.get("start")
        if start is not None and _moment(until) <= _moment(start):
            raise ValueError("not after the start")
        return until


class Gates(Section):
    """What a version must show in the environment before, to be promoted."""

    soak: Duration = Field(default="1d", description="a number and s, m, h or d, such as 12h: how long it must have run there")
    runs: int = Field(default=3, ge=0, description="runs it must have made there, 0 or more")
    failed_share: float = Field(default=0.0, ge=0, le=1, description="the share of runs that may have failed, 0 to 1")


class Approvers(Section):
    """Who may sign each side; whoever the policies allow where nobody is named."""

    business: tuple[str, ...] = Field(default=(), max_length=50, description="a list of subjects (sub of the token), or none")
    technical: tuple[str, ...] = Field(default=(), max_length=50, description="a list of subjects (sub of the token), or none")


class ChangePolicy(Section):
    """Rules of change (K31). What is left out has the defaults of the control plane; administrators may change them later."""

    timezone: Annotated[str, AfterValidator(_time_zone)] = Field(
        default="UTC", description="an IANA time zone for the windows; the tenant's unless given"
    )
    windows: tuple[ChangeHours, ...] = Field(
        default=(), max_length=20, description="up to 20 of days, start, end; none: changes go live at any hour"
    )
    freezes: tuple[Freeze, ...] = Field(default=(), max_length=50, description="up to 50 of start, until, reason")
    request_expires: Duration = Field(default="14d", description="how long a request waits for its signatures, such as 14d")
    publish_within: Duration = Field(default="7d", description="how long an approved request may wait to go live, such as 7d")
    grace: Duration = Field(default="30d", description="how long a deprecated version still runs, such as 30d")
    global_pause_at_most: Duration = Field(default="1d", description="the longest pause of everything, such as 12h")
    gates: Gates = Field(default=Gates(), description="a section with soak, runs, failedShare")
    packs: Literal["by_environment", "direct", "requests"] = Field(
        default="by_environment", description="by_environment, direct or requests: how changed packs come in after onboarding"
    )
    approvers: Approvers = Field(default=Approvers(), description="a section with business, technical")


class Holiday(Section):
    """A day on which no change goes live."""

    date: Day = Field(description="a date, such as 2026-12-25")
    name: str = Field(min_length=1, max_length=120, description="its name, up to 120 characters")


class TenantConfig(Common):
    """Config of `<tenant>.<environment>`."""

    platform: str = Field(
        pattern=r"^platform\.[a-z][a-z0-9-]{1,19}$", description="the platform stack it belongs to, such as platform.prod"
    )
    display_name: str = Field(min_length=1, max_length=80, description="the tenant's name as people write it, up to 80 characters")
    timezone: Annotated[str, AfterValidator(_time_zone)] = Field(default="UTC", description="an IANA time zone, such as Europe/Berlin")
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$", description="an ISO 4217 code, such as EUR")
    replay_year: int | None = Field(default=None, ge=1970, le=2100, description="demo tenants only: the year their schedules live in")
    alert_routes: tuple[Route, ...] = Field(default=(), max_length=8, description="up to 8 routes of severity, protocol, endpoint")
    every_dashboard: bool = Field(
        default=False, description="true for the tenant's own executive, ops, dev and data dashboards beside its overview (12 USD a month)"
    )
    maintenance_windows: tuple[MuteWindow, ...] = Field(
        default=(),
        max_length=5,
        validate_default=True,
        description="up to 5 windows of name, reason, schedule, duration in which the tenant's alarms are mute; windows and alertRoutes "
        f"are at most {EXTRAS} together, {EXTRAS - DASHBOARDS} with everyDashboard",
    )
    log_table_retention_months: int = Field(
        default=24, ge=1, le=120, description="months the log tables keep a row before the archive has it alone"
    )
    sources: tuple[str, ...] = Field(
        default=(),
        max_length=200,
        description="golden data tables of the dictionary that KPIs written by the tenant may read, such as GDP_Sales",
    )
    limits: Limits = Field(default=Limits(), description="a section with reads, writes")
    change_policy: ChangePolicy = Field(
        default=ChangePolicy(),
        description="a section with timezone, windows, freezes, requestExpires, publishWithin, grace, globalPauseAtMost, gates, packs, "
        "approvers",
    )
    holidays: tuple[Holiday, ...] = Field(default=(), max_length=400, description="up to 400 of date, name")

    def governance(self) -> dict[str, Any]:
        """What the config says about rules of change, limits, calendar and approvers; the control plane has the defaults of the rest."""
        said: dict[str, Any] = {
            "policy": self.change_policy.model_dump(mode="json", exclude_unset=True),
            "limits": self.limits.model_dump(mode="json", exclude_unset=True),
            "calendar": {"holidays": [each.model_dump(mode="json") for each in self.holidays]} if self.holidays else {},
        }
        return {name: value for name, value in said.items() if value}

    @field_validator("maintenance_windows")
    @classmethod
    def _within_the_budget(cls, windows: tuple[MuteWindow, ...], info: ValidationInfo) -> tuple[MuteWindow, ...]:
        """A stack of a tenant stays below 40 resources, whatever it opts into."""
        routes = len(info.data.get("alert_routes", ()))
        if len(windows) + routes + DASHBOARDS * info.data.get("every_dashboard", False) > EXTRAS:
            raise ValueError(f"{len(windows)} windows and {routes} routes are too many")
        return windows


StackConfig = PlatformConfig | TenantConfig
