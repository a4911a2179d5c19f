"""CloudFront, WAF, Backup, Budgets and ECR."""

import json

import pytest

from tests.local.provider.rig import ACCOUNT, Refused, Rig, lives_a_full_life

VISIBILITY = {"cloudwatchMetricsEnabled": True, "metricName": "it", "sampledRequestsEnabled": True}


def test_a_repository_lives_a_full_life(rig: Rig) -> None:
    repository = rig.create(
        "aws:ecr/repository:Repository",
        name="runner",
        imageTagMutability="IMMUTABLE",
        imageScanningConfiguration={"scanOnPush": True},
        tags={"team": "kpi"},
    )
    assert repository.state["repositoryUrl"].endswith("/runner")

    def spoil() -> None:
        rig.aws("ecr").put_image_tag_mutability(repositoryName="runner", imageTagMutability="MUTABLE")

    lives_a_full_life(repository, change={"imageScanningConfiguration": {"scanOnPush": False}}, spoil=spoil, drifted="imageTagMutability")


def test_a_lifecycle_policy_lives_a_full_life(rig: Rig) -> None:
    rig.create("aws:ecr/repository:Repository", "owner", name="owner")
    selection = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5}
    first = {"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]}
    second = {"rules": [{"rulePriority": 2, "selection": selection, "action": {"type": "expire"}}]}
    policy = rig.create("aws:ecr/lifecyclePolicy:LifecyclePolicy", repository="owner", policy=json.dumps(first))

    def spoil() -> None:
        rig.aws("ecr").put_lifecycle_policy(repositoryName="owner", lifecyclePolicyText=json.dumps(first))

    lives_a_full_life(policy, change={"policy": json.dumps(second)}, spoil=spoil, drifted="policy")


def test_a_backup_vault_plan_and_selection_live_a_full_life(rig: Rig) -> None:
    vault = rig.create("aws:backup/vault:Vault", name="records", tags={"team": "kpi"})
    rule = {"ruleName": "daily", "targetVaultName": "records", "schedule": "cron(0 3 * * ? *)", "lifecycle": {"deleteAfter": 35}}
    plan = rig.create("aws:backup/plan:Plan", name="daily", rules=[rule])
    selection = rig.create(
        "aws:backup/selection:Selection",
        name="tables",
        planId=plan.id,
        iamRoleArn=f"arn:aws:iam::{ACCOUNT}:role/backup",
        selectionTags=[{"type": "STRINGEQUALS", "key": "backup", "value": "daily"}],
    )
    assert selection.drift() == []
    assert selection.replaced_by(name="other") == ["name"]
    selection.delete()
    assert selection.gone()

    def spoil() -> None:
        document = {"BackupPlanName": "renamed", "Rules": [{"RuleName": "daily", "TargetBackupVaultName": "records"}]}
        rig.aws("backup").update_backup_plan(BackupPlanId=plan.id, BackupPlan=document)

    changed = {**rule, "lifecycle": {"deleteAfter": 70}}
    lives_a_full_life(plan, change={"rules": [changed]}, spoil=spoil, drifted="name")
    assert vault.drift() == []
    with pytest.raises(Refused, match="already exists"):
        rig.create("aws:backup/vault:Vault", "second", name="records")
    vault.delete()
    assert vault.gone()


def test_a_budget_lives_a_full_life(rig: Rig) -> None:
    notification = {
        "comparisonOperator": "GREATER_THAN",
        "notificationType": "ACTUAL",
        "threshold": 80,
        "thresholdType": "PERCENTAGE",
        "subscriberEmailAddresses": ["finance@example.com"],
    }
    budget = rig.create(
        "aws:budgets/budget:Budget",
        name="acme",
        budgetType="COST",
        timeUnit="MONTHLY",
        limitAmount="100",
        limitUnit="USD",
        costFilters=[{"name": "TagKeyValue", "values": ["user:tenant$acme"]}],
        notifications=[notification],
    )
    assert budget.id == f"{ACCOUNT}:acme"

    def spoil() -> None:
        document = {"BudgetName": "acme", "BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": {"Amount": "999", "Unit": "USD"}}
        rig.aws("budgets").update_budget(AccountId=ACCOUNT, NewBudget=document)

    lives_a_full_life(budget, change={"notifications": [{**notification, "threshold": 100}]}, spoil=spoil, drifted="limitAmount")


def test_a_web_acl_lives_a_full_life(rig: Rig) -> None:
    managed = {
        "name": "common",
        "priority": 1,
        "overrideAction": {"none": {}},
        "statement": {"managedRuleGroupStatement": {"name": "AWSManagedRulesCommonRuleSet", "vendorName": "AWS"}},
        "visibilityConfig": VISIBILITY,
    }
    rate = {
        "name": "rate",
        "priority": 2,
        "action": {"block": {}},
        "statement": {"rateBasedStatement": {"limit": 2000, "aggregateKeyType": "IP"}},
        "visibilityConfig": VISIBILITY,
    }
    acl = rig.create(
        "aws:wafv2/webAcl:WebAcl",
        name="portal",
        scope="CLOUDFRONT",
        defaultAction={"allow": {}},
        rules=[managed, rate],
        visibilityConfig=VISIBILITY,
    )

    def spoil() -> None:
        client = rig.aws("wafv2")
        found = client.get_web_acl(Name="portal", Scope="CLOUDFRONT", Id=acl.id)
        keep = {"DefaultAction": {"Block": {}}, "Rules": [], "VisibilityConfig": found["WebACL"]["VisibilityConfig"]}
        client.update_web_acl(Name="portal", Scope="CLOUDFRONT", Id=acl.id, LockToken=found["LockToken"], **keep)

    lives_a_full_life(acl, change={"rules": [rate]}, spoil=spoil, drifted="defaultAction")


def test_a_statement_that_is_not_supported_is_refused(rig: Rig) -> None:
    rule = {"name": "x", "priority": 1, "action": {"block": {}}, "statement": {"xssMatchStatement": {}}, "visibilityConfig": VISIBILITY}
    with pytest.raises(Refused, match="xssMatchStatement"):
        rig.create(
            "aws:wafv2/webAcl:WebAcl", name="x", scope="REGIONAL", defaultAction={"allow": {}}, rules=[rule], visibilityConfig=VISIBILITY
        )


def test_an_origin_access_control_and_a_distribution_live_a_full_life(rig: Rig) -> None:
    control = rig.create(
        "aws:cloudfront/originAccessControl:OriginAccessControl",
        name="portal",
        originAccessControlOriginType="s3",
        signingBehavior="always",
        signingProtocol="sigv4",
    )
    assert control.drift() == []
    methods = ["GET", "HEAD"]
    distribution = rig.create(
        "aws:cloudfront/distribution:Distribution",
        enabled=True,
        comment="portal",
        defaultRootObject="index.html",
        origins=[{"originId": "portal", "domainName": "portal.s3.us-east-1.amazonaws.com", "originAccessControlId": control.id}],
        defaultCacheBehavior={
            "targetOriginId": "portal",
            "viewerProtocolPolicy": "redirect-to-https",
            "allowedMethods": methods,
            "cachedMethods": methods,
            "cachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
        },
        restrictions={"geoRestriction": {"restrictionType": "none"}},
        viewerCertificate={"cloudfrontDefaultCertificate": True},
        tags={"team": "kpi"},
    )
    assert distribution.state["domainName"]

    def spoil() -> None:
        client = rig.aws("cloudfront")
        current = client.get_distribution_config(Id=distribution.id)
        config = {**current["DistributionConfig"], "DefaultRootObject": "other.html"}
        client.update_distribution(Id=distribution.id, DistributionConfig=config, IfMatch=current["ETag"])

    lives_a_full_life(distribution, change={"comment": "the portal"}, spoil=spoil, drifted="defaultRootObject")
    control.delete()
    assert control.gone()
