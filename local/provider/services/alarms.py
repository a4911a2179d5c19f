"""CloudWatch alarms and dashboards. How alarms are kept from acting wrongly in the emulator: `local.provider.local_alarms`.

Read takes what the emulator keeps faithfully from the emulator (threshold, period, comparison, actions...), so that a change made
behind the program's back shows, and the rest (metric queries, low-sample percentiles, suppressors, whether actions are enabled) from
the definition.
"""

from typing import Any

from local.provider import local_alarms
from local.provider.framework.context import Context
from local.provider.framework.resource import Inputs, Observed, Resource, Tags, existing
from local.provider.framework.schema import Property, boolean, integer, json_document, listing, mapping, number, record, text
from local.provider.framework.translation import from_aws, omit, pick, to_aws

COMPARISONS = (
    "GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold",
    "LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold",
)  # fmt: skip
ACTIONS: dict[str, Property] = {
    "actionsEnabled": boolean(default=True),
    "alarmActions": listing(text(), unordered=True),
    "okActions": listing(text(), unordered=True),
    "insufficientDataActions": listing(text(), unordered=True),
    "alarmDescription": text(),
}
METRIC: dict[str, Property] = {
    "name": text(computed=True),
    **ACTIONS,
    "comparisonOperator": text(*COMPARISONS),
    "datapointsToAlarm": integer(computed=True),
    "dimensions": mapping(text()),
    "evaluateLowSampleCountPercentiles": text("evaluate", "ignore", computed=True),
    "evaluationPeriods": integer(),
    "extendedStatistic": text(),
    "metricName": text(),
    "metricQueries": listing(
        record(
            {
                "id": text(required=True),
                "accountId": text(),
                "expression": text(),
                "label": text(),
                "metric": record(
                    {
                        "metricName": text(required=True),
                        "namespace": text(),
                        "period": integer(required=True),
                        "stat": text(required=True),
                        "dimensions": mapping(text()),
                        "unit": text(),
                    }
                ),
                "period": integer(),
                "returnData": boolean(),
            }
        ),
        unordered=True,
    ),
    "namespace": text(),
    "period": integer(),
    "statistic": text("SampleCount", "Average", "Sum", "Minimum", "Maximum"),
    "threshold": number(),
    "thresholdMetricId": text(),
    "treatMissingData": text("breaching", "notBreaching", "ignore", "missing", default="missing"),
    "unit": text(),
}
COMPOSITE: dict[str, Property] = {
    "alarmName": text(computed=True),
    "alarmRule": text(required=True),
    "actionsSuppressor": record(
        {"alarm": text(required=True), "waitPeriod": integer(required=True), "extensionPeriod": integer(required=True)}
    ),
    **ACTIONS,
}
SUPPRESSOR = {
    "alarm": "ActionsSuppressor",
    "waitPeriod": "ActionsSuppressorWaitPeriod",
    "extensionPeriod": "ActionsSuppressorExtensionPeriod",
}
"""A record to the SDK, three parameters to AWS."""
NAMES = {
    "name": "AlarmName",
    "okActions": "OKActions",
    "metricQueries": "Metrics",
    "metric": "MetricStat",
    "evaluateLowSampleCountPercentiles": "EvaluateLowSampleCountPercentile",
}
FAITHFUL = (
    "threshold", "period", "evaluationPeriods", "comparisonOperator", "treatMissingData", "datapointsToAlarm", "alarmDescription",
    "alarmActions", "okActions", "insufficientDataActions",
)  # fmt: skip
"""What the emulator stores of a metric alarm as it was put."""
FAITHFUL_COMPOSITE = ("alarmRule", "alarmDescription", "alarmActions", "okActions", "insufficientDataActions")


def listed(dimensions: dict[str, str]) -> list[dict[str, str]]:
    """Dimensions as CloudWatch writes them."""
    return [{"Name": key, "Value": value} for key, value in sorted(dimensions.items())]


def mapped(dimensions: list[dict[str, str]]) -> dict[str, str]:
    """Dimensions as the SDK writes them."""
    return {each["Name"]: each["Value"] for each in dimensions}


def metric_request(inputs: Inputs) -> dict[str, Any]:
    """The true PutMetricAlarm request. A query's metric is split into Metric and the rest of MetricStat."""
    request = to_aws(inputs, METRIC, NAMES)
    if "Dimensions" in request:
        request["Dimensions"] = listed(request["Dimensions"])
    queries: list[dict[str, Any]] = request.get("Metrics", [])
    for query in queries:
        stat = query.get("MetricStat")
        if stat:
            metric = {key: stat.pop(key) for key in ("MetricName", "Namespace") if key in stat}
            query["MetricStat"] = {"Metric": {**metric, "Dimensions": listed(stat.pop("Dimensions", {}))}, **stat}
        query.setdefault("ReturnData", False)
    return request


def metric_inputs(request: dict[str, Any]) -> Inputs:
    """A request as inputs."""
    flat = {**request, "Dimensions": mapped(request["Dimensions"])} if "Dimensions" in request else dict(request)
    queries: list[dict[str, Any]] = []
    for query in request.get("Metrics", []):
        stat = dict(query.get("MetricStat") or {})
        metric = dict(stat.pop("Metric", {}))
        joined = {**metric, "Dimensions": mapped(metric.get("Dimensions", [])), **stat}
        queries.append({**query, "MetricStat": joined} if metric else query)
    return from_aws({**flat, "Metrics": queries or None}, METRIC, NAMES)


def composite_request(inputs: Inputs) -> dict[str, Any]:
    """The true PutCompositeAlarm request."""
    request = to_aws(inputs, omit(COMPOSITE, "actionsSuppressor"), NAMES)
    suppressor: dict[str, Any] = inputs.get("actionsSuppressor") or {}
    return request | {parameter: suppressor[name] for name, parameter in SUPPRESSOR.items() if name in suppressor}


def composite_inputs(request: dict[str, Any]) -> Inputs:
    """A request as inputs."""
    suppressor = {name: request[parameter] for name, parameter in SUPPRESSOR.items() if parameter in request}
    return from_aws(request, omit(COMPOSITE, "actionsSuppressor"), NAMES) | {"actionsSuppressor": suppressor or None}


def put_metric(ctx: Context, inputs: Inputs) -> str:
    """Remember the definition, then put the alarm with its actions off and its mark."""
    request = metric_request(inputs)
    local_alarms.remember(ctx.client("ssm"), request)
    ctx.client("cloudwatch").put_metric_alarm(**{**request, "ActionsEnabled": False})
    mark(ctx, request)
    return str(inputs["name"])


def put_composite(ctx: Context, inputs: Inputs) -> str:
    """Remember the definition, then put the alarm with its actions off and its mark."""
    request = composite_request(inputs)
    local_alarms.remember(ctx.client("ssm"), request)
    ctx.client("cloudwatch").put_composite_alarm(**{**request, "ActionsEnabled": False})
    mark(ctx, request)
    return str(inputs["alarmName"])


def mark(ctx: Context, request: dict[str, Any]) -> None:
    """Tell the agent by tag whether the alarm may act."""
    value = "enabled" if request["ActionsEnabled"] else "disabled"
    tag = {"Key": local_alarms.ACTIONS_TAG, "Value": value}
    ctx.client("cloudwatch").tag_resource(ResourceARN=arn(ctx, request["AlarmName"]), Tags=[tag])


def arn(ctx: Context, name: str) -> str:
    """The ARN of an alarm."""
    return ctx.arn("cloudwatch", f"alarm:{name}")


def described(ctx: Context, name: str, kind: str) -> dict[str, Any] | None:
    """The alarm as the emulator has it."""
    answer = ctx.client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=[kind])
    found: list[dict[str, Any]] = answer.get(f"{kind}s", [])
    return found[0] if found else None


def read_metric(ctx: Context, id: str, state: Inputs) -> Observed | None:
    """See the module's docstring."""
    alarm = described(ctx, id, "MetricAlarm")
    if alarm is None:
        return None
    definition = local_alarms.recall(ctx.client("ssm"), id) or {"AlarmName": id, **alarm}
    told = from_aws(alarm, pick(METRIC, *FAITHFUL), NAMES)
    # The emulator answers its defaults for what a metric-math alarm leaves out.
    meant = metric_inputs(definition)
    faithful = {key: value for key, value in told.items() if meant.get(key) is not None or value not in (None, 0, 60, 1, "", [])}
    return Observed({**meant, **faithful}, {"arn": arn(ctx, id)})


def read_composite(ctx: Context, id: str, state: Inputs) -> Observed | None:
    """See the module's docstring."""
    alarm = described(ctx, id, "CompositeAlarm")
    if alarm is None:
        return None
    definition = local_alarms.recall(ctx.client("ssm"), id) or {"AlarmName": id, **alarm}
    faithful = from_aws(alarm, pick(COMPOSITE, *FAITHFUL_COMPOSITE), NAMES)
    return Observed({**composite_inputs(definition), **faithful}, {"arn": arn(ctx, id)})


def delete(ctx: Context, id: str, state: Inputs) -> None:
    """Remove the alarm, then its definition."""
    ctx.client("cloudwatch").delete_alarms(AlarmNames=[id])
    local_alarms.forget(ctx.client("ssm"), id)


def read_tags(ctx: Context, id: str, state: Inputs) -> dict[str, str]:
    """The alarm's tags, without our mark."""
    tags = ctx.client("cloudwatch").list_tags_for_resource(ResourceARN=arn(ctx, id)).get("Tags", [])
    return {tag["Key"]: tag["Value"] for tag in tags if tag["Key"] != local_alarms.ACTIONS_TAG}


def write_tags(ctx: Context, id: str, inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    client = ctx.client("cloudwatch")
    if changed:
        client.tag_resource(ResourceARN=arn(ctx, id), Tags=[{"Key": key, "Value": value} for key, value in changed.items()])
    if removed:
        client.untag_resource(ResourceARN=arn(ctx, id), TagKeys=removed)


def put_dashboard(ctx: Context, inputs: Inputs) -> str:
    """Write the dashboard."""
    ctx.client("cloudwatch").put_dashboard(**to_aws(inputs, DASHBOARD))
    return str(inputs["dashboardName"])


def read_dashboard(ctx: Context, id: str, state: Inputs) -> Observed:
    """Everything is given back by AWS."""
    body = ctx.client("cloudwatch").get_dashboard(DashboardName=id)["DashboardBody"]
    return Observed({"dashboardName": id, "dashboardBody": body}, {"dashboardArn": ctx.arn("cloudwatch", f"dashboard/{id}", region="")})


def find_dashboard(ctx: Context, inputs: Inputs) -> str | None:
    """A dashboard of that name (a put would overwrite it)."""
    return existing(ctx, lambda: ctx.client("cloudwatch").get_dashboard(DashboardName=inputs["dashboardName"]), inputs["dashboardName"])


def rewrite_metric(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """A put replaces it."""
    put_metric(ctx, new)


def rewrite_composite(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """A put replaces it."""
    put_composite(ctx, new)


def rewrite_dashboard(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """A put replaces it."""
    put_dashboard(ctx, new)


DASHBOARD: dict[str, Property] = {"dashboardName": text(required=True), "dashboardBody": json_document(required=True, ordered=True)}
TAGGED = Tags(read_tags, write_tags)
RESOURCES = (
    Resource(
        token="aws:cloudwatch/metricAlarm:MetricAlarm",
        name="name",
        inputs=METRIC,
        outputs=("arn",),
        create=put_metric,
        read=read_metric,
        update=rewrite_metric,
        delete=delete,
        find=lambda ctx, inputs: inputs["name"] if described(ctx, inputs["name"], "MetricAlarm") else None,
        tags=TAGGED,
    ),
    Resource(
        token="aws:cloudwatch/compositeAlarm:CompositeAlarm",
        name="alarmName",
        inputs={**COMPOSITE, "alarmName": text(required=True)},
        outputs=("arn",),
        create=put_composite,
        read=read_composite,
        update=rewrite_composite,
        delete=delete,
        find=lambda ctx, inputs: inputs["alarmName"] if described(ctx, inputs["alarmName"], "CompositeAlarm") else None,
        tags=TAGGED,
    ),
    Resource(
        token="aws:cloudwatch/dashboard:Dashboard",
        name="dashboardName",
        inputs=DASHBOARD,
        outputs=("dashboardArn",),
        create=put_dashboard,
        read=read_dashboard,
        update=rewrite_dashboard,
        delete=lambda ctx, id, state: ctx.client("cloudwatch").delete_dashboards(DashboardNames=[id]),
        find=find_dashboard,
    ),
)
