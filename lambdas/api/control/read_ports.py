"""What browsing, monitoring, evidence exports and reports need of the world."""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.api.browse import Browser
from lambdas.domain.audit.export_jobs import Exports
from lambdas.domain.monitoring.incident_log import IncidentLog
from lambdas.domain.reports.made import Links


@dataclass(frozen=True)
class ReadPorts:
    """`browser`: the catalog, runs and results; `incidents`: what the run logs tell of; `exports`: evidence bundles; `reports`: links."""

    browser: Browser
    incidents: IncidentLog
    exports: Exports
    reports: Links
