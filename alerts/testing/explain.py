"""What the simulator saw: the values an alarm judged at a moment, for a person who wonders why it did what it did."""

from __future__ import annotations

from alerts.simulator import MetricHistory
from alerts.simulator.queries import Reading
from alerts.simulator.timeline import evaluation_of
from alerts.simulator.windows import SeriesValues
from alerts.specs import Late, MetricAlarm

LATE = {each: each.value for each in Late}
"""What is only known once it exists stands for itself, in the alarms and in the data alike."""


def judged_values(alarm: MetricAlarm, history: MetricHistory, at: float) -> tuple[float | None, ...]:
    """The values in the evaluation range of an alarm at a moment (seconds since the epoch), oldest first, None where there is no data."""
    evaluation = evaluation_of(alarm, LATE)
    series = {
        source: SeriesValues(
            history.points(source.namespace, source.metric, dict(source.dimensions), at - evaluation.reach, at), source.period, source.stat
        )
        for source in evaluation.sources
    }
    return Reading(evaluation, series).at(at).values


def written(values: tuple[float | None, ...]) -> str:
    """Values as the notation of test data writes them, such as `_ 0 12.5`; only the latest ten."""
    shown = ["_" if value is None else f"{value:g}" for value in values[-10:]]
    return " ".join((["..."] if len(values) > 10 else []) + shown)  # noqa: PLR2004
