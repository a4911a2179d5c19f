"""OpenSLO v1 documents as a pack: an SLO over SQL becomes KPIs, one over any other source a signal, with a report of the rest.

A ratio becomes two primaries and a secondary; a threshold becomes a primary whose band is the threshold. Queries of Prometheus and the
like cannot be run by a KPI, so their SLOs are watched as signals and everything about their objectives is reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from kpis.exchange import openslo_models as spec
from kpis.exchange.draft import Draft, Fields, Imported, Options, model_texts, schedule_of
from kpis.exchange.ledger import Ledger
from kpis.exchange.names import kpi_ids, slug
from kpis.exchange.openslo_routes import Routes
from kpis.exchange.openslo_texts import Told
from kpis.exchange.query_sources import QueryError, Table, contract_query
from kpis.exchange.trees import Document, Path
from kpis.schema import Signal

NO_OBJECTIVE = "a signal has no objective; make a KPI of it to give it a band and an SLO"
_ROLES = ("good", "bad", "total", "raw")


@dataclass(frozen=True)
class Placed:
    """An object and where it is written."""

    value: spec.OpenSloObject
    document: Document


@dataclass(frozen=True)
class Sli:
    """An indicator, inline or named, with the place of its spec."""

    spec: spec.SliSpec
    metadata: spec.Metadata
    document: Document
    path: Path


def import_openslo(documents: Sequence[Document], options: Options) -> Imported:
    """A pack of the SLOs in OpenSLO documents; the other kinds are read where an SLO names them."""
    ledger = Ledger(documents)
    draft = Draft(options, ledger)
    objects: dict[tuple[str, str], Placed] = {}
    for document in documents:
        try:
            value = spec.OBJECT.validate_python(document.value)
        except ValidationError as error:
            draft.problems += [document.problem((), "invalid-value", text) for text in model_texts(error)]
            continue
        key = (value.kind, value.metadata.name)
        if key in objects:
            draft.problems.append(document.problem(("metadata", "name"), "duplicate-id", f"a second {key[0]} is named '{key[1]}'"))
        objects.setdefault(key, Placed(value, document))
        ledger.implied(document, ("apiVersion",), "the version of the specification")
    importer = _Importer(objects, draft)
    slos = [placed for _, placed in sorted(objects.items()) if isinstance(placed.value, spec.Slo)]
    if documents and not slos and not draft.problems:
        draft.problems.append(documents[0].problem((), "no-metrics", "no document is an SLO; give the SLOs as well"))
    for placed in slos:
        importer.read(placed)
    importer.add_sources()
    for placed in objects.values():
        ledger.lost(placed.document, (), "no imported SLO names it, or the dictionary has no place for it")
    return draft.imported()


class _Importer:
    def __init__(self, objects: dict[tuple[str, str], Placed], draft: Draft) -> None:
        self.objects = objects
        self.draft = draft
        self.routes = Routes({name: (placed.value, placed.document) for name, placed in objects.items()}, draft.ledger)
        self.tables: dict[str, tuple[Table, Document]] = {}
        names = [name for kind, name in objects if kind == "SLO"]
        self._ids = kpi_ids([*names, *(f"{name}-{role}" for name in names for role in _ROLES)], draft.options.pack)

    def read(self, placed: Placed) -> None:
        slo, document = placed.value, placed.document
        if not isinstance(slo, spec.Slo):
            return
        ledger = self.draft.ledger
        ledger.mapped(document, ("kind",), "sources and KPIs, or a signal")
        sli = self._sli(slo, document)
        if sli is None:
            ledger.lost(document, (), "its indicator is in its objectives (composite) or is not among the documents")
            return
        told = self._told(slo, document, sli)
        try:
            self._kpis(slo, document, sli, told)
        except QueryError as error:
            self._signal(slo, document, sli, told, str(error))

    def add_sources(self) -> None:
        """The tables of all queries, each as all of them know it."""
        for source_id, (table, document) in sorted(self.tables.items()):
            fields = table.fields()
            self.draft.source(document, (), fields)
            for field, why in table.assumed().items():
                self.draft.ledger.add(source_id, field, fields.get(field, "text or timestamp"), why)

    def _sli(self, slo: spec.Slo, document: Document) -> Sli | None:
        if slo.spec.indicator is not None:
            inline = slo.spec.indicator
            return Sli(inline.spec, inline.metadata, document, ("spec", "indicator"))
        found = self.objects.get(("SLI", slo.spec.indicator_ref or ""))
        if found is None or not isinstance(found.value, spec.Sli):
            return None
        self.draft.ledger.mapped(found.document, ("kind",), "the SLO's KPIs or signal")
        return Sli(found.value.spec, found.value.metadata, found.document, ())

    def _told(self, slo: spec.Slo, document: Document, sli: Sli) -> Told:
        """Everything that is told as text: who the objects are and what they say of themselves."""
        told = Told()
        told.metadata("", slo.metadata, document, ("metadata",))
        told.add("", slo.spec.description, document, ("spec", "description"))
        told.metadata("Indicator", sli.metadata, sli.document, (*sli.path, "metadata"))
        told.add("Indicator", sli.spec.description, sli.document, (*sli.path, "spec", "description"))
        told.add("Indicator", slo.spec.indicator_ref, document, ("spec", "indicatorRef"))
        told.add("Service", slo.spec.service, document, ("spec", "service"))
        service = self.objects.get(("Service", slo.spec.service))
        if service is not None and isinstance(service.value, spec.Service):
            told.metadata("Service", service.value.metadata, service.document, ("metadata",))
            told.add("Service", service.value.spec.description, service.document, ("spec", "description"))
            told.add("", "", service.document, ("kind",))
        for role, metric in _metrics(sli.spec).items():
            where = (*sli.path, "spec", *_path_of(role), "metricSource")
            source = metric.metric_source
            told.add(f"Source of {role}", source.type, sli.document, (*where, "type"))
            told.add(f"Source of {role}", source.metric_source_ref, sli.document, (*where, "metricSourceRef"))
            known = self.objects.get(("DataSource", source.metric_source_ref or ""))
            if known is not None and isinstance(known.value, spec.DataSource):
                told.metadata("Data source", known.value.metadata, known.document, ("metadata",))
                told.add("Data source", known.value.spec.type, known.document, ("spec", "type"))
                told.add("Data source", known.value.spec.description, known.document, ("spec", "description"))
                told.add("", "", known.document, ("kind",))
        return told

    def _kpis(self, slo: spec.Slo, document: Document, sli: Sli, told: Told) -> None:
        """The KPIs of an SLO over SQL; raises QueryError before anything is added when a query is none of a KPI."""
        name, ledger = slo.metadata.name, self.draft.ledger
        metrics = _metrics(sli.spec)
        queries = {role: contract_query(str(metric.metric_source.spec.get("query", ""))) for role, metric in metrics.items()}
        main = self._ids[name]
        for role, query in queries.items():
            source_id = query.table.source_id
            known = self.tables.get(source_id)
            self.tables[source_id] = (known[0].merged(query.table) if known else query.table, sli.document)
            kpi_id = main if len(queries) == 1 else self._ids[f"{name}-{role}"]
            where = (*sli.path, "spec", *_path_of(role), "metricSource", "spec")
            ledger.mapped(sli.document, (*where, "query"), f"{kpi_id}.expression")
            ledger.lost(sli.document, where, "connections are a secret of the tenant, not part of a definition")
            sources = [{"gdp": source_id, "attributes": list(query.columns)}]
            present = {"id": "present", "check": "source_present", "source": source_id}
            fields: Fields = {"layer": "primary", "sources": sources, "expression": {"sql": query.sql}, "pre_validation": [present]}
            if len(queries) > 1:
                part = {"name": f"{slo.metadata.display_name or name} ({role})"}
                self.draft.kpi(document, ("spec",), self._identity(kpi_id, slo, told) | part | fields)
            else:
                self.draft.kpi(document, ("spec",), self._identity(kpi_id, slo, told) | fields | self._judged(slo, document, sli, kpi_id))
        if len(queries) > 1:
            formula = self._ratio(sli, name)
            self.draft.kpi(document, ("spec",), self._identity(main, slo, told) | formula | self._judged(slo, document, sli, main))
        told.mark(ledger, f"{main}.purpose")
        ledger.mapped(document, ("metadata", "name"), f"{main}.change_log")
        ledger.mapped(document, ("metadata", "displayName"), f"{main}.name")

    def _ratio(self, sli: Sli, name: str) -> Fields:
        ratio = sli.spec.ratio_metric
        role = "bad" if ratio is not None and ratio.bad is not None else "good"
        formula = "good / NULLIF(total, 0)" if role == "good" else "(total - bad) / NULLIF(total, 0)"
        where = (*sli.path, "spec", "ratioMetric", "counter")
        self.draft.ledger.implied(sli.document, where, "the queries count the events of the period")
        sources = [{"kpi": self._ids[f"{name}-{part}"], "as": part} for part in (role, "total")]
        rules = [{"id": f"{part}-delivered", "check": "upstream_delivered", "source": part} for part in (role, "total")]
        return {"layer": "secondary", "sources": sources, "expression": {"formula": formula}, "pre_validation": rules}

    def _identity(self, kpi_id: str, slo: spec.Slo, told: Told) -> Fields:
        self.draft.ledger.add(kpi_id, "grain", "day", "OpenSLO counts over its window; a KPI has a value for each period")
        summary = f"Imported from the OpenSLO SLO {slo.metadata.name}"
        return {
            "id": kpi_id,
            "name": slo.metadata.display_name or slo.metadata.name,
            "contract_version": "1.0.0",
            "purpose": told.text() or slo.metadata.name,
            "grain": "day",
            "schedule": schedule_of("day"),
            "post_validation": [{"id": "verdict", "check": "verdict_alignment"}],
            "change_log": [{"version": "1.0.0", "date": self.draft.options.date, "author": "kpi import", "summary": summary}],
        }

    def _judged(self, slo: spec.Slo, document: Document, sli: Sli, kpi_id: str) -> Fields:
        """Bands from the objectives, routes from the alert policies."""
        ledger = self.draft.ledger
        ledger.lost(document, ("spec", "timeWindow"), "a KPI is judged for each period, not over a window")
        ledger.lost(document, ("spec", "budgetingMethod"), "a KPI is judged for each period, without a budget")
        fields: Fields = {}
        bands = _ratio_bands(slo) if sli.spec.ratio_metric is not None else _threshold_bands(slo)
        if bands is not None:
            fields["verdict"] = bands.verdict
            for number, key in bands.used:
                ledger.mapped(document, ("spec", "objectives", number, key), f"{kpi_id}.verdict")
        ledger.lost(
            document, ("spec", "objectives"), "the bands have an edge for Adequate and one for Low, both included, and nothing else"
        )
        routes = self.routes.of(slo, document, kpi_id)
        return fields | ({"alerts": routes} if routes else {})

    def _signal(self, slo: spec.Slo, document: Document, sli: Sli, told: Told, reason: str) -> None:
        ledger, name = self.draft.ledger, slug(slo.metadata.name)
        for role, metric in _metrics(sli.spec).items():
            where = (*sli.path, "spec", *_path_of(role), "metricSource", "spec")
            query = metric.metric_source.spec.get("query")
            if isinstance(query, str):
                told.add(f"Query of {role}", query, sli.document, (*where, "query"))
            ledger.lost(sli.document, where, "connections are a secret of the tenant, not part of a definition")
        if self.draft.has(Signal, name):
            name = slug(f"{name} {slo.metadata.name}")
        self.draft.signal(document, (), {"id": name, "type": "metric", "description": told.text() or name})
        told.mark(ledger, f"{name}.description")
        ledger.mapped(document, ("metadata", "name"), f"{name}.id")
        ledger.lost(document, ("spec",), f"{NO_OBJECTIVE} ({reason})")
        ledger.lost(sli.document, sli.path, f"{NO_OBJECTIVE} ({reason})")


def _metrics(sli: spec.SliSpec) -> dict[str, spec.Metric]:
    if sli.threshold_metric is not None:
        return {"value": sli.threshold_metric}
    ratio = sli.ratio_metric
    found = {role: getattr(ratio, role) for role in _ROLES}
    return {role: metric for role, metric in found.items() if metric is not None}


def _path_of(role: str) -> tuple[str, ...]:
    return ("thresholdMetric",) if role == "value" else ("ratioMetric", role)


@dataclass(frozen=True)
class _Bands:
    """Bands, and the leaves of the objectives that are in them."""

    verdict: Fields
    used: tuple[tuple[int, str], ...]


def _ratio_bands(slo: spec.Slo) -> _Bands:
    """Adequate from the highest target on, Low from the next."""
    targets = sorted(((each.percent / 100, number) for number, each in enumerate(slo.spec.objectives)), reverse=True)[:2]
    used = tuple((number, "target" if slo.spec.objectives[number].target is not None else "targetPercent") for _, number in targets)
    values = [round(value, 12) for value, _ in targets]
    return _Bands({"direction": "higher_is_better", "adequate": values[0], "low": values[-1]}, used)


def _threshold_bands(slo: spec.Slo) -> _Bands | None:
    """The band of one threshold whose edge is good: `gt` and `lt` leave the edge out, which bands cannot."""
    found = [(number, each) for number, each in enumerate(slo.spec.objectives) if each.op in ("gte", "lte") and each.value is not None]
    if len(slo.spec.objectives) != 1 or not found:
        return None
    number, objective = found[0]
    direction = "higher_is_better" if objective.op == "gte" else "lower_is_better"
    value: Any = objective.value
    return _Bands({"direction": direction, "adequate": value, "low": value}, ((number, "op"), (number, "value")))
