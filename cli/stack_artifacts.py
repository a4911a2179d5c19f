"""The CloudWatch files of the artifact set: dashboards, alarms and mute rules of every committed stack, as its program declares them."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from artifacts.build import Extra
from artifacts.render import RenderError
from kpis.artifact import Artifact, Surroundings


def stack_artifacts(root: Path) -> Extra:
    """What `kpi render` adds for the stacks whose configs are in the repository."""
    digest = hashlib.sha256()
    for path in (*sorted((root / "stacks").glob("Pulumi.*.yaml")), *sorted((root / "infra").rglob("*.py"))):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes())

    def render(around: Surroundings) -> Iterator[Artifact]:
        return _render(around, root)

    return Extra(digest.hexdigest(), (render,))


def _render(around: Surroundings, root: Path) -> Iterator[Artifact]:
    # Pulumi's SDK takes half a second to import, which a render without changes does not have.
    import pulumi

    import alerts.artifacts
    from dashboards.artifacts import dashboard_artifact
    from infra import plan
    from kpis.bundle import store_bundle

    try:
        with tempfile.TemporaryDirectory(prefix="kpi-render-") as scratch:
            bundle = store_bundle(around.dictionary, Path(scratch))
            for stack in plan.committed_stacks(root):
                found, name = plan.declared(stack, bundle, root), stack.info.name
                yield from (dashboard_artifact(name, board) for board in found.dashboards)
                arn = stack.names.topic_arn
                yield from alerts.artifacts.render_stack(name, found.alarms, found.mutes, topic_arn=lambda topic, arn=arn: arn(topic.value))
    except pulumi.RunError as error:
        raise RenderError(str(error)) from error
