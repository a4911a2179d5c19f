"""The SQL of a KPI for each warehouse: its value, and one SELECT for each validation rule, so that anybody can check a number by hand.

Every rule answers one row: `rule_id`, `severity`, `result` (pass or fail) and `observed`. Upstream and delivered values are read from
`kpi_result`, as far as the run could see them. Parameters are written `:name` (`$name` in DuckDB); besides those of every KPI
(period_start, period_end, as_of, scd_view) there are tenant_id, environment and run_id (the run that is checked), `period_days` (whole
days of the period, at least 1), `baseline_start` and `baseline_periods` (the start of the window before the period and how many periods
of it had begun).

Statements are translated once for each shape and dialect, then filled, since translating is slow and shapes are few.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial

import sqlglot
from sqlglot import exp

from kpis.artifact import Artifact, Surroundings
from kpis.schema import Kpi, SqlExpression
from kpis.sql import DIALECT, parse_query
from views.render import DENIED, Dialect
from views.rule_queries import Filled, formula_query, rule_queries

_PLACE = re.compile(r"\bx__(\w+?)__\b")
_DRIVER_PARAMETER = re.compile(r"%\((\w+)\)s")


class DialectError(ValueError):
    """A statement that a warehouse cannot run."""


def render_kpi(kpi: Kpi, around: Surroundings) -> Iterator[Artifact]:
    """`sql/<dialect>/<KPI>.sql` for every warehouse."""
    for dialect in Dialect:
        yield Artifact(f"sql/{dialect}/{kpi.id}.sql", "".join(_lines(kpi, around, dialect)).encode(), (kpi.id,))


def _lines(kpi: Kpi, around: Surroundings, dialect: Dialect) -> Iterator[str]:
    yield f"-- {kpi.id} {kpi.contract_version} for {dialect}, definition sha256:{around.hash_of(kpi)}\n"
    yield from _statement("value", "", partial(value_sql, kpi, dialect))
    for query in rule_queries(kpi, {source.id: source for source in around.sources_of(kpi)}):
        yield from _statement(f"{query.when} {query.rule_id}", query.note, partial(filled, query, dialect))


def _statement(name: str, note: str, text: Callable[[], str]) -> Iterator[str]:
    """A named statement; where the warehouse has no words for it, the reason stands in its place."""
    yield f"\n-- name: {name}\n"
    if note:
        yield f"-- {note}\n"
    try:
        yield f"{text()};\n"
    except DialectError as error:
        yield f"-- {error}\n"


def value_sql(kpi: Kpi, dialect: Dialect) -> str:
    """The statement that computes the value: `entity`, `value`, `rows_processed`.

    Raises:
        DialectError: when the warehouse has no form for something in it.
    """
    if isinstance(kpi.expression, SqlExpression):
        return author_sql(kpi.expression.sql, dialect)
    return filled(formula_query(kpi), dialect)


def author_sql(sql: str, dialect: Dialect) -> str:
    """An author's statement, as judged, in a warehouse's dialect.

    Raises:
        DialectError: when it was refused, or the warehouse has no form for it.
    """
    query, problems = parse_query(sql)
    if query is None or problems:
        raise DialectError(f"not a statement a KPI may have: {'; '.join(problem.message for problem in problems)}")
    return _checked(_written(query, dialect), dialect)


def filled(query: Filled, dialect: Dialect) -> str:
    """A rule's statement in a dialect.

    Raises:
        DialectError: when the warehouse has no form for a part that the author wrote.
    """
    texts = dict(query.texts)
    texts |= {name: _string(value, dialect) for name, value in query.strings.items()}
    texts |= {name: f"({author_sql(sql, dialect)})" for name, sql in query.statements.items()}
    texts |= {name: _scalar(expression, dialect) for name, expression in query.scalars.items()}
    shape = _PLACE.sub(lambda match: _place(match[1], texts), _translated(query.shape, dialect))
    return _checked(shape, dialect)


def _place(name: str, texts: Mapping[str, str]) -> str:
    if name not in texts:
        raise KeyError(f"a rule's statement names x__{name}__, which nothing fills")
    return texts[name]


@lru_cache(maxsize=1024)
def _translated(shape: str, dialect: Dialect) -> str:
    return _written(sqlglot.parse_one(shape, read=DIALECT), dialect)


@lru_cache(maxsize=4096)
def _scalar(expression: str, dialect: Dialect) -> str:
    return f"({_written(sqlglot.parse_one(f'SELECT {expression}', read=DIALECT).expressions[0], dialect, pretty=False)})"


@lru_cache(maxsize=4096)
def _string(value: str, dialect: Dialect) -> str:
    return _written(exp.Literal.string(value), dialect, pretty=False)


def _written(tree: exp.Expression, dialect: Dialect, *, pretty: bool = True) -> str:
    if dialect is Dialect.REDSHIFT:
        tree = tree.copy().transform(_escaped)
    text = tree.sql(dialect=dialect.value, pretty=pretty, comments=False, unsupported_level=sqlglot.ErrorLevel.IGNORE)
    return _DRIVER_PARAMETER.sub(r":\1", text)


def _escaped(node: exp.Expression) -> exp.Expression:
    """Redshift reads a backslash in a string as an escape, PostgreSQL does not, and the translation leaves it alone."""
    if isinstance(node, exp.Literal) and node.is_string and "\\" in node.name:
        return exp.Literal.string(node.name.replace("\\", "\\\\"))
    return node


def _checked(text: str, dialect: Dialect) -> str:
    for word in _NOT_HERE[dialect]:
        if re.search(word, text, re.IGNORECASE):
            raise DialectError(f"{dialect} has no {_word(word)}; write the KPI without it to run it there")
    return text


def _word(pattern: str) -> str:
    return re.sub(r"\\[a-zA-Z]\*?|\\", "", pattern).strip()


# Joins by USING and casts by :: are fine in a query; in a view of Redshift they are not.
_NOT_HERE: Mapping[Dialect, tuple[str, ...]] = {
    Dialect.POSTGRES: DENIED[Dialect.POSTGRES],
    Dialect.DUCKDB: DENIED[Dialect.DUCKDB],
    Dialect.REDSHIFT: tuple(word for word in DENIED[Dialect.REDSHIFT] if "USING" not in word),
    Dialect.ATHENA: DENIED[Dialect.ATHENA],
}
