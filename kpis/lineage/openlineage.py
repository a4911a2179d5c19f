"""A KPI as an OpenLineage job event: what computes it, from which datasets, and column by column how.

A job event is lineage by design, without a run (https://openlineage.io/spec/2-0-2/OpenLineage.json). Its time is the day of the
definition's latest change, so that the same definition always gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from kpis.artifact import Artifact, Surroundings
from kpis.lineage import facets
from kpis.lineage.column import column_lineage
from kpis.lineage.facets import Json
from kpis.lineage.model import GDP, KPI
from kpis.lineage.naming import PRODUCER, Identity, Naming
from kpis.schema import Kpi

SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs"


def render_kpi(kpi: Kpi, around: Surroundings) -> Iterator[Artifact]:
    """`openlineage/<ID>.json`: the job event of a KPI."""
    yield Artifact(f"openlineage/{kpi.id}.json", dumps(job_event(kpi, around)), (kpi.id,))


def job_event(kpi: Kpi, around: Surroundings, naming: Naming | None = None) -> Json:
    """The job event of a KPI, by default under the dictionary's logical names."""
    names = naming or Naming()
    return {
        "eventTime": f"{max(change.date for change in kpi.change_log)}T00:00:00Z",
        "producer": PRODUCER,
        "schemaURL": f"{SPEC}/JobEvent",
        "job": job(kpi, around, names),
        "inputs": inputs(kpi, around, names),
        "outputs": [output(kpi, around, names)],
    }


def job(kpi: Kpi, around: Surroundings, naming: Naming) -> Json:
    """The job that computes a KPI; its name is the KPI's id."""
    return {"namespace": naming.namespace, "name": kpi.id, "facets": facets.job_facets(kpi, around.hash_of(kpi))}


def inputs(kpi: Kpi, around: Surroundings, naming: Naming) -> list[Json]:
    """The golden data tables and the upstream results a KPI reads, in its own order."""
    read: list[Json] = []
    for source in around.sources_of(kpi):
        dataset = f"{GDP}{source.id}"
        own, logical = naming.physical(dataset, source.table), naming.logical(dataset)
        linked = facets.symlink(logical) if own != logical else {}
        read.append(_dataset(own, facets.source_facets(source) | linked))
    for ref, upstream in zip(kpi.kpi_sources, around.upstream_of(kpi), strict=True):
        found = facets.result_facets(upstream, ref.version or upstream.contract_version)
        read.append(_dataset(naming.logical(f"{KPI}{upstream.id}"), found))
    return read


def output(kpi: Kpi, around: Surroundings, naming: Naming) -> Json:
    """The results of a KPI with their column lineage and rules."""
    columns = facets.column_facets(column_lineage(kpi, around), identities(kpi, around, naming))
    found = facets.result_facets(kpi, kpi.contract_version) | columns | facets.rule_facets(kpi)
    return _dataset(naming.logical(f"{KPI}{kpi.id}"), found)


def identities(kpi: Kpi, around: Surroundings, naming: Naming) -> dict[str, Identity]:
    """The name of every dataset a KPI reads, by how the dictionary writes it."""
    tables = {f"{GDP}{source.id}": source.table for source in around.sources_of(kpi)}
    read = {dataset: naming.physical(dataset, table) for dataset, table in tables.items()}
    return read | {f"{KPI}{ref.kpi}": naming.logical(f"{KPI}{ref.kpi}") for ref in kpi.kpi_sources}


def dumps(event: Json) -> bytes:
    """An event as a file: sorted keys, two spaces, so that a change of one line is a change of one line."""
    return orjson.dumps(event, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _dataset(identity: Identity, found: Json) -> Json:
    return {"namespace": identity.namespace, "name": identity.name, "facets": found}
