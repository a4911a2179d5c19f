"""dbt's metrics come in with their meaning, or are named with the reason; nothing of an input can vanish."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from dbt_semantic_interfaces.implementations.semantic_manifest import PydanticSemanticManifest
from dbt_semantic_interfaces.parsing.dir_to_model import parse_yaml_files_to_validation_ready_semantic_manifest
from dbt_semantic_interfaces.parsing.objects import YamlConfigFile

from kpis.exchange.dbt_import import import_dbt
from kpis.exchange.dbt_sql import query_of
from kpis.exchange.draft import Imported, Options, check_artifacts
from kpis.exchange.ledger import Fate, Ledger, losses
from kpis.exchange.trees import Document, leaves, path_text, read_documents
from kpis.schema import Kpi, SqlExpression
from tests.unit.kpis.exchange.conftest import INPUTS, OPTIONS, ROOT, changes, pack_text, report_text

SHOP = INPUTS / "shop_metrics.yml"


def documents(text: str) -> list[Document]:
    found, problems = read_documents("metrics.yml", text.encode())
    assert problems == []
    return found


def imported(text: str, options: Options = OPTIONS) -> Imported:
    return import_dbt(documents(text), options)


@pytest.fixture(scope="module")
def shop() -> Imported:
    return imported(SHOP.read_text())


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    """The manifest that dbt's own library makes of the same project."""
    spine = """
project_configuration:
  time_spines:
    - node_relation: {alias: days, schema_name: shop}
      primary_column: {name: day, time_granularity: day}
"""
    files = [YamlConfigFile(filepath=f"{number}.yml", contents=part) for number, part in enumerate([spine, *_kinds()])]
    built = parse_yaml_files_to_validation_ready_semantic_manifest(files, apply_transformations=True)
    return _without_parser_marks(json.loads(built.semantic_manifest.json(encoder=lambda value: getattr(value, "value", str(value)))))


def _without_parser_marks(value: Any) -> Any:
    """dbt's parser leaves its own bookkeeping in free maps; dbt itself takes it out before it writes a manifest."""
    if isinstance(value, dict):
        return {key: _without_parser_marks(each) for key, each in value.items() if key != "__parsing_context__"}
    return [_without_parser_marks(each) for each in value] if isinstance(value, list) else value


def _kinds() -> list[str]:
    """Each entry as a document of its own, which is the form dbt's library reads alone."""
    content = yaml.safe_load(SHOP.read_text())
    models = [{"semantic_model": model} for model in content["semantic_models"]]
    for model in content["semantic_models"]:
        model["node_relation"] = {"schema_name": "shop", "alias": model.pop("model").removeprefix("ref('").removesuffix("')")}
    metrics = [{"metric": metric} for metric in content["metrics"]]
    (ratio,) = [metric for metric in content["metrics"] if metric["type"] == "ratio"]
    ratio["type_params"]["numerator"] = {"name": ratio["type_params"]["numerator"]}
    queries = [{"saved_query": query} for query in content["saved_queries"]]
    return [yaml.safe_dump(each, sort_keys=False) for each in (*models, *metrics, *queries)]


def kpi(result: Imported, kpi_id: str) -> Kpi:
    return next(each for each in result.dictionary.kpis if each.id == kpi_id)


def test_the_pack_passes_the_check_of_the_dictionary(shop: Imported) -> None:
    assert shop.problems == ()
    assert check_artifacts(shop.artifacts(), ROOT) == ()


def test_every_leaf_of_the_input_is_mapped_carried_implied_or_reported(shop: Imported) -> None:
    (document,) = documents(SHOP.read_text())
    assert [entry.path for entry in shop.ledger.entries()] == [path_text(path) for path, _ in leaves(document.value)]
    assert {entry.fate for entry in shop.ledger.entries()} == set(Fate)


def test_what_is_reported_names_path_line_value_and_reason(shop: Imported) -> None:
    (lost,) = [entry for entry in losses(shop.ledger.entries()) if entry.path.endswith("offset_window")]
    text = SHOP.read_text().splitlines()
    assert "offset_window" in text[(lost.line or 0) - 1]
    assert (lost.value, lost.note) == ("1 month", "it reads 'revenue' of an earlier time (offset); a formula reads one period")


def test_no_leaf_can_change_without_a_change_in_the_pack_or_the_report() -> None:
    """The proof that `mapped` is true: a leaf that is said to be in the pack changes the pack when it changes."""
    (document,) = documents(SHOP.read_text())
    assert silent_changes(document) == []


def silent_changes(document: Document) -> list[tuple[str, Any, str]]:
    """Changes of one leaf that neither the pack (of leaves said to be in it) nor the report shows."""
    before = import_dbt([document], OPTIONS)
    fates = {entry.path: entry.fate for entry in before.ledger.entries()}
    pack, report = pack_text(before), report_text(before)
    silent = []
    for path, other, change in changes(document):
        result = import_dbt([change], OPTIONS)
        refused = bool(result.problems)
        in_pack = refused or pack_text(result) != pack
        in_report = refused or report_text(result) != report
        if not (in_pack if fates[path_text(path)] >= Fate.CARRIED else in_report):
            silent.append((path_text(path), other, fates[path_text(path)].word))
    return silent


def test_a_field_of_a_newer_dbt_is_reported_and_its_metric_is_not_guessed() -> None:
    text = SHOP.read_text().replace("        expr: amount\n", "        expr: amount\n        rounding: bankers\n", 1)
    result = imported(text)
    reasons = {entry.path: entry.note for entry in losses(result.ledger.entries())}
    assert "rounding" in reasons["metrics[0].name"]
    assert "SHOP-REVENUE" not in [each.id for each in result.dictionary.kpis]


def test_dbts_own_manifest_gives_the_same_kpis_as_its_yaml(shop: Imported, manifest: dict[str, Any]) -> None:
    found = import_dbt([Document("semantic_manifest.json", 0, manifest)], OPTIONS)
    assert found.problems == ()
    assert check_artifacts(found.artifacts(), ROOT) == ()
    assert {each.id for each in shop.dictionary.kpis} <= {each.id for each in found.dictionary.kpis}
    for each in shop.dictionary.kpis:
        if isinstance(each.expression, SqlExpression):
            assert value(found, each.id) == value(shop, each.id)
        elif each.layer == "secondary":
            assert kpi(found, each.id).expression == each.expression


def test_no_leaf_of_a_manifest_can_change_in_silence_either(manifest: dict[str, Any]) -> None:
    document = Document("semantic_manifest.json", 0, manifest)
    found = import_dbt([document], OPTIONS)
    fates = {entry.path: entry.fate for entry in found.ledger.entries()}
    pack, silent = pack_text(found), []
    for path, other, change in changes(document, most=1):
        if fates[path_text(path)] >= Fate.CARRIED and "type_params" in path:
            result = import_dbt([change], OPTIONS)
            if not result.problems and pack_text(result) == pack:
                silent.append((path_text(path), other))
    assert silent == []


def test_dbts_library_reads_the_manifest_the_import_was_given(manifest: dict[str, Any]) -> None:
    assert {metric.name for metric in PydanticSemanticManifest.parse_obj(manifest).metrics} >= {"revenue", "order_count"}


ORDERS = [
    # order_id, customer_id, ordered_at, shipped_on, order_status, amount, region
    (1, "ann", "2026-01-01", "2026-01-02", "completed", 50.0, "north"),
    (2, "ann", "2026-01-05", "2026-01-07", "completed", 200.0, "north"),
    (3, "ben", "2026-01-07", "2026-01-07", "completed", 120.0, "south"),
    (4, "cem", "2026-01-07", "2026-01-08", "returned", 30.0, "north"),
    (5, None, "2026-01-07", "2026-01-09", "completed", 10.0, "south"),
    (6, "ben", "2026-01-08", "2026-01-09", "completed", 999.0, "north"),
]
BALANCES = [("a", "2026-01-07", 10.0), ("b", "2026-01-07", 5.0), ("a", "2026-01-08", 100.0), ("b", "2026-01-06", 7.0)]
DAY = ("2026-01-07", "2026-01-08", "2026-02-01")


def value(result: Imported, kpi_id: str, period: tuple[str, str, str] = DAY) -> tuple[Any, ...]:
    """What the KPI's SQL gives for a period over the rows above."""
    with duckdb.connect() as base:
        base.execute("CREATE TABLE fct_orders (order_id INT, customer_id TEXT, ordered_at DATE, shipped_on DATE, order_status TEXT, "
                     "amount DOUBLE, region TEXT)")  # fmt: skip
        base.executemany("INSERT INTO fct_orders VALUES (?, ?, ?, ?, ?, ?, ?)", ORDERS)
        base.execute("CREATE TABLE fct_balances (account_id TEXT, balance_date DATE, amount DOUBLE)")
        base.executemany("INSERT INTO fct_balances VALUES (?, ?, ?)", BALANCES)
        expression = kpi(result, kpi_id).expression
        assert isinstance(expression, SqlExpression)
        sql = expression.sql
        for name, text in zip((":period_start", ":period_end", ":as_of"), period, strict=True):
            sql = sql.replace(name, f"DATE '{text}'")
        row = base.execute(sql).fetchone()
        assert row is not None
        return row


# Reckoned by hand from the rows above, for 7 January.
@pytest.mark.parametrize(
    ("kpi_id", "expected"),
    [
        ("SHOP-REVENUE", (130.0, 2)),
        ("SHOP-ALL-ORDERS", (3, 3)),
        ("SHOP-CUSTOMERS", (2, 2)),
        ("SHOP-SHIPPED", (2, 2)),
        ("SHOP-LARGE", (1, 1)),
        ("SHOP-MEDIAN-ORDER", (30.0, 3)),
        ("SHOP-TOTAL-BALANCE", (15.0, 2)),
        ("SHOP-REVENUE-OF-9D32D98F", (410.0, 5)),
        ("SHOP-REVENUE-OF-3153D848", (410.0, 5)),
        ("SHOP-REVENUE-EVER", (410.0, 5)),
        ("SHOP-CUSTOMERS-2265034E", (1, 1)),
    ],
)
def test_the_sql_gives_the_number_reckoned_by_hand(shop: Imported, kpi_id: str, expected: tuple[float, int]) -> None:
    assert value(shop, kpi_id) == ("ALL", *expected)


def test_a_window_of_seven_days_ends_with_the_day_and_holds_seven(shop: Imported) -> None:
    assert value(shop, "SHOP-REVENUE-OF-9D32D98F", ("2026-01-08", "2026-01-09", "2026-02-01")) == ("ALL", 1359.0, 5)


def test_a_balance_of_a_month_counts_each_account_at_its_last_day(shop: Imported) -> None:
    month = ("2026-01-01", "2026-02-01", "2026-02-01")
    assert value(shop, "SHOP-TOTAL-BALANCE", month) == ("ALL", 105.0, 2)


def test_an_empty_period_gets_the_value_dbt_fills_in(shop: Imported) -> None:
    assert value(shop, "SHOP-REVENUE", ("2025-01-01", "2025-01-02", "2026-02-01")) == ("ALL", 0.0, 0)


@pytest.mark.parametrize(
    "hostile",
    ["'); DROP TABLE x; --", '"quoted"', "{{ 7 * 7 }}", "</script><b>", "line\nbreak", "漢字 العربية", "x" * 3000, "a: b # c", "08"],
)
def test_hostile_text_comes_in_as_it_is(hostile: str) -> None:
    (document,) = documents(SHOP.read_text())
    document.value["metrics"][0]["description"] = hostile
    result = import_dbt([document], OPTIONS)
    assert check_artifacts(result.artifacts(), ROOT) == ()
    assert kpi(result, "SHOP-REVENUE").purpose == hostile


def test_a_cumulative_metric_cut_by_its_own_time_is_refused() -> None:
    """MetricFlow applies such a filter to the day of the result, not to the rows it accumulates."""
    (document,) = documents(SHOP.read_text())
    document.value["metrics"][13]["filter"] = "{{ TimeDimension('metric_time', 'day') }} > '2026-01-01'"
    notes = {entry.path: entry.note for entry in losses(import_dbt([document], OPTIONS).ledger.entries())}
    assert "reads its own time" in notes["metrics[13].filter"]


def test_a_ratio_reads_both_metrics_at_its_own_grain() -> None:
    (document,) = documents(SHOP.read_text())
    document.value["metrics"][8]["type_params"] = {"numerator": "ninth_decile_amount", "denominator": "all_orders"}
    result = import_dbt([document], OPTIONS)
    ratio = kpi(result, "SHOP-REVENUE-PER-CUSTOMER")
    assert ratio.grain == "month"
    assert {kpi(result, ref.kpi).grain for ref in ratio.kpi_sources} == {"month"}
    assert kpi(result, "SHOP-ALL-ORDERS").grain == "day"


def test_a_grain_finer_than_the_rows_is_refused() -> None:
    (document,) = documents(SHOP.read_text())
    document.value["metrics"][1]["time_granularity"] = "hour"
    notes = {entry.path: entry.note for entry in losses(import_dbt([document], OPTIONS).ledger.entries())}
    assert notes["metrics[1].name"] == "it is asked for by hour, and its rows are known by day"


def test_a_metric_that_fails_leaves_no_half_of_itself() -> None:
    (document,) = documents(SHOP.read_text())
    for part, region in (("numerator", "north"), ("denominator", "{{ nonsense }}")):
        document.value["metrics"][8]["type_params"][part] = {
            "name": "all_orders",
            "filter": f"{{{{ Dimension('order__region') }}}} = '{region}'",
        }
    found = import_dbt([document], OPTIONS)
    assert "SHOP-REVENUE-PER-CUSTOMER" not in [each.id for each in found.dictionary.kpis]
    assert [each.id for each in found.dictionary.kpis if "filtered" in each.name] == []


def test_an_importer_that_forgets_a_filter_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof above bites: take the filters out of the SQL, and the leaves that claim to be mapped change nothing."""
    monkeypatch.setattr("kpis.exchange.dbt_import.query_of", lambda simple: query_of(replace(simple, filters=())))
    (document,) = documents(SHOP.read_text())
    assert {path for path, *_ in silent_changes(document)} >= {"metrics[0].type_params.measure.filter", "metrics[2].filter"}


def test_a_field_nobody_marks_is_lost_by_name() -> None:
    document = Document("x.yml", 0, {"known": 1, "unknown": {"deep": ["v"]}})
    ledger = Ledger([document])
    ledger.mapped(document, ("known",), "somewhere")
    (lost,) = losses(ledger.entries())
    assert (lost.path, lost.value) == ("unknown.deep[0]", "v")


def test_text_that_no_artifact_can_show_is_refused_with_its_place() -> None:
    (document,) = documents(SHOP.read_text())
    document.value["metrics"][0]["description"] = "bell \x07"
    (problem,) = import_dbt([document], OPTIONS).problems
    assert str(problem).startswith("metrics.yml:95: invalid-value: 'metrics[0]': SHOP-REVENUE: purpose")


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{% for x in y %}1=1", "'{%' outside"),
        ("{{ ''.__class__ }}", "must be"),
        ("{{ Dimension('order__status') | upper }} = 'X'", "not read in a filter"),
        ("{{ Metric('revenue', ['customer']) }} > 1", "another metric"),
        ("1=1) OR (SELECT count(*) FROM secrets) > 0 -- {{ Dimension('order__status') }}", "Unexpected token"),
        ("1=1 OR (SELECT count(*) FROM secrets) > 0", "not one scalar"),
        ("pg_sleep(10) IS NULL AND {{ Dimension('order__status') }} = 'x'", "pg_sleep"),
        ("{{ Dimension('customer__status') }} = 'x'", "needs a join"),
        ("{{ TimeDimension('metric_time', 'hour') }} = '2020-01-01'", "cannot take it by hour"),
    ],
)
def test_a_filter_that_is_not_of_the_grammar_is_refused_by_name(template: str, reason: str) -> None:
    (document,) = documents(SHOP.read_text())
    document.value["metrics"][1]["filter"] = template
    result = import_dbt([document], OPTIONS)
    notes = {entry.path: entry.note for entry in losses(result.ledger.entries())}
    assert reason in notes["metrics[1].filter"]
    assert "SHOP-ALL-ORDERS" not in [each.id for each in result.dictionary.kpis]


def test_every_malformed_entry_is_named_with_its_line() -> None:
    text = SHOP.read_text().replace("agg: median", "agg: mode").replace("type: ratio", "type: percent")
    found = [str(problem) for problem in imported(text).problems]
    assert any("'semantic_models[0]': measures.6.agg" in each and each.startswith("metrics.yml:4:") for each in found)
    assert any("'metrics[8]': type" in each for each in found)


def test_metrics_that_read_each_other_are_reported_and_not_followed_for_ever() -> None:
    circle = "{type: derived, type_params: {expr: a + 1, metrics: [{name: %s, alias: a}]}}"
    text = "metrics:\n" + "".join(f"  - {{name: {name}, {(circle % other)[1:]}\n" for name, other in (("one", "two"), ("two", "one")))
    result = imported(text)
    assert result.dictionary.kpis == ()
    assert all("circle" in entry.note for entry in losses(result.ledger.entries()))


def test_the_same_input_gives_the_same_bytes(shop: Imported) -> None:
    again = imported(SHOP.read_text())
    assert pack_text(again) == pack_text(shop)
    assert report_text(again) == report_text(shop)


def test_the_files_have_no_path_of_this_machine(shop: Imported) -> None:
    assert str(Path.cwd()) not in pack_text(shop)
