"""AWS Backup: vaults (ids are names), plans (ids are plan ids) and selections (ids are selection ids, found under their plan)."""

from typing import Any

from local.provider.framework.context import Context
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import Property, boolean, integer, listing, mapping, record, text
from local.provider.framework.translation import from_aws, to_aws

LIFECYCLE = record({"coldStorageAfter": integer(), "deleteAfter": integer(), "optInToArchiveForSupportedResources": boolean()})
LIFECYCLE_NAMES = {"coldStorageAfter": "MoveToColdStorageAfterDays", "deleteAfter": "DeleteAfterDays"}
RULE = record(
    {
        "ruleName": text(required=True),
        "targetVaultName": text(required=True),
        "schedule": text(),
        "scheduleExpressionTimezone": text(computed=True),
        "startWindow": integer(default=60),
        "completionWindow": integer(default=180),
        "enableContinuousBackup": boolean(),
        "lifecycle": LIFECYCLE,
        "recoveryPointTags": mapping(text()),
        "copyActions": listing(record({"destinationVaultArn": text(required=True), "lifecycle": LIFECYCLE})),
    }
)
RULE_NAMES = {
    **LIFECYCLE_NAMES,
    "targetVaultName": "TargetBackupVaultName",
    "schedule": "ScheduleExpression",
    "startWindow": "StartWindowMinutes",
    "completionWindow": "CompletionWindowMinutes",
    "destinationVaultArn": "DestinationBackupVaultArn",
}
PLAN: dict[str, Property] = {"name": text(required=True), "rules": listing(RULE, required=True, unordered=True)}
PLAN_NAMES = {**RULE_NAMES, "name": "BackupPlanName"}
SELECTION = {
    "name": text(required=True, replace=True),
    "planId": text(required=True, replace=True),
    "iamRoleArn": text(required=True, replace=True),
    "resources": listing(text(), replace=True, unordered=True),
    "notResources": listing(text(), replace=True, unordered=True),
    "selectionTags": listing(
        record({"type": text("STRINGEQUALS", required=True), "key": text(required=True), "value": text(required=True)}),
        replace=True,
        unordered=True,
    ),
}
SELECTION_FIELDS = {key: SELECTION[key] for key in ("name", "iamRoleArn", "resources", "notResources", "selectionTags")}
SELECTION_NAMES = {
    "name": "SelectionName",
    "selectionTags": "ListOfTags",
    "type": "ConditionType",
    "key": "ConditionKey",
    "value": "ConditionValue",
}


def find_vault(ctx: Context, inputs: Inputs) -> str | None:
    """The vault of that name."""
    found = ctx.optional(lambda: ctx.client("backup").describe_backup_vault(BackupVaultName=inputs["name"]))
    return str(inputs["name"]) if found else None


def create_vault(ctx: Context, inputs: Inputs) -> str:
    """Make the vault."""
    key = {"EncryptionKeyArn": inputs["kmsKeyArn"]} if inputs.get("kmsKeyArn") else {}
    ctx.client("backup").create_backup_vault(BackupVaultName=inputs["name"], **key)
    return str(inputs["name"])


def read_vault(ctx: Context, id: str, state: Inputs) -> Observed | None:
    """A key that AWS chose itself is not told back as an input."""
    found = ctx.optional(lambda: ctx.client("backup").describe_backup_vault(BackupVaultName=id))
    if not found:
        return None
    told = {"name": found["BackupVaultName"], "kmsKeyArn": found.get("EncryptionKeyArn") or state.get("kmsKeyArn")}
    return Observed(inputs=told, outputs={"arn": found["BackupVaultArn"], "recoveryPoints": found.get("NumberOfRecoveryPoints", 0)})


def delete_vault(ctx: Context, id: str, state: Inputs) -> None:
    """AWS refuses while recovery points are in it, unless `forceDestroy` removes them first."""
    client = ctx.client("backup")
    if state.get("forceDestroy"):
        for point in client.list_recovery_points_by_backup_vault(BackupVaultName=id).get("RecoveryPoints", []):
            client.delete_recovery_point(BackupVaultName=id, RecoveryPointArn=point["RecoveryPointArn"])
    client.delete_backup_vault(BackupVaultName=id)


def update_vault(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Only `forceDestroy` changes in place, and that lives in the state alone."""


def create_plan(ctx: Context, inputs: Inputs) -> str:
    """Make the plan."""
    return str(ctx.client("backup").create_backup_plan(BackupPlan=to_aws(inputs, PLAN, PLAN_NAMES))["BackupPlanId"])


def read_plan(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """The latest version of the plan."""
    found = ctx.optional(lambda: ctx.client("backup").get_backup_plan(BackupPlanId=id))
    if not found or found.get("DeletionDate"):
        return None
    told = from_aws(found["BackupPlan"], PLAN, PLAN_NAMES)
    return Observed(inputs=told, outputs={"arn": found["BackupPlanArn"], "version": found["VersionId"]})


def update_plan(ctx: Context, id: str, _old: Inputs, new: Inputs) -> None:
    """A new version of the plan."""
    ctx.client("backup").update_backup_plan(BackupPlanId=id, BackupPlan=to_aws(new, PLAN, PLAN_NAMES))


def delete_plan(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the plan."""
    ctx.client("backup").delete_backup_plan(BackupPlanId=id)


def create_selection(ctx: Context, inputs: Inputs) -> str:
    """Make the selection."""
    request = to_aws(inputs, SELECTION_FIELDS, SELECTION_NAMES)
    return str(ctx.client("backup").create_backup_selection(BackupPlanId=inputs["planId"], BackupSelection=request)["SelectionId"])


def read_selection(ctx: Context, id: str, state: Inputs) -> Observed | None:
    """Found under its plan, so it cannot be imported by its id alone."""
    answer = ctx.optional(lambda: ctx.client("backup").get_backup_selection(BackupPlanId=state.get("planId") or "", SelectionId=id))
    if not answer:
        return None
    told = from_aws(answer["BackupSelection"], SELECTION_FIELDS, SELECTION_NAMES)
    return Observed(inputs={name: value or None for name, value in told.items()} | {"planId": answer["BackupPlanId"]})


def delete_selection(ctx: Context, id: str, state: Inputs) -> None:
    """Delete the selection."""
    ctx.client("backup").delete_backup_selection(BackupPlanId=state["planId"], SelectionId=id)


def _arn(state: Inputs, ctx: Context, id: str) -> str:
    kind = "backup-plan" if "rules" in state else "backup-vault"
    return str(state.get("arn") or ctx.arn("backup", f"{kind}:{id}"))


def read_tags(ctx: Context, id: str, state: Inputs) -> dict[str, str]:
    """The tags of a vault or a plan."""
    tags: dict[str, Any] = ctx.client("backup").list_tags(ResourceArn=_arn(state, ctx, id)).get("Tags") or {}
    return {str(key): str(value) for key, value in tags.items()}


def write_tags(ctx: Context, id: str, inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    if changed:
        ctx.client("backup").tag_resource(ResourceArn=_arn(inputs, ctx, id), Tags=changed)
    if removed:
        ctx.client("backup").untag_resource(ResourceArn=_arn(inputs, ctx, id), TagKeyList=removed)


RESOURCES = (
    Resource(
        token="aws:backup/vault:Vault",
        name="name",
        inputs={"name": text(computed=True), "kmsKeyArn": text(replace=True, computed=True), "forceDestroy": boolean(write_only=True)},
        outputs=("arn", "recoveryPoints"),
        find=find_vault,
        create=create_vault,
        read=read_vault,
        update=update_vault,
        delete=delete_vault,
        tags=Tags(read_tags, write_tags),
    ),
    Resource(
        token="aws:backup/plan:Plan",
        inputs=PLAN,
        outputs=("arn", "version"),
        volatile=("version",),
        create=create_plan,
        read=read_plan,
        update=update_plan,
        delete=delete_plan,
        tags=Tags(read_tags, write_tags),
    ),
    Resource(
        token="aws:backup/selection:Selection",
        inputs=SELECTION,
        create=create_selection,
        read=read_selection,
        delete=delete_selection,
    ),
)
