"""CloudWatch dashboards."""

from __future__ import annotations

import json
from collections.abc import Iterator

from lambdas.adapters.aws import Clients
from lambdas.domain.reconcile_dashboards import same_form


class CloudWatchDashboards:
    """Dashboards of the account and region."""

    def __init__(self, clients: Clients) -> None:
        self._client = clients("cloudwatch")

    def names(self, prefix: str) -> Iterator[str]:
        """Names of dashboards that begin with a prefix."""
        for page in self._client.get_paginator("list_dashboards").paginate(DashboardNamePrefix=prefix):
            for entry in page["DashboardEntries"]:
                yield str(entry["DashboardName"])

    def body(self, name: str) -> str | None:
        """What a dashboard shows, as JSON in one form; None when it is gone."""
        try:
            return same_form(json.loads(self._client.get_dashboard(DashboardName=name)["DashboardBody"]))
        except self._client.exceptions.DashboardNotFoundError:
            return None

    def put(self, name: str, body: str) -> None:
        """Create the dashboard, or make it what is given."""
        self._client.put_dashboard(DashboardName=name, DashboardBody=body)

    def delete(self, name: str) -> None:
        """Remove it; one that is gone is what was wanted."""
        try:
            self._client.delete_dashboards(DashboardNames=[name])
        except self._client.exceptions.DashboardNotFoundError:
            return
