"""Runs the real program against Pulumi's mocks and records every registration."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks, rpc, set_all_config
from pulumi.runtime import stack as runtime_stack
from pulumi.runtime import test as run_to_the_end

from infra import packages, platform_stack, rendering, tenant_stack
from infra.stack import StackInfo, StackKind
from kpis.generate import write_packs

ACCOUNT = "123456789012"
REGION = "us-east-1"
COMMON = {"aws:region": REGION, "kpi-observatory:accountId": ACCOUNT}
PLATFORM = COMMON | {"kpi-observatory:functionTarget": "local-python", "kpi-observatory:resultStore": "external"}
TENANT = COMMON | {"kpi-observatory:platform": "platform.local", "kpi-observatory:displayName": "Acme"}


@dataclass(frozen=True)
class Declared:
    """One resource as the program registered it."""

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]
    protect: bool
    parent: str
    custom: bool

    def document(self, key: str) -> dict[str, Any]:
        """An input that is a JSON document."""
        return json.loads(self.inputs[key])


@dataclass
class Recording:
    """What a program declared, and its outputs."""

    resources: list[Declared] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    completed: set[str] = field(default_factory=set)

    def of(self, type_: str) -> list[Declared]:
        found = [each for each in self.resources if each.type == type_]
        assert found, f"no {type_} among {sorted({each.type for each in self.resources})}"
        return found

    def one(self, type_: str, name: str) -> Declared:
        (found,) = [each for each in self.of(type_) if each.name == name]
        return found

    @property
    def custom(self) -> list[Declared]:
        return [each for each in self.resources if each.custom]


class _Account(mocks.Mocks):
    """An AWS that answers everything with plausible outputs."""

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(f"the program asked AWS for {args.token}: previews must not depend on lookups")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if args.typ == "pulumi:pulumi:StackReference":
            return args.name, {"name": args.inputs["name"], "outputs": PLATFORM_OUTPUTS, "secretOutputNames": []}
        identity = f"{args.name}-id"
        known = args.inputs
        outputs = {
            "arn": f"arn:aws:{args.typ.split(':')[1].split('/')[0]}:{REGION}:{ACCOUNT}:{args.name}",
            "executionArn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{identity}",
            "invokeArn": f"arn:aws:apigateway:{REGION}:lambda:path/functions/{args.name}",
            "invokeUrl": f"https://{identity}.execute-api.{REGION}.amazonaws.com/",
            "domainName": "d111.cloudfront.net",
            "streamArn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{known.get('name')}/stream/1",
            "repositoryUrl": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{known.get('name')}",
            "keyId": identity,
            "url": f"https://sqs/{known.get('name')}",
        }
        return identity, {**outputs, **known}


PLATFORM_OUTPUTS = {
    "dataKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/data",
    "messagingKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/messaging",
    "reconcilerFunction": "kpi-local-reconciler",
    "apiUrl": "https://api.example/",
    "portalUrl": "https://portal.example",
    "dictionaryBundle": {"bucket": "b", "key": "k", "sha256": "0" * 64},
}


class _Monitor(mocks.MockMonitor):
    """Keeps what the mocks do not see: protection, parents, the stack's outputs."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(_Account())
        self.recording = recording

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the monitor's protocol
        answer = super().RegisterResource(request)
        if request.type == "pulumi:pulumi:Stack":
            return answer
        inputs = rpc.deserialize_properties(request.object, keep_unknowns=True)
        self.recording.resources.append(
            Declared(answer.urn, request.type, request.name, inputs, request.protect, request.parent, request.custom)
        )
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        self.recording.completed.add(request.urn)
        return super().RegisterResourceOutputs(request)


@contextmanager
def _as_stack(name: str, config: Mapping[str, str], recording: Recording) -> Iterator[None]:
    monitor = _Monitor(recording)
    mocks.set_mocks(monitor.mocks, project="kpi-observatory", stack=name, preview=False, monitor=monitor)
    set_all_config(dict(config))
    yield


def declare(name: str, config: Mapping[str, str], root: Path) -> Recording:
    """Everything the program declares for a stack. `root` holds `packs/` and the caches."""
    recording = Recording()
    info = StackInfo.parse(name)
    program: Callable[[StackInfo, Path], None] = platform_stack.declare if info.kind is StackKind.PLATFORM else tenant_stack.declare
    with _as_stack(name, {**config, "kpi-observatory:packs": "packs"}, recording):

        @run_to_the_end
        def whole() -> pulumi.Output[None]:
            program(info, root)
            return pulumi.Output.from_input(runtime_stack.get_root_resource().outputs).apply(recording.outputs.update)

        whole()
    return recording


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with thirty KPIs of the demo tenant."""
    return with_kpis(tmp_path_factory.mktemp("thirty"), 30)


def with_kpis(root: Path, count: int, *, tier: int = 2) -> Path:
    """A root whose dictionary has that many KPIs, all of one tier."""
    header = write_packs(root / "packs", count) / "pack.yaml"
    header.write_text(header.read_text().replace('"defaults": {', f'"defaults": {{"tier": {tier},', 1))
    return root


@pytest.fixture(scope="session", autouse=True)
def _no_installing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Packages have tests of their own; here they are two small files."""
    folder = tmp_path_factory.mktemp("packages")

    def built(target: packages.Target, _root: Path) -> packages.Built:
        made: list[packages.Package] = []
        for place, name in enumerate(("control", "runner")):
            path = folder / f"{name}.zip"
            path.write_bytes(name.encode())
            made.append(packages.Package(name, path, str(place) * 64))
        return packages.Built(target, tuple(made))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rendering, "build_packages", built)
        yield


@pytest.fixture(scope="session")
def platform(checkout: Path) -> Recording:
    """The platform as a protected deployment."""
    return declare("platform.local", PLATFORM, checkout)


@pytest.fixture(scope="session")
def tenant(checkout: Path) -> Recording:
    """Acme in production."""
    return declare("acme.prod", TENANT, checkout)
