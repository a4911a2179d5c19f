"""Variables of a dashboard: well-formed, within the quota, and each really used by a widget."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from dashboards.checks.expressions import search_problem
from dashboards.checks.quotas import MAX_VARIABLES
from dashboards.checks.schema import Check, filled, flag, list_of, one_of, record, text
from dashboards.checks.schema import problems as shape_problems

_FIELDS: Mapping[str, Check] = {
    "defaultValue": text,
    "id": filled,
    "inputType": one_of("input", "radio", "select"),
    "label": text,
    "pattern": filled,
    "populateFrom": filled,
    "property": filled,
    "search": filled,
    "type": one_of("property", "pattern"),
    "values": list_of(record(value=filled, label=text), 1, 500),
    "visible": flag,
}
_REQUIRED = ("id", "type", "inputType")


def problems(variables: Sequence[Any], widgets: Sequence[Any]) -> Iterator[str]:
    """What is wrong with the variables; `widgets` must use each of them."""
    if len(variables) > MAX_VARIABLES:
        yield f"variables: {len(variables)}; CloudWatch takes at most {MAX_VARIABLES}"
    ids: set[str] = set()
    # Variables change the JSON of the widgets, so that is where they must occur.
    body = orjson.dumps(widgets).decode() if variables else ""
    for at, variable in enumerate(variables):
        where = f"variables.{at}"
        yield from shape_problems(where, "variable", variable, _FIELDS, _REQUIRED)
        if not isinstance(variable, dict):
            continue
        own = str(variable.get("id"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - JSON
        if own in ids:
            yield f"{where}: id '{own}' is used twice"
        ids.add(own)
        yield from _one(where, variable, body)  # pyright: ignore[reportUnknownArgumentType] - JSON


def _one(where: str, variable: Mapping[str, Any], body: str) -> Iterator[str]:
    kind, own = variable.get("type"), variable.get("property") or variable.get("pattern")
    if ("property" in variable) != (kind == "property") or ("pattern" in variable) != (kind == "pattern"):
        yield f"{where}: a {kind} variable needs '{kind}' and not the other"
    elif isinstance(own, str) and not _used(str(kind), own, body):
        yield f"{where}: no widget uses the {kind} '{own}' of variable '{variable.get('id')}'"
    if ("search" in variable) != ("populateFrom" in variable):
        yield f"{where}: search and populateFrom go together"
    elif "search" in variable:
        problem = search_problem(str(variable["search"]))
        if problem:
            yield f"{where}.search: {problem}"
        elif str(variable["populateFrom"]) not in str(variable["search"]):
            yield f"{where}: populateFrom '{variable['populateFrom']}' is not a dimension of its search"
    if variable.get("inputType") in ("radio", "select") and "values" not in variable and "search" not in variable:
        yield f"{where}: a {variable.get('inputType')} needs values or a search"


def _used(kind: str, own: str, body: str) -> bool:
    if kind == "property":
        return orjson.dumps(own).decode() in body
    try:
        return re.search(own, body) is not None
    except re.error:
        return False
