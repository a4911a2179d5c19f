"""The control plane's door: an HTTP API that lets nobody in without a token of our user pool, except to ask for its health."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.components.base import Component, Context
from infra.config import Api as ApiConfig

PUBLIC = ("GET /health", "GET /health/{check}")
# The function has the table of routes. Not ANY: then the authorizer would refuse the browsers' preflight requests, which carry no token.
METHODS = ("GET", "POST", "PUT", "DELETE")
ROUTES = tuple(f"{method} /{{proxy+}}" for method in METHODS)
# What an access log line says about a request; never a token or a body (S6).
_LOG_FIELDS = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "latencyMs": "$context.responseLatency",
    "subject": "$context.authorizer.claims.sub",
    "error": "$context.error.message",
}


@dataclass(frozen=True)
class ApiArgs:
    """`issuer` and `audience` are what a token must come from and be for."""

    config: ApiConfig
    function: aws.lambda_.Function
    issuer: pulumi.Input[str]
    audience: pulumi.Input[str]
    messaging_key_arn: pulumi.Input[str]


class Api(Component):
    """HTTP API with a JWT authorizer, throttling and access logs."""

    def __init__(self, ctx: Context, args: ApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Api", ctx, opts)
        self.args = args
        self.api = self._api()
        on_api = self.child(parent=self.api)
        self.integration = aws.apigatewayv2.Integration(
            "control-plane",
            api_id=self.api.id,
            integration_type="AWS_PROXY",
            integration_method="POST",
            integration_uri=args.function.invoke_arn,
            payload_format_version="2.0",
            timeout_milliseconds=29_000,
            opts=on_api,
        )
        self.authorizer = aws.apigatewayv2.Authorizer(
            "people",
            api_id=self.api.id,
            name="people",
            authorizer_type="JWT",
            identity_sources=["$request.header.Authorization"],
            jwt_configuration=aws.apigatewayv2.AuthorizerJwtConfigurationArgs(issuer=args.issuer, audiences=[args.audience]),
            opts=on_api,
        )
        routes = [*(self._route(key, public=True) for key in PUBLIC), *(self._route(key) for key in ROUTES)]
        self.stage = self._stage(routes)
        aws.lambda_.Permission(
            "api-gateway",
            action="lambda:InvokeFunction",
            function=args.function.name,
            principal="apigateway.amazonaws.com",
            source_arn=self.api.execution_arn.apply(lambda arn: f"{arn}/*/*"),
            opts=on_api,
        )
        self.url = self.stage.invoke_url
        self.register_outputs({"url": self.url})

    def _api(self) -> aws.apigatewayv2.Api:
        config = self.args.config
        cors = aws.apigatewayv2.ApiCorsConfigurationArgs(
            allow_origins=list(config.cors_origins),
            allow_methods=[*METHODS, "OPTIONS"],
            allow_headers=["authorization", "content-type", "x-tenant-id", "x-idempotency-key"],
            expose_headers=["retry-after", "idempotency-replayed"],
            max_age=3600,
        )
        return aws.apigatewayv2.Api(
            "control-plane",
            name=self.ctx.names.prefix,
            description="kpi-observatory control plane",
            protocol_type="HTTP",
            cors_configuration=cors if config.cors_origins else None,
            tags={"ms-custom-id": config.custom_id} if config.custom_id else None,
            opts=self.child(),
        )

    def _route(self, key: str, *, public: bool = False) -> aws.apigatewayv2.Route:
        return aws.apigatewayv2.Route(
            key.lower().replace(" /", "-").replace("/", "-").translate(str.maketrans("", "", "{}_+")),
            api_id=self.api.id,
            route_key=key,
            target=self.integration.id.apply(lambda integration: f"integrations/{integration}"),
            authorization_type="NONE" if public else "JWT",
            authorizer_id=None if public else self.authorizer.id,
            opts=self.child(parent=self.api),
        )

    def _stage(self, routes: list[aws.apigatewayv2.Route]) -> aws.apigatewayv2.Stage:
        logs = aws.cloudwatch.LogGroup(
            "api-access",
            name=f"/kpi/{self.ctx.names.deployment}/api-access",
            retention_in_days=self.ctx.log_retention_days,
            kms_key_id=self.args.messaging_key_arn,
            opts=self.child(),
        )
        return aws.apigatewayv2.Stage(
            "default",
            api_id=self.api.id,
            name="$default",
            auto_deploy=True,
            access_log_settings=aws.apigatewayv2.StageAccessLogSettingsArgs(
                destination_arn=logs.arn, format=pulumi.Output.json_dumps(_LOG_FIELDS)
            ),
            default_route_settings=aws.apigatewayv2.StageDefaultRouteSettingsArgs(
                throttling_rate_limit=self.args.config.throttle_rate,
                throttling_burst_limit=self.args.config.throttle_burst,
                detailed_metrics_enabled=True,
            ),
            opts=self.child(parent=self.api, depends_on=list(routes)),
        )
