"""What is planned, as plain data: the stacks, the dictionary's load and what was rendered. Infra and the command line build it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from alerts.specs import AlarmSet
from dashboards.model import Dashboard
from kpis.common import Lane, Level, Status
from kpis.hashing import canonical_json
from kpis.schema import Dictionary, Kpi, Source, Trigger

ENDPOINT_ZONES = 2
_RUNNABLE = frozenset({Status.ACTIVE, Status.DEPRECATED})


class StackKind(StrEnum):
    """Kinds of stacks that cost or count."""

    PLATFORM = "platform"
    TENANT = "tenant"


class ResultStore(StrEnum):
    """Where results are kept."""

    EXTERNAL = "external"
    AURORA = "aurora"
    REDSHIFT = "redshift"


@dataclass(frozen=True)
class NetworkPlan:
    """The private network: interface endpoints stand in each of `zones` availability zones."""

    interface_endpoints: tuple[str, ...] = ()
    nat: bool = False
    zones: int = ENDPOINT_ZONES


@dataclass(frozen=True)
class StackPlan:
    """One stack, as its config says. Fields that a kind does not have keep their defaults.

    `alert_emails` and `alert_subscriptions` are counts; `budget_subscribers` is 0 without a budget; `more_dashboards` asks for those of
    every pack (platform) or of every view (tenant); `light_states` and `heavy_states` are the states a run of a lane enters; `tags` are
    all of the stack's.
    """

    name: str
    kind: StackKind
    deployment: str
    account_id: str
    region: str
    tenant: str = ""
    environment: str = ""
    network: NetworkPlan = NetworkPlan()
    result_store: ResultStore = ResultStore.EXTERNAL
    log_retention_days: int = 365
    log_table_retention_months: int = 24
    backup_retention_days: int = 35
    heavy_cpu: int = 1024
    heavy_memory_mib: int = 4096
    alert_emails: int = 0
    alert_subscriptions: int = 0
    budget_subscribers: int = 0
    more_dashboards: bool = False
    light_states: int = 6
    heavy_states: int = 6
    tags: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def prefix(self) -> str:
        """What the names of everything in the stack begin with."""
        stem = f"kpi-{self.deployment}"
        return f"{stem}-{self.tenant}-{self.environment}" if self.kind is StackKind.TENANT else stem


@dataclass(frozen=True)
class KpiLoad:
    """What one KPI asks of AWS. Sizes in bytes; `upstream` are the KPIs it reads, `retries` the attempts after the first."""

    id: str
    name_bytes: int
    tenants: tuple[str, ...]
    environments: tuple[str, ...]
    runnable: bool
    tier: int
    criticality: Level
    lane: Lane
    trigger: Trigger
    cron: str | None
    timezone: str
    event: str | None
    upstream: tuple[str, ...]
    sources: int
    pre_rules: int
    post_rules: int
    retries: int
    definition_bytes: int
    sources_bytes: int

    def runs_for(self, stack: StackPlan) -> bool:
        """Whether the KPI runs in a tenant's stack."""
        return self.runnable and stack.tenant in self.tenants and stack.environment in self.environments


def load_of(kpi: Kpi, sources: Mapping[str, Source]) -> KpiLoad:
    """The load of a KPI; `sources` by id hold at least those it reads."""
    return KpiLoad(
        id=kpi.id,
        name_bytes=len(kpi.name.encode()),
        tenants=kpi.tenants,
        environments=kpi.environments,
        runnable=kpi.status in _RUNNABLE,
        tier=kpi.tier,
        criticality=kpi.criticality,
        lane=kpi.lane,
        trigger=kpi.schedule.trigger,
        cron=kpi.schedule.cron,
        timezone=kpi.schedule.timezone,
        event=kpi.schedule.event,
        upstream=tuple(source.kpi for source in kpi.kpi_sources),
        sources=len(kpi.sources),
        pre_rules=len(kpi.pre_validation),
        post_rules=len(kpi.post_validation),
        retries=kpi.error_policy.retry.count,
        definition_bytes=len(canonical_json(kpi).encode()),
        sources_bytes=sum(len(canonical_json(sources[ref.gdp]).encode()) for ref in kpi.gdp_sources),
    )


def loads_of(dictionary: Dictionary) -> tuple[KpiLoad, ...]:
    """The load of every KPI, by id."""
    sources = {source.id: source for source in dictionary.sources}
    return tuple(load_of(kpi, sources) for kpi in sorted(dictionary.kpis, key=lambda each: each.id))


@dataclass(frozen=True)
class Rendering:
    """What a stack declares from the dictionary; `mute_rules` are the alarms of each mute rule by its name."""

    dashboards: Sequence[Dashboard]
    alarms: AlarmSet
    mute_rules: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])


@dataclass(frozen=True)
class Measure:
    """How much of a quota something takes. `per_tenant` and `per_kpi` say how much one more of these would add."""

    quota: str
    subject: str
    used: float
    per_tenant: float = 0
    per_kpi: float = 0


@dataclass(frozen=True)
class Plan:
    """A deployment as planned: its stacks, the load of its KPIs, renderings by stack name, and what infra measured itself."""

    stacks: tuple[StackPlan, ...]
    loads: tuple[KpiLoad, ...]
    renderings: Mapping[str, Rendering]
    measures: tuple[Measure, ...] = ()

    @property
    def tenants(self) -> tuple[StackPlan, ...]:
        """The tenant stacks."""
        return tuple(stack for stack in self.stacks if stack.kind is StackKind.TENANT)

    @property
    def platforms(self) -> tuple[StackPlan, ...]:
        """The platform stacks."""
        return tuple(stack for stack in self.stacks if stack.kind is StackKind.PLATFORM)

    def of_region(self) -> Iterable[tuple[str, Plan]]:
        """The plan split by account and Region, which is what most quotas count over; the key reads `123456789012 us-east-1`."""
        places = sorted({(stack.account_id, stack.region) for stack in self.stacks})
        for account, region in places:
            stacks = tuple(stack for stack in self.stacks if (stack.account_id, stack.region) == (account, region))
            names = {stack.name for stack in stacks}
            renderings = {name: rendering for name, rendering in self.renderings.items() if name in names}
            yield f"{account} {region}", Plan(stacks, self.loads, renderings, self.measures)
