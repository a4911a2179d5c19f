"""EC2 security groups with rules of their own, and single rules as resources (`aws:vpc/securityGroup…Rule`)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource
from local.provider.framework.schema import boolean, integer, listing, record, text
from local.provider.framework.translation import part, rows, texts
from local.provider.services.ec2 import TAGS, one

RULE = record(
    {
        "protocol": text(required=True),
        "fromPort": integer(required=True),
        "toPort": integer(required=True),
        "cidrBlocks": listing(text(), unordered=True),
        "ipv6CidrBlocks": listing(text(), unordered=True),
        "prefixListIds": listing(text(), unordered=True),
        "securityGroups": listing(text(), unordered=True),
        "self": boolean(),
        "description": text(),
    }
)
GROUP = {
    "name": text(computed=True),
    "description": text(default="Managed by Pulumi", replace=True),
    "vpcId": text(replace=True, computed=True),
    "ingress": listing(RULE, unordered=True, computed=True),
    "egress": listing(RULE, unordered=True, computed=True),
    "revokeRulesOnDelete": boolean(write_only=True),
}
SINGLE = {
    "securityGroupId": text(required=True, replace=True),
    "ipProtocol": text(required=True),
    "fromPort": integer(),
    "toPort": integer(),
    "cidrIpv4": text(),
    "cidrIpv6": text(),
    "prefixListId": text(),
    "referencedSecurityGroupId": text(),
    "description": text(),
}
SOURCES = {"cidrIpv4": "CidrIpv4", "cidrIpv6": "CidrIpv6", "prefixListId": "PrefixListId"}
ALL = "-1"
ANYWHERE = {"IpProtocol": ALL, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


@dataclass(frozen=True, order=True)
class Atom:
    """One peer of one rule: what AWS really keeps, however rules are grouped."""

    protocol: str
    start: int
    end: int
    kind: str
    """The SDK's list the peer belongs to: `cidrBlocks`, `ipv6CidrBlocks`, `prefixListIds` or `securityGroups`."""
    peer: str
    description: str


LISTS = {
    "cidrBlocks": ("IpRanges", "CidrIp"),
    "ipv6CidrBlocks": ("Ipv6Ranges", "CidrIpv6"),
    "prefixListIds": ("PrefixListIds", "PrefixListId"),
    "securityGroups": ("UserIdGroupPairs", "GroupId"),
}


def asked_atoms(rules: Iterable[Inputs] | None, group: str) -> set[Atom]:
    """The atoms of the program's rules; `self` means the group itself."""
    atoms: set[Atom] = set()
    for rule in rules or []:
        every = rule["protocol"] == ALL
        start, end = (0, 0) if every else (int(rule["fromPort"]), int(rule["toPort"]))
        peers = [(kind, peer) for kind in LISTS for peer in texts(rule, kind)] + ([("securityGroups", group)] if rule.get("self") else [])
        if not peers:
            raise ProviderError(f"a rule for {rule['protocol']} {start}-{end} names no peer: give one of {', '.join(LISTS)} or self")
        atoms |= {Atom(rule["protocol"], start, end, kind, peer, rule.get("description") or "") for kind, peer in peers}
    return atoms


def told_atoms(permissions: Iterable[dict[str, Any]] | None) -> set[Atom]:
    """The atoms of AWS's permissions."""
    atoms: set[Atom] = set()
    for each in permissions or []:
        every = each["IpProtocol"] == ALL
        start, end = (0, 0) if every else (int(each.get("FromPort", 0)), int(each.get("ToPort", 0)))
        for kind, (key, name) in LISTS.items():
            atoms |= {Atom(each["IpProtocol"], start, end, kind, peer[name], peer.get("Description") or "") for peer in rows(each, key)}
    return atoms


def permission(atom: Atom) -> dict[str, Any]:
    """An atom as AWS takes it."""
    key, name = LISTS[atom.kind]
    peer = {name: atom.peer, **({"Description": atom.description} if atom.description else {})}
    ports = {} if atom.protocol == ALL else {"FromPort": atom.start, "ToPort": atom.end}
    return {"IpProtocol": atom.protocol, **ports, key: [peer]}


def rules_of(atoms: set[Atom], group: str) -> list[Inputs]:
    """Atoms as the SDK's rules: one rule per protocol, ports and description."""
    rules: dict[tuple[str, int, int, str], Inputs] = {}
    for atom in sorted(atoms):
        key = (atom.protocol, atom.start, atom.end, atom.description)
        base: Inputs = {"protocol": atom.protocol, "fromPort": atom.start, "toPort": atom.end}
        rule = rules.setdefault(key, {**base, **({"description": atom.description} if atom.description else {})})
        if atom.kind == "securityGroups" and atom.peer == group:
            rule["self"] = True
        else:
            rule[atom.kind] = [*(rule.get(atom.kind) or []), atom.peer]
    return list(rules.values())


def find_group(ctx: Context, inputs: Inputs) -> str | None:
    """The group of that name in that network."""
    filters = [{"Name": "group-name", "Values": [inputs["name"]]}]
    if inputs.get("vpcId"):
        filters.append({"Name": "vpc-id", "Values": [inputs["vpcId"]]})
    group = one(ctx.client("ec2").describe_security_groups(Filters=filters), "SecurityGroups")
    return str(group["GroupId"]) if group else None


def create_group(ctx: Context, inputs: Inputs) -> str:
    """Make the group. AWS lets everything out by default; only what the program says stays, as with the official provider."""
    client = ctx.client("ec2")
    place = {"VpcId": inputs["vpcId"]} if inputs.get("vpcId") else {}
    id_ = str(client.create_security_group(GroupName=inputs["name"], Description=inputs["description"], **place)["GroupId"])
    client.revoke_security_group_egress(GroupId=id_, IpPermissions=[ANYWHERE])
    update_group(ctx, id_, {}, inputs)
    return id_


def read_group(ctx: Context, id: str, state: Inputs) -> Observed | None:
    """The group. Rules that mean the same as the program's, grouped otherwise, are told as the program wrote them."""
    group = one(ctx.client("ec2").describe_security_groups(GroupIds=[id]), "SecurityGroups")
    if group is None:
        return None

    def told(key: str, permissions: str) -> list[Inputs]:
        atoms = told_atoms(group.get(permissions))
        asked = state.get(key)
        return asked if asked and asked_atoms(asked, id) == atoms else rules_of(atoms, id)

    return Observed(
        inputs={
            "name": group["GroupName"],
            "description": group["Description"],
            "vpcId": group.get("VpcId"),
            "ingress": told("ingress", "IpPermissions"),
            "egress": told("egress", "IpPermissionsEgress"),
        },
        outputs={"arn": ctx.arn("ec2", f"security-group/{id}"), "ownerId": group.get("OwnerId") or ctx.account},
    )


def update_group(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Take away and add what differs."""
    client = ctx.client("ec2")
    for key, allow, revoke in (
        ("ingress", client.authorize_security_group_ingress, client.revoke_security_group_ingress),
        ("egress", client.authorize_security_group_egress, client.revoke_security_group_egress),
    ):
        if new.get(key) is None:
            continue
        before, after = asked_atoms(old.get(key), id), asked_atoms(new[key], id)
        if before - after:
            revoke(GroupId=id, IpPermissions=[permission(each) for each in sorted(before - after)])
        if after - before:
            allow(GroupId=id, IpPermissions=[permission(each) for each in sorted(after - before)])


def delete_group(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the group."""
    ctx.client("ec2").delete_security_group(GroupId=id)


def _single_atom(inputs: Inputs) -> Atom:
    kinds = {
        "cidrIpv4": "cidrBlocks",
        "cidrIpv6": "ipv6CidrBlocks",
        "prefixListId": "prefixListIds",
        "referencedSecurityGroupId": "securityGroups",
    }
    given = [key for key in kinds if inputs.get(key)]
    if len(given) != 1:
        raise ProviderError(f"a security group rule names {len(given)} peers: expected exactly one of {', '.join(kinds)}")
    ports = int(inputs.get("fromPort") or 0), int(inputs.get("toPort") or 0)
    return Atom(inputs["ipProtocol"], *ports, kinds[given[0]], inputs[given[0]], inputs.get("description") or "")


def single_rule(direction: str) -> Resource:
    """The rule resource of one direction: `ingress` or `egress`."""
    outward = direction == "egress"

    def allow(ctx: Context, inputs: Inputs) -> str:
        client = ctx.client("ec2")
        call = client.authorize_security_group_egress if outward else client.authorize_security_group_ingress
        answer = call(GroupId=inputs["securityGroupId"], IpPermissions=[permission(_single_atom(inputs))])
        return str(answer["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def delete(ctx: Context, id: str, state: Inputs) -> None:
        client = ctx.client("ec2")
        call = client.revoke_security_group_egress if outward else client.revoke_security_group_ingress
        call(GroupId=state["securityGroupId"], SecurityGroupRuleIds=[id])

    return Resource(
        token=f"aws:vpc/securityGroup{direction.title()}Rule:SecurityGroup{direction.title()}Rule",
        inputs=SINGLE,
        outputs=("arn", "securityGroupRuleId"),
        create=allow,
        read=_reader(outward=outward),
        update=update_single,
        delete=delete,
        tags=TAGS,
    )


def _reader(*, outward: bool) -> Callable[[Context, str, Inputs], Observed | None]:
    def read(ctx: Context, id: str, _state: Inputs) -> Observed | None:
        rule = one(ctx.client("ec2").describe_security_group_rules(SecurityGroupRuleIds=[id]), "SecurityGroupRules")
        if rule is None or bool(rule.get("IsEgress")) != outward:
            return None
        every = rule["IpProtocol"] == ALL
        told = {
            "securityGroupId": rule["GroupId"],
            "ipProtocol": rule["IpProtocol"],
            "fromPort": None if every else rule.get("FromPort"),
            "toPort": None if every else rule.get("ToPort"),
            "description": rule.get("Description"),
            "referencedSecurityGroupId": part(rule, "ReferencedGroupInfo").get("GroupId"),
            **{key: rule.get(name) for key, name in SOURCES.items()},
        }
        return Observed(inputs=told, outputs={"arn": ctx.arn("ec2", f"security-group-rule/{id}"), "securityGroupRuleId": id})

    return read


def update_single(ctx: Context, id: str, _old: Inputs, new: Inputs) -> None:
    """Everything but the group changes in place."""
    rule: dict[str, Any] = {"IpProtocol": new["ipProtocol"], "Description": new.get("description") or ""}
    if new["ipProtocol"] != ALL:
        rule |= {"FromPort": int(new.get("fromPort") or 0), "ToPort": int(new.get("toPort") or 0)}
    rule |= {name: new[key] for key, name in SOURCES.items() if new.get(key)}
    if new.get("referencedSecurityGroupId"):
        rule["ReferencedGroupId"] = new["referencedSecurityGroupId"]
    change = {"SecurityGroupRuleId": id, "SecurityGroupRule": rule}
    ctx.client("ec2").modify_security_group_rules(GroupId=new["securityGroupId"], SecurityGroupRules=[change])


RESOURCES = (
    Resource(
        token="aws:ec2/securityGroup:SecurityGroup",
        name="name",
        inputs=GROUP,
        outputs=("arn", "ownerId"),
        find=find_group,
        create=create_group,
        read=read_group,
        update=update_group,
        delete=delete_group,
        tags=TAGS,
    ),
    single_rule("ingress"),
    single_rule("egress"),
)
