"""A provider with one invented resource type, served over real gRPC, with a dictionary for AWS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from botocore.exceptions import ClientError
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto import provider_pb2_grpc

from local.provider.framework import wire
from local.provider.framework.context import Context
from local.provider.framework.resource import Inputs, Observed, Resource, Tags
from local.provider.framework.schema import boolean, file, integer, json_document, listing, mapping, record, text
from local.provider.framework.server import Provider, serve
from local.provider.invokes import INVOKES

TOKEN = "aws:fake/thing:Thing"
ENDPOINT = "http://127.0.0.1:1"


@dataclass
class Cloud:
    """What exists, and how it fails."""

    things: dict[str, Inputs] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    fail_after_create: bool = False

    def resource(self) -> Resource:
        return Resource(
            token=TOKEN,
            name="name",
            inputs={
                "name": text(computed=True),
                "size": integer(default=3),
                "mode": text("fast", "slow"),
                "kind": text(replace=True),
                "policy": json_document(),
                "members": listing(text(), unordered=True),
                "settings": record({"depth": integer(required=True), "loud": boolean(), "chosen": text(computed=True)}),
                "labels": mapping(text()),
                "code": file(),
                "secret": text(write_only=True),
                "must": text(required=True),
            },
            outputs=("arn",),
            create=self.create,
            read=self.read,
            update=self.update,
            delete=self.delete,
            find=lambda _ctx, inputs: inputs["name"] if inputs["name"] in self.things else None,
            tags=Tags(lambda _ctx, id_, _state: dict(self.tags.get(id_, {})), self.write_tags),
        )

    def create(self, _ctx: Context, inputs: Inputs) -> str:
        self.things[inputs["name"]] = dict(inputs)
        if self.fail_after_create:
            raise failure("InternalError", "the line\nbroke", "CreateThing")
        return str(inputs["name"])

    def read(self, _ctx: Context, id_: str, _state: Inputs) -> Observed:
        if id_ not in self.things:
            raise failure("ThingNotFound", "no such thing", "GetThing")
        hidden = ("code", "secret", "tags", "tagsAll", "region")
        return Observed({key: each for key, each in self.things[id_].items() if key not in hidden}, {"arn": f"arn:{id_}"})

    def update(self, _ctx: Context, id_: str, _old: Inputs, new: Inputs) -> None:
        self.things[id_] = dict(new)

    def delete(self, _ctx: Context, id_: str, _state: Inputs) -> None:
        if id_ not in self.things:
            raise failure("ThingNotFound", "no such thing", "DeleteThing")
        del self.things[id_]

    def write_tags(self, _ctx: Context, id_: str, _inputs: Inputs, changed: dict[str, str], removed: list[str]) -> None:
        now = {**self.tags.get(id_, {}), **changed}
        self.tags[id_] = {key: value for key, value in now.items() if key not in removed}


def failure(code: str, message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class Engine:
    """Calls the provider over gRPC as the engine does."""

    def __init__(self, stub: Any) -> None:
        self.stub = stub

    def configure(self, **config: Any) -> None:
        self.stub.Configure(pb.ConfigureRequest(args=wire.encode(config)))

    def urn(self, name: str = "one", token: str = TOKEN) -> str:
        return f"urn:pulumi:dev::proj::parent:x:Y${token}::{name}"

    def check(self, news: Inputs, olds: Inputs | None = None, token: str = TOKEN, **options: Any) -> pb.CheckResponse:
        olds_ = wire.encode(olds or {})
        return self.stub.Check(
            pb.CheckRequest(urn=self.urn(token=token), news=wire.encode(news), olds=olds_, randomSeed=b"\xab" * 8, **options)
        )

    def problems(self, **news: Any) -> list[str]:
        return [each.reason for each in self.check(news).failures]

    def inputs(self, **news: Any) -> Inputs:
        answer = self.check(news)
        assert not answer.failures, answer.failures
        return wire.decode(answer.inputs)

    def create(self, inputs: Inputs, name: str = "one", *, preview: bool = False) -> tuple[str, Inputs]:
        answer = self.stub.Create(pb.CreateRequest(urn=self.urn(name), properties=wire.encode(inputs), preview=preview))
        return answer.id, wire.decode(answer.properties)

    def diff(self, old: Inputs, new: Inputs, state: Inputs | None = None, id_: str = "it", ignore: tuple[str, ...] = ()) -> pb.DiffResponse:
        state_ = state if state is not None else {**old, "tagsAll": old.get("tags") or {}}
        request = pb.DiffRequest(
            urn=self.urn(), id=id_, olds=wire.encode(state_), old_inputs=wire.encode(old), news=wire.encode(new), ignoreChanges=ignore
        )
        return self.stub.Diff(request)

    def read(self, id_: str, inputs: Inputs, state: Inputs) -> tuple[str, Inputs, Inputs]:
        answer = self.stub.Read(pb.ReadRequest(urn=self.urn(), id=id_, inputs=wire.encode(inputs), properties=wire.encode(state)))
        return answer.id, wire.decode(answer.inputs), wire.decode(answer.properties)

    def update(self, id_: str, olds: Inputs, news: Inputs, *, preview: bool = False) -> Inputs:
        request = pb.UpdateRequest(urn=self.urn(), id=id_, olds=wire.encode(olds), news=wire.encode(news), preview=preview)
        return wire.decode(self.stub.Update(request).properties)

    def delete(self, id_: str, state: Inputs) -> None:
        self.stub.Delete(pb.DeleteRequest(urn=self.urn(), id=id_, properties=wire.encode(state)))


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def provider(cloud: Cloud, tmp_path: Path) -> Provider:
    environment = {"AWS_ENDPOINT_URL": ENDPOINT, "AWS_REGION": "us-east-1"}
    return Provider({TOKEN: cloud.resource()}, INVOKES, environment, tmp_path / "journal")


@pytest.fixture
def unconfigured(provider: Provider) -> Iterator[Engine]:
    server, port = serve(provider)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Engine(provider_pb2_grpc.ResourceProviderStub(channel))
    server.stop(0)


@pytest.fixture
def engine(unconfigured: Engine) -> Engine:
    unconfigured.configure(defaultTags='{"tags": {"team": "kpi"}}')
    return unconfigured
