"""EC2 networks: VPCs, subnets, gateways, addresses, endpoints and flow logs. Ids are EC2's own (`vpc-…`)."""

import ipaddress
from collections.abc import Callable
from typing import Any, cast

from local.provider.framework import wire
from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags, no_update
from local.provider.framework.schema import boolean, json_document, listing, text
from local.provider.framework.translation import from_aws, rows, tag_list, tag_map, to_aws

VPC = {
    "cidrBlock": text(required=True, replace=True),
    "enableDnsHostnames": boolean(default=False),
    "enableDnsSupport": boolean(default=True),
    "instanceTenancy": text("default", "dedicated", default="default", replace=True),
}
SUBNET = {
    "vpcId": text(required=True, replace=True),
    "cidrBlock": text(required=True, replace=True),
    "availabilityZone": text(replace=True, computed=True),
    "availabilityZoneId": text(replace=True, computed=True),
    "mapPublicIpOnLaunch": boolean(default=False),
}
GATEWAY = {"vpcId": text()}
NAT = {
    "subnetId": text(required=True, replace=True),
    # The emulator takes the address but does not show it.
    "allocationId": text(replace=True, write_only=True),
    "connectivityType": text("public", "private", default="public", replace=True),
}
ADDRESS = {"domain": text("vpc", default="vpc", replace=True)}
ENDPOINT = {
    "vpcId": text(required=True, replace=True),
    "serviceName": text(required=True, replace=True),
    "vpcEndpointType": text("Gateway", "Interface", default="Gateway", replace=True),
    # The emulator keeps neither the policy it was made with, nor security groups, nor private DNS.
    "policy": json_document(write_only=True),
    "privateDnsEnabled": boolean(write_only=True),
    "securityGroupIds": listing(text(), unordered=True, write_only=True),
    "routeTableIds": listing(text(), unordered=True, computed=True),
    "subnetIds": listing(text(), unordered=True, computed=True),
}
FLOW_LOG = {
    "vpcId": text(replace=True),
    "subnetId": text(replace=True),
    "eniId": text(replace=True),
    # The emulator shows neither the role nor the format.
    "iamRoleArn": text(replace=True, write_only=True),
    "logFormat": text(replace=True, write_only=True),
    "logDestination": text(required=True, replace=True),
    "logDestinationType": text("cloud-watch-logs", "s3", "kinesis-data-firehose", default="cloud-watch-logs", replace=True),
    "trafficType": text("ACCEPT", "ALL", "REJECT", default="ALL", replace=True),
}
WATCHED = {"vpcId": "VPC", "subnetId": "Subnet", "eniId": "NetworkInterface"}
WATCHED_PREFIX = {"vpc-": "vpcId", "subnet-": "subnetId", "eni-": "eniId"}


def one(answer: dict[str, Any], key: str) -> dict[str, Any] | None:
    """The only element of a describe call, or None."""
    found = cast("list[dict[str, Any]]", answer.get(key) or [])
    return found[0] if found else None


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """Tags of anything with an EC2 id."""
    return tag_map(ctx.client("ec2").describe_tags(Filters=[{"Name": "resource-id", "Values": [id]}]).get("Tags"))


def write_tags(ctx: Context, id: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags of anything with an EC2 id."""
    if changed:
        ctx.client("ec2").create_tags(Resources=[id], Tags=tag_list(changed))
    if removed:
        ctx.client("ec2").delete_tags(Resources=[id], Tags=[{"Key": key} for key in removed])


TAGS = Tags(read_tags, write_tags)


def create_vpc(ctx: Context, inputs: Inputs) -> str:
    """Make the network and set its DNS attributes."""
    answer = ctx.client("ec2").create_vpc(CidrBlock=inputs["cidrBlock"], InstanceTenancy=inputs["instanceTenancy"])
    id_ = str(answer["Vpc"]["VpcId"])
    update_vpc(ctx, id_, {}, inputs)
    return id_


def read_vpc(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """The network and the ids of what AWS made with it."""
    client = ctx.client("ec2")
    vpc = one(client.describe_vpcs(VpcIds=[id]), "Vpcs")
    if vpc is None:
        return None
    names = {"enableDnsSupport": "EnableDnsSupport", "enableDnsHostnames": "EnableDnsHostnames"}
    dns = {key: client.describe_vpc_attribute(VpcId=id, Attribute=key)[name]["Value"] for key, name in names.items()}
    return Observed(
        inputs={"cidrBlock": vpc["CidrBlock"], "instanceTenancy": vpc["InstanceTenancy"], **dns},
        outputs={
            "arn": ctx.arn("ec2", f"vpc/{id}"),
            "ownerId": vpc.get("OwnerId", ctx.account),
            "dhcpOptionsId": vpc.get("DhcpOptionsId", ""),
            **_made_with(ctx, id),
        },
    )


def _made_with(ctx: Context, vpc: str) -> dict[str, str]:
    client, of_vpc = ctx.client("ec2"), {"Name": "vpc-id", "Values": [vpc]}
    tables = client.describe_route_tables(Filters=[of_vpc])["RouteTables"]
    main = next((each["RouteTableId"] for each in tables if any(place.get("Main") for place in each.get("Associations", []))), "")
    groups = client.describe_security_groups(Filters=[of_vpc, {"Name": "group-name", "Values": ["default"]}])["SecurityGroups"]
    lists = client.describe_network_acls(Filters=[of_vpc])["NetworkAcls"]
    return {
        "mainRouteTableId": main,
        "defaultRouteTableId": main,
        "defaultSecurityGroupId": groups[0]["GroupId"] if groups else "",
        "defaultNetworkAclId": next((each["NetworkAclId"] for each in lists if each.get("IsDefault") and each.get("VpcId") == vpc), ""),
    }


def update_vpc(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """AWS takes one attribute a call, and support before host names."""
    for key, name in (("enableDnsSupport", "EnableDnsSupport"), ("enableDnsHostnames", "EnableDnsHostnames")):
        if old.get(key) != new.get(key):
            ctx.client("ec2").modify_vpc_attribute(VpcId=id, **{name: {"Value": bool(new.get(key))}})


def delete_vpc(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the network. AWS refuses while it has subnets; the emulator would leave them behind."""
    subnets = ctx.client("ec2").describe_subnets(Filters=[{"Name": "vpc-id", "Values": [id]}])["Subnets"]
    left = [each["SubnetId"] for each in subnets if each["VpcId"] == id]
    if left:
        raise ProviderError(f"VPC {id} still has subnets ({', '.join(left)}): delete them first")
    ctx.client("ec2").delete_vpc(VpcId=id)


def create_subnet(ctx: Context, inputs: Inputs) -> str:
    """Make the subnet. AWS refuses a block outside of the network; the emulator does not look."""
    client = ctx.client("ec2")
    vpc = one(client.describe_vpcs(VpcIds=[inputs["vpcId"]]), "Vpcs")
    if vpc is None:
        raise ProviderError(f"vpcId is '{inputs['vpcId']}': expected an existing VPC")
    block, whole = ipaddress.ip_network(inputs["cidrBlock"]), ipaddress.ip_network(vpc["CidrBlock"])
    if block.version != whole.version or not cast("ipaddress.IPv4Network", block).subnet_of(cast("ipaddress.IPv4Network", whole)):
        raise ProviderError(f"cidrBlock is {block}: expected a block inside {whole}, the VPC's")
    request = to_aws(inputs, {key: prop for key, prop in SUBNET.items() if key != "mapPublicIpOnLaunch"})
    id_ = str(client.create_subnet(**request)["Subnet"]["SubnetId"])
    update_subnet(ctx, id_, {"mapPublicIpOnLaunch": False}, inputs)
    return id_


def read_subnet(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """The subnet."""
    subnet = one(ctx.client("ec2").describe_subnets(SubnetIds=[id]), "Subnets")
    if subnet is None:
        return None
    outputs = {"arn": ctx.arn("ec2", f"subnet/{id}"), "ownerId": subnet.get("OwnerId", ctx.account)}
    return Observed(inputs=from_aws(subnet, SUBNET), outputs=outputs)


def update_subnet(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Only public addresses at launch change in place."""
    if old.get("mapPublicIpOnLaunch") != new["mapPublicIpOnLaunch"]:
        ctx.client("ec2").modify_subnet_attribute(SubnetId=id, MapPublicIpOnLaunch={"Value": new["mapPublicIpOnLaunch"]})


def delete_subnet(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the subnet."""
    ctx.client("ec2").delete_subnet(SubnetId=id)


def create_gateway(ctx: Context, inputs: Inputs) -> str:
    """Make the internet gateway and attach it."""
    id_ = str(ctx.client("ec2").create_internet_gateway()["InternetGateway"]["InternetGatewayId"])
    update_gateway(ctx, id_, {}, inputs)
    return id_


def read_gateway(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """The gateway and the network it is attached to."""
    gateway = one(ctx.client("ec2").describe_internet_gateways(InternetGatewayIds=[id]), "InternetGateways")
    if gateway is None:
        return None
    attached = next((each["VpcId"] for each in gateway.get("Attachments", [])), None)
    outputs = {"arn": ctx.arn("ec2", f"internet-gateway/{id}"), "ownerId": gateway.get("OwnerId") or ctx.account}
    return Observed(inputs={"vpcId": attached}, outputs=outputs)


def update_gateway(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Move the gateway to another network."""
    if old.get("vpcId") == new.get("vpcId"):
        return
    if old.get("vpcId"):
        ctx.client("ec2").detach_internet_gateway(InternetGatewayId=id, VpcId=old["vpcId"])
    if new.get("vpcId"):
        ctx.client("ec2").attach_internet_gateway(InternetGatewayId=id, VpcId=new["vpcId"])


def delete_gateway(ctx: Context, id: str, state: Inputs) -> None:
    """Detach and delete."""
    ctx.optional(lambda: update_gateway(ctx, id, state, {}))
    ctx.client("ec2").delete_internet_gateway(InternetGatewayId=id)


def create_nat(ctx: Context, inputs: Inputs) -> str:
    """Make the NAT gateway."""
    if (inputs["connectivityType"] == "public") != bool(inputs.get("allocationId")):
        raise ProviderError("a public NAT gateway needs allocationId, a private one takes none: correct connectivityType or allocationId")
    return str(ctx.client("ec2").create_nat_gateway(**to_aws(inputs, NAT))["NatGateway"]["NatGatewayId"])


def read_nat(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """Gone also while AWS still lists it as deleted."""
    nat = one(ctx.client("ec2").describe_nat_gateways(NatGatewayIds=[id]), "NatGateways")
    if nat is None or nat["State"] in ("deleted", "deleting", "failed"):
        return None
    address = one(nat, "NatGatewayAddresses") or {}
    outputs = {"publicIp": address.get("PublicIp", ""), "networkInterfaceId": address.get("NetworkInterfaceId", "")}
    return Observed(inputs=from_aws(nat, NAT), outputs=outputs)


def delete_nat(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the NAT gateway."""
    ctx.client("ec2").delete_nat_gateway(NatGatewayId=id)


def create_address(ctx: Context, inputs: Inputs) -> str:
    """Allocate an elastic address."""
    return str(ctx.client("ec2").allocate_address(Domain=inputs["domain"])["AllocationId"])


def read_address(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """The address."""
    address = one(ctx.client("ec2").describe_addresses(AllocationIds=[id]), "Addresses")
    if address is None:
        return None
    ip = str(address["PublicIp"])
    outputs = {
        "allocationId": id,
        "arn": ctx.arn("ec2", f"elastic-ip/{id}"),
        "publicIp": ip,
        "publicDns": f"ec2-{ip.replace('.', '-')}.compute-1.amazonaws.com",
        "associationId": address.get("AssociationId") or "",
        "privateIp": address.get("PrivateIpAddress") or "",
    }
    return Observed(inputs={"domain": address["Domain"]}, outputs=outputs)


def delete_address(ctx: Context, id: str, _state: Inputs) -> None:
    """Release the address."""
    ctx.client("ec2").release_address(AllocationId=id)


ENDPOINT_ALIASES = {"policy": "PolicyDocument"}


def create_endpoint(ctx: Context, inputs: Inputs) -> str:
    """Make the endpoint."""
    if inputs["vpcEndpointType"] == "Interface" and not inputs.get("subnetIds"):
        raise ProviderError("an Interface endpoint needs subnetIds: give one subnet per zone")
    return str(ctx.client("ec2").create_vpc_endpoint(**to_aws(inputs, ENDPOINT, ENDPOINT_ALIASES))["VpcEndpoint"]["VpcEndpointId"])


def read_endpoint(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """The endpoint."""
    endpoint = one(ctx.client("ec2").describe_vpc_endpoints(VpcEndpointIds=[id]), "VpcEndpoints")
    if endpoint is None or endpoint["State"].lower() in ("deleted", "deleting"):
        return None
    outputs = {
        "arn": ctx.arn("ec2", f"vpc-endpoint/{id}"),
        "state": endpoint["State"],
        "ownerId": endpoint.get("OwnerId") or ctx.account,
        "networkInterfaceIds": endpoint.get("NetworkInterfaceIds") or [],
        "dnsEntries": [from_aws(each, {"dnsName": text(), "hostedZoneId": text()}) for each in rows(endpoint, "DnsEntries")],
    }
    return Observed(inputs=from_aws(endpoint, ENDPOINT), outputs=outputs)


def update_endpoint(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Route tables, subnets and groups are told as additions and removals."""
    request: dict[str, Any] = {}
    for key, name in (("routeTableIds", "RouteTableIds"), ("subnetIds", "SubnetIds"), ("securityGroupIds", "SecurityGroupIds")):
        before, after = set(old.get(key) or []), set(new.get(key) or [])
        if new.get(key) is not None and before != after:
            request |= {f"Add{name}": sorted(after - before)} if after - before else {}
            request |= {f"Remove{name}": sorted(before - after)} if before - after else {}
    if wire.json_meaning(old.get("policy")) != wire.json_meaning(new.get("policy")):
        request |= {"PolicyDocument": wire.json_text(new["policy"])} if new.get("policy") else {"ResetPolicy": True}
    if new.get("privateDnsEnabled") is not None and old.get("privateDnsEnabled") != new["privateDnsEnabled"]:
        request["PrivateDnsEnabled"] = new["privateDnsEnabled"]
    if request:
        ctx.client("ec2").modify_vpc_endpoint(VpcEndpointId=id, **request)


def delete_endpoint(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the endpoint."""
    ctx.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[id])


def create_flow_log(ctx: Context, inputs: Inputs) -> str:
    """Start the flow log of one network, subnet or interface."""
    watched = [key for key in WATCHED if inputs.get(key)]
    if len(watched) != 1:
        raise ProviderError(f"a flow log watches exactly one of {', '.join(WATCHED)}: {len(watched)} given")
    request: dict[str, Any] = {
        "ResourceIds": [inputs[watched[0]]],
        "ResourceType": WATCHED[watched[0]],
        "TrafficType": inputs["trafficType"],
        "LogDestination": inputs["logDestination"],
        "LogDestinationType": inputs["logDestinationType"],
    }
    request |= {"DeliverLogsPermissionArn": inputs["iamRoleArn"]} if inputs.get("iamRoleArn") else {}
    request |= {"LogFormat": inputs["logFormat"]} if inputs.get("logFormat") else {}
    answer = ctx.client("ec2").create_flow_logs(**request)
    for failed in answer.get("Unsuccessful", []):
        raise ProviderError(f"flow log of {inputs[watched[0]]}: {failed['Error'].get('Code')}: {failed['Error'].get('Message')}")
    return str(answer["FlowLogIds"][0])


def read_flow_log(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """The flow log."""
    log = one(ctx.client("ec2").describe_flow_logs(FlowLogIds=[id]), "FlowLogs")
    if log is None:
        return None
    told = from_aws(log, {key: FLOW_LOG[key] for key in ("logDestination", "logDestinationType", "trafficType")})
    watched = next((key for prefix, key in WATCHED_PREFIX.items() if log["ResourceId"].startswith(prefix)), "vpcId")
    return Observed(inputs={**told, watched: log["ResourceId"]}, outputs={"arn": ctx.arn("ec2", f"vpc-flow-log/{id}")})


def delete_flow_log(ctx: Context, id: str, _state: Inputs) -> None:
    """Stop the flow log."""
    ctx.client("ec2").delete_flow_logs(FlowLogIds=[id])


def resource(token: str, inputs: dict[str, Any], outputs: tuple[str, ...], *verbs: Callable[..., Any]) -> Resource:
    """An EC2 resource: `verbs` are create, read, update, delete. EC2 has no unique names, and tags work alike everywhere."""
    create, read, update, delete = verbs
    return Resource(token=token, inputs=inputs, outputs=outputs, create=create, read=read, update=update, delete=delete, tags=TAGS)


VPC_OUTPUTS = (
    "arn", "ownerId", "dhcpOptionsId", "mainRouteTableId", "defaultRouteTableId", "defaultSecurityGroupId", "defaultNetworkAclId",
)  # fmt: skip
ADDRESS_OUTPUTS = ("allocationId", "arn", "publicIp", "publicDns", "associationId", "privateIp")
ENDPOINT_OUTPUTS = ("arn", "state", "ownerId", "networkInterfaceIds", "dnsEntries")
RESOURCES = (
    resource("aws:ec2/vpc:Vpc", VPC, VPC_OUTPUTS, create_vpc, read_vpc, update_vpc, delete_vpc),
    resource("aws:ec2/subnet:Subnet", SUBNET, ("arn", "ownerId"), create_subnet, read_subnet, update_subnet, delete_subnet),
    resource(
        "aws:ec2/internetGateway:InternetGateway", GATEWAY, ("arn", "ownerId"), create_gateway, read_gateway, update_gateway, delete_gateway
    ),
    resource("aws:ec2/natGateway:NatGateway", NAT, ("publicIp", "networkInterfaceId"), create_nat, read_nat, no_update, delete_nat),
    resource("aws:ec2/eip:Eip", ADDRESS, ADDRESS_OUTPUTS, create_address, read_address, no_update, delete_address),
    resource(
        "aws:ec2/vpcEndpoint:VpcEndpoint", ENDPOINT, ENDPOINT_OUTPUTS, create_endpoint, read_endpoint, update_endpoint, delete_endpoint
    ),
    resource("aws:ec2/flowLog:FlowLog", FLOW_LOG, ("arn",), create_flow_log, read_flow_log, no_update, delete_flow_log),
)
