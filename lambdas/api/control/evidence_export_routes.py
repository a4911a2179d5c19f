"""The routes of evidence exports. Asking for one reads for the policies, since auditors may; it is written down all the same."""

from __future__ import annotations

from typing import Any

from lambdas.api.control import evidence_export as work
from lambdas.api.control import evidence_export_models as models
from lambdas.api.control.asked import Route, Tag
from lambdas.api.control.objects import the_catalog
from lambdas.api.control.requests import Nothing, Place
from lambdas.domain.authz.actions import Action
from lambdas.domain.limits.limiter import Traffic

_G, _EXPORT = Tag.GOVERNANCE, (Action.EVIDENCE_EXPORT,)
_ACCEPTED = 202

EVIDENCE: tuple[Route[Any, Any], ...] = (
    Route("exportEvidence", "POST", "/evidence", "Have the evidence of a KPI and a period made", _G, _EXPORT, the_catalog,
          models.EvidenceRequest, Place, models.EvidenceAccepted, work.ask, work.needs, status=_ACCEPTED),
    Route("getEvidence", "GET", "/evidence/{export_id}", "How far it is, and a link to the bundle", _G, _EXPORT, the_catalog, Nothing,
          Place, models.EvidenceExport, work.export, traffic=Traffic.READS),
)  # fmt: skip
