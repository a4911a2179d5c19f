"""The routes about the past of versions."""

from __future__ import annotations

from typing import Any

from lambdas.api.control import past as work
from lambdas.api.control import past_models as models
from lambdas.api.control.asked import Route, Tag
from lambdas.api.control.objects import a_kpi
from lambdas.api.control.requests import Nothing, Place
from lambdas.domain.authz.actions import Action
from lambdas.domain.limits.limiter import Traffic

_VERSION = "/kpis/{kpi_id}/versions/{ver}"
_READ = (Action.KPI_READ_VERSIONS,)

PAST: tuple[Route[Any, Any], ...] = (
    Route("getPostMortem", "GET", f"{_VERSION}/post-mortem", "What was known when a version was rolled back", Tag.CATALOG, _READ, a_kpi,
          Nothing, Place, models.PostMortem, work.post_mortem, traffic=Traffic.READS),
    Route("getArchive", "GET", f"{_VERSION}/archive", "Lineage and mappings of a retired version", Tag.CATALOG, _READ, a_kpi, Nothing,
          Place, models.Archive, work.archive, traffic=Traffic.READS),
)  # fmt: skip
