"""OpenLineage facets of the dictionary's entries.

Each function gives one facet as JSON. Versions of the standard facets are those of https://openlineage.io/spec/facets; the two facets of
our own start with `kpi_`, as the specification asks, and their schemas are rendered beside the events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kpis.lineage.model import ColumnLineage, Input
from kpis.lineage.naming import PRODUCER, Identity
from kpis.rules import PostRule, PreRule
from kpis.schema import FormulaExpression, Kpi, Source, SqlExpression

Json = dict[str, Any]
SPEC = "https://openlineage.io/spec/facets"
OWN = "urn:kpi-observatory:openlineage:1-0-0"
VERSIONS = {
    "ColumnLineageDatasetFacet": "1-2-0",
    "DataQualityAssertionsDatasetFacet": "1-1-0",
    "DatasetVersionDatasetFacet": "1-0-1",
    "DocumentationDatasetFacet": "1-1-0",
    "DocumentationJobFacet": "1-1-0",
    "ErrorMessageRunFacet": "1-0-1",
    "InputStatisticsInputDatasetFacet": "1-0-0",
    "JobTypeJobFacet": "2-0-4",
    "NominalTimeRunFacet": "1-0-1",
    "OutputStatisticsOutputDatasetFacet": "1-0-2",
    "OwnershipJobFacet": "1-0-1",
    "SQLJobFacet": "1-1-0",
    "SchemaDatasetFacet": "1-2-0",
    "SourceCodeJobFacet": "1-0-1",
    "SourceCodeLocationJobFacet": "1-1-0",
    "SymlinksDatasetFacet": "1-0-1",
    "TagsJobFacet": "1-0-0",
    "TagsRunFacet": "1-0-0",
    "TestRunFacet": "1-0-1",
}
OWN_FACETS = ("KpiLineageGapsDatasetFacet", "KpiValidationRulesDatasetFacet")
RESULT_COLUMNS = (
    ("entity", "text", "What the value is of; ALL is the tenant's total"),
    ("value", "double precision", ""),
    ("rows_processed", "bigint", "Rows behind the value"),
)


def facet(name: str, **content: Any) -> Json:
    """A facet with the base fields every facet has; `name` is its class in the specification."""
    schema = f"{OWN}:{name}" if name in OWN_FACETS else f"{SPEC}/{VERSIONS[name]}/{name}.json#/$defs/{name}"
    return {"_producer": PRODUCER, "_schemaURL": schema, **content}


def job_facets(kpi: Kpi, definition_hash: str) -> Json:
    """What is known of the job that computes a KPI."""
    owners = [{"name": kpi.owners.business, "type": "BUSINESS"}, {"name": kpi.owners.technical, "type": "TECHNICAL"}]
    streaming = kpi.schedule.frequency == "streaming"
    return {
        **_source_code(kpi),
        "documentation": facet("DocumentationJobFacet", description=kpi.purpose, contentType="text/plain"),
        "jobType": facet(
            "JobTypeJobFacet", processingType="STREAMING" if streaming else "BATCH", integration="KPI_OBSERVATORY", jobType="KPI"
        ),
        "ownership": facet("OwnershipJobFacet", owners=owners),
        "sourceCodeLocation": facet(
            "SourceCodeLocationJobFacet",
            type="kpi-dictionary",
            url=f"urn:kpi-observatory:definition:{kpi.id}:sha256:{definition_hash}",
            version=definition_hash,
            tag=kpi.contract_version,
        ),
        "tags": facet("TagsJobFacet", tags=tags(_words(kpi, definition_hash))),
    }


def tags(words: Mapping[str, str]) -> list[Json]:
    """Words as OpenLineage tags, by key."""
    return [{"key": key, "value": words[key], "source": "KPI_DICTIONARY"} for key in sorted(words)]


def _words(kpi: Kpi, definition_hash: str) -> dict[str, str]:
    return {
        "contract_version": kpi.contract_version,
        "criticality": kpi.criticality,
        "definition_hash": definition_hash,
        "grain": kpi.grain,
        "kpi_name": kpi.name,
        "layer": kpi.layer,
        "pack": kpi.pack,
        "runbook": kpi.runbook,
        "sensitivity": kpi.sensitivity,
        "status": kpi.status,
        "tier": str(kpi.tier),
        "unit": kpi.unit,
    }


def _source_code(kpi: Kpi) -> Json:
    if isinstance(kpi.expression, SqlExpression):
        return {"sql": facet("SQLJobFacet", query=kpi.expression.sql, dialect="postgres")}
    if isinstance(kpi.expression, FormulaExpression):
        return {"sourceCode": facet("SourceCodeJobFacet", language="kpi-formula", sourceCode=kpi.expression.formula)}
    lines = (
        f"{alias}: weight {term.weight!r}, 0 at {term.floor!r}, 100 at {term.ceiling!r}"
        for alias, term in sorted(kpi.expression.weights.items())
    )
    return {"sourceCode": facet("SourceCodeJobFacet", language="kpi-weights", sourceCode="\n".join(lines))}


def source_facets(source: Source) -> Json:
    """What is known of a golden data table."""
    fields = [
        _field(position, name, column.type, column.description or "") for position, (name, column) in enumerate(source.columns.items(), 1)
    ]
    return {
        "documentation": facet("DocumentationDatasetFacet", description=source.description, contentType="text/plain"),
        "schema": facet("SchemaDatasetFacet", fields=fields),
        "version": facet("DatasetVersionDatasetFacet", datasetVersion=source.version),
    }


def result_facets(kpi: Kpi, version: str) -> Json:
    """What is known of the results of a KPI."""
    described = [
        _field(position, name, kind, f"{kpi.name}, in {kpi.unit}" if name == "value" else text)
        for position, (name, kind, text) in enumerate(RESULT_COLUMNS, 1)
    ]
    return {
        "documentation": facet("DocumentationDatasetFacet", description=kpi.purpose, contentType="text/plain"),
        "schema": facet("SchemaDatasetFacet", fields=described),
        "version": facet("DatasetVersionDatasetFacet", datasetVersion=version),
    }


def _field(position: int, name: str, kind: str, description: str) -> Json:
    told = {"description": description} if description else {}
    return {"name": name, "type": kind, "ordinal_position": position, **told}


def symlink(identity: Identity) -> Json:
    """The logical name of a physical table."""
    listed = [{"namespace": identity.namespace, "name": identity.name, "type": "TABLE"}]
    return {"symlinks": facet("SymlinksDatasetFacet", identifiers=listed)}


def column_facets(lineage: ColumnLineage, named: Mapping[str, Identity]) -> Json:
    """Column lineage, and the gaps in it where there are any; `named` gives the identity of each dataset."""
    fields = {output.name: {"inputFields": _input_fields(output.inputs, named)} for output in lineage.outputs}
    found = {"columnLineage": facet("ColumnLineageDatasetFacet", fields=fields, dataset=_input_fields(lineage.rows, named))}
    if lineage.complete:
        return found
    missing = {output.name: list(output.gaps) for output in lineage.outputs if output.gaps}
    return found | {"kpi_lineageGaps": facet("KpiLineageGapsDatasetFacet", fields=missing, dataset=list(lineage.gaps))}


def _input_fields(inputs: Iterable[Input], named: Mapping[str, Identity]) -> list[Json]:
    return [
        {
            "namespace": named[each.field.dataset].namespace,
            "name": named[each.field.dataset].name,
            "field": each.field.name,
            "transformations": [{"type": use.kind, "subtype": use.subtype, "description": "", "masking": use.masking} for use in each.uses],
        }
        for each in inputs
    ]


def rule_facets(kpi: Kpi) -> Json:
    """The validation rules of a KPI.

    The standard assertions facet says what came out of a check and cannot be written without that, so definitions have a facet of
    their own; results of a run are in the standard ones.
    """
    rules = [
        *(_rule(rule, "pre_validation") for rule in kpi.pre_validation),
        *(_rule(rule, "post_validation") for rule in kpi.post_validation),
    ]
    return {"kpi_validationRules": facet("KpiValidationRulesDatasetFacet", rules=rules)} if rules else {}


def _rule(rule: PreRule | PostRule, phase: str) -> Json:
    content = rule.model_dump(mode="json", exclude_none=True)
    common = {key: content.pop(key) for key in ("id", "check", "type", "severity")}
    told = {key: content.pop(key) for key in ("description", "source", "column") if key in content}
    return {**common, **told, "phase": phase, "params": content}
