"""The route of reports. They hold delivered values, so whoever may read results may read them."""

from __future__ import annotations

from typing import Any

from lambdas.api.control import reports as work
from lambdas.api.control.asked import Route, Tag
from lambdas.api.control.objects import the_catalog
from lambdas.api.control.reports_models import ReportPage
from lambdas.api.control.requests import List, Nothing
from lambdas.domain.authz.actions import Action
from lambdas.domain.limits.limiter import Traffic

REPORTS: tuple[Route[Any, Any], ...] = (
    Route("listReports", "GET", "/report-subscriptions/{subscription_id}/reports", "Reports that were made, newest first", Tag.TENANT,
          (Action.RESULT_READ,), the_catalog, Nothing, List, ReportPage, work.reports, traffic=Traffic.READS),
)  # fmt: skip
