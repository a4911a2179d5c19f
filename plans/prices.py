"""The list prices of everything a deployment uses, in one table: US dollars without tax, discounts and free tiers.

Each row names AWS's own page and was last checked on the day in `CHECKED`. Free tiers are left out, since an account has them once,
whatever else runs in it (the two that are part of a price's tiers, CloudFront's and Cognito's, are kept).
Where only the price of N. Virginia could be established, it stands for other Regions too, and the bill names those lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal

from plans.price import HOME, Price, Tier

CHECKED = date(2026, 11, 21)
EVERYWHERE = ("us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-central-1")
"""Regions for which AWS's page shows the same price as N. Virginia's, where a row says so."""
_AWS = "https://aws.amazon.com"
_CLOUDWATCH = f"{_AWS}/cloudwatch/pricing/"
_LAMBDA = f"{_AWS}/lambda/pricing/"
_STATES = f"{_AWS}/step-functions/pricing/"
_EVENTS = f"{_AWS}/eventbridge/pricing/"
_DYNAMODB = f"{_AWS}/dynamodb/pricing/on-demand/"
_FIREHOSE = f"{_AWS}/firehose/pricing/"
_S3 = f"{_AWS}/s3/pricing/"
_KMS = f"{_AWS}/kms/pricing/"
_SECRETS = f"{_AWS}/secrets-manager/pricing/"
_SNS = f"{_AWS}/sns/pricing/"
_SQS = f"{_AWS}/sqs/pricing/"
_API = f"{_AWS}/api-gateway/pricing/"
_CLOUDFRONT = f"{_AWS}/cloudfront/pricing/pay-as-you-go/"
_WAF = f"{_AWS}/waf/pricing/"
_FARGATE = f"{_AWS}/fargate/pricing/"
_AURORA = f"{_AWS}/rds/aurora/pricing/"
_REDSHIFT = f"{_AWS}/redshift/pricing/"
_VPC = f"{_AWS}/vpc/pricing/"
_PRIVATELINK = f"{_AWS}/privatelink/pricing/"
_COGNITO = f"{_AWS}/cognito/pricing/"
_BACKUP = f"{_AWS}/backup/pricing/"
_ATHENA = f"{_AWS}/athena/pricing/"
_ECR = f"{_AWS}/ecr/pricing/"
Steps = tuple[tuple[str, str | None], ...]


def _tiers(steps: str | Steps) -> tuple[Tier, ...]:
    """One price for everything, or prices each with where it ends."""
    pairs: Steps = ((steps, None),) if isinstance(steps, str) else steps
    return tuple(Tier(Decimal(price), None if end is None else Decimal(end)) for price, end in pairs)


def _row(key: str, what: str, unit: str, source: str, steps: str | Steps, **elsewhere: str | Steps) -> Price:
    """A row; prices of other Regions are given as `eu_central_1=...`."""
    regions = {HOME: steps} | {region.replace("_", "-"): other for region, other in elsewhere.items()}
    return Price(key, what, unit, {region: _tiers(each) for region, each in regions.items()}, source, CHECKED)


def _same(key: str, what: str, unit: str, source: str, steps: str | Steps) -> Price:
    """A row whose price AWS shows alike for the Regions of `EVERYWHERE`."""
    return Price(key, what, unit, dict.fromkeys(EVERYWHERE, _tiers(steps)), source, CHECKED)


def _cloudwatch() -> Iterator[Price]:
    tiers = (("0.30", "10000"), ("0.10", "250000"), ("0.05", "1000000"), ("0.02", None))
    yield _same("cloudwatch.metric", "custom metrics, by the hour in which they get data", "metric-months", _CLOUDWATCH, tiers)
    yield _same("cloudwatch.alarm", "standard alarms, each metric of their math", "alarm-metrics", _CLOUDWATCH, "0.10")
    yield _same("cloudwatch.composite", "composite alarms", "alarms", _CLOUDWATCH, "0.50")
    yield _same("cloudwatch.anomaly_alarm", "anomaly detection alarms: three metrics each", "alarms", _CLOUDWATCH, "0.30")
    yield _same("cloudwatch.dashboard", "dashboards", "dashboards", _CLOUDWATCH, "3.00")
    yield _row("cloudwatch.metric_reads", "metrics read by GetMetricData", "metrics", _CLOUDWATCH, "0.00001")
    yield _row("logs.ingest", "log data taken in", "GB", _CLOUDWATCH, "0.50", eu_central_1="0.63")
    yield _row("logs.store", "compressed log data kept", "GB-months", _CLOUDWATCH, "0.03")
    yield _row("logs.scan", "log data read by Logs Insights", "GB", _CLOUDWATCH, "0.005")


def _runs() -> Iterator[Price]:
    compute = (("0.0000133334", "7500000000"), ("0.0000120001", "18750000000"), ("0.0000106667", None))
    yield _row("lambda.requests", "invocations", "requests", _LAMBDA, "0.0000002")
    yield _row("lambda.compute", "memory and time on arm64", "GB-seconds", _LAMBDA, compute)
    yield _same("states.transitions", "state transitions of standard workflows", "transitions", _STATES, "0.000025")
    yield _row("scheduler.invocations", "schedules that fire", "invocations", _EVENTS, "0.000001")
    yield _row("events.custom", "events published, 64 KB each", "events", _EVENTS, "0.000001")
    yield _row("events.archive", "events put into the archive", "GB", _EVENTS, "0.10")
    yield _row("events.archive_store", "archived events kept", "GB-months", _EVENTS, "0.023")
    yield _row("fargate.cpu", "processors of heavy runs on arm64", "vCPU-hours", _FARGATE, "0.03238")
    yield _row("fargate.memory", "memory of heavy runs on arm64", "GB-hours", _FARGATE, "0.00356")
    yield _row("ecr.store", "images kept", "GB-months", _ECR, "0.10")


def _records() -> Iterator[Price]:
    yield _row("dynamodb.write", "write request units, on demand", "units", _DYNAMODB, "0.000000625")
    yield _row("dynamodb.read", "read request units, on demand", "units", _DYNAMODB, "0.000000125")
    yield _row("dynamodb.store", "data and indexes kept", "GB-months", _DYNAMODB, "0.25")
    yield _row("dynamodb.recovery", "point-in-time recovery", "GB-months", _DYNAMODB, "0.20")
    ingest = (("0.029", "512000"), ("0.025", "2048000"), ("0.020", None))
    yield _row("firehose.ingest", "records taken in, rounded up to 5 KB each", "GB", _FIREHOSE, ingest)
    yield _row("firehose.format", "records written as Parquet", "GB", _FIREHOSE, "0.018")
    yield _row("firehose.partition", "data put into its tenant's prefix", "GB", _FIREHOSE, "0.020")
    yield _row("firehose.objects", "objects of a tenant's prefix", "objects", _FIREHOSE, "0.000005")
    yield _row("firehose.parse", "reading the tenant out of records", "hours", _FIREHOSE, "0.07")
    store = (("0.023", "51200"), ("0.022", "512000"), ("0.021", None))
    yield _row("s3.store", "objects kept", "GB-months", _S3, store)
    yield _row("s3.put", "objects written", "requests", _S3, "0.000005")
    yield _row("s3.get", "objects read", "requests", _S3, "0.0000004")
    yield _row("athena.scan", "data read by queries", "TB", _ATHENA, "5.00")
    yield _row("backup.warm", "backups of tables, warm", "GB-months", _BACKUP, "0.10")
    yield _row("backup.cold", "backups of tables, cold", "GB-months", _BACKUP, "0.03")


def _doors() -> Iterator[Price]:
    yield _same("kms.key", "customer managed keys", "keys", _KMS, "1.00")
    yield _same("kms.requests", "uses of keys", "requests", _KMS, "0.000003")
    yield _same("secrets.secret", "secrets kept", "secrets", _SECRETS, "0.40")
    yield _same("secrets.calls", "secrets read", "calls", _SECRETS, "0.000005")
    yield _row("sns.publish", "messages published, 64 KB each", "messages", _SNS, "0.0000005")
    yield _row("sns.email", "messages by e-mail", "messages", _SNS, "0.00002")
    yield _row("sqs.requests", "queue requests", "requests", _SQS, "0.0000004")
    yield _row("api.requests", "requests to the HTTP API", "requests", _API, (("0.000001", "300000000"), ("0.0000009", None)))
    out = (("0", "1024"), ("0.085", "11264"), ("0.080", "52224"), ("0.060", None))
    yield _row("cloudfront.out", "portal pages sent to North America and Europe", "GB", _CLOUDFRONT, out)
    yield _row("cloudfront.requests", "portal requests", "requests", _CLOUDFRONT, (("0", "10000000"), ("0.000001", None)))
    yield _same("waf.acl", "web access control lists", "lists", _WAF, "5.00")
    yield _same("waf.rule", "rules and managed rule groups", "rules", _WAF, "1.00")
    yield _same("waf.requests", "requests inspected", "requests", _WAF, "0.0000006")
    yield _row("cognito.users", "active users of the Essentials tier", "users", _COGNITO, (("0", "10000"), ("0.015", None)))


def _places() -> Iterator[Price]:
    yield _row("aurora.capacity", "capacity units of Aurora Serverless v2", "ACU-hours", _AURORA, "0.12")
    yield _row("aurora.store", "results kept", "GB-months", _AURORA, "0.10")
    yield _row("aurora.requests", "reads and writes of storage", "requests", _AURORA, "0.0000002")
    yield _row("redshift.capacity", "processing units of Redshift Serverless", "RPU-hours", _REDSHIFT, "0.375")
    yield _row("redshift.store", "results kept", "GB-months", _REDSHIFT, "0.024")
    yield _row("vpc.nat", "NAT gateway", "hours", _VPC, "0.045")
    yield _row("vpc.nat_data", "data through NAT", "GB", _VPC, "0.045")
    yield _row("vpc.address", "public IPv4 addresses", "hours", _VPC, "0.005")
    yield _row("vpc.endpoint", "interface endpoints, each zone", "hours", _PRIVATELINK, "0.01")
    yield _row("vpc.endpoint_data", "data through interface endpoints", "GB", _PRIVATELINK, "0.01")


def _table() -> Iterator[Price]:
    yield from _cloudwatch()
    yield from _runs()
    yield from _records()
    yield from _doors()
    yield from _places()


PRICES: Mapping[str, Price] = {price.key: price for price in _table()}
