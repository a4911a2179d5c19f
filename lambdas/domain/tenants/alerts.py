"""Alerts about runs to whom a tenant's alert routes name (K24): which routes an event concerns, and what their targets are told.

An alert is one message on the tenant's topic, marked with the targets it is for; a target's subscription lets through what has its
mark. So a changed route holds for the next alert, and an address that no route names any more hears nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from kpis.common import Level
from lambdas.domain.tenants.listeners import AlertKind, AlertTarget, ReportSubscription, TenantAlertRoute

_SUBJECT = 100
"""Characters of a subject that SNS takes, of ASCII."""
_TOLD = (
    "run_id", "tenant_id", "environment", "kpi_id", "kpi_name", "contract_version", "status", "verdict", "period", "started_at",
    "finished_at", "retry_seq", "error_code", "error_message", "failed_rules", "criticality", "sla", "anomalies", "links",
)  # fmt: skip
"""What a message says; never the number itself, as mail is not where confidential figures belong."""
_WORDS = {AlertKind.SLA_BREACH: "SLA breach", AlertKind.RUN_FAILED: "failed run", AlertKind.ANOMALY: "unusual run"}


class Routes(Protocol):
    """Alert routes and report subscriptions of tenants, and which pack a KPI is of."""

    def alert_routes(self, tenant_id: str, environment: str) -> Iterator[TenantAlertRoute]: ...

    def subscriptions(self, tenant_id: str, environment: str) -> Iterator[ReportSubscription]: ...

    def pack(self, tenant_id: str, environment: str, kpi_id: str) -> str | None: ...


class AlertTopics(Protocol):
    """The topics of tenants."""

    def publish(self, tenant_id: str, environment: str, alert: Alert) -> None: ...

    def subscribe(self, tenant_id: str, environment: str, target: AlertTarget) -> None:
        """Let a target hear what has its mark; one that hears already is left alone."""
        ...


@dataclass(frozen=True)
class Alert:
    """One message. `marks` are of the targets it is for."""

    kind: AlertKind
    subject: str
    message: Mapping[str, Any]
    marks: tuple[str, ...]


@dataclass(frozen=True)
class Alerts:
    """Tells targets of events of the bus."""

    routes: Routes
    topics: AlertTopics

    def tell(self, event: Mapping[str, Any]) -> int:
        """Tell everybody whom a route of the tenant names for this event; how many targets that are.

        Raises:
            KeyError: when the event names no tenant or no KPI.
            ValueError: when it is of a kind that routes do not know.
        """
        detail: Mapping[str, Any] = event.get("detail") or {}
        kind = AlertKind(str(event.get("detail-type")))
        # Another attempt follows, or somebody decided that it should not run: neither is news.
        if detail.get("will_retry") or detail.get("error_code") == "PAUSED":
            return 0
        tenant_id, environment, kpi_id = str(detail["tenant_id"]), str(detail.get("environment", "prod")), str(detail["kpi_id"])
        routes = [route for route in self.routes.alert_routes(tenant_id, environment) if _wants(route, kind, detail)]
        pack = self.routes.pack(tenant_id, environment, kpi_id) if any(route.pack for route in routes) else None
        marks = sorted({mark(target) for route in routes if _is_about(route, kpi_id, pack) for target in route.targets})
        if marks:
            self.topics.publish(tenant_id, environment, _alert(kind, detail, marks))
        return len(marks)

    def follow(self, tenant_id: str, environment: str) -> None:
        """Subscribe every target that alert routes and report subscriptions name now."""
        entries = (*self.routes.alert_routes(tenant_id, environment), *self.routes.subscriptions(tenant_id, environment))
        targets = {mark(target): target for entry in entries for target in entry.targets}
        for name in sorted(targets):
            self.topics.subscribe(tenant_id, environment, targets[name])


def mark(target: AlertTarget) -> str:
    """What a target's subscription lets through."""
    return hashlib.sha256(f"{target.channel}:{target.address}".encode()).hexdigest()[:16]


def subject_line(text: str) -> str:
    """A text as a subject that SNS takes."""
    return text.encode("ascii", "replace").decode()[:_SUBJECT]


def _wants(route: TenantAlertRoute, kind: AlertKind, detail: Mapping[str, Any]) -> bool:
    # An event that does not say how critical the KPI is concerns everybody.
    level = Level(str(detail.get("criticality") or Level.CRITICAL))
    return kind in route.events and level.rank >= route.severity.rank


def _is_about(route: TenantAlertRoute, kpi_id: str, pack: str | None) -> bool:
    return route.kpi_id == kpi_id or (route.pack is not None and route.pack == pack)


def _alert(kind: AlertKind, detail: Mapping[str, Any], marks: Sequence[str]) -> Alert:
    told = {name: detail[name] for name in _TOLD if detail.get(name) is not None}
    subject = f"{detail['kpi_id']} {_WORDS[kind]} ({detail['tenant_id']} {detail.get('environment', 'prod')})"
    return Alert(kind, subject_line(subject), {"event": kind.value, **told}, tuple(marks))
