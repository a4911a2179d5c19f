"""Checks between entries: references exist, nothing reads itself, layers are in order, and nothing of a tenant leaves it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kpis.common import Layer
from kpis.diagnostics import Diagnostic, nearest
from kpis.documents import Place
from kpis.graph import find_cycles, upstream_graph
from kpis.loader import Loaded
from kpis.schema import FormulaExpression, GdpRef, Kpi, Source, SqlExpression, WeightedExpression

_RANK = {Layer.PRIMARY: 0, Layer.SECONDARY: 1, Layer.COMPOSITE: 2}
_EXPRESSIONS = {
    Layer.PRIMARY: (SqlExpression, "expression.sql over golden data tables"),
    Layer.SECONDARY: (FormulaExpression, "expression.formula over other KPIs"),
    Layer.COMPOSITE: (WeightedExpression, "expression.weights over other KPIs"),
}
_TIME_TYPES = frozenset({"date", "timestamp"})


def link_problems(loaded: Loaded) -> Iterator[Diagnostic]:
    """Every broken link of the dictionary."""
    kpis = {kpi.id: kpi for kpi in loaded.dictionary.kpis}
    sources = {source.id: source for source in loaded.dictionary.sources}
    for source in sources.values():
        yield from _time_columns(source, loaded.places["source", source.id])
    for circle in find_cycles(upstream_graph(kpis.values())):
        yield loaded.places["kpi", circle[0]].problem("cycle", f"KPIs read each other in a circle: {' -> '.join(circle)}", "sources")
    pack_tenants = {pack.id: pack.tenants for pack in loaded.dictionary.packs}
    for kpi in kpis.values():
        place = loaded.places["kpi", kpi.id]
        yield from _references(kpi, place, loaded, sources)
        yield from _repeated(kpi, place)
        yield from _layer(kpi, place, kpis)
        yield from _tenants(kpi, place, kpis, pack_tenants.get(kpi.pack))


def _time_columns(source: Source, place: Place) -> Iterator[Diagnostic]:
    for name in ("period_column", "freshness_column"):
        column = getattr(source, name)
        if column not in source.columns:
            message = f"{name} '{column}' is not a column of {source.id}{nearest(column, source.columns)}"
            yield place.problem("source-unknown-column", message, name)
        elif source.columns[column].type not in _TIME_TYPES:
            message = f"{name} '{column}' of {source.id} is {source.columns[column].type}; it must be a date or timestamp"
            yield place.problem("wrong-type", message, name)


def _references(kpi: Kpi, place: Place, loaded: Loaded, sources: dict[str, Source]) -> Iterator[Diagnostic]:
    for index, ref in enumerate(kpi.sources):
        kind, name = ("source", ref.gdp) if isinstance(ref, GdpRef) else ("kpi", ref.kpi)
        if (kind, name) not in loaded.places:
            known = [key[1] for key in loaded.places if key[0] == kind]
            what = "a source" if kind == "source" else "a KPI"
            yield place.problem("dangling-source", f"{kpi.id} reads '{name}', which is not {what}{nearest(name, known)}", "sources", index)
        if isinstance(ref, GdpRef) and ref.gdp in sources:
            columns = sources[ref.gdp].columns
            for attribute in ref.attributes:
                if attribute not in columns:
                    message = f"attribute '{attribute}' is not a column of {ref.gdp}{nearest(attribute, columns)}"
                    yield place.problem("source-unknown-column", message, "sources", index, "attributes")


def _repeated(kpi: Kpi, place: Place) -> Iterator[Diagnostic]:
    objects = Counter(ref.gdp if isinstance(ref, GdpRef) else ref.kpi for ref in kpi.sources)
    for name in (name for name, count in objects.items() if count > 1):
        yield place.problem("duplicate-source", f"{kpi.id} names source '{name}' {objects[name]} times; name it once", "sources")
    aliases = Counter(ref.alias for ref in kpi.kpi_sources)
    for alias in (alias for alias, count in aliases.items() if count > 1):
        yield place.problem("duplicate-source", f"{kpi.id} gives {aliases[alias]} sources the alias '{alias}'", "sources")
    for field in ("pre_validation", "post_validation"):
        rules = Counter(rule.id for rule in getattr(kpi, field))
        for rule_id in (rule_id for rule_id, count in rules.items() if count > 1):
            yield place.problem("duplicate-id", f"{field} of {kpi.id} has {rules[rule_id]} rules '{rule_id}'; each needs its own id", field)


def _layer(kpi: Kpi, place: Place, kpis: dict[str, Kpi]) -> Iterator[Diagnostic]:
    expected, words = _EXPRESSIONS[kpi.layer]
    if type(kpi.expression) is not expected:
        yield place.problem("layer-mismatch", f"{kpi.id} is {kpi.layer}: it needs {words}", "expression")
    for index, ref in enumerate(kpi.sources):
        if isinstance(ref, GdpRef) == (kpi.layer is not Layer.PRIMARY):
            kind = "golden data tables (gdp)" if kpi.layer is Layer.PRIMARY else "other KPIs (kpi, as)"
            yield place.problem("layer-mismatch", f"{kpi.id} is {kpi.layer}: its sources are {kind}", "sources", index)
        elif not isinstance(ref, GdpRef) and ref.kpi in kpis:
            upstream = kpis[ref.kpi]
            if _RANK[upstream.layer] > _RANK[kpi.layer]:
                message = f"{kpi.id} is {kpi.layer} and reads {upstream.id}, which is {upstream.layer}; the graph runs the other way"
                yield place.problem("layer-mismatch", message, "sources", index)
            versions = {change.version for change in upstream.change_log}
            if ref.version is not None and ref.version not in versions:
                message = f"version {ref.version} of {ref.kpi} never existed; its change log has {', '.join(sorted(versions))}"
                yield place.problem("dangling-source", message, "sources", index)


def _tenants(kpi: Kpi, place: Place, kpis: dict[str, Kpi], known: tuple[str, ...] | None) -> Iterator[Diagnostic]:
    own = set(kpi.tenants)
    for tenant in sorted(own - set(known or own)):
        yield place.problem("unknown-tenant", f"tenant '{tenant}' does not have pack '{kpi.pack}'{nearest(tenant, known or ())}", "tenants")
    if kpi.parent is not None:
        yield from _variant(kpi, place, kpis)
    for index, ref in enumerate(kpi.kpi_sources):
        upstream = kpis.get(ref.kpi)
        missing = sorted(own - set(upstream.tenants)) if upstream else []
        if upstream and missing:
            code = "variant-tenant-leak" if client_of(upstream) else "source-tenant-missing"
            message = (
                f"{kpi.id} runs for {', '.join(missing)}, which must not read {upstream.id}: it belongs to {', '.join(upstream.tenants)}"
            )
            yield place.problem(code, message, "sources", index)


def _variant(kpi: Kpi, place: Place, kpis: dict[str, Kpi]) -> Iterator[Diagnostic]:
    client = client_of(kpi)
    if client is not None and set(kpi.tenants) != {client}:
        message = f"{kpi.id} is the client variant of '{client}' but lists tenants {', '.join(kpi.tenants)}; write tenants: [{client}]"
        yield place.problem("variant-tenant-leak", message, "tenants")
    ancestor = kpis.get(kpi.parent or "")
    seen = {kpi.id}
    while ancestor is not None and ancestor.id not in seen:
        owner = client_of(ancestor)
        if owner is not None and set(kpi.tenants) - {owner}:
            yield place.problem("variant-tenant-leak", f"{kpi.id} inherits {ancestor.id}, which never leaves tenant '{owner}'", "parent")
        seen.add(ancestor.id)
        ancestor = kpis.get(ancestor.parent or "")


def client_of(kpi: Kpi) -> str | None:
    """The tenant a client variant belongs to: the one its label names, or the only one it lists; None for every other KPI."""
    if kpi.parent is None:
        return None
    label = (kpi.variant_label or "").lower()
    if label in kpi.tenants:
        return label
    return kpi.tenants[0] if len(kpi.tenants) == 1 else None
