"""SQS: `aws:sqs/queue:Queue`, `aws:sqs/queuePolicy:QueuePolicy`. Ids are queue URLs."""

from local.provider.framework.context import Context, ProviderError
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import boolean, integer, json_document, text
from local.provider.framework.translation import attribute_text, changed_names, from_attributes

QUEUE = {
    "name": text(computed=True),
    "fifoQueue": boolean(default=False, replace=True),
    "contentBasedDeduplication": boolean(default=False),
    "deduplicationScope": text("messageGroup", "queue", computed=True),
    "fifoThroughputLimit": text("perQueue", "perMessageGroupId", computed=True),
    "delaySeconds": integer(default=0),
    "kmsDataKeyReusePeriodSeconds": integer(computed=True),
    "kmsMasterKeyId": text(),
    "maxMessageSize": integer(default=262144),
    "messageRetentionSeconds": integer(default=345600),
    "policy": json_document(computed=True),
    "receiveWaitTimeSeconds": integer(default=0),
    "redriveAllowPolicy": json_document(computed=True),
    "redrivePolicy": json_document(),
    "sqsManagedSseEnabled": boolean(computed=True),
    "visibilityTimeoutSeconds": integer(default=30),
}
ATTRIBUTES = {
    "fifoQueue": "FifoQueue",
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deduplicationScope": "DeduplicationScope",
    "fifoThroughputLimit": "FifoThroughputLimit",
    "delaySeconds": "DelaySeconds",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "policy": "Policy",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}
FIFO_ONLY = ("fifoQueue", "contentBasedDeduplication", "deduplicationScope", "fifoThroughputLimit")


def find_queue(ctx: Context, inputs: Inputs) -> str | None:
    """The URL of the queue of that name (a second create with equal attributes is a silent success in SQS)."""
    answer = ctx.optional(lambda: ctx.client("sqs").get_queue_url(QueueName=inputs["name"]))
    return answer["QueueUrl"] if answer else None


def create_queue(ctx: Context, inputs: Inputs) -> str:
    """Make the queue. AWS demands that names end with `.fifo` exactly when the queue is FIFO; the emulator does not."""
    fifo = bool(inputs.get("fifoQueue"))
    if fifo != str(inputs["name"]).endswith(".fifo"):
        expected = "end with .fifo because fifoQueue is true" if fifo else "not end with .fifo unless fifoQueue is true"
        raise ProviderError(f"queue name '{inputs['name']}' must {expected}: correct name or fifoQueue")
    names = [name for name in ATTRIBUTES if inputs.get(name) is not None and (fifo or name not in FIFO_ONLY)]
    attributes = {ATTRIBUTES[name]: attribute_text(inputs[name]) for name in names}
    return str(ctx.client("sqs").create_queue(QueueName=inputs["name"], Attributes=attributes)["QueueUrl"])


def read_queue(ctx: Context, id: str, _state: Inputs) -> Observed:
    """Every attribute is told by SQS."""
    attributes = ctx.client("sqs").get_queue_attributes(QueueUrl=id, AttributeNames=["All"])["Attributes"]
    told = {**from_attributes(attributes, QUEUE, ATTRIBUTES), "name": id.rsplit("/", 1)[-1]}
    return Observed(inputs=told, outputs={"arn": attributes["QueueArn"], "url": id})


def update_queue(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """Set what differs; an empty text removes a policy, a redrive policy or a key."""
    names = changed_names(old, new, [name for name in ATTRIBUTES if name not in ("fifoQueue", "policy") or new.get(name) is not None])
    changed = {ATTRIBUTES[name]: attribute_text(new[name]) if new.get(name) is not None else "" for name in names}
    changed = {name: value for name, value in changed.items() if value or name in ("RedrivePolicy", "KmsMasterKeyId", "RedriveAllowPolicy")}
    if changed:
        ctx.client("sqs").set_queue_attributes(QueueUrl=id, Attributes=changed)


def delete_queue(ctx: Context, id: str, _state: Inputs) -> None:
    """Delete the queue with its messages."""
    ctx.client("sqs").delete_queue(QueueUrl=id)


def read_tags(ctx: Context, id: str, _state: Inputs) -> dict[str, str]:
    """The queue's tags."""
    return dict(ctx.client("sqs").list_queue_tags(QueueUrl=id).get("Tags", {}))


def write_tags(ctx: Context, id: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags."""
    if changed:
        ctx.client("sqs").tag_queue(QueueUrl=id, Tags=changed)
    if removed:
        ctx.client("sqs").untag_queue(QueueUrl=id, TagKeys=removed)


def put_policy(ctx: Context, inputs: Inputs) -> str:
    """Set the queue's policy."""
    ctx.client("sqs").set_queue_attributes(QueueUrl=inputs["queueUrl"], Attributes={"Policy": attribute_text(inputs["policy"])})
    return str(inputs["queueUrl"])


def read_policy(ctx: Context, id: str, _state: Inputs) -> Observed | None:
    """Gone when the queue has no policy."""
    attributes = ctx.client("sqs").get_queue_attributes(QueueUrl=id, AttributeNames=["Policy"]).get("Attributes", {})
    return Observed(inputs={"queueUrl": id, "policy": attributes["Policy"]}) if attributes.get("Policy") else None


def update_policy(ctx: Context, _id: str, _old: Inputs, new: Inputs) -> None:
    """Replace the document."""
    put_policy(ctx, new)


def delete_policy(ctx: Context, id: str, _state: Inputs) -> None:
    """Leave the queue without a policy."""
    ctx.client("sqs").set_queue_attributes(QueueUrl=id, Attributes={"Policy": ""})


RESOURCES = (
    Resource(
        token="aws:sqs/queue:Queue",
        name="name",
        inputs=QUEUE,
        outputs=("arn", "url"),
        find=find_queue,
        create=create_queue,
        read=read_queue,
        update=update_queue,
        delete=delete_queue,
        tags=Tags(read_tags, write_tags),
    ),
    Resource(
        token="aws:sqs/queuePolicy:QueuePolicy",
        inputs={"queueUrl": text(required=True, replace=True), "policy": json_document(required=True)},
        create=put_policy,
        read=read_policy,
        update=update_policy,
        delete=delete_policy,
    ),
)
