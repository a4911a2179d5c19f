"""The private network of functions and tasks that reach a warehouse: no way out but the endpoints, unless NAT is asked for."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.components.base import Component, Context
from infra.config import Network as NetworkConfig

_ZONES = ("a", "b", "c")
_HTTPS = 443
_WAREHOUSES = {"PostgreSQL": 5432, "Redshift": 5439}


@dataclass(frozen=True)
class NetworkArgs:
    """`zones`: in how many availability zones; Redshift Serverless insists on three."""

    config: NetworkConfig
    zones: int = 2


class Network(Component):
    """VPC with private subnets, gateway endpoints for S3 and DynamoDB, interface endpoints and NAT by config."""

    def __init__(self, ctx: Context, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Network", ctx, opts)
        self.args = args
        zones = _ZONES[: args.zones]
        self.vpc = aws.ec2.Vpc(
            "network",
            cidr_block=args.config.cidr,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags=self._named("network"),
            opts=self.child(),
        )
        blocks = list(ipaddress.ip_network(args.config.cidr).subnets(new_prefix=20))
        self.subnets = [self._subnet(f"private-{zone}", str(blocks[place]), zone) for place, zone in enumerate(zones)]
        self.routes = aws.ec2.RouteTable("private", vpc_id=self.vpc.id, tags=self._named("private"), opts=self.child(parent=self.vpc))
        for zone, subnet in zip(zones, self.subnets, strict=True):
            aws.ec2.RouteTableAssociation(
                f"private-{zone}", subnet_id=subnet.id, route_table_id=self.routes.id, opts=self.child(parent=subnet)
            )
        self.runners = self._runners()
        self._gateway_endpoints()
        self._interface_endpoints()
        if args.config.nat:
            self._nat(str(blocks[len(zones)]))
        self.subnet_ids = [subnet.id for subnet in self.subnets]
        self.register_outputs({"vpcId": self.vpc.id, "subnetIds": self.subnet_ids})

    def _named(self, name: str) -> dict[str, str]:
        return {"Name": self.ctx.names.named(name)}

    def _subnet(self, name: str, cidr: str, zone: str) -> aws.ec2.Subnet:
        return aws.ec2.Subnet(
            name,
            vpc_id=self.vpc.id,
            cidr_block=cidr,
            availability_zone=f"{self.ctx.names.region}{zone}",
            map_public_ip_on_launch=False,
            tags=self._named(name),
            opts=self.child(parent=self.vpc),
        )

    def _runners(self) -> aws.ec2.SecurityGroup:
        ports = {"AWS services": _HTTPS, **_WAREHOUSES}
        return aws.ec2.SecurityGroup(
            "runners",
            name=self.ctx.names.named("runners"),
            description="KPI runners: out to AWS services and warehouses, nothing in",
            vpc_id=self.vpc.id,
            egress=[
                aws.ec2.SecurityGroupEgressArgs(description=what, protocol="tcp", from_port=port, to_port=port, cidr_blocks=["0.0.0.0/0"])
                for what, port in ports.items()
            ],
            tags=self._named("runners"),
            opts=self.child(parent=self.vpc),
        )

    def _gateway_endpoints(self) -> None:
        for service in ("s3", "dynamodb"):
            aws.ec2.VpcEndpoint(
                service,
                vpc_id=self.vpc.id,
                service_name=f"com.amazonaws.{self.ctx.names.region}.{service}",
                vpc_endpoint_type="Gateway",
                route_table_ids=[self.routes.id],
                tags=self._named(service),
                opts=self.child(parent=self.vpc),
            )

    def _interface_endpoints(self) -> None:
        if not self.args.config.interface_endpoints:
            return
        group = aws.ec2.SecurityGroup(
            "endpoints",
            name=self.ctx.names.named("endpoints"),
            description="Interface endpoints: HTTPS from the runners",
            vpc_id=self.vpc.id,
            ingress=[
                aws.ec2.SecurityGroupIngressArgs(
                    description="Runners", protocol="tcp", from_port=_HTTPS, to_port=_HTTPS, security_groups=[self.runners.id]
                )
            ],
            tags=self._named("endpoints"),
            opts=self.child(parent=self.vpc),
        )
        for service in self.args.config.interface_endpoints:
            aws.ec2.VpcEndpoint(
                service.replace(".", "-"),
                vpc_id=self.vpc.id,
                service_name=f"com.amazonaws.{self.ctx.names.region}.{service}",
                vpc_endpoint_type="Interface",
                subnet_ids=[subnet.id for subnet in self.subnets],
                security_group_ids=[group.id],
                private_dns_enabled=True,
                tags=self._named(service),
                opts=self.child(parent=self.vpc),
            )

    def _nat(self, cidr: str) -> None:
        opts = self.child(parent=self.vpc)
        gateway = aws.ec2.InternetGateway("way-out", vpc_id=self.vpc.id, tags=self._named("way-out"), opts=opts)
        public = self._subnet("public", cidr, _ZONES[0])
        table = aws.ec2.RouteTable("public", vpc_id=self.vpc.id, tags=self._named("public"), opts=opts)
        aws.ec2.RouteTableAssociation("public", subnet_id=public.id, route_table_id=table.id, opts=opts)
        aws.ec2.Route("public", route_table_id=table.id, destination_cidr_block="0.0.0.0/0", gateway_id=gateway.id, opts=opts)
        address = aws.ec2.Eip("nat", domain="vpc", tags=self._named("nat"), opts=opts)
        nat = aws.ec2.NatGateway("nat", subnet_id=public.id, allocation_id=address.allocation_id, tags=self._named("nat"), opts=opts)
        aws.ec2.Route("private", route_table_id=self.routes.id, destination_cidr_block="0.0.0.0/0", nat_gateway_id=nat.id, opts=opts)
