"""Browsing: the catalog, runs and results of a tenant (K19, K30)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from kpis.common import Environment
from lambdas.api.control.asked import Asked, Reply, Where
from lambdas.api.control.browsing_models import KpiDetail, KpiPage, ResultPage, RunDetail, RunPage
from lambdas.api.control.ports import Ports
from lambdas.api.control.requests import Nothing
from lambdas.api.queries import KpiQuery, OneKpiQuery, OneRunQuery, ResultQuery, RunQuery
from lambdas.domain.authz.actions import Action
from lambdas.domain.authz.resources import CatalogObject, KpiObject, Resource
from lambdas.domain.control.badge import shown
from lambdas.domain.errors import ErrorCode, KpiError

_LARGEST = 2**63


def browsed(where: Where[Any]) -> Resource:
    """The KPI a list is narrowed to, or all of them."""
    kpi_id = where.query.kpi_id
    return KpiObject(where.tenant_id, where.environment, kpi_id) if kpi_id else CatalogObject(where.tenant_id, where.environment)


def kpis(ports: Ports, asked: Asked[Nothing, KpiQuery]) -> Reply:
    """Versions of the catalog, each with the badge of its pause."""
    tenant_id, query, browser = asked.where.tenant_id, asked.where.query, ports.reads.browser
    page, at = browser.kpis(tenant_id, query), ports.plane.clock.now()
    pauses = browser.pauses(tenant_id, query.environment, [item["kpi_id"] for item in page["items"]])
    items = [item | {"pause": shown(pauses, item["kpi_id"], at).model_dump()["pause"]} for item in page["items"]]
    return given(KpiPage, page | {"items": items})


def kpi(ports: Ports, asked: Asked[Nothing, OneKpiQuery]) -> Reply:
    """One version of a KPI, with what is paused of it."""
    where, browser = asked.where, ports.reads.browser
    found = browser.kpi(where.tenant_id, where.environment, where.kpi_id, where.query.version)
    pauses = browser.pauses(where.tenant_id, where.environment, [where.kpi_id], entities=True)
    return given(KpiDetail, found | shown(pauses, where.kpi_id, ports.plane.clock.now()).model_dump())


def runs(ports: Ports, asked: Asked[Nothing, RunQuery]) -> Reply:
    """Runs, newest first."""
    return given(RunPage, ports.reads.browser.runs(asked.where.tenant_id, asked.where.query))


def run(ports: Ports, asked: Asked[Nothing, OneRunQuery]) -> Reply:
    """One run with all of its rows; one the caller may not see is one that is not there."""
    where, run_id = asked.where, int(asked.where.params["run_id"])
    nothing = KpiError(ErrorCode.NOT_FOUND, f"there is no run {run_id}")
    if not 0 < run_id < _LARGEST:
        raise nothing
    found = ports.reads.browser.run(where.tenant_id, run_id)
    environment = Environment(found["run"]["environment"])
    asked_for = where.query.environment
    if asked_for not in (None, environment):
        raise nothing
    if environment is not where.environment:
        here = CatalogObject(where.tenant_id, environment)
        if not ports.authorizer.decide(where.caller, Action.RUN_READ, here).allowed:
            raise nothing
    return given(RunDetail, found)


def results(ports: Ports, asked: Asked[Nothing, ResultQuery]) -> Reply:
    """Current results."""
    return given(ResultPage, ports.reads.browser.results(asked.where.tenant_id, asked.where.query))


def given(model: type[BaseModel], page: Mapping[str, Any]) -> Reply:
    """An answer with just the members the source has: of a run in flight there is no `status`, rather than an empty one."""
    return Reply(model.model_validate(page).model_dump_json(exclude_unset=True))
