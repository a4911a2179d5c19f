"""Addresses in the AWS console, the portal and the documentation, and Markdown that no dictionary text can break."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote

from dashboards.model import Scene

_PLAIN = re.compile(r"[\w./#-]+\Z", re.ASCII)
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#!])")


@lru_cache(maxsize=8192)
def escaped(text: str) -> str:
    """A text as Markdown that shows just that text, on one line; `-` for an empty one."""
    line = " ".join(text.split())
    return _SPECIAL.sub(r"\\\1", line) if _SPECIAL.search(line) else line or "-"


def link(text: str, url: str | None) -> str:
    """A Markdown link; only the text where there is nowhere to go."""
    return f"[{escaped(text)}]({url})" if url else escaped(text)


def console(region: str, service: str, fragment: str) -> str:
    """A page of the AWS console."""
    return f"https://{region}.console.aws.amazon.com/{service}/home?region={region}#{fragment}"


def dashboard(region: str, name: str) -> str:
    """A dashboard by its physical name."""
    return console(region, "cloudwatch", f"dashboards/dashboard/{name}")


def state_machine(scene: Scene) -> str:
    """The executions of the run state machine."""
    return console(scene.region, "states", f"/statemachines/view/{scene.state_machine_arn}")


def views(scene: Scene) -> str:
    """The tables and views of the lake, for queries with Athena."""
    return console(scene.region, "glue", f"/v2/data-catalog/databases/view/{scene.platform.replace('-', '_')}")


def run_log(scene: Scene) -> str:
    """The rows of the run log."""
    return console(scene.region, "dynamodbv2", f"item-explorer?table={scene.platform}-log-run")


def log_group(scene: Scene, function: str) -> str:
    """The log group of a function; the console wants the slashes escaped twice."""
    name = quote(quote(f"/aws/lambda/{scene.platform}-{function}", safe=""), safe="").replace("%", "$")
    return console(scene.region, "cloudwatch", f"logsV2:log-groups/log-group/{name}")


def kpi_page(scene: Scene, kpi_id: str) -> str | None:
    """The KPI on the dictionary page."""
    return f"{scene.links.portal}/#{quote(kpi_id)}" if scene.links.portal else None


def runbook(scene: Scene, path: str) -> str:
    """A runbook as Markdown: a link where documentation is published, else its path in the repository."""
    return _runbook(scene.links.docs, path)


@lru_cache(maxsize=4096)
def _runbook(docs: str | None, path: str) -> str:
    if path.startswith(("https://", "http://")):
        return f"[runbook]({quote(path, safe=':/?#=&%~+,;@-._')})"
    if docs is None:
        return f"`{path}`" if _PLAIN.match(path) else escaped(path)
    return f"[runbook]({docs}/{quote(path, safe='/#-._')})"
