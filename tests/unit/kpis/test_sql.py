"""SQL of the dictionary is hostile text: what is not known to be harmless is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.sql import normalize, output_problem, parse_query, parse_scalar, sql_hash
from kpis.sql_names import name_problems

TABLES = {"gdp_sales": frozenset({"sold_on", "amount"}), "gdp_orders": frozenset({"sold_on", "quantity"})}


def _codes(sql: str) -> set[str]:
    query, problems = parse_query(sql)
    found = {problem.code for problem in problems}
    return found | ({problem.code for problem in name_problems(query, TABLES)} if query else set())


HARMLESS = [
    "SELECT SUM(amount) FROM gdp_sales WHERE sold_on >= :period_start AND sold_on < :period_end",
    "SELECT s.amount FROM GDP_SALES AS s JOIN gdp_orders o ON o.sold_on = s.sold_on",
    "SELECT amount, quantity FROM gdp_sales JOIN gdp_orders USING (sold_on)",
    "WITH days AS (SELECT sold_on, SUM(amount) AS total FROM gdp_sales GROUP BY sold_on) SELECT MAX(total) FROM days",
    "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT i FROM n",
    "SELECT amount FROM gdp_sales s WHERE EXISTS (SELECT 1 FROM gdp_orders o WHERE o.sold_on = s.sold_on AND o.quantity > amount)",
    "SELECT percentile_cont(0.9) WITHIN GROUP (ORDER BY amount) FROM gdp_sales",
    "SELECT COUNT(*) FILTER (WHERE amount > 0) FROM gdp_sales",
    "SELECT COALESCE(x.total, 0) FROM (SELECT SUM(amount) AS total FROM gdp_sales) AS x",
    "SELECT amount FROM gdp_sales UNION ALL SELECT quantity FROM gdp_orders",
    "SELECT d.day FROM generate_series(:period_start, :period_end, INTERVAL '1 day') AS d(day)",
    "SELECT ROW_NUMBER() OVER (PARTITION BY sold_on ORDER BY amount DESC) FROM gdp_sales",
    "SELECT SUM(amount) AS value FROM gdp_sales GROUP BY GROUPING SETS ((sold_on), ()) ORDER BY value",
]
HOSTILE = [
    ("sql-writes", "INSERT INTO gdp_sales VALUES (1)"),
    ("sql-writes", "SELECT amount INTO stolen FROM gdp_sales"),
    ("sql-writes", "WITH x AS (UPDATE gdp_sales SET amount = 0 RETURNING amount) SELECT amount FROM x"),
    ("sql-writes", "SELECT amount FROM gdp_sales FOR UPDATE"),
    ("sql-writes", "COPY gdp_sales TO PROGRAM 'sh'"),
    ("sql-writes", "TRUNCATE gdp_sales"),
    ("sql-writes", "DO $$ BEGIN DELETE FROM gdp_sales; END $$"),
    ("sql-writes", "EXPLAIN ANALYZE DELETE FROM gdp_sales"),
    ("sql-writes", "SET ROLE postgres"),
    ("sql-writes", "CREATE TABLE t AS SELECT amount FROM gdp_sales"),
    ("sql-not-select", "SELECT 1; DROP TABLE gdp_sales"),
    ("sql-not-select", ""),
    ("sql-not-select", "-- only a comment"),
    ("sql-not-select", "VALUES (1)"),
    ("sql-syntax", "SELECT ("),
    ("sql-syntax", "SELECT '\x00'"),
    ("sql-syntax", f"SELECT {'(' * 3000}1{')' * 3000}"),
    *(("sql-function", f"SELECT {call}") for call in (
        "pg_sleep(9)", "PG_SLEEP(9)", '"pg_sleep"(9)', "pg_catalog.pg_sleep(9)", "lo_import('/etc/passwd')", "pg_read_file('/etc/passwd')",
        "nextval('s')", "set_config('kpi.tenant_id', 'skyway', false)", "current_setting('kpi.tenant_id')", "dblink('x', 'y')",
        "query_to_xml('SELECT 1', true, true, '')", "pg_terminate_backend(1)", "txid_current()", "random()", "now()", "clock_timestamp()",
        "CURRENT_DATE", "LOCALTIMESTAMP", "CURRENT_USER", "session_user", "gen_random_uuid()", "inet_server_addr()", "version()",
    )),
    ("sql-function", "SELECT a FROM pg_read_file('/etc/passwd') AS f(a)"),
    ("sql-function", "SELECT amount FROM gdp_sales WHERE pg_sleep(9) IS NULL"),
    ("sql-undeclared-table", "SELECT passwd FROM pg_shadow"),
    ("sql-undeclared-table", "SELECT 1 FROM pg_catalog.pg_class"),
    ("sql-undeclared-table", "SELECT amount FROM public.gdp_sales"),
    ("sql-undeclared-table", 'SELECT amount FROM "GDP_Sales"'),
    ("sql-undeclared-table", "SELECT (SELECT 1 FROM (WITH users AS (SELECT 1 AS a) SELECT a FROM users) q), a FROM users"),
    ("sql-undeclared-table", "WITH users AS (SELECT * FROM users) SELECT 1 FROM users"),
    ("sql-undeclared-table", "SELECT amount FROM gdp_sales WHERE amount IN (SELECT x FROM secrets)"),
    ("sql-undeclared-table", "SELECT amount FROM gdp_sales, LATERAL (SELECT x FROM secrets) AS s"),
    ("sql-undeclared-column", "SELECT secret FROM gdp_sales"),
    ("sql-undeclared-column", "SELECT * FROM gdp_sales"),
    ("sql-undeclared-column", "SELECT s.* FROM gdp_sales s"),
    ("sql-undeclared-column", "SELECT gdp_sales FROM gdp_sales"),
    ("sql-undeclared-column", "SELECT x FROM gdp_sales AS s(x, y)"),
    ("sql-undeclared-column", "SELECT amount FROM gdp_sales NATURAL JOIN gdp_orders"),
    ("sql-undeclared-column", "SELECT amount FROM gdp_sales JOIN gdp_orders USING (secret)"),
    ("sql-undeclared-column", "SELECT amount FROM gdp_sales s WHERE nobody.amount = 1"),
    ("sql-undeclared-column", "SELECT (SELECT secret FROM gdp_orders) FROM gdp_sales"),
    ("sql-undeclared-column", "SELECT x.secret FROM (SELECT amount FROM gdp_sales) AS x"),
    ("sql-unknown-parameter", "SELECT amount FROM gdp_sales WHERE amount = :tenant_id"),
    ("sql-unknown-parameter", "SELECT amount FROM gdp_sales WHERE amount = $1"),
    ("sql-unknown-parameter", "SELECT amount FROM gdp_sales WHERE amount = ?"),
]  # fmt: skip


@pytest.mark.parametrize("sql", HARMLESS)
def test_a_reading_statement_over_declared_names_passes(sql: str) -> None:
    assert _codes(sql) == set()


@pytest.mark.parametrize(("code", "sql"), HOSTILE)
def test_anything_else_is_refused(code: str, sql: str) -> None:
    assert code in _codes(sql)


@pytest.mark.parametrize("sql", HARMLESS)
def test_the_normal_form_keeps_the_meaning_and_the_hash_ignores_layout(sql: str) -> None:
    assert normalize(normalize(sql)) == normalize(sql)
    assert sql_hash(f"/* note */ {sql.replace(' ', chr(10), 1)} -- end") == sql_hash(sql)


def test_the_normal_form_keeps_named_parameters_and_what_only_looks_like_one() -> None:
    sql = "SELECT '%(as_of)s', '12:30' FROM gdp_sales WHERE sold_on = :as_of::DATE"
    assert normalize(sql) == "SELECT '%(as_of)s', '12:30' FROM gdp_sales WHERE sold_on = CAST(:as_of AS DATE)"


def test_output_columns_must_be_exact_in_every_branch() -> None:
    good = "SELECT 'ALL' AS entity, 1 AS value, 2 AS rows_processed"
    for sql, passes in (
        (good, True),
        (f"{good} UNION ALL {good}", True),
        (f"{good} UNION ALL SELECT 1, 2, 3", False),
        (f"{good}, 4 AS more", False),
    ):
        query, _ = parse_query(sql)
        assert query is not None
        assert (output_problem(query) is None) is passes


@pytest.mark.parametrize("formula", ["a / NULLIF(b, 0)", "100 * (a - b)", "CASE WHEN a > b THEN 1 ELSE 0 END", "GREATEST(a, 0)"])
def test_a_scalar_formula_passes(formula: str) -> None:
    assert parse_scalar(formula)[1] == ()


@pytest.mark.parametrize(
    "formula",
    [
        "a, b",
        "a FROM t",
        "(SELECT 1)",
        "SUM(a)",
        "a AS b",
        "*",
        "a; DROP TABLE t",
        "a) --",
        ":as_of",
        "",
        "pg_sleep(1)",
        "a WHERE b",
        "now()",
    ],
)
def test_a_formula_that_is_more_than_a_scalar_is_refused(formula: str) -> None:
    assert parse_scalar(formula)[1] != ()


_FRAGMENTS = "SELECT FROM WHERE gdp_sales amount ( ) , ; * :as_of ' -- /* */ UNION WITH AS pg_sleep DELETE 1 = $$ ? NULL CASE END OVER"
_WORDS = st.sampled_from([*_FRAGMENTS.split(), '"', "\\"])


@settings(max_examples=300, deadline=None)
@given(words=st.lists(_WORDS | st.text(max_size=5), max_size=25))
def test_no_text_makes_the_checks_raise(words: list[str]) -> None:
    text = " ".join(words)
    assert isinstance(_codes(text), set)
    parse_scalar(text)
