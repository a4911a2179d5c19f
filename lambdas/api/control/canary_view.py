"""Looking at a canary before deciding on it: what `advance` would see, without doing what it would do (K21, K30)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lambdas.api.control.asked import Asked, Reply
from lambdas.api.control.canary_view_models import AssessmentShown, CanaryShown, SampleShown
from lambdas.api.control.ports import Ports
from lambdas.api.control.requests import Nothing, Place
from lambdas.domain.control import keys
from lambdas.domain.control.canary import UNDER_WAY, Assessment, Canary, Sample, assess
from lambdas.domain.errors import ErrorCode, KpiError

MAX_SAMPLES = 200


def canary(ports: Ports, asked: Asked[Nothing, Place]) -> Reply:
    """The last canary of a version.

    Raises:
        KpiError: NOT_FOUND when the version never was a candidate, or another one was since.
    """
    where = asked.where
    row = ports.plane.store.row(where.tenant_id, keys.canary(where.environment, where.kpi_id))
    found = Canary.model_validate_json(row.text("canary")) if row else None
    if found is None or found.candidate != where.version:
        raise KpiError(ErrorCode.NOT_FOUND, f"there is no canary of {where.kpi_id} {where.version} in {where.environment}")
    samples = ports.evidence.samples(where.tenant_id, found) if found.state in UNDER_WAY else ()
    now = assess(samples, found.tolerances) if found.state in UNDER_WAY else None
    newest = sorted(samples, key=lambda sample: (sample.period, sample.entity), reverse=True)[:MAX_SAMPLES]
    return Reply(
        CanaryShown(
            canary_id=found.canary_id,
            kpi_id=found.kpi_id,
            candidate=found.candidate,
            baseline=found.baseline,
            state=found.state.value,
            since=found.since,
            entities=found.subset.entities,
            percent=found.subset.percent,
            last=_assessment(found.last),
            now=_assessment(now),
            samples=tuple(map(_sample, newest)),
            samples_shown=len(newest),
        )
    )


def _assessment(found: Assessment | None) -> AssessmentShown | None:
    return AssessmentShown.model_validate(found.model_dump()) if found is not None else None


def _sample(sample: Sample) -> SampleShown:
    told: dict[str, Any] = asdict(sample)
    return SampleShown.model_validate(told)
