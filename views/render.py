"""The views' one source put into each warehouse's dialect: as CREATE VIEW, as one inlined query, and as tables to read from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path

import sqlglot
from sqlglot import exp

from views.log_tables import ColumnType, LogTable, log_tables

SQL_DIR = Path(__file__).parent / "sql"
VIEWS = ("vw_kpi_run_overview", "vw_kpi_validation_summary", "vw_kpi_lineage_sources", "vw_kpi_sla_violations")
TENANT_ID = re.compile(r"^[a-z][a-z0-9_-]{0,62}\Z")
_IDENTIFIER = re.compile(r"^[A-Za-z_][A-Za-z0-9_]{0,127}\Z")
PARAMETER = "?"


class Dialect(StrEnum):
    """Where the views can run."""

    POSTGRES = "postgres"
    REDSHIFT = "redshift"
    ATHENA = "athena"
    DUCKDB = "duckdb"


# Words that parse but mean something else, or nothing, in the dialect. Checked in every rendered file.
DENIED: Mapping[Dialect, tuple[str, ...]] = {
    Dialect.POSTGRES: (),
    Dialect.DUCKDB: (),
    Dialect.REDSHIFT: (r"\bFILTER\s*\(", r"\bLATERAL\b", r"\bEXTRACT\(EPOCH\b", r"\bDISTINCT ON\b", r"\bUSING\b"),
    Dialect.ATHENA: (r"\bTIMESTAMPTZ\b", r"\bTIMESTAMP WITH TIME ZONE\b", r"\bEXTRACT\(EPOCH\b", r"::", r"\bDISTINCT ON\b", r"\bTEXT\b"),
}


def view_names() -> tuple[str, ...]:
    """Every view in an order in which each comes after those it reads: the folded log tables, then the four of K8."""
    return (*(table.seed for table in log_tables()), *VIEWS)


@cache
def _source(name: str) -> exp.Create:
    """The parsed source of a view. Callers copy before they change it."""
    if name not in view_names():
        raise KeyError(f"view '{name}' does not exist; the views are {', '.join(view_names())}")
    statement = sqlglot.parse_one((SQL_DIR / f"{name}.sql").read_text(), read="postgres")
    if not isinstance(statement, exp.Create):
        raise TypeError(f"views/sql/{name}.sql is not one CREATE VIEW")
    return statement


def render(name: str, dialect: Dialect | str, database: str | None = None) -> str:
    """`CREATE OR REPLACE VIEW` of one view, reading its tables from `database` when given.

    In PostgreSQL the view runs with the reader's rights, so the row-level security of the tables holds.

    Raises:
        KeyError: unknown view.
        ValueError: unknown dialect, or a database that is not an identifier.
    """
    target = Dialect(dialect)
    create = _source(name).copy()
    create.set("comments", None)
    create.comments = None
    _translate(create, target)
    if database is not None:
        _check_identifier(database)
        for table in create.find_all(exp.Table):
            if _is_ours(table):
                table.set("db", exp.to_identifier(database))
    text = create.sql(dialect=target.value, pretty=True)
    if target is Dialect.POSTGRES:
        text = text.replace(" AS\n", " WITH (security_invoker = true) AS\n", 1)
    return f"{text};\n"


def inline(name: str, dialect: Dialect | str, *, tenant: str, database: str | None = None, limit: int | None = None) -> str:
    """One SELECT that answers a view for one tenant, its views inlined: also where views cannot be created, or forget themselves.

    The tenant stands at every raw table, so a partitioned table is read for that tenant only.

    Args:
        name: the view.
        dialect: where it runs.
        tenant: the tenant's id, or `?` for a parameter in each place where it stands.
        database: the database of the raw tables.
        limit: at most so many rows, newest run first.

    Raises:
        KeyError: unknown view.
        ValueError: a tenant id or database of another form, or a limit below 1.
    """
    target = Dialect(dialect)
    if tenant != PARAMETER and TENANT_ID.match(tenant) is None:
        raise ValueError(f"'{tenant}' is not a tenant id; expected lower-case letters, digits, - and _, such as acme")
    if database is not None:
        _check_identifier(database)
    if limit is not None and limit < 1:
        raise ValueError(f"limit {limit} is below 1")
    blocks: list[str] = []
    for needed in _needed(name):
        body = _source(needed).expression.copy()
        _scope(body, tenant, database)
        _translate(body, target)
        blocks.append(f"{needed} AS (\n{body.sql(dialect=target.value, pretty=True)}\n)")
    last = f"SELECT\n  *\nFROM {name}\nORDER BY\n  run_id DESC"
    text = f"WITH {', '.join(blocks)}\n{last}"
    return f"{text}\nLIMIT {limit}" if limit else text


def _needed(name: str) -> list[str]:
    """The view and those it reads, in order."""
    order: list[str] = []

    def visit(current: str) -> None:
        for table in _source(current).expression.find_all(exp.Table):
            if table.name in view_names() and table.name not in order:
                visit(table.name)
        if current not in order:
            order.append(current)

    visit(name)
    return order


def _raw_names() -> frozenset[str]:
    return frozenset(table.name for table in log_tables())


def _is_ours(table: exp.Table) -> bool:
    return table.name in view_names() or table.name in _raw_names()


def _scope(body: exp.Expression, tenant: str, database: str | None) -> None:
    """Restrict every raw table of the query to the tenant."""
    value = exp.Placeholder() if tenant == PARAMETER else exp.Literal.string(tenant)
    for select in list(body.find_all(exp.Select)):
        source = select.args.get("from")
        table = source.this if source is not None else None
        if isinstance(table, exp.Table) and table.name in _raw_names():
            column = exp.column("tenant_id", table=table.alias_or_name)
            select.where(exp.EQ(this=column, expression=value.copy()), copy=False)
            if database is not None:
                table.set("db", exp.to_identifier(database))


def _translate(tree: exp.Expression, dialect: Dialect) -> None:
    """What sqlglot leaves alone although the dialect does not have it."""
    if dialect in (Dialect.ATHENA, Dialect.REDSHIFT):
        for extract in list(tree.find_all(exp.Extract)):
            _elapsed(extract, dialect)
    if dialect is Dialect.ATHENA:
        for cast in list(tree.find_all(exp.Cast)):
            if cast.to.this == exp.DataType.Type.TIMESTAMPTZ:
                _moment(cast)


def _elapsed(extract: exp.Extract, dialect: Dialect) -> None:
    """`EXTRACT(EPOCH FROM (a - b))` as milliseconds between, by a thousand."""
    difference = extract.expression.unnest()
    if extract.name.upper() != "EPOCH" or not isinstance(difference, exp.Sub):
        raise ValueError(f"{extract.sql()} has no form in {dialect}; write EXTRACT(EPOCH FROM (a - b))")
    end, start = difference.this.sql(dialect.value), difference.expression.sql(dialect.value)
    unit = "'millisecond'" if dialect is Dialect.ATHENA else "millisecond"
    between = exp.Anonymous(
        this="DATE_DIFF" if dialect is Dialect.ATHENA else "DATEDIFF",
        expressions=[exp.Var(this=unit), exp.Var(this=start), exp.Var(this=end)],
    )
    extract.replace(exp.Div(this=between, expression=exp.Literal.number("1000.0")))


def _moment(cast: exp.Cast) -> None:
    """ISO 8601 text as a timestamp in UTC, in words that Athena and the emulator's engine both take."""
    text = cast.this
    for old, new in (("T", " "), ("Z", "")):
        text = exp.Anonymous(this="REPLACE", expressions=[text, exp.Literal.string(old), exp.Literal.string(new)])
    cast.replace(exp.Cast(this=text, to=exp.DataType.build("timestamp")))


def _check_identifier(name: str) -> None:
    if _IDENTIFIER.match(name) is None:
        raise ValueError(f"'{name}' is not a database name; expected letters, digits and _")


_DDL_TYPES: Mapping[Dialect, Mapping[ColumnType, str]] = {
    Dialect.REDSHIFT: {ColumnType.TEXT: "VARCHAR(65535)", ColumnType.INT: "INTEGER"},
    Dialect.DUCKDB: {},
    Dialect.POSTGRES: {},
}


def ddl(table: LogTable, dialect: Dialect | str) -> str:
    """`CREATE TABLE` of a raw log table, with its checks and the tenant's row-level security where the dialect has them.

    Raises:
        ValueError: for Athena, whose tables the platform stack describes in Glue.
    """
    target = Dialect(dialect)
    if target is Dialect.ATHENA:
        raise ValueError("Athena's tables are described in Glue by the platform stack; use LogTable.glue_columns")
    types = _DDL_TYPES[target]
    lines: list[str] = []
    for column in table.raw_columns:
        line = f"  {column.name} {types.get(column.type, column.type.value)}{' NOT NULL' if column.required else ''}"
        if column.allowed and target is not Dialect.REDSHIFT:
            line += f" CHECK ({column.name} IN ({', '.join(repr(value) for value in column.allowed)}))"
        lines.append(line)
    text = f"CREATE TABLE IF NOT EXISTS {table.name} (\n" + ",\n".join(lines) + "\n)"
    if target is Dialect.REDSHIFT:
        return f"{text}\nDISTKEY (tenant_id)\nSORTKEY (tenant_id, run_id);\n"
    if target is Dialect.POSTGRES:
        return f"{text};\n{_policy(table)}"
    return f"{text};\n"


def _policy(table: LogTable) -> str:
    return (
        f"CREATE INDEX IF NOT EXISTS {table.name}_by_run ON {table.name} (tenant_id, run_id);\n"
        f"ALTER TABLE {table.name} ENABLE ROW LEVEL SECURITY;\n"
        f"DROP POLICY IF EXISTS tenant ON {table.name};\n"
        f"CREATE POLICY tenant ON {table.name} USING (tenant_id = current_setting('kpi.tenant_id', true));\n"
    )


def athena_queries(database: str) -> dict[str, str]:
    """The four views as named queries: name and SQL, with `?` for the tenant in each place where it stands."""
    return {name: inline(name, Dialect.ATHENA, tenant=PARAMETER, database=database) for name in VIEWS}


def rendered_files() -> dict[str, str]:
    """Every checked-in file below `views/rendered`: path and content."""
    files: dict[str, str] = {}
    for dialect in Dialect:
        for name in view_names():
            files[f"{dialect}/{name}.sql"] = render(name, dialect)
        if dialect is not Dialect.ATHENA:
            files[f"{dialect}/log_tables.sql"] = "\n".join(ddl(table, dialect) for table in log_tables())
    return files


def write_rendered(folder: Path) -> list[Path]:
    """Bring `views/rendered` up to date; returns the files written."""
    paths: list[Path] = []
    for name, content in rendered_files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        paths.append(path)
    return paths
