"""What is asked about monitoring views and incidents, and what is answered."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, JsonValue

from kpis.common import KpiId
from lambdas.api.control.requests import Because, List, Place
from lambdas.api.control.responses import Answer
from lambdas.api.queries import RunQuery
from lambdas.domain.incidents import Cause, IncidentState
from lambdas.domain.model import Moment
from lambdas.domain.monitoring.incident_log import Told
from lambdas.domain.monitoring.views import View

DAYS = timedelta(days=7)
"""How far back incidents are looked for unless the query says."""


class ViewQuery(RunQuery):
    """Filters of a view. `limit` counts runs; of some views a run has several rows, or none."""


class ViewPage(Answer):
    """Rows of a view, newest run first; `items` have exactly its `columns`."""

    view: View
    columns: tuple[str, ...]
    items: list[dict[str, JsonValue]]
    next_cursor: str | None


class IncidentQuery(List):
    """Filters of incidents. `since`: a week ago unless given; an incident is shown when a run since then shows it."""

    kpi_id: KpiId | None = None
    cause: Cause | None = None
    state: IncidentState | None = None
    pack: str | None = Field(default=None, max_length=64)
    since: Moment | None = None


class OneIncidentQuery(Place):
    """Where the incident is."""


class Acknowledge(Because):
    """Someone took it on; the reason says who does what about it."""


class Acknowledged(Answer):
    """Who took it on, when, and what they said."""

    by: str
    at: str
    reason: str


class IncidentShown(Answer):
    """One cause of one KPI.

    `opened_at` is the end of the first run that showed it, `last_at` that of the last one. `closed_at` is the end of the run that showed
    it over. `runs` counts those that showed it. `links` are paths of this API, and the runbook.
    """

    incident_id: str
    state: IncidentState
    cause: Cause
    kpi_id: str
    environment: str
    name: str
    pack: str
    owner: str
    criticality: str
    contract_version: str
    opened_at: str
    last_at: str
    closed_at: str | None
    runs: int
    error_code: str | None
    message: str | None
    verdict: str | None
    period: str | None
    acknowledged: Acknowledged | None
    links: dict[str, str]


class IncidentPage(Answer):
    """Incidents, the one that was shown last first. `complete` is false when not all runs since `since` could be looked at."""

    items: tuple[IncidentShown, ...]
    since: Moment
    complete: bool
    next_cursor: str | None


def shown(told: Told, acknowledged: Acknowledged | None) -> IncidentShown:
    """An incident as callers see it."""
    incident, facts, last = told.incident, told.facts, told.incident.last
    links = {
        "incident": f"/incidents/{incident.incident_id}?environment={incident.environment}",
        "kpi": f"/kpis/{incident.kpi_id}?environment={incident.environment}",
        "first_run": f"/runs/{incident.first.run_id}",
        "last_run": f"/runs/{last.run_id}",
        "runs": f"/runs?kpi_id={incident.kpi_id}&environment={incident.environment}",
        "lineage": f"/kpis/{incident.kpi_id}/lineage?environment={incident.environment}",
    }
    if incident.closed_by is not None:
        links["closed_by"] = f"/runs/{incident.closed_by.run_id}"
    if facts.runbook:
        links["runbook"] = facts.runbook
    return IncidentShown(
        incident_id=incident.incident_id,
        state=incident.state,
        cause=incident.cause,
        kpi_id=incident.kpi_id,
        environment=incident.environment,
        name=facts.name,
        pack=facts.pack,
        owner=facts.owner,
        criticality=facts.criticality,
        contract_version=str(last.row["contract_version"]),
        opened_at=incident.first.ended_at,
        last_at=last.ended_at,
        closed_at=incident.closed_by.ended_at if incident.closed_by else None,
        runs=incident.runs,
        error_code=last.row.get("error_code"),
        message=last.row.get("error_message"),
        verdict=last.bad_verdict.value if last.bad_verdict else None,
        period=last.period or None,
        acknowledged=acknowledged,
        links=links,
    )
