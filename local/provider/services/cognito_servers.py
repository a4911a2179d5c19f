"""Resource servers of a Cognito pool: the scopes of an API. Ids are `poolId/identifier`."""

from typing import Any

from local.provider.framework.context import Context
from local.provider.framework.resource import Inputs, Observed, Resource, existing
from local.provider.framework.schema import Property, listing, record, text
from local.provider.framework.translation import from_aws, to_aws
from local.provider.services.cognito import idp, part_place

SERVER: dict[str, Property] = {
    "userPoolId": text(required=True, replace=True),
    "identifier": text(required=True, replace=True),
    "name": text(computed=True),
    "scopes": listing(record({"scopeName": text(required=True), "scopeDescription": text(required=True)}), unordered=True),
}


def create_server(ctx: Context, inputs: Inputs) -> str:
    """Make the resource server."""
    idp(ctx).create_resource_server(**to_aws(inputs, SERVER))
    return f"{inputs['userPoolId']}/{inputs['identifier']}"


def server_at(ctx: Context, pool: str, identifier: str) -> dict[str, Any]:
    """The resource server as AWS has it."""
    return dict(idp(ctx).describe_resource_server(UserPoolId=pool, Identifier=identifier)["ResourceServer"])


def read_server(ctx: Context, id: str, state: Inputs) -> Observed:
    """Everything is given back by AWS."""
    pool, identifier = part_place(id, {})
    told = from_aws(server_at(ctx, pool, identifier), SERVER)
    scopes: list[dict[str, str]] = told.get("scopes") or []
    return Observed({**told, "userPoolId": pool}, {"scopeIdentifiers": [f"{identifier}/{each['scopeName']}" for each in scopes]})


def update_server(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Write name and scopes."""
    idp(ctx).update_resource_server(**{"Scopes": [], **to_aws(new, SERVER)})


def delete_server(ctx: Context, id: str, state: Inputs) -> None:
    """Remove the resource server."""
    pool, identifier = part_place(id, {})
    idp(ctx).delete_resource_server(UserPoolId=pool, Identifier=identifier)


def find_server(ctx: Context, inputs: Inputs) -> str | None:
    """A server with the same identifier."""
    pool, identifier = inputs["userPoolId"], inputs["identifier"]
    return existing(ctx, lambda: server_at(ctx, pool, identifier), f"{pool}/{identifier}")


RESOURCES = (
    Resource(
        token="aws:cognito/resourceServer:ResourceServer",
        name="name",
        inputs=SERVER,
        outputs=("scopeIdentifiers",),
        create=create_server,
        read=read_server,
        update=update_server,
        delete=delete_server,
        find=find_server,
    ),
)
