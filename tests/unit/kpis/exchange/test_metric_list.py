"""A metric list comes in by its mapping; every cell is in the pack, in the report, or an error with its row."""

import copy
from typing import Any

import pytest

from kpis.exchange.draft import Imported, Options, check_artifacts
from kpis.exchange.ledger import Fate, losses
from kpis.exchange.mapping import MetricListMapping, read_mapping
from kpis.exchange.metric_list import import_list
from kpis.exchange.rows import Row, Rows, read_rows
from kpis.exchange.trees import read_documents
from kpis.schema import Kpi
from tests.unit.kpis.exchange.conftest import INPUTS, ROOT, pack_text, report_text

OPTIONS = Options(pack="hotel", tenants=("acme",), date="2026-01-31")


@pytest.fixture(scope="module")
def mapping() -> MetricListMapping:
    documents, problems = read_documents("mapping.yaml", (INPUTS / "metric_list_mapping.yaml").read_bytes())
    assert problems == []
    found, problems = read_mapping(documents[0])
    assert found is not None, problems
    return found


@pytest.fixture(scope="module")
def rows() -> Rows:
    return read_rows("list.csv", (INPUTS / "metric_list.csv").read_bytes(), delimiter=";")


def changed(rows: Rows, index: int, **cells: str) -> Rows:
    found = [Row(row.line, copy.copy(row.cells)) for row in rows.rows]
    found[index].cells.update({name.replace("_", " "): cell for name, cell in cells.items()})
    return Rows(rows.file, rows.header, tuple(found), rows.problems)


def kpi(result: Imported, kpi_id: str) -> Kpi:
    return next(each for each in result.dictionary.kpis if each.id == kpi_id)


def test_the_pack_passes_the_check_of_the_dictionary(rows: Rows, mapping: MetricListMapping) -> None:
    result = import_list(rows, mapping, OPTIONS)
    assert result.problems == ()
    assert check_artifacts(result.artifacts(), ROOT) == ()


def test_cells_become_fields_by_the_mapping(rows: Rows, mapping: MetricListMapping) -> None:
    found = kpi(import_list(rows, mapping, OPTIONS), "HOT-RV-01")
    assert (found.criticality, found.verdict.adequate, found.owners.business, found.owners.technical) == (
        "critical", 1200.5, "Front office", "Hotel IT",
    )  # fmt: skip
    assert found.purpose == "What rooms brought\nComment: Without breakfast"
    assert kpi(import_list(rows, mapping, OPTIONS), "HOT-NI-01").criticality == "low"


def test_a_column_nobody_mapped_is_reported_for_each_row_that_has_it(rows: Rows, mapping: MetricListMapping) -> None:
    lost = {(entry.line, entry.path): (entry.note, entry.value) for entry in losses(import_list(rows, mapping, OPTIONS).ledger.entries())}
    assert lost[2, "[0].Colour"] == ("the mapping names no field of HOT-RV-01 for the column", "blue")
    assert lost[3, "[1].Row"] == ("the number of the row in the spreadsheet", "2")
    assert (3, "[1].Colour") not in lost


def test_no_cell_can_change_without_a_change_in_the_pack_or_the_report(rows: Rows, mapping: MetricListMapping) -> None:
    before = import_list(rows, mapping, OPTIONS)
    fates = {entry.path: entry.fate for entry in before.ledger.entries()}
    silent: list[Any] = []
    for index, row in enumerate(rows.rows):
        for column, cell in row.cells.items():
            result = import_list(changed(rows, index, **{column: f"{cell}1"}), mapping, OPTIONS)
            in_pack = pack_text(result) != pack_text(before)
            if fates[f"[{index}].{column}"] >= Fate.CARRIED and not (result.problems or in_pack):
                silent.append((index, column))
            if report_text(result) == report_text(before) and not in_pack:
                silent.append((index, column))
    assert silent == []


def test_every_wrong_cell_is_told_at_once_with_its_row(rows: Rows, mapping: MetricListMapping) -> None:
    wrong = changed(changed(rows, 0, Green_from="1.200,50", Kind="bse"), 2, KPI="HOT-RV-01", Reads="HOT-RV-01")
    found = [str(problem) for problem in import_list(wrong, mapping, OPTIONS).problems]
    assert any(each.startswith("list.csv:2:") and "'1.200,50' is not a number with ','" in each for each in found)
    assert any(each.startswith("list.csv:2:") and "did you mean 'base'?" in each for each in found)
    assert any(each.startswith("list.csv:4:") and "has no alias" in each for each in found)


def test_a_duplicate_is_told_with_its_row(rows: Rows, mapping: MetricListMapping) -> None:
    (found,) = import_list(changed(rows, 1, KPI="HOT-RV-01"), mapping, OPTIONS).problems
    assert str(found) == "list.csv:3: duplicate-id: '[1]': kpi 'HOT-RV-01' comes twice; give one of them another id"


def test_a_column_of_the_mapping_that_is_not_there_is_told(rows: Rows, mapping: MetricListMapping) -> None:
    fewer = Rows(rows.file, tuple(name for name in rows.header if name != "Owner"), rows.rows)
    (found,) = [each for each in import_list(fewer, mapping, OPTIONS).problems if each.code == "missing-column"]
    assert "columns.owners.business of the mapping names the column 'Owner'" in found.message


def test_every_mistake_of_a_mapping_is_told_with_its_line() -> None:
    text = "columns:\n  name: Metric\n  colour: Colour\n  tier: {column: T, decimal: ';'}\nencodng: x\n"
    documents, _ = read_documents("mapping.yaml", text.encode())
    found, problems = read_mapping(documents[0])
    assert found is None
    assert [str(problem).split(": ")[0] for problem in problems] == ["mapping.yaml:4", "mapping.yaml:5"]


def test_a_json_list_is_read_like_rows() -> None:
    content = b'[{"name": "Guests", "owner": {"name": "Front office"}, "tags": ["a"]}]'
    rows = read_rows("list.json", content)
    assert rows.header == ("name", "owner.name", "tags")
    mapping = MetricListMapping.model_validate({"columns": {"name": "name", "owners.business": "owner.name"}, "carry": ["tags"]})
    result = import_list(rows, mapping, OPTIONS)
    assert [
        problem.message for problem in result.problems if "sources" not in problem.message and "expression" not in problem.message
    ] == []
