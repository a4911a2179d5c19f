"""`kpi check` finds each kind of mistake, under its own code, and nothing in a valid pack."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.kpis.build import COMPOSITE, PRIMARY, SECONDARY, SQL, Shop

Mistake = Callable[[Shop], Any]


def _sql(text: str) -> Mistake:
    def change(shop: Shop) -> None:
        shop["SH-RV-01"]["expression"] = {"sql": text}

    return change


def _set(entry: str, **fields: Any) -> Mistake:
    def change(shop: Shop) -> None:
        shop[entry].update(fields)

    return change


def _remove(entry: str, field: str) -> Mistake:
    def change(shop: Shop) -> None:
        del shop[entry][field]

    return change


def _default(**fields: Any) -> Mistake:
    def change(shop: Shop) -> None:
        shop["shop"]["defaults"].update(fields)

    return change


def _without_default(field: str) -> Mistake:
    def change(shop: Shop) -> None:
        del shop["shop"]["defaults"][field]

    return change


def _formula(text: str) -> Mistake:
    return _set("SH-AV-01", expression={"formula": text})


def _weight(value: float) -> Mistake:
    def change(shop: Shop) -> None:
        shop["SH-IX-01"]["expression"]["weights"]["revenue"]["weight"] = value

    return change


def _append(text: str) -> Mistake:
    def change(shop: Shop) -> None:
        shop.extra_text = text

    return change


def _schedule(**fields: Any) -> Mistake:
    return _set("SH-RV-01", schedule=fields)


def _pre(**rule: Any) -> Mistake:
    return _set("SH-RV-01", pre_validation=[{"id": "one", **rule}])


def _cross(**rule: Any) -> Mistake:
    return _set("SH-RV-01", post_validation=[{"id": "one", "check": "cross_kpi", **rule}])


def _variant(**fields: Any) -> Mistake:
    def change(shop: Shop) -> None:
        own = {"kind": "kpi", "id": "SH-RV-09", "parent": "SH-RV-01", "contract_version": "1.0.0", "change_log": PRIMARY["change_log"]}
        shop.add(own, **fields)

    return change


def _reader_of_a_variant(shop: Shop) -> None:
    _variant(variant_label="acme", tenants=["acme"])(shop)
    reader = shop.add(SECONDARY, id="SH-AV-09")
    reader["sources"] = [{"kpi": "SH-RV-09", "as": "revenue"}, {"kpi": "SH-RV-02", "as": "orders"}]


def _pinned(version: str) -> Mistake:
    def change(shop: Shop) -> None:
        shop["SH-AV-01"]["sources"][0]["version"] = version

    return change


def _circle(shop: Shop) -> None:
    shop["SH-AV-01"]["sources"][1] = {"kpi": "SH-AV-02", "as": "orders"}
    shop.add(SECONDARY, id="SH-AV-02")["sources"][1] = {"kpi": "SH-AV-01", "as": "orders"}


MISTAKES: list[tuple[str, Mistake]] = [
    ("yaml-syntax", _append("---\nkind: [kpi\n")),
    ("yaml-alias", _append("---\nkind: signal\nid: &anchor other\ndescription: x\ntype: event\n")),
    ("yaml-tag", _append("---\nkind: signal\nid: !!python/name:os.system other\ndescription: x\ntype: event\n")),
    ("duplicate-key", _append("---\nkind: signal\nid: other\ndescription: x\ndescription: y\ntype: event\n")),
    ("wrong-type", _append("---\njust text\n")),
    ("wrong-type", _set("SH-RV-01", purpose=[1])),
    ("wrong-type", _set("GDP_Sales", period_column="region")),
    ("wrong-type", _pre(check="column_range", source="GDP_Sales", column="region", min=0)),
    ("missing-field", _append("---\nid: other\n")),
    ("missing-field", _remove("SH-RV-01", "purpose")),
    ("missing-field", _pre(source="GDP_Sales")),
    ("unknown-field", _set("SH-RV-01", purposes="x")),
    ("unknown-field", _set("SH-RV-01", sources=[{"gdp": "GDP_Sales", "atributes": ["amount"], "attributes": ["amount"]}])),
    ("invalid-value", _append("---\nkind: kpis\nid: other\n")),
    ("invalid-value", _set("SH-RV-01", layer="tertiary")),
    ("invalid-value", _set("SH-RV-01", contract_version="1.0")),
    ("invalid-value", _set("SH-RV-01", verdict={"adequate": 10, "low": 20})),
    ("invalid-value", _pre(check="no_such_check", source="GDP_Sales")),
    ("invalid-value", _default(sla=[{"type": "freshness", "target": "a day", "grace": "2h"}])),
    ("missing-pack", _remove("shop", "kind")),
    ("pack-folder", _set("shop", id="store")),
    ("pack-folder", _set("SH-RV-01", pack="other")),
    ("duplicate-id", lambda shop: shop.add(PRIMARY)),
    ("duplicate-id", _set("SH-RV-01", pre_validation=PRIMARY["pre_validation"] * 2)),
    ("duplicate-source", _set("SH-RV-01", sources=PRIMARY["sources"] * 2)),
    ("duplicate-source", _set("SH-AV-01", sources=[{"kpi": "SH-RV-01", "as": "orders"}, {"kpi": "SH-RV-02", "as": "orders"}])),
    ("dangling-source", _set("SH-RV-01", sources=[{"gdp": "GDP_Sale", "attributes": ["amount"]}])),
    ("dangling-source", _set("SH-AV-01", sources=[{"kpi": "SH-RV-99", "as": "revenue"}, {"kpi": "SH-RV-02", "as": "orders"}])),
    ("dangling-source", _variant(parent="SH-RV-77")),
    ("dangling-source", _cross(left="value", right="other", kpis={"other": "SH-RV-99"})),
    ("dangling-source", _pinned("0.9.0")),
    ("source-unknown-column", _set("SH-RV-01", sources=[{"gdp": "GDP_Sales", "attributes": ["amount", "price"]}])),
    ("source-unknown-column", _set("GDP_Sales", freshness_column="loaded")),
    ("cycle", _circle),
    ("cycle", _variant(parent="SH-RV-09")),
    ("layer-mismatch", _set("SH-RV-01", layer="secondary")),
    ("layer-mismatch", _set("SH-AV-01", sources=[{"kpi": "SH-IX-01", "as": "revenue"}, {"kpi": "SH-RV-02", "as": "orders"}])),
    ("layer-mismatch", _set("SH-IX-01", expression=SECONDARY["expression"])),
    ("unknown-tenant", _set("SH-RV-01", tenants=["acme", "skyways"])),
    ("variant-tenant-leak", _variant(variant_label="acme", tenants=["acme", "skyway"])),
    ("variant-tenant-leak", _reader_of_a_variant),
    ("source-tenant-missing", _set("SH-RV-02", tenants=["acme"])),
    ("sql-syntax", _sql("SELECT ((")),
    ("sql-not-select", _sql(f"{SQL}; SELECT 1")),
    ("sql-not-select", _sql("VALUES ('ALL', 1, 1)")),
    ("sql-writes", _sql("DELETE FROM gdp_sales")),
    ("sql-writes", _sql("WITH gone AS (DELETE FROM gdp_sales RETURNING amount) SELECT amount FROM gone")),
    ("sql-writes", _sql(f"{SQL} FOR UPDATE")),
    ("sql-function", _sql(SQL.replace("SUM(amount)", "pg_sleep(60)"))),
    ("sql-function", _sql(SQL.replace(":as_of", "now()"))),
    ("sql-undeclared-table", _sql(SQL.replace("gdp_sales", "gdp_salaries"))),
    ("sql-undeclared-table", _sql(SQL.replace("gdp_sales", "other.gdp_sales"))),
    ("sql-undeclared-column", _sql(SQL.replace("SUM(amount)", "MAX(region)"))),
    ("sql-output-columns", _sql(SQL.replace("AS value", "AS amount"))),
    ("sql-unknown-parameter", _sql(SQL.replace(":as_of", ":now"))),
    ("sql-period-unused", _sql("SELECT 'ALL' AS entity, SUM(amount) AS value, COUNT(*) AS rows_processed FROM gdp_sales")),
    ("sql-undeclared-table", _pre(check="reconciliation", left_sql="SELECT SUM(amount) FROM gdp_sales", right_sql="SELECT 1 FROM cash")),
    ("sql-output-columns", _pre(check="reconciliation", left_sql="SELECT SUM(amount), 1 FROM gdp_sales", right_sql="SELECT 1")),
    ("formula-syntax", _formula("revenue +")),
    ("formula-syntax", _formula("(SELECT 1)")),
    ("formula-unknown-alias", _formula("revenues / NULLIF(orders, 0) + revenue")),
    ("formula-unknown-alias", _cross(left="value", right="nobody", kpis={"other": "SH-RV-02"})),
    ("formula-unused-alias", _formula("revenue * 2")),
    ("unguarded-division", _formula("revenue / orders")),
    ("weights-sum", _weight(0.5)),
    ("missing-sla", _default(sla=[])),
    ("missing-validation", _set("SH-RV-01", pre_validation=[])),
    ("missing-validation", _default(post_validation=[])),
    ("missing-runbook", _default(runbook="docs/runbooks/nowhere.md")),
    ("missing-runbook", _default(runbook="../../etc/passwd")),
    ("missing-runbook", _without_default("runbook")),
    ("verdict-missing", _without_default("verdict")),
    ("cron-invalid", _schedule(cron="61 2 * * *")),
    ("cron-invalid", _schedule(cron="0 2 * *")),
    ("cron-invalid", _schedule(cron="0 2 1 * MON")),
    ("cron-invalid", _schedule(cron="0 2 30 2 *")),
    ("sla-endless", _set("SH-RV-01", sla=[{"type": "latency", "target": "99999d", "grace": "1h"}])),
    ("timezone-unknown", _schedule(timezone="Mars/Olympus")),
    ("timezone-unknown", _set("SH-RV-01", sla=[{"type": "availability", "by": "06:00", "timezone": "Nowhere", "grace": "1h"}])),
    ("event-unknown-signal", _schedule(trigger="both", event="gdp-update")),
    ("timeout-too-long", _schedule(timeout="2h")),
    ("change-log-missing", _set("SH-RV-01", contract_version="1.1.0")),
    ("rule-unknown-source", _pre(check="source_present", source="GDP_Cash")),
    ("rule-unknown-source", _pre(check="upstream_delivered", source="GDP_Sales")),
    ("rule-unknown-column", _pre(check="null_ratio", source="GDP_Sales", column="price", max=0.1)),
]  # fmt: skip


def test_a_valid_pack_has_no_problem(shop: Shop) -> None:
    assert shop.check() == []


@pytest.mark.parametrize(("code", "mistake"), MISTAKES, ids=[f"{code}-{number}" for number, (code, _) in enumerate(MISTAKES)])
def test_each_mistake_is_reported_under_its_code(shop: Shop, code: str, mistake: Mistake) -> None:
    mistake(shop)
    problems = shop.check()
    assert code in {problem.code for problem in problems}, problems


def test_every_problem_of_every_document_is_reported_at_once(shop: Shop) -> None:
    _sql("DROP TABLE gdp_sales")(shop)
    _formula("revenue / orders")(shop)
    _weight(0.9)(shop)
    shop.extra_text = "---\nkind: [\n"
    assert {"sql-writes", "unguarded-division", "weights-sum", "yaml-syntax"} <= {problem.code for problem in shop.check()}


def test_a_broken_file_does_not_hide_the_problems_of_another(shop: Shop) -> None:
    packs = shop.write()
    (packs / "shop" / "broken.yaml").write_text("kind: [kpi\n")
    (packs / "shop" / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    _formula("revenue / orders")(shop)
    problems = shop.check()
    assert {problem.code for problem in problems} == {"yaml-syntax", "unguarded-division"}
    assert len({problem.file for problem in problems}) == 3


def test_a_problem_names_its_file_and_line(shop: Shop) -> None:
    shop["SH-RV-01"]["purposes"] = "x"
    problem = next(problem for problem in shop.check() if problem.code == "unknown-field")
    assert problem.file.endswith("packs/shop/shop.yaml")
    assert problem.line == shop.line_of("purposes:")
    assert str(problem).startswith(f"{problem.file}:{problem.line}: unknown-field: 'purposes' is not a field")
    assert "did you mean 'purpose'?" in problem.message


def test_a_problem_in_a_block_of_sql_names_the_line_within_it(shop: Shop) -> None:
    shop.extra_text = (
        "---\nkind: kpi\nid: SH-RV-03\nname: Third\nlayer: primary\ncontract_version: 1.0.0\npurpose: p\n"
        "sources: [{gdp: GDP_Sales, attributes: [amount]}]\n"
        "pre_validation: [{id: there, check: source_present, source: GDP_Sales}]\n"
        "change_log: [{version: 1.0.0, date: 2025-11-01, author: a, summary: s}]\n"
        "expression:\n  sql: |\n    SELECT 'ALL' AS entity,\n      SUM(amount) AS value,\n      MAX(price) AS rows_processed\n"
        "    FROM gdp_sales WHERE sold_on >= :period_start\n"
    )
    (problem,) = shop.check()
    assert (problem.code, problem.line) == ("sql-undeclared-column", shop.line_of("MAX(price)"))


def test_a_problem_in_an_inherited_field_points_into_the_defaults(shop: Shop) -> None:
    shop["shop"]["defaults"]["schedule"]["cron"] = "never"
    problems = shop.check()
    assert {problem.line for problem in problems} == {shop.line_of("cron: never")}


def test_a_circle_is_printed_as_a_path(shop: Shop) -> None:
    _circle(shop)
    problem = next(problem for problem in shop.check() if problem.code == "cycle")
    assert "SH-AV-01 -> SH-AV-02 -> SH-AV-01" in problem.message


def test_a_reference_to_an_entry_that_is_itself_broken_is_not_called_dangling(shop: Shop) -> None:
    shop["SH-RV-02"]["layer"] = "nonsense"
    assert {problem.code for problem in shop.check()} == {"invalid-value"}


def test_only_active_contracts_need_sla_and_validation(shop: Shop) -> None:
    shop.add(PRIMARY, id="SH-RV-08", status="draft", sla=[], pre_validation=[], post_validation=[])
    assert shop.check() == []


def test_a_division_is_guarded_by_a_rule_on_the_denominator(shop: Shop) -> None:
    _formula("revenue / orders")(shop)
    shop["SH-AV-01"]["pre_validation"] = [
        {"id": "positive", "check": "upstream_range", "source": "orders", "min": 0, "exclusive_min": True}
    ]
    assert shop.check() == []


def test_the_weights_of_a_composite_must_name_its_sources(shop: Shop) -> None:
    shop["SH-IX-01"]["expression"] = {
        "weights": {**COMPOSITE["expression"]["weights"], "avrage": {"weight": 0.4, "floor": 0, "ceiling": 1}}
    }
    del shop["SH-IX-01"]["expression"]["weights"]["average"]
    messages = [problem.message for problem in shop.check()]
    assert any("'avrage' is not an alias of a source; did you mean 'average'?" in message for message in messages)
    assert any("source 'average' has no weight" in message for message in messages)
