"""Pausing, maintenance, signing, and the same action on many KPIs (K19, K21, K28 B, K31)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from lambdas.api.control import requests as ask
from lambdas.api.control.asked import Asked, Need, Reply, Where
from lambdas.api.control.lifecycle import Place, must_run, running, told
from lambdas.api.control.objects import a_request, the_catalog, with_approval
from lambdas.api.control.ports import Ports
from lambdas.api.control.responses import BulkAnswer, bulk_done, refusal
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.authz.actions import Action
from lambdas.domain.authz.resources import KpiObject, Resource, best_case
from lambdas.domain.control.desk import Call
from lambdas.domain.control.pauses import Scope
from lambdas.domain.control.requests import Side
from lambdas.domain.control.states import Action as Transition
from lambdas.domain.errors import ErrorCode, KpiError

BULK_TIME = timedelta(seconds=20)
"""In which a bulk action begins KPIs; API Gateway gives up on an answer after 30 s."""


def pause(ports: Ports, asked: Asked[ask.Pause, Place]) -> Reply:
    """Keep the KPI or an entity of it from running."""
    running(ports, asked)
    body = asked.body
    scope = Scope(kpi_id=asked.where.kpi_id, entity=body.entity)
    return told(ports.plane.pausing.pause(asked.call, scope, start=body.start, until=body.until))


def resume(ports: Ports, asked: Asked[ask.Resume, Place]) -> Reply:
    """Let it run again; the first run must pass its post-validation."""
    running(ports, asked)
    return told(ports.plane.pausing.resume(asked.call, Scope(kpi_id=asked.where.kpi_id, entity=asked.body.entity)))


def maintenance(ports: Ports, asked: Asked[ask.Maintenance, Place]) -> Reply:
    """Begin, announce or end a maintenance."""
    body, pausing = asked.body, ports.plane.pausing
    scope = Scope(kpi_id=body.kpi_id, entity=body.entity)
    if body.step == "begin":
        return told(pausing.pause(asked.call, scope, start=body.start, until=body.until, banner=body.banner))
    if body.step == "update":
        return told(pausing.maintain(asked.call, scope, body.banner))
    return told(pausing.resume(asked.call, scope))


def maintenance_needs(asked: Asked[ask.Maintenance, Place]) -> Sequence[Need]:
    """The object is the KPI that is named, or everything; an end is a resumption."""
    where, kpi_id = asked.where, asked.body.kpi_id
    here: Resource = KpiObject(where.tenant_id, where.environment, kpi_id) if kpi_id else the_catalog(where)
    return [(Action.KPI_RESUME if asked.body.step == "end" else Action.KPI_MAINTENANCE, here)]


def decide(ports: Ports, asked: Asked[ask.DecisionBody, Place]) -> Reply:
    """Sign or reject a change request."""
    body = asked.body
    return told(ports.plane.approvals.decide(asked.call, asked.where.params["request_id"], body.choice, body.side, body.content_hash))


def decide_needs(asked: Asked[ask.DecisionBody, Place]) -> Sequence[Need]:
    """Each side is its own right."""
    action = Action.REQUEST_SIGN_BUSINESS if asked.body.side is Side.BUSINESS else Action.REQUEST_SIGN_TECHNICAL
    return [(action, a_request(asked.where))]


def withdraw(ports: Ports, asked: Asked[ask.Because, Place]) -> Reply:
    """Take a request back."""
    return told(ports.plane.approvals.withdraw(asked.call, asked.where.params["request_id"]))


def bulk(ports: Ports, asked: Asked[ask.Bulk, Place]) -> Reply:
    """The same on many KPIs; each is authorized, done and recorded on its own."""
    body, where = asked.body, asked.where
    versions = {item.kpi_id: item.version for item in body.items}

    def one(call: Call, kpi_id: str) -> AuditEvent:
        _allowed(ports, where, call, body.action, kpi_id, versions[kpi_id])
        return _one(ports, call, body, kpi_id, versions[kpi_id])

    report = ports.plane.bulk(asked.call, versions, one, until=ports.plane.clock.now() + BULK_TIME)
    done, refused = tuple(map(bulk_done, report.done)), tuple(map(refusal, report.refused))
    return Reply(BulkAnswer(done=done, refused=refused, left=report.left))


def _allowed(ports: Ports, where: Where[Any], call: Call, action: Action, kpi_id: str, version: str) -> None:
    kpi = KpiObject(where.tenant_id, where.environment, kpi_id)
    ports.authorizer.require(where.caller, action, best_case(kpi))
    if ports.plane.store.event(call.tenant_id, call.event_id) is None:
        ports.authorizer.require(where.caller, action, with_approval(ports, kpi, action, version))


def _one(ports: Ports, call: Call, body: ask.Bulk, kpi_id: str, version: str) -> AuditEvent:
    plane, scope = ports.plane, Scope(kpi_id=kpi_id)
    match body.action:
        case Action.KPI_PAUSE:
            must_run(ports, call, kpi_id, version)
            return plane.pausing.pause(call, scope, until=body.until)
        case Action.KPI_RESUME:
            must_run(ports, call, kpi_id, version)
            return plane.pausing.resume(call, scope)
        case Action.KPI_SUBMIT:
            return plane.approvals.submit(call, kpi_id, version, Transition.PUBLISH)
        case Action.KPI_PUBLISH:
            return plane.publishing.publish(call, kpi_id, version)
        case Action.KPI_UNPUBLISH:
            return plane.removal.unpublish(call, kpi_id, version)
        case Action.KPI_DEPRECATE:
            return plane.removal.deprecate(call, kpi_id, version)
        case _:
            raise KpiError(ErrorCode.INVALID_INPUT, f"{body.action} cannot be done in bulk")
