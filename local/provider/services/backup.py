"""AWS Backup: vaults (ids are names), plans (ids are AWS's) and selections (`plan|selection`). The emulator makes no recovery points."""

from typing import Any

from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags, existing, no_update
from local.provider.framework.schema import boolean, integer, listing, mapping, record, text
from local.provider.framework.translation import from_aws, part, rows, to_aws

VAULT = {
    "name": text(computed=True),
    "forceDestroy": boolean(write_only=True),
    "kmsKeyArn": text(replace=True, computed=True),
}
LIFECYCLE = record({"coldStorageAfter": integer(), "deleteAfter": integer(), "optInToArchiveForSupportedResources": boolean()})
RULE = record(
    {
        "ruleName": text(required=True),
        "targetVaultName": text(required=True),
        "completionWindow": integer(default=180),
        "copyActions": listing(record({"destinationVaultArn": text(required=True), "lifecycle": LIFECYCLE}), unordered=True),
        "enableContinuousBackup": boolean(),
        "lifecycle": LIFECYCLE,
        "recoveryPointTags": mapping(text()),
        "schedule": text(),
        "scheduleExpressionTimezone": text(default="Etc/UTC"),
        "startWindow": integer(default=60),
    }
)
PLAN = {
    "name": text(computed=True),
    "rules": listing(RULE, required=True, unordered=True),
    "advancedBackupSettings": listing(
        record({"backupOptions": mapping(text(), required=True), "resourceType": text(required=True)}), unordered=True
    ),
}
PLAN_ALIASES = {
    "name": "BackupPlanName", "targetVaultName": "TargetBackupVaultName", "completionWindow": "CompletionWindowMinutes",
    "startWindow": "StartWindowMinutes", "schedule": "ScheduleExpression", "destinationVaultArn": "DestinationBackupVaultArn",
    "coldStorageAfter": "MoveToColdStorageAfterDays", "deleteAfter": "DeleteAfterDays",
}  # fmt: skip
SELECTION = {
    "name": text(computed=True),
    "planId": text(required=True, replace=True),
    "iamRoleArn": text(required=True, replace=True),
    "notResources": listing(text(), unordered=True, replace=True),
    "resources": listing(text(), unordered=True, replace=True),
    "selectionTags": listing(
        record({"key": text(required=True), "type": text("STRINGEQUALS", required=True), "value": text(required=True)}),
        unordered=True,
        replace=True,
    ),
}
SELECTION_SENT = {key: prop for key, prop in SELECTION.items() if key != "planId"}
SELECTION_ALIASES = {
    "name": "SelectionName", "selectionTags": "ListOfTags", "key": "ConditionKey", "type": "ConditionType", "value": "ConditionValue",
}  # fmt: skip
LEAST_COLD_DAYS = 90


def find_vault(ctx: Context, inputs: Inputs) -> str | None:
    """The vault of that name."""
    return existing(ctx, lambda: ctx.client("backup").describe_backup_vault(BackupVaultName=inputs["name"]), inputs["name"])


def create_vault(ctx: Context, inputs: Inputs) -> str:
    """Make the vault."""
    key = {"EncryptionKeyArn": inputs["kmsKeyArn"]} if inputs.get("kmsKeyArn") else {}
    ctx.client("backup").create_backup_vault(BackupVaultName=inputs["name"], **key)
    return str(inputs["name"])


def read_vault(ctx: Context, id: str, _state: Inputs) -> Observed:
    """AWS tells everything but `forceDestroy`."""
    vault = ctx.client("backup").describe_backup_vault(BackupVaultName=id)
    outputs = {"arn": vault["BackupVaultArn"], "recoveryPoints": vault.get("NumberOfRecoveryPoints", 0)}
    return Observed(inputs={"name": id, "kmsKeyArn": vault.get("EncryptionKeyArn") or None}, outputs=outputs)


def delete_vault(ctx: Context, id: str, state: Inputs) -> None:
    """Delete the vault, with `forceDestroy` its recovery points first."""
    client = ctx.client("backup")
    points = client.list_recovery_points_by_backup_vault(BackupVaultName=id).get("RecoveryPoints", [])
    if points and not state.get("forceDestroy"):
        raise ProviderError(f"vault '{id}' holds {len(points)} recovery points: delete them first, or set forceDestroy")
    for point in points:
        client.delete_recovery_point(BackupVaultName=id, RecoveryPointArn=point["RecoveryPointArn"])
    client.delete_backup_vault(BackupVaultName=id)


def _plan(ctx: Context, inputs: Inputs) -> dict[str, Any]:
    """The plan as AWS takes it. Raises ProviderError for what AWS refuses and the emulator accepts."""
    for rule in inputs["rules"]:
        vault = rule["targetVaultName"]
        if ctx.optional(lambda vault=vault: ctx.client("backup").describe_backup_vault(BackupVaultName=vault)) is None:
            raise ProviderError(f"rule '{rule['ruleName']}' targets vault '{vault}': expected an existing vault")
        life = part(rule, "lifecycle")
        cold, end = life.get("coldStorageAfter"), life.get("deleteAfter")
        if cold and end and end < cold + LEAST_COLD_DAYS:
            raise ProviderError(f"rule '{rule['ruleName']}' deletes after {end} days: expected at least {cold} + {LEAST_COLD_DAYS}")
    return to_aws(inputs, PLAN, PLAN_ALIASES)


def find_plan(ctx: Context, inputs: Inputs) -> str | None:
    """The plan of that name (AWS would make a second one)."""
    found = ctx.client("backup").list_backup_plans().get("BackupPlansList", [])
    return next((str(each["BackupPlanId"]) for each in found if each["BackupPlanName"] == inputs["name"]), None)


def create_plan(ctx: Context, inputs: Inputs) -> str:
    """Make the plan."""
    return str(ctx.client("backup").create_backup_plan(BackupPlan=_plan(ctx, inputs))["BackupPlanId"])


def read_plan(ctx: Context, id: str, _state: Inputs) -> Observed:
    """AWS tells everything."""
    plan = ctx.client("backup").get_backup_plan(BackupPlanId=id)
    told = from_aws(plan["BackupPlan"], PLAN, PLAN_ALIASES)
    return Observed(inputs=told, outputs={"arn": plan["BackupPlanArn"], "version": plan["VersionId"]})


def update_plan(ctx: Context, id: str, _old: Inputs, new: Inputs) -> None:
    """Replace the plan; AWS keeps the version before."""
    ctx.client("backup").update_backup_plan(BackupPlanId=id, BackupPlan=_plan(ctx, new))


def delete_plan(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the plan. AWS refuses while it has selections; the emulator would leave them behind."""
    client = ctx.client("backup")
    found = ctx.optional(lambda: client.list_backup_selections(BackupPlanId=id))
    names = [each["SelectionName"] for each in rows(found, "BackupSelectionsList")]
    if names:
        raise ProviderError(f"backup plan {id} still has selections ({', '.join(names)}): delete them first")
    client.delete_backup_plan(BackupPlanId=id)


def create_selection(ctx: Context, inputs: Inputs) -> str:
    """Make the selection."""
    request = to_aws(inputs, SELECTION_SENT, SELECTION_ALIASES)
    answer = ctx.client("backup").create_backup_selection(BackupPlanId=inputs["planId"], BackupSelection=request)
    return f"{inputs['planId']}|{answer['SelectionId']}"


def read_selection(ctx: Context, id: str, _state: Inputs) -> Observed:
    """AWS tells everything."""
    plan, selection = id.split("|", 1)
    answer = ctx.client("backup").get_backup_selection(BackupPlanId=plan, SelectionId=selection)
    return Observed(inputs={**from_aws(answer["BackupSelection"], SELECTION_SENT, SELECTION_ALIASES), "planId": plan})


def delete_selection(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the selection."""
    plan, selection = id.split("|", 1)
    ctx.client("backup").delete_backup_selection(BackupPlanId=plan, SelectionId=selection)


def _arn(ctx: Context, id: str, state: Inputs) -> str:
    """The ARN of a vault or a plan; only plans have rules."""
    if "rules" in state or "planId" in state:
        return str(ctx.client("backup").get_backup_plan(BackupPlanId=id)["BackupPlanArn"])
    vault = ctx.optional(lambda: ctx.client("backup").describe_backup_vault(BackupVaultName=id))
    return str(vault["BackupVaultArn"] if vault else ctx.client("backup").get_backup_plan(BackupPlanId=id)["BackupPlanArn"])


def read_tags(ctx: Context, id: str, state: Inputs) -> dict[str, str]:
    """The tags of a vault or a plan."""
    return dict(ctx.client("backup").list_tags(ResourceArn=_arn(ctx, id, state)).get("Tags", {}))


def write_tags(ctx: Context, id: str, inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    arn = _arn(ctx, id, inputs)
    if changed:
        ctx.client("backup").tag_resource(ResourceArn=arn, Tags=changed)
    if removed:
        ctx.client("backup").untag_resource(ResourceArn=arn, TagKeyList=removed)


RESOURCES = (
    Resource(
        token="aws:backup/vault:Vault",
        name="name",
        inputs=VAULT,
        outputs=("arn", "recoveryPoints"),
        find=find_vault,
        create=create_vault,
        read=read_vault,
        update=no_update,
        delete=delete_vault,
        tags=Tags(read_tags, write_tags),
    ),
    Resource(
        token="aws:backup/plan:Plan",
        name="name",
        inputs=PLAN,
        outputs=("arn", "version"),
        volatile=("version",),
        find=find_plan,
        create=create_plan,
        read=read_plan,
        update=update_plan,
        delete=delete_plan,
        tags=Tags(read_tags, write_tags),
    ),
    Resource(
        token="aws:backup/selection:Selection",
        name="name",
        inputs=SELECTION,
        create=create_selection,
        read=read_selection,
        delete=delete_selection,
    ),
)
