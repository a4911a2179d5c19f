"""The dictionary as CSV and JSON comes back as the equal dictionary, and no cell of it runs in a spreadsheet."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.exchange.cells import CellKind, csv_bytes, guarded, plain, read_cell, write_cell
from kpis.exchange.rows import Rows, read_rows
from kpis.exchange.tables import KPI_COLUMNS, TABLES, export_csv, export_json, read_json, read_tables
from kpis.schema import Dictionary
from tests.unit.kpis.exchange.conftest import with_text

HOSTILE = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "'quoted",
    '""',
    "a,b",
    'say "no"',
    "line\nbreak",
    "{{ x }}",
    "</script>",
    "漢字",
    "; DROP",
    "08",
    " ",
]


def tables_of(dictionary: Dictionary) -> dict[str, Rows]:
    return {artifact.path.removesuffix(".csv"): read_rows(artifact.path, artifact.content) for artifact in export_csv(dictionary)}


def test_a_dictionary_comes_back_from_csv_as_it_was(dictionary: Dictionary) -> None:
    assert read_tables(tables_of(dictionary)) == (dictionary, [])


def test_a_dictionary_comes_back_from_json_as_it_was(dictionary: Dictionary) -> None:
    (artifact,) = export_json(dictionary)
    assert read_json(artifact.path, json.loads(artifact.content)) == (dictionary, [])


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_back_as_it_was(dictionary: Dictionary, text: str) -> None:
    changed = with_text(dictionary, text)
    assert read_tables(tables_of(changed)) == (changed, [])
    (artifact,) = export_json(changed)
    assert read_json(artifact.path, json.loads(artifact.content)) == (changed, [])


@pytest.mark.parametrize(("name", "model", "columns"), [(name, *table) for name, table in TABLES.items()])
def test_every_field_of_an_entry_has_a_column(name: str, model: type, columns: tuple) -> None:
    """A field added to the model must be added here as well, or it would be lost."""
    fields = {column.path.split(".")[0] for column in columns}
    assert fields == set(model.model_fields) - {"kind"}, f"{name} and its columns differ"


def test_the_columns_stand_in_a_fixed_order(dictionary: Dictionary) -> None:
    content = next(artifact.content for artifact in export_csv(dictionary) if artifact.path == "kpis.csv")
    header = next(csv.reader(io.StringIO(content.decode())))
    assert header == [column.name for column in KPI_COLUMNS]


@given(st.text())
def test_no_text_becomes_a_formula_and_every_text_comes_back(text: str) -> None:
    cell = guarded(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert plain(cell) == text
    assert read_cell(write_cell(text, CellKind.TEXT), CellKind.TEXT) == text


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2, max_size=2), max_size=5))
def test_cells_survive_the_file(rows: list[list[str]]) -> None:
    written = csv_bytes(["a", "b"], [[guarded(cell) for cell in row] for row in rows])
    assert [[plain(cell) for cell in row.cells.values()] for row in read_rows("x.csv", written).rows] == rows


def test_a_byte_order_mark_and_utf_16_are_read(dictionary: Dictionary) -> None:
    content = next(artifact.content for artifact in export_csv(dictionary) if artifact.path == "packs.csv")
    expected = read_rows("packs.csv", content)
    assert read_rows("packs.csv", b"\xef\xbb\xbf" + content) == expected
    assert read_rows("packs.csv", content.decode().encode("utf-16")) == expected


def test_every_wrong_cell_is_named_by_file_line_and_column(dictionary: Dictionary) -> None:
    tables = tables_of(dictionary)
    first, second = tables["kpis"].rows[:2]
    first.cells["adequate"] = "a lot"
    second.cells["sla"] = "[{"
    second.cells["criticality"] = "extreme"
    found = [str(problem) for problem in read_tables(tables)[1]]
    assert any(each.startswith(f"kpis.csv:{first.line}: invalid-value: column 'adequate': 'a lot' is not a number") for each in found)
    assert any(f"kpis.csv:{second.line}:" in each and "column 'sla'" in each and "not JSON" in each for each in found)
    assert any("criticality" in each for each in found)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id,id\n1,2\n", "x.csv:1: duplicate-column: 'id' is the name of 2 columns"),
        (b"id,name\n1\n", "x.csv:2: row-length: 1 cells where the header has 2"),
        (b'id,name\n1,"open\n', "csv-syntax"),
        (b"", "x.csv:1: no-rows"),
        ("id\ncafé\n".encode("cp1252"), "x.csv:2: encoding: byte 6 is not utf-8 text"),
    ],
)
def test_a_broken_file_is_told_with_its_line(content: bytes, message: str) -> None:
    assert any(message in str(problem) for problem in read_rows("x.csv", content).problems)
