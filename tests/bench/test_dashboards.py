"""CloudWatch dashboards: 1,000 of 12 widgets, rendered and fully validated, beside the same without our work on it."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import jinja2
import orjson
import pytest

import dashboards
from dashboards import render
from dashboards.validate import body_problems
from kpis.summary import DictionarySummary
from kpis.templating import dumps
from tests.bench.report import Report
from tests.unit.alerts.factory import row, summary

pytestmark = pytest.mark.bench

BENCH = "CloudWatch dashboards"
COUNT, WIDGETS, TIMES = 1_000, 12, 5
TENANTS = tuple(f"tenant-{number}" for number in range(10))
AIM = "< 0.4 s"


def dictionary() -> DictionarySummary:
    """Five KPIs of ten tenants; a hundred platforms make a thousand overviews, no two alike."""
    return summary(*(row(id=f"CFO-N-{number:02d}", tier=2, tenants=TENANTS) for number in range(5)))


def overviews(known: DictionarySummary) -> list[dashboards.Dashboard]:
    found: list[dashboards.Dashboard] = []
    for number in range(COUNT // len(TENANTS)):
        for tenant in TENANTS:
            stem = f"kpi-d{number}-{tenant}-prod"
            found += dashboards.render_tenant(
                known,
                tenant_id=tenant,
                environment="prod",
                deployment=f"d{number}",
                region="us-east-1",
                account_id="123456789012",
                digest="c0ffee" * 10,
                alarms=(f"{stem}-kpi-health", f"{stem}-sla-breaches"),
                links=dashboards.Links("https://portal.example", "https://api.example", "https://docs.example"),
                runbook_exists=lambda _path: True,
            )
    return found


def seconds(work: Callable[[], object]) -> list[float]:
    """Processor time of this process, so that other work on the machine does not count."""
    work()
    taken: list[float] = []
    for _ in range(TIMES):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return taken


def test_a_thousand_dashboards_rendered_and_validated(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    known = dictionary()
    made = overviews(known)
    assert len({each.body for each in made}) == COUNT
    bodies = [orjson.loads(each.body) for each in made]
    assert {len(each["widgets"]) for each in bodies} == {WIDGETS}
    what = f"{COUNT:,} of {WIDGETS} widgets"
    whole = report.median(BENCH, f"{what}: rendered and validated", seconds(lambda: overviews(known)), "s", aim=AIM)
    checks = report.median(BENCH, f"{what}: validation alone", seconds(lambda: [list(body_problems(each)) for each in bodies]), "s")
    with monkeypatch.context() as patch:
        patch.setattr(render, "body_problems", lambda *_: ())
        bare = report.median(BENCH, f"{what}: rendered, not validated", seconds(lambda: overviews(known)), "s")
        slow = environment_with_jinjas_tojson()
        patch.setattr(render, "_environment", lambda: slow)
        patch.setattr("dashboards.widgets.orjson", JinjasOwn())
        naive = report.median(BENCH, f"{what}: Jinja's own tojson, not validated", seconds(lambda: overviews(known)), "s")
    report.ratio(BENCH, "validated", whole, naive, of="Jinja's own tojson without validation")
    report.ratio(BENCH, "validated", whole, bare, of="the same without validation")
    report.ratio(BENCH, "validation", checks, whole, of="rendered and validated")
    tracemalloc.start()
    overviews(known)
    report.add(BENCH, f"{what}: memory at most", tracemalloc.get_traced_memory()[1] / 2**20, "MiB", of="with all bodies kept")
    tracemalloc.stop()


class JinjasOwn:
    """JSON as Jinja writes it unless told otherwise, where widgets use orjson."""

    OPT_SORT_KEYS = orjson.OPT_SORT_KEYS

    @staticmethod
    def dumps(value: object, option: int | None = None) -> bytes:
        if option is not None:
            return orjson.dumps(value, option=option)
        return jinja2.utils.htmlsafe_json_dumps(value).encode()


def environment_with_jinjas_tojson() -> jinja2.Environment:
    return jinja2.Environment(loader=render._environment().loader, undefined=jinja2.StrictUndefined)  # noqa: S701 - JSON, not HTML


def test_ten_thousand_kpis_one_widget_each(report: Report) -> None:
    known = summary(*(row(id=f"CFO-N-{number:05d}", tier=0) for number in range(10_000)))
    where = {"deployment": "local", "region": "us-east-1", "account_id": "123456789012", "digest": "c0ffee" * 10}
    taken = seconds(lambda: dashboards.render_every_kpi(known, "cfo", **where))
    parts = dashboards.render_every_kpi(known, "cfo", **where)
    report.median(BENCH, f"10,000 KPIs, one graph each, cut into {len(parts)}", taken, "s")
    assert all(dumps(orjson.loads(each.body)) == each.body for each in parts)
