"""Alert routes from the alert policies of an SLO."""

from __future__ import annotations

from collections.abc import Mapping

from kpis.common import Level
from kpis.exchange import openslo_models as spec
from kpis.exchange.draft import Fields
from kpis.exchange.ledger import Ledger
from kpis.exchange.trees import Document, Path

CHANNELS = {
    "slack": "slack",
    "email": "email",
    "opsgenie": "opsgenie",
    "pagerduty": "pagerduty",
    "webhook": "webhook",
    "web-hook": "webhook",
}
SEVERITIES = {level.value: level for level in Level} | {"page": Level.CRITICAL, "ticket": Level.MEDIUM}
_BURN = "a KPI alerts on its verdict and its SLA; burn rates come from its slo"
Objects = Mapping[tuple[str, str], tuple[spec.OpenSloObject, Document]]


class Routes:
    """Reads policies, their conditions and their targets, wherever they are written."""

    def __init__(self, objects: Objects, ledger: Ledger) -> None:
        self._objects = objects
        self._ledger = ledger

    def of(self, slo: spec.Slo, document: Document, kpi_id: str) -> list[Fields]:
        """The routes of an SLO's policies, each once, in order."""
        found: list[Fields] = []
        for number, each in enumerate(slo.spec.alert_policies):
            path: Path = ("spec", "alertPolicies", number)
            if isinstance(each, spec.InlinePolicy):
                found += self._policy(each.spec, document, (*path, "spec"), kpi_id)
            else:
                known = self._objects.get(("AlertPolicy", each.alert_policy_ref))
                if known is not None and isinstance(known[0], spec.AlertPolicy):
                    routes = self._policy(known[0].spec, known[1], ("spec",), kpi_id)
                    if routes:
                        self._ledger.mapped(document, (*path, "alertPolicyRef"), f"{kpi_id}.alerts")
                        self._ledger.mapped(known[1], ("metadata", "name"), f"{kpi_id}.alerts")
                        self._ledger.implied(known[1], ("kind",), "read with the SLO")
                    found += routes
            self._ledger.lost(document, path, "it makes no route: its policy or target is not there, or no channel of ours")
        return [route for index, route in enumerate(found) if route not in found[:index]]

    def _policy(self, policy: spec.AlertPolicySpec, document: Document, path: Path, kpi_id: str) -> list[Fields]:
        severity = self._severity(policy, document, path, kpi_id)
        found: list[Fields] = []
        for number, each in enumerate(policy.notification_targets):
            where = (*path, "notificationTargets", number)
            if isinstance(each, spec.InlineTarget):
                route = self._route(each.spec, each.metadata, document, where, kpi_id)
            else:
                known = self._objects.get(("AlertNotificationTarget", each.target_ref))
                if known is None or not isinstance(known[0], spec.AlertNotificationTarget):
                    continue
                route = self._route(known[0].spec, known[0].metadata, known[1], (), kpi_id)
                if route is not None:
                    self._ledger.mapped(document, (*where, "targetRef"), f"{kpi_id}.alerts")
            if route is not None:
                found.append(route | ({"severity": severity} if severity else {}))
        self._ledger.lost(document, path, _BURN)
        return found

    def _severity(self, policy: spec.AlertPolicySpec, document: Document, path: Path, kpi_id: str) -> str | None:
        condition = policy.conditions[0]
        where: Path = (*path, "conditions", 0, "spec", "severity")
        if isinstance(condition, spec.InlineCondition):
            own = condition.spec
        else:
            known = self._objects.get(("AlertCondition", condition.condition_ref))
            if known is None or not isinstance(known[0], spec.AlertCondition):
                return None
            own, document, where = known[0].spec, known[1], ("spec", "severity")
            self._ledger.lost(document, ("spec", "condition"), _BURN)
        level = SEVERITIES.get(own.severity.lower())
        if level is None:
            self._ledger.lost(document, where, f"no level of ours; known: {', '.join(SEVERITIES)}")
            return None
        self._ledger.mapped(document, where, f"{kpi_id}.alerts")
        return level.value

    def _route(self, target: spec.TargetSpec, metadata: spec.Metadata, document: Document, path: Path, kpi_id: str) -> Fields | None:
        channel = CHANNELS.get(target.target.lower())
        if channel is None:
            self._ledger.lost(
                document, path, f"target '{target.target}' is no channel of ours: {', '.join(sorted(set(CHANNELS.values())))}"
            )
            return None
        self._ledger.mapped(document, (*path, "spec", "target"), f"{kpi_id}.alerts")
        route = metadata.annotations.get("kpi-observatory/route")
        key = ("annotations", "kpi-observatory/route") if route else ("name",)
        self._ledger.mapped(document, (*path, "metadata", *key), f"{kpi_id}.alerts")
        self._ledger.implied(document, (*path, "kind"), "read with the SLO")
        return {"channel": channel, "target": route or metadata.name}
