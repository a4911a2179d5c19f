"""Who may do what: every policy document of both stacks, judged one statement at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from infra.names import LOG_TABLES
from tests.infra.harness import Recording

# Actions that AWS grants on "*" only; each is used by exactly the roles named here.
UNSCOPED = {
    "NetworkInterfaces": {"api", "run-light", "run-close"},
    "LogDelivery": {"engine"},
    "RegistryToken": {"run-heavy-start"},
    "ListSchedules": {"reconciler"},
    "ListMuteRules": {"reconciler"},
    "ListDashboards": {"reconciler"},
}
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems", "PartiQLUpdate", "PartiQLDelete", "PartiQLInsert")


@dataclass(frozen=True)
class Statement:
    """One statement of an identity policy, with the role that has it."""

    role: str
    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: dict[str, Any]


def statements(recording: Recording) -> Iterator[Statement]:
    for policy in recording.of("aws:iam/rolePolicy:RolePolicy"):
        for each in policy.document("policy")["Statement"]:
            assert each["Effect"] == "Allow"
            role = str(policy.inputs["name"]).removeprefix("kpi-local-")
            yield Statement(role, each["Sid"], tuple(each["Action"]), tuple(each["Resource"]), each.get("Condition", {}))


@pytest.fixture(params=["platform", "tenant"])
def every(request: pytest.FixtureRequest) -> list[Statement]:
    return list(statements(request.getfixturevalue(request.param)))


def test_no_policy_allows_an_action_by_wildcard(every: list[Statement]) -> None:
    assert [(each.role, action) for each in every for action in each.actions if "*" in action or "?" in action] == []


def test_all_resources_are_allowed_only_where_aws_knows_no_others(every: list[Statement]) -> None:
    unscoped = [(each.role, each.sid) for each in every if "*" in each.resources]
    assert [pair for pair in unscoped if pair[0] not in UNSCOPED.get(pair[1], set())] == []


def test_every_resource_is_in_this_account_or_one_of_our_buckets(every: list[Statement]) -> None:
    arns = [arn for each in every for arn in each.resources if arn != "*"]
    assert [arn for arn in arns if ":123456789012:" not in arn and not arn.startswith("arn:aws:s3:::kpi-local-")] == []


def test_wildcards_in_names_only_stand_for_what_is_made_later(every: list[Statement]) -> None:
    allowed = (
        "/stream/", ":log-group:", "secret:kpi/local/", ":task-definition/", ":task/", "schedule/kpi-local-", "alarm:kpi-local-",
        "alarm-mute-rule:kpi-local-*-pause-", "/logs/", "/errors/", "/dictionary/", "/search/", "/backup/", "/checkpoints/", "/evidence/",
        "/rendered/", "/reports/", "role/kpi-local-*-run", ":kpi-local-*-alerts-", "-dev-kpi-", "-stg-kpi-", "-prod-kpi-",
    )  # fmt: skip
    open_ = [arn for each in every for arn in each.resources if ("*" in arn or "?" in arn) and arn != "*"]
    assert [arn for arn in open_ if not any(part in arn for part in allowed)] == []


def test_log_rows_are_only_ever_inserted(every: list[Statement]) -> None:
    logs = {f"table/kpi-local-{table}" for table in LOG_TABLES}
    for each in every:
        touches = any(arn.split(":", 5)[-1].split("/index")[0] in logs for arn in each.resources)
        writes = {action.removeprefix("dynamodb:") for action in each.actions} & set(WRITES)
        assert not touches or writes <= {"PartiQLInsert"}, each


def test_audit_rows_are_only_ever_added_and_only_together_with_the_change_they_explain(every: list[Statement]) -> None:
    transaction = {"ForAnyValue:StringEquals": {"dynamodb:EnclosingOperation": ["TransactWriteItems"]}}
    for each in every:
        if any(arn.endswith("table/kpi-local-audit") for arn in each.resources) and each.role != "backup":
            writes = {action.removeprefix("dynamodb:") for action in each.actions} & set(WRITES)
            assert writes <= {"PartiQLInsert"} or (writes == {"PutItem"} and each.condition == transaction), each


def test_only_the_control_plane_changes_the_catalog(platform: Recording) -> None:
    writers = {
        each.role
        for each in statements(platform)
        for action in each.actions
        if any(arn.endswith("table/kpi-local-catalog") for arn in each.resources) and action.removeprefix("dynamodb:") in WRITES
    }
    assert writers <= {"api", "governance", "reconciler"}


def test_the_api_writes_the_catalog_and_its_audit_and_nothing_else(platform: Recording) -> None:
    written = {
        (action.removeprefix("dynamodb:"), arn.rsplit("/", 1)[1])
        for each in statements(platform)
        if each.role == "api"
        for action in each.actions
        for arn in each.resources
        if action.removeprefix("dynamodb:") in WRITES
    }
    catalog = {(action, "kpi-local-catalog") for action in ("PutItem", "UpdateItem", "DeleteItem")}
    assert written == catalog | {("PutItem", "kpi-local-audit")}


def allowed(platform: Recording, role: str) -> set[tuple[str, str]]:
    """Actions of a role, each with the last part of what it is allowed on."""
    mine = [each for each in statements(platform) if each.role == role]
    return {(action, arn.rsplit(":", 1)[-1]) for each in mine for action in each.actions for arn in each.resources}


def test_the_dispatcher_reads_canaries_and_routes_and_tells_tenants(platform: Recording) -> None:
    wanted = {("dynamodb:Query", "table/kpi-local-catalog"), ("sns:Publish", "kpi-local-*-alerts-routine")}
    assert allowed(platform, "dispatcher") >= wanted


def test_the_api_tells_nobody_and_reads_no_secret_of_a_tenant(platform: Recording) -> None:
    mine = allowed(platform, "api")
    assert not [pair for pair in mine if pair[0].startswith("sns:")]
    assert not [pair for pair in mine if pair[0] == "secretsmanager:GetSecretValue" and "warehouse" in pair[1]]


def test_runners_reach_rows_and_warehouses_only_as_a_tenant(platform: Recording) -> None:
    for role in ("run-light", "run-heavy"):
        mine = [each for each in statements(platform) if each.role == role]
        assert not any(action.startswith("dynamodb:") for each in mine for action in each.actions)
        (secret,) = [each for each in mine if "secretsmanager:GetSecretValue" in each.actions]
        assert all("result-store" in arn for arn in secret.resources)
        assert any("sts:AssumeRole" in each.actions for each in mine)


def test_nobody_scans_a_table(every: list[Statement]) -> None:
    assert not [each for each in every if "dynamodb:Scan" in each.actions]


def test_roles_are_only_handed_to_the_service_they_are_for(every: list[Statement]) -> None:
    handed = [each for each in every if "iam:PassRole" in each.actions]
    assert all(each.condition["StringEquals"]["iam:PassedToService"] for each in handed)


def test_a_tenant_role_sees_rows_of_its_tenant_only(tenant: Recording) -> None:
    rows = [each for each in statements(tenant) if any(action.startswith("dynamodb:") for action in each.actions)]
    assert rows
    for each in rows:
        assert each.condition["ForAllValues:StringLike"] == {"dynamodb:LeadingKeys": ["acme", "acme#*"]}
        # Without this, a request that names no key at all would match every value of none.
        assert each.condition["Null"] == {"dynamodb:LeadingKeys": "false"}
        assert not {"dynamodb:Scan", "dynamodb:PutItem"} & set(each.actions)


def test_a_tenant_role_reads_its_own_warehouse_secret_only(tenant: Recording) -> None:
    (secrets,) = [each for each in statements(tenant) if "secretsmanager:GetSecretValue" in each.actions]
    assert secrets.resources == ("arn:aws:secretsmanager:us-east-1:123456789012:secret:kpi/local/acme/prod/warehouse-??????",)


def test_a_tenant_role_is_taken_by_runners_that_say_the_tenant(tenant: Recording) -> None:
    (role,) = tenant.of("aws:iam/role:Role")
    (trust,) = role.document("assumeRolePolicy")["Statement"]
    assert trust["Condition"] == {"StringEquals": {"aws:RequestTag/tenant_id": "acme"}}
    assert all(principal.startswith("arn:aws:iam::123456789012:role/kpi-local-") for principal in trust["Principal"]["AWS"])


def test_resource_policies_open_to_everybody_only_ever_deny(platform: Recording) -> None:
    documents = [
        (each, key)
        for kind, key in (
            ("aws:s3/bucketPolicy:BucketPolicy", "policy"),
            ("aws:sqs/queuePolicy:QueuePolicy", "policy"),
            ("aws:sns/topicPolicy:TopicPolicy", "policy"),
            ("aws:kms/key:Key", "policy"),
        )
        for each in platform.of(kind)
    ]
    for each, key in documents:
        for statement in each.document(key)["Statement"]:
            if statement["Principal"] == "*":
                assert statement["Effect"] == "Deny", each.urn


def test_whole_services_are_allowed_only_to_the_account_on_its_own_keys(platform: Recording) -> None:
    for key in platform.of("aws:kms/key:Key"):
        wide = [each for each in key.document("policy")["Statement"] if each["Action"] == "kms:*"]
        assert [each["Principal"] for each in wide] == [{"AWS": "arn:aws:iam::123456789012:root"}]


def test_every_function_has_a_role_of_its_own(platform: Recording) -> None:
    functions = platform.of("aws:lambda/function:Function")
    assert len({each.inputs["role"] for each in functions}) == len(functions) == 9
