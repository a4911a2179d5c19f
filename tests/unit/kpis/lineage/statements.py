"""Statements of every shape the reader knows, and their lineage in one line per column.

`t` has columns a, b, c, d, k and `u` has a, k, x, y. Uses are written with their first letters, indirect ones in lower case.
"""

from kpis.lineage.column import Table, sql_lineage
from kpis.lineage.model import ColumnLineage, Input

TABLES: tuple[Table, ...] = (("gdp:T", "t", ("a", "b", "c", "d", "k")), ("gdp:U", "u", ("a", "k", "x", "y")))
LETTERS = {
    "IDENTITY": "I",
    "TRANSFORMATION": "T",
    "AGGREGATION": "A",
    "JOIN": "join",
    "GROUP_BY": "group",
    "FILTER": "filter",
    "SORT": "sort",
    "WINDOW": "window",
    "CONDITIONAL": "if",
}
CASES: dict[str, tuple[str, dict[str, str]]] = {
    "a column as it is": ("SELECT a FROM t", {"a": "T.a I"}),
    "an alias": ("SELECT x.b AS z FROM t AS x", {"z": "T.b I"}),
    "parentheses change nothing": ("SELECT ((a)) AS a FROM t", {"a": "T.a I"}),
    "arithmetic": ("SELECT a + 2 * b AS z FROM t", {"z": "T.a T, T.b T"}),
    "a cast": ("SELECT CAST(a AS TEXT) AS z FROM t", {"z": "T.a T"}),
    "a constant has no inputs": ("SELECT 'ALL' AS entity, 1 AS n FROM t", {"entity": "", "n": ""}),
    "an aggregate": ("SELECT SUM(a) AS z FROM t", {"z": "T.a A"}),
    "a ratio of aggregates": ("SELECT SUM(a) / NULLIF(SUM(b), 0) AS z FROM t", {"z": "T.a A, T.b A if"}),
    "a row count": ("SELECT COUNT(*) AS n FROM t WHERE a > 1", {"n": "", "rows": "T.a filter"}),
    "count hides values": ("SELECT COUNT(DISTINCT a) AS n FROM t", {"n": "T.a A!"}),
    "a hash hides values": ("SELECT MD5(CAST(a AS TEXT)) AS z FROM t", {"z": "T.a T!"}),
    "an aggregate's own filter": ("SELECT SUM(a) FILTER (WHERE b > 1) AS z FROM t", {"z": "T.a A, T.b filter"}),
    "a percentile": ("SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY a) AS z FROM t", {"z": "T.a A"}),
    "an ordered aggregate": ("SELECT STRING_AGG(CAST(a AS TEXT), ',' ORDER BY b) AS z FROM t", {"z": "T.a A, T.b sort"}),
    "case": ("SELECT CASE WHEN a > 1 THEN b ELSE c END AS z FROM t", {"z": "T.a if, T.b T, T.c T"}),
    "case of a value": ("SELECT CASE a WHEN 1 THEN b END AS z FROM t", {"z": "T.a if, T.b T"}),
    "coalesce": ("SELECT COALESCE(a, b) AS z FROM t", {"z": "T.a T if, T.b T"}),
    "group by a column": ("SELECT a, SUM(b) AS z FROM t GROUP BY a", {"a": "T.a I", "z": "T.b A", "rows": "T.a group"}),
    "group by a position": ("SELECT a + 1 AS y, SUM(b) AS z FROM t GROUP BY 1", {"y": "T.a T", "z": "T.b A", "rows": "T.a group"}),
    "group by an output column": ("SELECT a + 1 AS y, SUM(b) AS z FROM t GROUP BY y", {"y": "T.a T", "z": "T.b A", "rows": "T.a group"}),
    "group by prefers the input": ("SELECT a + b AS c, SUM(d) AS z FROM t GROUP BY t.a, t.b, c",
                                   {"c": "T.a T, T.b T", "z": "T.d A", "rows": "T.a group, T.b group, T.c group"}),
    "order by prefers the output": ("SELECT a AS c FROM t ORDER BY c", {"c": "T.a I", "rows": "T.a sort"}),
    "grouping sets": ("SELECT COALESCE(a, -1) AS e, SUM(b) AS z FROM t GROUP BY GROUPING SETS ((a), ())",
                      {"e": "T.a T if", "z": "T.b A", "rows": "T.a group"}),
    "rollup and cube": ("SELECT SUM(d) AS z FROM t GROUP BY ROLLUP (a, b), CUBE (c)",
                        {"z": "T.d A", "rows": "T.a group, T.b group, T.c group"}),
    "having": ("SELECT a FROM t GROUP BY a HAVING MAX(b) > 1", {"a": "T.a I", "rows": "T.a group, T.b filter"}),
    "distinct": ("SELECT DISTINCT a FROM t", {"a": "T.a I", "rows": "T.a group"}),
    "distinct on": ("SELECT DISTINCT ON (a) a, b FROM t ORDER BY a, c", {"a": "T.a I", "b": "T.b I", "rows": "T.a group sort, T.c sort"}),
    "a window": ("SELECT SUM(a) OVER (PARTITION BY b ORDER BY c) AS z FROM t", {"z": "T.a A, T.b window, T.c window"}),
    "a named window": ("SELECT SUM(a) OVER w AS z FROM t WINDOW w AS (PARTITION BY b)", {"z": "T.a A, T.b window"}),
    "a row before": ("SELECT LAG(a) OVER (ORDER BY b) AS z FROM t", {"z": "T.a T, T.b window"}),
    "a rank": ("SELECT ROW_NUMBER() OVER (ORDER BY b) AS z FROM t", {"z": "T.b window"}),
    "the latest version of a row": (
        "WITH v AS (SELECT a, ROW_NUMBER() OVER (PARTITION BY b ORDER BY c DESC) AS n FROM t) SELECT SUM(a) AS z FROM v WHERE n = 1",
        {"z": "T.a A", "rows": "T.b filter, T.c filter"},
    ),
    "an inner join": ("SELECT t.b, x FROM t JOIN u ON t.k = u.k AND u.y > 1",
                      {"b": "T.b I", "x": "U.x I", "rows": "T.k join, U.k join, U.y join"}),
    "a join by name": ("SELECT k, b FROM t JOIN u USING (k)", {"k": "T.k I", "b": "T.b I", "rows": "T.k join, U.k join"}),
    "a right join by name": ("SELECT k FROM t RIGHT JOIN u USING (k)", {"k": "U.k I", "rows": "T.k join, U.k join"}),
    "a full join by name": ("SELECT k FROM t FULL JOIN u USING (k)", {"k": "T.k T, U.k T", "rows": "T.k join, U.k join"}),
    "joins inside a join": (
        "SELECT t.b, u.x, v.y FROM t JOIN u JOIN u AS v ON u.a = v.a ON t.k = v.k",
        {"b": "T.b I", "x": "U.x I", "y": "U.y I", "rows": "T.k join, U.a join, U.k join"},
    ),
    "joined tables in parentheses and a third": (
        "SELECT t.b, v.y FROM (t JOIN u ON t.k = u.k) JOIN u AS v ON t.a = v.a",
        {"b": "T.b I", "y": "U.y I", "rows": "T.a join, T.k join, U.a join, U.k join"},
    ),
    "joined tables in parentheses with a name": (
        "SELECT j.b, j.x FROM (t JOIN u ON t.k = u.k) AS j",
        {"b": "T.b I", "x": "U.x I", "rows": "T.k join, U.k join"},
    ),
    "joined tables in parentheses": ("SELECT t.b, u.x FROM (t JOIN u ON t.k = u.k)",
                                     {"b": "T.b I", "x": "U.x I", "rows": "T.k join, U.k join"}),
    "a subquery in FROM": ("SELECT s.z FROM (SELECT a AS z FROM t WHERE b > 1) AS s", {"z": "T.a I", "rows": "T.b filter"}),
    "a subquery with column names": ("SELECT q FROM (SELECT a, b FROM t) AS s(p, q)", {"q": "T.b I"}),
    "a table with column names": ("SELECT p.y FROM t AS p(x, y)", {"y": "T.b I"}),
    "a star of a subquery": ("SELECT * FROM (SELECT a, b FROM t) AS s", {"a": "T.a I", "b": "T.b I"}),
    "a star of one table": ("SELECT u.* FROM t CROSS JOIN u", {"a": "U.a I", "k": "U.k I", "x": "U.x I", "y": "U.y I"}),
    "a scalar subquery": ("SELECT b, (SELECT MAX(x) FROM u WHERE u.a = t.a) AS z FROM t",
                          {"b": "T.b I", "z": "T.a filter, U.a filter, U.x A"}),
    "in a subquery": ("SELECT a FROM t WHERE b IN (SELECT x FROM u WHERE y > 1)",
                      {"a": "T.a I", "rows": "T.b filter, U.x filter, U.y filter"}),
    "exists": ("SELECT a FROM t WHERE EXISTS (SELECT x FROM u WHERE u.k = t.k)", {"a": "T.a I", "rows": "T.k filter, U.k filter"}),
    "union all": ("SELECT a AS z FROM t UNION ALL SELECT x + 1 FROM u", {"z": "T.a I, U.x T"}),
    "union": ("SELECT a AS z FROM t UNION SELECT x FROM u", {"z": "T.a I, U.x I", "rows": "T.a group, U.x group"}),
    "except": ("SELECT a AS z FROM t EXCEPT ALL SELECT x FROM u", {"z": "T.a I", "rows": "T.a filter, U.x filter"}),
    "one WITH reads another": ("WITH p AS (SELECT a FROM t WHERE b > 1), q AS (SELECT a * 2 AS z FROM p) SELECT MAX(z) AS z FROM q",
                               {"z": "T.a A", "rows": "T.b filter"}),
    "WITH hides a table of the same name": ("WITH u AS (SELECT a AS x FROM t) SELECT x FROM u", {"x": "T.a I"}),
    "a recursive WITH": ("WITH RECURSIVE r(n, m) AS (SELECT a, b FROM t UNION ALL SELECT m, n + 1 FROM r WHERE n < 3) SELECT n FROM r",
                         {"n": "T.a I T, T.b I T", "rows": "T.a filter, T.b filter"}),
    "a series": ("SELECT g.n FROM GENERATE_SERIES(1, 3) AS g(n)", {"n": ""}),
    "a series as long as a column says": ("SELECT g.n, b FROM t CROSS JOIN LATERAL GENERATE_SERIES(1, t.a) AS g(n)",
                                          {"n": "T.a T", "b": "T.b I", "rows": "T.a join"}),
    "a lateral subquery": ("SELECT t.a, s.z FROM t CROSS JOIN LATERAL (SELECT SUM(x) AS z FROM u WHERE u.k = t.k) AS s",
                           {"a": "T.a I", "z": "U.x A", "rows": "T.k filter, U.k filter"}),
    "given rows": ("SELECT n FROM (VALUES (1), (2)) AS v(n)", {"n": ""}),
    "quoted and unquoted names": ('SELECT "a" AS "Z", A AS z FROM t', {"Z": "T.a I", "z": "T.a I"}),
}  # fmt: skip
UNKNOWN: dict[str, tuple[str, str]] = {
    "a column nobody has": ("SELECT nope AS z FROM t", "nope"),
    "a column of a table not in sight": ("SELECT q.a AS z FROM t", "q"),
    "a column two tables have": ("SELECT a AS z FROM t CROSS JOIN u", "ambiguous"),
    "a table nobody declared": ("SELECT m AS z FROM missing", "missing"),
    "a star of a table nobody declared": ("SELECT * FROM missing", "missing"),
    "a quoted name in another case": ('SELECT "A" AS z FROM t', "A"),
    "a function of unknown columns": ("SELECT key AS z FROM jsonb_each_text(to_jsonb(1)) AS f", "JSONB_EACH_TEXT"),
    "sides of different width": ("SELECT a AS z, b AS y FROM t UNION ALL SELECT x FROM u", "UNION"),
}


def shown(inputs: tuple[Input, ...]) -> str:
    found = [
        f"{each.field.dataset.removeprefix('gdp:')}.{each.field.name} "
        + " ".join(LETTERS[use.subtype] + "!" * use.masking for use in sorted(each.uses, key=lambda use: LETTERS[use.subtype]))
        for each in inputs
    ]
    return ", ".join(found)


def lineage(sql: str) -> ColumnLineage:
    return sql_lineage(sql, TABLES)
