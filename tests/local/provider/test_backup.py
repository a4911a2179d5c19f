"""Backup vaults, plans and selections."""

import pytest

from tests.local.provider.rig import ACCOUNT, Refused, Rig, lives_a_full_life

VAULT = "aws:backup/vault:Vault"
PLAN = "aws:backup/plan:Plan"
SELECTION = "aws:backup/selection:Selection"
RULE = {
    "ruleName": "daily",
    "targetVaultName": "records",
    "schedule": "cron(0 1 * * ? *)",
    "startWindow": 60,
    "completionWindow": 360,
    "lifecycle": {"coldStorageAfter": 30, "deleteAfter": 730},
}


def test_a_vault_lives_a_full_life(rig: Rig) -> None:
    it = rig.create(VAULT, name="kpi", kmsKeyArn=f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1", forceDestroy=True, tags={"team": "kpi"})

    def spoil() -> None:
        rig.aws("backup").tag_resource(ResourceArn=it.state["arn"], Tags={"team": "other"})

    lives_a_full_life(it, change={"tags": {"team": "core"}}, spoil=spoil, drifted="tags")


def test_a_plan_and_its_selection_live_a_full_life(rig: Rig) -> None:
    rig.create(VAULT, "records", name="records")
    plan = rig.create(PLAN, name="daily", rules=[RULE], tags={"team": "kpi"})
    selection = rig.create(
        SELECTION,
        name="tables",
        planId=plan.id,
        iamRoleArn=f"arn:aws:iam::{ACCOUNT}:role/backup",
        resources=["arn:aws:dynamodb:us-east-1:1:table/a", "arn:aws:dynamodb:us-east-1:1:table/b"],
        selectionTags=[{"key": "backup", "type": "STRINGEQUALS", "value": "daily"}],
    )
    assert selection.drift() == []
    assert selection.replaced_by(resources=["*"]) == ["resources"]
    with pytest.raises(Refused, match="still has selections"):
        plan.delete()
    selection.delete()
    assert selection.gone()

    def spoil() -> None:
        now = rig.aws("backup").get_backup_plan(BackupPlanId=plan.id)["BackupPlan"]
        now["Rules"][0]["ScheduleExpression"] = "cron(0 9 * * ? *)"
        rig.aws("backup").update_backup_plan(BackupPlanId=plan.id, BackupPlan=now)

    lives_a_full_life(plan, change={"rules": [{**RULE, "startWindow": 120}]}, spoil=spoil, drifted="rules")


def test_what_aws_refuses_is_refused(rig: Rig) -> None:
    with pytest.raises(Refused, match="expected an existing vault"):
        rig.create(PLAN, "lost", name="lost", rules=[{**RULE, "targetVaultName": "nowhere"}])
    rig.create(VAULT, "kept", name="kept")
    short = {**RULE, "targetVaultName": "kept", "lifecycle": {"coldStorageAfter": 30, "deleteAfter": 60}}
    with pytest.raises(Refused, match="expected at least 30 \\+ 90"):
        rig.create(PLAN, "short", name="short", rules=[short])
