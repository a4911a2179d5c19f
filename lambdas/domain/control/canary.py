"""Canaries: which part of a KPI a candidate version computes, and what comparing both versions allows (K21, K28 A).

Whatever is not clearly good or clearly bad pauses the canary: a version is never promoted on doubt.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from kpis.common import Environment, Frozen, Verdict

_SHARES = 10_000
"""Percent with two decimals."""


class Subset(Frozen):
    """Named entities, or a percentage of them. Exactly one is given."""

    entities: tuple[str, ...] = ()
    percent: float | None = Field(default=None, gt=0, le=100)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.entities) == (self.percent is not None):
            raise ValueError("a canary takes either entities or a percent of them")
        return self

    def contains(self, kpi_id: str, entity: str) -> bool:
        """Whether the candidate computes an entity. The same answer everywhere and always; a larger percent keeps all of a smaller."""
        if self.percent is None:
            return entity in self.entities
        digest = hashlib.sha256(f"{kpi_id}\0{entity}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % _SHARES < self.percent * _SHARES / 100


class Tolerances(Frozen):
    """What counts as equal, and how much must be seen.

    A sample agrees when the difference is at most `absolute`, or at most `relative` of the baseline's value, and the verdict is the
    same (unless `verdicts_may_differ`). Shares are of the samples both versions have.
    """

    relative: float = Field(default=0.01, ge=0)
    absolute: float = Field(default=0.0, ge=0)
    verdicts_may_differ: bool = False
    min_periods: int = Field(default=3, ge=1)
    min_samples: int = Field(default=3, ge=1)
    missing_share: float = Field(default=0.0, ge=0, lt=1)
    bad_share: float = Field(default=0.2, gt=0, le=1)


@dataclass(frozen=True)
class Side:
    """What one version gave for one entity and period. `failed`: its run failed; `value` None: it delivered none."""

    value: float | None
    verdict: Verdict | None = None
    failed: bool = False

    @property
    def missing(self) -> bool:
        """Whether there is nothing to compare."""
        return self.failed or self.value is None or not math.isfinite(self.value)


@dataclass(frozen=True)
class Sample:
    """Both versions on the same entity and period: its start (ISO 8601), or the interval where several begin at the same moment."""

    period: str
    entity: str
    baseline: Side
    candidate: Side


class Outcome(StrEnum):
    """What a comparison allows."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"
    PAUSE = "pause"


class Assessment(Frozen):
    """An outcome with its reason, and the figures it rests on."""

    outcome: Outcome
    why: str
    periods: int
    samples: int
    missing: int
    disagreeing: int
    candidate_failures: int
    worst: float | None = None


class CanaryState(StrEnum):
    """`running` and `paused` can go on; the others are final."""

    RUNNING = "running"
    PAUSED = "paused"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    ABORTED = "aborted"


UNDER_WAY = frozenset({CanaryState.RUNNING, CanaryState.PAUSED})


class Canary(Frozen):
    """A candidate against a baseline on a part of a KPI."""

    canary_id: str
    environment: Environment
    kpi_id: str
    candidate: str
    candidate_hash: str
    baseline: str
    baseline_hash: str
    subset: Subset
    tolerances: Tolerances
    state: CanaryState = CanaryState.RUNNING
    since: str
    request_id: str
    last: Assessment | None = None

    def runs_candidate(self, entity: str) -> bool:
        """Whether the candidate computes an entity now; a paused canary computes none."""
        return self.state is CanaryState.RUNNING and self.subset.contains(self.kpi_id, entity)

    def part_of(self, entities: Sequence[str] | None) -> tuple[str, ...] | None:
        """Which of some entities (None: all there are) the candidate is asked for; None when only its run can tell."""
        if entities is None:
            return self.subset.entities or None
        return tuple(entity for entity in entities if self.subset.contains(self.kpi_id, entity))


def assess(samples: Sequence[Sample], tolerances: Tolerances) -> Assessment:
    """Compare both versions: promote when clearly good, roll back when clearly bad, pause in every other case.

    Raises:
        ValueError: when an entity and period come twice, which would count one measurement as two.
    """
    if len({(sample.period, sample.entity) for sample in samples}) != len(samples):
        raise ValueError("a sample comes twice; each entity and period is compared once")
    both = [sample for sample in samples if not sample.baseline.missing and not sample.candidate.missing]
    failures = [sample for sample in samples if sample.candidate.failed and not sample.baseline.missing]
    apart = [_apart(sample) for sample in both]
    figures = _Figures(
        periods=len({sample.period for sample in both}),
        both=len(both),
        missing=len(samples) - len(both),
        disagreeing=sum(not _agrees(sample, tolerances) for sample in both),
        failures=len(failures),
        worst=max(apart, default=None),
    )
    outcome, why = _judged(figures, tolerances)
    return Assessment(
        outcome=outcome,
        why=why,
        periods=figures.periods,
        samples=figures.both,
        missing=figures.missing,
        disagreeing=figures.disagreeing,
        candidate_failures=figures.failures,
        worst=figures.worst,
    )


@dataclass(frozen=True)
class _Figures:
    periods: int
    both: int
    missing: int
    disagreeing: int
    failures: int
    worst: float | None


def _judged(f: _Figures, t: Tolerances) -> tuple[Outcome, str]:
    seen = f.both + f.failures
    if seen >= t.min_samples and f.failures / seen >= t.bad_share:
        return Outcome.ROLLBACK, f"the candidate failed for {f.failures} of {seen} samples the baseline delivered"
    enough = f.periods >= t.min_periods and f.both >= t.min_samples
    if enough and f.disagreeing / f.both >= t.bad_share:
        return Outcome.ROLLBACK, f"{f.disagreeing} of {f.both} samples disagree"
    doubt = _doubt(f, t)
    return (Outcome.PAUSE, doubt) if doubt else (Outcome.PROMOTE, f"all {f.both} samples in {f.periods} periods agree")


def _doubt(f: _Figures, t: Tolerances) -> str:
    """What keeps the comparison from being clearly good; empty when nothing does."""
    if f.periods < t.min_periods or f.both < t.min_samples:
        return f"too few samples: {f.both} in {f.periods} periods, needed are {t.min_samples} in {t.min_periods}"
    if f.failures:
        return f"mixed: the candidate failed for {f.failures} samples the baseline delivered"
    if f.missing / (f.both + f.missing) > t.missing_share:
        return f"missing data: {f.missing} of {f.both + f.missing} samples cannot be compared"
    return f"mixed: {f.disagreeing} of {f.both} samples disagree" if f.disagreeing else ""


def _apart(sample: Sample) -> float:
    """The difference of a sample that both sides have, of the baseline's size where it has one; finite, so that JSON holds it."""
    before, after = sample.baseline.value or 0.0, sample.candidate.value or 0.0
    difference = abs(after - before) / abs(before) if before else abs(after)
    return difference if math.isfinite(difference) else float.fromhex("0x1.fffffffffffffp+1023")


def _agrees(sample: Sample, tolerances: Tolerances) -> bool:
    before, after = sample.baseline.value or 0.0, sample.candidate.value or 0.0
    if not tolerances.verdicts_may_differ and sample.baseline.verdict is not sample.candidate.verdict:
        return False
    difference = abs(after - before)
    return difference <= tolerances.absolute or difference <= tolerances.relative * abs(before)
