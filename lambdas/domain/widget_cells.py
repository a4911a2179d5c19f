"""Cells that lead somewhere: a KPI to its definition, a run to its rows, a KPI to its runbook."""

from __future__ import annotations

from urllib.parse import quote

from lambdas.domain.widget_html import Html, action, escape, link, together
from lambdas.domain.widget_reads import Row
from lambdas.domain.widget_request import Request


def kpi(request: Request, kpi_id: object) -> Html:
    """A KPI: its definition in a window, and its place on the dictionary page."""
    shown = action(kpi_id, request.endpoint, request.click("definition", kpi_id=str(kpi_id)))
    if request.portal is None:
        return shown
    return together(shown, Html(" "), link("page", f"{request.portal}/#{quote(str(kpi_id), safe='-')}"))


def run(request: Request, row: Row, text: object = None) -> Html:
    """A run: its rows in a window."""
    run_id = str(row.get("run_id", ""))
    return action(text or run_id, request.endpoint, request.click("run", run_id=run_id))


def runs(request: Request, kpi_id: object, text: object) -> Html:
    """The latest runs of a KPI in a window."""
    return action(text, request.endpoint, request.click("runs", kpi_id=str(kpi_id)))


def runbook(request: Request, path: str) -> Html:
    """A runbook: a link where documentation is published, else its path in the repository."""
    if path.startswith("https://"):
        return link("runbook", quote(path, safe=":/?#=&%~+,;@-._"))
    if request.docs is None:
        return escape(path)
    return link("runbook", f"{request.docs}/{quote(path, safe='/#-._')}")


def moment(text: object) -> str:
    """`2026-11-21 14:37:05` of an ISO moment."""
    return str(text or "")[:19].replace("T", " ")
