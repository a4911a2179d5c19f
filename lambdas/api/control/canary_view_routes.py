"""The route to a canary."""

from __future__ import annotations

from typing import Any

from lambdas.api.control import canary_view
from lambdas.api.control.asked import Route, Tag
from lambdas.api.control.canary_view_models import CanaryShown
from lambdas.api.control.objects import a_kpi
from lambdas.api.control.requests import Nothing, Place
from lambdas.domain.authz.actions import Action
from lambdas.domain.limits.limiter import Traffic

CANARIES: tuple[Route[Any, Any], ...] = (
    Route(
        "getCanary",
        "GET",
        "/kpis/{kpi_id}/versions/{ver}/canary",
        "A canary: what both versions delivered so far, and what advancing it would decide",
        Tag.LIFECYCLE,
        (Action.KPI_READ_VERSIONS,),
        a_kpi,
        Nothing,
        Place,
        CanaryShown,
        canary_view.canary,
        traffic=Traffic.READS,
    ),
)
