"""Dashboards, alarms and the times in which they are mute, as the dictionary's renderers describe them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws

from alerts.specs import AlarmSet, CompositeAlarm, Late, MetricAlarm, MetricStat, MuteRule
from dashboards.model import Dashboard
from infra.components.base import Component, Context


@dataclass(frozen=True)
class ObservabilityArgs:
    """`actions`: the topics an alarm tells; `late`: dimension values that exist only after their resources.

    `actions_enabled` False declares alarms that do not act by themselves; `mutes` are over alarms of this stack. `addresses`: what
    stands in dashboards for an address that exists only after its resource, with that address.
    """

    dashboards: Sequence[Dashboard]
    alarms: AlarmSet
    actions: Callable[[MetricAlarm | CompositeAlarm], Sequence[pulumi.Input[str]]]
    late: Mapping[Late, pulumi.Input[str]]
    actions_enabled: bool = True
    mutes: Sequence[MuteRule] = ()
    addresses: Mapping[str, pulumi.Input[Any]] = field(default_factory=dict[str, "pulumi.Input[Any]"])


class Observability(Component):
    """Declares what was rendered; decides nothing."""

    def __init__(self, ctx: Context, args: ObservabilityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Observability", ctx, opts)
        self.args = args
        self.dashboards = [
            aws.cloudwatch.Dashboard(
                each.key, dashboard_name=each.name, dashboard_body=addressed(each.body, args.addresses), opts=self.child()
            )
            for each in args.dashboards
        ]
        self.alarms: dict[str, pulumi.Resource] = {each.name: self._metric_alarm(each) for each in args.alarms.metrics}
        for composite in args.alarms.composites:
            self.alarms[composite.name] = self._composite(composite)
        for rule in args.mutes:
            self._mute(rule)
        self.dashboard_names = [each.dashboard_name for each in self.dashboards]
        self.register_outputs({"dashboards": self.dashboard_names})

    def _metric_alarm(self, alarm: MetricAlarm) -> aws.cloudwatch.MetricAlarm:
        series = alarm.series
        actions = list(self.args.actions(alarm))
        return aws.cloudwatch.MetricAlarm(
            alarm.key,
            name=alarm.name,
            alarm_description=alarm.description,
            comparison_operator=alarm.comparison.value,
            threshold=alarm.threshold,
            evaluation_periods=alarm.periods,
            datapoints_to_alarm=alarm.datapoints,
            treat_missing_data=alarm.missing_data.value,
            namespace=series.namespace if series else None,
            metric_name=series.metric if series else None,
            dimensions=self._dimensions(series) if series else None,
            period=series.period if series else None,
            statistic=series.stat if series and not _percentile(series.stat) else None,
            extended_statistic=series.stat if series and _percentile(series.stat) else None,
            metric_queries=None if series else self._queries(alarm),
            actions_enabled=self.args.actions_enabled,
            alarm_actions=actions,
            ok_actions=actions,
            tags=dict(alarm.tags),
            opts=self.child(),
        )

    def _queries(self, alarm: MetricAlarm) -> list[aws.cloudwatch.MetricAlarmMetricQueryArgs]:
        return [
            aws.cloudwatch.MetricAlarmMetricQueryArgs(
                id=query.id,
                label=query.label,
                expression=query.expression,
                return_data=query.returns,
                metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
                    namespace=query.series.namespace,
                    metric_name=query.series.metric,
                    dimensions=self._dimensions(query.series),
                    stat=query.series.stat,
                    period=query.series.period,
                )
                if query.series
                else None,
            )
            for query in alarm.queries
        ]

    def _composite(self, alarm: CompositeAlarm) -> aws.cloudwatch.CompositeAlarm:
        actions = list(self.args.actions(alarm))
        suppressor = alarm.suppressor
        return aws.cloudwatch.CompositeAlarm(
            alarm.key,
            alarm_name=alarm.name,
            alarm_description=alarm.description,
            alarm_rule=alarm.rule,
            actions_suppressor=aws.cloudwatch.CompositeAlarmActionsSuppressorArgs(
                alarm=suppressor.alarm, wait_period=suppressor.wait, extension_period=suppressor.extension
            )
            if suppressor
            else None,
            actions_enabled=self.args.actions_enabled,
            alarm_actions=actions,
            ok_actions=actions,
            tags=dict(alarm.tags),
            # AWS refuses a rule over an alarm that is not there yet.
            opts=self.child(depends_on=[self.alarms[name] for name in alarm.children if name in self.alarms]),
        )

    def _mute(self, rule: MuteRule) -> None:
        aws.cloudwatch.AlarmMuteRule(
            rule.key,
            name=rule.name,
            description=rule.description,
            rule=aws.cloudwatch.AlarmMuteRuleRuleArgs(
                schedule=aws.cloudwatch.AlarmMuteRuleRuleScheduleArgs(
                    expression=rule.expression, duration=rule.duration, timezone=rule.timezone
                )
            ),
            mute_targets=aws.cloudwatch.AlarmMuteRuleMuteTargetsArgs(alarm_names=list(rule.alarms)),
            start_date=rule.starts,
            expire_date=rule.expires,
            # AWS takes names of existing alarms only.
            opts=self.child(depends_on=[self.alarms[name] for name in rule.alarms]),
        )

    def _dimensions(self, series: MetricStat) -> dict[str, pulumi.Input[str]]:
        return {key: self.args.late[value] if isinstance(value, Late) else value for key, value in series.dimensions.items()}


def addressed(body: str, addresses: Mapping[str, pulumi.Input[Any]]) -> pulumi.Input[str]:
    """A dashboard's body with real addresses in place of those that stand for them."""
    used = {stand_in: address for stand_in, address in addresses.items() if stand_in in body}
    return pulumi.Output.all(**used).apply(lambda known: _put_in(body, known)) if used else body


def _put_in(body: str, addresses: Mapping[str, Any]) -> str:
    for stand_in, address in addresses.items():
        body = body.replace(stand_in, json.dumps(str(address).rstrip("/"))[1:-1])
    return body


def _percentile(stat: str) -> bool:
    return stat.startswith("p") and stat[1:].replace(".", "").isdigit()
