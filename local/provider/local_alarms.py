"""What the embedded system remembers of CloudWatch alarms, because the emulator does not: the convention between provider and agent.

The emulator drops metric queries, ignores dimensions when it evaluates, and would fire actions wrongly. So for each alarm the provider

- keeps the whole `PutMetricAlarm` / `PutCompositeAlarm` request, true `ActionsEnabled` and actions included, as JSON in the SSM
  parameter `/kpi-local/alarms/{sha256(AlarmName)[:32]}` (the definition);
- puts the alarm itself with its true metric, dimensions, threshold and actions, but `ActionsEnabled=False`, so that the emulator never
  acts; and tags it `kpi:local-actions` = `enabled` or `disabled`, the true value. Both tags and parameter are invisible to `refresh`.

Who evaluates alarms (the agent) calls `local_alarms()`, decides the state, calls `set_alarm_state`, and sends the actions itself when
`ActionsEnabled` of the definition is true. It must compare with the state it set last, not with the emulator's `StateValue`
alone: the emulator re-evaluates simple alarms at every `put_metric_data`, ignoring dimensions, and may overwrite the state.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

PREFIX = "/kpi-local/alarms/"
ACTIONS_TAG = "kpi:local-actions"


@dataclass(frozen=True)
class LocalAlarm:
    """One alarm: its true definition (boto3's request shape) and its state in the emulator."""

    name: str
    composite: bool
    definition: dict[str, Any]
    state: str
    """OK, ALARM or INSUFFICIENT_DATA."""
    arn: str


def parameter(name: str) -> str:
    """Where an alarm's definition is kept. Alarm names may hold characters that parameter names may not."""
    return PREFIX + hashlib.sha256(name.encode()).hexdigest()[:32]


def remember(ssm: Any, request: dict[str, Any]) -> None:
    """Keep the definition (up to 8 KB, which is what an advanced parameter holds)."""
    body = json.dumps(request, sort_keys=True)
    ssm.put_parameter(Name=parameter(request["AlarmName"]), Value=body, Type="String", Tier="Advanced", Overwrite=True)


def recall(ssm: Any, name: str) -> dict[str, Any] | None:
    """The definition, or None when the provider did not make this alarm."""
    try:
        return dict(json.loads(ssm.get_parameter(Name=parameter(name))["Parameter"]["Value"]))
    except ssm.exceptions.ParameterNotFound:
        return None


def forget(ssm: Any, name: str) -> None:
    """Drop the definition; one already gone is fine."""
    try:
        ssm.delete_parameter(Name=parameter(name))
    except ssm.exceptions.ParameterNotFound:
        return


def local_alarms(cloudwatch: Any, ssm: Any) -> Iterator[LocalAlarm]:
    """Every alarm of the emulator that the provider made, with its true definition."""
    definitions: dict[str, dict[str, Any]] = {}
    for page in ssm.get_paginator("get_parameters_by_path").paginate(Path=PREFIX.rstrip("/"), Recursive=True):
        for each in page["Parameters"]:
            definition = json.loads(each["Value"])
            definitions[definition["AlarmName"]] = definition
    for page in cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm", "CompositeAlarm"]):
        for kind in ("MetricAlarms", "CompositeAlarms"):
            for alarm in page.get(kind, []):
                definition = definitions.get(alarm["AlarmName"])
                if definition is not None:
                    yield LocalAlarm(alarm["AlarmName"], kind == "CompositeAlarms", definition, alarm["StateValue"], alarm["AlarmArn"])
