"""Change requests, approvals and the clock: who may start what, what is read from where, and where failures end."""

from __future__ import annotations

import json
from pathlib import Path

import pulumi
import pytest

from infra.components import governance
from tests.infra.harness import Recording

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:kpi-local-governance"


def test_the_worker_reads_new_events_of_the_audit_stream_and_nothing_else(platform: Recording) -> None:
    mapping = platform.one("aws:lambda/eventSourceMapping:EventSourceMapping", "governance").inputs
    assert "table/kpi-local-audit/stream/" in mapping["eventSourceArn"]
    (only,) = mapping["filterCriteria"]["filters"]
    assert json.loads(only["pattern"]) == {"eventName": ["INSERT"], "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "event#"}]}}}}
    assert mapping["bisectBatchOnFunctionError"] is True
    assert mapping["destinationConfig"]["onFailure"]["destinationArn"].endswith(":log-stream-dlq")


def test_tampering_is_still_reported_by_a_function_of_its_own(platform: Recording) -> None:
    readers = [
        each.inputs["functionName"].rsplit(":", 1)[1]
        for each in platform.of("aws:lambda/eventSourceMapping:EventSourceMapping")
        if "table/kpi-local-audit/" in each.inputs["eventSourceArn"]
    ]
    assert sorted(readers) == ["governance", "log-stream"]


def test_the_clock_asks_the_worker_every_five_minutes_and_what_fails_is_kept(platform: Recording) -> None:
    schedule = platform.one("aws:scheduler/schedule:Schedule", "governance").inputs
    assert schedule["scheduleExpression"] == "rate(5 minutes)"
    assert json.loads(schedule["target"]["input"]) == {"action": "tick"}
    assert schedule["target"]["deadLetterConfig"]["arn"].endswith(":events-dlq")
    function = platform.one("aws:lambda/function:Function", "governance").inputs
    assert function["deadLetterConfig"]["targetArn"].endswith(":log-stream-dlq")


def test_only_the_machines_the_schedules_and_the_worker_itself_may_invoke_it(platform: Recording) -> None:
    may = {
        policy.inputs["name"]
        for policy in platform.of("aws:iam/rolePolicy:RolePolicy")
        for statement in policy.document("policy")["Statement"]
        if "lambda:InvokeFunction" in statement["Action"] and FUNCTION in statement["Resource"]
    }
    assert may == {"kpi-local-engine", "kpi-local-scheduler", "kpi-local-governance"}


def test_the_worker_starts_and_wakes_changes_and_no_runs(platform: Recording) -> None:
    (policy,) = [each for each in platform.of("aws:iam/rolePolicy:RolePolicy") if each.inputs["name"] == "kpi-local-governance"]
    machines = {arn for each in policy.document("policy")["Statement"] for arn in each["Resource"] if ":states:" in arn}
    assert machines == {"arn:aws:states:us-east-1:123456789012:stateMachine:kpi-local-change"}


def test_checkpoints_can_be_added_and_not_unlocked(platform: Recording) -> None:
    (policy,) = [each for each in platform.of("aws:iam/rolePolicy:RolePolicy") if each.inputs["name"] == "kpi-local-governance"]
    actions = {action for each in policy.document("policy")["Statement"] for action in each["Action"]}
    assert {"s3:PutObject", "s3:PutObjectRetention", "kms:Sign"} <= actions
    assert not {"s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion"} & actions


def test_the_approvals_queue_is_encrypted_and_gives_up_into_a_queue_that_is_watched(platform: Recording) -> None:
    queue = platform.one("aws:sqs/queue:Queue", "approvals").inputs
    assert queue["kmsMasterKeyId"]
    assert json.loads(queue["redrivePolicy"])["deadLetterTargetArn"].endswith(":kpi-local-alerts-dlq")


def test_functions_are_told_how_checkpoints_are_locked(platform: Recording) -> None:
    told = platform.one("aws:lambda/function:Function", "governance").inputs["environment"]["variables"]
    assert told["KPI_AUDIT_LOCK"] == "COMPLIANCE:2557"
    assert told["KPI_AUDIT_BUCKET"] == "kpi-local-123456789012-audit"
    assert told["KPI_CHANGE_MACHINE_ARN"].endswith(":stateMachine:kpi-local-change")


def test_a_template_that_is_no_state_machine_stops_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / governance.TEMPLATE).write_text("{ not json")
    monkeypatch.setattr(governance, "TEMPLATES", tmp_path)
    with pytest.raises(pulumi.RunError, match=r"kpi_change\.asl\.json\.j2: .*expected a template of a JSON state machine"):
        governance.render_definition(FUNCTION)


def test_governance_takes_no_more_resources_than_it_was_given(platform: Recording) -> None:
    mine = [
        each
        for each in platform.resources
        if "kpi:infra:Governance" in each.urn or each.name in ("governance", "governance-role", "governance-policy")
    ]
    assert len({each.urn for each in mine}) <= 12
