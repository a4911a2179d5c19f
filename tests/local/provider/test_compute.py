"""Lambda and API Gateway through the provider."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.provider.framework import wire
from tests.local.provider.rig import Refused, Rig, lives_a_full_life

FUNCTION = "aws:lambda/function:Function"
ROLE = "arn:aws:iam::123456789012:role/any"


def code(body: str) -> dict[str, Any]:
    asset = {wire.SIGNATURE: wire.ASSET, "text": f"def handler(event, context):\n    {body}\n", "hash": body}
    return {wire.SIGNATURE: wire.ARCHIVE, "assets": {"main.py": asset}, "hash": body}


def function(rig: Rig, name: str, body: str = "return {'got': event}", **more: Any) -> Any:
    base = {"name": name, "role": ROLE, "handler": "main.handler", "runtime": "python3.12", "code": code(body)}
    return rig.create(FUNCTION, name, **{**base, **more})


def test_a_function_lives_a_full_life(rig: Rig) -> None:
    it = function(
        rig, "life", environment={"variables": {"A": "1"}}, timeout=10, memorySize=256, tags={"a": "b"}, description="d",
        tracingConfig={"mode": "Active"}, loggingConfig={"logFormat": "JSON"}, reservedConcurrentExecutions=5, architectures=["arm64"],
    )  # fmt: skip
    assert it.state["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:life"
    assert it.state["invokeArn"].endswith(f"{it.state['arn']}/invocations")
    spoil = lambda: rig.aws("lambda").update_function_configuration(FunctionName="life", Timeout=99)  # noqa: E731
    change = {"environment": {"variables": {"A": "2"}}, "code": code("return 2"), "reservedConcurrentExecutions": -1}
    lives_a_full_life(it, change=change, spoil=spoil, drifted="timeout")


def test_new_code_runs_and_a_removed_environment_is_gone(rig: Rig) -> None:
    it = function(rig, "code", environment={"variables": {"A": "1"}})
    it.update(code=code("return 'new'"), environment=None)
    assert rig.aws("lambda").invoke(FunctionName="code")["Payload"].read() == b'"new"'
    assert "Environment" not in rig.aws("lambda").get_function_configuration(FunctionName="code") or it.drift() == []


def test_a_function_without_code_is_refused(rig: Rig) -> None:
    with pytest.raises(Refused, match="expected either code"):
        rig.create(FUNCTION, name="none", role=ROLE, handler="main.handler", runtime="python3.12")


def test_a_published_function_has_a_version_and_an_alias(rig: Rig) -> None:
    it = function(rig, "versions", publish=True)
    assert it.state["version"] == "1"
    alias = rig.create("aws:lambda/alias:Alias", name="live", functionName="versions", functionVersion="1")
    it.update(code=code("return 2"))
    assert it.state["version"] == "2"
    lives_a_full_life(alias, change={"functionVersion": "2"}, spoil=None, drifted="")


def test_a_permission_lives_and_dies(rig: Rig) -> None:
    function(rig, "permit")
    permission = rig.create(
        "aws:lambda/permission:Permission", function="permit", action="lambda:InvokeFunction", principal="events.amazonaws.com",
        sourceArn="arn:aws:events:us-east-1:123456789012:rule/r",
    )  # fmt: skip
    assert permission.drift() == []
    assert permission.replaced_by(principal="s3.amazonaws.com") == ["principal"]
    permission.delete()
    assert permission.gone()


def test_an_event_source_mapping_lives_a_full_life(rig: Rig) -> None:
    function(rig, "mapped")
    queue = rig.create("aws:sqs/queue:Queue", "source", name="source")
    mapping = rig.create(
        "aws:lambda/eventSourceMapping:EventSourceMapping", functionName="mapped", eventSourceArn=queue.state["arn"], batchSize=5,
        functionResponseTypes=["ReportBatchItemFailures"],
        destinationConfig={"onFailure": {"destinationArn": queue.state["arn"]}},
        filterCriteria={"filters": [{"pattern": '{"body": {"a": [1]}}'}]},
    )  # fmt: skip
    spoil = lambda: rig.aws("lambda").update_event_source_mapping(UUID=mapping.id, BatchSize=1)  # noqa: E731
    lives_a_full_life(mapping, change={"batchSize": 7}, spoil=spoil, drifted="batchSize")


def test_an_invocation_answers_and_runs_again_when_a_trigger_changes(rig: Rig) -> None:
    function(rig, "called", "return event")
    once = rig.create("aws:lambda/invocation:Invocation", "once", functionName="called", input='{"a": 1}', triggers={"hash": "1"})
    assert json.loads(once.state["result"]) == {"a": 1}
    assert once.replaced_by(triggers={"hash": "2"}) == ["triggers"]
    assert once.drift() == []
    always = rig.create("aws:lambda/invocation:Invocation", "always", functionName="called", input='{"a": 1}', lifecycleScope="CRUD")
    assert json.loads(always.state["result"])["tf"] == {"action": "create", "prev_input": None}
    always.update(input='{"a": 2}')
    assert json.loads(always.state["result"]) == {"a": 2, "tf": {"action": "update", "prev_input": {"a": 1}}}
    always.delete()


def test_an_invocation_that_fails_fails_the_deployment(rig: Rig) -> None:
    function(rig, "broken", "raise ValueError('boom')")
    with pytest.raises(Refused, match=r"function 'broken' failed when invoked on create: .*boom"):
        rig.create("aws:lambda/invocation:Invocation", functionName="broken", input="{}")


def test_an_http_api_with_all_its_parts_lives_a_full_life(rig: Rig) -> None:
    api = rig.create(
        "aws:apigatewayv2/api:Api", name="api", protocolType="HTTP", tags={"ms-custom-id": "kpiapi"},
        corsConfiguration={"allowOrigins": ["*"], "allowMethods": ["GET"], "maxAge": 60},
    )  # fmt: skip
    assert api.id == "kpiapi"
    authorizer = rig.create(
        "aws:apigatewayv2/authorizer:Authorizer", apiId=api.id, name="jwt", authorizerType="JWT",
        identitySources=["$request.header.Authorization"],
        jwtConfiguration={"audiences": ["c"], "issuer": "https://issuer.example"},
    )  # fmt: skip
    integration = rig.create(
        "aws:apigatewayv2/integration:Integration", apiId=api.id, integrationType="AWS_PROXY", payloadFormatVersion="2.0",
        integrationUri="arn:aws:lambda:us-east-1:123456789012:function:f",
    )  # fmt: skip
    route = rig.create(
        "aws:apigatewayv2/route:Route", apiId=api.id, routeKey="GET /x", target=f"integrations/{integration.id}", authorizationType="JWT",
        authorizerId=authorizer.id,
    )  # fmt: skip
    stage = rig.create(
        "aws:apigatewayv2/stage:Stage", apiId=api.id, name="$default", autoDeploy=True, tags={"a": "b"},
        defaultRouteSettings={"throttlingBurstLimit": 10, "throttlingRateLimit": 5.5},
        accessLogSettings={"destinationArn": "arn:aws:logs:us-east-1:123456789012:log-group:x", "format": "$context.requestId"},
    )  # fmt: skip
    with pytest.raises(Refused, match="already exists"):
        rig.create("aws:apigatewayv2/route:Route", "second", apiId=api.id, routeKey="GET /x")
    client = rig.aws("apigatewayv2")
    lives_a_full_life(
        stage,
        change={"autoDeploy": False},
        spoil=lambda: client.update_stage(ApiId=api.id, StageName="$default", Description="x"),
        drifted="description",
    )
    lives_a_full_life(
        route,
        change={"routeKey": "GET /y"},
        spoil=lambda: client.update_route(ApiId=api.id, RouteId=route.id, AuthorizationType="NONE"),
        drifted="authorizationType",
    )
    lives_a_full_life(integration, change={"payloadFormatVersion": "1.0"}, spoil=None, drifted="")
    lives_a_full_life(
        authorizer, change={"jwtConfiguration": {"audiences": ["d"], "issuer": "https://issuer.example"}}, spoil=None, drifted=""
    )
    lives_a_full_life(api, change={"description": "d"}, spoil=lambda: client.update_api(ApiId=api.id, Name="other"), drifted="name")
