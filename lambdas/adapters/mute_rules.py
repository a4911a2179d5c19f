"""CloudWatch alarm mute rules, and the names of alarms."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from lambdas.adapters.aws import Clients
from lambdas.domain.reconcile_mutes import MuteRule


class CloudWatchMuteRules:
    """Mute rules of the account and region. An account has few of them, so those of a tenant are found by name among all."""

    def __init__(self, clients: Clients) -> None:
        self._client = clients("cloudwatch")

    def all(self, prefix: str) -> dict[str, MuteRule]:
        """Rules whose name begins with a prefix, by name."""
        found: dict[str, MuteRule] = {}
        for page in self._client.get_paginator("list_alarm_mute_rules").paginate():
            for summary in page["AlarmMuteRuleSummaries"]:
                name = str(summary["AlarmMuteRuleArn"]).rpartition(":")[2]
                rule = self._get(name) if name.startswith(prefix) else None
                if rule is not None:
                    found[name] = rule
        return found

    def _get(self, name: str) -> MuteRule | None:
        try:
            told: dict[str, Any] = self._client.get_alarm_mute_rule(AlarmMuteRuleName=name)
        except self._client.exceptions.ResourceNotFoundException:
            return None
        schedule = told["Rule"]["Schedule"]
        return MuteRule(
            name=name,
            alarms=tuple(sorted(told.get("MuteTargets", {}).get("AlarmNames", ()))),
            starts=_moment(told["StartDate"]) if told.get("StartDate") else datetime.fromtimestamp(0, UTC),
            expires=_moment(told["ExpireDate"]) if told.get("ExpireDate") else None,
            description=str(told.get("Description") or ""),
            expression=str(schedule["Expression"]),
            duration=str(schedule["Duration"]),
        )

    def put(self, rule: MuteRule) -> None:
        """Create the rule, or make it what is given."""
        self._client.put_alarm_mute_rule(
            Name=rule.name,
            Description=rule.description,
            Rule={"Schedule": {"Expression": rule.expression, "Duration": rule.duration, "Timezone": "UTC"}},
            MuteTargets={"AlarmNames": list(rule.alarms)},
            StartDate=rule.starts,
            **({"ExpireDate": rule.expires} if rule.expires else {}),
        )

    def delete(self, name: str) -> None:
        """Remove a rule; one that is gone is what was wanted."""
        try:
            self._client.delete_alarm_mute_rule(AlarmMuteRuleName=name)
        except self._client.exceptions.ResourceNotFoundException:
            return

    def alarms(self, prefix: str) -> Collection[str]:
        """Names of metric alarms that begin with a prefix.

        To see composite ones takes a permission on all alarms of the account (DescribeAlarms, CloudWatch API reference).
        """
        pages = self._client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm"])
        return {str(each["AlarmName"]) for page in pages for each in page["MetricAlarms"]}


def _moment(value: datetime) -> datetime:
    return value.astimezone(UTC).replace(microsecond=0)
