"""Glue catalog: databases (ids are `catalog:name`) and tables (`catalog:database:name`)."""

from typing import Any

from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags, existing
from local.provider.framework.schema import boolean, integer, listing, mapping, record, text
from local.provider.framework.translation import from_aws, to_aws

DATABASE = {
    "name": text(computed=True),
    "catalogId": text(replace=True, computed=True),
    "description": text(),
    "locationUri": text(),
    "parameters": mapping(text()),
}
DATABASE_INPUT = {key: prop for key, prop in DATABASE.items() if key != "catalogId"}
COLUMN = record({"name": text(required=True), "comment": text(), "parameters": mapping(text()), "type": text()})
STORAGE = record(
    {
        "bucketColumns": listing(text()),
        "columns": listing(COLUMN),
        "compressed": boolean(),
        "inputFormat": text(),
        "location": text(),
        "numberOfBuckets": integer(computed=True),
        "outputFormat": text(),
        "parameters": mapping(text()),
        "serDeInfo": record({"name": text(), "parameters": mapping(text()), "serializationLibrary": text()}),
        "sortColumns": listing(record({"column": text(required=True), "sortOrder": integer(required=True)})),
        "storedAsSubDirectories": boolean(),
    }
)
TABLE = {
    "name": text(computed=True),
    "databaseName": text(required=True, replace=True),
    "catalogId": text(replace=True, computed=True),
    "description": text(),
    "owner": text(),
    "parameters": mapping(text()),
    "partitionKeys": listing(COLUMN),
    "storageDescriptor": STORAGE,
    "tableType": text(computed=True),
    "viewExpandedText": text(),
    "viewOriginalText": text(),
}
TABLE_INPUT = {key: prop for key, prop in TABLE.items() if key not in ("databaseName", "catalogId")}
ALIASES = {"serDeInfo": "SerdeInfo"}
EMPTY_TABLE: dict[str, Any] = {
    "Description": "", "Parameters": {}, "PartitionKeys": [], "StorageDescriptor": {},
    "ViewExpandedText": "", "ViewOriginalText": "",
}  # fmt: skip


def _lower(kind: str, name: str) -> str:
    """Glue folds names to lower case, so that another spelling would never be found again."""
    if name != name.lower():
        raise ProviderError(f"{kind} name '{name}' has capitals: expected '{name.lower()}'")
    return name


def find_database(ctx: Context, inputs: Inputs) -> str | None:
    """The database of that name."""
    name = inputs["name"]
    return existing(ctx, lambda: ctx.client("glue").get_database(Name=name), f"{_catalog(ctx, inputs)}:{name}")


def _catalog(ctx: Context, inputs: Inputs) -> str:
    """The catalog; only the account's own exists here."""
    asked = inputs.get("catalogId")
    if asked not in (None, ctx.account):
        raise ProviderError(f"catalogId is '{asked}': the local provider serves only the account's own, {ctx.account}")
    return ctx.account


def create_database(ctx: Context, inputs: Inputs) -> str:
    """Make the database."""
    name = _lower("database", inputs["name"])
    ctx.client("glue").create_database(DatabaseInput=to_aws(inputs, DATABASE_INPUT))
    return f"{_catalog(ctx, inputs)}:{name}"


def read_database(ctx: Context, id: str, _state: Inputs) -> Observed:
    """AWS tells everything."""
    name = id.rsplit(":", maxsplit=1)[-1]
    database = ctx.client("glue").get_database(Name=name)["Database"]
    return Observed(
        inputs={**from_aws(database, DATABASE_INPUT), "catalogId": ctx.account}, outputs={"arn": ctx.arn("glue", f"database/{name}")}
    )


def update_database(ctx: Context, _id: str, old: Inputs, new: Inputs) -> None:
    """UpdateDatabase replaces every setting, but a location cannot be emptied."""
    if old.get("locationUri") and not new.get("locationUri"):
        raise ProviderError(f"database '{new['name']}': locationUri cannot be taken away in place: keep it, or rename the database")
    request: dict[str, Any] = {"Description": "", "Parameters": {}, **to_aws(new, DATABASE_INPUT)}
    ctx.client("glue").update_database(Name=new["name"], DatabaseInput=request)


def delete_database(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the database with its tables, as AWS does."""
    ctx.client("glue").delete_database(Name=id.rsplit(":", maxsplit=1)[-1])


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """The database's tags (tables have none)."""
    return dict(ctx.client("glue").get_tags(ResourceArn=ctx.arn("glue", f"database/{id.rsplit(':', maxsplit=1)[-1]}")).get("Tags", {}))


def write_tags(ctx: Context, id: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    arn = ctx.arn("glue", f"database/{id.rsplit(':', maxsplit=1)[-1]}")
    if changed:
        ctx.client("glue").tag_resource(ResourceArn=arn, TagsToAdd=changed)
    if removed:
        ctx.client("glue").untag_resource(ResourceArn=arn, TagsToRemove=removed)


def find_table(ctx: Context, inputs: Inputs) -> str | None:
    """The table of that name in that database."""
    database, name = inputs["databaseName"], inputs["name"]
    client = ctx.client("glue")
    return existing(ctx, lambda: client.get_table(DatabaseName=database, Name=name), f"{_catalog(ctx, inputs)}:{database}:{name}")


def create_table(ctx: Context, inputs: Inputs) -> str:
    """Make the table."""
    name = _lower("table", inputs["name"])
    ctx.client("glue").create_table(DatabaseName=inputs["databaseName"], TableInput=to_aws(inputs, TABLE_INPUT, ALIASES))
    return f"{_catalog(ctx, inputs)}:{inputs['databaseName']}:{name}"


def read_table(ctx: Context, id: str, _state: Inputs) -> Observed:
    """AWS tells everything."""
    _, database, name = id.split(":")
    table = ctx.client("glue").get_table(DatabaseName=database, Name=name)["Table"]
    told = {**from_aws(table, TABLE_INPUT, ALIASES), "databaseName": table["DatabaseName"], "catalogId": ctx.account}
    return Observed(inputs=told, outputs={"arn": ctx.arn("glue", f"table/{database}/{name}")})


def update_table(ctx: Context, _id: str, _old: Inputs, new: Inputs) -> None:
    """UpdateTable replaces every setting; what the program no longer says is emptied."""
    request = {**EMPTY_TABLE, **to_aws(new, TABLE_INPUT, ALIASES)}
    ctx.client("glue").update_table(DatabaseName=new["databaseName"], TableInput=request)


def delete_table(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the table; its data stays in S3."""
    _, database, name = id.split(":")
    ctx.client("glue").delete_table(DatabaseName=database, Name=name)


RESOURCES = (
    Resource(
        token="aws:glue/catalogDatabase:CatalogDatabase",
        name="name",
        inputs=DATABASE,
        outputs=("arn",),
        find=find_database,
        create=create_database,
        read=read_database,
        update=update_database,
        delete=delete_database,
        tags=Tags(read_tags, write_tags),
    ),
    Resource(
        token="aws:glue/catalogTable:CatalogTable",
        name="name",
        inputs=TABLE,
        outputs=("arn",),
        find=find_table,
        create=create_table,
        read=read_table,
        update=update_table,
        delete=delete_table,
    ),
)
