"""What an alarm reads and computes in each of its windows: a single series, or the queries of metric math.

One shape for both users: the timeline builds it from `alerts.specs`, the local agent from PutMetricAlarm requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from alerts.simulator.anomaly import TRAINING_DAYS, BandModel
from alerts.simulator.history import Source
from alerts.simulator.metric_math import Frame, bands_in, calls_in, evaluate_in, ids_in
from alerts.simulator.metric_math.catalog import CLOCK_ALWAYS, CLOCK_HOURLY
from alerts.simulator.metric_math.locality import is_local
from alerts.simulator.metric_math.values import Numbers
from alerts.simulator.model import Band, BandComparison, LowSamples, Rule, UnsupportedError
from alerts.simulator.statistics import check_statistic, significant_samples
from alerts.simulator.windows import DAY, EXTRA_PERIODS, HOUR, MINUTE, SeriesValues, window_starts

_BAND = "ANOMALY_DETECTION_BAND"


class Clock(Enum):
    """When values can change although no point does."""

    NEVER = "never"
    HOURLY = "hourly"
    ALWAYS = "always"


@dataclass(frozen=True)
class Query:
    """A series or an expression under an id; one that returns is judged (and one the band it is judged by)."""

    id: str
    source: Source | None = None
    expression: str | None = None
    returns: bool = True


@dataclass(frozen=True)
class Observed:
    """The values of an evaluation range, oldest first, with their bands (None: the rule compares with a threshold).

    `significant` is False when a percentile alarm that ignores low samples has too few of them: its state must stay.
    """

    values: Numbers
    bands: tuple[Band | None, ...] | None = None
    significant: bool = True


class Evaluation:
    """One alarm's queries, checked once.

    Raises:
        UnsupportedError: for ids that do not exist or depend on each other in a circle, mixed periods, an unknown statistic or
            function, and not exactly one query to judge (besides the band of an anomaly alarm).
    """

    def __init__(self, queries: Sequence[Query], rule: Rule, low_samples: LowSamples = LowSamples.EVALUATE) -> None:
        self.queries = {query.id: query for query in queries}
        self.periods = rule.periods
        self.low_samples = low_samples
        self.period = _period(queries)
        self.judged, self.band = _returned(queries, rule)
        expressions = [query.expression for query in queries if query.expression]
        self._calls = {call for expression in expressions for call in calls_in(expression)}
        for query in queries:
            _check(query, self.queries)

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every series it reads, each once."""
        return tuple(dict.fromkeys(query.source for query in self.queries.values() if query.source))

    @property
    def clock(self) -> Clock:
        """Whether its values change with the time alone."""
        if self._calls & set(CLOCK_ALWAYS):
            return Clock.ALWAYS
        return Clock.HOURLY if self._calls & set(CLOCK_HOURLY) else Clock.NEVER

    @property
    def is_local(self) -> bool:
        """Whether what it sees in a window depends on that window alone (and on the training of its band)."""
        return all(is_local(query.expression) for query in self.queries.values() if query.expression)

    @property
    def reach(self) -> int:
        """How many seconds before a moment the points it needs begin."""
        evaluated = self.period * (self.periods + EXTRA_PERIODS) + HOUR
        return evaluated + (TRAINING_DAYS + 1) * DAY if _BAND in self._calls else evaluated


class Reading:
    """An alarm's queries over points that are at hand."""

    def __init__(self, evaluation: Evaluation, series: Mapping[Source, SeriesValues]) -> None:
        self._evaluation = evaluation
        self._series = series
        self._models: dict[str, BandModel] = {}
        self._periods = {query.id: query.source.period for query in evaluation.queries.values() if query.source}

    def at(self, now: float) -> Observed:
        """What the alarm sees at a moment, in seconds since the epoch."""
        evaluation = self._evaluation
        starts = window_starts(now, evaluation.period, evaluation.periods)
        seen = self.over(starts)
        return seen if self._is_significant(starts) else replace(seen, significant=False)

    def over(self, starts: Sequence[int]) -> Observed:
        """What the alarm sees in these windows, given by their starts in ascending order."""
        return Observed(self._values(self._evaluation.judged.id, starts), self._bands(starts))

    def _values(self, name: str, starts: Sequence[int]) -> Numbers:
        query = self._evaluation.queries[name]
        if query.source:
            return self._series[query.source].values(starts)
        return evaluate_in(query.expression or "", self._frame(query.expression or "", starts))

    def _bands(self, starts: Sequence[int]) -> tuple[Band | None, ...] | None:
        band = self._evaluation.band
        if band is None:
            return None
        return bands_in(band.expression or "", self._frame(band.expression or "", starts))

    def _frame(self, expression: str, starts: Sequence[int]) -> Frame:
        queries = self._evaluation.queries
        names = ids_in(expression)
        if "METRICS" in calls_in(expression):
            names = tuple(dict.fromkeys((*self._periods, *names)))
        series = {name: self._values(name, starts) for name in names if name in queries}
        return Frame(starts, series, {name: period for name, period in self._periods.items() if name in series}, self._band_of)

    def _band_of(self, name: str, deviations: float, starts: Sequence[int]) -> Sequence[Band | None]:
        if name not in self._models:
            self._models[name] = BandModel(lambda training: self._values(name, training), self._evaluation.period)
        return [self._models[name].band(start, deviations) for start in starts]

    def _is_significant(self, starts: Sequence[int]) -> bool:
        source = self._evaluation.judged.source
        if self._evaluation.low_samples is LowSamples.EVALUATE or source is None:
            return True
        judged = starts[-self._evaluation.periods :]
        return self._series[source].samples(judged[0], judged[-1] + source.period) >= significant_samples(source.stat)


def _period(queries: Sequence[Query]) -> int:
    periods = {query.source.period for query in queries if query.source}
    if len(periods) > 1:
        listed = ", ".join(f"{query.id}: {query.source.period} s" for query in queries if query.source)
        raise UnsupportedError(f"metrics of different periods ({listed}); an alarm on metric math has one period")
    return periods.pop() if periods else MINUTE


def _returned(queries: Sequence[Query], rule: Rule) -> tuple[Query, Query | None]:
    """The query to judge, and the band it is held against."""
    returned = [query for query in queries if query.returns]
    if not isinstance(rule.comparison, BandComparison):
        if len(returned) != 1:
            raise UnsupportedError(f"{len(returned)} queries return data; an alarm judges exactly one")
        return returned[0], None
    bands = [query for query in queries if query.expression and calls_in(query.expression)[:1] == (_BAND,)]
    judged = [query for query in returned if query not in bands]
    if len(bands) != 1 or len(judged) != 1:
        raise UnsupportedError(
            f"comparison {rule.comparison}: {len(bands)} queries are a band and {len(judged)} others return data; expected one of each"
        )
    return judged[0], bands[0]


def _check(query: Query, queries: Mapping[str, Query], above: tuple[str, ...] = ()) -> None:
    if query.source:
        check_statistic(query.source.stat)
        return
    if not query.expression:
        raise UnsupportedError(f"query {query.id}: neither a metric nor an expression")
    if query.id in above:
        raise UnsupportedError(f"metric math {query.expression!r}: {' -> '.join((*above, query.id))} depends on itself")
    for name in ids_in(query.expression):
        if name not in queries:
            raise UnsupportedError(f"metric math {query.expression!r}: there is no metric or expression with id '{name}'")
        _check(queries[name], queries, (*above, query.id))
