"""Post-validation: what must hold of the values before they are delivered (contract: Post-validation)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from kpis import rules as r
from kpis.common import Verdict
from kpis.schema import Kpi, KpiRef
from lambdas.domain.extensions import relative_change, window
from lambdas.domain.model import Measure, PastValue, RuleResult, Run
from lambdas.domain.ports import ResultStore
from lambdas.domain.pre_rules import agree

SHOWN = 5
_WORST_FIRST = (Verdict.CRITICAL, Verdict.LOW, Verdict.ADEQUATE)
Judgement = tuple[bool, str]


@dataclass(frozen=True)
class PostContext:
    """What the rules are evaluated against."""

    run: Run
    kpi: Kpi
    measures: Sequence[Measure]
    verdicts: Mapping[str, Verdict]
    run_verdict: Verdict
    history: Mapping[str, Sequence[PastValue]]
    results: ResultStore


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict of a run: the worst of its entities; Critical when there is none."""
    return next((verdict for verdict in _WORST_FIRST if verdict in verdicts), Verdict.CRITICAL)


def evaluate(context: PostContext) -> list[RuleResult]:
    """Every post-validation rule of the KPI, in the order written."""
    return [RuleResult(rule.id, rule.type, rule.severity, *_judge(rule, context)) for rule in context.kpi.post_validation]


def _judge(rule: r.PostRule, context: PostContext) -> Judgement:
    match rule:
        case r.ValueRange():
            return _value_range(rule, context.measures)
        case r.Variance():
            return _variance(rule, context)
        case r.VerdictAlignment():
            return _verdict_alignment(context)
        case r.CrossKpi():
            return _cross_kpi(rule, context)


def _value_range(rule: r.ValueRange, measures: Sequence[Measure]) -> Judgement:
    def fits(value: float | None) -> bool:
        if value is None:
            return rule.allow_null
        return (rule.min is None or value >= rule.min) and (rule.max is None or value <= rule.max)

    outside = [measure for measure in measures if not fits(measure.value)]
    allowed = f"[{'-inf' if rule.min is None else f'{rule.min:g}'}, {'inf' if rule.max is None else f'{rule.max:g}'}]"
    if outside:
        return False, f"{len(outside)} of {len(measures)} values are outside {allowed}: {_shown(outside)}"
    return True, f"all {len(measures)} values lie in {allowed}"


def _variance(rule: r.Variance, context: PostContext) -> Judgement:
    moved: list[str] = []
    judged = 0
    for measure in context.measures:
        past = window(context.history.get(measure.entity, ()), context.run.period.start, context.kpi.grain, rule.baseline_periods)
        if len(past) < rule.min_periods or measure.value is None:
            continue
        judged += 1
        if rule.max_change is not None:
            change = relative_change(measure.value, past[-1])
            if change is not None and abs(change) > rule.max_change:
                moved.append(f"{measure.entity} moved by {change:+.1%}")
        elif rule.max_sigma is not None:
            distance = abs(measure.value - fmean(past))
            if distance > rule.max_sigma * stdev(past) and not agree(measure.value, fmean(past), 0):
                moved.append(
                    f"{measure.entity} is {distance:g} from the mean {fmean(past):g} of {len(past)} periods (deviation {stdev(past):g})"
                )
    bound = f"{rule.max_change:.1%} change" if rule.max_change is not None else f"{rule.max_sigma:g} deviations"
    if moved:
        return False, f"beyond {bound}: {'; '.join(moved[:SHOWN])}"
    if judged == 0:
        return True, f"not enough history: fewer than {rule.min_periods} delivered periods within the last {rule.baseline_periods}"
    return True, f"{judged} of {len(context.measures)} values have history and moved within {bound}"


def _verdict_alignment(context: PostContext) -> Judgement:
    recomputed = {measure.entity: context.kpi.verdict.judge(measure.value) for measure in context.measures}
    differing = sorted(entity for entity, verdict in recomputed.items() if context.verdicts.get(entity) is not verdict)
    if differing:
        return False, f"the verdict of {', '.join(differing[:SHOWN])} differs from the bands"
    if worst(list(recomputed.values())) is not context.run_verdict:
        return False, f"the run's verdict {context.run_verdict.value} is not the worst of its entities"
    return True, f"{len(recomputed)} verdicts equal the bands; the run is {context.run_verdict.value}"


def _cross_kpi(rule: r.CrossKpi, context: PostContext) -> Judgement:
    refs = [KpiRef.model_validate({"kpi": kpi_id, "as": alias}) for alias, kpi_id in rule.kpis.items()]
    alias_of = {kpi_id: alias for alias, kpi_id in rule.kpis.items()}
    others: dict[str, dict[str, float | None]] = {}
    for each in context.results.upstream(context.run, refs, context.run.period):
        others.setdefault(each.entity, {})[alias_of[each.kpi_id]] = each.value
    names = ["value", *rule.kpis]
    rows = [
        (measure.entity, [measure.value, *(others[measure.entity][alias] for alias in rule.kpis)])
        for measure in context.measures
        if set(others.get(measure.entity, ())) == set(rule.kpis)
    ]
    if not rows:
        return False, f"{', '.join(rule.kpis.values())} have no delivered value for {context.run.period.text} to compare with"
    sides = context.results.evaluate(context.run, [rule.left, rule.right], names, rows)
    broken = [
        f"{entity}: {left} against {right}" for entity, (left, right) in sorted(sides.items()) if not _holds(left, right, rule.tolerance)
    ]
    if broken:
        return False, f"{rule.left} = {rule.right} does not hold within {rule.tolerance:g}: {'; '.join(broken[:SHOWN])}"
    return True, f"{rule.left} = {rule.right} holds for {len(rows)} entities within {rule.tolerance:g}"


def _holds(left: float | None, right: float | None, tolerance: float) -> bool:
    return left is not None and right is not None and agree(left, right, tolerance)


def _shown(measures: Sequence[Measure]) -> str:
    return ", ".join(f"{measure.entity} = {measure.value}" for measure in measures[:SHOWN])
