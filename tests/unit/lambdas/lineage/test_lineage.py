"""The graph around a KPI: what is in it, how far it goes, and what runs add."""

from __future__ import annotations

import json

import pytest

from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.lineage import ColumnUse, Direction, Evidence, LinkKind, NodeKind, graph_of, inputs_of, lineage, observations, observed
from tests.unit.lambdas.lineage.factory import dictionary, graph, kpi


def nodes(tenant: str, kpi_id: str, depth: int = 9, direction: Direction = Direction.BOTH) -> set[str]:
    return {node.id for node in lineage(graph(tenant), kpi_id, depth, direction).nodes}


def test_a_composite_comes_from_golden_data_through_the_kpis_between() -> None:
    up = nodes("acme", "CFO-HX-01", direction=Direction.UP)
    assert {"gdp:GDP_Cash", "gdp:GDP_Receivables", "gdp:GDP_Sales", "kpi:CFO-CA-01", "kpi:CFO-LQ-07", "kpi:CFO-EF-02"} <= up
    assert not {node for node in up if node.startswith(("dashboard:", "team:"))}


def test_a_primary_ends_in_dashboards_reports_and_teams() -> None:
    down = nodes("acme", "CFO-EF-02", direction=Direction.DOWN)
    assert down == {
        "kpi:CFO-EF-02",
        "kpi:CFO-EF-01",
        "kpi:CFO-HX-01",
        "dashboard:CFO liquidity",
        "team:Treasury",
        "report:Monthly board pack",
        "report:daily mail to cfo-office@acme.example",
    }


def test_depth_counts_steps_in_both_directions() -> None:
    found = lineage(graph("acme"), "CFO-LQ-07", 1)
    assert {abs(steps) for steps in found.distance.values()} == {0, 1}
    assert found.distance["kpi:CFO-CA-01"] == -1
    assert found.distance["kpi:CFO-HX-01"] == 1
    assert "gdp:GDP_Cash" not in found.distance


def test_a_check_over_another_kpi_is_a_link_that_carries_no_value() -> None:
    links = {(link.source, link.target): link for link in graph("acme").links}
    assert links["kpi:CFO-LQ-01", "kpi:CFO-LQ-07"].kind is LinkKind.CHECKS
    assert links["kpi:CFO-CA-01", "kpi:CFO-LQ-07"].kind is LinkKind.READS
    assert links["kpi:CFO-CA-01", "kpi:CFO-LQ-07"].gates


def test_a_graph_shows_only_what_it_was_given() -> None:
    """Isolation is by construction: an upstream that is not among the definitions is its id and nothing else."""
    alone = graph_of([kpi("SH-BB-01", ["SH-AA-01"])])
    assert alone.nodes["kpi:SH-AA-01"].name == "SH-AA-01"
    assert alone.nodes["kpi:SH-AA-01"].version == ""
    for tenant in ("acme", "discco", "skyway"):
        own = {f"kpi:{each.id}" for each in dictionary().kpis if tenant in each.tenants}
        assert {node.id for node in graph(tenant).nodes.values() if node.kind is NodeKind.KPI} == own


@pytest.mark.parametrize("kpi_id", ["SKY-OT-01", "NO-SUCH-01"])
def test_a_kpi_of_another_tenant_is_as_unknown_as_one_that_does_not_exist(kpi_id: str) -> None:
    with pytest.raises(KpiError) as caught:
        lineage(graph("acme"), kpi_id)
    assert (caught.value.code, caught.value.message) == (ErrorCode.NOT_FOUND, f"there is no KPI {kpi_id}")


@pytest.mark.parametrize("depth", [0, -1, 51])
def test_a_depth_out_of_bounds_is_refused(depth: int) -> None:
    with pytest.raises(KpiError, match="ask for 1 to 50"):
        lineage(graph("acme"), "CFO-EF-02", depth)


def test_of_too_many_nodes_the_nearest_are_kept_and_the_rest_is_counted() -> None:
    whole, part = lineage(graph("acme"), "CFO-HX-01", 9), lineage(graph("acme"), "CFO-HX-01", 9, limit=5)
    assert part.left_out == len(whole.nodes) - 5
    assert max(map(abs, part.distance.values())) <= min(abs(whole.distance[node.id]) for node in whole.nodes if node not in part.nodes)
    assert {end for link in part.links for end in (link.source, link.target)} <= set(part.distance)


def test_the_answer_is_plain_json() -> None:
    document = json.loads(json.dumps(lineage(graph("acme"), "CFO-EF-02", 2).as_json()))
    assert document["root"] == "kpi:CFO-EF-02"
    assert {"id": "team:Treasury", "kind": "team", "name": "Treasury", "distance": 1} in document["nodes"]


def row(run_id: int, kpi_id: str, kind: str, name: str, **more: object) -> dict[str, object]:
    common = {"tenant_id": "acme", "environment": "prod", "attributes": '["balance"]', "source_version": "7"}
    return common | {"run_id": run_id, "kpi_id": kpi_id, "source_type": kind, "source_object": name} | more


def test_runs_confirm_what_is_declared_and_name_the_latest_run_and_version() -> None:
    rows = [row(2, "CFO-AR-01", "gdp", "GDP_Receivables"), row(1, "CFO-AR-01", "gdp", "GDP_Receivables", source_version="6")]
    links = {(link.source, link.target): link for link in observed(graph("acme"), observations(rows, "acme", "prod")).links}
    seen = links["gdp:GDP_Receivables", "kpi:CFO-AR-01"]
    assert (seen.evidence, int(seen.last_run), seen.source_version) == (Evidence.BOTH, 2, "7")
    assert links["gdp:GDP_Cash", "kpi:CFO-CA-01"].evidence is Evidence.DECLARED


def test_what_only_a_run_read_is_in_the_lineage_as_observed() -> None:
    rows = [row(3, "CFO-AR-01", "gdp", "GDP_Old_Ledger"), row(4, "CFO-AR-01", "kpi", "CFO-XX-01")]
    with_runs = observed(graph("acme"), observations(rows, "acme", "prod"))
    extra = {link.source: link for link in with_runs.links if link.evidence is Evidence.OBSERVED}
    assert set(extra) == {"gdp:GDP_Old_Ledger", "kpi:CFO-XX-01"}
    assert extra["gdp:GDP_Old_Ledger"].columns == ("balance",)
    assert "gdp:GDP_Old_Ledger" in {node.id for node in lineage(with_runs, "CFO-AR-01", 1).nodes}


def test_runs_of_other_tenants_and_environments_are_left_out() -> None:
    rows = [
        row(1, "CFO-AR-01", "gdp", "GDP_Secret", tenant_id="skyway"),
        row(2, "CFO-AR-01", "gdp", "GDP_Secret", environment="dev"),
        row(3, "CFO-AR-01", "gdp", "GDP_Secret", tenant_id=None),
    ]
    assert observations(rows, "acme", "prod") == ()


def test_columns_behind_a_kpi_come_from_its_statement_its_rules_and_its_tables() -> None:
    of = graph("acme").kpis["CFO-EF-02"]
    found = {(each.source, each.column): each.uses for each in inputs_of(of, graph("acme").sources)}
    assert found["GDP_Receivables", "balance"] == (ColumnUse.VALUE, ColumnUse.RULE)
    assert found["GDP_Sales", "credit_sales"][0] is ColumnUse.VALUE
    assert ColumnUse.TIME in found["GDP_Sales", graph("acme").sources["GDP_Sales"].period_column]
    assert ("GDP_Sales", "cash_sales") not in found


def test_a_column_that_is_declared_but_not_read_is_told_apart() -> None:
    of = graph("acme").kpis["CFO-RV-01"]
    found = {(each.source, each.column): each.uses for each in inputs_of(of, graph("acme").sources)}
    assert found["GDP_Sales", "credit_sales"] == (ColumnUse.RULE, ColumnUse.UNREAD)


def test_a_table_nobody_described_still_has_its_declared_columns() -> None:
    assert [(each.column, each.uses) for each in inputs_of(kpi("SH-AA-01"), {})] == [("amount", (ColumnUse.DECLARED,))]
