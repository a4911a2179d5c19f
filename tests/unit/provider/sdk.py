"""What the official SDK says about a resource: the oracle for names, kinds and required inputs."""

from __future__ import annotations

import inspect
import pkgutil
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType, UnionType
from typing import Any

import pulumi
from pulumi import _types as sdk_types

from local.provider.framework.schema import Kind

PYTHON_MODULES = {"lambda": "lambda_", "iam": "iam"}


@dataclass(frozen=True)
class Shape:
    """One input of the SDK: its kind, whether it is required, what is in it."""

    kind: Kind | None
    required: bool
    fields: Mapping[str, Shape]
    item: Shape | None = None


@cache
def resource_class(token: str) -> type[Any]:
    """The SDK's class for a token. Raises LookupError when the SDK has none."""
    package, name = token.split(":")[1].split("/", maxsplit=1)[0], token.rsplit(":", 1)[-1]
    module = import_module(f"pulumi_aws.{PYTHON_MODULES.get(package, package)}")
    for candidate in _classes(module, name):
        if f"'{token}'" in inspect.getsource(candidate):
            return candidate
    raise LookupError(f"the SDK has no resource {token}")


def _classes(module: ModuleType, name: str) -> list[type[Any]]:
    found = [getattr(module, name, None)]
    files = (each.name for each in pkgutil.iter_modules(module.__path__) if each.name.replace("_", "") == name.lower())
    found += [getattr(import_module(f"{module.__name__}.{file}"), name, None) for file in files]
    return [each for each in found if isinstance(each, type) and issubclass(each, pulumi.Resource)]


def inputs(token: str) -> Mapping[str, Shape]:
    """Every input of a resource."""
    resource = resource_class(token)
    module = import_module(resource.__module__)
    # Where a nested type already has the plain name, the SDK calls the resource's arguments InitArgs.
    arguments = getattr(module, f"{resource.__name__}InitArgs", None) or getattr(module, f"{resource.__name__}Args")
    return _fields(arguments, ())


def outputs(token: str) -> set[str]:
    """Every property a resource has after creation."""
    resource = resource_class(token)
    return {getattr(each.fget, "_pulumi_name", name) for name, each in vars(resource).items() if isinstance(each, property)}


def _fields(arguments: type[Any], seen: tuple[type[Any], ...]) -> Mapping[str, Shape]:
    # Firewall statements hold statements: one repetition is as deep as the local provider goes.
    if seen.count(arguments) > 1:
        return {}
    names, types = sdk_types.input_type_py_to_pulumi_names(arguments), sdk_types.input_type_types(arguments)
    parameters = inspect.signature(arguments.__init__).parameters
    return {
        name: _shape(types.get(name) or types[python], (*seen, arguments), required=parameters[python].default is inspect.Parameter.empty)
        for python, name in names.items()
    }


def _shape(kind: Any, seen: tuple[type[Any], ...], *, required: bool = False) -> Shape:
    plain = _plain(kind)
    origin, arguments = typing.get_origin(plain), typing.get_args(plain)
    if origin in (list, Sequence):
        return Shape(Kind.LIST, required, {}, _shape(arguments[0], seen))
    if origin in (dict, Mapping):
        return Shape(Kind.MAP, required, {}, _shape(arguments[1], seen))
    if isinstance(plain, type) and issubclass(plain, pulumi.Asset | pulumi.Archive):
        return Shape(Kind.FILE, required, {})
    if isinstance(plain, type) and sdk_types.is_input_type(plain):
        return Shape(Kind.RECORD, required, _fields(plain, seen))
    return Shape({str: Kind.TEXT, int: Kind.INTEGER, float: Kind.NUMBER, bool: Kind.BOOLEAN}.get(plain), required, {})


def _plain(kind: Any) -> Any:
    """The type without Input, Optional, Awaitable, Output and alternatives: the first concrete one, as the wire has it."""
    plain = sdk_types.unwrap_type(kind) if kind is not None else None
    while typing.get_origin(plain) in (typing.Union, UnionType):
        plain = sdk_types.unwrap_type(next(each for each in typing.get_args(plain) if each is not type(None)))
    return plain


__all__ = ["Shape", "inputs", "outputs", "resource_class"]
