"""Topics, topic policies and subscriptions."""

import json

import pytest

from tests.local.provider.rig import Refused, Rig, lives_a_full_life

TOPIC = "aws:sns/topic:Topic"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": "*"}]}


def test_a_topic_lives_a_full_life(rig: Rig) -> None:
    topic = rig.create(TOPIC, name="alerts", displayName="Alerts", kmsMasterKeyId="alias/aws/sns", tags={"team": "kpi"})
    assert topic.state["arn"] == topic.id

    def spoil() -> None:
        rig.aws("sns").set_topic_attributes(TopicArn=topic.id, AttributeName="DisplayName", AttributeValue="Other")

    lives_a_full_life(topic, change={"displayName": "More alerts", "tags": {"team": "core"}}, spoil=spoil, drifted="displayName")


def test_a_topic_policy_lives_a_full_life_and_does_not_disturb_its_topic(rig: Rig) -> None:
    topic = rig.create(TOPIC, "held", name="held")
    policy = rig.create("aws:sns/topicPolicy:TopicPolicy", arn=topic.id, policy=json.dumps(POLICY))
    assert policy.drift() == []
    assert topic.drift() == []
    assert policy.update(policy=json.dumps({**POLICY, "Statement": []})) == ["policy"]
    rig.aws("sns").set_topic_attributes(TopicArn=topic.id, AttributeName="Policy", AttributeValue=json.dumps(POLICY))
    assert policy.drift() == ["policy"]
    policy.delete()
    told = json.loads(rig.aws("sns").get_topic_attributes(TopicArn=topic.id)["Attributes"]["Policy"])
    assert told["Statement"][0]["Sid"] == "__default_statement_ID"


def test_a_subscription_lives_a_full_life(rig: Rig) -> None:
    topic = rig.create(TOPIC, "source", name="source")
    queue = rig.create("aws:sqs/queue:Queue", "sink", name="sink")
    dead = rig.create("aws:sqs/queue:Queue", "sink-dead", name="sink-dead")
    subscription = rig.create(
        SUBSCRIPTION,
        topic=topic.id,
        protocol="sqs",
        endpoint=queue.state["arn"],
        rawMessageDelivery=True,
        filterPolicy=json.dumps({"severity": ["error"]}),
        redrivePolicy=json.dumps({"deadLetterTargetArn": dead.state["arn"]}),
    )
    assert subscription.state["pendingConfirmation"] is False

    def spoil() -> None:
        rig.aws("sns").set_subscription_attributes(SubscriptionArn=subscription.id, AttributeName="FilterPolicy", AttributeValue="{}")

    change = {"filterPolicy": json.dumps({"severity": ["warn"]}), "rawMessageDelivery": False}
    lives_a_full_life(subscription, change=change, spoil=spoil, drifted="filterPolicy")


def test_the_same_subscription_twice_and_a_wrong_protocol_are_refused(rig: Rig) -> None:
    topic = rig.create(TOPIC, "twice", name="twice")
    rig.create(SUBSCRIPTION, "a", topic=topic.id, protocol="email", endpoint="a@example.com")
    with pytest.raises(Refused, match="already exists"):
        rig.create(SUBSCRIPTION, "b", topic=topic.id, protocol="email", endpoint="a@example.com")
    with pytest.raises(Refused, match="protocol is 'mail'"):
        rig.create(SUBSCRIPTION, "c", topic=topic.id, protocol="mail", endpoint="a@example.com")
