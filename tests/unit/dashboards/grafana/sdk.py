"""Grafana's typed SDK as an oracle: a dashboard must load into its models, have the types they declare, and come back whole.

The models themselves check nothing and drop what they do not know, so both are done here.
"""

import enum
import json
import types
import typing
import warnings
from typing import Any

from grafana_foundation_sdk.cog import runtime, variants
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the classic schema is what we write; Grafana's next one is still a beta
    from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

Json = dict[str, Any]


def complaints(document: Json) -> list[str]:
    """What the SDK has against a dashboard; empty when it takes it as it is."""
    register_default_plugins()
    try:
        loaded = Dashboard.from_json(document)
        written = json.loads(json.dumps(loaded, cls=JSONEncoder))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return [f"does not load: {type(error).__name__}: {error}"]
    return [*_wrong_types(loaded, Dashboard, "dashboard"), *_lost(document, written, "dashboard")]


def _wrong_types(value: Any, hint: Any, at: str) -> list[str]:
    if isinstance(value, runtime.UnknownDataquery):
        return [f"{at}: a query of an unknown data source"]
    if isinstance(value, Panel) and runtime.panelcfg_config(value.type_val) is None:
        return [f"{at}: panel type {value.type_val!r} is not known"]
    origin, args = typing.get_origin(hint), list(typing.get_args(hint))
    special = {typing.Union: _wrong_union, types.UnionType: _wrong_union, list: _wrong_list, dict: _wrong_dict, typing.Literal: _wrong_word}
    return special[origin](value, args, at) if origin in special else _wrong_single(value, hint, at)


def _wrong_union(value: Any, hints: list[Any], at: str) -> list[str]:
    for hint in hints:
        if isinstance(hint, type) and type(value) is hint:
            return _wrong_types(value, hint, at)
    tried = [_wrong_types(value, hint, at) for hint in hints if hint is not type(None) or value is None]
    return min(tried, key=len) if tried else []


def _wrong_list(value: Any, hints: list[Any], at: str) -> list[str]:
    if not isinstance(value, list):
        return [f"{at}: {value!r} is not a list"]
    return [each for index, item in enumerate(value) for each in _wrong_types(item, hints[0], f"{at}[{index}]")]


def _wrong_dict(value: Any, hints: list[Any], at: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{at}: {value!r} is not an object"]
    return [each for key, item in value.items() for each in _wrong_types(item, hints[1], f"{at}.{key}")]


def _wrong_word(value: Any, words: list[Any], at: str) -> list[str]:
    return [] if value in words else [f"{at}: {value!r} is not one of {words}"]


def _wrong_single(value: Any, hint: Any, at: str) -> list[str]:
    if hint in (Any, object):
        return _wrong_model(value, at) if type(value).__module__.startswith("grafana_foundation_sdk") else []
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _wrong_word(value, [] if isinstance(value, bool) else [each.value for each in hint], at)
    if hint in (str, bool, int, float, type(None)):
        exact = type(value) is hint or (hint is float and type(value) is int) or (hint is str and isinstance(value, enum.StrEnum))
        return [] if exact else [f"{at}: {value!r} is not a {hint.__name__}"]
    if isinstance(value, dict) and hasattr(hint, "from_json"):
        return _wrong_raw(value, hint, at)
    if hint is not variants.Dataquery and not isinstance(value, hint):
        return [f"{at}: {value!r} is not a {hint.__name__}"]
    return _wrong_model(value, at)


def _wrong_raw(value: Json, hint: Any, at: str) -> list[str]:
    """A part the SDK leaves as it is, such as the items of some lists."""
    try:
        loaded = hint.from_json(value)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return [f"{at}: does not load: {type(error).__name__}: {error}"]
    return [*_wrong_model(loaded, at), *_lost(value, json.loads(json.dumps(loaded, cls=JSONEncoder)), at)]


def _wrong_model(value: Any, at: str) -> list[str]:
    hints = {name: hint for name, hint in typing.get_type_hints(type(value)).items() if name in vars(value)}
    return [each for name in hints for each in _wrong_types(getattr(value, name), hints[name], f"{at}.{name}")]


def _lost(ours: Any, theirs: Any, at: str) -> list[str]:
    """What we set and the SDK does not give back."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        gone = [f"{at}.{key}: lost" for key in ours if key not in theirs and ours[key] is not None]
        return gone + [each for key in ours if key in theirs for each in _lost(ours[key], theirs[key], f"{at}.{key}")]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [each for index, (one, other) in enumerate(zip(ours, theirs, strict=True)) for each in _lost(one, other, f"{at}[{index}]")]
    return [] if ours == theirs else [f"{at}: {ours!r} became {theirs!r}"]
