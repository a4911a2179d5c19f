"""CloudWatch dashboards and the dictionary page, generated from the KPI dictionary.

The number of dashboards never depends on the number of KPIs, equal input gives equal bytes, and each carries the dictionary's hash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from dashboards.model import Dashboard, Links, Scene, Surroundings

if TYPE_CHECKING:
    from kpis.schema import Dictionary
    from kpis.summary import DictionarySummary

__all__ = [
    "Dashboard",
    "Links",
    "Scene",
    "Surroundings",
    "render_every_kpi",
    "render_kpi_stencil",
    "render_platform",
    "render_portal",
    "render_tenant",
]


def render_platform(
    summary: DictionarySummary, *, deployment: str, region: str, account_id: str, packs: bool = False, **around: Unpack[Surroundings]
) -> tuple[Dashboard, ...]:
    """The platform's dashboards: executive (K9), ops (K10), dev (K11) and freshness, completeness, cost and usage (K12).

    With `packs` also one for each pack that has KPIs. What is `around` them is described at `Scene`.

    Raises:
        DashboardError: with every problem, when one could not be deployed.
    """
    from dashboards.render import render_platform_dashboards

    return render_platform_dashboards(summary, Scene(deployment, region, account_id, **around), packs=packs)


def render_tenant(
    summary: DictionarySummary,
    *,
    tenant_id: str,
    environment: str,
    deployment: str,
    region: str,
    account_id: str,
    every_view: bool = False,
    **around: Unpack[Surroundings],
) -> tuple[Dashboard, ...]:
    """The overview of one tenant and environment; with `every_view` also the four views of the platform for it alone.

    Raises:
        DashboardError: with every problem, when one could not be deployed.
    """
    from dashboards.render import render_tenant_dashboards

    scene = Scene(deployment, region, account_id, **around)
    return render_tenant_dashboards(summary, scene, tenant_id=tenant_id, environment=environment, every_view=every_view)


def render_every_kpi(
    summary: DictionarySummary, pack_id: str, *, deployment: str, region: str, account_id: str, **around: Unpack[Surroundings]
) -> tuple[Dashboard, ...]:
    """One widget for each KPI of a pack, cut into as many dashboards as the quotas ask for; no stack declares these by itself.

    Raises:
        DashboardError: with every problem, when one could not be deployed, or for an unknown pack.
    """
    from dashboards.render import render_every_kpi_dashboards

    return render_every_kpi_dashboards(summary, Scene(deployment, region, account_id, **around), pack_id)


def render_kpi_stencil(*, deployment: str, region: str, account_id: str, **around: Unpack[Surroundings]) -> str:
    """What dashboards of single KPIs are made of, as JSON: the bodies `standard` and `tier_0` (KPIs with series of their own).

    `kpi-variable-tenant`, `kpi-variable-environment` and `kpi-variable-kpi` stand in them for ids. It depends on no KPI, so that a change
    of the dictionary changes no dashboard.

    Raises:
        DashboardError: with every problem, when one could not be deployed.
    """
    from dashboards.render import render_kpi_stencil_text

    return render_kpi_stencil_text(Scene(deployment, region, account_id, **around))


def render_portal(dictionary: Dictionary, *, digest: str) -> dict[str, bytes]:
    """The files of the generated dictionary page (K16) by their key in the portal bucket: `index.html` and `dictionary.json`.

    `digest` is the SHA-256 of the dictionary's bundle.
    """
    from dashboards.portal import render_portal_files

    return render_portal_files(dictionary, digest=digest)
