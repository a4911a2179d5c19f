"""Each validation rule as one SELECT, written once: a shape with places (`x__name__`) and what fills them.

Only our own text is in a shape. Names are identifiers the dictionary has checked; the author's texts are strings, judged statements or
judged scalar expressions, which the dialect writes.
"""

# ruff: noqa: S608 - a shape is our own text; what comes from the dictionary is filled in by views.validation, escaped for the dialect
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from kpis import rules as r
from kpis.formulas import formula_of, quoted
from kpis.schema import Direction, Kpi, Source

_VISIBLE = "x__period__ >= :period_start AND x__period__ < :period_end AND x__fresh__ <= :as_of"
_SCOPE = (
    "tenant_id = :tenant_id AND environment = :environment AND scd_view = :scd_view "
    "AND period_start = :period_start AND period_end = :period_end AND run_id <= :run_id"
)
_LATEST = (
    "SELECT entity, value, ROW_NUMBER() OVER (PARTITION BY entity ORDER BY run_id DESC) AS recency "
    f"FROM kpi_result WHERE {_SCOPE} AND kpi_id = x__kpi__"
)
_OWN_RUN = "tenant_id = :tenant_id AND environment = :environment AND kpi_id = x__own__ AND run_id = :run_id"
_CLOSE = "0.000000001"
"""Relative rounding of doubles that is forgiven where two numbers must be equal."""


@dataclass(frozen=True)
class Filled:
    """A statement: its shape and what fills its places: texts as they are, strings, the author's statements and scalar expressions."""

    shape: str
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    strings: Mapping[str, str] = field(default_factory=dict[str, str])
    statements: Mapping[str, str] = field(default_factory=dict[str, str])
    scalars: Mapping[str, str] = field(default_factory=dict[str, str])
    when: str = ""
    rule_id: str = ""
    note: str = ""


@dataclass(frozen=True)
class _Part:
    """What differs from rule to rule: the facts it reads and the condition they pass."""

    facts: str
    passes: str
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    strings: Mapping[str, str] = field(default_factory=dict[str, str])
    statements: Mapping[str, str] = field(default_factory=dict[str, str])
    scalars: Mapping[str, str] = field(default_factory=dict[str, str])
    note: str = ""


def rule_queries(kpi: Kpi, sources: Mapping[str, Source]) -> Iterator[Filled]:
    """One statement for each rule of the KPI, in the order written."""
    for rule in kpi.pre_validation:
        yield _whole("before", rule, _before(rule, kpi), kpi, sources.get(getattr(rule, "source", "")))
    for rule in kpi.post_validation:
        yield _whole("after", rule, _after(rule, kpi), kpi, None)


def _whole(when: str, rule: r.Rule, part: _Part, kpi: Kpi, source: Source | None) -> Filled:
    texts: dict[str, str] = dict(part.texts)
    if source is not None:
        texts |= {
            "table": quoted(source.table),
            "period": quoted(source.period_column),
            "fresh": quoted(source.freshness_column),
        }
    shape = (
        "SELECT x__rule__ AS rule_id, x__severity__ AS severity, "
        f"CASE WHEN {part.passes} THEN 'pass' ELSE 'fail' END AS result, "
        f"CAST(observed AS DOUBLE PRECISION) AS observed FROM ({part.facts}) AS facts"
    )
    strings = dict(part.strings) | {"rule": rule.id, "severity": rule.severity.value, "own": kpi.id}
    return Filled(shape, texts, strings, part.statements, part.scalars, when, rule.id, part.note)


def _before(rule: r.PreRule, kpi: Kpi) -> _Part:  # noqa: PLR0911, C901 - one line per check
    match rule:
        case r.SourcePresent():
            return _Part(_count("COUNT(*)"), "observed >= x__min__", {"min": str(rule.min_rows)})
        case r.RangeCovered():
            days = "COUNT(DISTINCT CAST(x__period__ AS DATE))"
            return _Part(_count(days), "observed >= :period_days - x__tolerance__", {"tolerance": str(rule.tolerance)})
        case r.EntitiesCovered():
            return _entities_covered(rule)
        case r.Freshness():
            seconds = int(rule.max_age.total_seconds())
            facts = "SELECT COUNT(*) AS observed FROM x__table__ WHERE x__fresh__ <= :as_of AND x__fresh__ >= CAST(:as_of AS TIMESTAMP) "
            return _Part(f"{facts}- INTERVAL '{seconds}' SECOND", "observed > 0", note="observed: rows that are recent enough")
        case r.NullRatio():
            ratio = "1.0 * (COUNT(*) - COUNT(x__column__)) / NULLIF(COUNT(*), 0)"
            return _Part(_count(ratio), "observed <= x__max__", {"column": quoted(rule.column), "max": repr(rule.max)})
        case r.ColumnRange():
            return _column_range(rule)
        case r.RowCount():
            return _row_count(rule)
        case r.Reconciliation():
            equal = _agree("lhs", "rhs", "x__tolerance__")
            facts = "SELECT lhs, rhs, lhs - rhs AS observed FROM (SELECT x__left__ AS lhs, x__right__ AS rhs) AS sides"
            return _Part(facts, equal, {"tolerance": repr(rule.tolerance)}, statements={"left": rule.left_sql, "right": rule.right_sql})
        case r.UpstreamDelivered():
            facts = f"SELECT COUNT(*) AS observed FROM kpi_result WHERE {_SCOPE} AND kpi_id = x__kpi__"
            note = "whether the upstream run breached its SLA is in vw_kpi_sla_violations"
            return _Part(facts, "observed > 0", strings={"kpi": _upstream(rule.source, kpi)}, note=note)
        case r.UpstreamRange():
            return _upstream_range(rule, kpi)


def _count(what: str) -> str:
    return f"SELECT {what} AS observed FROM x__table__ WHERE {_VISIBLE}"


def _entities_covered(rule: r.EntitiesCovered) -> _Part:
    places = {f"entity_{index}": entity for index, entity in enumerate(sorted(set(rule.expected)))}
    listed = ", ".join(f"x__{name}__" for name in places)
    facts = f"{_count('COUNT(DISTINCT x__column__)')} AND x__column__ IN ({listed})"
    return _Part(facts, "observed = x__expected__", {"column": quoted(rule.column), "expected": str(len(places))}, places)


def _column_range(rule: r.ColumnRange) -> _Part:
    texts = {"column": quoted(rule.column)}
    outside = _outside("x__column__", rule.min, rule.max, texts)
    return _Part(_count(f"COALESCE(SUM(CASE WHEN {outside} THEN 1 ELSE 0 END), 0)"), "observed = 0", texts)


def _outside(column: str, low: float | None, high: float | None, texts: dict[str, str], *, exclusive: bool = False) -> str:
    parts: list[str] = []
    if low is not None:
        texts["min"] = repr(low)
        parts.append(f"{column} {'<=' if exclusive else '<'} x__min__")
    if high is not None:
        texts["max"] = repr(high)
        parts.append(f"{column} > x__max__")
    return " OR ".join(parts)


def _row_count(rule: r.RowCount) -> _Part:
    texts = {"min": str(rule.min)}
    if rule.min_ratio_of_baseline is None:
        return _Part(_count("COUNT(*)"), "observed >= x__min__", texts)
    texts["ratio"] = repr(rule.min_ratio_of_baseline)
    before = (
        "(SELECT COUNT(*) FROM x__table__ WHERE x__period__ >= :baseline_start AND x__period__ < :period_start AND x__fresh__ <= :as_of)"
    )
    facts = f"SELECT COUNT(*) AS observed, {before} AS baseline_rows FROM x__table__ WHERE {_VISIBLE}"
    enough = "observed * :baseline_periods >= x__ratio__ * baseline_rows"
    note = f"baseline: the {rule.baseline_periods} periods before"
    return _Part(facts, f"observed >= x__min__ AND (:baseline_periods = 0 OR {enough})", texts, note=note)


def _agree(left: str, right: str, tolerance: str) -> str:
    larger = f"CASE WHEN ABS({left}) > ABS({right}) THEN ABS({left}) ELSE ABS({right}) END"
    wide = f"CASE WHEN {tolerance} > {_CLOSE} THEN {tolerance} ELSE {_CLOSE} END"
    return f"ABS({left} - {right}) <= {wide} * {larger}"


def _upstream(alias: str, kpi: Kpi) -> str:
    return next(source.kpi for source in kpi.kpi_sources if alias in (source.alias, source.kpi))


def _upstream_range(rule: r.UpstreamRange, kpi: Kpi) -> _Part:
    texts: dict[str, str] = {}
    outside = _outside("value", rule.min, rule.max, texts, exclusive=rule.exclusive_min)
    facts = (
        f"SELECT COUNT(*) AS delivered, SUM(CASE WHEN value IS NULL OR {outside} THEN 1 ELSE 0 END) AS observed "
        f"FROM ({_LATEST}) AS latest WHERE recency = 1"
    )
    return _Part(facts, "delivered > 0 AND observed = 0", texts, {"kpi": _upstream(rule.source, kpi)})


def _after(rule: r.PostRule, kpi: Kpi) -> _Part:
    match rule:
        case r.ValueRange():
            texts: dict[str, str] = {}
            outside = f"{'' if rule.allow_null else 'value IS NULL OR '}{_outside('value', rule.min, rule.max, texts)}"
            facts = f"SELECT COALESCE(SUM(CASE WHEN {outside} THEN 1 ELSE 0 END), 0) AS observed FROM kpi_result WHERE {_OWN_RUN}"
            return _Part(facts, "observed = 0", texts)
        case r.VerdictAlignment():
            return _verdict_alignment(kpi)
        case r.Variance():
            return _variance(rule)
        case r.CrossKpi():
            return _cross_kpi(rule)


def _verdict_alignment(kpi: Kpi) -> _Part:
    better = ">=" if kpi.verdict.direction is Direction.HIGHER else "<="
    expected = f"CASE WHEN value {better} x__adequate__ THEN 'Adequate' WHEN value {better} x__low__ THEN 'Low' ELSE 'Critical' END"
    facts = f"SELECT COALESCE(SUM(CASE WHEN verdict <> {expected} THEN 1 ELSE 0 END), 0) AS observed FROM kpi_result WHERE {_OWN_RUN}"
    return _Part(facts, "observed = 0", {"adequate": repr(kpi.verdict.adequate), "low": repr(kpi.verdict.low)})


def _variance(rule: r.Variance) -> _Part:
    past = (
        "SELECT entity, period_start, value, "
        "ROW_NUMBER() OVER (PARTITION BY entity, period_start, period_end ORDER BY run_id DESC) AS recency FROM kpi_result "
        "WHERE tenant_id = :tenant_id AND environment = :environment AND scd_view = :scd_view AND kpi_id = x__own__ "
        "AND period_start >= :baseline_start AND period_start < :period_start AND run_id <= :run_id "
        "AND CAST(flags AS VARCHAR) NOT LIKE '%\"fallback\": true%'"
    )
    ranked = (
        "SELECT entity, value, ROW_NUMBER() OVER (PARTITION BY entity ORDER BY period_start DESC) AS back "
        f"FROM ({past}) AS past WHERE recency = 1 AND value IS NOT NULL"
    )
    baseline = (
        "SELECT entity, COUNT(*) AS periods, AVG(value) AS mean, STDDEV_SAMP(value) AS deviation, "
        f"MAX(CASE WHEN back = 1 THEN value END) AS previous FROM ({ranked}) AS ranked GROUP BY entity"
    )
    texts = {"periods": str(rule.min_periods)}
    if rule.max_change is not None:
        texts["bound"] = repr(rule.max_change)
        beyond = "previous <> 0 AND ABS(value - previous) > x__bound__ * ABS(previous)"
    else:
        texts["bound"] = repr(rule.max_sigma)
        beyond = f"ABS(value - mean) > x__bound__ * deviation AND NOT ({_agree('value', 'mean', '0')})"
    facts = (
        f"SELECT COALESCE(SUM(CASE WHEN periods >= x__periods__ AND {beyond} THEN 1 ELSE 0 END), 0) AS observed "
        f"FROM (SELECT entity, value FROM kpi_result WHERE {_OWN_RUN}) AS delivered JOIN ({baseline}) AS baseline USING (entity)"
    )
    return _Part(facts, "observed = 0", texts, note=f"baseline: the {rule.baseline_periods} periods before")


def _cross_kpi(rule: r.CrossKpi) -> _Part:
    strings: dict[str, str] = {}
    joins: list[str] = []
    for index, (alias, kpi_id) in enumerate(rule.kpis.items()):
        strings[f"kpi_{index}"] = kpi_id
        joins.append(f"JOIN ({_latest_value(index, alias)}) AS s{index} USING (entity)")
    equal = _agree("lhs", "rhs", "x__tolerance__")
    inner = (
        f"SELECT CAST(x__left__ AS DOUBLE PRECISION) AS lhs, CAST(x__right__ AS DOUBLE PRECISION) AS rhs "
        f"FROM (SELECT entity, value FROM kpi_result WHERE {_OWN_RUN}) AS own {' '.join(joins)}"
    )
    facts = f"SELECT COUNT(*) AS compared, SUM(CASE WHEN {equal} THEN 0 ELSE 1 END) AS observed FROM ({inner}) AS sides"
    texts = {"tolerance": repr(rule.tolerance)}
    return _Part(facts, "compared > 0 AND observed = 0", texts, strings, scalars={"left": rule.left, "right": rule.right})


def _latest_value(index: int, alias: str) -> str:
    latest = _LATEST.replace("x__kpi__", f"x__kpi_{index}__")
    return f"SELECT entity, value AS {quoted(alias)} FROM ({latest}) AS latest_{index} WHERE recency = 1"


def formula_query(kpi: Kpi) -> Filled:
    """The value of a KPI over KPIs: the formula for each entity that every upstream KPI delivered."""
    strings: dict[str, str] = {}
    joined: list[str] = []
    for index, source in enumerate(kpi.kpi_sources):
        strings[f"kpi_{index}"] = source.kpi
        pinned = ""
        if source.version is not None:
            strings[f"version_{index}"] = source.version
            pinned = f" AND contract_version = x__version_{index}__"
        latest = _LATEST.replace("x__kpi__", f"x__kpi_{index}__") + pinned
        joined.append(f"(SELECT entity, value AS {quoted(source.alias)} FROM ({latest}) AS l{index} WHERE recency = 1) AS s{index}")
    tables = joined[0] + "".join(f" JOIN {each} USING (entity)" for each in joined[1:])
    shape = (
        f"SELECT entity, CAST(x__formula__ AS DOUBLE PRECISION) AS value, CAST({len(joined)} AS BIGINT) AS rows_processed "
        f"FROM {tables} ORDER BY entity"
    )
    return Filled(shape, strings=strings, scalars={"formula": formula_of(kpi)})
