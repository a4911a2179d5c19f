"""EC2 routing: route tables, single routes (ids are `table_destination`) and associations."""

from typing import Any

from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, no_update
from local.provider.framework.schema import text
from local.provider.services.ec2 import TAGS, one

TABLE = {"vpcId": text(required=True, replace=True)}
NEXT_HOPS = {
    "gatewayId": "GatewayId",
    "natGatewayId": "NatGatewayId",
    "vpcPeeringConnectionId": "VpcPeeringConnectionId",
    "transitGatewayId": "TransitGatewayId",
}
ROUTE = {
    "routeTableId": text(required=True, replace=True),
    "destinationCidrBlock": text(required=True, replace=True),
    **{hop: text() for hop in NEXT_HOPS},
}
ASSOCIATION = {"routeTableId": text(required=True), "subnetId": text(required=True, replace=True)}


def create_table(ctx: Context, inputs: Inputs) -> str:
    """Make the table; its routes are resources of their own."""
    return str(ctx.client("ec2").create_route_table(VpcId=inputs["vpcId"])["RouteTable"]["RouteTableId"])


def _table(ctx: Context, id: str) -> dict[str, Any] | None:
    answer = ctx.optional(lambda: ctx.client("ec2").describe_route_tables(RouteTableIds=[id]))
    return one(answer, "RouteTables") if answer else None


def read_table(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """The table."""
    table = _table(ctx, id)
    if table is None:
        return None
    outputs = {"arn": ctx.arn("ec2", f"route-table/{id}"), "ownerId": table.get("OwnerId") or ctx.account}
    return Observed(inputs={"vpcId": table["VpcId"]}, outputs=outputs)


def delete_table(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the table."""
    ctx.client("ec2").delete_route_table(RouteTableId=id)


def _hop(inputs: Inputs) -> dict[str, str]:
    """The one next hop. The emulator would quietly route anything else to the local network."""
    given = {name: inputs[key] for key, name in NEXT_HOPS.items() if inputs.get(key)}
    if len(given) != 1:
        raise ProviderError(
            f"route to {inputs['destinationCidrBlock']} names {len(given)} next hops: expected one of {', '.join(NEXT_HOPS)}"
        )
    return given


def find_route(ctx: Context, inputs: Inputs) -> str | None:
    """The route to that destination, when the table has one already."""
    id_ = f"{inputs['routeTableId']}_{inputs['destinationCidrBlock']}"
    return id_ if _route(ctx, id_) else None


def create_route(ctx: Context, inputs: Inputs) -> str:
    """Add the route."""
    destination = inputs["destinationCidrBlock"]
    ctx.client("ec2").create_route(RouteTableId=inputs["routeTableId"], DestinationCidrBlock=destination, **_hop(inputs))
    return f"{inputs['routeTableId']}_{destination}"


def _route(ctx: Context, id: str) -> dict[str, Any] | None:
    table_id, destination = id.split("_", 1)
    table = _table(ctx, table_id)
    return next((each for each in (table or {}).get("Routes", []) if each.get("DestinationCidrBlock") == destination), None)


def read_route(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """The route and where it leads."""
    route = _route(ctx, id)
    if route is None:
        return None
    table, destination = id.split("_", 1)
    told = {"routeTableId": table, "destinationCidrBlock": destination, **{key: route.get(name) for key, name in NEXT_HOPS.items()}}
    return Observed(inputs=told, outputs={"origin": route.get("Origin", ""), "state": route.get("State", "")})


def update_route(ctx: Context, id: str, _old: Inputs, new: Inputs) -> None:
    """Another next hop."""
    table, destination = id.split("_", 1)
    ctx.client("ec2").replace_route(RouteTableId=table, DestinationCidrBlock=destination, **_hop(new))


def delete_route(ctx: Context, id: str, _state: Inputs) -> None:
    """Remove the route."""
    table, destination = id.split("_", 1)
    ctx.client("ec2").delete_route(RouteTableId=table, DestinationCidrBlock=destination)


def _association(ctx: Context, subnet: str) -> dict[str, Any] | None:
    """AWS allows one association a subnet, and replacing the table changes its id: the subnet is what stays."""
    tables = ctx.client("ec2").describe_route_tables()["RouteTables"]
    found = (each for table in tables for each in table.get("Associations", []))
    return next((each for each in found if each.get("SubnetId") == subnet), None)


def find_association(ctx: Context, inputs: Inputs) -> str | None:
    """The association of that subnet."""
    return inputs["subnetId"] if _association(ctx, inputs["subnetId"]) else None


def create_association(ctx: Context, inputs: Inputs) -> str:
    """Associate the subnet. The id is the subnet's."""
    ctx.client("ec2").associate_route_table(RouteTableId=inputs["routeTableId"], SubnetId=inputs["subnetId"])
    return str(inputs["subnetId"])


def read_association(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """The table of the subnet."""
    found = _association(ctx, id)
    return Observed(inputs={"subnetId": id, "routeTableId": found["RouteTableId"]}) if found else None


def update_association(ctx: Context, id: str, _old: Inputs, new: Inputs) -> None:
    """Another table for the subnet."""
    found = _association(ctx, id)
    if found is None:
        raise ProviderError(f"subnet {id} has no route table association any more: run `pulumi refresh`, then `pulumi up`")
    ctx.client("ec2").replace_route_table_association(AssociationId=found["RouteTableAssociationId"], RouteTableId=new["routeTableId"])


def delete_association(ctx: Context, id: str, _state: Inputs) -> None:
    """Leave the subnet to the main table."""
    found = _association(ctx, id)
    if found is not None:
        ctx.client("ec2").disassociate_route_table(AssociationId=found["RouteTableAssociationId"])


RESOURCES = (
    Resource(
        token="aws:ec2/routeTable:RouteTable",
        inputs=TABLE,
        outputs=("arn", "ownerId"),
        create=create_table,
        read=read_table,
        update=no_update,
        delete=delete_table,
        tags=TAGS,
    ),
    Resource(
        token="aws:ec2/route:Route",
        inputs=ROUTE,
        outputs=("origin", "state"),
        find=find_route,
        create=create_route,
        read=read_route,
        update=update_route,
        delete=delete_route,
    ),
    Resource(
        token="aws:ec2/routeTableAssociation:RouteTableAssociation",
        inputs=ASSOCIATION,
        find=find_association,
        create=create_association,
        read=read_association,
        update=update_association,
        delete=delete_association,
    ),
)
