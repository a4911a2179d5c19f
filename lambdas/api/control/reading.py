"""What callers can look up: versions and their differences, change requests, audit events, search, policies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from kpis.common import version_key
from lambdas.api import cursors
from lambdas.api.control import requests as ask
from lambdas.api.control import responses as tell
from lambdas.api.control.asked import Asked, Reply
from lambdas.api.control.objects import read_request
from lambdas.api.control.ports import Ports
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.authz.resources import CatalogObject, KpiObject, RequestObject, Resource
from lambdas.domain.authz.simulate import simulate
from lambdas.domain.control import keys
from lambdas.domain.control.canary import UNDER_WAY, Canary
from lambdas.domain.control.catalog import Shelf, Version
from lambdas.domain.control.differences import differences
from lambdas.domain.control.queue import waiting
from lambdas.domain.control.requests import LIVE
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.search import Query
from lambdas.domain.timestamps import parse

SCANNED = 5000
"""Audit events one page looks at when a filter lets few pass; then the page is short and has a cursor."""
LONGEST_CALL = timedelta(minutes=15)
"""How far an event may be behind its place in the log: it has the moment its call began, and no function runs longer."""
_EARLIEST = datetime.min.replace(tzinfo=UTC) + LONGEST_CALL
Nothing = ask.Nothing


def versions(ports: Ports, asked: Asked[Nothing, ask.Place]) -> Reply:
    """All versions of a KPI."""
    where = asked.where
    store, shelf = ports.plane.store, _shelf(ports, asked)
    found = sorted(map(Version, store.rows(where.tenant_id, keys.versions(where.environment, where.kpi_id))), key=_number)
    if not found:
        raise KpiError(ErrorCode.NOT_FOUND, f"there is no KPI {where.kpi_id} in {where.environment}")
    pointer = shelf.active_row(where.kpi_id)
    active = pointer.text("contract_version") if pointer else None
    lock = store.row(where.tenant_id, keys.open_request(where.environment, where.kpi_id))
    answer = tell.VersionList(
        kpi_id=where.kpi_id,
        environment=where.environment,
        versions=tuple(_summary(each, active) for each in found),
        active_version=active,
        previous_versions=tuple(shelf.history(where.kpi_id)[1]),
        open_request=lock.text("request_id") if lock else None,
        canary=_canary(ports, asked),
    )
    return Reply(answer)


def _summary(version: Version, active: str | None) -> tell.VersionSummary:
    return tell.VersionSummary(
        contract_version=version.number,
        status=version.status.value,
        definition_hash=version.hash,
        row_version=version.row.row_version,
        updated_at=version.row.text("updated_at"),
        authors=version.authors,
        promoted_from=version.promoted_from or None,
        runs=version.number == active,
    )


def _canary(ports: Ports, asked: Asked[Any, Any]) -> dict[str, Any] | None:
    row = ports.plane.store.row(asked.where.tenant_id, keys.canary(asked.where.environment, asked.where.kpi_id))
    canary = Canary.model_validate_json(row.text("canary")) if row else None
    return canary.model_dump(mode="json") if canary is not None and canary.state in UNDER_WAY else None


def _number(version: Version) -> Any:
    return version_key(version.number)


def _shelf(ports: Ports, asked: Asked[Any, Any]) -> Shelf:
    return Shelf(ports.plane.store, asked.where.tenant_id, asked.where.environment)


def diff(ports: Ports, asked: Asked[Nothing, ask.DiffQuery]) -> Reply:
    """Where a version differs from another one, or from what runs."""
    where, shelf = asked.where, _shelf(ports, asked)
    after = shelf.version(where.kpi_id, where.version)
    against = where.query.against
    before = shelf.version(where.kpi_id, against) if against else shelf.active(where.kpi_id)
    number = before.number if before else None
    found = differences(before.kpi if before else None, after.kpi)
    return Reply(tell.VersionDiff(kpi_id=where.kpi_id, version=after.number, against=number, differences=found))


def requests(ports: Ports, asked: Asked[Nothing, ask.RequestList]) -> Reply:
    """Change requests of the environment, the oldest first."""
    query = asked.where.query
    states = [query.state] if query.state else sorted(LIVE)
    after = cursors.decode(query.cursor) or ""
    entries = waiting(ports.plane.store, asked.where.tenant_id, asked.where.environment, states, after=after, kpi_id=query.kpi_id)
    found = list(islice(entries, query.limit + 1))
    page = found[: query.limit]
    more = page[-1].position if len(found) > query.limit else None
    return Reply(tell.RequestPage(items=tuple(map(tell.request_summary, page)), next_cursor=cursors.encode(more)))


def request(ports: Ports, asked: Asked[Nothing, ask.Place]) -> Reply:
    """One change request with its difference, its impact and its decisions."""
    where = asked.where
    found = read_request(ports, where.tenant_id, where.environment, where.params["request_id"])
    return Reply(tell.RequestDetail(request=found, content_hash=found.content_hash, missing=found.missing))


def audit(ports: Ports, asked: Asked[Nothing, ask.AuditQuery]) -> Reply:
    """Audit events, newest first."""
    query = asked.where.query
    before = _seq(cursors.decode(query.cursor))
    items: list[AuditEvent] = []
    last: int | None = None
    for scanned, event in enumerate(ports.audit.newest(asked.where.tenant_id, before)):
        if len(items) == query.limit or scanned == SCANNED:
            return Reply(tell.AuditPage(items=tuple(items), next_cursor=cursors.encode(str(last))))
        if query.since is not None and parse(event.at) < max(query.since, _EARLIEST) - LONGEST_CALL:
            break
        last = event.seq
        if _matches(event, query):
            items.append(event)
    return Reply(tell.AuditPage(items=tuple(items), next_cursor=None))


def _seq(position: str | None) -> int | None:
    if position is None:
        return None
    if not position.isdecimal():
        raise KpiError(ErrorCode.INVALID_INPUT, "cursor is not one of /audit; start again without it")
    return int(position)


def _matches(event: AuditEvent, query: ask.AuditQuery) -> bool:
    at = parse(event.at)
    if (query.since is not None and at < query.since) or (query.until is not None and at >= query.until):
        return False
    if query.kpi_id is not None and not event.concerns(query.kpi_id):
        return False
    asked = (
        (query.environment, event.environment),
        (query.actor, event.actor.subject),
        (query.action, event.action),
    )
    return all(wanted is None or wanted == found for wanted, found in asked)


def search(ports: Ports, asked: Asked[Nothing, ask.SearchQuery]) -> Reply:
    """Full text with facets, of the tenant's index only."""
    where, query = asked.where, asked.where.query
    index = ports.index(where.tenant_id)
    facets = {facet: index.alternatives(where.tenant_id, facet, getattr(query, facet.value)) for facet in query.facets}
    page = index.search(where.tenant_id, Query(query.q, facets, query.limit, cursors.decode(query.cursor), count=query.cursor is None))
    hits = (
        tell.Hit(
            kpi_id=hit.kpi_id,
            contract_version=hit.version,
            environment=hit.environment,
            name=hit.name,
            facets={facet.value: value for facet, value in hit.facets.items()},
            score=hit.score,
            excerpts=tuple(
                tell.Excerpt(part=each.part.value, pieces=tuple((piece.text, piece.hit) for piece in each.pieces)) for each in hit.excerpts
            ),
        )
        for hit in page.hits
    )
    counts = {facet.value: dict(values) for facet, values in page.counts.items()}
    return Reply(tell.SearchPage(items=tuple(hits), total=page.total, counts=counts, next_cursor=cursors.encode(page.next_position)))


def simulation(ports: Ports, asked: Asked[ask.Simulate, Nothing]) -> Reply:
    """Who could do something, from the same policies as every real call."""
    body, where = asked.body, asked.where
    findings = simulate(ports.authorizer, where.caller, body.action, _simulated(ports, asked))
    told = (
        tell.Finding(who=each.persona.label, allowed=each.decision.allowed, policies=each.decision.policies, reason=each.decision.reason)
        for each in findings
    )
    return Reply(tell.Simulation(action=body.action.value, findings=tuple(told)))


def _simulated(ports: Ports, asked: Asked[ask.Simulate, Nothing]) -> Resource:
    body, tenant = asked.body, asked.where.tenant_id
    if body.request_id is not None:
        found = read_request(ports, tenant, body.environment, body.request_id)
        return RequestObject(
            tenant,
            body.environment,
            found.request_id,
            requested_by=found.requested_by.subject,
            authors=frozenset(found.authors),
            signed_by=frozenset(found.approvers),
        )
    if body.kpi_id is not None:
        return KpiObject(tenant, body.environment, body.kpi_id)
    return CatalogObject(tenant, body.environment)
