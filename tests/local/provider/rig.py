"""Drives the local provider as the engine does (check, diff, create, read, update, delete), against an emulator of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import requests
from pulumi.runtime.proto import provider_pb2 as pb

from local.provider.framework import wire
from local.provider.framework.server import Provider
from local.provider.registry import INVOKES, resources

REPOSITORY = Path(__file__).resolve().parents[3]
MINISTACK = REPOSITORY / ".local" / "emulator-venv" / "bin" / "ministack"
AMENDED = (str(MINISTACK.with_name("python")), str(REPOSITORY / "local" / "emulator" / "serve.py"))
"""MiniStack with our mends, as the embedded system runs it."""
REGION = "us-east-1"
ACCOUNT = "123456789012"


class Refused(Exception):  # noqa: N818 - reads as a sentence in tests
    """The provider aborted a call; its text is what a user would read."""


class Abort:
    """Stands in for the gRPC context."""

    def abort(self, _code: Any, details: str) -> None:
        raise Refused(details)


@contextmanager
def emulator(folder: Path, command: Sequence[str] = (str(MINISTACK),), *, persist: bool = False) -> Iterator[str]:
    """A MiniStack on a free loopback port; ended by its process id. What it holds is forgotten unless it shall `persist`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "AUTH": "false", "MINISTACK_REGION": REGION, "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "PERSIST_STATE": str(int(persist)), "S3_PERSIST": str(int(persist)), "S3_DATA_DIR": str(folder / "s3"),
        "SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0",
        "STATE_DIR": str(folder / "state"), "TMPDIR": str(folder), "LAMBDA_WARM_TTL_SECONDS": "5",
        "KPI_FLUSH_DONE": str(folder / "flushed"),
    }  # fmt: skip
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
        try:
            url = f"http://127.0.0.1:{port}"
            _await_ready(url, process)
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _await_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(150):
        if process.poll() is not None:
            break
        try:
            if requests.get(f"{url}/_ministack/ready", timeout=1).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.2)
    raise RuntimeError(f"the emulator did not get ready at {url}: read emulator.log in the test's folder")


class Held:
    """One resource in the engine's state."""

    def __init__(self, rig: Rig, token: str, name: str) -> None:
        self.rig, self.token = rig, token
        self.urn = f"urn:pulumi:test::kpi::{token}::{name}"
        self.id = ""
        self.inputs: dict[str, Any] = {}
        self.state: dict[str, Any] = {}

    def update(self, **changes: Any) -> list[str]:
        """Change inputs in place (None removes one). Gives the changed properties; refuses a change that would replace."""
        new = self.rig.check(self.urn, {key: each for key, each in {**self.inputs, **changes}.items() if each is not None}, self.inputs)
        diff = self.diff(new)
        assert not diff.replaces, f"{self.token} would be replaced for {list(diff.replaces)}"
        olds, news = wire.encode(self.state), wire.encode(new)
        request = pb.UpdateRequest(urn=self.urn, id=self.id, olds=olds, news=news, old_inputs=wire.encode(self.inputs))
        self.state, self.inputs = wire.decode(self.rig.provider.Update(request, self.rig.abort).properties), new
        return list(diff.diffs)

    def replaced_by(self, **changes: Any) -> list[str]:
        """The properties whose change would need a new resource."""
        return list(self.diff(self.rig.check(self.urn, {**self.inputs, **changes}, self.inputs)).replaces)

    def diff(self, new: dict[str, Any]) -> pb.DiffResponse:
        old = wire.encode(self.inputs)
        request = pb.DiffRequest(urn=self.urn, id=self.id, olds=wire.encode(self.state), news=wire.encode(new), old_inputs=old)
        return self.rig.provider.Diff(request, self.rig.abort)

    def drift(self) -> list[str]:
        """The properties whose value in AWS is no longer what the program asked for."""
        answer = self.read()
        assert answer.id, f"{self.token} '{self.id}' is gone"
        olds, inputs = wire.decode(answer.properties), wire.decode(answer.inputs)
        request = pb.DiffRequest(
            urn=self.urn, id=self.id, olds=wire.encode(olds), news=wire.encode(self.inputs), old_inputs=wire.encode(inputs)
        )
        return list(self.rig.provider.Diff(request, self.rig.abort).diffs)

    def read(self) -> pb.ReadResponse:
        inputs, state = wire.encode(self.inputs), wire.encode(self.state)
        return self.rig.provider.Read(pb.ReadRequest(urn=self.urn, id=self.id, inputs=inputs, properties=state), self.rig.abort)

    def imported(self) -> dict[str, Any]:
        """The inputs `pulumi import` would write."""
        return wire.decode(self.rig.provider.Read(pb.ReadRequest(urn=self.urn, id=self.id), self.rig.abort).inputs)

    def gone(self) -> bool:
        return not self.read().id

    def delete(self) -> None:
        request = pb.DeleteRequest(urn=self.urn, id=self.id, properties=wire.encode(self.state), old_inputs=wire.encode(self.inputs))
        self.rig.provider.Delete(request, self.rig.abort)


class Rig:
    """A configured provider and the AWS behind it."""

    def __init__(self, url: str, journal: Path) -> None:
        self.url = url
        self.abort: Any = Abort()
        environment = {"AWS_ENDPOINT_URL": url, "AWS_REGION": REGION}
        self.provider = Provider(resources(), INVOKES, environment, journal)
        self.provider.Configure(pb.ConfigureRequest(args=wire.encode({"region": REGION})), self.abort)

    def aws(self, service: str) -> Any:
        """A client of one's own, to look at and change AWS behind the provider's back."""
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")

    def check(self, urn: str, inputs: Mapping[str, Any], olds: Mapping[str, Any] | None = None) -> dict[str, Any]:
        request = pb.CheckRequest(urn=urn, news=wire.encode(inputs), olds=wire.encode(olds or {}), randomSeed=b"\x01" * 32)
        answer = self.provider.Check(request, self.abort)
        if answer.failures:
            raise Refused("; ".join(failure.reason for failure in answer.failures))
        return wire.decode(answer.inputs)

    def create(self, token: str, resource: str = "it", /, **inputs: Any) -> Held:
        held = Held(self, token, resource)
        held.inputs = self.check(held.urn, inputs)
        answer = self.provider.Create(pb.CreateRequest(urn=held.urn, properties=wire.encode(held.inputs)), self.abort)
        held.id, held.state = answer.id, wire.decode(answer.properties)
        return held


def lives_a_full_life(held: Held, *, change: dict[str, Any], spoil: Callable[[], Any] | None, drifted: str) -> None:
    """Created as asked; a refresh finds nothing; an update takes; a change behind our back is found; deleted, it is gone.

    `spoil` changes AWS behind the provider's back, which must show as a drift of `drifted`. None where AWS offers no such change.
    """
    assert held.drift() == []
    assert set(held.update(**change)) == set(change)
    assert held.drift() == []
    if spoil is not None:
        spoil()
        assert drifted in held.drift()
    held.delete()
    assert held.gone()
