"""Alarms with one thing wrong: what it is, the alarm it is in, and the words it is told in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from alerts import AlarmSet, Suppressor
from alerts.specs import Comparison, MissingData, Topic
from tests.unit.alerts.alarm_sets import PLATFORM, TENANT, more_series, of, with_composite, with_expression, with_metric, with_series

MUTATIONS: list[tuple[str, Callable[[], AlarmSet], str, str]] = [
    (
        "a wrong dimension",
        lambda: with_series(TENANT, "sla-breaches", dimensions={"tenant": "acme", "environment": "prod"}),
        "kpi-local-acme-prod-sla-breaches",
        "KpiObservatory SlaBreaches has no series by environment + tenant; it has them by no dimension, or by environment + tenant_id",
    ),
    (
        "a metric without dimensions that has some",
        lambda: with_series(PLATFORM, "state-machine-failures", dimensions={}),
        "kpi-local-state-machine-failures",
        "AWS/States ExecutionsFailed has no series by no dimension; it has them by StateMachineArn",
    ),
    (
        "a dimension without a value",
        lambda: with_series(PLATFORM, "log-stream-lag", dimensions={"FunctionName": ""}),
        "kpi-local-log-stream-lag",
        "IteratorAge: dimension 'FunctionName' has no value",
    ),
    (
        "a metric that nobody emits",
        lambda: with_series(TENANT, "sla-breaches", metric="SlaBreach"),
        "kpi-local-acme-prod-sla-breaches",
        "metric 'SlaBreach' does not exist in KpiObservatory; did you mean 'SlaBreaches'?",
    ),
    (
        "a namespace that does not exist",
        lambda: with_series(PLATFORM, "log-stream-lag", namespace="AWS/Lamda"),
        "kpi-local-log-stream-lag",
        "namespace 'AWS/Lamda' is unknown; did you mean 'AWS/Lambda'?",
    ),
    (
        "a comparison the wrong way round",
        lambda: with_metric(PLATFORM, "state-machine-failures", comparison=Comparison.BELOW, threshold=1.0),
        "kpi-local-state-machine-failures",
        "LessThanThreshold 1 alarms when ExecutionsFailed is low, and high is what is wrong with it",
    ),
    (
        "a comparison the wrong way round of what should be high",
        lambda: with_metric(TENANT, "freshness", comparison=Comparison.AT_LEAST),
        "kpi-local-acme-prod-freshness",
        "GreaterThanOrEqualToThreshold 1 alarms when RunsCompleted is high, and low is what is wrong with it",
    ),
    (
        "a threshold that always alarms",
        lambda: with_metric(TENANT, "sla-breaches", comparison=Comparison.AT_LEAST),
        "kpi-local-acme-prod-sla-breaches",
        "GreaterThanOrEqualToThreshold 0 always alarms: SlaBreaches is never below zero",
    ),
    (
        "swapped bands",
        lambda: with_metric(TENANT, "kpi-cfo-ef-02", comparison=Comparison.AT_MOST),
        "kpi-local-acme-prod-kpi-cfo-ef-02",
        "LessThanOrEqualToThreshold 2 is no verdict; expected GreaterThanOrEqualToThreshold 1 or 2 (0 Adequate, 1 Low, 2 Critical)",
    ),
    (
        "a verdict beyond the last",
        lambda: with_metric(TENANT, "kpi-cfo-ef-02", threshold=3.0),
        "kpi-local-acme-prod-kpi-cfo-ef-02",
        "GreaterThanOrEqualToThreshold 3 is no verdict",
    ),
    (
        "a percentage beyond all of them",
        lambda: with_metric(PLATFORM, "run-failure-ratio", threshold=100.0),
        "kpi-local-run-failure-ratio",
        "a threshold of 100%; expected more than 0 and less than 100",
    ),
    (
        "silence that is no breach",
        lambda: with_metric(PLATFORM, "missing-runs", missing_data=MissingData.NOT_BREACHING),
        "kpi-local-missing-runs",
        "it never alarms: a period without samples is missing data, which is 'notBreaching'; expected 'breaching'",
    ),
    (
        "a minimum of samples that nothing enforces",
        lambda: with_expression(PLATFORM, "run-failure-ratio", "100 * FILL(part, 0) / samples"),
        "kpi-local-run-failure-ratio",
        "a minimum of 5 samples, but no expression of the form IF(samples >= n, value, 0) enforces it",
    ),
    (
        "another minimum than it says",
        lambda: with_metric(PLATFORM, "run-failure-ratio", minimum_samples=6),
        "kpi-local-run-failure-ratio",
        "a minimum of 6 samples, but the expression asks for 5",
    ),
    (
        "too few samples that alarm",
        lambda: with_expression(PLATFORM, "run-failure-ratio", "IF(samples >= 5, 100 * FILL(part, 0) / samples, 100)"),
        "kpi-local-run-failure-ratio",
        "fewer than 5 samples give 100, which alarms",
    ),
    (
        "a minimum held against what is no count",
        lambda: with_expression(PLATFORM, "run-failure-ratio", "IF(part >= 5, 100 * part / samples, 0)"),
        "kpi-local-run-failure-ratio",
        "the minimum of samples is held against 'part', which does not count samples",
    ),
    (
        "an unknown id",
        lambda: with_expression(PLATFORM, "dead-letters", "FILL(m0, 0) + m1 + m2 + m3 + m9"),
        "kpi-local-dead-letters",
        "expression 'total' names 'm9', which no query has; expected m0, m1, m2, m3, total",
    ),
    (
        "a forgotten metric",
        lambda: with_expression(PLATFORM, "dead-letters", "FILL(m0, 0) + m1 + m2"),
        "kpi-local-dead-letters",
        "nothing uses id 'm3'",
    ),
    (
        "an expression over itself",
        lambda: with_expression(PLATFORM, "dead-letters", "m0 + m1 + m2 + m3 + total"),
        "kpi-local-dead-letters",
        "its expressions refer to each other in a circle: total -> total",
    ),
    (
        "a search",
        lambda: with_expression(PLATFORM, "dead-letters", "SUM(SEARCH('{AWS/SQS}', 'Sum')) + m0 + m1 + m2 + m3"),
        "kpi-local-dead-letters",
        "expression 'total' uses SEARCH, which CloudWatch does not take in alarms",
    ),
    (
        "two results",
        lambda: with_metric(
            PLATFORM, "dead-letters", queries=tuple(replace(q, returns=True) for q in of(PLATFORM, "dead-letters").queries)
        ),
        "kpi-local-dead-letters",
        "5 queries return data (m0, m1, m2, m3, total); expected exactly one",
    ),
    (
        "eleven metrics",
        lambda: more_series(11),
        "kpi-local-function-errors",
        "metric math over 11 metrics; CloudWatch takes at most 10 in an alarm",
    ),
    (
        "neither series nor math",
        lambda: with_metric(PLATFORM, "log-tamper", queries=()),
        "kpi-local-log-tamper",
        "it has neither a series nor metric math",
    ),
    (
        "a period that is none",
        lambda: with_series(PLATFORM, "log-tamper", period=90),
        "kpi-local-log-tamper",
        "LogTamperEvents: a period of 90 s; expected 10, 20, 30 or a multiple of 60",
    ),
    (
        "a statistic that is none",
        lambda: with_series(PLATFORM, "log-tamper", stat="p101"),
        "kpi-local-log-tamper",
        "LogTamperEvents: statistic 'p101' is unknown",
    ),
    (
        "a week and an hour",
        lambda: with_metric(PLATFORM, "missing-runs", periods=169),
        "kpi-local-missing-runs",
        "169 periods of 3600 s look back 608400 s; CloudWatch takes at most 604800",
    ),
    (
        "a day and a minute",
        lambda: with_metric(PLATFORM, "log-tamper", periods=1441),
        "kpi-local-log-tamper",
        "1441 periods of 60 s look back 86460 s; CloudWatch takes at most 86400",
    ),
    (
        "more datapoints than periods",
        lambda: with_metric(PLATFORM, "log-tamper", datapoints=2),
        "kpi-local-log-tamper",
        "2 of 1 datapoints can never breach; expected at most 1",
    ),
    (
        "a name that is too long",
        lambda: with_metric(PLATFORM, "log-tamper", name="n" * 256),
        "n" * 256,
        "a name of 256 characters; expected 1 to 255",
    ),
    (
        "a description that is too long",
        lambda: with_metric(PLATFORM, "log-tamper", description=of(PLATFORM, "log-tamper").description.ljust(1025, ".")),
        "kpi-local-log-tamper",
        "a description of 1025 characters; CloudWatch takes at most 1024",
    ),
    (
        "a description without the runbook",
        lambda: with_metric(PLATFORM, "log-tamper", description="Somebody did something."),
        "kpi-local-log-tamper",
        "its description does not name the runbook 'docs/runbooks/log-tamper.md'",
    ),
    (
        "a dead runbook",
        lambda: with_metric(
            PLATFORM,
            "log-tamper",
            runbook="docs/runbooks/gone.md",
            description="platform engineering kpi-local/log-tamper docs/runbooks/gone.md",
        ),
        "kpi-local-log-tamper",
        "runbook 'docs/runbooks/gone.md' does not exist; write it, or name one that does",
    ),
    (
        "a runbook outside the repository",
        lambda: with_metric(PLATFORM, "log-tamper", runbook="../../etc/hostname"),
        "kpi-local-log-tamper",
        "runbook '../../etc/hostname' does not exist",
    ),
    (
        "nobody to tell",
        lambda: with_metric(PLATFORM, "log-tamper", topics=()),
        "kpi-local-log-tamper",
        "it tells nobody; expected at least one topic",
    ),
    (
        "a topic that does not exist",
        lambda: with_metric(PLATFORM, "log-tamper", topics=("everybody",)),
        "kpi-local-log-tamper",
        "topic 'everybody' does not exist",
    ),
    (
        "six actions",
        lambda: with_metric(PLATFORM, "log-tamper", topics=(*Topic, Topic.OPS, Topic.OPS)),
        "kpi-local-log-tamper",
        "6 topics; CloudWatch takes at most 5 actions",
    ),
    (
        "a tag AWS refuses",
        lambda: with_metric(PLATFORM, "log-tamper", tags={"kpi:owner": "R&D"}),
        "kpi-local-log-tamper",
        "tag 'kpi:owner': the value has characters that AWS refuses, or more than 256",
    ),
    (
        "a tag of AWS's own",
        lambda: with_metric(PLATFORM, "log-tamper", tags={"aws:owner": "me"}),
        "kpi-local-log-tamper",
        "tag 'aws:owner': the key has characters or a length that AWS refuses",
    ),
    (
        "two alarms of one dedupe key",
        lambda: with_metric(PLATFORM, "log-tamper", dedupe_key="kpi-local/missing-runs"),
        "kpi-local/missing-runs",
        "2 alarms have this dedupe key; expected one",
    ),
    (
        "two alarms of one name",
        lambda: with_metric(PLATFORM, "log-tamper", name="kpi-local-missing-runs"),
        "kpi-local-missing-runs",
        "2 alarms have this name; expected one",
    ),
    (
        "a composite over nobody",
        lambda: with_composite(PLATFORM, "page", rule='ALARM("kpi-local-gone")', children=("kpi-local-gone",)),
        "kpi-local-page",
        "its rule names 'kpi-local-gone', an alarm that does not exist",
    ),
    (
        "children that the rule does not name",
        lambda: with_composite(PLATFORM, "page", children=("kpi-local-missing-runs",)),
        "kpi-local-page",
        "its children are not what its rule names: missing kpi-local-api-errors",
    ),
    (
        "a rule that cannot be read",
        lambda: with_composite(PLATFORM, "page", rule='ALARM("kpi-local-log-tamper") ALSO'),
        "kpi-local-page",
        "its rule cannot be read",
    ),
    (
        "a rule over itself",
        lambda: with_composite(PLATFORM, "page", rule='ALARM("kpi-local-page")', children=("kpi-local-page",)),
        "kpi-local-page",
        "its rule leads back to itself: kpi-local-page -> kpi-local-page",
    ),
    (
        "a rule that is true when all is well",
        lambda: with_composite(PLATFORM, "page", rule='OK("kpi-local-log-tamper")', children=("kpi-local-log-tamper",)),
        "kpi-local-page",
        "it is in ALARM when all of its alarms are OK",
    ),
    (
        "a suppressor that does not exist",
        lambda: with_composite(PLATFORM, "page", suppressor=Suppressor("kpi-local-gone", 60, 60)),
        "kpi-local-page",
        "its suppressor 'kpi-local-gone' is an alarm that does not exist",
    ),
    (
        "a suppressor of itself",
        lambda: with_composite(PLATFORM, "page", suppressor=Suppressor("kpi-local-page", 60, 60)),
        "kpi-local-page",
        "it suppresses itself",
    ),
]
