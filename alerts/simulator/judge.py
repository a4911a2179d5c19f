"""From the values of an evaluation range to a state and its reason.

Source: "Configuring how CloudWatch alarms treat missing data" in the CloudWatch user guide, whose tables are in the tests.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence

from alerts.simulator.composite import evaluate_rule
from alerts.simulator.model import Band, BandComparison, Judgement, Rule, State, UnsupportedError
from alerts.specs import Comparison, MissingData

_TEST = {
    Comparison.ABOVE: operator.gt,
    Comparison.AT_LEAST: operator.ge,
    Comparison.BELOW: operator.lt,
    Comparison.AT_MOST: operator.le,
}
_WORDS = {
    Comparison.ABOVE: "greater than",
    Comparison.AT_LEAST: "greater than or equal to",
    Comparison.BELOW: "less than",
    Comparison.AT_MOST: "less than or equal to",
    BandComparison.OUTSIDE: "less than the lower or greater than the upper end of",
    BandComparison.BELOW: "less than the lower end of",
    BandComparison.ABOVE: "greater than the upper end of",
}
_SHOWN = 5
"""Datapoints a reason lists."""


Breaches = tuple[bool | None, ...]
"""Whether each value of an evaluation range breaches, oldest first; None for a missing one."""


def breaches(rule: Rule, value: float, band: Band | None = None) -> bool:
    """Whether a value is on the wrong side of the threshold, or of its band.

    Raises:
        UnsupportedError: when the rule compares with a band and there is none.
    """
    if isinstance(rule.comparison, Comparison):
        return _TEST[rule.comparison](value, rule.threshold)
    if band is None:
        raise UnsupportedError(f"comparison {rule.comparison}: needs the expected range of each period (ANOMALY_DETECTION_BAND)")
    below, above = value < band.lower, value > band.upper
    return {BandComparison.BELOW: below, BandComparison.ABOVE: above, BandComparison.OUTSIDE: below or above}[rule.comparison]


def all_breaches(rule: Rule, values: Sequence[float | None], bands: Sequence[Band | None] | None = None) -> Breaches:
    """Which values of an evaluation range breach. A value whose band is not known (`bands`, one for each value) counts as missing.

    Raises:
        UnsupportedError: when the rule compares with a band and `bands` is None.
    """
    if isinstance(rule.comparison, Comparison) or bands is None:
        return tuple(None if value is None else breaches(rule, value) for value in values)
    return tuple(None if value is None or band is None else breaches(rule, value, band) for value, band in zip(values, bands, strict=True))


def judge(rule: Rule, values: Sequence[float | None], current: State, bands: Sequence[Band | None] | None = None) -> Judgement:
    """The state of an alarm whose evaluation range holds these values, oldest first, None for a missing one, and why.

    Raises:
        UnsupportedError: when the rule compares with a band and `bands` is None.
    """
    found = all_breaches(rule, values, bands)
    state = decide(rule, found, current)
    judged = [(value, breach) for value, breach in zip(values, found, strict=True) if value is not None and breach is not None]
    return Judgement(state, _reason(rule, state, judged, len(found)), tuple(values))


def decide(rule: Rule, found: Breaches, current: State) -> State:
    """The state, by which values of the evaluation range breach.

    With at least `periods` real values the most recent of them decide and missing ones do not matter. With fewer, all real ones
    count together with as many missing ones as are needed, which are what `missing_data` says.
    """
    real = [breach for breach in found if breach is not None]
    if len(real) >= rule.periods:
        return _by_count(rule, sum(real[-rule.periods :]))
    match rule.missing_data:
        case MissingData.BREACHING:
            return _by_count(rule, sum(real) + rule.periods - len(real))
        case MissingData.NOT_BREACHING:
            return _by_count(rule, sum(real))
        case MissingData.MISSING if not real:
            return State.INSUFFICIENT_DATA
        case _ if not real:
            return current
        case _:
            return _of_few(rule, found, real, current)


def judge_composite(rule: str, states: Mapping[str, State]) -> Judgement:
    """The state of a composite alarm, by the states of the alarms it names (by name or ARN).

    Raises:
        UnsupportedError: when the rule is not one, or names an alarm that is not in `states`.
    """
    state = State.ALARM if evaluate_rule(rule, states) else State.OK
    return Judgement(state, f"The alarm rule {rule} evaluates to {state}", ())


def _by_count(rule: Rule, count: int) -> State:
    return State.ALARM if count >= rule.datapoints else State.OK


def _of_few(rule: Rule, found: Breaches, real: Sequence[bool], current: State) -> State:
    """Missing or ignore, with some real values but fewer than the alarm wants."""
    if sum(real) >= rule.datapoints:
        return State.ALARM
    if not all(real):
        return State.OK
    oldest = len(found) - next(index for index, breach in enumerate(found) if breach is not None)
    if rule.missing_data is MissingData.MISSING and oldest >= rule.datapoints:
        # "Premature alarm state": all younger points breach or miss, and the breach has lasted as long as the alarm wants.
        return State.ALARM
    # All real values breach but are too few and too young to prove anything.
    return current


def _reason(rule: Rule, state: State, real: Sequence[tuple[float, bool]], looked_at: int) -> str:
    judged = real[-rule.periods :] if len(real) >= rule.periods else real
    missing = rule.periods - len(judged)
    filled = missing if rule.missing_data in (MissingData.BREACHING, MissingData.NOT_BREACHING) else 0
    word = "Breaching" if rule.missing_data is MissingData.BREACHING else "NonBreaching"
    if filled and not judged:
        received = f"no datapoints were received for {rule.periods} periods"
        return f"Threshold Crossed: {received} and {filled} missing datapoints were treated as [{word}]."
    if not judged:
        kept = "" if rule.missing_data is MissingData.MISSING else " The state is kept."
        return f"Insufficient Data: {looked_at} datapoints were unknown.{kept}"
    crossed = _threshold_reason(rule, state, judged)
    if filled:
        return f"{crossed} {filled} missing datapoints were treated as [{word}]."
    if missing and not _decided(rule, state, judged):
        return f"{crossed} The state is kept: too few datapoints."
    return crossed


def _decided(rule: Rule, state: State, judged: Sequence[tuple[float, bool]]) -> bool:
    """Whether few real values were enough: a value within the threshold, or as many breaches as the alarm wants."""
    count = sum(breach for _, breach in judged)
    return count < len(judged) or count >= rule.datapoints or (rule.missing_data is MissingData.MISSING and state is State.ALARM)


def _threshold_reason(rule: Rule, state: State, judged: Sequence[tuple[float, bool]]) -> str:
    crossed = [value for value, breach in judged if breach is (state is State.ALARM)]
    listed = ", ".join(f"{value:g}" for value in crossed[-_SHOWN:])
    be = "was" if len(crossed) == 1 else "were"
    verb = f"{be} {_WORDS[rule.comparison]}" if state is State.ALARM else f"{be} not {_WORDS[rule.comparison]}"
    limit = f"the threshold ({rule.threshold:g})" if isinstance(rule.comparison, Comparison) else "the expected range"
    needed = rule.datapoints if state is State.ALARM else rule.periods - rule.datapoints + 1
    change = "OK -> ALARM" if state is State.ALARM else "ALARM -> OK"
    return (
        f"Threshold Crossed: {len(crossed)} out of the last {len(judged)} datapoints [{listed}] {verb} {limit} "
        f"(minimum {needed} datapoint{'s' if needed != 1 else ''} for {change} transition)."
    )
