"""What browsing, monitoring and evidence exports need of the world."""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.api.browse import Browser
from lambdas.domain.audit.export_jobs import Exports
from lambdas.domain.monitoring.incident_log import IncidentLog


@dataclass(frozen=True)
class ReadPorts:
    """`browser`: the catalog, runs and results; `incidents`: what the run logs tell of; `exports`: evidence bundles."""

    browser: Browser
    incidents: IncidentLog
    exports: Exports
