"""Everything a person can ask of the control plane (K18-K30). Audit events, which say what happened, have words of the same form.

Which object an action is about, and whether it reads or writes, stands in `schema.cedarschema`; a test keeps the two alike.
"""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """An action of the policies. What is missing in a policy is denied."""

    CATALOG_BROWSE = "catalog.browse"
    CATALOG_SEARCH = "catalog.search"
    KPI_READ = "kpi.read"
    KPI_READ_VERSIONS = "kpi.read_versions"
    KPI_READ_LINEAGE = "kpi.read_lineage"
    KPI_READ_IMPACT = "kpi.read_impact"
    RUN_READ = "run.read"
    RESULT_READ = "result.read"
    MONITORING_READ = "monitoring.read"
    INCIDENT_READ = "incident.read"
    REQUEST_BROWSE = "request.browse"
    REQUEST_READ = "request.read"
    ALERT_ROUTE_READ = "alert_route.read"
    REPORT_READ = "report.read"
    SETTINGS_READ = "settings.read"
    CONNECTION_READ = "connection.read"
    CONNECTION_READ_SECRET = "connection.read_secret"  # noqa: S105 - names what nobody may do
    AUDIT_READ = "audit.read"
    EVIDENCE_EXPORT = "evidence.export"
    POLICY_SIMULATE = "policy.simulate"

    KPI_CREATE = "kpi.create"
    KPI_EDIT = "kpi.edit"
    KPI_SCHEDULE = "kpi.schedule"
    KPI_SLA = "kpi.sla"
    KPI_VALIDATION = "kpi.validation"
    KPI_SUBMIT = "kpi.submit"
    KPI_PROMOTE = "kpi.promote"
    KPI_PUBLISH = "kpi.publish"
    KPI_UNPUBLISH = "kpi.unpublish"
    KPI_DEPRECATE = "kpi.deprecate"
    KPI_RETIRE = "kpi.retire"
    KPI_CANARY_START = "kpi.canary_start"
    KPI_CANARY_ADVANCE = "kpi.canary_advance"
    KPI_CANARY_RESUME = "kpi.canary_resume"
    KPI_CANARY_ABORT = "kpi.canary_abort"
    KPI_ROLLBACK = "kpi.rollback"
    KPI_PAUSE = "kpi.pause"
    KPI_RESUME = "kpi.resume"
    KPI_MAINTENANCE = "kpi.maintenance"
    KPI_RUN = "kpi.run"
    KPI_BREAK_GLASS = "kpi.break_glass"
    BULK_APPLY = "bulk.apply"
    ALERT_ROUTE_EDIT = "alert_route.edit"
    REPORT_SUBSCRIBE = "report.subscribe"
    REQUEST_SIGN_BUSINESS = "request.sign_business"
    REQUEST_SIGN_TECHNICAL = "request.sign_technical"
    REQUEST_WITHDRAW = "request.withdraw"
    SETTINGS_EDIT = "settings.edit"
    SETTINGS_RULES = "settings.rules"
    CONNECTION_EDIT = "connection.edit"
    INCIDENT_ACKNOWLEDGE = "incident.acknowledge"
    TENANT_OFFBOARD = "tenant.offboard"
