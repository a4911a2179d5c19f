"""What the templates know of one KPI: its texts, and its shape, which many KPIs share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from alerts.prometheus.lateness import data_limit, result_limit
from alerts.prometheus.slo import Objective, objective_of
from kpis import prometheus_names as names
from kpis.artifact import Surroundings
from kpis.burn import Urgency, severity_of
from kpis.common import Level, Status
from kpis.schema import Kpi
from kpis.slo import slo_of

RUNNABLE = frozenset({Status.ACTIVE, Status.DEPRECATED})
"""Versions that run, and so must be watched."""


@dataclass(frozen=True)
class Links:
    """Where an alert sends its reader.

    Attributes:
        runbooks: folder or URL of the runbook pages, which are called `<ID>.md`.
        dashboards: the Grafana dashboard about one KPI, which takes its id, tenant and environment as variables.
    """

    runbooks: str = "docs/runbooks/kpis"
    dashboards: str = "/d/kpis-kpi"


@dataclass(frozen=True)
class Scope:
    """One tenant and environment a KPI runs for."""

    tenant_id: str
    environment: str


@dataclass(frozen=True)
class Shape:
    """What decides how the rules of a KPI look; limits are in seconds."""

    tier: str
    page_severity: Level
    ticket_severity: Level
    scopes: tuple[Scope, ...]
    slo: Objective
    result_limit: int
    data_limit: int

    def severity(self, urgency: Urgency) -> Level:
        """A page is as severe as the KPI is critical, a ticket one level less."""
        return self.page_severity if urgency == Urgency.PAGE else self.ticket_severity

    def scope_match(self, scope: Scope, match: str) -> str:
        """The matcher of one tenant's series; `absent` takes the labels of its alert from it."""
        tenant, environment = names.label_value(scope.tenant_id), names.label_value(scope.environment)
        return f"{names.TENANT_ID}={tenant}, {names.ENVIRONMENT}={environment}, {match}"


@dataclass(frozen=True)
class Texts:
    """What the dictionary, the definition and the links say of one KPI; anything may be in it but in ids, versions and hashes."""

    id: str
    name: str
    pack: str
    purpose: str
    owner: str
    business_owner: str
    contract_version: str
    definition_hash: str
    runbook_url: str
    dashboard_url: str

    @property
    def match(self) -> str:
        """The KPI's label matchers in PromQL. An id and a pack hold no character that would need an escape."""
        return f'{names.KPI_ID}="{self.id}", {names.PACK}="{self.pack}"'


def shape_of(kpi: Kpi) -> Shape:
    """The shape of a KPI."""
    return Shape(
        tier=str(kpi.tier),
        page_severity=kpi.criticality,
        ticket_severity=severity_of(kpi.criticality, Urgency.TICKET),
        scopes=_scopes(kpi.tenants, kpi.environments),
        slo=objective_of(slo_of(kpi)),
        result_limit=result_limit(kpi),
        data_limit=data_limit(kpi),
    )


def texts_of(kpi: Kpi, around: Surroundings, links: Links) -> Texts:
    """The texts of a KPI."""
    return Texts(
        id=kpi.id,
        name=kpi.name,
        pack=kpi.pack,
        purpose=kpi.purpose,
        owner=kpi.owners.technical,
        business_owner=kpi.owners.business,
        contract_version=kpi.contract_version,
        definition_hash=around.hash_of(kpi),
        runbook_url=f"{links.runbooks}/{kpi.id}.md",
        dashboard_url=f"{links.dashboards}?var-kpi_id={kpi.id}",
    )


@cache
def _scopes(tenants: Iterable[str], environments: Iterable[str]) -> tuple[Scope, ...]:
    return tuple(Scope(tenant, environment) for tenant in sorted(tenants) for environment in sorted(environments))
