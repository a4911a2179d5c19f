"""Every declared type, input and output is one the official SDK has, of the same kind; what the SDK requires is required."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from local.provider import registry
from local.provider.framework.resource import Resource
from local.provider.framework.schema import Kind, Property
from tests.unit.provider import sdk

RESOURCES = registry.resources()
NOT_IN_SDK = {"tags", "region"}
"""The framework's own, for every type."""
LENIENT = {Kind.JSON: {Kind.TEXT, Kind.MAP}}
"""JSON documents are text (or free objects) to the SDK."""


def misfits(declared: Mapping[str, Property], known: Mapping[str, sdk.Shape], path: str = "") -> Iterator[str]:
    for name, prop in declared.items():
        where = f"{path}.{name}" if path else name
        if name not in known:
            yield f"{where} is no input of the SDK"
        else:
            yield from misfit(prop, known[name], where)
    for name, shape in known.items():
        given = declared.get(name)
        if shape.required and (given is None or not (given.required or given.default is not None or given.computed)):
            yield f"{path}.{name} is required by the SDK"


def misfit(prop: Property, shape: sdk.Shape, path: str) -> Iterator[str]:
    if shape.kind is not None and shape.kind not in LENIENT.get(prop.kind, {prop.kind}):
        yield f"{path} is declared as {prop.kind.value}, the SDK has {shape.kind.value}"
    elif prop.kind is Kind.RECORD:
        yield from misfits(prop.fields, shape.fields, path)
    elif prop.item is not None and shape.item is not None:
        yield from misfit(prop.item, shape.item, f"{path}[]")


@pytest.mark.parametrize("resource", RESOURCES.values(), ids=RESOURCES)
def test_declared_inputs_are_those_of_the_sdk(resource: Resource) -> None:
    assert list(misfits(resource.inputs, sdk.inputs(resource.token))) == []


@pytest.mark.parametrize("resource", RESOURCES.values(), ids=RESOURCES)
def test_declared_outputs_are_those_of_the_sdk(resource: Resource) -> None:
    assert set(resource.outputs) | set(resource.volatile) <= sdk.outputs(resource.token)


@pytest.mark.parametrize("resource", RESOURCES.values(), ids=RESOURCES)
def test_taggable_types_are_those_of_the_sdk(resource: Resource) -> None:
    assert (resource.tags is not None) <= ("tagsAll" in sdk.outputs(resource.token))


@pytest.mark.parametrize("resource", RESOURCES.values(), ids=RESOURCES)
def test_the_physical_name_is_a_declared_text(resource: Resource) -> None:
    assert resource.name is None or resource.inputs[resource.name].kind is Kind.TEXT


@pytest.mark.parametrize("resource", RESOURCES.values(), ids=RESOURCES)
def test_what_the_sdk_can_tag_is_tagged(resource: Resource) -> None:
    assert resource.tags is not None or "tags" not in sdk.inputs(resource.token)


def test_every_service_file_is_registered() -> None:
    folder = Path(registry.__file__).parent / "services"
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == set(registry.MODULES)


def test_the_oracle_itself_notices_a_misspelt_input() -> None:
    bucket = RESOURCES["aws:s3/bucket:Bucket"]
    spoiled = {**bucket.inputs, "forceDestory": bucket.inputs["forceDestroy"]}
    assert list(misfits(spoiled, sdk.inputs(bucket.token))) == ["forceDestory is no input of the SDK"]
