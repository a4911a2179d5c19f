"""What changed in definitions, in the words of the business rather than of YAML."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from kpis.compat import Bump, actual_bump, required_bump
from kpis.describe import (
    describe_bands,
    describe_extension,
    describe_formula,
    describe_route,
    describe_rule,
    describe_schedule,
    describe_sla,
)
from kpis.graph import downstream
from kpis.hashing import definition_hash
from kpis.schema import Dictionary, GdpRef, Kpi, KpiRef, Source


class Kind(StrEnum):
    """What happened to an entry."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True)
class FieldChange:
    """One part of a definition: what it is called, and both states in words; None where there is none."""

    what: str
    before: str | None
    after: str | None

    @property
    def text(self) -> str:
        """`verdict: … -> …`, `rule x added: …`."""
        if self.before is None:
            return f"{self.what} added: {self.after}"
        if self.after is None:
            return f"{self.what} removed: {self.before}"
        return f"{self.what}: {self.before} -> {self.after}"


@dataclass(frozen=True)
class KpiChange:
    """What happened to a KPI and whom it reaches.

    `needed` is the least version step the change needs and `why`, `enough` whether the version moved that far; `formula` is a unified
    diff of the expression. `downstream` are all KPIs that read it, directly or not, `audience` the consumers and report readers of it
    and of those.
    """

    kpi_id: str
    name: str
    pack: str
    kind: Kind
    before_version: str | None
    after_version: str | None
    before_hash: str | None
    after_hash: str | None
    needed: str
    why: str
    enough: bool
    fields: tuple[FieldChange, ...]
    formula: tuple[str, ...]
    tenants: tuple[str, ...]
    owners: tuple[str, ...]
    downstream: tuple[str, ...]
    audience: tuple[str, ...]


@dataclass(frozen=True)
class SourceChange:
    """What happened to a golden data table, and which KPIs read it."""

    source_id: str
    kind: Kind
    fields: tuple[FieldChange, ...]
    readers: tuple[str, ...]


def kpi_changes(before: Dictionary, after: Dictionary) -> tuple[KpiChange, ...]:
    """Every KPI that is not what it was, by id."""
    old, new = ({kpi.id: kpi for kpi in dictionary.kpis} for dictionary in (before, after))
    changed = [kpi_id for kpi_id in sorted(old | new) if _differ(old.get(kpi_id), new.get(kpi_id))]
    return tuple(_kpi_change(old.get(kpi_id), new.get(kpi_id), before, after) for kpi_id in changed)


def source_changes(before: Dictionary, after: Dictionary) -> tuple[SourceChange, ...]:
    """Every golden data table that is not what it was, by id."""
    old, new = ({source.id: source for source in dictionary.sources} for dictionary in (before, after))
    found: list[SourceChange] = []
    for source_id in sorted(old | new):
        first, second = old.get(source_id), new.get(source_id)
        if not _differ(first, second):
            continue
        readers = tuple(sorted(kpi.id for kpi in after.kpis if any(ref.gdp == source_id for ref in kpi.gdp_sources)))
        fields = tuple(by_name(_source_words(first), _source_words(second))) if first and second else ()
        found.append(SourceChange(source_id, kind_of(first, second), fields, readers))
    return tuple(found)


def _differ(before: Kpi | Source | None, after: Kpi | Source | None) -> bool:
    return before is None or after is None or definition_hash(before) != definition_hash(after)


def kind_of(before: object | None, after: object | None) -> Kind:
    """What happened, by which of the two states there is."""
    if before is None:
        return Kind.ADDED
    return Kind.REMOVED if after is None else Kind.CHANGED


def _kpi_change(before: Kpi | None, after: Kpi | None, old: Dictionary, new: Dictionary) -> KpiChange:
    shown = after or before
    if shown is None:
        raise AssertionError("a change has at least one side")
    needed, why = required_bump(before, after) if before and after else (Bump.NONE, "")
    actual = actual_bump(before.contract_version, after.contract_version) if before and after else Bump.NONE
    readers = sorted({*downstream(old.kpis, shown.id), *downstream(new.kpis, shown.id)})
    return KpiChange(
        kpi_id=shown.id,
        name=shown.name,
        pack=shown.pack,
        kind=kind_of(before, after),
        before_version=before.contract_version if before else None,
        after_version=after.contract_version if after else None,
        before_hash=definition_hash(before) if before else None,
        after_hash=definition_hash(after) if after else None,
        needed=needed.name.lower(),
        why=why,
        enough=actual is not None and actual >= needed,
        fields=tuple(_field_changes(before, after)) if before and after else (),
        formula=_formula_diff(before, after) if before and after else (),
        tenants=tuple(sorted({*(before.tenants if before else ()), *(after.tenants if after else ())})),
        owners=tuple(sorted({owner for kpi in (before, after) if kpi for owner in (kpi.owners.business, kpi.owners.technical)})),
        downstream=tuple(readers),
        audience=_audience([shown.id, *readers], old, new),
    )


def _audience(kpi_ids: Iterable[str], *dictionaries: Dictionary) -> tuple[str, ...]:
    """Who looks at any of these KPIs: `dashboard CFO liquidity`, `daily report to cfo@acme.example`."""
    wanted = frozenset(kpi_ids)
    found: set[str] = set()
    for kpi in (kpi for dictionary in dictionaries for kpi in dictionary.kpis if kpi.id in wanted):
        found.update(f"{consumer.type} {consumer.name}" for consumer in kpi.consumers)
        found.update(f"{report.frequency} report to {', '.join(report.recipients)}" for report in kpi.reports)
    return tuple(sorted(found))


_SINGLE: Mapping[str, Callable[[Kpi], str]] = {
    "name": lambda kpi: kpi.name,
    "purpose": lambda kpi: " ".join(kpi.purpose.split()),
    "pack": lambda kpi: kpi.pack,
    "layer": lambda kpi: str(kpi.layer),
    "status": lambda kpi: str(kpi.status),
    "version": lambda kpi: kpi.contract_version,
    "business owner": lambda kpi: kpi.owners.business,
    "technical owner": lambda kpi: kpi.owners.technical,
    "criticality": lambda kpi: str(kpi.criticality),
    "tier": lambda kpi: str(kpi.tier),
    "sensitivity": lambda kpi: str(kpi.sensitivity),
    "tenants": lambda kpi: ", ".join(kpi.tenants),
    "environments": lambda kpi: ", ".join(kpi.environments),
    "parent": lambda kpi: kpi.parent or "none",
    "variant label": lambda kpi: kpi.variant_label or "none",
    "entity": lambda kpi: kpi.entity_dimension or "none",
    "grain": lambda kpi: str(kpi.grain),
    "unit": lambda kpi: kpi.unit,
    "format": lambda kpi: kpi.format,
    "verdict": lambda kpi: describe_bands(kpi.verdict, kpi.unit),
    "lane": lambda kpi: str(kpi.lane),
    "schedule": lambda kpi: describe_schedule(kpi.schedule),
    "timeout": lambda kpi: f"{int(kpi.schedule.timeout.total_seconds())} s",
    "retries": lambda kpi: f"{kpi.error_policy.retry.count} from {int(kpi.error_policy.retry.backoff.total_seconds())} s",
    "on failure": lambda kpi: str(kpi.error_policy.on_failure),
    "runbook": lambda kpi: kpi.runbook,
    "service level": lambda kpi: "default of its tier" if kpi.slo is None else kpi.slo.model_dump_json(),
}
_MANY: Mapping[str, Callable[[Kpi], dict[str, str]]] = {
    "source": lambda kpi: {_source_name(ref): _source_text(ref) for ref in kpi.sources},
    "check before execution": lambda kpi: {rule.id: describe_rule(rule) for rule in kpi.pre_validation},
    "check before delivery": lambda kpi: {rule.id: describe_rule(rule) for rule in kpi.post_validation},
    "SLA": lambda kpi: {sla.type: describe_sla(sla) for sla in kpi.sla},
    "extension": lambda kpi: {str(each.kind): describe_extension(each) for each in kpi.extensions},
    "alert route": lambda kpi: {f"{each.channel} {each.target}": describe_route(each) for each in kpi.alerts},
    "report": lambda kpi: {each.frequency: ", ".join(each.recipients) for each in kpi.reports},
    "consumer": lambda kpi: {f"{each.type} {each.name}": f"{each.type} {each.name}" for each in kpi.consumers},
}


def _field_changes(before: Kpi, after: Kpi) -> Iterator[FieldChange]:
    for what, of in _SINGLE.items():
        if of(before) != of(after):
            yield FieldChange(what, of(before), of(after))
    for what, of_many in _MANY.items():
        for change in by_name(of_many(before), of_many(after)):
            yield FieldChange(f"{what} {change.what}", change.before, change.after)


def by_name(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[FieldChange]:
    """What differs between two states, part by part."""
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield FieldChange(name, before.get(name), after.get(name))


def _source_name(ref: GdpRef | KpiRef) -> str:
    return f"gdp:{ref.gdp}" if isinstance(ref, GdpRef) else f"kpi:{ref.kpi}"


def _source_text(ref: GdpRef | KpiRef) -> str:
    if isinstance(ref, GdpRef):
        return ", ".join(ref.attributes)
    return f"as {ref.alias}" + (f", version {ref.version}" if ref.version else "")


def _source_words(source: Source) -> dict[str, str]:
    words = {"table": source.table, "description": source.description, "version": source.version}
    words |= {"period column": source.period_column, "freshness column": source.freshness_column}
    for name, column in source.columns.items():
        words[f"column {name}"] = f"{column.type}{'' if column.nullable else ', never NULL'}"
    return words


def _formula_diff(before: Kpi, after: Kpi) -> tuple[str, ...]:
    old, new = (describe_formula(kpi).strip().splitlines() for kpi in (before, after))
    return tuple(
        line.rstrip("\n") for line in difflib.unified_diff(old, new, before.contract_version, after.contract_version, lineterm="", n=2)
    )
