"""The routes about runs that a person starts."""

from __future__ import annotations

from typing import Any

from lambdas.api.control import requests as ask
from lambdas.api.control import responses as tell
from lambdas.api.control import run_now
from lambdas.api.control.asked import Route, Tag
from lambdas.api.control.objects import a_kpi
from lambdas.api.control.run_models import StartRun
from lambdas.domain.authz.actions import Action

RUNS: tuple[Route[Any, Any], ...] = (
    Route(
        "startRun",
        "POST",
        "/kpis/{kpi_id}/run",
        "Run what is active now, also during a pause",
        Tag.OPERATIONS,
        (Action.KPI_RUN,),
        a_kpi,
        StartRun,
        ask.Place,
        tell.Receipt,
        run_now.start,
        status=run_now.ACCEPTED,
    ),
)
