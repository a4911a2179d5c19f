"""Versions from draft to retirement: what the routes ask of the control plane (K20-K23, K28 A and C)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lambdas.api.control import requests as ask
from lambdas.api.control.asked import Asked, Need, Reply
from lambdas.api.control.objects import a_kpi
from lambdas.api.control.ports import Ports
from lambdas.api.control.responses import receipt
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.authz.actions import Action
from lambdas.domain.authz.resources import KpiObject
from lambdas.domain.control import keys
from lambdas.domain.control.canary import UNDER_WAY, Canary
from lambdas.domain.control.catalog import Shelf
from lambdas.domain.control.desk import Call
from lambdas.domain.errors import ErrorCode, KpiError

ACCEPTED = 202
Place = ask.Place


def told(event: AuditEvent) -> Reply:
    """A write as its caller gets it; 202 when it waits for a change window."""
    return Reply(receipt(event), status=ACCEPTED if event.action.endswith("_waits") else 200)


def is_done(ports: Ports, call: Call) -> bool:
    """Whether the call was made before; then what it found at the time no longer matters."""
    return ports.plane.store.event(call.tenant_id, call.event_id) is not None


def running(ports: Ports, asked: Asked[Any, Any]) -> None:
    """Refuse a call that names another version than the one that runs: the caller looked at something else.

    Raises:
        KpiError: CONFLICT naming what runs. Where nothing runs the domain decides.
    """
    must_run(ports, asked.call, asked.where.kpi_id, asked.where.version)


def must_run(ports: Ports, call: Call, kpi_id: str, version: str) -> None:
    """As `running`, for a call on one of many KPIs.

    Raises:
        KpiError: CONFLICT naming what runs.
    """
    row = Shelf(ports.plane.store, call.tenant_id, call.environment).active_row(kpi_id)
    runs = row.text("contract_version") if row else version
    if runs != version and not is_done(ports, call):
        raise KpiError(ErrorCode.CONFLICT, f"{kpi_id} {version} does not run in {call.environment}, {runs} does")


# Definitions


def create(ports: Ports, asked: Asked[ask.Create, Place]) -> Reply:
    """Write a draft."""
    return told(ports.plane.definitions.create(asked.call, asked.body.definition, ports.sources(asked.where.tenant_id)))


def create_needs(asked: Asked[ask.Create, Place]) -> Sequence[Need]:
    """The KPI is named by the body alone."""
    where = asked.where
    return [(Action.KPI_CREATE, KpiObject(where.tenant_id, where.environment, asked.body.definition.id))]


def update(ports: Ports, asked: Asked[ask.Update, Place]) -> Reply:
    """Replace the content of a version that never ran."""
    where, kpi = asked.where, asked.body.definition
    named = f"{kpi.id} {kpi.contract_version}"
    if named != f"{where.kpi_id} {where.version}":
        raise KpiError(ErrorCode.INVALID_INPUT, f"the path names {where.kpi_id} {where.version}, the definition {named}")
    sources = ports.sources(where.tenant_id)
    return told(ports.plane.definitions.update(asked.call, kpi, sources, seen=asked.body.row_version))


def schedule(ports: Ports, asked: Asked[ask.Reschedule, Place]) -> Reply:
    """Change the schedule."""
    return _amended(ports, asked, {"schedule": ask.as_written(asked.body.schedule)})


def sla(ports: Ports, asked: Asked[ask.SlaChange, Place]) -> Reply:
    """Change the SLA."""
    return _amended(ports, asked, {"sla": [ask.as_written(row) for row in asked.body.sla]})


def validation(ports: Ports, asked: Asked[ask.ValidationChange, Place]) -> Reply:
    """Change rules or the error policy."""
    body = asked.body
    parts: dict[str, Any] = {}
    if body.pre_validation is not None:
        parts["pre_validation"] = [ask.as_written(rule) for rule in body.pre_validation]
    if body.post_validation is not None:
        parts["post_validation"] = [ask.as_written(rule) for rule in body.post_validation]
    if body.error_policy is not None:
        parts["error_policy"] = ask.as_written(body.error_policy)
    return _amended(ports, asked, parts)


def _amended(ports: Ports, asked: Asked[Any, Any], parts: dict[str, Any]) -> Reply:
    return told(ports.plane.definitions.amend(asked.call, asked.where.kpi_id, asked.where.version, parts))


# On the way to production and out of it


def submit(ports: Ports, asked: Asked[ask.Submit, Place]) -> Reply:
    """Ask for sign-off."""
    return told(ports.plane.approvals.submit(asked.call, asked.where.kpi_id, asked.where.version, asked.body.requested))


def go_live_needs(action: Action) -> Any:
    """What going live needs: the action itself, and beside it the right to break the glass when that is asked for."""

    def needs(asked: Asked[ask.GoLive, Place]) -> Sequence[Need]:
        here = a_kpi(asked.where)
        return [(action, here), *([(Action.KPI_BREAK_GLASS, here)] if asked.body.break_glass else [])]

    return needs


def publish(ports: Ports, asked: Asked[ask.GoLive, Place]) -> Reply:
    """Go live, or wait for the change window."""
    where = asked.where
    return told(ports.plane.publishing.publish(asked.call, where.kpi_id, where.version, break_glass=asked.body.break_glass))


def unpublish(ports: Ports, asked: Asked[ask.GoLive, Place]) -> Reply:
    """Stop a KPI."""
    where = asked.where
    return told(ports.plane.removal.unpublish(asked.call, where.kpi_id, where.version, break_glass=asked.body.break_glass))


def deprecate(ports: Ports, asked: Asked[ask.Because, Place]) -> Reply:
    """Warn consumers; it runs on through its grace."""
    return told(ports.plane.removal.deprecate(asked.call, asked.where.kpi_id, asked.where.version))


def retire(ports: Ports, asked: Asked[ask.GoLive, Place]) -> Reply:
    """End a deprecated version."""
    where = asked.where
    return told(ports.plane.removal.retire(asked.call, where.kpi_id, where.version, break_glass=asked.body.break_glass))


def promote(ports: Ports, asked: Asked[ask.Promote, Place]) -> Reply:
    """Propose in this environment what is active in the one before."""
    return told(ports.plane.publishing.promote(asked.call, asked.where.kpi_id, asked.where.version, asked.body.source))


def promote_needs(asked: Asked[ask.Promote, Place]) -> Sequence[Need]:
    """Who promotes must see the version where it comes from."""
    where = asked.where
    origin = KpiObject(where.tenant_id, asked.body.source, where.kpi_id)
    return [(Action.KPI_PROMOTE, a_kpi(where)), (Action.KPI_READ_VERSIONS, origin)]


def rollback(ports: Ports, asked: Asked[ask.Because, Place]) -> Reply:
    """Go back from the version that runs to the last healthy one."""
    running(ports, asked)
    return told(ports.plane.recovery.rollback(asked.call, asked.where.kpi_id))


# Canaries


def canary_start(ports: Ports, asked: Asked[ask.StartCanary, Place]) -> Reply:
    """Let the version compute a part."""
    where, body = asked.where, asked.body
    subset, tolerances = body.subset, body.tolerances
    return told(ports.plane.rollouts.start(asked.call, where.kpi_id, where.version, subset, tolerances, break_glass=body.break_glass))


def canary_advance(ports: Ports, asked: Asked[ask.Because, Place]) -> Reply:
    """Compare both versions and do what the comparison allows."""
    canary = _candidate(ports, asked)
    samples = ports.evidence.samples(asked.where.tenant_id, canary) if canary else ()
    return told(ports.plane.rollouts.advance(asked.call, asked.where.kpi_id, samples))


def canary_resume(ports: Ports, asked: Asked[ask.Because, Place]) -> Reply:
    """Let a paused canary go on."""
    _candidate(ports, asked)
    return told(ports.plane.rollouts.resume(asked.call, asked.where.kpi_id))


def canary_abort(ports: Ports, asked: Asked[ask.Because, Place]) -> Reply:
    """End a canary without a verdict."""
    _candidate(ports, asked)
    return told(ports.plane.rollouts.abort(asked.call, asked.where.kpi_id))


def _candidate(ports: Ports, asked: Asked[Any, Any]) -> Canary | None:
    """The canary of the path's version; None when there is none, which the domain says, or when the call was made before."""
    where = asked.where
    row = ports.plane.store.row(where.tenant_id, keys.canary(where.environment, where.kpi_id))
    canary = Canary.model_validate_json(row.text("canary")) if row else None
    if canary is None or canary.state not in UNDER_WAY:
        return None
    if canary.candidate != where.version and not is_done(ports, asked.call):
        raise KpiError(ErrorCode.CONFLICT, f"the canary of {where.kpi_id} is of {canary.candidate}, not of {where.version}")
    return canary
