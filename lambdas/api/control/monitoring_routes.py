"""The routes of monitoring."""

from __future__ import annotations

from typing import Any

from lambdas.api.control import monitoring as work
from lambdas.api.control import monitoring_models as models
from lambdas.api.control.asked import Route, Tag
from lambdas.api.control.objects import the_catalog
from lambdas.api.control.requests import Nothing
from lambdas.api.control.responses import Receipt
from lambdas.domain.authz.actions import Action
from lambdas.domain.limits.limiter import Traffic

_O = Tag.OPERATIONS

MONITORING: tuple[Route[Any, Any], ...] = (
    Route("getView", "GET", "/views/{view}", "Rows of a monitoring view", _O, (Action.MONITORING_READ,), the_catalog, Nothing,
          models.ViewQuery, models.ViewPage, work.view, traffic=Traffic.READS),
    Route("listIncidents", "GET", "/incidents", "What is or was wrong, by KPI and cause", _O, (Action.INCIDENT_READ,), the_catalog,
          Nothing, models.IncidentQuery, models.IncidentPage, work.incidents, traffic=Traffic.READS),
    Route("getIncident", "GET", "/incidents/{incident_id}", "One incident", _O, (Action.INCIDENT_READ,), the_catalog, Nothing,
          models.OneIncidentQuery, models.IncidentShown, work.incident, traffic=Traffic.READS),
    Route("acknowledgeIncident", "POST", "/incidents/{incident_id}/acknowledge", "Say that someone takes it on", _O,
          (Action.INCIDENT_ACKNOWLEDGE,), the_catalog, models.Acknowledge, models.OneIncidentQuery, Receipt, work.acknowledge),
)  # fmt: skip
