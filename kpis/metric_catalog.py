"""The CloudWatch metrics that alarms and dashboards may name: ours, and those AWS services publish of what the product is made of.

CloudWatch takes any name and any dimensions and then shows nothing and never alarms, so a misspelt reference is found here or nowhere.
AWS's metrics and dimensions are from the monitoring page of each service's own guide, linked below.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from kpis.metric_names import FLEET_DIMENSION_SETS, KPI_DIMENSIONS, NAMESPACE, TIER_0_METRICS, Metric

Dimensions = frozenset[str]


@dataclass(frozen=True)
class _Family:
    """Metrics of one namespace that have the same dimension sets."""

    metrics: str
    dimensions: tuple[str, ...]
    """Each set as names with blanks between them; "" is the series without dimensions."""


# One entry for each namespace: its families, each "metrics", ("dimension set", ...).
_AWS: Mapping[str, tuple[_Family, ...]] = {
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    "AWS/Lambda": (
        _Family(
            "Invocations Errors DeadLetterErrors DestinationDeliveryFailures Throttles Duration PostRuntimeExtensionsDuration "
            "AsyncEventsReceived AsyncEventAge AsyncEventsDropped ConcurrentExecutions",
            ("FunctionName", "FunctionName Resource", "FunctionName Resource ExecutedVersion", ""),
        ),
        _Family("IteratorAge", ("FunctionName", "FunctionName Resource")),
        _Family("UnreservedConcurrentExecutions", ("",)),
    ),
    # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
    "AWS/States": (
        _Family(
            "ExecutionsStarted ExecutionsSucceeded ExecutionsFailed ExecutionsTimedOut ExecutionsAborted ExecutionThrottled ExecutionTime",
            ("StateMachineArn",),
        ),
    ),
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    "AWS/SQS": (
        _Family(
            "ApproximateNumberOfMessagesVisible ApproximateNumberOfMessagesNotVisible ApproximateNumberOfMessagesDelayed "
            "ApproximateAgeOfOldestMessage NumberOfMessagesSent NumberOfMessagesReceived NumberOfMessagesDeleted "
            "NumberOfEmptyReceives SentMessageSize",
            ("QueueName",),
        ),
    ),
    # https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html
    "AWS/SNS": (
        _Family(
            "NumberOfMessagesPublished NumberOfNotificationsDelivered NumberOfNotificationsFailed "
            "NumberOfNotificationsFailedToRedriveToDlq NumberOfNotificationsRedrivenToDlq PublishSize",
            ("TopicName",),
        ),
    ),
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
    "AWS/ApiGateway": (
        _Family("4xx 5xx Count IntegrationLatency Latency DataProcessed", ("ApiId", "ApiId Stage", "ApiId Stage Resource Method")),
    ),
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
    "AWS/DynamoDB": (
        _Family(
            "ConsumedReadCapacityUnits ConsumedWriteCapacityUnits ReadThrottleEvents WriteThrottleEvents",
            ("TableName", "TableName GlobalSecondaryIndexName"),
        ),
        _Family("ConditionalCheckFailedRequests TimeToLiveDeletedItemCount TransactionConflict", ("TableName",)),
        _Family("ThrottledRequests SystemErrors SuccessfulRequestLatency ReturnedItemCount", ("TableName Operation",)),
        _Family("UserErrors", ("",)),
    ),
    # https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-metrics.html
    "AWS/Firehose": (
        _Family(
            "DeliveryToS3.Bytes DeliveryToS3.DataFreshness DeliveryToS3.Records DeliveryToS3.Success IncomingBytes IncomingRecords "
            "IncomingPutRequests ThrottledRecords SucceedConversion.Records FailedConversion.Records SucceedProcessing.Records",
            ("DeliveryStreamName",),
        ),
    ),
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
    "AWS/Events": (
        _Family(
            "Invocations FailedInvocations InvocationAttempts InvocationsSentToDlq InvocationsFailedToBeSentToDlq MatchedEvents "
            "TriggeredRules ThrottledRules RetryInvocationAttempts",
            ("RuleName", "EventBusName RuleName", "EventBusName", ""),
        ),
    ),
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html
    "AWS/Scheduler": (
        _Family(
            "InvocationAttemptCount TargetErrorCount TargetErrorThrottledCount InvocationThrottleCount InvocationDroppedCount "
            "InvocationsSentToDeadLetterCount InvocationsFailedToBeSentToDeadLetterCount",
            ("ScheduleGroup", ""),
        ),
    ),
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html
    "AWS/ECS": (_Family("CPUUtilization MemoryUtilization", ("ClusterName", "ClusterName ServiceName")),),
    # https://docs.aws.amazon.com/athena/latest/ug/query-metrics-viewing.html
    "AWS/Athena": (
        _Family(
            "TotalExecutionTime EngineExecutionTime QueryQueueTime QueryPlanningTime ServiceProcessingTime ProcessedBytes",
            ("WorkGroup", "WorkGroup QueryState QueryType"),
        ),
    ),
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html
    "AWS/S3": (_Family("BucketSizeBytes NumberOfObjects", ("BucketName StorageType",)),),
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html
    "AWS/Logs": (_Family("IncomingBytes IncomingLogEvents", ("LogGroupName", "")),),
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/programming-cloudwatch-metrics.html
    "AWS/CloudFront": (
        _Family("Requests BytesDownloaded BytesUploaded 4xxErrorRate 5xxErrorRate TotalErrorRate", ("DistributionId Region",)),
    ),
    # https://docs.aws.amazon.com/waf/latest/developerguide/waf-metrics.html
    "AWS/WAFV2": (_Family("AllowedRequests BlockedRequests CountedRequests", ("WebACL Rule", "WebACL Rule Region")),),
    # https://docs.aws.amazon.com/cognito/latest/developerguide/metrics-for-cognito-user-pools.html
    "AWS/Cognito": (_Family("SignInSuccesses SignInThrottles TokenRefreshSuccesses TokenRefreshThrottles", ("UserPool UserPoolClient",)),),
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.AuroraMonitoring.Metrics.html
    "AWS/RDS": (
        _Family(
            "CPUUtilization DatabaseConnections ServerlessDatabaseCapacity ACUUtilization FreeableMemory",
            ("DBClusterIdentifier", "DBInstanceIdentifier", "DBClusterIdentifier Role"),
        ),
    ),
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/monitor_estimated_charges_with_cloudwatch.html
    "AWS/Billing": (_Family("EstimatedCharges", ("Currency", "Currency ServiceName", "Currency LinkedAccount")),),
}


def _table() -> dict[str, dict[str, tuple[Dimensions, ...]]]:
    found = {
        namespace: {
            metric: tuple(frozenset(each.split()) for each in family.dimensions) for family in families for metric in family.metrics.split()
        }
        for namespace, families in _AWS.items()
    }
    fleet = tuple(frozenset(each) for each in FLEET_DIMENSION_SETS)
    own = (frozenset(KPI_DIMENSIONS),)
    found[NAMESPACE] = {str(metric): own if metric in TIER_0_METRICS else fleet for metric in Metric}
    return found


CATALOG: Mapping[str, Mapping[str, tuple[Dimensions, ...]]] = _table()
"""Namespace to metric to the sets of dimension names under which the metric has series."""


def check_reference(namespace: str, metric: str, dimensions: Mapping[str, object] | Collection[str]) -> str | None:
    """What is wrong with a reference to a metric, in words; None when such series exist.

    `dimensions` are names, or names with values. The check is of names: which values exist is known to the deployment alone.
    """
    names = frozenset(dimensions)
    metrics = CATALOG.get(namespace)
    if metrics is None:
        return f"namespace '{namespace}' is unknown{_nearest(namespace, CATALOG)}; a new one is declared in kpis/metric_catalog.py"
    allowed = metrics.get(metric)
    if allowed is None:
        return f"metric '{metric}' does not exist in {namespace}{_nearest(metric, metrics)}"
    if names in allowed:
        return None
    return f"{namespace} {metric} has no series by {_words(names)}; it has them by {', or by '.join(_words(each) for each in allowed)}"


def _words(names: Dimensions) -> str:
    return " + ".join(sorted(names)) or "no dimension"


def _nearest(word: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(word, sorted(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else f"; expected one of {', '.join(sorted(known))}"
