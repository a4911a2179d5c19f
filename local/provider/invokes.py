"""Functions a program may call: identity, region, zones and IAM policy documents."""

import json
import zlib
from collections.abc import Callable
from typing import Any, cast

from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs

DOCUMENT_VERSION = "2012-10-17"
STATEMENT_KEYS = {
    "sid", "effect", "actions", "notActions", "resources", "notResources", "principals", "notPrincipals", "conditions",
}  # fmt: skip


def caller_identity(ctx: Context, _args: Inputs) -> dict[str, Any]:
    """Who the program is to AWS."""
    who = ctx.client("sts").get_caller_identity()
    return {"accountId": who["Account"], "arn": who["Arn"], "userId": who["UserId"], "id": who["Account"]}


def region(ctx: Context, _args: Inputs) -> dict[str, Any]:
    """The provider's region."""
    return {
        "id": ctx.region,
        "name": ctx.region,
        "region": ctx.region,
        "description": ctx.region,
        "endpoint": f"ec2.{ctx.region}.amazonaws.com",
    }


def partition(ctx: Context, _args: Inputs) -> dict[str, Any]:
    """The ARN partition and DNS suffixes."""
    return {"id": ctx.aws.partition, "partition": ctx.aws.partition, "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws"}


def availability_zones(ctx: Context, args: Inputs) -> dict[str, Any]:
    """The zones of the region, without the excluded ones."""
    zones = ctx.client("ec2").describe_availability_zones()["AvailabilityZones"]
    wanted = [
        zone
        for zone in zones
        if zone["ZoneName"] not in (args.get("excludeNames") or [])
        and zone.get("ZoneId") not in (args.get("excludeZoneIds") or [])
        and args.get("state") in (None, zone.get("State", "available"))
    ]
    return {
        **{key: args[key] for key in ("allAvailabilityZones", "excludeNames", "excludeZoneIds", "filters", "state") if key in args},
        "id": ctx.region,
        "region": ctx.region,
        "names": [zone["ZoneName"] for zone in wanted],
        "zoneIds": [zone.get("ZoneId", "") for zone in wanted],
        "groupNames": sorted({zone.get("GroupName", ctx.region) for zone in wanted}),
    }


def policy_document(_ctx: Context, args: Inputs) -> dict[str, Any]:
    """An IAM policy document from typed statements, merged as the official provider does: sources first, overrides by Sid last."""
    sources = [*_as_list(args.get("sourcePolicyDocuments")), *_as_list(args.get("sourceJson"))]
    overrides = [*_as_list(args.get("overridePolicyDocuments")), *_as_list(args.get("overrideJson"))]
    statements = [each for text in sources for each in _statements_of(text)]
    statements += [_statement(each) for each in cast("list[Inputs]", args.get("statements") or [])]
    for text in overrides:
        for each in _statements_of(text):
            sid = each.get("Sid")
            statements = [kept for kept in statements if not sid or kept.get("Sid") != sid] + [each]
    document: dict[str, Any] = {"Version": args.get("version") or DOCUMENT_VERSION}
    if args.get("policyId"):
        document["Id"] = args["policyId"]
    document["Statement"] = statements
    minified = json.dumps(document, separators=(",", ":"))
    return {**args, "id": str(zlib.crc32(minified.encode())), "json": json.dumps(document, indent=2), "minifiedJson": minified}


def _as_list(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(each) for each in cast("list[Any]", value)] if isinstance(value, list) else [str(value)]


def _statements_of(text: str) -> list[dict[str, Any]]:
    found: Any = json.loads(text).get("Statement", []) if text else []
    return cast("list[dict[str, Any]]", found if isinstance(found, list) else [found])


def _statement(given: Inputs) -> dict[str, Any]:
    strange = given.keys() - STATEMENT_KEYS
    if strange:
        raise ProviderError(
            f"getPolicyDocument: statement has {', '.join(sorted(strange))}: expected only {', '.join(sorted(STATEMENT_KEYS))}"
        )
    statement: dict[str, Any] = {}
    if given.get("sid"):
        statement["Sid"] = given["sid"]
    statement["Effect"] = given.get("effect") or "Allow"
    for key in ("actions", "notActions", "resources", "notResources"):
        if given.get(key):
            name = {"actions": "Action", "notActions": "NotAction", "resources": "Resource", "notResources": "NotResource"}[key]
            statement[name] = _one_or_many(given[key])
    for key, name in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        if given.get(key):
            statement[name] = _principals(given[key])
    if given.get("conditions"):
        statement["Condition"] = _conditions(given["conditions"])
    return statement


def _principals(given: list[Inputs]) -> Any:
    if any(each["type"] == "*" for each in given):
        return "*"
    grouped: dict[str, list[str]] = {}
    for each in given:
        grouped.setdefault(each["type"], []).extend(each["identifiers"])
    return {kind: _one_or_many(names) for kind, names in grouped.items()}


def _conditions(given: list[Inputs]) -> dict[str, dict[str, Any]]:
    result: dict[str, dict[str, Any]] = {}
    for each in given:
        result.setdefault(each["test"], {})[each["variable"]] = _one_or_many(each["values"])
    return result


def _one_or_many(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


INVOKES: dict[str, Callable[[Context, Inputs], dict[str, Any]]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": caller_identity,
    "aws:index/getRegion:getRegion": region,
    "aws:index/getPartition:getPartition": partition,
    "aws:index/getAvailabilityZones:getAvailabilityZones": availability_zones,
    "aws:iam/getPolicyDocument:getPolicyDocument": policy_document,
}
