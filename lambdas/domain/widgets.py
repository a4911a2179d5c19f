"""Custom widgets of CloudWatch dashboards: tables that CloudWatch cannot draw.

The contract is AWS's: an event with `describe` is answered with Markdown about the parameters, any other with HTML.
Source: "Details about custom widgets" in the CloudWatch user guide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from lambdas.domain import widget_changes, widget_details, widget_failures
from lambdas.domain.widget_html import Html, note
from lambdas.domain.widget_reads import Reader
from lambdas.domain.widget_request import Request, WidgetError, read

Table = Callable[[Request, Reader], Html]
TABLES: Mapping[str, Table] = {
    "top-failing": widget_failures.top_failing,
    "error-codes": widget_failures.error_codes,
    "sla-breaches": widget_failures.sla_breaches,
    "rule-failures": widget_failures.rule_failures,
    "durations": widget_changes.durations,
    "freshness": widget_changes.freshness,
    "sql-changes": widget_changes.sql_changes,
    "sql-diff": widget_changes.sql_diff,
    "runs": widget_details.runs,
    "run": widget_details.run,
    "definition": widget_details.definition,
}
"""Every table by its name in the widget's parameters; the last four need a KPI or a run."""


def answer(event: Mapping[str, Any], endpoint: str, readers: Callable[[str, str], Reader], now: datetime) -> str:
    """The documentation or the table an event asks for; `readers` gives access to one tenant and environment.

    Whatever is wrong with the request is answered in words, since an error would show as one of the function.
    """
    if event.get("describe"):
        return describe()
    try:
        request = read(event, endpoint, now)
        table = _table(request.widget)
        return table(request, readers(request.tenant_id, request.environment))
    except WidgetError as error:
        return note(f"This table cannot be shown: {error}")


def _table(name: str) -> Table:
    if name not in TABLES:
        raise WidgetError(f"widget is {name[:80]!r}; expected one of {', '.join(TABLES)}")
    return TABLES[name]


def describe() -> str:
    """Markdown about the parameters; CloudWatch fills in a new widget from the first YAML block."""
    lines = [f"- `{name}`: {(table.__doc__ or '').strip().splitlines()[0]}" for name, table in TABLES.items()]
    return f"""# KPI tables

Tables about the runs of one tenant and environment, in the time range of the dashboard.

``` yaml
widget: top-failing
tenant_id: acme
environment: prod
pack: all
limit: 20
```

| parameter | meaning |
| --- | --- |
| `widget` | which table, see below |
| `tenant_id`, `environment` | whose runs; required |
| `pack` | only KPIs of this pack; `all` for every pack |
| `kpi_id`, `run_id`, `version`, `before` | what `runs`, `definition`, `sql-diff` and `run` are about |
| `limit` | rows shown, 1 to 100 |
| `portal`, `docs` | where the dictionary page and the documentation are, for links |

{chr(10).join(lines)}

Whoever looks at a dashboard calls this function, so they need `lambda:InvokeFunction` on it; it reads as the tenant it is asked about.
"""
