"""Every limit of AWS that shapes this product, in one table: default values as AWS documents them, each with its page.

Numbers that live in AWS's own service models (lengths, list sizes) are compared with those by a test; the others with ANCHORS' list.
Where AWS's pages give a value by Region, the row has the smallest, so a plan that passes here passes in any of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from plans.quota import Effect, Quota, Scope

KIB, MIB = 1024, 1024 * 1024
_DOCS = "https://docs.aws.amazon.com"
_CW = f"{_DOCS}/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html"
_CW_API = f"{_DOCS}/AmazonCloudWatch/latest/APIReference"
_DASHBOARD_BODY = f"{_CW_API}/CloudWatch-Dashboard-Body-Structure.html"
_ALARM = f"{_CW_API}/API_PutMetricAlarm.html"
_COMPOSITE = f"{_CW_API}/API_PutCompositeAlarm.html"
_INSIGHTS = f"{_DOCS}/AmazonCloudWatch/latest/monitoring/alarm-limits.html"
_EMF = f"{_DOCS}/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html"
_LOGS = f"{_DOCS}/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"
_SCHEDULER = f"{_DOCS}/scheduler/latest/UserGuide/scheduler-quotas.html"
_GROUPS = f"{_DOCS}/scheduler/latest/UserGuide/managing-schedule-group.html"
_STATES = f"{_DOCS}/step-functions/latest/dg/service-quotas.html"
_FARGATE = f"{_DOCS}/AmazonECS/latest/developerguide/throttling.html"
_RUN_TASK = f"{_DOCS}/AmazonECS/latest/APIReference/API_RunTask.html"
_DYNAMODB = f"{_DOCS}/amazondynamodb/latest/developerguide/ServiceQuotas.html"
_PARTITION = f"{_DOCS}/amazondynamodb/latest/developerguide/bp-partition-key-design.html"
_HTTP_API = f"{_DOCS}/apigateway/latest/developerguide/http-api-quotas.html"
_LAMBDA = f"{_DOCS}/lambda/latest/dg/gettingstarted-limits.html"
_IAM = f"{_DOCS}/IAM/latest/UserGuide/reference_iam-quotas.html"
_EVENTS = f"{_DOCS}/eventbridge/latest/userguide/eb-quota.html"
_SNS = f"{_DOCS}/general/latest/gr/sns.html"
_SECRETS = f"{_DOCS}/secretsmanager/latest/userguide/reference_limits.html"
_COGNITO = f"{_DOCS}/cognito/latest/developerguide/quotas.html"
_KMS = f"{_DOCS}/kms/latest/developerguide/limits.html"
_S3 = f"{_DOCS}/AmazonS3/latest/userguide/BucketRestrictions.html"
_ENDPOINTS = f"{_DOCS}/vpc/latest/privatelink/vpc-limits-endpoints.html"
_FIREHOSE = f"{_DOCS}/firehose/latest/dev/limits.html"
_BUDGETS = f"{_DOCS}/aws-cost-management/latest/APIReference/API_budgets_CreateNotification.html"
_TAGS = f"{_DOCS}/tag-editor/latest/userguide/best-practices-and-strats.html"
_WAF = f"{_DOCS}/waf/latest/developerguide/limits.html"

_ASK = "ask AWS for more in the Service Quotas console, or spread tenants over accounts or Regions"
_SPREAD = "spread the cron expressions of the KPIs over more minutes, or ask AWS for more in the Service Quotas console"
_SPLIT_BOARD = "split the dashboard, or show the top KPIs instead of all"
_SHORTER_ALARM = "shorten the alarm's text in alerts/templates"
_SMALLER_KPI = "shorten the KPI's texts or split its rules over KPIs of their own"
_RESOURCE, _REQUEST, _REGION, _ACCOUNT = Scope.RESOURCE, Scope.REQUEST, Scope.REGION, Scope.ACCOUNT


def _cloudwatch() -> Iterator[Quota]:
    board = "cloudwatch.dashboard"
    yield Quota(f"{board}.widgets", "widgets of a dashboard", 500, "widgets", _RESOURCE, _CW, _SPLIT_BOARD)
    yield Quota(f"{board}.metrics_per_widget", "metrics of a widget", 500, "metrics", _RESOURCE, _CW, _SPLIT_BOARD)
    yield Quota(f"{board}.metrics", "metrics of a dashboard", 2500, "metrics", _RESOURCE, _CW, _SPLIT_BOARD)
    yield Quota(f"{board}.variables", "variables of a dashboard", 25, "variables", _RESOURCE, _DASHBOARD_BODY, _SPLIT_BOARD)
    name = "use shorter deployment, tenant or dashboard names"
    yield Quota(f"{board}.name", "name of a dashboard", 255, "characters", _RESOURCE, f"{_CW_API}/API_PutDashboard.html", name)
    alarm = "cloudwatch.alarm"
    yield Quota(f"{alarm}.name", "name of an alarm", 255, "characters", _RESOURCE, _ALARM, "use shorter deployment, tenant or KPI names")
    yield Quota(f"{alarm}.description", "description of an alarm", 1024, "characters", _RESOURCE, _ALARM, _SHORTER_ALARM)
    yield Quota(f"{alarm}.expression", "one metric math expression", 2048, "characters", _RESOURCE, _ALARM, _SHORTER_ALARM)
    actions = "let one topic tell several people"
    yield Quota(f"{alarm}.actions", "actions of an alarm for one state", 5, "actions", _RESOURCE, _CW, actions)
    math = "aggregate before the alarm: emit the total as a metric of its own"
    yield Quota(f"{alarm}.math_metrics", "metrics in the metric math of an alarm", 10, "metrics", _RESOURCE, _CW, math)
    yield Quota(f"{alarm}.tags", "tags of an alarm", 50, "tags", _RESOURCE, _ALARM, "remove tags from the stack's config")
    window = "use fewer evaluation periods or a shorter period"
    yield Quota(f"{alarm}.window", "period x evaluation periods, periods below 1 h", 86_400, "seconds", _RESOURCE, _ALARM, window)
    yield Quota(f"{alarm}.long_window", "period x evaluation periods, periods from 1 h", 604_800, "seconds", _RESOURCE, _ALARM, window)
    rate = "declare fewer alarms: an opt-in tier instead of one alarm a KPI"
    yield Quota(
        f"{alarm}.put_rate", "PutMetricAlarm calls", 3, "a second", _REGION, _CW, rate, adjustable=True, effect=Effect.SLOWS
    )  # silent upsert by name: a second alarm of the same name replaces the first
    composite = "cloudwatch.composite"
    tree = "put composite alarms over composite alarms"
    yield Quota(f"{composite}.children", "alarms below a composite alarm", 100, "alarms", _RESOURCE, _COMPOSITE, tree)
    yield Quota(f"{composite}.parents", "composite alarms over one alarm", 150, "alarms", _RESOURCE, _COMPOSITE, tree)
    yield Quota(f"{composite}.elements", "elements of an alarm rule", 500, "elements", _RESOURCE, _COMPOSITE, tree)
    yield Quota(f"{composite}.rule", "alarm rule", 10_240, "characters", _RESOURCE, _COMPOSITE, tree)
    insights = "cloudwatch.insights"
    narrow = "narrow the query by namespace or dimension, or alarm on an aggregated metric"
    yield Quota(f"{insights}.metrics", "metrics a Metrics Insights query may match", 10_000, "metrics", _REQUEST, _INSIGHTS, narrow)
    yield Quota(f"{insights}.series", "series a Metrics Insights query returns", 500, "series", _REQUEST, _INSIGHTS, narrow)
    yield Quota(f"{insights}.window", "history a Metrics Insights alarm sees", 10_800, "seconds", _REQUEST, _INSIGHTS, window)
    yield Quota(f"{insights}.alarms", "Metrics Insights alarms", 200, "alarms", _REGION, _CW, _ASK, adjustable=True)
    mute = "use one mute rule for each group of at most 100 alarms"
    yield Quota("cloudwatch.mute.alarms", "alarms of a mute rule", 100, "alarms", _RESOURCE, f"{_CW_API}/API_MuteTargets.html", mute)
    yield Quota("cloudwatch.metric.dimensions", "dimensions of a metric", 30, "dimensions", _RESOURCE, _CW, "use fewer dimensions")
    emf = "emit the metrics in more lines"
    yield Quota("cloudwatch.emf.metrics", "metrics of an embedded metric line", 100, "metrics", _REQUEST, _EMF, emf)
    yield Quota("cloudwatch.emf.bytes", "an embedded metric line", MIB, "bytes", _REQUEST, _EMF, emf)
    yield Quota("logs.group.count", "log groups", 1_000_000, "groups", _REGION, _LOGS, _ASK, adjustable=True)
    yield Quota("logs.filters", "metric filters of a log group", 100, "filters", _RESOURCE, _LOGS, "emit embedded metrics instead")
    yield Quota("logs.query.groups", "log groups of one Logs Insights query", 50, "groups", _REQUEST, _LOGS, "query fewer log groups")
    yield Quota("logs.query.text", "a Logs Insights query", 10_000, "characters", _REQUEST, _LOGS, "shorten the query")


def _schedules_and_runs() -> Iterator[Quota]:
    yield Quota("scheduler.schedules", "schedules", 10_000_000, "schedules", _REGION, _SCHEDULER, _ASK, adjustable=True)
    yield Quota("scheduler.groups", "schedule groups, one a tenant and environment", 500, "groups", _REGION, _GROUPS, _ASK, adjustable=True)
    name = "use shorter deployment, tenant or environment names"
    yield Quota("scheduler.name", "name of a schedule or group", 64, "characters", _RESOURCE, _SCHEDULER, name)
    yield Quota("scheduler.input", "input of a schedule's target", 256 * KIB, "bytes", _RESOURCE, _SCHEDULER, "shorten the request")
    slow = Effect.SLOWS
    group_rate = "onboard tenants one after another"
    yield Quota(
        "scheduler.create_group_rate",
        "CreateScheduleGroup calls",
        10,
        "a second",
        _REGION,
        _SCHEDULER,
        group_rate,
        adjustable=True,
        effect=slow,
    )
    yield Quota("scheduler.create_rate", "CreateSchedule calls", 250, "a second", _REGION, _SCHEDULER, _ASK, adjustable=True, effect=slow)
    yield Quota("scheduler.invocations", "schedules that fire", 500, "a second", _REGION, _SCHEDULER, _SPREAD, adjustable=True, effect=slow)
    payload = "hand on references instead of values between the states"
    yield Quota("states.payload", "input or output of a state", 256 * KIB, "bytes", _REQUEST, _STATES, payload)
    history = "give the KPI fewer retries, or start an execution an attempt"
    yield Quota("states.history", "events of one execution", 25_000, "events", _RESOURCE, _STATES, history)
    yield Quota("states.map", "iterations of an inline Map at once", 40, "iterations", _RESOURCE, _STATES, "use a distributed Map")
    yield Quota("states.definition", "definition of a state machine", MIB, "bytes", _RESOURCE, _STATES, "split the state machine")
    yield Quota("states.start_rate", "StartExecution calls", 150, "a second", _REGION, _STATES, _SPREAD, adjustable=True, effect=slow)
    yield Quota("states.transition_rate", "state transitions", 800, "a second", _REGION, _STATES, _SPREAD, adjustable=True, effect=slow)
    yield Quota("states.open", "executions at once", 1_000_000, "executions", _REGION, _STATES, _SPREAD, adjustable=True)
    heavy = "spread the heavy KPIs over more minutes, or move small ones to the light lane"
    yield Quota("ecs.run_task_rate", "RunTask calls on Fargate", 20, "a second", _REGION, _FARGATE, heavy, adjustable=True)
    yield Quota("ecs.overrides", "overrides of a task, the run's request among them", 8192, "characters", _REQUEST, _RUN_TASK, payload)


def _records() -> Iterator[Quota]:
    yield Quota("dynamodb.item", "an item, attribute names included", 400 * KIB, "bytes", _RESOURCE, _DYNAMODB, _SMALLER_KPI)
    split = "write in more transactions"
    yield Quota("dynamodb.transaction.actions", "actions of a transaction", 100, "actions", _REQUEST, _DYNAMODB, split)
    yield Quota("dynamodb.transaction.bytes", "items of a transaction together", 4 * MIB, "bytes", _REQUEST, _DYNAMODB, _SMALLER_KPI)
    yield Quota("dynamodb.batch_statement", "statements of a batch", 25, "statements", _REQUEST, _DYNAMODB, "write in more batches")
    yield Quota("dynamodb.batch_get", "items of a batch read", 100, "items", _REQUEST, _DYNAMODB, "read in more batches")
    yield Quota("dynamodb.tables", "tables", 2500, "tables", _REGION, _DYNAMODB, _ASK, adjustable=True)
    yield Quota(
        "dynamodb.partition_writes", "write units of one tenant's partition", 1000, "a second", _RESOURCE, _PARTITION, _SPREAD,
        effect=Effect.SLOWS,
    )  # fmt: skip
    yield Quota("firehose.record", "a record", 1000 * KIB, "bytes", _REQUEST, _FIREHOSE, _SMALLER_KPI)
    tenants = "ask AWS for more, up to 5,000, or let several tenants share a prefix of the lake"
    yield Quota(
        "firehose.partitions",
        "tenants a stream writes at once",
        500,
        "partitions",
        _RESOURCE,
        _FIREHOSE,
        tenants,
        adjustable=True,
        most=5000,
    )
    buckets = "share buckets between deployments"
    yield Quota("s3.buckets", "buckets", 10_000, "buckets", _ACCOUNT, _S3, buckets, adjustable=True)
    yield Quota("secretsmanager.secrets", "secrets", 500_000, "secrets", _REGION, _SECRETS, _ASK)
    yield Quota("secretsmanager.value", "a secret's value", 65_536, "bytes", _RESOURCE, _SECRETS, "keep the connection's text short")
    yield Quota("kms.keys", "customer managed keys", 100_000, "keys", _REGION, _KMS, _ASK, adjustable=True)


def _functions_and_access() -> Iterator[Quota]:
    yield Quota("lambda.sync_payload", "request or answer of a function", 6 * MIB, "bytes", _REQUEST, _LAMBDA, "use a smaller page")
    yield Quota("lambda.environment", "environment variables of a function", 4 * KIB, "bytes", _RESOURCE, _LAMBDA, "use shorter names")
    smaller = "leave packages out of lambdas/requirements-*.in, or use an image"
    yield Quota("lambda.zip_upload", "a package uploaded in the request", 50 * MIB, "bytes", _REQUEST, _LAMBDA, "upload through S3, as now")
    yield Quota("lambda.unzipped", "a package unpacked, layers included", 250 * MIB, "bytes", _RESOURCE, _LAMBDA, smaller)
    yield Quota("lambda.timeout", "time of one invocation", 900, "seconds", _RESOURCE, _LAMBDA, "put the KPI into the heavy lane")
    yield Quota(
        "lambda.concurrency", "invocations at once", 1000, "invocations", _REGION, _LAMBDA, _SPREAD, adjustable=True, effect=Effect.SLOWS
    )
    page = "use a smaller page"
    yield Quota("apigateway.timeout", "time of a request to an HTTP API", 30, "seconds", _REQUEST, _HTTP_API, page)
    yield Quota("apigateway.payload", "a request or answer of an HTTP API", 10 * MIB, "bytes", _REQUEST, _HTTP_API, page)
    yield Quota("apigateway.routes", "routes of an HTTP API", 300, "routes", _RESOURCE, _HTTP_API, _ASK, adjustable=True)
    yield Quota("iam.roles", "roles", 1000, "roles", _ACCOUNT, _IAM, _ASK, adjustable=True, most=5000)
    yield Quota("iam.role_name", "name of a role", 64, "characters", _RESOURCE, _IAM, "use shorter deployment or tenant names")
    policy = "merge statements, or use managed policies"
    yield Quota("iam.inline_policies", "inline policies of a role together", 10_240, "characters", _RESOURCE, _IAM, policy)
    yield Quota("iam.trust_policy", "trust policy of a role", 2048, "characters", _RESOURCE, _IAM, policy, adjustable=True, most=8192)
    pool = "serve tenants from more user pools"
    yield Quota("cognito.groups", "groups of a user pool", 10_000, "groups", _RESOURCE, _COGNITO, pool)
    yield Quota("cognito.attributes", "custom attributes of a user pool", 50, "attributes", _RESOURCE, _COGNITO, pool)


def _messages_and_network() -> Iterator[Quota]:
    rules = "merge rules, or use another bus"
    yield Quota("events.rules", "rules of an event bus", 100, "rules", _RESOURCE, _EVENTS, rules, adjustable=True)
    yield Quota("events.targets", "targets of a rule", 5, "targets", _RESOURCE, _EVENTS, "let one topic tell the others")
    yield Quota("events.pattern", "an event pattern", 2048, "characters", _RESOURCE, _EVENTS, "shorten the pattern", adjustable=True)
    yield Quota("events.put_entries", "events of one PutEvents call", 10, "events", _REQUEST, _EVENTS, "publish in more calls")
    yield Quota("sns.topics", "standard topics", 100_000, "topics", _REGION, _SNS, _ASK, adjustable=True)
    yield Quota(
        "sns.filter_policies", "subscriptions of a topic with a filter policy", 200, "policies", _RESOURCE, _SNS, _ASK, adjustable=True
    )
    yield Quota("sns.message", "a message", 256 * KIB, "bytes", _REQUEST, _SNS, "send a link instead of the content")
    yield Quota("vpc.interface_endpoints", "interface endpoints of a VPC", 50, "endpoints", _RESOURCE, _ENDPOINTS, _ASK, adjustable=True)
    people = "send to a distribution list instead of single addresses"
    yield Quota("budgets.subscribers", "addresses and topics of a budget notification", 11, "subscribers", _RESOURCE, _BUDGETS, people)
    yield Quota("tags.count", "tags of a resource", 50, "tags", _RESOURCE, _TAGS, "remove tags from the stack's config")
    yield Quota("tags.key", "key of a tag", 128, "characters", _RESOURCE, _TAGS, "shorten the tag in the stack's config")
    yield Quota("tags.value", "value of a tag", 256, "characters", _RESOURCE, _TAGS, "shorten the tag in the stack's config")
    rules = "remove managed rule groups from the portal's web ACL"
    yield Quota("waf.capacity", "capacity units of a web ACL", 5000, "units", _RESOURCE, _WAF, rules)


def _table() -> Iterator[Quota]:
    yield from _cloudwatch()
    yield from _schedules_and_runs()
    yield from _records()
    yield from _functions_and_access()
    yield from _messages_and_network()


QUOTAS: tuple[Quota, ...] = tuple(_table())


class QuotaError(ValueError):
    """A quota that is not in the table, or a granted value that cannot be."""


def by_key(quotas: Iterable[Quota] = QUOTAS) -> Mapping[str, Quota]:
    """The table by key."""
    return {quota.key: quota for quota in quotas}


def granted(increases: Mapping[str, int]) -> tuple[Quota, ...]:
    """The table with what AWS has granted to an account.

    Raises:
        QuotaError: for an unknown key, a hard limit, or a value AWS never grants.
    """
    known = by_key()
    for key, value in increases.items():
        quota = known.get(key)
        if quota is None:
            raise QuotaError(f"there is no quota '{key}'; `kpi limits --all` lists them")
        if not quota.adjustable:
            raise QuotaError(f"{key} is a hard limit of AWS ({quota.value:,} {quota.unit}); nobody can be granted more")
        if quota.most is not None and value > quota.most:
            raise QuotaError(f"{key}: AWS grants at most {quota.most:,} {quota.unit}, not {value:,}")
    return tuple(replace(quota, value=increases[quota.key]) if quota.key in increases else quota for quota in QUOTAS)
