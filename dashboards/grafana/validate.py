"""Checks a Grafana dashboard before anybody loads it: Grafana takes nearly any JSON and shows an empty panel.

Source: the classic dashboard schema of Grafana 12 (schemaVersion 42); the limit of 40 characters is that of dashboard uids.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, cast

from dashboards.grafana.names import MAX_UID
from dashboards.grafana.promql import expression_problems

COLUMNS = 24
SCHEMA_VERSION = 42
PANELS = frozenset({"stat", "state-timeline", "table", "text", "timeseries"})
VARIABLES = frozenset({"constant", "datasource", "query"})
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_UID = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_UID}}}\Z")
_USED = re.compile(r"\$\{(\w+)(?:[:.][^}]*)?\}|\$(\w+)|\[\[(\w+)(?::\w+)?\]\]")
_LABEL_VALUES = re.compile(r"label_values\((?P<series>.+), (?P<label>\w+)\)\Z")
_ADDRESS = re.compile(r"(/d/[\w-]+\?|/|https://|\$\{(portal|docs):raw\})")
_LINK_KEYS = ("title", "url")
# Shown as they are, whatever they contain.
_SHOWN = frozenset({"text", "mappings", "displayName"})
Json = dict[str, Any]


class GrafanaError(ValueError):
    """A rendered dashboard that would not work in Grafana."""


def problems(dashboard: Json) -> list[str]:
    """Everything wrong with a dashboard, in words; empty when there is nothing."""
    return [
        *_identity(dashboard),
        *_geometry(dashboard),
        *_panels(dashboard),
        *_variables(dashboard),
        *_links(dashboard),
        *_annotations(dashboard),
    ]


def linked_dashboards(dashboard: Json) -> set[str]:
    """The uids of the dashboards it leads to; they should all be there."""
    urls = [str(link.get("url", "")) for panel in _list(dashboard, "panels") for link in _panel_links(panel)]
    return {url.split("/")[2].partition("?")[0] for url in urls if url.startswith("/d/")}


def _list(holder: Json, key: str) -> list[Json]:
    return cast("list[Json]", holder.get(key) or [])


def _identity(dashboard: Json) -> Iterator[str]:
    uid = dashboard.get("uid")
    if not isinstance(uid, str) or _UID.match(uid) is None:
        yield f"uid {uid!r}: expected 1 to {MAX_UID} letters, digits, - or _"
    if not dashboard.get("title"):
        yield "title is missing"
    if dashboard.get("schemaVersion") != SCHEMA_VERSION:
        yield f"schemaVersion {dashboard.get('schemaVersion')!r}: expected {SCHEMA_VERSION}"
    if "sha256:" not in str(dashboard.get("description")):
        yield "description does not name the definitions' sha256"


def _geometry(dashboard: Json) -> Iterator[str]:
    panels = _list(dashboard, "panels")
    if not panels:
        yield "panels: none"
    boxes: list[tuple[str, int, int, int, int]] = []
    for index, panel in enumerate(panels):
        at = f"panels.{index}"
        box = cast("Json", panel.get("gridPos") or {})
        sides = [box.get(key) for key in ("x", "y", "w", "h")]
        if not all(type(side) is int for side in sides):
            yield f"{at}.gridPos {box}: expected whole numbers x, y, w and h"
            continue
        x, y, w, h = cast("list[int]", sides)
        if x < 0 or y < 0 or w < 1 or h < 1 or x + w > COLUMNS:
            yield f"{at}.gridPos {box}: goes beyond the {COLUMNS} columns or is empty"
        for other, left, top, width, height in boxes:
            if x < left + width and left < x + w and y < top + height and top < y + h:
                yield f"{at} overlaps {other}"
        boxes.append((at, x, y, w, h))


def _panels(dashboard: Json) -> Iterator[str]:
    ids: set[object] = set()
    for index, panel in enumerate(_list(dashboard, "panels")):
        at = f"panels.{index}"
        own = panel.get("id")
        if type(own) is not int or own < 1 or own in ids:
            yield f"{at}.id {own!r}: expected a whole number above 0 that no other panel has"
        ids.add(own)
        if panel.get("type") not in PANELS:
            yield f"{at}.type {panel.get('type')!r}: expected one of {', '.join(sorted(PANELS))}"
        elif panel["type"] != "text":
            yield from _queries(panel, at)
            yield from _field(cast("Json", panel.get("fieldConfig") or {}), at)


def _queries(panel: Json, at: str) -> Iterator[str]:
    if not panel.get("title"):
        yield f"{at}.title is missing"
    if panel.get("datasource") != DATASOURCE:
        yield f"{at}.datasource {panel.get('datasource')!r}: expected {DATASOURCE}"
    targets = _list(panel, "targets")
    if not targets:
        yield f"{at}.targets: none"
    refs: set[object] = set()
    for number, target in enumerate(targets):
        place = f"{at}.targets.{number}"
        ref = target.get("refId")
        if not ref or ref in refs:
            yield f"{place}.refId {ref!r}: expected a name that no other target of the panel has"
        refs.add(ref)
        if target.get("datasource") != DATASOURCE:
            yield f"{place}.datasource {target.get('datasource')!r}: expected {DATASOURCE}"
        if target.get("instant") is target.get("range"):
            yield f"{place}: expected either instant or range"
        for problem in expression_problems(str(target.get("expr") or ""), str(target.get("legendFormat") or "")):
            yield f"{place}.expr: {problem}"


def _field(config: Json, at: str) -> Iterator[str]:
    defaults = cast("Json", config.get("defaults") or {})
    if not defaults.get("unit"):
        yield f"{at}.fieldConfig.defaults.unit is missing"
    yield from _thresholds(defaults.get("thresholds"), f"{at}.fieldConfig.defaults.thresholds")
    names: set[str] = set()
    for number, override in enumerate(_list(config, "overrides")):
        name = str(override["matcher"]["options"])
        if name in names:
            yield f"{at}.fieldConfig.overrides.{number}: {name} is overridden twice"
        names.add(name)
        for each in _list(override, "properties"):
            if each["id"] == "thresholds":
                yield from _thresholds(each["value"], f"{at}.fieldConfig.overrides.{number} ({name})")


def _thresholds(thresholds: object, at: str) -> Iterator[str]:
    steps = _list(cast("Json", thresholds), "steps") if isinstance(thresholds, dict) else []
    values = [step.get("value") for step in steps]
    if not steps or values[0] is not None or None in values[1:]:
        yield f"{at}: the first step has no value, the others have one"
    elif values[1:] != sorted(set(cast("list[float]", values[1:]))):
        yield f"{at}: steps {values[1:]} do not rise"


def _variables(dashboard: Json) -> Iterator[str]:
    listed = _list(cast("Json", dashboard.get("templating") or {}), "list")
    names: list[str] = []
    for index, variable in enumerate(listed):
        at, name = f"templating.list.{index}", str(variable.get("name"))
        if variable.get("type") not in VARIABLES:
            yield f"{at}.type {variable.get('type')!r}: expected one of {', '.join(sorted(VARIABLES))}"
        if name in names:
            yield f"{at}.name {name} is used twice"
        if variable.get("type") == "query":
            yield from _variable_query(variable, at)
            yield from (f"{at}: ${used} is defined after it" for used in sorted(_used(variable.get("query"))) if used not in names)
        names.append(name)
    used = set[str]().union(*(_used(part) for key, part in dashboard.items() if key not in ("title", "description", "tags")))
    yield from (f"variable ${name} is used but not defined" for name in sorted(used - set(names)))
    yield from (f"variable ${name} is defined but not used" for name in sorted(set(names) - used))


def _variable_query(variable: Json, at: str) -> Iterator[str]:
    query = str(cast("Json", variable.get("query") or {}).get("query"))
    match = _LABEL_VALUES.match(query)
    if match is None:
        yield f"{at}.query `{query}`: expected label_values(series, label)"
        return
    yield from (f"{at}.query: {problem}" for problem in expression_problems(match["series"], f"{{{{{match['label']}}}}}"))
    if variable.get("datasource") != DATASOURCE:
        yield f"{at}.datasource {variable.get('datasource')!r}: expected {DATASOURCE}"


def _used(part: object) -> set[str]:
    """The variables of the dashboard that a part of it uses; those Grafana has itself start with two underscores."""
    found: set[str] = set()
    left: list[object] = [part]
    while left:
        each = left.pop()
        if isinstance(each, str):
            if "$" in each or "[[" in each:
                found.update(_names_in(each))
        elif isinstance(each, dict):
            left += [value for key, value in cast("Json", each).items() if key not in _SHOWN]
        elif isinstance(each, list):
            left += cast("list[object]", each)
    return found


@lru_cache(maxsize=4096)
def _names_in(text: str) -> tuple[str, ...]:
    found = (name for match in _USED.finditer(text) for name in match.groups() if name)
    return tuple(name for name in found if not name.startswith("__"))


def _links(dashboard: Json) -> Iterator[str]:
    for index, panel in enumerate(_list(dashboard, "panels")):
        for link in _panel_links(panel):
            yield from _link(link, f"panels.{index}")
    for index, link in enumerate(_list(dashboard, "links")):
        if link.get("type") == "dashboards" and not link.get("tags"):
            yield f"links.{index}: a list of dashboards needs a tag"
        elif link.get("type") == "link":
            yield from _link(link, f"links.{index}")


def _panel_links(panel: Json) -> Iterator[Json]:
    config = cast("Json", panel.get("fieldConfig") or {})
    yield from _list(cast("Json", config.get("defaults") or {}), "links")
    for override in _list(config, "overrides"):
        for each in _list(override, "properties"):
            if each["id"] == "links":
                yield from cast("list[Json]", each["value"])


def _link(link: Json, at: str) -> Iterator[str]:
    if not all(link.get(key) for key in _LINK_KEYS):
        yield f"{at}: a link needs title and url, this has {link}"
    elif _ADDRESS.match(str(link["url"])) is None:
        expected = "https://, a path of this Grafana, ${portal:raw} or ${docs:raw}"
        yield f"{at}: link '{link['title']}' leads to {link['url']}; expected {expected}"


def _annotations(dashboard: Json) -> Iterator[str]:
    for index, annotation in enumerate(_list(cast("Json", dashboard.get("annotations") or {}), "list")):
        at = f"annotations.list.{index}"
        if annotation.get("datasource") != DATASOURCE:
            yield f"{at}.datasource {annotation.get('datasource')!r}: expected {DATASOURCE}"
        legend = f"{annotation.get('titleFormat', '')} {annotation.get('textFormat', '')}"
        yield from (f"{at}.expr: {problem}" for problem in expression_problems(str(annotation.get("expr") or ""), legend))
