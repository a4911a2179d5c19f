"""The agent's alarm evaluator over a CloudWatch in memory."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.agent.alarms import AlarmEvaluator
from local.agent.status import AgentStatus, StatusFile
from local.agent.store import EventKey, Sample, Store
from tests.unit.agent.cloud import Pages, client_error

TOPIC = "arn:aws:sns:us-east-1:123456789012:kpi-local-alerts-ops"
ACME = (("environment", "prod"), ("tenant_id", "acme"))
OTHER = (("environment", "prod"), ("tenant_id", "other"))


def listed(dimensions: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in dimensions]


def alarm(name: str, dimensions: tuple[tuple[str, str], ...] = ACME, **changes: Any) -> dict[str, Any]:
    return {
        "AlarmName": name,
        "AlarmDescription": "Runbook: docs/runbooks/sla-breaches.md",
        "ActionsEnabled": True,
        "AlarmActions": [TOPIC],
        "Namespace": "KpiObservatory",
        "MetricName": "SlaBreaches",
        "Dimensions": listed(dimensions),
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        **changes,
    }


@dataclass
class Cloud:
    account_id = "123456789012"
    region = "us-east-1"
    definitions: list[dict[str, Any]] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    datapoints: list[dict[str, Any]] = field(default_factory=list)
    published: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    sns_is: str = "up"
    reasons: dict[str, str] = field(default_factory=dict)
    mute_rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    mute_calls: list[str] = field(default_factory=list)

    def __call__(self, _service: str) -> Cloud:
        return self

    def get_paginator(self, name: str) -> Pages:
        if name == "get_parameters_by_path":
            return Pages([{"Parameters": [{"Value": json.dumps(each)} for each in self.definitions]}])
        assert name == "describe_alarms"
        alarms = [
            {
                "AlarmName": each["AlarmName"],
                "AlarmArn": f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{each['AlarmName']}",
                "StateValue": self.states.get(each["AlarmName"], "INSUFFICIENT_DATA"),
                "AlarmRule": each.get("AlarmRule"),
            }
            for each in self.definitions
        ]
        return Pages(
            [
                {
                    "MetricAlarms": [each for each in alarms if not each["AlarmRule"]],
                    "CompositeAlarms": [each for each in alarms if each["AlarmRule"]],
                }
            ]
        )

    def list_alarm_mute_rules(self, **more: str) -> dict[str, Any]:
        self.mute_calls.append("list")
        names = sorted(self.mute_rules)
        page = names[1:] if more else names[:1]
        summaries = [{"AlarmMuteRuleArn": f"arn:aws:cloudwatch:us-east-1:123456789012:alarm-mute-rule:{name}"} for name in page]
        return {"AlarmMuteRuleSummaries": summaries, **({} if more or len(names) < 2 else {"NextToken": "2"})}

    def get_alarm_mute_rule(self, *, AlarmMuteRuleName: str) -> dict[str, Any]:  # noqa: N803
        self.mute_calls.append(AlarmMuteRuleName)
        return self.mute_rules[AlarmMuteRuleName]

    def set_alarm_state(self, **arguments: str) -> None:
        self.states[arguments["AlarmName"]] = arguments["StateValue"]
        self.reasons[arguments["AlarmName"]] = arguments["StateReason"]

    def describe_alarms(self, *, AlarmNames: list[str], AlarmTypes: list[str]) -> dict[str, Any]:  # noqa: N803
        (name,), (kind,) = AlarmNames, AlarmTypes
        return {f"{kind}s": [{"StateValue": self.states[name], "StateReason": self.reasons[name]}]}

    def list_metrics(self, **_arguments: str) -> dict[str, Any]:
        return {"Metrics": self.metrics}

    def get_metric_statistics(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(arguments)
        return {"Datapoints": self.datapoints}

    def publish(self, **arguments: str) -> None:
        if self.sns_is == "down":
            raise ConnectionError("the emulator is down")
        if self.sns_is == "without the topic":
            raise client_error("NotFound")
        self.published.append(arguments)

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.events += Entries
        return {"Entries": [{"EventId": "1"}]}


class Rig:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cloud = Cloud()
        self.status = StatusFile(folder / "status.json", AgentStatus(pid=1, started_at=0, written_at=0))
        self.restart()

    def restart(self) -> None:
        self.store = Store(self.folder / "agent.sqlite")
        self.evaluator = AlarmEvaluator(self.cloud, self.store, self.status)  # type: ignore[arg-type]

    def sample(self, value: float, dimensions: tuple[tuple[str, str], ...] = ACME, *, ago: float = 5, metric: str = "SlaBreaches") -> None:
        made = Sample("KpiObservatory", metric, dimensions, time.time() - ago, value, 1.0, "Count")
        self.store.record_events("g", [EventKey("s", 1, 1)], [made], 1, 0)

    def step(self, *definitions: dict[str, Any]) -> dict[str, str]:
        self.cloud.definitions = list(definitions) or self.cloud.definitions
        self.evaluator.step()
        return self.cloud.states

    def saved_status(self) -> dict[str, Any]:
        self.status.write()
        return json.loads((self.folder / "status.json").read_text())

    def published(self) -> list[tuple[str, str]]:
        """The alarms and states that topics were told of."""
        messages = [json.loads(each["Message"]) for each in self.cloud.published]
        return [(each["AlarmName"], each["NewStateValue"]) for each in messages]
