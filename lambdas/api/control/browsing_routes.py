"""The routes of browsing."""

from __future__ import annotations

from typing import Any

from lambdas.api.control import browsing as work
from lambdas.api.control import browsing_models as tell
from lambdas.api.control.asked import Route, Tag
from lambdas.api.control.objects import a_kpi, the_catalog
from lambdas.api.control.requests import Nothing
from lambdas.api.queries import KpiQuery, OneKpiQuery, OneRunQuery, ResultQuery, RunQuery
from lambdas.domain.authz.actions import Action
from lambdas.domain.limits.limiter import Traffic


def _gets(name: str, path: str, says: str, tag: Tag, action: Action, about: Any, query: Any, answer: Any, does: Any) -> Route[Any, Any]:
    return Route(name, "GET", path, says, tag, (action,), about, Nothing, query, answer, does, traffic=Traffic.READS)


_C, _O = Tag.CATALOG, Tag.OPERATIONS

BROWSING: tuple[Route[Any, Any], ...] = (
    _gets("listKpis", "/kpis", "KPIs of the catalog, by pack, layer, owner, status and version", _C, Action.CATALOG_BROWSE, the_catalog,
          KpiQuery, tell.KpiPage, work.kpis),
    _gets("getKpi", "/kpis/{kpi_id}", "One KPI: a version's definition, and which versions there are", _C, Action.KPI_READ, a_kpi,
          OneKpiQuery, tell.KpiDetail, work.kpi),
    _gets("listRuns", "/runs", "Runs, newest first", _O, Action.RUN_READ, work.browsed, RunQuery, tell.RunPage, work.runs),
    _gets("getRun", "/runs/{run_id}", "One run: what it read, which checks it passed, what it delivered", _O, Action.RUN_READ,
          the_catalog, OneRunQuery, tell.RunDetail, work.run),
    _gets("listResults", "/results", "Current results, newest period first", _O, Action.RESULT_READ, work.browsed, ResultQuery,
          tell.ResultPage, work.results),
)  # fmt: skip
