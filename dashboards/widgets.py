"""The widgets templates are made of: each method gives the JSON of one widget. `at` is (x, y, width, height) on 24 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from dashboards.model import Scene

At = tuple[int, int, int, int]
ALARMS_A_WIDGET = 100


class Widgets:
    """Widgets of one stack."""

    def __init__(self, scene: Scene, who: Mapping[str, str]) -> None:
        """`who` are the parameters every custom widget is called with: tenant and environment."""
        self._scene = scene
        self._region = scene.region
        self._who = who
        self._places = {name: url for name, url in (("portal", scene.links.portal), ("docs", scene.links.docs)) if url}

    def text(self, at: At, markdown: str) -> str:
        """Markdown."""
        return _widget("text", at, {"markdown": markdown, "background": "transparent"})

    def graph(
        self,
        at: At,
        title: str,
        metrics: Sequence[Any],
        *,
        stat: str = "Sum",
        period: int = 300,
        view: str = "timeSeries",
        stacked: bool = False,
        left: Mapping[str, Any] | None = None,
        lines: Sequence[Mapping[str, Any]] = (),
    ) -> str:
        """`metrics` is the list CloudWatch takes: [namespace, name, dimension, value, ..., {options}] or [{expression, label, id}]."""
        properties: dict[str, Any] = {
            "title": title,
            "region": self._region,
            "view": view,
            "stat": stat,
            "period": period,
            "metrics": metrics,
        }
        if view == "timeSeries":
            properties["stacked"] = stacked
        if left:
            properties["yAxis"] = {"left": left}
        if lines:
            properties["annotations"] = {"horizontal": lines}
        return _widget("metric", at, properties)

    def query(self, at: At, title: str, groups: Sequence[str], lines: Sequence[str], *, view: str = "table") -> str:
        """A query of Logs Insights over log groups."""
        sources = " | ".join(f"SOURCE '{group}'" for group in groups)
        text = sources + "".join(f"\n| {line}" for line in lines)
        return _widget("log", at, {"title": title, "region": self._region, "view": view, "query": text})

    def alarms(self, at: At, title: str, names: Sequence[str]) -> str:
        """The states of alarms, those that ring first; a text where the stack has none."""
        if not names:
            return self.text(at, f"**{title}**\n\nThis stack has no alarms.")
        arns = [self._scene.alarm_arn(name) for name in names[:ALARMS_A_WIDGET]]
        return _widget("alarm", at, {"title": title, "alarms": arns, "sortBy": "stateUpdatedTimestamp"})

    def table(self, at: At, title: str, name: str, **params: object) -> str:
        """A table that the function `widgets` makes (see lambdas/widgets): `name` says which."""
        properties = {
            "endpoint": self._scene.function_arn("widgets"),
            "params": {"widget": name, **self._who, **self._places, **params},
            "title": title,
            "updateOn": {"refresh": True, "resize": False, "timeRange": True},
        }
        return _widget("custom", at, properties)

    def explorer(self, at: At, title: str, resource: str, metrics: Sequence[tuple[str, str]], labels: Mapping[str, str]) -> str:
        """Metrics (name and statistic) of every resource of a type with these tags, found when the dashboard is opened."""
        properties = {
            "title": title,
            "region": self._region,
            "metrics": [{"metricName": name, "resourceType": resource, "stat": stat} for name, stat in metrics],
            "labels": [{"key": key, "value": value} for key, value in labels.items()],
            "period": 300,
            "widgetOptions": {
                "view": "timeSeries",
                "legend": {"position": "bottom"},
                "stacked": False,
                "rowsPerPage": 2,
                "widgetsPerRow": 2,
            },
        }
        return _widget("explorer", at, properties)


def _widget(kind: str, at: At, properties: Mapping[str, Any]) -> str:
    x, y, width, height = at
    # The whole body is written again with sorted keys.
    return orjson.dumps({"type": kind, "x": x, "y": y, "width": width, "height": height, "properties": properties}).decode()
