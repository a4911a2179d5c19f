"""AWS Budgets: `aws:budgets/budget:Budget`; ids are `account:name`, as the official provider has them."""

from typing import Any

from local.provider.framework.context import Context
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import boolean, listing, number, record, text
from local.provider.framework.translation import changed_names, many, tag_list, tag_map, to_aws

NOTIFICATION = {
    "comparisonOperator": text("GREATER_THAN", "LESS_THAN", "EQUAL_TO", required=True),
    "notificationType": text("ACTUAL", "FORECASTED", required=True),
    "threshold": number(required=True),
    "thresholdType": text("PERCENTAGE", "ABSOLUTE_VALUE", required=True),
}
COST_TYPES = record(
    {
        name: boolean(computed=True)
        for name in (
            "includeCredit", "includeDiscount", "includeOtherSubscription", "includeRecurring", "includeRefund", "includeSubscription",
            "includeSupport", "includeTax", "includeUpfront", "useAmortized", "useBlended",
        )
    },
    computed=True,
)  # fmt: skip
BUDGET = {
    "name": text(computed=True),
    "budgetType": text(
        "COST", "USAGE", "RI_UTILIZATION", "RI_COVERAGE", "SAVINGS_PLANS_UTILIZATION", "SAVINGS_PLANS_COVERAGE", required=True
    ),
    "timeUnit": text("DAILY", "MONTHLY", "QUARTERLY", "ANNUALLY", required=True),
    "limitAmount": text(),
    "limitUnit": text(),
    "timePeriodStart": text(computed=True, write_only=True),
    "timePeriodEnd": text(computed=True, write_only=True),
    "costTypes": COST_TYPES,
    "costFilters": listing(record({"name": text(required=True), "values": listing(text(), required=True, unordered=True)}), unordered=True),
    "notifications": listing(
        record(
            {
                **NOTIFICATION,
                "subscriberEmailAddresses": listing(text(), unordered=True),
                "subscriberSnsTopicArns": listing(text(), unordered=True),
            }
        ),
        unordered=True,
    ),
}


def _client(ctx: Context) -> Any:
    return ctx.client("budgets")


def _subscribers(notification: Inputs) -> list[dict[str, str]]:
    emails = [{"SubscriptionType": "EMAIL", "Address": address} for address in many(notification, "subscriberEmailAddresses")]
    topics = [{"SubscriptionType": "SNS", "Address": address} for address in many(notification, "subscriberSnsTopicArns")]
    return emails + topics


def _definition(inputs: Inputs) -> dict[str, Any]:
    document: dict[str, Any] = {
        "BudgetName": inputs["name"],
        "BudgetType": inputs["budgetType"],
        "TimeUnit": inputs["timeUnit"],
        "BudgetLimit": {"Amount": inputs.get("limitAmount") or "0", "Unit": inputs.get("limitUnit") or "USD"},
    }
    if inputs.get("costFilters"):
        document["CostFilters"] = {each["name"]: each["values"] for each in inputs["costFilters"]}
    if inputs.get("costTypes"):
        document["CostTypes"] = to_aws(inputs["costTypes"], COST_TYPES.fields)
    return document


def _with_subscribers(notification: Inputs) -> dict[str, Any]:
    return {"Notification": to_aws(notification, NOTIFICATION), "Subscribers": _subscribers(notification)}


def find_budget(ctx: Context, inputs: Inputs) -> str | None:
    """The budget of that name."""
    found = ctx.optional(lambda: _client(ctx).describe_budget(AccountId=ctx.account, BudgetName=inputs["name"]))
    return f"{ctx.account}:{inputs['name']}" if found else None


def create_budget(ctx: Context, inputs: Inputs) -> str:
    """Make the budget with its notifications."""
    notifications = [_with_subscribers(each) for each in many(inputs, "notifications")]
    _client(ctx).create_budget(AccountId=ctx.account, Budget=_definition(inputs), NotificationsWithSubscribers=notifications)
    return f"{ctx.account}:{inputs['name']}"


def read_budget(ctx: Context, id: str, state: Inputs) -> Observed | None:
    """Amounts read back as AWS writes them (`100.0`) count as what was asked when the numbers are equal."""
    account, name = id.split(":", 1)
    answer = ctx.optional(lambda: _client(ctx).describe_budget(AccountId=account, BudgetName=name))
    if not answer:
        return None
    budget = answer["Budget"]
    amount, asked = budget.get("BudgetLimit", {}).get("Amount"), state.get("limitAmount")
    same = amount is not None and asked is not None and float(amount) == float(asked)
    filters: dict[str, list[str]] = budget.get("CostFilters") or {}
    told: Inputs = {
        "name": name,
        "budgetType": budget["BudgetType"],
        "timeUnit": budget["TimeUnit"],
        "limitAmount": asked if same else amount,
        "limitUnit": budget.get("BudgetLimit", {}).get("Unit"),
        "costFilters": [{"name": key, "values": values} for key, values in sorted(filters.items())] or None,
        "notifications": _notifications(ctx, account, name) or None,
    }
    return Observed(inputs=told, outputs={"arn": ctx.arn("budgets", f"budget/{name}", region=""), "accountId": account})


def _notifications(ctx: Context, account: str, name: str) -> list[Inputs]:
    found = _client(ctx).describe_notifications_for_budget(AccountId=account, BudgetName=name).get("Notifications", [])
    told: list[Inputs] = []
    for each in found:
        answer = _client(ctx).describe_subscribers_for_notification(AccountId=account, BudgetName=name, Notification=each)
        entry: Inputs = {key: each[key[0].upper() + key[1:]] for key in NOTIFICATION if key[0].upper() + key[1:] in each}
        for kind, field in (("EMAIL", "subscriberEmailAddresses"), ("SNS", "subscriberSnsTopicArns")):
            if addresses := [who["Address"] for who in answer["Subscribers"] if who["SubscriptionType"] == kind]:
                entry[field] = addresses
        told.append(entry)
    return told


def update_budget(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """The definition is replaced; notifications are deleted and made anew."""
    account, name = id.split(":", 1)
    _client(ctx).update_budget(AccountId=account, NewBudget=_definition({**new, "name": name}))
    if not changed_names(old, new, ("notifications",)):
        return
    for each in _client(ctx).describe_notifications_for_budget(AccountId=account, BudgetName=name).get("Notifications", []):
        _client(ctx).delete_notification(AccountId=account, BudgetName=name, Notification=each)
    for each in many(new, "notifications"):
        _client(ctx).create_notification(AccountId=account, BudgetName=name, **_with_subscribers(each))


def delete_budget(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the budget."""
    account, name = id.split(":", 1)
    _client(ctx).delete_budget(AccountId=account, BudgetName=name)


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """The budget's tags."""
    return tag_map(_client(ctx).list_tags_for_resource(ResourceARN=_arn(ctx, id)).get("ResourceTags"))


def write_tags(ctx: Context, id: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    if changed:
        _client(ctx).tag_resource(ResourceARN=_arn(ctx, id), ResourceTags=tag_list(changed))
    if removed:
        _client(ctx).untag_resource(ResourceARN=_arn(ctx, id), ResourceTagKeys=removed)


def _arn(ctx: Context, id: str) -> str:
    return ctx.arn("budgets", f"budget/{id.split(':', 1)[1]}", region="")


RESOURCES = (
    Resource(
        token="aws:budgets/budget:Budget",
        name="name",
        inputs=BUDGET,
        outputs=("arn", "accountId"),
        find=find_budget,
        create=create_budget,
        read=read_budget,
        update=update_budget,
        delete=delete_budget,
        tags=Tags(read_tags, write_tags),
    ),
)
