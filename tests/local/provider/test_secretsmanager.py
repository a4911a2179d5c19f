"""Secrets without values, and their policies."""

import json

from tests.local.provider.rig import Rig, lives_a_full_life

SECRET = "aws:secretsmanager/secret:Secret"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:*", "Resource": "*"}]}


def test_a_secret_lives_a_full_life(rig: Rig) -> None:
    secret = rig.create(SECRET, name="kpi/test/store", description="result store", recoveryWindowInDays=0, tags={"team": "kpi"})
    assert secret.state["arn"] == secret.id

    def spoil() -> None:
        rig.aws("secretsmanager").update_secret(SecretId=secret.id, Description="other")

    lives_a_full_life(secret, change={"description": "the result store"}, spoil=spoil, drifted="description")


def test_a_value_set_out_of_band_is_no_drift(rig: Rig) -> None:
    secret = rig.create(SECRET, "valued", name="kpi/test/valued", recoveryWindowInDays=0)
    rig.aws("secretsmanager").put_secret_value(SecretId=secret.id, SecretString='{"url": "hidden"}')
    assert secret.drift() == []
    assert "hidden" not in json.dumps(secret.state)


def test_a_secret_waiting_for_deletion_counts_as_gone(rig: Rig) -> None:
    secret = rig.create(SECRET, "windowed", name="kpi/test/windowed", recoveryWindowInDays=7)
    secret.delete()
    assert rig.aws("secretsmanager").describe_secret(SecretId=secret.id)["DeletedDate"]
    assert secret.gone()


def test_a_secret_policy_lives_a_full_life(rig: Rig) -> None:
    secret = rig.create(SECRET, "owner", name="kpi/test/owner", recoveryWindowInDays=0)
    policy = rig.create("aws:secretsmanager/secretPolicy:SecretPolicy", secretArn=secret.id, policy=json.dumps(POLICY))
    assert secret.drift() == []

    def spoil() -> None:
        rig.aws("secretsmanager").put_resource_policy(SecretId=secret.id, ResourcePolicy=json.dumps(POLICY))

    lives_a_full_life(policy, change={"policy": json.dumps({**POLICY, "Statement": []})}, spoil=spoil, drifted="policy")
