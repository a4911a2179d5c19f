"""Queues and queue policies."""

import json

import pytest

from tests.local.provider.rig import ACCOUNT, REGION, Refused, Rig, lives_a_full_life

QUEUE = "aws:sqs/queue:Queue"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}]}


def test_a_queue_lives_a_full_life(rig: Rig) -> None:
    dead = rig.create(QUEUE, "dead", name="dead")
    redrive = json.dumps({"deadLetterTargetArn": dead.state["arn"], "maxReceiveCount": 5})
    queue = rig.create(
        QUEUE, name="work", visibilityTimeoutSeconds=60, redrivePolicy=redrive, sqsManagedSseEnabled=True, tags={"team": "kpi"}
    )
    assert queue.state["arn"] == f"arn:aws:sqs:{REGION}:{ACCOUNT}:work"
    assert queue.state["url"] == queue.id
    assert queue.imported()["redrivePolicy"]

    def spoil() -> None:
        rig.aws("sqs").set_queue_attributes(QueueUrl=queue.id, Attributes={"DelaySeconds": "7"})

    lives_a_full_life(queue, change={"visibilityTimeoutSeconds": 90}, spoil=spoil, drifted="delaySeconds")


def test_a_redrive_policy_can_be_taken_away(rig: Rig) -> None:
    dead = rig.create(QUEUE, "dead2", name="dead2")
    redrive = json.dumps({"deadLetterTargetArn": dead.state["arn"], "maxReceiveCount": 5})
    queue = rig.create(QUEUE, "work2", name="work2", redrivePolicy=redrive)
    assert queue.update(redrivePolicy=None) == ["redrivePolicy"]
    assert queue.drift() == []
    attributes = rig.aws("sqs").get_queue_attributes(QueueUrl=queue.id, AttributeNames=["All"])["Attributes"]
    assert not attributes.get("RedrivePolicy")


def test_changed_tags_are_found_and_put_back(rig: Rig) -> None:
    queue = rig.create(QUEUE, "tagged", name="tagged", tags={"team": "kpi"})
    rig.aws("sqs").tag_queue(QueueUrl=queue.id, Tags={"team": "other"})
    assert queue.drift() == ["tags"]


def test_a_taken_name_is_refused(rig: Rig) -> None:
    rig.create(QUEUE, "first", name="taken")
    with pytest.raises(Refused, match="'taken' already exists"):
        rig.create(QUEUE, "second", name="taken")


def test_a_fifo_queue_needs_its_suffix(rig: Rig) -> None:
    with pytest.raises(Refused, match=r"must end with \.fifo"):
        rig.create(QUEUE, "fifo", name="plain", fifoQueue=True)
    queue = rig.create(QUEUE, "fifo2", name="right.fifo", fifoQueue=True, contentBasedDeduplication=True)
    assert queue.drift() == []
    assert queue.replaced_by(fifoQueue=False) == ["fifoQueue"]


def test_an_unknown_input_is_refused(rig: Rig) -> None:
    with pytest.raises(Refused, match=r"visibilityTimeout is not an input.*visibilityTimeoutSeconds"):
        rig.create(QUEUE, "wrong", name="wrong", visibilityTimeout=60)


def test_a_queue_policy_lives_a_full_life(rig: Rig) -> None:
    queue = rig.create(QUEUE, "owner", name="owner")
    policy = rig.create("aws:sqs/queuePolicy:QueuePolicy", queueUrl=queue.id, policy=json.dumps(POLICY))
    assert queue.drift() == []
    other = {**POLICY, "Statement": []}

    def spoil() -> None:
        rig.aws("sqs").set_queue_attributes(QueueUrl=queue.id, Attributes={"Policy": json.dumps(POLICY)})

    lives_a_full_life(policy, change={"policy": json.dumps(other)}, spoil=spoil, drifted="policy")
