"""Monitoring: the four views over runs, and incidents (K8, K30)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from lambdas.api import cursors
from lambdas.api.control.asked import Asked, Reply
from lambdas.api.control.desks import desk_of
from lambdas.api.control.monitoring_models import (
    DAYS,
    Acknowledge,
    Acknowledged,
    IncidentPage,
    IncidentQuery,
    OneIncidentQuery,
    ViewPage,
    ViewQuery,
    shown,
)
from lambdas.api.control.ports import Ports
from lambdas.api.control.requests import Nothing
from lambdas.api.control.responses import receipt
from lambdas.domain.control.catalog import expectation
from lambdas.domain.control.desk import Notify
from lambdas.domain.control.unit import Put, Row
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.ids import run_id_text
from lambdas.domain.incidents import Cause, Incident
from lambdas.domain.monitoring.incident_log import Told, no_incident, shown_run
from lambdas.domain.monitoring.views import COLUMNS, NEEDS, View, rows_of, shows
from lambdas.domain.timestamps import iso


def view(ports: Ports, asked: Asked[Nothing, ViewQuery]) -> Reply:
    """Rows of one of the four views."""
    where, name = asked.where, asked.where.params["view"]
    chosen = next((each for each in View if each.value == name), None)
    if chosen is None:
        raise KpiError(ErrorCode.NOT_FOUND, f"there is no view {name}; the views are {', '.join(View)}")
    runs, position = ports.reads.browser.page_of_runs(where.tenant_id, where.query, lambda run: shows(chosen, run))
    run_ids = [int(run["run_id"]) for run in runs]
    children = {table: ports.reads.incidents.reads.of_runs(where.tenant_id, run_ids, table) for table in NEEDS[chosen]}
    rows = [row for run in runs for row in rows_of(chosen, run, {table: found[int(run["run_id"])] for table, found in children.items()})]
    return Reply(ViewPage(view=chosen, columns=COLUMNS[chosen], items=rows, next_cursor=cursors.encode(position)))


def incidents(ports: Ports, asked: Asked[Nothing, IncidentQuery]) -> Reply:
    """Incidents, the one that was shown last first."""
    where, query = asked.where, asked.where.query
    since = query.since or ports.plane.clock.now() - DAYS
    found = ports.reads.incidents.since(where.tenant_id, where.environment, since, query.kpi_id)
    after = _place(cursors.decode(query.cursor))
    fitting = (each for each in found.items if _fits(each, query) and (after is None or _order(each) < after))
    items = list(islice(fitting, query.limit + 1))
    page = items[: query.limit]
    more = "{}#{}".format(*_order(page[-1])) if len(items) > query.limit else None
    acknowledged = _all_acknowledged(ports, where.tenant_id, where.environment, [each.incident for each in page])
    return Reply(
        IncidentPage(
            items=tuple(shown(each, acknowledged.get(each.incident.incident_id)) for each in page),
            since=found.since,
            complete=found.complete,
            next_cursor=cursors.encode(more),
        )
    )


def _fits(told: Told, query: IncidentQuery) -> bool:
    asked = ((query.cause, told.incident.cause), (query.state, told.incident.state), (query.pack, told.facts.pack))
    return all(wanted is None or wanted == found for wanted, found in asked)


def _order(told: Told) -> tuple[int, str]:
    """Where an incident is in the list, which goes from the largest to the smallest."""
    return told.incident.last.run_id, told.incident.incident_id


def _place(position: str | None) -> tuple[int, str] | None:
    if position is None:
        return None
    run_id, _, incident_id = position.partition("#")
    if not run_id.isdecimal() or not incident_id:
        raise KpiError(ErrorCode.INVALID_INPUT, "cursor is not one of /incidents; start again without it")
    return int(run_id), incident_id


def incident(ports: Ports, asked: Asked[Nothing, OneIncidentQuery]) -> Reply:
    """One incident."""
    where = asked.where
    told = _told(ports, where.tenant_id, where.environment, where.params["incident_id"])
    row = ports.plane.store.row(where.tenant_id, _key(where.environment, told.incident.incident_id))
    return Reply(shown(told, _acknowledged(row) if row else None))


def _told(ports: Ports, tenant_id: str, environment: str, incident_id: str) -> Told:
    run_id = shown_run(incident_id, environment)
    try:
        run = ports.reads.browser.run(tenant_id, run_id)["run"]
    except KpiError as error:
        raise no_incident(incident_id, environment) from error
    return ports.reads.incidents.one(tenant_id, environment, incident_id, run)


def acknowledge(ports: Ports, asked: Asked[Acknowledge, OneIncidentQuery]) -> Reply:
    """Say that someone takes an incident on. Said again, it replaces what was said before."""
    plane, call, where = ports.plane, asked.call, asked.where
    step = desk_of(ports).begin(call, "incident.acknowledge", "incident", where.params["incident_id"])
    if step.done is not None:
        return Reply(receipt(step.done))
    found = _told(ports, where.tenant_id, where.environment, where.params["incident_id"]).incident
    key = _key(where.environment, found.incident_id)
    row = plane.store.row(where.tenant_id, key)
    values = {
        "incident_id": found.incident_id,
        "kpi_id": found.kpi_id,
        "acknowledged_by": call.actor.subject,
        "acknowledged_at": iso(step.at),
        "reason": call.reason,
    }
    event = step.commit([Put(key, values, expectation(row))], notify=(Notify.OWNERS,), kpi_id=found.kpi_id, cause=found.cause.value)
    return Reply(receipt(event))


def _key(environment: str, incident_id: str) -> str:
    return f"{environment}#acknowledged#{incident_id}"


def _acknowledged(row: Row) -> Acknowledged:
    return Acknowledged(by=row.text("acknowledged_by"), at=row.text("acknowledged_at"), reason=row.text("reason"))


def _all_acknowledged(ports: Ports, tenant_id: str, environment: str, shown: Sequence[Incident]) -> dict[str, Acknowledged]:
    """Who took incidents on, by id. Ids of a cause are in the order of time, so what is older than those shown is not read."""
    oldest: dict[Cause, int] = {}
    for each in shown:
        oldest[each.cause] = min(each.began_with, oldest.get(each.cause, each.began_with))
    found: dict[str, Acknowledged] = {}
    for cause, run_id in sorted(oldest.items()):
        before = _key(environment, f"{cause}-{run_id_text(run_id - 1)}")
        for row in ports.plane.store.rows(tenant_id, _key(environment, f"{cause}-"), after=before):
            found[row.text("incident_id")] = _acknowledged(row)
    return found
