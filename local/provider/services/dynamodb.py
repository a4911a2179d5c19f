"""DynamoDB tables: keys, indexes, TTL, point-in-time recovery, streams, encryption, deletion protection."""

from typing import Any

from local.provider.framework.context import Context, ProviderError
from local.provider.framework.diffs import same
from local.provider.framework.resource import Inputs, Observed, Resource, Tags, existing
from local.provider.framework.schema import Property, boolean, integer, listing, record, text

PROJECTION = text("ALL", "KEYS_ONLY", "INCLUDE", required=True)
FIELDS: dict[str, Property] = {
    "name": text(computed=True),
    "attributes": listing(record({"name": text(required=True), "type": text("S", "N", "B", required=True)}), unordered=True),
    "billingMode": text("PROVISIONED", "PAY_PER_REQUEST", default="PROVISIONED"),
    "deletionProtectionEnabled": boolean(),
    "globalSecondaryIndexes": listing(
        record(
            {
                "name": text(required=True),
                "hashKey": text(computed=True),
                "rangeKey": text(),
                "projectionType": PROJECTION,
                "nonKeyAttributes": listing(text(), unordered=True),
                "readCapacity": integer(computed=True),
                "writeCapacity": integer(computed=True),
            }
        ),
        unordered=True,
    ),
    "hashKey": text(replace=True, computed=True),
    "localSecondaryIndexes": listing(
        record(
            {
                "name": text(required=True),
                "rangeKey": text(required=True),
                "projectionType": PROJECTION,
                "nonKeyAttributes": listing(text(), unordered=True),
            }
        ),
        unordered=True,
        replace=True,
    ),
    "pointInTimeRecovery": record({"enabled": boolean(required=True), "recoveryPeriodInDays": integer(computed=True)}),
    "rangeKey": text(replace=True),
    "readCapacity": integer(computed=True),
    "writeCapacity": integer(computed=True),
    "serverSideEncryption": record({"enabled": boolean(required=True), "kmsKeyArn": text(computed=True)}),
    "streamEnabled": boolean(),
    "streamViewType": text("NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES", "KEYS_ONLY", computed=True),
    "tableClass": text("STANDARD", "STANDARD_INFREQUENT_ACCESS", computed=True),
    "ttl": record({"attributeName": text(), "enabled": boolean()}),
}

LOCAL_KEYS = ("name", "rangeKey", "projectionType", "nonKeyAttributes")


def keys(hash_key: str, range_key: str | None) -> list[dict[str, str]]:
    """A key schema."""
    schema = [{"AttributeName": hash_key, "KeyType": "HASH"}]
    return [*schema, {"AttributeName": range_key, "KeyType": "RANGE"}] if range_key else schema


def throughput(given: Inputs) -> dict[str, Any]:
    """Provisioned throughput, at least one unit each as AWS requires."""
    return {"ReadCapacityUnits": given.get("readCapacity") or 1, "WriteCapacityUnits": given.get("writeCapacity") or 1}


def projection(given: Inputs) -> dict[str, Any]:
    """An index's projection."""
    extra = {"NonKeyAttributes": given["nonKeyAttributes"]} if given.get("nonKeyAttributes") else {}
    return {"ProjectionType": given["projectionType"], **extra}


def index(given: Inputs, inputs: Inputs) -> dict[str, Any]:
    """A global secondary index for AWS."""
    if not given.get("hashKey"):
        raise ProviderError(f"globalSecondaryIndexes '{given['name']}': hashKey is missing: expected the name of a declared attribute")
    result = {"IndexName": given["name"], "KeySchema": keys(given["hashKey"], given.get("rangeKey")), "Projection": projection(given)}
    return {**result, "ProvisionedThroughput": throughput(given)} if inputs["billingMode"] == "PROVISIONED" else result


def attributes(inputs: Inputs) -> list[dict[str, str]]:
    """The attribute definitions. Raises ProviderError for one that no key uses: AWS refuses it, the emulator does not."""
    used: set[Any] = {inputs.get("hashKey"), inputs.get("rangeKey")}
    indexes: list[Inputs] = [*(inputs.get("globalSecondaryIndexes") or []), *(inputs.get("localSecondaryIndexes") or [])]
    for each in indexes:
        used |= {each.get("hashKey"), each.get("rangeKey")}
    given: list[dict[str, str]] = inputs.get("attributes") or []
    declared = {each["name"] for each in given}
    used.discard(None)
    if declared != used:
        raise ProviderError(
            f"attributes are {sorted(declared)}: expected exactly the attributes used by keys and indexes: {sorted(map(str, used))}"
        )
    return [{"AttributeName": each["name"], "AttributeType": each["type"]} for each in given]


def stream(inputs: Inputs) -> dict[str, Any]:
    """The stream setting."""
    if not inputs.get("streamEnabled"):
        return {"StreamEnabled": False}
    if not inputs.get("streamViewType"):
        raise ProviderError(
            "streamViewType is missing: expected one of NEW_IMAGE, OLD_IMAGE, NEW_AND_OLD_IMAGES, KEYS_ONLY with streamEnabled"
        )
    return {"StreamEnabled": True, "StreamViewType": inputs["streamViewType"]}


def encryption(inputs: Inputs) -> dict[str, Any]:
    """The encryption setting; without one AWS uses its own key."""
    wanted: Inputs = inputs.get("serverSideEncryption") or {}
    if not wanted.get("enabled"):
        return {"Enabled": False}
    key = {"KMSMasterKeyId": wanted["kmsKeyArn"]} if wanted.get("kmsKeyArn") else {}
    return {"Enabled": True, "SSEType": "KMS", **key}


def create(ctx: Context, inputs: Inputs) -> str:
    """Make the table, wait until it is active, then switch on TTL and recovery."""
    request: dict[str, Any] = {
        "TableName": inputs["name"],
        "AttributeDefinitions": attributes(inputs),
        "KeySchema": keys(inputs["hashKey"], inputs.get("rangeKey")),
        "BillingMode": inputs["billingMode"],
        "DeletionProtectionEnabled": bool(inputs.get("deletionProtectionEnabled")),
    }
    if inputs["billingMode"] == "PROVISIONED":
        request["ProvisionedThroughput"] = throughput(inputs)
    if inputs.get("globalSecondaryIndexes"):
        request["GlobalSecondaryIndexes"] = [index(each, inputs) for each in inputs["globalSecondaryIndexes"]]
    if inputs.get("localSecondaryIndexes"):
        request["LocalSecondaryIndexes"] = [
            {"IndexName": each["name"], "KeySchema": keys(inputs["hashKey"], each["rangeKey"]), "Projection": projection(each)}
            for each in inputs["localSecondaryIndexes"]
        ]
    if inputs.get("streamEnabled"):
        request["StreamSpecification"] = stream(inputs)
    if (inputs.get("serverSideEncryption") or {}).get("enabled"):
        request["SSESpecification"] = encryption(inputs)
    if inputs.get("tableClass"):
        request["TableClass"] = inputs["tableClass"]
    ctx.client("dynamodb").create_table(**request)
    settle(ctx, inputs["name"])
    apply_ttl(ctx, inputs["name"], {}, inputs)
    apply_recovery(ctx, inputs["name"], {}, inputs)
    return str(inputs["name"])


def settle(ctx: Context, name: str) -> None:
    """Wait until table and indexes are active."""

    def active() -> bool:
        table = ctx.client("dynamodb").describe_table(TableName=name)["Table"]
        indexes: list[dict[str, Any]] = table.get("GlobalSecondaryIndexes") or []
        return table["TableStatus"] == "ACTIVE" and all(each.get("IndexStatus", "ACTIVE") == "ACTIVE" for each in indexes)

    ctx.wait(active, f"table '{name}' becoming ACTIVE", 120)


def apply_ttl(ctx: Context, name: str, old: Inputs, new: Inputs) -> None:
    """Switch TTL on or off where it differs. AWS wants the old attribute named when switching off."""
    before: Inputs = old.get("ttl") or {}
    after: Inputs = new.get("ttl") or {}
    if same(before, after, FIELDS["ttl"]):
        return
    attribute = after.get("attributeName") or before.get("attributeName")
    if after.get("enabled") or before.get("enabled"):
        wanted = {"Enabled": bool(after.get("enabled")), "AttributeName": attribute}
        ctx.client("dynamodb").update_time_to_live(TableName=name, TimeToLiveSpecification=wanted)


def apply_recovery(ctx: Context, name: str, old: Inputs, new: Inputs) -> None:
    """Switch point-in-time recovery where it differs."""
    before: Inputs = old.get("pointInTimeRecovery") or {}
    after: Inputs = new.get("pointInTimeRecovery") or {}
    if not same(before, after, FIELDS["pointInTimeRecovery"]):
        days = {"RecoveryPeriodInDays": after["recoveryPeriodInDays"]} if after.get("recoveryPeriodInDays") else {}
        wanted = {"PointInTimeRecoveryEnabled": bool(after.get("enabled")), **days}
        ctx.client("dynamodb").update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=wanted)


def update(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Apply each setting that differs with its own call, as AWS demands."""
    client = ctx.client("dynamodb")

    def differs(*names: str) -> bool:
        return any(not same(old.get(name), new.get(name), FIELDS[name]) for name in names)

    if differs("deletionProtectionEnabled"):
        client.update_table(TableName=id, DeletionProtectionEnabled=bool(new.get("deletionProtectionEnabled")))
    if differs("billingMode", "readCapacity", "writeCapacity"):
        units = {"ProvisionedThroughput": throughput(new)} if new["billingMode"] == "PROVISIONED" else {}
        client.update_table(TableName=id, BillingMode=new["billingMode"], **units)
    if differs("streamEnabled", "streamViewType"):
        if old.get("streamEnabled") and new.get("streamEnabled"):
            client.update_table(TableName=id, StreamSpecification={"StreamEnabled": False})
        client.update_table(TableName=id, StreamSpecification=stream(new))
    if differs("serverSideEncryption"):
        client.update_table(TableName=id, SSESpecification=encryption(new))
    if differs("tableClass"):
        client.update_table(TableName=id, TableClass=new["tableClass"])
    apply_indexes(ctx, id, old, new)
    apply_ttl(ctx, id, old, new)
    apply_recovery(ctx, id, old, new)


def by_name(inputs: Inputs) -> dict[str, Inputs]:
    """The global secondary indexes by name."""
    indexes: list[Inputs] = inputs.get("globalSecondaryIndexes") or []
    return {each["name"]: each for each in indexes}


def apply_indexes(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Delete, then create indexes, one call each; a changed index is deleted and created again."""
    item = FIELDS["globalSecondaryIndexes"].item
    before = by_name(old)
    after = by_name(new)
    stale = [name for name, each in before.items() if name not in after or (item is not None and not same(each, after[name], item))]
    for name in stale:
        ctx.client("dynamodb").update_table(TableName=id, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": name}}])
        settle(ctx, id)
    for name in [name for name in after if name not in before or name in stale]:
        ctx.client("dynamodb").update_table(
            TableName=id,
            AttributeDefinitions=attributes(new),
            GlobalSecondaryIndexUpdates=[{"Create": index(after[name], new)}],
        )
        settle(ctx, id)


def key_of(schema: list[dict[str, str]], kind: str) -> str | None:
    """The attribute of a key schema."""
    return next((each["AttributeName"] for each in schema if each["KeyType"] == kind), None)


def seen_index(each: dict[str, Any]) -> Inputs:
    """An index in the SDK's shape."""
    units: dict[str, Any] = each.get("ProvisionedThroughput") or {}
    found: Inputs = {
        "name": each["IndexName"],
        "hashKey": key_of(each["KeySchema"], "HASH"),
        "rangeKey": key_of(each["KeySchema"], "RANGE"),
        "projectionType": each["Projection"]["ProjectionType"],
        "nonKeyAttributes": each["Projection"].get("NonKeyAttributes"),
        "readCapacity": units.get("ReadCapacityUnits"),
        "writeCapacity": units.get("WriteCapacityUnits"),
    }
    return {key: value for key, value in found.items() if value is not None}


def read(ctx: Context, id: str, _state: Inputs) -> Observed:
    """Everything is given back by AWS."""
    client = ctx.client("dynamodb")
    table: dict[str, Any] = client.describe_table(TableName=id)["Table"]
    ttl = client.describe_time_to_live(TableName=id)["TimeToLiveDescription"]
    backups = client.describe_continuous_backups(TableName=id)["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    units: dict[str, Any] = table.get("ProvisionedThroughput") or {}
    spec: dict[str, Any] = table.get("StreamSpecification") or {}
    key: dict[str, Any] = table.get("SSEDescription") or {}
    globals_: list[dict[str, Any]] = table.get("GlobalSecondaryIndexes") or []
    locals_: list[dict[str, Any]] = table.get("LocalSecondaryIndexes") or []
    return Observed(
        inputs={
            "name": id,
            "attributes": [{"name": each["AttributeName"], "type": each["AttributeType"]} for each in table["AttributeDefinitions"]],
            "billingMode": (table.get("BillingModeSummary") or {}).get("BillingMode", "PROVISIONED"),
            "deletionProtectionEnabled": table.get("DeletionProtectionEnabled", False),
            "globalSecondaryIndexes": [seen_index(each) for each in globals_],
            "localSecondaryIndexes": [{k: v for k, v in seen_index(each).items() if k in LOCAL_KEYS} for each in locals_],
            "hashKey": key_of(table["KeySchema"], "HASH"),
            "rangeKey": key_of(table["KeySchema"], "RANGE"),
            "readCapacity": units.get("ReadCapacityUnits"),
            "writeCapacity": units.get("WriteCapacityUnits"),
            "streamEnabled": bool(spec.get("StreamEnabled")),
            "streamViewType": spec.get("StreamViewType"),
            "tableClass": (table.get("TableClassSummary") or {}).get("TableClass"),
            "serverSideEncryption": {"enabled": True, "kmsKeyArn": key.get("KMSMasterKeyArn")} if key.get("Status") == "ENABLED" else None,
            "ttl": {"attributeName": ttl["AttributeName"], "enabled": True}
            if ttl.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
            else None,
            "pointInTimeRecovery": {
                "enabled": backups.get("PointInTimeRecoveryStatus") == "ENABLED",
                "recoveryPeriodInDays": backups.get("RecoveryPeriodInDays"),
            },
        },
        outputs={
            "arn": table["TableArn"],
            "streamArn": table.get("LatestStreamArn", ""),
            "streamLabel": table.get("LatestStreamLabel", ""),
        },
    )


def delete(ctx: Context, id: str, _state: Inputs) -> None:
    """AWS refuses while deletion protection is on."""
    ctx.client("dynamodb").delete_table(TableName=id)
    ctx.wait(lambda: ctx.optional(lambda: ctx.client("dynamodb").describe_table(TableName=id)) is None, f"table '{id}' being deleted", 120)


def find(ctx: Context, inputs: Inputs) -> str | None:
    """A table of that name."""
    return existing(ctx, lambda: ctx.client("dynamodb").describe_table(TableName=inputs["name"]), inputs["name"])


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """The table's tags."""
    arn = ctx.arn("dynamodb", f"table/{id}")
    return {tag["Key"]: tag["Value"] for tag in ctx.client("dynamodb").list_tags_of_resource(ResourceArn=arn).get("Tags", [])}


def write_tags(ctx: Context, id: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    client, arn = ctx.client("dynamodb"), ctx.arn("dynamodb", f"table/{id}")
    if changed:
        client.tag_resource(ResourceArn=arn, Tags=[{"Key": key, "Value": value} for key, value in changed.items()])
    if removed:
        client.untag_resource(ResourceArn=arn, TagKeys=removed)


RESOURCES = (
    Resource(
        token="aws:dynamodb/table:Table",
        name="name",
        inputs=FIELDS,
        outputs=("arn", "streamArn", "streamLabel"),
        create=create,
        read=read,
        update=update,
        delete=delete,
        find=find,
        tags=Tags(read_tags, write_tags),
    ),
)
