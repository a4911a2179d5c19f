"""Evidence bundles over HTTP: asked for, made by a worker, fetched by a link (K27)."""

from __future__ import annotations

from collections.abc import Sequence

from lambdas.api.control.asked import Asked, Need, Reply
from lambdas.api.control.desks import desk_of
from lambdas.api.control.evidence_export_models import EvidenceAccepted, EvidenceExport, EvidenceRequest
from lambdas.api.control.ports import Ports
from lambdas.api.control.requests import Nothing, Place
from lambdas.api.control.responses import receipt
from lambdas.domain.audit.evidence import Subject
from lambdas.domain.audit.export import checked
from lambdas.domain.audit.export_jobs import ExportState, Job, job_of, key_of, outcome_of
from lambdas.domain.authz.actions import Action
from lambdas.domain.authz.resources import KpiObject
from lambdas.domain.control import keys
from lambdas.domain.control.unit import Put
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.links import LINK_TIME
from lambdas.domain.timestamps import iso


def needs(asked: Asked[EvidenceRequest, Place]) -> Sequence[Need]:
    """The object is the KPI that the body names."""
    where = asked.where
    return [(Action.EVIDENCE_EXPORT, KpiObject(where.tenant_id, where.environment, asked.body.kpi_id))]


def ask(ports: Ports, asked: Asked[EvidenceRequest, Place]) -> Reply:
    """Have a bundle made: the worker hears of it by the audit event."""
    plane, call, body = ports.plane, asked.call, asked.body
    start, end = iso(body.start), iso(body.end)
    step = desk_of(ports).begin(call, Action.EVIDENCE_EXPORT.value, "kpi", body.kpi_id, period_start=start, period_end=end)
    event = step.done
    if event is None:
        subject = checked(Subject(call.tenant_id, call.environment.value, body.kpi_id, start, end), step.at)
        if next(iter(plane.store.rows(call.tenant_id, keys.versions(call.environment, body.kpi_id))), None) is None:
            raise KpiError(ErrorCode.NOT_FOUND, f"there is no KPI {body.kpi_id} in {call.environment}")
        job = Job(
            tenant_id=call.tenant_id,
            export_id=plane.new_id(),
            environment=call.environment,
            kpi_id=body.kpi_id,
            period_start=subject.period_start,
            period_end=subject.period_end,
            requested_by=call.actor.subject,
            requested_at=iso(step.at),
            reason=call.reason,
        )
        event = step.commit([Put(key_of(job.export_id), job.row, 0)], export_id=job.export_id, period_start=start, period_end=end)
    export_id = str(event.details["export_id"])
    return Reply(EvidenceAccepted(**receipt(event).model_dump(), export_id=export_id, state=ExportState.PENDING))


def export(ports: Ports, asked: Asked[Nothing, Place]) -> Reply:
    """How far an export is, with a link when it is done."""
    where, export_id, now = asked.where, asked.where.params["export_id"], ports.plane.clock.now()
    row = ports.plane.store.row(where.tenant_id, key_of(export_id))
    job = job_of(where.tenant_id, row) if row is not None else None
    if job is None or job.environment is not where.environment:
        raise KpiError(ErrorCode.NOT_FOUND, f"there is no evidence export {export_id} in {where.environment}")
    bundles = ports.reads.exports
    found = outcome_of(job, bundles.outcome(where.tenant_id, export_id), now)
    done = found.state is ExportState.DONE
    return Reply(
        EvidenceExport(
            export_id=export_id,
            state=found.state,
            kpi_id=job.kpi_id,
            environment=job.environment,
            period_start=job.period_start,
            period_end=job.period_end,
            requested_by=job.requested_by,
            requested_at=job.requested_at,
            reason=job.reason,
            bytes=found.size,
            url=bundles.link(where.tenant_id, export_id) if done else None,
            url_expires_at=iso(now + LINK_TIME) if done else None,
            problem=found.problem,
        )
    )
