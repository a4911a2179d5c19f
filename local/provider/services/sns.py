"""SNS: topics, topic policies and subscriptions. Ids are ARNs."""

from typing import Any

from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import boolean, integer, json_document, text
from local.provider.framework.translation import attribute_text, changed_names, from_attributes, tag_list, tag_map

TOPIC = {
    "name": text(computed=True),
    "fifoTopic": boolean(default=False, replace=True),
    "contentBasedDeduplication": boolean(default=False),
    "deliveryPolicy": json_document(),
    "displayName": text(),
    "fifoThroughputScope": text("Topic", "MessageGroup", computed=True),
    "kmsMasterKeyId": text(),
    "policy": json_document(computed=True),
    "signatureVersion": integer(computed=True),
    "tracingConfig": text("Active", "PassThrough", computed=True),
}
TOPIC_ATTRIBUTES = {
    "fifoTopic": "FifoTopic",
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deliveryPolicy": "DeliveryPolicy",
    "displayName": "DisplayName",
    "fifoThroughputScope": "FifoThroughputScope",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
    "signatureVersion": "SignatureVersion",
    "tracingConfig": "TracingConfig",
}
FIFO_ONLY = ("fifoTopic", "contentBasedDeduplication", "fifoThroughputScope")
SUBSCRIPTION = {
    "topic": text(required=True, replace=True),
    "protocol": text(
        "application", "email", "email-json", "firehose", "http", "https", "lambda", "sms", "sqs", required=True, replace=True
    ),
    "endpoint": text(required=True, replace=True),
    "confirmationTimeoutInMinutes": integer(default=1, write_only=True),
    "deliveryPolicy": json_document(),
    "endpointAutoConfirms": boolean(default=False, write_only=True),
    "filterPolicy": json_document(),
    "filterPolicyScope": text("MessageAttributes", "MessageBody", computed=True),
    "rawMessageDelivery": boolean(default=False),
    "redrivePolicy": json_document(),
    "subscriptionRoleArn": text(),
}
SUBSCRIPTION_ATTRIBUTES = {
    "deliveryPolicy": "DeliveryPolicy",
    "filterPolicy": "FilterPolicy",
    "filterPolicyScope": "FilterPolicyScope",
    "rawMessageDelivery": "RawMessageDelivery",
    "redrivePolicy": "RedrivePolicy",
    "subscriptionRoleArn": "SubscriptionRoleArn",
}


def topic_arn(ctx: Context, inputs: Inputs) -> str:
    """The ARN the topic has or will have."""
    return ctx.arn("sns", inputs["name"])


def find_topic(ctx: Context, inputs: Inputs) -> str | None:
    """The topic of that name (a second create is a silent success in SNS)."""
    arn = topic_arn(ctx, inputs)
    return arn if ctx.optional(lambda: ctx.client("sns").get_topic_attributes(TopicArn=arn)) else None


def create_topic(ctx: Context, inputs: Inputs) -> str:
    """Make the topic with its attributes."""
    fifo = bool(inputs.get("fifoTopic"))
    if fifo != str(inputs["name"]).endswith(".fifo"):
        expected = "end with .fifo because fifoTopic is true" if fifo else "not end with .fifo unless fifoTopic is true"
        raise ProviderError(f"topic name '{inputs['name']}' must {expected}: correct name or fifoTopic")
    names = [name for name in TOPIC_ATTRIBUTES if inputs.get(name) is not None and (fifo or name not in FIFO_ONLY)]
    attributes = {TOPIC_ATTRIBUTES[name]: attribute_text(inputs[name]) for name in names}
    return str(ctx.client("sns").create_topic(Name=inputs["name"], Attributes=attributes)["TopicArn"])


def read_topic(ctx: Context, id: str, _state: Inputs) -> Observed:
    """Every attribute is told by SNS; what was never set is absent."""
    attributes = ctx.client("sns").get_topic_attributes(TopicArn=id)["Attributes"]
    told = {**from_attributes(attributes, TOPIC, TOPIC_ATTRIBUTES), "name": id.rsplit(":", 1)[-1]}
    return Observed(inputs=told, outputs={"arn": id, "owner": attributes.get("Owner", ctx.account)})


def update_topic(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Set what differs; an empty text removes."""
    for name in changed_names(old, new, TOPIC_ATTRIBUTES):
        if new.get(name) is None and TOPIC[name].computed:
            continue
        value = attribute_text(new[name]) if new.get(name) is not None else ""
        ctx.client("sns").set_topic_attributes(TopicArn=id, AttributeName=TOPIC_ATTRIBUTES[name], AttributeValue=value)


def delete_topic(ctx: Context, id: str, _state: Inputs) -> None:
    """SNS deletes silently what is not there."""
    ctx.client("sns").delete_topic(TopicArn=id)


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """The topic's tags."""
    return tag_map(ctx.client("sns").list_tags_for_resource(ResourceArn=id).get("Tags"))


def write_tags(ctx: Context, id: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    if changed:
        ctx.client("sns").tag_resource(ResourceArn=id, Tags=tag_list(changed))
    if removed:
        ctx.client("sns").untag_resource(ResourceArn=id, TagKeys=removed)


def put_policy(ctx: Context, inputs: Inputs) -> str:
    """Set the topic's policy."""
    ctx.client("sns").set_topic_attributes(TopicArn=inputs["arn"], AttributeName="Policy", AttributeValue=attribute_text(inputs["policy"]))
    return str(inputs["arn"])


def read_policy(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """A topic always has a policy: AWS writes a default one."""
    attributes = ctx.client("sns").get_topic_attributes(TopicArn=id)["Attributes"]
    if not attributes.get("Policy"):
        return None
    return Observed(inputs={"arn": id, "policy": attributes["Policy"]}, outputs={"owner": attributes.get("Owner", ctx.account)})


def update_policy(ctx: Context, _id: str, _old: Inputs, new: Inputs) -> None:
    """Replace the document."""
    put_policy(ctx, new)


def delete_policy(ctx: Context, id: str, _state: Inputs) -> None:
    """Put AWS's default policy back, as the official provider does."""
    put_policy(ctx, {"arn": id, "policy": default_policy(ctx, id)})


def default_policy(ctx: Context, arn: str) -> dict[str, Any]:
    """What AWS gives every topic: only the owner may use it."""
    actions = ["GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic", "Subscribe"]
    return {
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [
            {
                "Sid": "__default_statement_ID",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": [f"SNS:{action}" for action in [*actions, "ListSubscriptionsByTopic", "Publish"]],
                "Resource": arn,
                "Condition": {"StringEquals": {"AWS:SourceOwner": ctx.account}},
            }
        ],
    }


def find_subscription(ctx: Context, inputs: Inputs) -> str | None:
    """The subscription of that endpoint to that topic (a second one is a silent success in SNS)."""
    pages = ctx.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=inputs["topic"])
    for each in (each for page in pages for each in page.get("Subscriptions", [])):
        if each["Protocol"] == inputs["protocol"] and each["Endpoint"] == inputs["endpoint"]:
            return str(each["SubscriptionArn"])
    return None


def create_subscription(ctx: Context, inputs: Inputs) -> str:
    """Subscribe. A subscription that waits for its recipient's confirmation has its ARN all the same."""
    names = [name for name in SUBSCRIPTION_ATTRIBUTES if inputs.get(name) is not None]
    answer = ctx.client("sns").subscribe(
        TopicArn=inputs["topic"],
        Protocol=inputs["protocol"],
        Endpoint=inputs["endpoint"],
        Attributes={SUBSCRIPTION_ATTRIBUTES[name]: attribute_text(inputs[name]) for name in names},
        ReturnSubscriptionArn=True,
    )
    return str(answer["SubscriptionArn"])


def read_subscription(ctx: Context, id: str, _state: Inputs) -> Observed:
    """Every attribute but the two that steer confirmation."""
    attributes = ctx.client("sns").get_subscription_attributes(SubscriptionArn=id)["Attributes"]
    told = from_attributes(attributes, SUBSCRIPTION, SUBSCRIPTION_ATTRIBUTES)
    return Observed(
        inputs={**told, "topic": attributes["TopicArn"], "protocol": attributes["Protocol"], "endpoint": attributes["Endpoint"]},
        outputs={
            "arn": id,
            "ownerId": attributes.get("Owner", ctx.account),
            "confirmationWasAuthenticated": attributes.get("ConfirmationWasAuthenticated") == "true",
            "pendingConfirmation": attributes.get("PendingConfirmation") == "true",
        },
    )


def update_subscription(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Set what differs; an empty text removes."""
    for name in changed_names(old, new, SUBSCRIPTION_ATTRIBUTES):
        if new.get(name) is None and SUBSCRIPTION[name].computed:
            continue
        value = attribute_text(new[name]) if new.get(name) is not None else ""
        ctx.client("sns").set_subscription_attributes(SubscriptionArn=id, AttributeName=SUBSCRIPTION_ATTRIBUTES[name], AttributeValue=value)


def delete_subscription(ctx: Context, id: str, _state: Inputs) -> None:
    """Unsubscribe."""
    ctx.client("sns").unsubscribe(SubscriptionArn=id)


RESOURCES = (
    Resource(
        token="aws:sns/topic:Topic",
        name="name",
        inputs=TOPIC,
        outputs=("arn", "owner"),
        find=find_topic,
        create=create_topic,
        read=read_topic,
        update=update_topic,
        delete=delete_topic,
        tags=Tags(read_tags, write_tags),
    ),
    Resource(
        token="aws:sns/topicPolicy:TopicPolicy",
        inputs={"arn": text(required=True, replace=True), "policy": json_document(required=True)},
        outputs=("owner",),
        create=put_policy,
        read=read_policy,
        update=update_policy,
        delete=delete_policy,
    ),
    Resource(
        token="aws:sns/topicSubscription:TopicSubscription",
        inputs=SUBSCRIPTION,
        outputs=("arn", "ownerId", "confirmationWasAuthenticated", "pendingConfirmation"),
        find=find_subscription,
        create=create_subscription,
        read=read_subscription,
        update=update_subscription,
        delete=delete_subscription,
    ),
)
