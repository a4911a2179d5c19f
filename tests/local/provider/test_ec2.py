"""Networks, routing and security groups."""

from typing import Any

import pytest

from tests.local.provider.rig import ACCOUNT, Held, Refused, Rig, lives_a_full_life

ANYWHERE = "0.0.0.0/0"
HTTPS = {"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": [ANYWHERE], "description": "AWS services"}


@pytest.fixture(scope="module")
def vpc(rig: Rig) -> Held:
    return rig.create("aws:ec2/vpc:Vpc", "shared", cidrBlock="10.0.0.0/16", enableDnsHostnames=True, tags={"Name": "shared"})


@pytest.fixture(scope="module")
def subnet(rig: Rig, vpc: Held) -> Held:
    return rig.create("aws:ec2/subnet:Subnet", "shared", vpcId=vpc.id, cidrBlock="10.0.0.0/20", availabilityZone="us-east-1a")


@pytest.fixture(scope="module")
def table(rig: Rig, vpc: Held) -> Held:
    return rig.create("aws:ec2/routeTable:RouteTable", "shared", vpcId=vpc.id)


def test_a_network_lives_a_full_life(rig: Rig) -> None:
    it = rig.create("aws:ec2/vpc:Vpc", cidrBlock="10.1.0.0/16", tags={"Name": "a"})
    assert all(it.state[key] for key in ("mainRouteTableId", "defaultSecurityGroupId", "defaultNetworkAclId"))
    assert it.replaced_by(cidrBlock="10.2.0.0/16") == ["cidrBlock"]

    def spoil() -> None:
        rig.aws("ec2").modify_vpc_attribute(VpcId=it.id, EnableDnsSupport={"Value": False})

    lives_a_full_life(it, change={"enableDnsHostnames": True, "tags": {"Name": "b"}}, spoil=spoil, drifted="enableDnsSupport")


def test_a_subnet_lives_a_full_life_and_must_fit_its_network(rig: Rig, vpc: Held) -> None:
    with pytest.raises(Refused, match=r"expected a block inside 10\.0\.0\.0/16"):
        rig.create("aws:ec2/subnet:Subnet", "outside", vpcId=vpc.id, cidrBlock="10.9.0.0/24")
    it = rig.create("aws:ec2/subnet:Subnet", vpcId=vpc.id, cidrBlock="10.0.16.0/20", availabilityZone="us-east-1b", tags={"Name": "b"})

    def spoil() -> None:
        rig.aws("ec2").create_tags(Resources=[it.id], Tags=[{"Key": "Name", "Value": "other"}])

    lives_a_full_life(it, change={"mapPublicIpOnLaunch": True}, spoil=spoil, drifted="tags")


def test_a_network_with_subnets_stays(vpc: Held, subnet: Held) -> None:
    with pytest.raises(Refused, match=f"still has subnets .*{subnet.id}"):
        vpc.delete()


def test_a_way_out_lives_a_full_life(rig: Rig, vpc: Held, subnet: Held, table: Held) -> None:
    gateway = rig.create("aws:ec2/internetGateway:InternetGateway", vpcId=vpc.id, tags={"Name": "out"})
    address = rig.create("aws:ec2/eip:Eip", domain="vpc", tags={"Name": "nat"})
    nat = rig.create("aws:ec2/natGateway:NatGateway", subnetId=subnet.id, allocationId=address.state["allocationId"])
    route = rig.create("aws:ec2/route:Route", routeTableId=table.id, destinationCidrBlock=ANYWHERE, gatewayId=gateway.id)
    for each in (gateway, address, nat, route):
        assert each.drift() == []
    assert set(route.update(gatewayId=None, natGatewayId=nat.id)) == {"gatewayId", "natGatewayId"}
    assert route.drift() == []
    rig.aws("ec2").replace_route(RouteTableId=table.id, DestinationCidrBlock=ANYWHERE, GatewayId=gateway.id)
    assert set(route.drift()) == {"gatewayId", "natGatewayId"}
    rig.aws("ec2").detach_internet_gateway(InternetGatewayId=gateway.id, VpcId=vpc.id)
    assert gateway.drift() == ["vpcId"]
    for each in (route, nat, address, gateway):
        each.delete()
        assert each.gone()


def test_a_route_names_one_next_hop(rig: Rig, table: Held) -> None:
    with pytest.raises(Refused, match="names 0 next hops"):
        rig.create("aws:ec2/route:Route", "hopless", routeTableId=table.id, destinationCidrBlock="10.7.0.0/16")


def test_an_association_follows_its_subnet_to_another_table(rig: Rig, vpc: Held, subnet: Held, table: Held) -> None:
    other = rig.create("aws:ec2/routeTable:RouteTable", "other", vpcId=vpc.id, tags={"Name": "other"})
    it = rig.create("aws:ec2/routeTableAssociation:RouteTableAssociation", subnetId=subnet.id, routeTableId=table.id)
    lives_a_full_life(it, change={"routeTableId": other.id}, spoil=None, drifted="")
    lives_a_full_life(other, change={"tags": {"Name": "another"}}, spoil=None, drifted="")


def test_endpoints_live_a_full_life(rig: Rig, vpc: Held, subnet: Held, table: Held) -> None:
    token = "aws:ec2/vpcEndpoint:VpcEndpoint"
    s3 = rig.create(token, "s3", vpcId=vpc.id, serviceName="com.amazonaws.us-east-1.s3", routeTableIds=[table.id], tags={"Name": "s3"})
    more = rig.create("aws:ec2/routeTable:RouteTable", "more", vpcId=vpc.id)
    group = rig.create("aws:ec2/securityGroup:SecurityGroup", "endpoints", name="endpoints", vpcId=vpc.id)
    kms = rig.create(
        token,
        "kms",
        vpcId=vpc.id,
        serviceName="com.amazonaws.us-east-1.kms",
        vpcEndpointType="Interface",
        subnetIds=[subnet.id],
        securityGroupIds=[group.id],
        privateDnsEnabled=True,
    )
    assert kms.drift() == []

    def spoil() -> None:
        rig.aws("ec2").modify_vpc_endpoint(VpcEndpointId=s3.id, RemoveRouteTableIds=[table.id])

    lives_a_full_life(s3, change={"routeTableIds": [table.id, more.id]}, spoil=spoil, drifted="routeTableIds")


def test_a_flow_log_lives_a_full_life(rig: Rig, vpc: Held) -> None:
    it = rig.create(
        "aws:ec2/flowLog:FlowLog",
        vpcId=vpc.id,
        logDestination=f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/kpi/flow",
        iamRoleArn=f"arn:aws:iam::{ACCOUNT}:role/flow",
        tags={"Name": "flow"},
    )
    assert it.replaced_by(trafficType="REJECT") == ["trafficType"]
    lives_a_full_life(it, change={"tags": {"Name": "flows"}}, spoil=None, drifted="")
    with pytest.raises(Refused, match="exactly one of"):
        rig.create("aws:ec2/flowLog:FlowLog", "none", logDestination="arn:aws:s3:::x", logDestinationType="s3")


def test_a_security_group_lives_a_full_life(rig: Rig, vpc: Held) -> None:
    it = rig.create(
        "aws:ec2/securityGroup:SecurityGroup",
        name="runners",
        description="out only",
        vpcId=vpc.id,
        egress=[HTTPS, {**HTTPS, "fromPort": 5432, "toPort": 5432, "cidrBlocks": ["10.0.0.0/20", "10.0.16.0/20"]}],
        ingress=[{"protocol": "-1", "fromPort": 0, "toPort": 0, "self": True}],
        tags={"Name": "runners"},
    )
    told = rig.aws("ec2").describe_security_groups(GroupIds=[it.id])["SecurityGroups"][0]
    assert all(each["IpProtocol"] == "tcp" for each in told["IpPermissionsEgress"])

    def spoil() -> None:
        opened: Any = [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": ANYWHERE}]}]
        rig.aws("ec2").authorize_security_group_ingress(GroupId=it.id, IpPermissions=opened)

    lives_a_full_life(it, change={"egress": [HTTPS]}, spoil=spoil, drifted="ingress")


@pytest.mark.parametrize("direction", ["Ingress", "Egress"])
def test_a_single_rule_lives_a_full_life_and_does_not_disturb_its_group(rig: Rig, vpc: Held, direction: str) -> None:
    group = rig.create("aws:ec2/securityGroup:SecurityGroup", direction, name=f"bare-{direction}", vpcId=vpc.id)
    token = f"aws:vpc/securityGroup{direction}Rule:SecurityGroup{direction}Rule"
    rule = rig.create(token, securityGroupId=group.id, ipProtocol="tcp", fromPort=443, toPort=443, cidrIpv4=ANYWHERE, description="web")
    assert group.drift() == []

    def spoil() -> None:
        change = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": ANYWHERE}
        rules: Any = [{"SecurityGroupRuleId": rule.id, "SecurityGroupRule": change}]
        rig.aws("ec2").modify_security_group_rules(GroupId=group.id, SecurityGroupRules=rules)

    lives_a_full_life(rule, change={"fromPort": 444, "toPort": 444, "description": "other"}, spoil=spoil, drifted="fromPort")
