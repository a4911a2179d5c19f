"""The functions of metric math: which are evaluated, with how many arguments, and which depend on the clock.

Source: "Functions supported for metric math" in the CloudWatch user guide.
"""

from __future__ import annotations

CLOCK_HOURLY = ("HOUR", "DAY", "DATE", "MONTH", "YEAR", "ANOMALY_DETECTION_BAND")
"""Their values can change at a full hour although no point does."""
CLOCK_ALWAYS = ("MINUTE", "EPOCH")
"""Their values change with every evaluation."""

_EACH = ("ABS", "CEIL", "FLOOR", "LOG", "LOG10", "DIFF", "DIFF_TIME", "RATE", "RUNNING_SUM")
_FOLDS = ("SUM", "AVG", "MIN", "MAX", "STDDEV", "DATAPOINT_COUNT")
_OF_ARRAYS = ("FIRST", "LAST", "METRIC_COUNT", "REMOVE_EMPTY")
_MOMENTS = ("MINUTE", "HOUR", "DAY", "DATE", "MONTH", "YEAR", "EPOCH")
_ARGUMENTS: dict[str, tuple[int, int]] = {
    **dict.fromkeys((*_EACH, *_FOLDS, *_OF_ARRAYS, *_MOMENTS, "PERIOD", "TIME_SERIES"), (1, 1)),
    "ANOMALY_DETECTION_BAND": (1, 2),
    "FILL": (2, 2),
    "IF": (2, 3),
    "METRICS": (0, 1),
    "SLICE": (2, 3),
    "SORT": (3, 4),
}
_REFUSED = {
    "SEARCH": "an alarm cannot watch a search",
    "INSIGHT_RULE_METRIC": "Contributor Insights is not simulated",
    "SERVICE_QUOTA": "service quotas are not simulated",
    "DB_PERF_INSIGHTS": "Performance Insights is not simulated",
    "LAMBDA": "data source connectors are not simulated",
}


def problem_of_call(function: str, count: int) -> str | None:
    """Why a call with so many arguments is refused; None when it is fine."""
    if function in _REFUSED:
        return f"{function} is not evaluated here: {_REFUSED[function]}"
    if function not in _ARGUMENTS:
        hint = f"; functions are in upper case: {function.upper()}" if function.upper() in _ARGUMENTS else ""
        return f"there is no function {function} here{hint or '; known are ' + ', '.join(sorted(_ARGUMENTS))}"
    least, most = _ARGUMENTS[function]
    if least <= count <= most:
        return None
    expected = str(least) if least == most else f"{least} to {most}"
    return f"{function} has {count} argument{'s' if count != 1 else ''}, expected {expected}"
