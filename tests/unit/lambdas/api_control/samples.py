"""A request for every operation of the document, valid as far as its own content goes."""

from __future__ import annotations

import json
from typing import Any

from kpis.hashing import canonical_json
from lambdas.domain.ids import make_run_id
from tests.unit.lambdas.control.office import MONDAY, kpi

KPI = "SKY-AD-01"
NO_KPI = "SKY-NO-99"
HASH = "0" * 64
RUN = make_run_id(MONDAY, 1)
"""The run that `Reads.watched` adds."""
WHY = {"reason": "to see what happens"}
_UNTIL = "2026-01-05T18:00:00Z"
_ENDPOINT = {"kind": "postgresql", "host": "db.example.com", "port": 5432, "database": "finance"}
_SUBSCRIPTION = {"frequency": "weekly", "recipients": ["cfo@example.com"]}


def _definition(kpi_id: str, version: str) -> dict[str, Any]:
    return {"definition": json.loads(canonical_json(kpi(version, id=kpi_id)))}


def body(operation: str, kpi_id: str = KPI) -> dict[str, Any] | None:
    """The body of an operation; None for one without.

    Raises:
        KeyError: for an operation nobody wrote a sample for: then it would escape the isolation matrix.
    """
    banner = {"text": "Down for a while", "eta": _UNTIL}
    schedule = {"frequency": "daily", "trigger": "time", "cron": "0 7 * * *", "timezone": "UTC"}
    samples: dict[str, dict[str, Any] | None] = {
        "createKpi": WHY | _definition(kpi_id, "9.0.0"),
        "updateKpiVersion": WHY | _definition(kpi_id, "1.0.0"),
        "scheduleKpiVersion": WHY | {"schedule": schedule},
        "slaKpiVersion": WHY | {"sla": [{"type": "latency", "target": "9m", "grace": "1m"}]},
        "validationKpiVersion": WHY | {"post_validation": []},
        "submitKpiVersion": WHY,
        "publishKpiVersion": WHY,
        "unpublishKpiVersion": WHY,
        "promoteKpiVersion": WHY | {"source": "stg"},
        "deprecateKpiVersion": WHY,
        "retireKpiVersion": WHY,
        "rollbackKpiVersion": WHY,
        "startCanary": WHY | {"subset": {"percent": 10}},
        "advanceCanary": WHY,
        "resumeCanary": WHY,
        "abortCanary": WHY,
        "startRun": WHY | {"during_pause": True},
        "pauseKpiVersion": WHY | {"until": _UNTIL},
        "resumeKpiVersion": WHY,
        "maintain": WHY | {"step": "begin", "kpi_id": kpi_id, "banner": banner},
        "bulk": WHY | {"action": "kpi.pause", "items": [{"kpi_id": kpi_id, "version": "1.0.0"}]},
        "decideRequest": WHY | {"choice": "approve", "side": "technical", "content_hash": HASH},
        "withdrawRequest": WHY,
        "simulatePolicies": {"action": "kpi.publish", "kpi_id": kpi_id},
        "updateTenantSettings": WHY | {"settings": {"currency": "CHF"}},
        "updateConnection": WHY | {"endpoint": _ENDPOINT, "credentials": {"username": "reader", "password": "not-to-be-seen"}},
        "updateAlertRoute": WHY | {"route": {"kpi_id": kpi_id, "targets": [{"channel": "email", "address": "ops@example.com"}]}},
        "updateReportSubscription": WHY | {"subscription": _SUBSCRIPTION | {"kpi_id": kpi_id}},
        "getTenantSettings": None,
        "listConnections": None,
        "listAlertRoutes": None,
        "getAlertRoute": None,
        "deleteAlertRoute": None,
        "listReportSubscriptions": None,
        "getReportSubscription": None,
        "listReports": None,
        "deleteReportSubscription": None,
        "exportEvidence": WHY | {"kpi_id": kpi_id, "from": "2025-12-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
        "acknowledgeIncident": WHY,
        "listKpis": None,
        "getKpi": None,
        "listRuns": None,
        "getRun": None,
        "listResults": None,
        "getView": None,
        "listIncidents": None,
        "getIncident": None,
        "getEvidence": None,
        "getCanary": None,
        "getPostMortem": None,
        "getArchive": None,
        "listKpiVersions": None,
        "diffKpiVersion": None,
        "getLineage": None,
        "getImpact": None,
        "search": None,
        "listRequests": None,
        "getRequest": None,
        "listAuditEvents": None,
    }
    return samples[operation]


def path(template: str, kpi_id: str = KPI, version: str = "1.0.0", other: str = "id-4") -> str:
    """A path of the document with ids; `other` is that of whatever is no KPI."""
    others = dict.fromkeys(("request_id", "name", "route_id", "subscription_id"), other)
    if other == "id-4":
        others["name"] = "warehouse"  # the one connection there is
    return template.format(kpi_id=kpi_id, ver=version, **others, **_watched(other))


def _watched(other: str) -> dict[str, str]:
    """Ids of what `Reads.watched` adds, or ids in their forms that nothing has; what is of no form stays as it is."""
    if not other.startswith("id-"):
        return dict.fromkeys(("run_id", "incident_id", "view", "export_id"), other)
    run = 999 if other == "id-999" else RUN
    return {"run_id": str(run), "incident_id": f"pre_validation-{run:019d}", "view": "vw_kpi_run_overview", "export_id": other}


def query(operation: str) -> dict[str, str]:
    """The query an operation cannot do without."""
    if operation in ("deleteAlertRoute", "deleteReportSubscription"):
        return WHY
    return {"change": "deprecation"} if operation == "getImpact" else {}
