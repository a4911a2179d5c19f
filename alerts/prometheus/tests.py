"""promtool unit tests of one KPI's rules: `prometheus/tests/<ID>.yaml`. What they expect is computed here, not read off the rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from math import ceil, floor

import jinja2

from alerts.prometheus.facts import Scope, Shape, Texts
from alerts.prometheus.rules import SHAPES, Voice
from alerts.prometheus.stencil import MARKS, Stencil
from alerts.prometheus.text import environment, number, promql_string
from kpis import prometheus_names as names
from kpis.burn import Burn

EVERY = 3
"""Days between two evaluations of a test."""
EVALUATED_AT = 2 * EVERY * 86_400
"""Seconds after the start of a test at which alerts are looked at; the first evaluation after the start is at half of it."""
_MARGIN = 60
_JUST_ABOVE, _JUST_BELOW = 1.01, 0.99
_TROUBLE_MINUTES = 15
_TOLERANCE = 0.2
"""A window of n samples has n + 1 before Prometheus 3, which counts both ends, so shares are compared within a fifth."""
_MINUTES = {"5m": 5, "30m": 30, "1h": 60, "2h": 120, "6h": 360, "1d": 1440, "3d": 4320}


@dataclass(frozen=True)
class Edge:
    """A recorded ratio given to the burn alerts as it is, for a tenant named by tier and case."""

    tenant: str
    series: str
    values: str


@dataclass(frozen=True)
class Cases:
    """Inputs and expectations that depend on the KPI's limits."""

    shape: Shape
    texts: Texts

    @property
    def delivered_in_time(self) -> str:
        """A delivery that is a minute within the limit when the alerts are looked at."""
        return _constant(EVALUATED_AT - self.shape.result_limit + _MARGIN)

    @property
    def delivered_late(self) -> str:
        """A delivery that is a minute beyond the limit already at the evaluation before, so that `for` has passed."""
        return _constant(EVALUATED_AT // 2 - self.shape.result_limit - _MARGIN)

    @property
    def fresh(self) -> str:
        return _constant(self.shape.data_limit - _MARGIN)

    @property
    def stale(self) -> str:
        return _constant(self.shape.data_limit + _MARGIN)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """For each burn alert: over both thresholds, under both, and over one of them only."""
        return tuple(edge for burn in self.shape.slo.burns for edge in _edges(burn))

    @property
    def shares(self) -> Iterator[tuple[str, float, float]]:
        """Each window of raw samples with the least and the most that the time in trouble may be of it."""
        slo = self.shape.slo
        own = {} if slo.period_from_hours else {slo.period: slo.days * _MINUTES["1d"]}
        for window, minutes in (_MINUTES | own).items():
            share = min(1.0, _TROUBLE_MINUTES / minutes)
            yield window, share * (1 - _TOLERANCE), share * (1 + _TOLERANCE)

    @property
    def day_before(self) -> int:
        """The last evaluation at which a bad hour at the start is within the SLO's window for certain."""
        return (ceil(self.shape.slo.days / EVERY) - 1) * EVERY

    @property
    def day_after(self) -> int:
        """The first evaluation at which it is out of it."""
        return (floor(self.shape.slo.days / EVERY) + 1) * EVERY

    @property
    def info(self) -> str:
        """The series that says what the rules come from, as promtool reads it."""
        labels = {
            "tier": self.shape.tier,
            "owner": self.texts.owner,
            "objective": number(self.shape.slo.percent),
            "window": self.shape.slo.period,
            "contract_version": self.texts.contract_version,
            "definition_hash": self.texts.definition_hash,
        }
        pairs = ", ".join(f"{name}={promql_string(value)}" for name, value in labels.items())
        return f"{names.INFO}{{{self.texts.match}, {pairs}}}"

    @property
    def in_an_outage(self) -> tuple[tuple[str, float], ...]:
        """What a whole window without a good minute makes of the figures that depend on time."""
        slo = self.shape.slo
        burn = 1 / slo.budget
        return (
            (names.error_ratio(slo.period), 1),
            (names.CURRENT_BURN_RATE, burn),
            (names.PERIOD_BURN_RATE, burn),
            (names.BUDGET_REMAINING, 1 - burn),
        )

    @property
    def constants(self) -> tuple[tuple[str, float], ...]:
        """What the SLO says of itself."""
        slo = self.shape.slo
        return (names.OBJECTIVE, slo.ratio), (names.ERROR_BUDGET, slo.budget), (names.SLO_WINDOW, slo.days)

    def voice(self, scope: Scope) -> Voice:
        """The words as Prometheus expands them, when all of the time was bad."""
        return Voice(str, scope.tenant_id, scope.environment, "100%")


def render_tests(shape: Shape, texts: Texts) -> bytes:
    """The test file of a KPI."""
    return _stencil(shape).fill(texts).encode()


def render_tests_directly(shape: Shape, texts: Texts) -> str:
    """The same without the stencil: slower, and what a test compares it with."""
    return _template().render(shape=shape, kpi=texts, case=Cases(shape, texts))


@lru_cache(maxsize=SHAPES)
def _stencil(shape: Shape) -> Stencil:
    return Stencil.cut(render_tests_directly(shape, MARKS))


def _edges(burn: Burn) -> Iterator[Edge]:
    above, below = (_constant(burn.threshold * factor) for factor in (_JUST_ABOVE, _JUST_BELOW))
    for case, long, short in (("above", above, above), ("below", below, below), ("long-only", above, below), ("short-only", below, above)):
        yield Edge(f"{burn.tier}-{case}", names.error_ratio(burn.long), long)
        yield Edge(f"{burn.tier}-{case}", names.error_ratio(burn.short), short)


def _constant(value: float) -> str:
    return f"{number(value)}+0x2"


@cache
def _template() -> jinja2.Template:
    return environment().get_template("tests.yaml.j2", globals={"names": names})
