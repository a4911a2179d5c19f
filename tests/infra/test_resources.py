"""What the stacks declare: how much, how it is named, guarded and encrypted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.names import TABLES
from tests.infra.harness import PLATFORM, TENANT, Declared, Recording, declare, with_kpis

STACKS = ("platform", "tenant")
PLATFORM_BUDGET, TENANT_BUDGET = 250, 40
RECORDS = ("aws:dynamodb/table:Table", "aws:kms/key:Key", "aws:secretsmanager/secret:Secret", "aws:cognito/userPool:UserPool")


@pytest.fixture(params=STACKS)
def stack(request: pytest.FixtureRequest) -> Recording:
    return request.getfixturevalue(request.param)


def test_the_platform_stays_within_its_budget_of_resources(platform: Recording) -> None:
    assert len(platform.resources) < PLATFORM_BUDGET


def test_a_tenant_with_the_most_of_everything_stays_within_its_budget_of_resources(tmp_path: Path) -> None:
    root = with_kpis(tmp_path, 30, tier=0)
    routes = json.dumps([{"severity": "low", "protocol": "email", "endpoint": f"person{n}@example.com"} for n in range(8)])
    config = TENANT | {"kpi-observatory:alertRoutes": routes, "kpi-observatory:monthlyBudgetUsd": "200"}
    # The stack itself is a resource too, which the recording leaves out.
    assert len(declare("acme.prod", config, root).resources) < TENANT_BUDGET


@pytest.mark.parametrize(("name", "config"), [("platform.local", PLATFORM), ("acme.prod", TENANT)])
def test_thirty_and_a_thousand_kpis_declare_the_same_resources(name: str, config: dict[str, str], checkout: Path, tmp_path: Path) -> None:
    few = declare(name, config, checkout)
    many = declare(name, config, with_kpis(tmp_path, 1_000))
    assert sorted(each.urn for each in many.resources) == sorted(each.urn for each in few.resources)


def test_no_two_resources_have_the_same_urn(stack: Recording) -> None:
    urns = [each.urn for each in stack.resources]
    assert sorted(urns) == sorted(set(urns))


def test_every_resource_but_the_provider_and_references_hangs_below_a_component(stack: Recording) -> None:
    roots = {each.type for each in stack.resources if each.parent.split("::")[2:3] in ([], ["pulumi:pulumi:Stack"])}
    assert all(kind.startswith(("kpi:infra:", "pulumi:")) for kind in roots), roots


def test_every_component_registers_its_outputs(stack: Recording) -> None:
    components = [each.urn for each in stack.resources if each.type.startswith("kpi:infra:")]
    assert components
    assert set(components) <= stack.completed


def test_only_one_provider_is_made_and_it_tags_everything(stack: Recording) -> None:
    (provider,) = stack.of("pulumi:providers:aws")
    tags = json.loads(provider.inputs["defaultTags"])["tags"]
    assert tags["project"] == "kpi-observatory"
    assert tags["managed-by"] == "pulumi"
    assert {"stack", "stack-kind"} <= tags.keys()


def test_the_provider_refuses_credentials_of_another_account(stack: Recording) -> None:
    (provider,) = stack.of("pulumi:providers:aws")
    assert json.loads(provider.inputs["allowedAccountIds"]) == ["123456789012"]


def test_tags_of_the_config_cannot_replace_those_of_the_stack(checkout: Path) -> None:
    config = PLATFORM | {"kpi-observatory:tags": json.dumps({"stack": "mine", "cost-center": "7"})}
    (provider,) = declare("platform.local", config, checkout).of("pulumi:providers:aws")
    tags = json.loads(provider.inputs["defaultTags"])["tags"]
    assert tags["stack"] == "platform.local"
    assert tags["cost-center"] == "7"


def test_physical_names_start_with_the_deployment(platform: Recording) -> None:
    names = {each.urn: each.inputs.get("name", "") for each in platform.custom if each.type in _NAMED}
    assert names
    assert [urn for urn, name in names.items() if not str(name).startswith("kpi-local")] == []


_NAMED = (
    "aws:dynamodb/table:Table",
    "aws:lambda/function:Function",
    "aws:iam/role:Role",
    "aws:sqs/queue:Queue",
    "aws:sns/topic:Topic",
    "aws:sfn/stateMachine:StateMachine",
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream",
    "aws:cloudwatch/eventBus:EventBus",
    "aws:ecs/cluster:Cluster",
)


def test_tables_have_the_names_that_functions_are_told(platform: Recording) -> None:
    names = {each.inputs["name"] for each in platform.of("aws:dynamodb/table:Table")}
    assert names == {f"kpi-local-{table}" for table in TABLES}
    told = platform.one("aws:lambda/function:Function", "api").inputs["environment"]["variables"]
    assert {value for key, value in told.items() if key.startswith("KPI_TABLE_")} == names


def test_records_are_protected_and_recoverable(platform: Recording) -> None:
    for table in platform.of("aws:dynamodb/table:Table"):
        assert table.protect, table.name
        assert table.inputs["deletionProtectionEnabled"] is True
        assert table.inputs["pointInTimeRecovery"]["enabled"] is True
        assert table.inputs["streamViewType"] == "NEW_AND_OLD_IMAGES"
    for kind in RECORDS:
        assert all(each.protect for each in platform.of(kind)), kind
    guarded = {each.name for each in platform.of("aws:s3/bucket:Bucket") if each.protect and each.inputs["forceDestroy"] is False}
    assert guarded == {"lake", "artifacts", "audit"}


def test_an_unprotected_stack_can_be_destroyed_whole(checkout: Path) -> None:
    open_ = declare("platform.local", PLATFORM | {"kpi-observatory:protect": "false"}, checkout)
    assert [each.name for each in open_.resources if each.protect] == []
    assert not any(table.inputs["deletionProtectionEnabled"] for table in open_.of("aws:dynamodb/table:Table"))
    assert all(bucket.inputs["forceDestroy"] for bucket in open_.of("aws:s3/bucket:Bucket"))
    assert all(secret.inputs["recoveryWindowInDays"] == 0 for secret in open_.of("aws:secretsmanager/secret:Secret"))


def test_rows_of_logs_and_of_work_in_progress_expire_and_audit_rows_do_not(platform: Recording) -> None:
    ttl = {each.inputs["name"]: each.inputs.get("ttl") for each in platform.of("aws:dynamodb/table:Table")}
    assert all((ttl[f"kpi-local-{table}"] is not None) == (table != "audit") for table in TABLES)


def test_everything_at_rest_is_encrypted_with_our_keys(platform: Recording) -> None:
    def has(each: Declared, key: str) -> bool:
        return bool(each.inputs.get(key))

    assert all(has(each, "kmsMasterKeyId") for kind in ("sns/topic:Topic", "sqs/queue:Queue") for each in platform.of(f"aws:{kind}"))
    assert all(has(each, "kmsKeyId") for each in platform.of("aws:cloudwatch/logGroup:LogGroup"))
    assert all(each.inputs["serverSideEncryption"]["kmsKeyArn"] for each in platform.of("aws:dynamodb/table:Table"))
    assert all(has(each, "kmsKeyId") for each in platform.of("aws:secretsmanager/secret:Secret"))
    assert all(has(each, "kmsKeyArn") for each in platform.of("aws:lambda/function:Function"))
    rotating = {each.name for each in platform.of("aws:kms/key:Key") if each.inputs.get("enableKeyRotation")}
    assert rotating == {"data", "messaging"}, "KMS does not rotate a key that signs"


def test_every_bucket_is_private_encrypted_versioned_and_refuses_plain_http(platform: Recording) -> None:
    buckets = {each.name for each in platform.of("aws:s3/bucket:Bucket")}
    assert buckets == {"lake", "athena", "artifacts", "audit", "portal"}
    for part in ("bucketPublicAccessBlock", "bucketServerSideEncryptionConfiguration", "bucketVersioning", "bucketPolicy"):
        kind = f"aws:s3/{part}:{part[0].upper()}{part[1:]}"
        assert {each.name for each in platform.of(kind)} == buckets, part
    for policy in platform.of("aws:s3/bucketPolicy:BucketPolicy"):
        (deny,) = [each for each in policy.document("policy")["Statement"] if each["Effect"] == "Deny"]
        assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_log_groups_keep_what_the_config_says(checkout: Path) -> None:
    groups = declare("platform.local", PLATFORM | {"kpi-observatory:logRetentionDays": "90"}, checkout).of(
        "aws:cloudwatch/logGroup:LogGroup"
    )
    assert {group.inputs["retentionInDays"] for group in groups} == {90}


def test_only_health_answers_without_a_token(platform: Recording) -> None:
    routes = {each.inputs["routeKey"]: each.inputs["authorizationType"] for each in platform.of("aws:apigatewayv2/route:Route")}
    assert {key for key, kind in routes.items() if kind == "NONE"} == {"GET /health", "GET /health/{check}"}
    assert len(routes) == 6


def test_functions_are_found_by_the_digest_of_their_package(platform: Recording) -> None:
    keys = {each.name: each.inputs["s3Key"] for each in platform.of("aws:lambda/function:Function")}
    assert keys["api"] == f"packages/control/{'0' * 64}.zip"
    assert keys["run-light"] == f"packages/runner/{'1' * 64}.zip"


def test_the_dictionary_is_one_object_and_one_import(platform: Recording) -> None:
    (invocation,) = platform.of("aws:lambda/invocation:Invocation")
    request = json.loads(invocation.inputs["input"])
    assert request["action"] == "import"
    assert request["bundle"]["key"] == f"dictionary/{request['bundle']['sha256']}.jsonl.gz"


def test_a_tenant_is_onboarded_with_its_settings(checkout: Path) -> None:
    config = TENANT | {"kpi-observatory:replayYear": "2025", "kpi-observatory:timezone": "Europe/Berlin"}
    (invocation,) = declare("acme.prod", config, checkout).of("aws:lambda/invocation:Invocation")
    request = json.loads(invocation.inputs["input"])
    assert (request["action"], request["tenant_id"], request["environment"]) == ("onboard", "acme", "prod")
    assert request["settings"]["replay_year"] == 2025
    assert request["settings"]["timezone"] == "Europe/Berlin"
    assert request["settings"]["schedule_group"] == "kpi-local-acme-prod"


def test_an_urgent_route_hears_only_urgent_alerts(checkout: Path) -> None:
    routes = [{"severity": "critical", "protocol": "email", "endpoint": "a@example.com"}]
    routes += [{"severity": "medium", "protocol": "email", "endpoint": "b@example.com"}]
    acme = declare("acme.prod", TENANT | {"kpi-observatory:alertRoutes": json.dumps(routes)}, checkout)
    heard = sorted((each.inputs["endpoint"][0], each.name.split("-")[0]) for each in acme.of("aws:sns/topicSubscription:TopicSubscription"))
    assert heard == [("a", "urgent"), ("b", "routine")]


def test_an_urgent_alarm_is_heard_by_everybody(tenant: Recording) -> None:
    topics = {each.name: each.inputs["name"].rsplit("-", 1)[1] for each in tenant.of("aws:sns/topic:Topic")}
    assert set(topics.values()) == {"urgent", "routine"}
    actions = [each.inputs["alarmActions"] for each in tenant.of("aws:cloudwatch/metricAlarm:MetricAlarm")]
    assert all(any(arn.endswith("routine") for arn in each) for each in actions)


def test_an_sla_breach_of_a_tenant_is_told_to_the_cfo_office_and_operations(tenant: Recording) -> None:
    (alarm,) = [each for each in tenant.of("aws:cloudwatch/metricAlarm:MetricAlarm") if each.inputs["name"].endswith("sla-breaches")]
    told = {arn.rsplit(":", 1)[1] for arn in alarm.inputs["alarmActions"]}
    assert {"kpi-local-alerts-cfo-office", "kpi-local-alerts-ops"} <= told
    assert len(alarm.inputs["alarmActions"]) <= 5, "CloudWatch takes five actions"


def test_no_stack_declares_the_value_of_a_secret(stack: Recording) -> None:
    assert not [each for each in stack.resources if "secretVersion" in each.type]
    text = json.dumps(stack.outputs).lower()
    assert "password" not in text
    assert "://user" not in text


def test_the_platform_exports_what_others_rely_on(platform: Recording) -> None:
    fixed = (
        "apiUrl userPoolId userPoolClientId stateMachineArn busName artifactsBucket reconcilerFunction lakeBucket portalUrl portalBucket "
        "tables alertTopics clusterName athenaWorkgroup glueDatabase resultStoreSecret prefix"
    )
    assert set(fixed.split()) <= platform.outputs.keys()


def test_a_tenant_exports_what_others_rely_on(tenant: Recording) -> None:
    assert {"roleArn", "scheduleGroup", "warehouseSecret", "dashboardNames"} <= tenant.outputs.keys()
    assert tenant.outputs["warehouseSecret"] == "kpi/local/acme/prod/warehouse"


def test_the_state_machine_calls_the_functions_that_exist(platform: Recording) -> None:
    functions = {each.inputs["name"] for each in platform.of("aws:lambda/function:Function")}
    called = {"run": ("kpi-local-run-open", "kpi-local-run-light", "kpi-local-run-close"), "change": ("kpi-local-governance",)}
    for name, steps in called.items():
        definition = json.dumps(platform.one("aws:sfn/stateMachine:StateMachine", name).document("definition"))
        for each in steps:
            assert each in functions
            assert f"function:{each}" in definition


@pytest.mark.parametrize(
    ("store", "kind"), [("aurora", "aws:rds/cluster:Cluster"), ("redshift", "aws:redshiftserverless/namespace:Namespace")]
)
def test_a_managed_result_store_lets_aws_make_its_password(checkout: Path, store: str, kind: str) -> None:
    recording = declare("platform.prod", PLATFORM | {"kpi-observatory:resultStore": store}, checkout)
    (database,) = recording.of(kind)
    assert database.protect
    assert database.inputs.get("manageMasterUserPassword") or database.inputs.get("manageAdminPassword")
    assert "masterPassword" not in database.inputs
    assert len(recording.resources) < PLATFORM_BUDGET


def test_alarms_of_the_embedded_stack_do_not_act_by_themselves(checkout: Path) -> None:
    quiet = declare("platform.local", PLATFORM | {"kpi-observatory:alarmActions": "false"}, checkout)
    assert {each.inputs["actionsEnabled"] for each in quiet.of("aws:cloudwatch/metricAlarm:MetricAlarm")} == {False}
