"""The dashboards of a stack as files: what `kpi render` writes is what the stack declares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson

from dashboards.model import Dashboard, Scene
from dashboards.render import render_every_kpi_dashboards, render_platform_dashboards, render_tenant_dashboards
from kpis.artifact import Artifact
from kpis.summary import DictionarySummary

PLATFORM = "platform"


def render_stack(
    summary: DictionarySummary,
    scene: Scene,
    stack: str,
    *,
    packs: bool = False,
    every_view: bool = False,
    every_kpi: Sequence[str] = (),
) -> Iterator[Artifact]:
    """`cloudwatch/<stack>/dashboards/<name>.json` for each dashboard of `platform.<deployment>` or `<tenant>.<environment>`.

    `packs`, `every_view` and `every_kpi` (ids of packs) are the choices of the platform's and the tenant's config; bodies are as
    CloudWatch takes them, indented for people.

    Raises:
        DashboardError: with every problem, when one could not be deployed.
    """
    subject, _, environment = stack.partition(".")
    if subject == PLATFORM:
        found = render_platform_dashboards(summary, scene, packs=packs)
        for pack in every_kpi:
            found += render_every_kpi_dashboards(summary, scene, pack)
    else:
        found = render_tenant_dashboards(summary, scene, tenant_id=subject, environment=environment, every_view=every_view)
    return (dashboard_artifact(stack, dashboard) for dashboard in found)


def dashboard_artifact(stack: str, dashboard: Dashboard) -> Artifact:
    """A dashboard as a file, indented for people."""
    content = orjson.dumps(orjson.loads(dashboard.body), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
    return Artifact(f"cloudwatch/{stack}/dashboards/{dashboard.name}.json", content)
