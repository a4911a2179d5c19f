"""Every route of the control API, as one table. The document, the isolation matrix and the application are made of it (K29)."""

from __future__ import annotations

from typing import Any

from lambdas.api.control import lifecycle as life
from lambdas.api.control import lineage_answers as derived
from lambdas.api.control import operations as ops
from lambdas.api.control import reading as read
from lambdas.api.control import requests as ask
from lambdas.api.control import responses as tell
from lambdas.api.control.asked import Route, Tag
from lambdas.api.control.browsing_routes import BROWSING
from lambdas.api.control.canary_view_routes import CANARIES
from lambdas.api.control.evidence_export_routes import EVIDENCE
from lambdas.api.control.monitoring_routes import MONITORING
from lambdas.api.control.objects import a_kpi, a_request, audited, the_catalog, the_tenant
from lambdas.api.control.past_routes import PAST
from lambdas.api.control.reports_routes import REPORTS
from lambdas.api.control.run_routes import RUNS
from lambdas.api.control.tenants_routes import TENANT
from lambdas.domain.authz.actions import Action
from lambdas.domain.authz.resources import KpiObject, Resource
from lambdas.domain.limits.limiter import Traffic

_VERSION = "/kpis/{kpi_id}/versions/{ver}"
_READS = Traffic.READS
_CREATED = 201


def _some_kpi(where: Any) -> Resource:
    """A KPI whose name only the body knows; what is asked before the body is read depends on the caller alone."""
    return KpiObject(where.tenant_id, where.environment, "")


def _live(name: str, says: str, action: Action, body: Any, work: Any, tag: Tag = Tag.LIFECYCLE) -> Route[Any, Any]:
    """A route of a version that can go around the change window."""
    path = f"{_VERSION}/{name.removesuffix('KpiVersion')}"
    needs = life.go_live_needs(action)
    return Route(name, "POST", path, says, tag, (action,), a_kpi, body, ask.Place, tell.Receipt, work, needs)


def _does(name: str, last: str, says: str, action: Action, body: Any, work: Any, needs: Any = None, tag: Tag = Tag.LIFECYCLE) -> Any:
    """A write of a version."""
    return Route(name, "POST", f"{_VERSION}/{last}", says, tag, (action,), a_kpi, body, ask.Place, tell.Receipt, work, needs)


def _gets(name: str, path: str, says: str, tag: Tag, action: Action, about: Any, query: Any, answer: Any, work: Any) -> Route[Any, Any]:
    """A read."""
    return Route(name, "GET", path, says, tag, (action,), about, ask.Nothing, query, answer, work, traffic=_READS)


_A, _L, _C, _O, _G = Action, Tag.LIFECYCLE, Tag.CHANGES, Tag.OPERATIONS, Tag.GOVERNANCE

WRITES: tuple[Route[Any, Any], ...] = (
    Route(
        "createKpi",
        "POST",
        "/kpis",
        "Write a new version as a draft",
        _C,
        (_A.KPI_CREATE,),
        _some_kpi,
        ask.Create,
        ask.Place,
        tell.Receipt,
        life.create,
        life.create_needs,
        status=_CREATED,
    ),
    Route(
        "updateKpiVersion",
        "PUT",
        _VERSION,
        "Replace the content of a version that never ran; approvals are revoked",
        _C,
        (_A.KPI_EDIT,),
        a_kpi,
        ask.Update,
        ask.Place,
        tell.Receipt,
        life.update,
    ),
    _does("scheduleKpiVersion", "schedule", "Change the schedule", _A.KPI_SCHEDULE, ask.Reschedule, life.schedule, tag=_C),
    _does("slaKpiVersion", "sla", "Change the SLA", _A.KPI_SLA, ask.SlaChange, life.sla, tag=_C),
    _does("validationKpiVersion", "validation", "Change the rules", _A.KPI_VALIDATION, ask.ValidationChange, life.validation, tag=_C),
    _does("submitKpiVersion", "submit", "Ask for sign-off", _A.KPI_SUBMIT, ask.Submit, life.submit),
    _live("publishKpiVersion", "Go live, or wait for the change window", _A.KPI_PUBLISH, ask.GoLive, life.publish),
    _live("unpublishKpiVersion", "Stop the KPI", _A.KPI_UNPUBLISH, ask.GoLive, life.unpublish),
    _does("promoteKpiVersion", "promote", "Propose what runs in the environment before", _A.KPI_PROMOTE, ask.Promote, life.promote,
          life.promote_needs),
    _does("deprecateKpiVersion", "deprecate", "Warn consumers of its end", _A.KPI_DEPRECATE, ask.Because, life.deprecate),
    _live("retireKpiVersion", "End a deprecated version after its grace", _A.KPI_RETIRE, ask.GoLive, life.retire),
    _does("rollbackKpiVersion", "rollback", "Go back to the last healthy version", _A.KPI_ROLLBACK, ask.Because, life.rollback),
    _does("startCanary", "canary/start", "Let the version compute a part", _A.KPI_CANARY_START, ask.StartCanary, life.canary_start,
          life.go_live_needs(_A.KPI_CANARY_START)),
    _does("advanceCanary", "canary/advance", "Compare, and go on, back or pause", _A.KPI_CANARY_ADVANCE, ask.Because, life.canary_advance),
    _does("resumeCanary", "canary/resume", "Let a paused canary go on", _A.KPI_CANARY_RESUME, ask.Because, life.canary_resume),
    _does("abortCanary", "canary/abort", "End a canary without a verdict", _A.KPI_CANARY_ABORT, ask.Because, life.canary_abort),
    _does("pauseKpiVersion", "pause", "Keep the KPI or an entity from running", _A.KPI_PAUSE, ask.Pause, ops.pause, tag=_O),
    _does("resumeKpiVersion", "resume", "Let it run again", _A.KPI_RESUME, ask.Resume, ops.resume, tag=_O),
    Route(
        "maintain",
        "POST",
        "/maintenance",
        "Begin, announce or end a maintenance of everything, one KPI or one entity",
        _O,
        (_A.KPI_MAINTENANCE, _A.KPI_RESUME),
        the_catalog,
        ask.Maintenance,
        ask.Place,
        tell.Receipt,
        ops.maintenance,
        ops.maintenance_needs,
    ),
    Route(
        "bulk",
        "POST",
        "/bulk",
        "The same action on many KPIs, each on its own",
        _O,
        (_A.BULK_APPLY,),
        the_catalog,
        ask.Bulk,
        ask.Place,
        tell.BulkAnswer,
        ops.bulk,
    ),
    Route(
        "decideRequest",
        "POST",
        "/approvals/{request_id}/decision",
        "Sign or reject a change request",
        _G,
        (_A.REQUEST_SIGN_TECHNICAL, _A.REQUEST_SIGN_BUSINESS),
        a_request,
        ask.DecisionBody,
        ask.Place,
        tell.Receipt,
        ops.decide,
        ops.decide_needs,
    ),
    Route(
        "withdrawRequest",
        "POST",
        "/approvals/{request_id}/withdraw",
        "Take a change request back",
        _G,
        (_A.REQUEST_WITHDRAW,),
        a_request,
        ask.Because,
        ask.Place,
        tell.Receipt,
        ops.withdraw,
    ),
)  # fmt: skip

READS: tuple[Route[Any, Any], ...] = (
    _gets("listKpiVersions", "/kpis/{kpi_id}/versions", "All versions of a KPI", Tag.CATALOG, _A.KPI_READ_VERSIONS, a_kpi, ask.Place,
          tell.VersionList, read.versions),
    _gets("diffKpiVersion", f"{_VERSION}/diff", "Where a version differs from another", Tag.CATALOG, _A.KPI_READ_VERSIONS, a_kpi,
          ask.DiffQuery, tell.VersionDiff, read.diff),
    _gets("getLineage", "/kpis/{kpi_id}/lineage", "What a KPI comes from and what depends on it", Tag.CATALOG, _A.KPI_READ_LINEAGE, a_kpi,
          ask.LineageQuery, tell.LineageAnswer, derived.lineage),
    _gets("getImpact", "/kpis/{kpi_id}/impact", "What a change would touch", Tag.CATALOG, _A.KPI_READ_IMPACT, a_kpi, ask.ImpactQuery,
          tell.ImpactAnswer, derived.impact),
    _gets("search", "/search", "Full text with facets", Tag.CATALOG, _A.CATALOG_SEARCH, the_catalog, ask.SearchQuery, tell.SearchPage,
          read.search),
    _gets("listRequests", "/approvals", "Change requests", _G, _A.REQUEST_BROWSE, the_catalog, ask.RequestList, tell.RequestPage,
          read.requests),
    _gets("getRequest", "/approvals/{request_id}", "One change request", _G, _A.REQUEST_READ, a_request, ask.Place, tell.RequestDetail,
          read.request),
    _gets("listAuditEvents", "/audit", "Audit events, newest first", _G, _A.AUDIT_READ, audited, ask.AuditQuery, tell.AuditPage,
          read.audit),
    Route(
        "simulatePolicies",
        "POST",
        "/policies/simulate",
        "Who could do something, and why",
        _G,
        (_A.POLICY_SIMULATE,),
        the_tenant,
        ask.Simulate,
        ask.Nothing,
        tell.Simulation,
        read.simulation,
        traffic=_READS,
    ),
)  # fmt: skip

ROUTES: tuple[Route[Any, Any], ...] = (*WRITES, *READS, *BROWSING, *MONITORING, *EVIDENCE, *TENANT, *REPORTS, *RUNS, *CANARIES, *PAST)


def printed() -> str:
    """The table as Markdown, for the documentation and its test."""
    rows = ["| method | path | what it does | action |", "| --- | --- | --- | --- |"]
    for route in ROUTES:
        actions = ", ".join(f"`{action}`" for action in route.actions)
        rows.append(f"| {route.method} | `{route.path}` | {route.says} | {actions} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(printed(), end="")
