"""The stream of the catalog reaches the reconciler, and of its rows only those that it follows."""

from __future__ import annotations

import json

from kpis.common import Environment
from lambdas.domain.control import keys
from lambdas.domain.tenants import keys as tenant_keys
from lambdas.reconciler.stream import KINDS
from tests.infra.harness import Recording


def test_the_reconciler_is_sent_definitions_pointers_pauses_and_settings_of_every_environment_and_nothing_else(platform: Recording) -> None:
    mapping = platform.one("aws:lambda/eventSourceMapping:EventSourceMapping", "catalog")
    (only,) = mapping.inputs["filterCriteria"]["filters"]
    rows = json.loads(only["pattern"])["dynamodb"]["Keys"]["sk"]["S"]
    sent = [each["prefix"] for each in rows if isinstance(each, dict)]
    assert sorted(sent) == sorted(f"{environment}#{kind}#" for environment in Environment for kind in KINDS)
    assert [each for each in rows if isinstance(each, str)] == [tenant_keys.settings(environment) for environment in Environment]
    followed = [keys.version("prod", "A-1", "1.0.0"), keys.active("prod", "A-1"), keys.pause("prod", "*")]
    passed_over = [
        keys.request("1"),
        keys.open_request("prod", "A-1"),
        keys.canary("prod", "A-1"),
        "prod#tenant",
        "audit#head",
        "idem#prod#kpi#",
    ]
    assert all(any(key.startswith(prefix) for prefix in sent) for key in followed)
    assert not any(key.startswith(prefix) for key in passed_over for prefix in sent)


def test_what_the_reconciler_cannot_bring_in_step_ends_in_a_queue_that_it_may_write(platform: Recording) -> None:
    mapping = platform.one("aws:lambda/eventSourceMapping:EventSourceMapping", "catalog")
    assert mapping.inputs["functionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping.inputs["destinationConfig"]["onFailure"]["destinationArn"]
    assert 0 < mapping.inputs["maximumRetryAttempts"] <= 10
    (policy,) = [each for each in platform.of("aws:iam/rolePolicy:RolePolicy") if each.inputs["name"] == "kpi-local-reconciler"]
    granted = {each["Sid"]: each for each in policy.document("policy")["Statement"]}
    assert granted["DeadLetters"]["Resource"] == ["arn:aws:sqs:us-east-1:123456789012:kpi-local-log-stream-dlq"]
    assert granted["ReadStreams"]["Resource"] == ["arn:aws:dynamodb:us-east-1:123456789012:table/kpi-local-catalog/stream/*"]
