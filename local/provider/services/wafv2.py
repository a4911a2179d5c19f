"""WAF: `aws:wafv2/webAcl:WebAcl`; ids are web ACL ids, found by name and scope.

Statements the product uses are declared; any other is refused as an unknown input instead of being dropped.
"""

from typing import Any

from local.provider.framework.context import Context
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import boolean, integer, listing, record, text
from local.provider.framework.translation import from_aws, tag_list, tag_map, to_aws

EMPTY = record({}, presence=True)
VISIBILITY = record(
    {
        "cloudwatchMetricsEnabled": boolean(required=True),
        "metricName": text(required=True),
        "sampledRequestsEnabled": boolean(required=True),
    },
    required=True,
)
STATEMENT = record(
    {
        "managedRuleGroupStatement": record({"name": text(required=True), "vendorName": text(required=True), "version": text()}),
        "rateBasedStatement": record(
            {
                "limit": integer(required=True),
                "aggregateKeyType": text("IP", "FORWARDED_IP", "CONSTANT", default="IP"),
                "evaluationWindowSec": integer(computed=True),
            }
        ),
        "geoMatchStatement": record({"countryCodes": listing(text(), required=True)}),
        "ipSetReferenceStatement": record({"arn": text(required=True)}),
    },
    required=True,
)
RULE = record(
    {
        "name": text(required=True),
        "priority": integer(required=True),
        "statement": STATEMENT,
        "action": record({"allow": EMPTY, "block": EMPTY, "count": EMPTY, "captcha": EMPTY, "challenge": EMPTY}),
        "overrideAction": record({"count": EMPTY, "none": EMPTY}),
        "visibilityConfig": VISIBILITY,
    }
)
WEB_ACL = {
    "name": text(computed=True),
    "scope": text("CLOUDFRONT", "REGIONAL", required=True, replace=True),
    "description": text(),
    "defaultAction": record({"allow": EMPTY, "block": EMPTY}, required=True),
    "rules": listing(RULE, unordered=True),
    "visibilityConfig": VISIBILITY,
}
CHANGEABLE = {key: prop for key, prop in WEB_ACL.items() if key not in ("name", "scope")}
NAMES = {"cloudwatchMetricsEnabled": "CloudWatchMetricsEnabled", "arn": "ARN", "ipSetReferenceStatement": "IPSetReferenceStatement"}


def _found(ctx: Context, id: str, state: Inputs) -> dict[str, Any] | None:
    place = {"Name": state.get("name") or id, "Scope": state.get("scope") or "REGIONAL", "Id": id}
    return ctx.optional(lambda: ctx.client("wafv2").get_web_acl(**place))


def find_web_acl(ctx: Context, inputs: Inputs) -> str | None:
    """The web ACL of that name in that scope."""
    listed = ctx.client("wafv2").list_web_acls(Scope=inputs["scope"]).get("WebACLs", [])
    return next((str(each["Id"]) for each in listed if each["Name"] == inputs["name"]), None)


def create_web_acl(ctx: Context, inputs: Inputs) -> str:
    """Make the web ACL."""
    request: dict[str, Any] = {"Rules": [], **to_aws(inputs, CHANGEABLE, NAMES)}
    return str(ctx.client("wafv2").create_web_acl(Name=inputs["name"], Scope=inputs["scope"], **request)["Summary"]["Id"])


def read_web_acl(ctx: Context, id: str, state: Inputs) -> Observed | None:
    """Everything is told but the scope, which is where it was found."""
    answer = _found(ctx, id, state)
    if not answer:
        return None
    acl = answer["WebACL"]
    told = from_aws(acl, CHANGEABLE, NAMES)
    told |= {"name": acl["Name"], "description": acl.get("Description") or None, "rules": told.get("rules") or None}
    outputs = {"arn": acl["ARN"], "capacity": acl.get("Capacity", 0), "lockToken": answer["LockToken"]}
    return Observed(inputs=told, outputs=outputs)


def update_web_acl(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Replace the definition under the current lock token."""
    answer = _found(ctx, id, old)
    token = answer["LockToken"] if answer else ""
    request: dict[str, Any] = {"Rules": [], **to_aws(new, CHANGEABLE, NAMES)}
    ctx.client("wafv2").update_web_acl(Name=new["name"], Scope=new["scope"], Id=id, LockToken=token, **request)


def delete_web_acl(ctx: Context, id: str, state: Inputs) -> None:
    """Delete the web ACL."""
    if answer := _found(ctx, id, state):
        ctx.client("wafv2").delete_web_acl(Name=state["name"], Scope=state["scope"], Id=id, LockToken=answer["LockToken"])


def _arn(ctx: Context, id: str, state: Inputs) -> str:
    if state.get("arn"):
        return str(state["arn"])
    answer = _found(ctx, id, state)
    return str(answer["WebACL"]["ARN"]) if answer else id


def read_tags(ctx: Context, id: str, state: Inputs) -> dict[str, str]:
    """The tags of the web ACL."""
    answer = ctx.client("wafv2").list_tags_for_resource(ResourceARN=_arn(ctx, id, state))
    return tag_map(answer.get("TagInfoForResource", {}).get("TagList"))


def write_tags(ctx: Context, id: str, inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    arn = _arn(ctx, id, inputs)
    if changed:
        ctx.client("wafv2").tag_resource(ResourceARN=arn, Tags=tag_list(changed))
    if removed:
        ctx.client("wafv2").untag_resource(ResourceARN=arn, TagKeys=removed)


RESOURCES = (
    Resource(
        token="aws:wafv2/webAcl:WebAcl",
        name="name",
        inputs=WEB_ACL,
        outputs=("arn", "capacity", "lockToken"),
        volatile=("lockToken", "capacity"),
        find=find_web_acl,
        create=create_web_acl,
        read=read_web_acl,
        update=update_web_acl,
        delete=delete_web_acl,
        tags=Tags(read_tags, write_tags),
    ),
)
