"""The dictionary at a glance: counts, and one row a KPI with what dashboards and portal list. Small enough to read at every preview."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from kpis.common import Frozen, Grain, Lane, Layer, Level, Status
from kpis.describe import describe_sla
from kpis.hashing import definition_hash
from kpis.schema import Dictionary, Frequency, Kpi, Trigger


class DictionaryRow(Frozen):
    """What a list of KPIs shows of one. `sla` holds one phrase for each SLA, `upstream` the names of its sources."""

    id: str
    name: str
    pack: str
    layer: Layer
    contract_version: str
    definition_hash: str
    status: Status
    parent: str | None
    variant_label: str | None
    tenants: tuple[str, ...]
    environments: tuple[str, ...]
    purpose: str
    business_owner: str
    technical_owner: str
    criticality: Level
    tier: int
    unit: str
    grain: Grain
    lane: Lane
    frequency: Frequency
    trigger: Trigger
    cron: str | None
    timezone: str
    event: str | None
    sla: tuple[str, ...]
    upstream: tuple[str, ...]
    runbook: str


class PackHeader(Frozen):
    """A pack's name and tenants."""

    id: str
    name: str
    description: str
    tenants: tuple[str, ...]


class DictionarySummary(Frozen):
    """Counts of KPIs and one row for each, sorted by id. `tier_0` are the KPIs that may have their own series and alarms."""

    packs: tuple[PackHeader, ...]
    sources: int
    signals: tuple[str, ...]
    kpis_per_pack: dict[str, int]
    kpis_per_layer: dict[str, int]
    kpis_per_tenant: dict[str, int]
    tier_0: tuple[str, ...]
    rows: tuple[DictionaryRow, ...]

    def for_tenant(self, tenant_id: str) -> tuple[DictionaryRow, ...]:
        """The KPIs a tenant has."""
        return tuple(row for row in self.rows if tenant_id in row.tenants)


def summarize(dictionary: Dictionary) -> DictionarySummary:
    """The summary of a dictionary; equal dictionaries give equal summaries."""
    kpis = sorted(dictionary.kpis, key=lambda kpi: kpi.id)
    return DictionarySummary(
        packs=tuple(
            PackHeader(id=pack.id, name=pack.name, description=pack.description, tenants=pack.tenants) for pack in dictionary.packs
        ),
        sources=len(dictionary.sources),
        signals=tuple(signal.id for signal in dictionary.signals),
        kpis_per_pack=_count(kpi.pack for kpi in kpis),
        kpis_per_layer=_count(str(kpi.layer) for kpi in kpis),
        kpis_per_tenant=_count(tenant for kpi in kpis for tenant in kpi.tenants),
        tier_0=tuple(kpi.id for kpi in kpis if kpi.tier == 0),
        rows=tuple(_row(kpi) for kpi in kpis),
    )


def _count(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def _row(kpi: Kpi) -> DictionaryRow:
    return DictionaryRow(
        id=kpi.id,
        name=kpi.name,
        pack=kpi.pack,
        layer=kpi.layer,
        contract_version=kpi.contract_version,
        definition_hash=definition_hash(kpi),
        status=kpi.status,
        parent=kpi.parent,
        variant_label=kpi.variant_label,
        tenants=kpi.tenants,
        environments=kpi.environments,
        purpose=kpi.purpose,
        business_owner=kpi.owners.business,
        technical_owner=kpi.owners.technical,
        criticality=kpi.criticality,
        tier=kpi.tier,
        unit=kpi.unit,
        grain=kpi.grain,
        lane=kpi.lane,
        frequency=kpi.schedule.frequency,
        trigger=kpi.schedule.trigger,
        cron=kpi.schedule.cron,
        timezone=kpi.schedule.timezone,
        event=kpi.schedule.event,
        sla=tuple(describe_sla(sla) for sla in kpi.sla),
        upstream=tuple(source.gdp for source in kpi.gdp_sources) + tuple(source.kpi for source in kpi.kpi_sources),
        runbook=kpi.runbook,
    )
