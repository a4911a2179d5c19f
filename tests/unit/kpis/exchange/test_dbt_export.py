"""What is exported to dbt is a project dbt's own library accepts, and comes back as the same KPIs; the rest is named."""

import json
from typing import Any

import jinja2
import pytest
import yaml
from dbt_semantic_interfaces.implementations.semantic_manifest import PydanticSemanticManifest
from dbt_semantic_interfaces.transformations.semantic_manifest_transformer import PydanticSemanticManifestTransformer
from dbt_semantic_interfaces.validations.semantic_manifest_validator import SemanticManifestValidator

from kpis.artifact import Surroundings
from kpis.exchange.dbt_export import DbtExport, export_dbt
from kpis.exchange.dbt_import import import_dbt
from kpis.exchange.draft import Imported, Options, check_artifacts
from kpis.exchange.ledger import losses
from kpis.exchange.texts import jinja_escaped, jinja_unescaped
from kpis.exchange.trees import read_documents
from kpis.schema import Dictionary, Kpi, SqlExpression
from kpis.sql import normalize
from tests.unit.kpis.exchange.conftest import ROOT, with_text

MANIFEST, YAML = ("dbt/semantic_manifest.json",), ("dbt/semantic_models.yml", "dbt/metrics.yml")


@pytest.fixture(scope="module")
def export(dictionary: Dictionary) -> DbtExport:
    return export_dbt(Surroundings(dictionary))


def imported(export: DbtExport, paths: tuple[str, ...]) -> Imported:
    documents = []
    for artifact in export.artifacts():
        if artifact.path in paths:
            found, problems = read_documents(artifact.path, artifact.content)
            assert problems == []
            documents += found
    return import_dbt(documents, Options(pack="cfo", tenants=("acme", "discco", "skyway"), date="2026-01-31"))


def comparable(kpi: Kpi) -> dict[str, Any]:
    fields = kpi.model_dump(mode="json", by_alias=True, exclude={"pack"})
    if isinstance(kpi.expression, SqlExpression):
        fields["expression"] = {"sql": normalize(kpi.expression.sql).replace("(", "").replace(")", "")}
    return fields


def test_every_kpi_is_exported_or_named_with_a_reason(dictionary: Dictionary, export: DbtExport) -> None:
    assert sorted([*export.ids, *(each.kpi_id for each in export.left_out)]) == sorted(kpi.id for kpi in dictionary.kpis)
    assert len(export.ids) >= 10
    reasons = {each.kpi_id: each.reason for each in export.left_out}
    assert reasons["SKY-PX-01"] == "a weighted index has no type in MetricFlow"
    assert reasons["COM-RR-01"] == "its SQL has WITH, which a measure has not"
    assert "SKY-DP-01" in export.ids, "a value for each entity is a metric to group by the entity's dimension"


def test_dbts_own_library_reads_and_accepts_the_manifest(export: DbtExport) -> None:
    content = next(artifact.content for artifact in export.artifacts() if artifact.path == "dbt/semantic_manifest.json")
    manifest = PydanticSemanticManifestTransformer.transform(PydanticSemanticManifest.parse_obj(json.loads(content)))
    results = SemanticManifestValidator[PydanticSemanticManifest]().validate_semantic_manifest(manifest)
    assert [issue.as_readable_str() for issue in results.errors] == []
    assert {metric.name for metric in manifest.metrics} >= set(export.ids.values())


@pytest.mark.parametrize("paths", [MANIFEST, YAML], ids=["manifest", "yaml"])
def test_what_is_exported_comes_back_as_it_was(dictionary: Dictionary, export: DbtExport, paths: tuple[str, ...]) -> None:
    result = imported(export, paths)
    assert result.problems == ()
    found = {kpi.id: kpi for kpi in result.dictionary.kpis}
    exported = {kpi.id: kpi for kpi in dictionary.kpis if kpi.id in export.ids}
    assert {kpi_id: comparable(kpi) for kpi_id, kpi in found.items()} == {
        kpi_id: comparable(kpi.model_copy(update={"parent": kpi.parent})) for kpi_id, kpi in exported.items()
    }
    sources = {source.id: source for source in dictionary.sources}
    assert [source for source in result.dictionary.sources if source != sources[source.id]] == []
    assert [entry for entry in losses(result.ledger.entries()) if entry.path.startswith("metrics")] == []


@pytest.mark.parametrize("text", ["{{ 7 * 7 }}", "{% raw %}", "{# c #}", "'", '"', "a: b # c", "two\nlines", "漢字", "</script>", "08"])
def test_hostile_text_comes_back_as_it_was(dictionary: Dictionary, text: str) -> None:
    changed = with_text(dictionary, text)
    export = export_dbt(Surroundings(changed))
    for paths in (MANIFEST, YAML):
        found = {kpi.id: kpi for kpi in imported(export, paths).dictionary.kpis}
        assert set(found) == set(export.ids)
        for kpi in found.values():
            assert (kpi.name, kpi.purpose, kpi.owners.business) == (text, text, text)


def test_divisions_are_of_real_numbers_and_guarded_in_every_warehouse(export: DbtExport) -> None:
    rate = export.metrics["sky_cn_02"]
    assert rate["type_params"]["expr"] == "CAST(cancelled AS DOUBLE PRECISION) / NULLIF(scheduled, 0)"
    assert rate["config"]["meta"]["kpi"]["expression"] == {"formula": "cancelled / scheduled"}


def test_a_formula_that_someone_changed_in_dbt_is_the_one_that_counts(export: DbtExport) -> None:
    content = next(artifact.content for artifact in export.artifacts() if artifact.path == MANIFEST[0])
    documents, _ = read_documents(MANIFEST[0], content)
    metric = next(each for each in documents[0].value["metrics"] if each["name"] == "sky_cn_02")
    metric["type_params"]["expr"] = "cancelled - scheduled"
    result = import_dbt(documents, Options(pack="cfo", tenants=("acme",), date="2026-01-31"))
    found = next(kpi for kpi in result.dictionary.kpis if kpi.id == "SKY-CN-02")
    assert found.expression.formula == "cancelled - scheduled"  # type: ignore[union-attr]
    assert any(entry.path.endswith("meta.kpi.expression.formula") for entry in losses(result.ledger.entries()))


def test_braces_of_a_text_reach_dbt_as_text() -> None:
    """dbt renders the texts of its YAML; what it renders must be what was written."""
    for text in ("{{ env_var('SECRET') }}", "{% for x in y %}", "{# note #}", "plain", "{{ '{{' }}"):
        escaped = jinja_escaped(text)
        assert jinja2.Environment(autoescape=True).from_string(escaped).render().replace("&#39;", "'") == text
        assert jinja_unescaped(escaped) == text


def test_the_files_are_yaml_that_names_its_tables_by_ref(export: DbtExport) -> None:
    content = next(artifact.content for artifact in export.artifacts() if artifact.path == "dbt/semantic_models.yml")
    models = {model["name"]: model["model"] for model in yaml.safe_load(content)["semantic_models"]}
    assert models["gdp_orders"] == "ref('gdp_orders')"


def test_the_imported_pack_passes_the_check(export: DbtExport) -> None:
    result = imported(export, MANIFEST)
    codes = {problem.code for problem in check_artifacts(result.artifacts(), ROOT)}
    assert codes <= {"dangling-source", "event-unknown-signal", "source-tenant-missing", "variant-tenant-leak", "unknown-tenant"}
