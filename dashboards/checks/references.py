"""What a dashboard points at outside itself: alarms, functions, runbooks, other dashboards."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

_LINK = re.compile(r"\]\(\s*<?([^)\s>]*)")
_ESCAPED = re.compile(r"\\.", re.DOTALL)
_RUNBOOK = re.compile(r"docs/runbooks/[\w./-]+?\.md")
_CODE = re.compile(r"(?<![\\`])`(docs/runbooks/[^`]+)`")
_DASHBOARD = re.compile(r"#dashboards/dashboard/([A-Za-z0-9_-]+)")
_CONTROL = re.compile(r"[\x00-\x20<>\"{}|^`\\]")


@dataclass(frozen=True)
class Known:
    """What exists; None for what is not checked.

    `alarms`, `functions` and `dashboards` are physical names; `runbook` says whether a path such as `docs/runbooks/x.md` exists.
    """

    alarms: Collection[str] | None = None
    functions: Collection[str] | None = None
    dashboards: Collection[str] | None = None
    runbook: Callable[[str], bool] | None = None


def problems(where: str, kind: str, properties: dict[str, Any], known: Known) -> Iterator[str]:
    """What a widget names that does not exist."""
    if kind == "alarm":
        if known.alarms is not None:
            shown: Any = properties.get("alarms")
            for arn in cast("list[Any]", shown) if isinstance(shown, list) else []:
                name = str(arn).split(":alarm:", 1)[-1]
                if name not in known.alarms:
                    yield f"{where}.alarms: the stack has no alarm '{name}'"
    elif kind == "custom":
        name = str(properties.get("endpoint")).split(":function:", 1)[-1].split(":")[0]
        if known.functions is not None and name not in known.functions:
            yield f"{where}.endpoint: the stack has no function '{name}'"
    elif kind == "text":
        yield from _markdown(f"{where}.markdown", str(properties.get("markdown", "")), known)


def _markdown(where: str, markdown: str, known: Known) -> Iterator[str]:
    named: set[str] = set()
    for link in _links(markdown):
        problem, dashboard, runbook = _read(link)
        if problem is not None:
            yield f"{where}: {problem}"
        if dashboard is not None and known.dashboards is not None and dashboard not in known.dashboards:
            yield f"{where}: link to dashboard '{dashboard}', which the stack does not have"
        if runbook is not None:
            named.add(runbook)
    if known.runbook is None:
        return
    if "`docs/" in markdown:
        named.update(path.partition("#")[0] for path in _CODE.findall(markdown))
    for path in sorted(named):
        if not known.runbook(path):
            yield f"{where}: runbook '{path}' does not exist; write it or correct the KPI's runbook"


def _links(markdown: str) -> list[str]:
    """The targets of Markdown links; an escaped bracket makes none."""
    return _LINK.findall(_ESCAPED.sub("", markdown) if "\\" in markdown else markdown)


@lru_cache(maxsize=8192)
def _read(link: str) -> tuple[str | None, str | None, str | None]:
    """What is wrong with a link by itself, and the dashboard and the runbook it leads to."""
    problem = None
    if not link.startswith(("https://", "http://")) or _CONTROL.search(link):
        problem = f"link '{link}' leads nowhere from the console; expected an address that starts with https://"
    dashboard, runbook = _DASHBOARD.search(link), _RUNBOOK.search(link)
    return problem, dashboard and dashboard.group(1), runbook and runbook.group()
