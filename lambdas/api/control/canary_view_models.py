"""What a canary looks like while it is under way, and after."""

from __future__ import annotations

from lambdas.api.control.responses import Answer


class SideShown(Answer):
    """What one version gave. `failed`: its run failed; without `value` it gave nothing that can be compared."""

    value: float | None
    verdict: str | None
    failed: bool


class SampleShown(Answer):
    """Both versions on the same entity and period: its start (ISO 8601), or the interval where several begin at the same moment."""

    period: str
    entity: str
    baseline: SideShown
    candidate: SideShown


class AssessmentShown(Answer):
    """What a comparison says: `promote`, `rollback` or `pause`, why, and the figures behind it."""

    outcome: str
    why: str
    periods: int
    samples: int
    missing: int
    disagreeing: int
    candidate_failures: int
    worst: float | None


class CanaryShown(Answer):
    """The last canary of a version: its part, how it stands, what the last `advance` found, and what the next one would find now.

    `now` and `samples` are there while it is under way; of many samples the newest `samples_shown` are listed.
    """

    canary_id: str
    kpi_id: str
    candidate: str
    baseline: str
    state: str
    since: str
    entities: tuple[str, ...]
    percent: float | None
    last: AssessmentShown | None
    now: AssessmentShown | None
    samples: tuple[SampleShown, ...]
    samples_shown: int
