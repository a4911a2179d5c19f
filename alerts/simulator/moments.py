"""The moments at which an alarm can change its state: evaluations between which its points stay in the same windows are skipped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from alerts.simulator.history import Source
from alerts.simulator.queries import Clock, Evaluation
from alerts.simulator.windows import EXTRA_PERIODS, HOUR, MINUTE, SeriesValues, cadence


def moments(
    evaluation: Evaluation, series: Mapping[Source, SeriesValues], *, start: float, end: float, step: float = MINUTE
) -> Sequence[int]:
    """The evaluations in [start, end] that matter, ascending, in seconds since the epoch. The first evaluation always does.

    Raises:
        ValueError: for a step that is neither up to 60 nor a multiple of 60.
    """
    if step > MINUTE and step % MINUTE:
        raise ValueError(f"step {step:g}: expected up to 60 seconds, or a multiple of 60")
    grid = cadence(evaluation.period, evaluation.periods)
    grid = math.ceil(step / grid) * grid if step > MINUTE else grid
    first, last = math.ceil(start / grid), math.floor(end / grid)
    windows = evaluation.periods + EXTRA_PERIODS
    slots = {math.floor(time / grid) for values in series.values() for time in values.times}
    if evaluation.clock is Clock.ALWAYS or len(slots) * (windows + 1) > 8 * (last - first + 1):
        return range(first * grid, last * grid + 1, grid)
    found = {first, *_changes(series, slots, evaluation.period, windows, grid)}
    if evaluation.clock is Clock.HOURLY:
        hours = range(math.floor(start / HOUR), math.floor(end / HOUR) + windows * evaluation.period // HOUR + 2)
        edges = {(hour * HOUR + age * evaluation.period) // grid for age in range(windows + 1) for hour in hours}
        found |= edges | {edge + 1 for edge in edges}
    return [index * grid for index in sorted(found) if first <= index <= last]


def _changes(series: Mapping[Source, SeriesValues], slots: Iterable[int], period: int, windows: int, grid: int) -> set[int]:
    """The evaluations right after a point has passed into the next window, by their number on the grid."""
    if period % grid == 0:
        return {slot + 1 + age * (period // grid) for slot in slots for age in range(windows + 1)}
    times = {time for values in series.values() for time in values.times}
    return {math.floor((time + age * period) / grid) + 1 for time in times for age in range(windows + 1)}
