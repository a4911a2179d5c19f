"""Pre-validation: what must hold of the sources before a KPI executes (contract: Pre-validation)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from kpis import rules as r
from kpis.common import Grain
from kpis.schema import Kpi, Source
from lambdas.domain import facts as f
from lambdas.domain.model import RuleResult, Run, UpstreamValue
from lambdas.domain.ports import WarehouseSession
from lambdas.domain.sla import SlaState
from lambdas.domain.timestamps import iso


@dataclass(frozen=True)
class PreContext:
    """What the rules are evaluated against. `missing` are declared sources whose table does not exist."""

    run: Run
    kpi: Kpi
    sources: Mapping[str, Source]
    session: WarehouseSession | None
    upstream: Sequence[UpstreamValue]
    facts: Mapping[str, f.SourceFacts]
    missing: frozenset[str] = frozenset()


Judgement = tuple[bool, str]


def evaluate(context: PreContext) -> list[RuleResult]:
    """Every pre-validation rule of the KPI, in the order written. Rules on missing sources fail and say so."""
    return [
        RuleResult(rule.id, rule.type, rule.severity, *(_missing(rule, context) or _judge(rule, context)))
        for rule in context.kpi.pre_validation
    ]


def _missing(rule: r.PreRule, context: PreContext) -> Judgement | None:
    name = getattr(rule, "source", None)
    if name in context.missing:
        return False, f"table {context.sources[name].table} of source {name} does not exist in the warehouse"
    if isinstance(rule, r.Reconciliation) and context.missing:
        return False, f"sources {', '.join(sorted(context.missing))} do not exist in the warehouse"
    return None


def _judge(rule: r.PreRule, context: PreContext) -> Judgement:  # noqa: PLR0911, C901 - one line per check
    match rule:
        case r.UpstreamDelivered():
            return _upstream_delivered(rule, context)
        case r.UpstreamRange():
            return _upstream_range(rule, context)
        case r.Reconciliation():
            return _reconciliation(rule, context)
        case r.EntitiesCovered():
            return _entities_covered(rule, context)
        case r.RowCount():
            return _row_count(rule, context)
        case r.SourcePresent():
            rows = context.facts[rule.source].rows
            return rows >= rule.min_rows, f"{rows} rows in {context.run.period.text}, at least {rule.min_rows} expected"
        case r.RangeCovered():
            return _range_covered(rule, context)
        case r.Freshness():
            return _freshness(rule, context)
        case r.NullRatio():
            return _null_ratio(rule, context.facts[rule.source])
        case r.ColumnRange():
            return _column_range(rule, context.facts[rule.source])


def _range_covered(rule: r.RangeCovered, context: PreContext) -> Judgement:
    period = context.run.period
    expected = max(1, -(-(period.end - period.start) // timedelta(days=1)))
    days = context.facts[rule.source].days
    return days >= expected - rule.tolerance, f"{days} of {expected} days have rows, {rule.tolerance} may be missing"


def _entities_covered(rule: r.EntitiesCovered, context: PreContext) -> Judgement:
    found = f.read_entities(_session(context), context.sources[rule.source], rule, context.run)
    absent = sorted(set(rule.expected) - found)
    if absent:
        return False, f"no rows for {', '.join(absent)} in column {rule.column}"
    return True, f"all {len(rule.expected)} expected entities have rows"


def _freshness(rule: r.Freshness, context: PreContext) -> Judgement:
    newest = context.facts[rule.source].newest_known
    if newest is None:
        return False, f"{rule.source} has no row that was known at {iso(context.run.as_of)}"
    age = context.run.as_of - newest
    return age <= rule.max_age, f"newest row is of {iso(newest)}, {age} before {iso(context.run.as_of)}; at most {rule.max_age} allowed"


def _null_ratio(rule: r.NullRatio, facts: f.SourceFacts) -> Judgement:
    if facts.rows == 0:
        return False, f"{rule.source} has no rows, so the share of NULL in {rule.column} is unknown"
    ratio = facts.nulls[rule.column] / facts.rows
    return (
        ratio <= rule.max,
        f"{facts.nulls[rule.column]} of {facts.rows} values of {rule.column} are NULL ({ratio:.4f}), at most {rule.max} allowed",
    )


def _column_range(rule: r.ColumnRange, facts: f.SourceFacts) -> Judgement:
    low, high = facts.lowest[rule.column], facts.highest[rule.column]
    if low is None or high is None:
        return True, f"{rule.column} has no values in the period"
    inside = (rule.min is None or low >= rule.min) and (rule.max is None or high <= rule.max)
    return inside, f"{rule.column} lies in [{low:g}, {high:g}], allowed {_interval(rule.min, rule.max)}"


def _row_count(rule: r.RowCount, context: PreContext) -> Judgement:
    rows = context.facts[rule.source].rows
    if rows < rule.min:
        return False, f"{rows} rows, at least {rule.min} expected"
    if rule.min_ratio_of_baseline is None:
        return True, f"{rows} rows, at least {rule.min} expected"
    baseline, periods = _baseline(rule, context)
    if periods == 0:
        return True, f"{rows} rows; no baseline yet"
    expected = rule.min_ratio_of_baseline * baseline
    return (
        rows >= expected,
        f"{rows} rows, at least {expected:.1f} expected ({rule.min_ratio_of_baseline:g} of the mean {baseline:.1f} of {periods} periods)",
    )


def _baseline(rule: r.RowCount, context: PreContext) -> tuple[float, int]:
    grain: Grain = context.kpi.grain
    return f.read_baseline(_session(context), context.sources[rule.source], rule, context.run, grain)


def _reconciliation(rule: r.Reconciliation, context: PreContext) -> Judgement:
    left, right = (_one_number(context, sql) for sql in (rule.left_sql, rule.right_sql))
    if left is None or right is None:
        return False, f"left is {left}, right is {right}: a total is missing"
    return agree(left, right, rule.tolerance), f"left {left:g}, right {right:g}, relative tolerance {rule.tolerance:g}"


def _one_number(context: PreContext, sql: str) -> float | None:
    rows = _session(context).query(sql, f.binds(context.run))
    value = next(iter(rows[0].values())) if rows else None
    return None if value is None else float(value)


def agree(left: float, right: float, tolerance: float) -> bool:
    """Whether two numbers are equal within a relative tolerance of the larger; rounding of doubles is forgiven."""
    return abs(left - right) <= max(tolerance, 1e-9) * max(abs(left), abs(right), 1e-300)


def _values_of(alias: str, context: PreContext) -> tuple[str, list[UpstreamValue]]:
    kpi_id = next(source.kpi for source in context.kpi.kpi_sources if alias in (source.alias, source.kpi))
    return kpi_id, [value for value in context.upstream if value.kpi_id == kpi_id]


def _upstream_delivered(rule: r.UpstreamDelivered, context: PreContext) -> Judgement:
    kpi_id, values = _values_of(rule.source, context)
    if not values:
        return False, f"{kpi_id} has no delivered result for {context.run.period.text}"
    newest = max(values, key=lambda value: value.run_id)
    states: Mapping[str, str] = newest.flags.get("sla", {})
    late = sorted(kind for kind, state in states.items() if state == SlaState.BREACH.value)
    if late:
        return False, f"run {newest.run_id} of {kpi_id} breached its SLA: {', '.join(late)}"
    return True, f"{kpi_id} {newest.contract_version} delivered {len(values)} entities in run {newest.run_id}"


def _upstream_range(rule: r.UpstreamRange, context: PreContext) -> Judgement:
    kpi_id, values = _values_of(rule.source, context)
    if not values:
        return False, f"{kpi_id} has no delivered result for {context.run.period.text}"
    outside = [value for value in values if not _inside(rule, value.value)]
    allowed = _interval(rule.min, rule.max, exclusive_min=rule.exclusive_min)
    if outside:
        worst = ", ".join(f"{value.entity} = {value.value}" for value in outside[:5])
        return False, f"{len(outside)} of {len(values)} values of {kpi_id} are outside {allowed}: {worst}"
    return True, f"all {len(values)} values of {kpi_id} lie in {allowed}"


def _inside(rule: r.UpstreamRange, value: float | None) -> bool:
    if value is None:
        return False
    above = rule.min is None or (value > rule.min if rule.exclusive_min else value >= rule.min)
    return above and (rule.max is None or value <= rule.max)


def _interval(low: float | None, high: float | None, *, exclusive_min: bool = False) -> str:
    left = "(-inf" if low is None else f"{'(' if exclusive_min else '['}{low:g}"
    return f"{left}, {'inf)' if high is None else f'{high:g}]'}"


def _session(context: PreContext) -> WarehouseSession:
    if context.session is None:
        raise AssertionError(f"{context.kpi.id} has rules on golden data but no warehouse session")
    return context.session
