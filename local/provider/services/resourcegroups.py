"""Resource groups: `aws:resourcegroups/group:Group`. Ids are names."""

from local.provider.framework.context import Context
from local.provider.framework.resource import Inputs, Observed, Resource, Tags, existing
from local.provider.framework.schema import json_document, record, text
from local.provider.framework.translation import changed_names, from_aws, to_aws

QUERY = record(
    {
        "query": json_document(required=True),
        "type": text("TAG_FILTERS_1_0", "CLOUDFORMATION_STACK_1_0", default="TAG_FILTERS_1_0"),
    },
    required=True,
)


def find(ctx: Context, inputs: Inputs) -> str | None:
    """The group of that name."""
    return existing(ctx, lambda: ctx.client("resource-groups").get_group(Group=inputs["name"]), inputs["name"])


def create(ctx: Context, inputs: Inputs) -> str:
    """Make the group."""
    query = to_aws(inputs["resourceQuery"], QUERY.fields)
    ctx.client("resource-groups").create_group(Name=inputs["name"], Description=inputs.get("description") or "", ResourceQuery=query)
    return str(inputs["name"])


def read(ctx: Context, id: str, _state: Inputs) -> Observed:
    """AWS tells everything."""
    client = ctx.client("resource-groups")
    group = client.get_group(Group=id)["Group"]
    query = client.get_group_query(Group=id)["GroupQuery"]["ResourceQuery"]
    told = {"name": group["Name"], "description": group.get("Description"), "resourceQuery": from_aws(query, QUERY.fields)}
    return Observed(inputs=told, outputs={"arn": group["GroupArn"]})


def update(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Description and query change in place."""
    client = ctx.client("resource-groups")
    if changed_names(old, new, ("description",)):
        client.update_group(Group=id, Description=new.get("description") or "")
    if changed_names(old, new, ("resourceQuery",)):
        client.update_group_query(Group=id, ResourceQuery=to_aws(new["resourceQuery"], QUERY.fields))


def delete(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the group, not what is in it."""
    ctx.client("resource-groups").delete_group(Group=id)


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """The group's tags."""
    return dict(ctx.client("resource-groups").get_tags(Arn=ctx.arn("resource-groups", f"group/{id}")).get("Tags", {}))


def write_tags(ctx: Context, id: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    arn = ctx.arn("resource-groups", f"group/{id}")
    if changed:
        ctx.client("resource-groups").tag(Arn=arn, Tags=changed)
    if removed:
        ctx.client("resource-groups").untag(Arn=arn, Keys=removed)


RESOURCES = (
    Resource(
        token="aws:resourcegroups/group:Group",
        name="name",
        inputs={"name": text(computed=True), "description": text(), "resourceQuery": QUERY},
        outputs=("arn",),
        find=find,
        create=create,
        read=read,
        update=update,
        delete=delete,
        tags=Tags(read_tags, write_tags),
    ),
)
