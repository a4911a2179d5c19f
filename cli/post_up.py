"""What `kpi up` does after the stacks are deployed, in order. Each step is skipped by its own code when there is nothing to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from local.settings import LocalSettings
from local.steps import Steps


@dataclass(frozen=True)
class UpContext:
    """What a step gets: where the system runs, and where to say things."""

    settings: LocalSettings
    steps: Steps


@dataclass(frozen=True)
class PostStep:
    """One step after the deployment.

    Attributes:
        name: its row in the closing table.
        what: what it is about to do, in words.
        run: does it. Raises KpiError, StepError or ServiceError when it cannot; `kpi up` then exits with 3.
        needed: whether there is anything to do; a step that is not needed is listed as unchanged.
    """

    name: str
    what: str
    run: Callable[[UpContext], None]
    needed: Callable[[UpContext], bool] = lambda _context: True


def steps() -> list[PostStep]:
    """The steps, in order."""
    from cli import artifact_steps, demo_steps

    return [
        PostStep("publish", "the artifact set into the artifacts bucket", artifact_steps.publish),
        PostStep("demo data", "golden data of the three demo tenants into PostgreSQL", demo_steps.load_data),
        PostStep("secrets", "connection strings into Secrets Manager", demo_steps.set_secrets),
        PostStep("demo people", "one person per role and tenant into Cognito", demo_steps.create_people),
        PostStep("demo runs", "every KPI of the demo tenants for a week of real days", demo_steps.run_demo),
        PostStep("status", "the first picture", demo_steps.show_status),
    ]
