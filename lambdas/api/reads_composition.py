"""Puts together what browsing, monitoring and evidence exports need of a deployment."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from lambdas.adapters.aws import Clients, Secrets
from lambdas.adapters.evidence_exports import PREFIX, EvidenceObjects
from lambdas.adapters.links import link_signer
from lambdas.adapters.result_store import result_store
from lambdas.adapters.settings import Settings
from lambdas.api.browse import Browser, LogPages
from lambdas.api.control.health import Health, Part
from lambdas.api.control.read_ports import ReadPorts
from lambdas.domain.monitoring.incident_log import IncidentLog
from lambdas.domain.ports import ResultReader


def read_ports(settings: Settings, clients: Clients, logs: LogPages, results: Callable[[], ResultReader]) -> ReadPorts:
    """The ports; the result store is connected to when it is first asked."""
    from lambdas.adapters.catalog import DynamoCatalog
    from lambdas.adapters.monitoring_reads import DynamoIncidentReads
    from lambdas.adapters.report_links import ReportLinks

    @cache
    def signer() -> Any:
        return link_signer(settings.region)

    catalog = DynamoCatalog(clients, settings.catalog_table)
    return ReadPorts(
        browser=Browser(catalog, logs, results),
        incidents=IncidentLog(DynamoIncidentReads(clients, settings.catalog_table, settings.log_tables)),
        exports=EvidenceObjects(clients, settings.artifacts_bucket, signer),
        reports=ReportLinks(settings.artifacts_bucket, signer),
    )


def health(settings: Settings, clients: Clients) -> Health:
    """What tells whether the deployment's parts answer, with a connection to the result store of its own."""
    from lambdas.adapters import probes

    # A probe that hangs is left behind in its thread, and calls may not share a connection with it.
    results = result_store(clients, Secrets(), settings.result_store_secret)
    return Health(
        {
            Part.CATALOG: probes.item_probe(clients, settings.catalog_table),
            Part.AUDIT_LOG: probes.item_probe(clients, settings.audit_table),
            Part.RUN_LOGS: probes.query_probe(clients, settings.log_tables),
            Part.RESULT_STORE: probes.store_probe(results),
            Part.OBJECTS: probes.object_probe(clients, settings.artifacts_bucket, PREFIX),
            Part.SECRETS: probes.secret_probe(clients, settings.result_store_secret),
        }
    )
