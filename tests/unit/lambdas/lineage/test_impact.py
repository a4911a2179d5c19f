"""What a change touches, on the shipped packs and on made-up graphs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from kpis.schema import Kpi
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.lineage import Change, ChangeKind, Graph, ImpactReport, graph_of, impact, parse_change
from lambdas.domain.lineage.reach import Effect
from tests.unit.lambdas.lineage.factory import graph, kpi
from tests.unit.lambdas.lineage.test_drawings import golden

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
EXAMPLES = (
    ("acme", "CFO-EF-02", "definition"),
    ("acme", "CFO-EF-02", "source:GDP_Sales"),
    ("acme", "CFO-EF-02", "source:GDP_Sales.credit_sales"),
    ("acme", "CFO-LQ-07", "schedule:30 6 * * *"),
    ("acme", "CFO-CA-01", "sla"),
    ("skyway", "SKY-OT-01", "deprecation"),
    ("discco", "COM-OR-01", "schedule"),
)


def report(tenant: str, kpi_id: str, change: str) -> ImpactReport:
    of = graph(tenant)
    return impact(of, tenant, parse_change(of.kpis[kpi_id], change), NOW)


def made(kpis: list[Kpi], change: Change) -> ImpactReport:
    return impact(graph_of(kpis), "acme", change, NOW)


def effects(found: ImpactReport) -> dict[str, Effect]:
    return {each.kpi_id: each.effect for each in found.affected}


def test_the_examples_on_the_shipped_packs_are_the_committed_ones() -> None:
    """Words and JSON, as a person and as a program get them."""
    documents = []
    for example in EXAMPLES:
        found = report(*example)
        documents.append({"ask": list(example), "words": list(found.sentences), "report": found.model_dump(mode="json", exclude_none=True)})
    golden("impact.json", json.dumps(documents, indent=1, ensure_ascii=False) + "\n")


def test_a_new_definition_reaches_all_who_compute_with_it_by_a_path_that_exists() -> None:
    of, found = graph("acme"), report("acme", "CFO-CA-01", "definition")
    assert effects(found) == {"CFO-CA-01": Effect.OWN} | dict.fromkeys(
        ("CFO-LQ-01", "CFO-LQ-02", "CFO-LQ-03", "CFO-LQ-07", "CFO-HX-01"), Effect.VALUE
    )
    links = {(link.source, link.target) for link in of.links}
    for each in found.affected:
        assert each.path[0] == "kpi:CFO-CA-01"
        assert each.path[-1] == f"kpi:{each.kpi_id}"
        assert all(pair in links for pair in pairwise(each.path))


def test_a_column_reaches_fewer_than_its_table_and_says_how_it_is_used() -> None:
    table, column = report("acme", "CFO-EF-02", "source:GDP_Sales"), report("acme", "CFO-EF-02", "source:GDP_Sales.credit_sales")
    assert effects(table)["CFO-RV-01"] is Effect.VALUE
    assert effects(column)["CFO-RV-01"] is Effect.DELIVERY
    assert next(each.uses for each in column.affected if each.kpi_id == "CFO-RV-01")[0].value == "is checked by a rule"
    assert effects(column)["CFO-EF-02"] is Effect.VALUE


def test_a_column_nobody_uses_reaches_nothing() -> None:
    of = graph("acme")
    sales = of.sources["GDP_Sales"]
    wider = sales.model_copy(update={"columns": dict(sales.columns) | {"memo": next(iter(sales.columns.values()))}})
    change = Change(kind=ChangeKind.SOURCE, source="GDP_Sales", column="memo")
    found = impact(graph_of(of.kpis.values(), (wider,)), "acme", change, NOW)
    assert found.affected == ()
    assert found.sentences == ("A change of column memo of table GDP_Sales reaches no KPIs.",)


def test_a_later_start_names_who_would_start_before_it_and_the_deadline_it_misses() -> None:
    warnings = report("acme", "CFO-LQ-07", "schedule:30 6 * * *").warnings
    assert [each.split(" ")[0] for each in warnings] == ["CFO-HX-01", "CFO-LQ-07"]
    assert "within its grace" in warnings[1]
    assert "beyond its grace of 1h" in report("acme", "CFO-LQ-07", "schedule:30 8 * * *").warnings[1]


def test_an_earlier_start_names_the_upstreams_that_are_not_there_yet() -> None:
    warnings = report("acme", "CFO-LQ-07", "schedule:30 1 * * *").warnings
    assert [each.partition("upstream ")[2].split(" ")[0] for each in warnings] == ["CFO-AR-01", "CFO-CA-01", "CFO-IN-01", "CFO-LI-01"]


def test_a_start_that_keeps_the_order_warns_of_nothing() -> None:
    assert report("acme", "CFO-LQ-07", "schedule:31 2 * * *").warnings == ()


def test_who_starts_on_completion_is_rescheduled_too() -> None:
    follower = kpi("SH-BB-01", ["SH-AA-01"], schedule={"frequency": "daily", "trigger": "event", "event": "kpi-completed"})
    found = made([kpi("SH-AA-01"), follower], Change(kind=ChangeKind.SCHEDULE, kpi_id="SH-AA-01"))
    assert [each.kpi_id for each in found.reruns] == ["SH-AA-01", "SH-BB-01"]


def test_an_sla_reaches_only_who_waits_for_the_delivery() -> None:
    chain = [kpi("SH-AA-01"), kpi("SH-BB-01", ["SH-AA-01"]), kpi("SH-BB-02", ["SH-AA-01"], gated=False), kpi("SH-CC-01", ["SH-BB-02"])]
    found = made(chain, Change(kind=ChangeKind.SLA, kpi_id="SH-AA-01"))
    assert effects(found) == {"SH-AA-01": Effect.OWN, "SH-BB-01": Effect.DELIVERY}


def test_a_deprecation_takes_an_input_away_and_asks_for_a_review_of_variants() -> None:
    found = report("skyway", "SKY-OT-01", "deprecation")
    assert effects(found) == {"SKY-OT-01": Effect.OWN, "SKY-PX-01": Effect.LOSES}
    assert found.variants == ("SKY-OT-01-A0", "SKY-OT-01-CAR", "SKY-OT-01-MON")
    assert found.reruns[0].after is None
    assert "cannot be retired while it is read by SKY-PX-01" in found.warnings[0]


def test_who_pins_a_version_keeps_it_when_the_definition_changes_and_loses_it_when_that_version_ends() -> None:
    version = kpi("SH-AA-01").contract_version
    graphed = [kpi("SH-AA-01"), kpi("SH-BB-01", {"SH-AA-01": version}), kpi("SH-BB-02", {"SH-AA-01": "0.9.0"})]
    changed = made(graphed, Change(kind=ChangeKind.DEFINITION, kpi_id="SH-AA-01"))
    assert effects(changed) == {"SH-AA-01": Effect.OWN}
    assert len(changed.warnings) == 2
    ended = made(graphed, Change(kind=ChangeKind.DEPRECATION, kpi_id="SH-AA-01"))
    assert effects(ended) == {"SH-AA-01": Effect.OWN, "SH-BB-01": Effect.LOSES}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"purpose": "Other words"}, {"SH-AA-01": Effect.OWN}),
        ({"unit": "EUR"}, {"SH-AA-01": Effect.OWN, "SH-BB-01": Effect.VALUE}),
        ({"verdict": {"direction": "higher_is_better", "adequate": 9, "low": 1}}, {"SH-AA-01": Effect.OWN, "SH-BB-01": Effect.DELIVERY}),
    ],
)
def test_of_a_given_definition_only_what_differs_counts(fields: dict[str, object], expected: dict[str, Effect]) -> None:
    change = Change(kind=ChangeKind.DEFINITION, kpi_id="SH-AA-01", definition=kpi("SH-AA-01", **fields))
    assert effects(made([kpi("SH-AA-01"), kpi("SH-BB-01", ["SH-AA-01"])], change)) == expected


def test_the_report_names_the_callers_tenant_and_no_other() -> None:
    """A definition may say who else has it; that is not the caller's to know."""
    shared = kpi("SH-AA-01", tenants=["acme", "rival"])
    found = made([shared], Change(kind=ChangeKind.DEFINITION, kpi_id="SH-AA-01"))
    assert found.tenants == ("acme",)
    assert "rival" not in found.model_dump_json()


def test_criticality_alerts_and_objectives_are_of_what_is_reached() -> None:
    found = report("acme", "CFO-AR-01", "definition")
    reached = {each.kpi_id for each in found.affected}
    assert found.highest_criticality == "critical"
    assert {each.kpi_id for each in found.alarms} <= reached
    assert {each.kpi_id for each in found.slos} == reached
    assert {each.kpi_id for each in found.alarms if each.kind == "tier-0 alarm"} == {"CFO-LQ-07", "CFO-HX-01"}


@pytest.mark.parametrize(
    "text", ["", "everything", "source:", "source:GDP_Sales.", "source:GDP Sales", "schedule:", "definition ", "source:x.y.z", "SLA"]
)
def test_a_change_that_is_none_of_the_known_is_refused_with_the_known_ones(text: str) -> None:
    with pytest.raises(KpiError, match=r"source:<table>\.<column>") as caught:
        parse_change(graph("acme").kpis["CFO-EF-02"], text)
    assert caught.value.code is ErrorCode.INVALID_INPUT


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source:GDP_Cash", "does not read GDP_Cash; it reads GDP_Receivables, GDP_Sales"),
        ("schedule:0 2 1 * 1", "restricts day of month and day of week"),
        ("schedule:0 2 * * * *", "is not five valid fields"),
    ],
)
def test_a_change_that_cannot_be_says_why(text: str, message: str) -> None:
    with pytest.raises(KpiError, match=message):
        parse_change(graph("acme").kpis["CFO-EF-02"], text)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "source"},
        {"kind": "sla"},
        {"kind": "sla", "kpi_id": "SH-AA-01", "source": "x"},
        {"kind": "sla", "kpi_id": "SH-AA-01", "column": "x"},
    ],
)
def test_a_change_is_about_one_thing(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Change.model_validate(fields)


def test_what_is_not_in_the_graph_is_not_found() -> None:
    for change in (
        Change(kind=ChangeKind.SLA, kpi_id="SKY-OT-01"),
        Change(kind=ChangeKind.SOURCE, source="GDP_Flights"),
        Change(kind=ChangeKind.SOURCE, source="GDP_Sales", column="nothing"),
    ):
        with pytest.raises(KpiError) as caught:
            impact(graph("acme"), "acme", change, NOW)
        assert caught.value.code is ErrorCode.NOT_FOUND


@st.composite
def catalogs(draw: st.DrawFn) -> list[Kpi]:
    """KPIs that read earlier ones."""
    count = draw(st.integers(1, 9))
    found = []
    for number in range(count):
        earlier = [f"SH-AA-{each:02d}" for each in range(number)]
        reads = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3)) if earlier else []
        found.append(kpi(f"SH-AA-{number:02d}", reads, gated=draw(st.booleans())))
    return found


def below(of: Graph, kpi_id: str) -> set[str]:
    """Everything that reads a KPI through any number of steps, told the slow way."""
    reached = {kpi_id}
    for _ in of.kpis:
        reached |= {each.id for each in of.kpis.values() if reached & {ref.kpi for ref in each.kpi_sources}}
    return reached


@given(catalogs(), st.data())
@settings(max_examples=100, deadline=None)
def test_exactly_what_is_below_is_reached_by_shortest_paths(kpis: list[Kpi], data: st.DataObject) -> None:
    of = graph_of(kpis)
    start = data.draw(st.sampled_from(sorted(of.kpis)))
    for kind in (ChangeKind.DEFINITION, ChangeKind.DEPRECATION):
        found = impact(of, "acme", Change(kind=kind, kpi_id=start), NOW)
        assert set(effects(found)) == below(of, start)
        paths = {each.kpi_id: each.path for each in found.affected}
        for each in found.affected:
            for ref in of.kpis[each.kpi_id].kpi_sources:
                if ref.kpi in paths and kind is ChangeKind.DEFINITION:
                    assert len(each.path) <= len(paths[ref.kpi]) + 1
    late = impact(of, "acme", Change(kind=ChangeKind.SLA, kpi_id=start), NOW)
    assert set(effects(late)) <= below(of, start)
    assert all(of.kpis[each.kpi_id].pre_validation for each in late.affected if each.effect is Effect.DELIVERY)
