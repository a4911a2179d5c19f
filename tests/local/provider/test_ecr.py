"""Repositories and lifecycle policies."""

import json

from tests.local.provider.rig import ACCOUNT, Rig, lives_a_full_life

REPOSITORY = "aws:ecr/repository:Repository"
POLICY = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10},
            "action": {"type": "expire"},
        }
    ]
}


def test_a_repository_lives_a_full_life(rig: Rig) -> None:
    it = rig.create(
        REPOSITORY,
        name="kpi-runner",
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfigurations=[{"encryptionType": "KMS", "kmsKey": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"}],
        forceDelete=True,
        tags={"team": "kpi"},
    )
    assert it.state["repositoryUrl"].endswith("/kpi-runner")

    def spoil() -> None:
        rig.aws("ecr").put_image_scanning_configuration(repositoryName="kpi-runner", imageScanningConfiguration={"scanOnPush": False})

    lives_a_full_life(it, change={"imageTagMutability": "IMMUTABLE"}, spoil=spoil, drifted="imageScanningConfiguration")


def test_a_lifecycle_policy_lives_a_full_life(rig: Rig) -> None:
    rig.create(REPOSITORY, "kept", name="kept")
    it = rig.create("aws:ecr/lifecyclePolicy:LifecyclePolicy", repository="kept", policy=json.dumps(POLICY))

    def spoil() -> None:
        rig.aws("ecr").put_lifecycle_policy(repositoryName="kept", lifecyclePolicyText=json.dumps(POLICY))

    fewer = {"rules": [{**POLICY["rules"][0], "description": "Keep the newest images only"}]}
    lives_a_full_life(it, change={"policy": json.dumps(fewer)}, spoil=spoil, drifted="policy")
