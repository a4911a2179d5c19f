"""Everything the program declares is known to the local provider: the same program, unchanged, runs on embedded AWS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import pytest

from local.provider.framework import wire
from local.provider.framework.checks import checked
from local.provider.registry import resources
from tests.infra.harness import PLATFORM, TENANT, Recording, declare

AURORA = PLATFORM | {"kpi-observatory:resultStore": "aurora"}
REDSHIFT = PLATFORM | {"kpi-observatory:resultStore": "redshift"}


def on_the_wire(value: Any) -> Any:
    """Assets and archives as the engine sends them, secrets as the provider reads them."""
    match value:
        case pulumi.Asset():
            return {wire.SIGNATURE: wire.ASSET, "text": "content"}
        case pulumi.Archive():
            return {wire.SIGNATURE: wire.ARCHIVE, "assets": {}}
        case dict() if value.get(wire.SIGNATURE) == wire.SECRET:
            return on_the_wire(value["value"])
        case dict():
            return {key: on_the_wire(each) for key, each in value.items()}
        case list():
            return [on_the_wire(each) for each in value]
        case _:
            return value


def problems(recording: Recording) -> list[str]:
    known = resources()
    found: list[str] = []
    for each in recording.custom:
        resource = known.get(each.type)
        if resource is None:
            if each.type.startswith("aws:"):
                found.append(f"{each.type} '{each.name}': no such type")
            continue
        inputs, wrong = checked(on_the_wire(dict(each.inputs)), resource.all_inputs)
        assert inputs
        found += [f"{each.type} '{each.name}': {one.path} {one.reason}" for one in wrong]
    return found


@pytest.mark.parametrize(
    ("stack", "config"), [("platform.local", PLATFORM), ("platform.prod", AURORA), ("platform.prod", REDSHIFT), ("acme.prod", TENANT)]
)
def test_every_declared_resource_passes_the_local_providers_check(stack: str, config: dict[str, str], checkout: Path) -> None:
    assert problems(declare(stack, config, checkout)) == []
