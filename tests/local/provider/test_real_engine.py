"""The provider under the real Pulumi engine: up, no-change preview, a drift found and repaired, import, destroy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pulumi
import pulumi_aws as aws
import pytest
from pulumi import automation as auto

from local.provider.framework.server import serve
from tests.local.provider.rig import REPOSITORY, Rig

COMMAND_ROOT = REPOSITORY / ".local"


def program() -> None:
    key = aws.kms.Key("key", enable_key_rotation=True)
    bucket = aws.s3.Bucket("lake", force_destroy=True)
    aws.s3.BucketVersioning("lake", bucket=bucket.id, versioning_configuration={"status": "Enabled"})
    aws.dynamodb.Table(
        "log", name="log", billing_mode="PAY_PER_REQUEST", hash_key="pk", attributes=[{"name": "pk", "type": "S"}],
        ttl={"attribute_name": "expires_at", "enabled": True}, server_side_encryption={"enabled": True, "kms_key_arn": key.arn},
    )  # fmt: skip
    role = aws.iam.Role("fn", assume_role_policy=aws.iam.get_policy_document(statements=[{"actions": ["sts:AssumeRole"]}]).json)
    source = pulumi.AssetArchive({"main.py": pulumi.StringAsset("def handler(event, context):\n    return event\n")})
    function = aws.lambda_.Function("fn", role=role.arn, handler="main.handler", runtime="python3.12", code=source)
    answer = aws.lambda_.Invocation("call", function_name=function.name, input='{"a": 1}')
    pulumi.export("account", aws.get_caller_identity().account_id)
    pulumi.export("answer", answer.result)


@pytest.fixture
def stack(rig: Rig, tmp_path: Path) -> Iterator[auto.Stack]:
    server, port = serve(rig.provider)
    home = tmp_path / "home"
    backend = tmp_path / "backend"
    backend.mkdir()
    environment = {
        "PULUMI_BACKEND_URL": backend.as_uri(), "PULUMI_CONFIG_PASSPHRASE": "test", "PULUMI_HOME": str(home),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true", "PULUMI_DEBUG_PROVIDERS": f"aws:{port}",
        "AWS_ENDPOINT_URL": rig.url, "AWS_REGION": "us-east-1",
    }  # fmt: skip
    options = auto.LocalWorkspaceOptions(env_vars=environment, pulumi_command=auto.PulumiCommand(str(COMMAND_ROOT)), pulumi_home=str(home))
    made = auto.create_stack("dev", "engine-test", program, opts=options)
    made.set_config("aws:defaultTags.tags.team", auto.ConfigValue("kpi"), path=True)
    yield made
    made.destroy()
    server.stop(0)


@pytest.mark.skipif(not (COMMAND_ROOT / "bin" / "pulumi").exists(), reason="the engine is not there yet: run `make up` once")
def test_the_engine_drives_the_provider_through_a_stacks_life(stack: auto.Stack, rig: Rig) -> None:
    outputs = stack.up().outputs
    assert (outputs["account"].value, outputs["answer"].value) == ("123456789012", '{"a": 1}')
    assert rig.aws("dynamodb").list_tags_of_resource(ResourceArn="arn:aws:dynamodb:us-east-1:123456789012:table/log")["Tags"] == [
        {"Key": "team", "Value": "kpi"}
    ]
    stack.preview(expect_no_changes=True)
    wrong = {"Enabled": False, "AttributeName": "expires_at"}
    rig.aws("dynamodb").update_time_to_live(TableName="log", TimeToLiveSpecification=wrong)
    assert stack.refresh().summary.resource_changes["update"] == 1
    with pytest.raises(auto.CommandError):
        stack.preview(expect_no_changes=True)
    assert stack.up().summary.resource_changes["update"] == 1
    stack.preview(expect_no_changes=True)
    stack.destroy()
    assert rig.aws("dynamodb").list_tables()["TableNames"] == []
