"""Lineage of a KPI by the kind of its expression."""

from pathlib import Path

import pytest

from kpis.artifact import Surroundings
from kpis.lineage import ColumnLineage, column_lineage
from kpis.lineage.model import Input
from kpis.loader import read_dictionary
from kpis.schema import FormulaExpression, SqlExpression
from tests.unit.kpis.build import Shop
from tests.unit.kpis.lineage.statements import LETTERS


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def said(inputs: tuple[Input, ...]) -> dict[str, str]:
    return {f"{each.field.dataset}.{each.field.name}": " ".join(LETTERS[use.subtype] for use in each.uses) for each in inputs}


def lineage(shop: Shop, kpi_id: str) -> ColumnLineage:
    dictionary = read_dictionary(shop.write()).dictionary
    return column_lineage(next(kpi for kpi in dictionary.kpis if kpi.id == kpi_id), Surroundings(dictionary))


def test_a_primary_comes_from_the_columns_of_its_table(shop: Shop) -> None:
    found = lineage(shop, "SH-RV-01")
    assert said(found.output("value").inputs) == {"gdp:GDP_Sales.amount": "A"}
    assert said(found.output("entity").inputs) == {}
    assert said(found.output("rows_processed").inputs) == {}
    assert said(found.rows) == {"gdp:GDP_Sales.loaded_at": "filter", "gdp:GDP_Sales.sold_on": "filter"}


def test_a_secondary_comes_from_the_values_of_its_upstream_kpis_joined_by_entity(shop: Shop) -> None:
    found = lineage(shop, "SH-AV-01")
    assert said(found.output("value").inputs) == {"kpi:SH-RV-01.value": "T", "kpi:SH-RV-02.value": "if T"}
    assert said(found.output("entity").inputs) == {"kpi:SH-RV-01.entity": "I"}
    assert said(found.rows) == {"kpi:SH-RV-01.entity": "join", "kpi:SH-RV-02.entity": "join"}


def test_a_formula_that_is_only_an_alias_passes_the_value_on(shop: Shop) -> None:
    shop["SH-AV-01"].update(sources=[{"kpi": "SH-RV-01", "as": "revenue"}], expression={"formula": "Revenue"}, pre_validation=[])
    found = lineage(shop, "SH-AV-01")
    assert said(found.output("value").inputs) == {"kpi:SH-RV-01.value": "I"}
    assert found.rows == ()


def test_a_composite_blends_the_values_it_has_weights_for(shop: Shop) -> None:
    found = lineage(shop, "SH-IX-01")
    assert said(found.output("value").inputs) == {"kpi:SH-AV-01.value": "T", "kpi:SH-RV-01.value": "T"}


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (FormulaExpression(formula="revenue / orders +"), "the formula is not read"),
        (FormulaExpression(formula="revenue / visitors"), "column visitors is not a column of any table in sight"),
        (SqlExpression(sql="DELETE FROM gdp_sales"), "the statement is not read"),
    ],
)
def test_an_expression_that_cannot_be_read_is_unknown_with_its_reason(
    shop: Shop, expression: FormulaExpression | SqlExpression, reason: str
) -> None:
    dictionary = read_dictionary(shop.write()).dictionary
    kpi = next(kpi for kpi in dictionary.kpis if kpi.id == "SH-AV-01").model_copy(update={"expression": expression})
    found = column_lineage(kpi, Surroundings(dictionary))
    assert not found.complete
    assert any(reason in gap for gap in found.output("value").gaps), found
