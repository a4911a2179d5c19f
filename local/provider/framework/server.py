"""The gRPC surface: translates the engine's calls to checks, diffs and the lifecycle."""

import os
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent import futures
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import grpc
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2_grpc
from pulumi.runtime.proto import provider_pb2 as pb

from local.provider.framework import wire
from local.provider.framework.checks import Problem, checked, nearest
from local.provider.framework.context import Aws, Context, ProviderError, error_code
from local.provider.framework.diffs import Change, Difference, differences
from local.provider.framework.journal import Journal, journal_folder
from local.provider.framework.lifecycle import Lifecycle
from local.provider.framework.resource import Inputs, Resource
from local.provider.framework.settings import settings

VERSION = "7.51.1"
"""The version of the official plugin whose names and shapes are answered."""

Invoke = Callable[[Context, Inputs], dict[str, Any]]
Rpc = TypeVar("Rpc", bound=Callable[..., Any])
KINDS = {
    (Change.ADD, False): pb.PropertyDiff.ADD,
    (Change.ADD, True): pb.PropertyDiff.ADD_REPLACE,
    (Change.DELETE, False): pb.PropertyDiff.DELETE,
    (Change.DELETE, True): pb.PropertyDiff.DELETE_REPLACE,
    (Change.UPDATE, False): pb.PropertyDiff.UPDATE,
    (Change.UPDATE, True): pb.PropertyDiff.UPDATE_REPLACE,
}


def described(error: BaseException) -> str:
    """Any failure in one line, without a traceback."""
    if isinstance(error, ClientError):
        message = str(error.response.get("Error", {}).get("Message", "")).strip() or "no message"
        return f"AWS refused {error.operation_name}: {error_code(error)}: {' '.join(message.split())}"
    if isinstance(error, EndpointConnectionError):
        return f"cannot reach the emulator ({error}): start it with `make up`, or correct AWS_ENDPOINT_URL"
    if isinstance(error, ProviderError | BotoCoreError):
        return " ".join(str(error).split())
    return f"the local provider failed: {type(error).__name__}: {error}"


def guarded(call: Rpc) -> Rpc:
    """Turns an exception into a gRPC error that names the resource in one line."""

    @wraps(call)
    def wrapped(self: "Provider", request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return call(self, request, context)
        except Exception as error:  # noqa: BLE001 - the boundary: every failure must reach the engine as a message
            if not isinstance(error, ProviderError | ClientError | BotoCoreError):
                traceback.print_exception(error, file=sys.stderr)
            return context.abort(grpc.StatusCode.UNKNOWN, subject(str(getattr(request, "urn", ""))) + described(error))

    return cast("Rpc", wrapped)


def subject(urn: str) -> str:
    """The start of an error line about a resource: its type and its name in the program. Empty without a URN."""
    parts = urn.split("::")
    return f"{_token(urn)} '{parts[-1]}': " if len(parts) > 3 else ""  # noqa: PLR2004 - urn:pulumi:stack, project, type, name


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine for the registered resource types and invokes."""

    def __init__(
        self,
        resources: Mapping[str, Resource],
        invokes: Mapping[str, Invoke],
        environment: Mapping[str, str] | None = None,
        journal: Path | None = None,
    ) -> None:
        self._resources = resources
        self._invokes = invokes
        self._environment = dict(os.environ if environment is None else environment)
        self._journal = journal or journal_folder(self._environment)
        self._aws: Aws | None = None
        self._lifecycle: Lifecycle | None = None

    # What the engine asks once.

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=VERSION)

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> pb.ProviderHandshakeResponse:
        return pb.ProviderHandshakeResponse(
            accept_secrets=False, accept_resources=False, accept_outputs=False, supports_autonaming_configuration=True
        )

    def Attach(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> pb.GetSchemaResponse:
        return pb.GetSchemaResponse(schema="{}")

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        if self._aws is not None:
            self._aws.cancelled.set()
        return empty_pb2.Empty()

    @guarded
    def CheckConfig(self, request: pb.CheckRequest, context: grpc.ServicerContext) -> pb.CheckResponse:
        config = wire.decode(request.news)
        if wire.has_unknown(config):
            return pb.CheckResponse(inputs=request.news)
        try:
            settings(config, self._environment)
        except ProviderError as error:
            return pb.CheckResponse(inputs=request.news, failures=[pb.CheckFailure(reason=str(error))])
        return pb.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: pb.DiffRequest, context: grpc.ServicerContext) -> pb.DiffResponse:
        # Region and endpoint of embedded AWS do not move a resource: a new configuration never replaces what it made.
        old, new = wire.decode(request.old_inputs), wire.decode(request.news)
        changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
        return pb.DiffResponse(changes=pb.DiffResponse.DIFF_SOME if changed else pb.DiffResponse.DIFF_NONE, diffs=changed)

    @guarded
    def Configure(self, request: pb.ConfigureRequest, context: grpc.ServicerContext) -> pb.ConfigureResponse:
        config = wire.decode(request.args) or {key.rsplit(":", 1)[-1]: value for key, value in request.variables.items()}
        chosen = settings(config, self._environment)
        self._aws = Aws(
            chosen.region,
            chosen.endpoint,
            dict(chosen.endpoints),
            access_key=chosen.access_key,
            secret_key=chosen.secret_key,
            allowed_accounts=chosen.allowed_accounts,
        )
        self._lifecycle = Lifecycle(Journal(self._journal, chosen.endpoint), chosen.default_tags)
        return pb.ConfigureResponse(
            acceptSecrets=False, supportsPreview=True, acceptResources=False, acceptOutputs=False, supports_autonaming_configuration=True
        )

    # What the engine asks per resource.

    @guarded
    def Check(self, request: pb.CheckRequest, context: grpc.ServicerContext) -> pb.CheckResponse:
        token = _token(request.urn)
        resource = self._resources.get(token)
        if resource is None:
            return pb.CheckResponse(inputs=request.news, failures=[pb.CheckFailure(reason=self._no_type(token))])
        news = {key: value for key, value in wire.decode(request.news).items() if key != "__defaults"}
        defaults: list[str] = []
        if resource.name and news.get(resource.name) is None:
            name = _autoname(resource, request, wire.decode(request.olds))
            if name:
                news[resource.name] = name
                defaults.append(resource.name)
        inputs, problems = checked(news, resource.all_inputs)
        problems += self._region_problem(inputs)
        if defaults:
            inputs["__defaults"] = defaults
        failures = [pb.CheckFailure(property=problem.path, reason=f"{problem.path} {problem.reason}") for problem in problems]
        return pb.CheckResponse(inputs=wire.encode(inputs), failures=failures)

    def _region_problem(self, inputs: Inputs) -> list[Problem]:
        region = inputs.get("region")
        if region in (None, wire.UNKNOWN) or self._aws is None or region == self._aws.region:
            return []
        return [Problem("region", f"is '{region}': the local provider serves only {self._aws.region}, the provider's region")]

    @guarded
    def Diff(self, request: pb.DiffRequest, context: grpc.ServicerContext) -> pb.DiffResponse:
        resource, _, lifecycle = self._for(request.urn)
        lifecycle.journal.confirm(request.urn, request.id)
        olds, old, new = wire.decode(request.olds), wire.decode(request.old_inputs), wire.decode(request.news)
        found = differences(old, new, resource.all_inputs)
        if resource.tags and not any(each.root == "tags" for each in found):
            found += self._tag_drift(olds, new, lifecycle)
        ignored = {re.split(r"[.\[]", path)[0] for path in request.ignoreChanges}
        found = [each for each in found if each.root not in ignored]
        rows = [Difference(each.path, each.change, resource.replaces(each.root, new, declared=each.replace)) for each in found]
        replaces = sorted({each.root for each in rows if each.replace})
        return pb.DiffResponse(
            changes=pb.DiffResponse.DIFF_SOME if rows else pb.DiffResponse.DIFF_NONE,
            diffs=sorted({each.root for each in rows}),
            replaces=replaces,
            deleteBeforeReplace=bool(replaces) and _collides(resource, old, new),
            detailedDiff={each.path: pb.PropertyDiff(kind=KINDS[each.change, each.replace], inputDiff=each.root in new) for each in rows},
            hasDetailedDiff=True,
        )

    def _tag_drift(self, olds: Inputs, new: Inputs, lifecycle: Lifecycle) -> list[Difference]:
        """Default tags that changed in the provider's config, or were changed on the resource."""
        wanted = lifecycle.tags_all(new)
        return (
            [] if wanted == wire.UNKNOWN or (olds.get("tagsAll") or {}) == wanted else [Difference("tagsAll", Change.UPDATE, replace=False)]
        )

    @guarded
    def Create(self, request: pb.CreateRequest, context: grpc.ServicerContext) -> pb.CreateResponse:
        resource, ctx, lifecycle = self._for(request.urn)
        inputs = wire.decode(request.properties)
        if request.preview:
            unknown = dict.fromkeys(resource.outputs, wire.UNKNOWN)
            computed = {key: wire.UNKNOWN for key, prop in resource.inputs.items() if prop.computed}
            full = {**computed, **lifecycle.complete(resource, inputs), **unknown}
            return pb.CreateResponse(id="", properties=wire.encode(full))
        ctx.aws.require_account()
        id_, state = lifecycle.create(ctx, resource, inputs)
        return pb.CreateResponse(id=id_, properties=wire.encode(state))

    @guarded
    def Read(self, request: pb.ReadRequest, context: grpc.ServicerContext) -> pb.ReadResponse:
        resource, ctx, lifecycle = self._for(request.urn)
        inputs, state = wire.decode(request.inputs), wire.decode(request.properties)
        if inputs or state:
            lifecycle.journal.confirm(request.urn, request.id)
        result = lifecycle.read(ctx, resource, request.id, inputs, state)
        if result is None:
            return pb.ReadResponse()
        return pb.ReadResponse(id=request.id, inputs=wire.encode(result[0]), properties=wire.encode(result[1]))

    @guarded
    def Update(self, request: pb.UpdateRequest, context: grpc.ServicerContext) -> pb.UpdateResponse:
        resource, ctx, lifecycle = self._for(request.urn)
        olds, news = wire.decode(request.olds), wire.decode(request.news)
        if request.preview:
            kept = {key: value for key, value in olds.items() if key in resource.outputs or _chosen_by_aws(resource, key)}
            unknown = dict.fromkeys(resource.volatile, wire.UNKNOWN)
            return pb.UpdateResponse(properties=wire.encode({**kept, **lifecycle.complete(resource, news), **unknown}))
        ctx.aws.require_account()
        return pb.UpdateResponse(properties=wire.encode(lifecycle.update(ctx, resource, request.id, olds, news)))

    @guarded
    def Delete(self, request: pb.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        resource, ctx, lifecycle = self._for(request.urn)
        ctx.aws.require_account()
        lifecycle.delete(ctx, resource, request.id, {**wire.decode(request.old_inputs), **wire.decode(request.properties)})
        return empty_pb2.Empty()

    @guarded
    def Invoke(self, request: pb.InvokeRequest, context: grpc.ServicerContext) -> pb.InvokeResponse:
        call = self._invokes.get(request.tok)
        if call is None:
            raise ProviderError(f"the local provider has no function '{request.tok}'{nearest(request.tok, self._invokes)}")
        aws = self._configured()[0]
        answer = call(Context(aws, "", request.tok), wire.decode(request.args))
        response = pb.InvokeResponse()
        # The field is named like a keyword.
        getattr(response, "return").CopyFrom(wire.encode(answer))
        return response

    def _configured(self) -> tuple[Aws, Lifecycle]:
        if self._aws is None or self._lifecycle is None:
            raise ProviderError(
                "the engine called before configuring the provider: this is a defect of the engine or of the local provider"
            )
        return self._aws, self._lifecycle

    def _for(self, urn: str) -> tuple[Resource, Context, Lifecycle]:
        token = _token(urn)
        resource = self._resources.get(token)
        if resource is None:
            raise ProviderError(self._no_type(token))
        aws, lifecycle = self._configured()
        return resource, Context(aws, urn, token), lifecycle

    def _no_type(self, token: str) -> str:
        return f"the local provider has no resource type '{token}'{nearest(token, self._resources)}: add it under local/provider/services"


def _token(urn: str) -> str:
    """The type in a URN, without its parents' types."""
    return urn.split("::")[2].rsplit("$", 1)[-1]


def _chosen_by_aws(resource: Resource, key: str) -> bool:
    prop = resource.all_inputs.get(key)
    return prop is not None and prop.computed


def _autoname(resource: Resource, request: pb.CheckRequest, olds: Inputs) -> str:
    """The engine's proposal, or the name in the state when it was chosen this way before. Empty when autonaming is off."""
    name = resource.name or ""
    options = request.autonaming
    if request.HasField("autonaming") and options.mode == pb.CheckRequest.AutonamingOptions.DISABLE:
        return ""
    if name in (olds.get("__defaults") or []) and olds.get(name):
        return str(olds[name])
    if request.HasField("autonaming") and options.proposed_name:
        return options.proposed_name.removesuffix(resource.name_suffix) + resource.name_suffix
    return f"{request.urn.rsplit('::', 1)[-1]}-{request.randomSeed.hex()[:7] or '0000000'}{resource.name_suffix}"


def _collides(resource: Resource, old: Inputs, new: Inputs) -> bool:
    """Whether the replacement would bear the name of what it replaces, so that the old one must go first."""
    if resource.name is None:
        return resource.find is not None
    chosen = resource.name in (new.get("__defaults") or [])
    return not chosen and old.get(resource.name) == new.get(resource.name)


def serve(provider: Provider) -> tuple[grpc.Server, int]:
    """Start serving on a free loopback port."""
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(futures.ThreadPoolExecutor(64), options=unlimited)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def run(provider: Provider) -> None:
    """Serve until the engine ends us: by SIGINT, for whose effect it waits five seconds. Ctrl-C does not reach our process group."""
    signal.signal(signal.SIGINT, lambda _signal, _frame: os._exit(0))
    server, port = serve(provider)
    print(port, flush=True)
    parent = os.getppid()

    def outlive_nobody() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        server.stop(0)

    threading.Thread(target=outlive_nobody, daemon=True).start()
    server.wait_for_termination()
