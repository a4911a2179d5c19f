"""A request for every operation of the document, valid as far as its own content goes."""

from __future__ import annotations

import json
from typing import Any

from kpis.hashing import canonical_json
from tests.unit.lambdas.control.office import kpi

KPI = "SKY-AD-01"
NO_KPI = "SKY-NO-99"
HASH = "0" * 64
WHY = {"reason": "to see what happens"}
_UNTIL = "2026-01-05T18:00:00Z"


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
        "pauseKpiVersion": WHY | {"until": _UNTIL},
        "resumeKpiVersion": WHY,
        "maintain": WHY | {"step": "begin", "kpi_id": kpi_id, "banner": banner},
        "bulk": WHY | {"action": "kpi.pause", "items": [{"kpi_id": kpi_id, "version": "1.0.0"}]},
        "decideRequest": WHY | {"choice": "approve", "side": "technical", "content_hash": HASH},
        "withdrawRequest": WHY,
        "simulatePolicies": {"action": "kpi.publish", "kpi_id": kpi_id},
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


def query(operation: str) -> dict[str, str]:
    """The query an operation cannot do without."""
    return {"change": "deprecation"} if operation == "getImpact" else {}
