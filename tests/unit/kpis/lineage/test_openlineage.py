"""Job and run events are what OpenLineage's own client takes, facet by facet, and say what the dictionary says."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openlineage.client.generated import base
from openlineage.client.naming.dataset import Postgres
from openlineage.client.serde import Serde

from kpis.artifact import Surroundings
from kpis.checks import check_packs
from kpis.lineage import Naming, Outcome, Phase, RuleResult, RunFacts, Warehouse, job_event, render_all, render_kpi
from kpis.lineage import run_event as event_of_run
from kpis.lineage.facets import OWN_FACETS, VERSIONS
from kpis.lineage.openlineage import dumps
from kpis.schema import Kpi, SqlExpression
from tests.unit.kpis.lineage.openlineage_types import NotAnEventError, load

Event = dict[str, Any]
WAREHOUSE = Warehouse("db.acme.example", 5432, "acme")


@cache
def shipped() -> Surroundings:
    return Surroundings(check_packs(Path("kpis/packs"), root=Path()).dictionary)


@pytest.fixture
def around() -> Surroundings:
    return shipped()


def kpi_named(around: Surroundings, kpi_id: str) -> Kpi:
    return next(kpi for kpi in around.dictionary.kpis if kpi.id == kpi_id)


def rendered(kpi: Kpi, around: Surroundings) -> Event:
    (artifact,) = render_kpi(kpi, around)
    assert (artifact.path, artifact.kpi_ids) == (f"openlineage/{kpi.id}.json", (kpi.id,))
    return json.loads(artifact.content)


def run_event(kpi: Kpi, around: Surroundings, told: RunFacts, naming: Naming | None = None) -> Event:
    """The event as it is sent."""
    return json.loads(dumps(event_of_run(kpi, around, told, naming)))


def facts(around: Surroundings, kpi: Kpi, phase: Phase = Phase.COMPLETE, **changed: Any) -> RunFacts:
    made = RunFacts(
        run_id=7,
        tenant_id="acme",
        environment="prod",
        phase=phase,
        event_time=datetime(2026, 11, 3, 2, 0, 1, tzinfo=UTC),
        definition_hash=around.hash_of(kpi),
        period_start=datetime(2026, 11, 2, tzinfo=UTC),
        period_end=datetime(2026, 11, 3, tzinfo=UTC),
        sql_hash="ab" * 32,
        rows_read={source.gdp: 12 for source in kpi.gdp_sources},
        entities=4 if phase is Phase.COMPLETE else None,
        error_code="SQL_ERROR" if phase in (Phase.FAIL, Phase.ABORT) else None,
        error_message="division by zero" if phase is Phase.FAIL else None,
        pre_validation=tuple(RuleResult(rule.id, Outcome.PASSED) for rule in kpi.pre_validation),
        post_validation=tuple(RuleResult(rule.id, Outcome.FAILED, "[0, 365]", "400") for rule in kpi.post_validation),
    )
    return replace(made, **changed)


def pruned(value: Any) -> Any:
    """Without what the client adds to everything: absent and empty fields."""
    if isinstance(value, dict):
        return {key: pruned(each) for key, each in value.items() if each is not None and each not in ({}, [])}
    return [pruned(each) for each in value] if isinstance(value, list) else value


def test_every_shipped_kpi_is_a_job_event_of_the_client_and_comes_back_whole(around: Surroundings) -> None:
    for kpi in around.dictionary.kpis:
        event = rendered(kpi, around)
        assert pruned(Serde.to_dict(load(event, base.JobEvent, kpi.id))) == pruned(event)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("naming", [None, Naming.of_tenant("acme", "prod", WAREHOUSE)])
def test_every_phase_of_a_run_is_a_run_event_of_the_client(around: Surroundings, phase: Phase, naming: Naming | None) -> None:
    for kpi in around.dictionary.kpis:
        event = run_event(kpi, around, facts(around, kpi, phase), naming)
        assert pruned(Serde.to_dict(load(event, base.RunEvent, kpi.id))) == pruned(event)


def change(path: str, value: Any) -> Callable[[Event], None]:
    def changed(event: Event) -> None:
        *parents, last = path.split("/")
        found: Any = event
        for each in parents:
            found = found[int(each)] if isinstance(found, list) else found[each]
        if value is None:
            del found[last]
        else:
            found[int(last) if isinstance(found, list) else last] = value

    return changed


MUTATIONS = {
    "the wrong version of a facet": (
        change(
            "outputs/0/facets/columnLineage/_schemaURL",
            "https://openlineage.io/spec/facets/1-0-1/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet",
        ),
        "columnLineage._schemaURL",
    ),
    "the schema of another event": (change("schemaURL", "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"), "schemaURL"),
    "a facet without its producer's schema": (change("job/facets/sql/_schemaURL", None), "sql._schemaURL"),
    "a facet nobody knows": (change("job/facets/sqlText", {"query": "SELECT 1"}), "sqlText is not a facet of a JobFacet"),
    "a facet at the wrong place": (change("job/facets/schema", {"fields": []}), "schema is not a facet of a JobFacet"),
    "a list where text belongs": (change("job/facets/documentation/description", ["text"]), "is not a str"),
    "a missing field": (change("job/facets/sql/query", None), "query"),
    "a field the class does not have": (change("outputs/0/facets/columnLineage/columns", {}), "has no columns"),
    "a number for a name": (change("inputs/0/name", 5), "5 is not a str"),
    "a subtype of the wrong kind": (
        change("outputs/0/facets/columnLineage/dataset/0/transformations/0/subtype", "IDENTITY"),
        "INDIRECT has no subtype IDENTITY",
    ),
    "an event time without a time": (change("eventTime", "2026-11-02"), "has to contain time"),
    "a rule without severity": (change("outputs/0/facets/kpi_validationRules/rules/0/severity", None), "severity"),
    "a rule of an unknown phase": (change("outputs/0/facets/kpi_validationRules/rules/0/phase", "later"), "later"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_client_types_catch(around: Surroundings, name: str) -> None:
    mutate, expected = MUTATIONS[name]
    event = rendered(kpi_named(around, "CFO-EF-02"), around)
    load(copy.deepcopy(event), base.JobEvent, "event")
    mutate(event)
    with pytest.raises(NotAnEventError, match=expected.replace("[", r"\[")):
        load(event, base.JobEvent, "event")


def test_every_facet_version_is_the_one_of_the_client(around: Surroundings) -> None:
    """Loading compares each `_schemaURL`; here: no version is listed that nothing is compared with."""
    kpi = kpi_named(around, "CFO-EF-02")
    composite = kpi_named(around, "CFO-HX-01")
    naming = Naming.of_tenant("acme", "prod", WAREHOUSE)
    written = json.dumps(
        [
            job_event(composite, around),
            *(run_event(kpi, around, facts(around, kpi, phase), naming) for phase in (Phase.COMPLETE, Phase.FAIL)),
        ]
    )
    assert {name for name in VERSIONS if f"/{name}.json" not in written} == set()


def test_an_event_says_what_the_definition_says(around: Surroundings) -> None:
    kpi = kpi_named(around, "CFO-EF-02")
    assert isinstance(kpi.expression, SqlExpression)
    event = rendered(kpi, around)
    job = event["job"]
    tags = {tag["key"]: tag["value"] for tag in job["facets"]["tags"]["tags"]}
    assert (job["namespace"], job["name"]) == ("kpi-observatory", "CFO-EF-02")
    assert job["facets"]["sql"]["query"] == kpi.expression.sql
    assert job["facets"]["documentation"]["description"] == kpi.purpose
    assert job["facets"]["sourceCodeLocation"]["version"] == tags["definition_hash"] == around.hash_of(kpi)
    assert [each["name"] for each in event["inputs"]] == ["gdp.GDP_Receivables", "gdp.GDP_Sales"]
    assert event["outputs"][0]["name"] == "kpi.CFO-EF-02"
    value = event["outputs"][0]["facets"]["columnLineage"]["fields"]["value"]["inputFields"]
    assert [(each["name"], each["field"], each["transformations"][0]["subtype"]) for each in value] == [
        ("gdp.GDP_Receivables", "balance", "AGGREGATION"),
        ("gdp.GDP_Sales", "credit_sales", "AGGREGATION"),
    ]
    rules = event["outputs"][0]["facets"]["kpi_validationRules"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.id for rule in (*kpi.pre_validation, *kpi.post_validation)]
    assert event["eventTime"] == "2026-11-02T00:00:00Z"


def test_a_composite_comes_from_the_values_of_its_upstream_kpis(around: Surroundings) -> None:
    event = rendered(kpi_named(around, "CFO-HX-01"), around)
    upstream = ["kpi.CFO-LQ-07", "kpi.CFO-LQ-02", "kpi.CFO-LQ-03", "kpi.CFO-EF-02"]
    assert [each["name"] for each in event["inputs"]] == upstream
    value = event["outputs"][0]["facets"]["columnLineage"]["fields"]["value"]["inputFields"]
    assert {(each["name"], each["field"]) for each in value} == {(name, "value") for name in upstream}
    assert "weight 0.3" in event["job"]["facets"]["sourceCode"]["sourceCode"]


def test_a_gap_in_the_lineage_is_written_down_with_its_reason(around: Surroundings) -> None:
    kpi = kpi_named(around, "CFO-EF-02")
    broken = kpi.model_copy(
        update={"expression": SqlExpression(sql="SELECT nope AS entity, 1 AS value, 2 AS rows_processed FROM gdp_sales")}
    )
    changed = Surroundings(around.dictionary.model_copy(update={"kpis": (broken,)}))
    event = rendered(broken, changed)
    load(event, base.JobEvent, "event")
    gaps = event["outputs"][0]["facets"]["kpi_lineageGaps"]
    assert gaps["fields"] == {"entity": ["column nope is not a column of any table in sight"]}
    assert "kpi_lineageGaps" not in rendered(kpi, around)["outputs"][0]["facets"]


def test_events_of_a_tenant_never_share_a_name_with_another_tenant(around: Surroundings) -> None:
    kpi = kpi_named(around, "CFO-HX-01")
    names = [
        {(each["namespace"], each["name"]) for each in (event["job"], *event["inputs"], *event["outputs"])}
        for tenant in ("acme", "discco")
        for event in [run_event(kpi, around, facts(around, kpi, tenant_id=tenant))]
    ]
    assert names[0].isdisjoint(names[1])


def test_a_physical_table_has_the_name_the_client_gives_it_and_its_logical_name_as_symlink(around: Surroundings) -> None:
    kpi = kpi_named(around, "CFO-EF-02")
    event = run_event(kpi, around, facts(around, kpi), Naming.of_tenant("acme", "prod", WAREHOUSE))
    expected = Postgres(host="db.acme.example", port="5432", database="acme", schema="public", table="gdp_sales")
    table = event["inputs"][1]
    assert (table["namespace"], table["name"]) == (expected.get_namespace(), expected.get_name())
    assert table["facets"]["symlinks"]["identifiers"] == [
        {"namespace": "kpi-observatory.prod.acme", "name": "gdp.GDP_Sales", "type": "TABLE"}
    ]
    lineage = event["outputs"][0]["facets"]["columnLineage"]
    assert {each["name"] for each in lineage["dataset"]} == {"acme.public.gdp_receivables", "acme.public.gdp_sales"}


def test_all_events_of_a_run_share_one_id_and_other_runs_have_another(around: Surroundings) -> None:
    kpi = kpi_named(around, "CFO-EF-02")
    ids = {phase: run_event(kpi, around, facts(around, kpi, phase))["run"]["runId"] for phase in Phase}
    assert len(set(ids.values())) == 1
    others = [facts(around, kpi, run_id=8), facts(around, kpi, environment="dev"), facts(around, kpi, tenant_id="discco")]
    assert len({ids[Phase.START], *(each.uuid for each in others)}) == 4


def test_results_of_rules_stand_with_what_they_checked(around: Surroundings) -> None:
    kpi = kpi_named(around, "CFO-EF-02")
    results = (RuleResult("sales-available", Outcome.PASSED, ">= 3", "12"), RuleResult("receivables-fresh", Outcome.SKIPPED))
    event = run_event(kpi, around, facts(around, kpi, pre_validation=results))
    tests = {test["name"]: test["status"] for test in event["run"]["facets"]["test"]["tests"]}
    assert tests == {"sales-available": "pass", "receivables-fresh": "skip"} | {rule.id: "fail" for rule in kpi.post_validation}
    receivables, sales = event["inputs"]
    assert [each["name"] for each in sales["inputFacets"]["dataQualityAssertions"]["assertions"]] == ["sales-available"]
    assert "dataQualityAssertions" not in receivables["inputFacets"], "a rule that was not executed says nothing about its table"


def test_results_about_an_upstream_kpi_stand_with_its_dataset(around: Surroundings) -> None:
    kpi = kpi_named(around, "CFO-HX-01")
    event = run_event(kpi, around, facts(around, kpi))
    days = next(each for each in event["inputs"] if each["name"] == "kpi.CFO-EF-02")
    found = [each["name"] for each in days["inputFacets"]["dataQualityAssertions"]["assertions"]]
    assert found == ["sales-days-delivered", "sales-days-plausible"]


def test_facts_that_contradict_each_other_are_refused(around: Surroundings) -> None:
    kpi = kpi_named(around, "CFO-EF-02")
    with pytest.raises(ValueError, match="pass the definition it executed"):
        run_event(kpi, around, facts(around, kpi, definition_hash="0" * 64))
    with pytest.raises(ValueError, match="no rule 'invented'"):
        run_event(kpi, around, facts(around, kpi, pre_validation=(RuleResult("invented", Outcome.PASSED),)))
    with pytest.raises(ValueError, match="FAIL needs error_code"):
        facts(around, kpi, Phase.FAIL, error_code=None)
    with pytest.raises(ValueError, match="COMPLETE has no error_code"):
        facts(around, kpi, error_code="SQL_ERROR")
    with pytest.raises(ValueError, match="event_time without a time zone"):
        facts(around, kpi, event_time=datetime(2026, 11, 3))  # noqa: DTZ001


text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
hostile = st.one_of(text, st.sampled_from(["</script>", "{{ 7 * 7 }}", "\"'`", "a\nb\x00", "数据 🙈 \u202e", "x" * 120]))


@settings(max_examples=50, deadline=None)
@given(name=hostile, purpose=hostile, owner=hostile)
def test_hostile_text_comes_back_as_it_was(name: str, purpose: str, owner: str) -> None:
    around = shipped()
    kpi = kpi_named(around, "CFO-HX-01")
    owners = kpi.owners.model_copy(update={"business": owner})
    changed = kpi.model_copy(update={"name": name, "purpose": purpose, "owners": owners})
    kpis = tuple(changed if each.id == kpi.id else each for each in around.dictionary.kpis)
    event = rendered(changed, Surroundings(around.dictionary.model_copy(update={"kpis": kpis})))
    load(event, base.JobEvent, "event")
    assert event["job"]["facets"]["documentation"]["description"] == purpose
    assert event["job"]["facets"]["ownership"]["owners"][0]["name"] == owner
    assert {"key": "kpi_name", "value": name, "source": "KPI_DICTIONARY"} in event["job"]["facets"]["tags"]["tags"]


def test_equal_dictionaries_give_equal_bytes(around: Surroundings) -> None:
    again = Surroundings(check_packs(Path("kpis/packs"), root=Path()).dictionary)
    first = [artifact for kpi in around.dictionary.kpis for artifact in render_kpi(kpi, around)]
    assert first == [artifact for kpi in again.dictionary.kpis for artifact in render_kpi(kpi, again)]
    assert list(render_all(around)) == list(render_all(again))


def test_the_schemas_of_our_own_facets_are_rendered_under_the_names_events_give_them(around: Surroundings) -> None:
    schemas = {artifact.path: json.loads(artifact.content) for artifact in render_all(around) if artifact.path.startswith("openlineage/")}
    assert {schema["$id"].rpartition(":")[2] for schema in schemas.values()} == set(OWN_FACETS)
    event = json.dumps(job_event(kpi_named(around, "CFO-EF-02"), around))
    assert schemas["openlineage/schemas/KpiValidationRulesDatasetFacet.json"]["$id"] in event
