"""A plan that AWS would refuse stops before the first resource, and what is measured is what the program declares."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from infra import plan, preflight, rendering
from infra.config import PlatformConfig, TenantConfig
from infra.preflight import LimitError
from infra.read_config import read
from infra.stack import StackInfo
from plans.limits import check
from plans.measure_account import API_ROUTES, BUS_RULES, COGNITO_GROUPS, FOOTPRINT, TARGETS_OF_A_RULE
from plans.measure_cloudwatch import _actions
from plans.model import StackKind
from plans.quotas import by_key
from tests.infra import harness
from tests.infra.harness import PLATFORM, TENANT, Recording, declare, with_kpis

EMAILS = json.dumps([f"finops{number}@example.com" for number in range(11)])
BUDGET = {"kpi-observatory:monthlyBudgetUsd": "200", "kpi-observatory:budgetEmails": EMAILS}
TYPES = {
    "iam.roles": "aws:iam/role:Role",
    "logs.group.count": "aws:cloudwatch/logGroup:LogGroup",
    "sns.topics": "aws:sns/topic:Topic",
    "secretsmanager.secrets": "aws:secretsmanager/secret:Secret",
    "s3.buckets": "aws:s3/bucket:Bucket",
    "dynamodb.tables": "aws:dynamodb/table:Table",
    "kms.keys": "aws:kms/key:Key",
    "scheduler.groups": "aws:scheduler/scheduleGroup:ScheduleGroup",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root of its own, so that nothing is remembered of another test's plan."""
    return with_kpis(tmp_path, 10)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Recording]:
    """Every recording that `declare` begins."""
    made: list[Recording] = []

    def keep(*arguments: Any, **more: Any) -> Recording:
        made.append(Recording(*arguments, **more))
        return made[-1]

    monkeypatch.setattr(harness, "Recording", keep)
    return made


@pytest.mark.parametrize(("name", "config"), [("platform.local", PLATFORM), ("acme.prod", TENANT)])
def test_a_plan_beyond_a_hard_limit_stops_with_one_readable_message_before_anything_is_declared(
    name: str, config: dict[str, str], root: Path, recorded: list[Recording]
) -> None:
    with pytest.raises(LimitError) as refused:
        declare(name, config | BUDGET, root)
    assert isinstance(refused.value, pulumi.RunError)
    text = str(refused.value)
    assert f"stack {name}" in text
    assert f"budgets.subscribers: the budget of {name} takes 12 of 11 subscribers" in text
    assert by_key()["budgets.subscribers"].remedy in text
    assert [each.type for each in recorded[0].resources] == []


def test_at_the_limit_it_deploys(root: Path) -> None:
    ten = json.dumps(json.loads(EMAILS)[:10])
    assert declare("acme.prod", TENANT | BUDGET | {"kpi-observatory:budgetEmails": ten}, root).custom


def test_other_stacks_of_the_account_count_and_those_of_other_accounts_do_not(root: Path) -> None:
    def write(count: int, account: str) -> None:
        (root / "stacks").mkdir(exist_ok=True)
        for number in range(count):
            config = TENANT | {"kpi-observatory:accountId": account, "kpi-observatory:packs": "packs"}
            (root / "stacks" / f"Pulumi.t{number}.prod.yaml").write_text(yaml.safe_dump({"config": config}))

    write(500, "999999999999")
    assert declare("acme.prod", TENANT, root).custom
    write(500, harness.ACCOUNT)
    with pytest.raises(LimitError, match=r"scheduler\.groups: .*501 tenants.* takes 501 of 500 groups"):
        declare("acme.prod", TENANT, root)


def test_a_broken_config_of_another_stack_is_a_warning_and_no_reason_to_stop(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", told.append)
    (root / "stacks").mkdir()
    (root / "stacks" / "Pulumi.broken.prod.yaml").write_text("config:\n  aws:region: us-east-1\n")
    assert declare("acme.prod", TENANT, root).custom
    assert [text for text in told if "stacks/Pulumi.broken.prod.yaml" in text]


def test_what_only_makes_work_late_is_a_warning(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", told.append)
    slow = tuple(each if each.key != "scheduler.invocations" else replace(each, value=1) for each in by_key().values())
    monkeypatch.setattr(preflight, "check", lambda planned: check(planned, slow))
    with_kpis(root, 100)
    for times in (1, 2):
        assert declare("acme.prod", TENANT, root).custom
        assert len([text for text in told if "AWS would slow this down: scheduler.invocations" in text]) == times


def test_a_plan_that_passed_is_not_measured_again_until_something_changes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[int] = []

    def counted(planned: Any) -> Any:
        measured.append(1)
        return check(planned)

    monkeypatch.setattr(preflight, "check", counted)
    for config in (TENANT, TENANT, TENANT | {"kpi-observatory:logRetentionDays": "30"}):
        declare("acme.prod", config, root)
    assert len(measured) == 2
    with_kpis(root, 11)
    declare("acme.prod", TENANT, root)
    assert len(measured) == 3


@pytest.mark.parametrize("kind", list(StackKind))
def test_the_counted_footprint_of_a_stack_is_what_its_program_declares(kind: StackKind, platform: Recording, tenant: Recording) -> None:
    declared = Counter(each.type for each in (platform if kind is StackKind.PLATFORM else tenant).custom)
    assert {key: declared[type_] for key, type_ in TYPES.items()} == dict(FOOTPRINT[kind])


def test_what_is_counted_of_api_bus_and_user_pool_is_what_the_platform_declares(platform: Recording) -> None:
    targets = Counter(each.inputs["rule"] for each in platform.of("aws:cloudwatch/eventTarget:EventTarget"))
    assert len(platform.of("aws:apigatewayv2/route:Route")) == API_ROUTES
    assert len(platform.of("aws:cloudwatch/eventRule:EventRule")) == BUS_RULES
    assert max(targets.values()) == TARGETS_OF_A_RULE
    assert len(platform.of("aws:cognito/userGroup:UserGroup")) == COGNITO_GROUPS


@pytest.mark.parametrize("name", ["platform.local", "acme.prod"])
def test_an_alarm_tells_as_many_topics_as_is_counted(name: str, platform: Recording, tenant: Recording, checkout: Path) -> None:
    info = StackInfo.parse(name)
    values = (PLATFORM if name == "platform.local" else TENANT) | {"kpi-observatory:packs": "packs"}
    config = read(info, PlatformConfig if name == "platform.local" else TenantConfig, values)
    stack = plan.configured(info, config, harness.REGION)
    found = plan.render(stack, rendering.load_bundle("packs", checkout), checkout)
    recording = platform if name == "platform.local" else tenant
    for alarm in found.alarms.metrics:
        declared = recording.one("aws:cloudwatch/metricAlarm:MetricAlarm", alarm.key)
        assert len(declared.inputs["alarmActions"]) == _actions(alarm, stack.plan)


def test_every_document_of_the_program_fits(platform: Recording, tenant: Recording) -> None:
    table = by_key()
    for recording in (platform, tenant):
        inline: Counter[str] = Counter()
        for policy in recording.of("aws:iam/rolePolicy:RolePolicy"):
            inline[policy.inputs["role"]] += len(compact(policy.inputs["policy"]))
        assert max(inline.values()) <= table["iam.inline_policies"].value
        for role in recording.of("aws:iam/role:Role"):
            assert len(compact(role.inputs["assumeRolePolicy"])) <= table["iam.trust_policy"].value
            assert len(role.inputs["name"]) <= table["iam.role_name"].value
    for rule in platform.of("aws:cloudwatch/eventRule:EventRule"):
        assert len(rule.inputs["eventPattern"]) <= table["events.pattern"].value
    for function in platform.of("aws:lambda/function:Function"):
        assert len(compact(json.dumps(function.inputs["environment"]["variables"]))) <= table["lambda.environment"].value
        assert function.inputs["timeout"] <= table["lambda.timeout"].value
    for machine in platform.of("aws:sfn/stateMachine:StateMachine"):
        assert len(machine.inputs["definition"]) <= table["states.definition"].value


def compact(document: str) -> str:
    """A document as AWS counts it, without white space."""
    return json.dumps(json.loads(document), separators=(",", ":"))
