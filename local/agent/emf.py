"""Reads the embedded metric format (EMF): log lines that carry metrics. Pure.

Source: "Specification: Embedded metric format" in the CloudWatch user guide.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

from local.agent.store import Sample

_MOST_DIMENSIONS = 30
_MOST_VALUES = 100


class EmfError(ValueError):
    """A line that says it is EMF and is not; CloudWatch makes no metrics of it."""


def samples_of(message: str) -> list[Sample]:
    """The samples of one log line: none for a line that is not EMF.

    Raises:
        EmfError: for a line with `_aws` that breaks the specification.
    """
    text = message.lstrip()
    if not text.startswith("{") or '"_aws"' not in text:
        return []
    try:
        document: Any = json.loads(text)
    except json.JSONDecodeError:
        return []
    if not isinstance(document, dict) or "_aws" not in document:
        return []
    root = cast("dict[str, Any]", document)
    try:
        return list(_samples(root, root["_aws"]))
    except (KeyError, TypeError, AttributeError) as error:
        raise EmfError(f"EMF line without {error}: {text[:200]}") from error


def _samples(root: dict[str, Any], header: dict[str, Any]) -> Iterator[Sample]:
    timestamp = header["Timestamp"] / 1000
    for directive in header["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = tuple(sorted((str(name), _dimension(root, name)) for name in names))
            if len(dimensions) > _MOST_DIMENSIONS:
                raise EmfError(f"EMF line with {len(dimensions)} dimensions in a set; expected at most {_MOST_DIMENSIONS}")
            for metric in directive["Metrics"]:
                for value, count in Counter(_values(root, metric["Name"])).items():
                    unit = metric.get("Unit", "None")
                    yield Sample(directive["Namespace"], metric["Name"], dimensions, timestamp, value, float(count), unit)


def _dimension(root: dict[str, Any], name: str) -> str:
    value = root[name]
    if not isinstance(value, str):
        raise EmfError(f"EMF line whose dimension {name} is {value!r}; expected a text")
    return value


def _values(root: dict[str, Any], name: str) -> list[float]:
    found = root[name]
    values = cast("list[Any]", found) if isinstance(found, list) else [found]
    numbers = [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)]
    if len(numbers) != len(values) or len(values) > _MOST_VALUES:
        raise EmfError(f"EMF line whose metric {name} is {found!r}; expected a number or up to {_MOST_VALUES} numbers")
    return numbers
