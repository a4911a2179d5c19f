"""CloudWatch dashboards and the dictionary page, generated from the KPI dictionary.

The number of dashboards never depends on the number of KPIs, equal input gives equal bytes, and each carries the dictionary's hash.
`digest` below is that hash (the bundle's SHA-256).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.model import Dashboard

if TYPE_CHECKING:
    from kpis.schema import Dictionary
    from kpis.summary import DictionarySummary

__all__ = ["Dashboard", "render_platform", "render_portal", "render_tenant"]


def render_platform(summary: DictionarySummary, *, deployment: str, region: str, account_id: str, digest: str) -> tuple[Dashboard, ...]:
    """The platform's dashboards: executive (K9), ops (K10), dev (K11) and freshness, completeness, cost and usage (K12)."""
    from dashboards.render import render_platform_dashboards

    return render_platform_dashboards(summary, deployment=deployment, region=region, account_id=account_id, digest=digest)


def render_tenant(
    summary: DictionarySummary, *, tenant_id: str, environment: str, deployment: str, region: str, account_id: str, digest: str
) -> tuple[Dashboard, ...]:
    """The overview of one tenant and environment."""
    from dashboards.render import render_tenant_dashboards

    return render_tenant_dashboards(
        summary,
        tenant_id=tenant_id,
        environment=environment,
        deployment=deployment,
        region=region,
        account_id=account_id,
        digest=digest,
    )


def render_portal(dictionary: Dictionary, *, digest: str) -> dict[str, bytes]:
    """The files of the generated dictionary page (K16) by their key in the portal bucket: `index.html` and `dictionary.json`."""
    from dashboards.portal import render_portal_files

    return render_portal_files(dictionary, digest=digest)
