"""Whoever subscribed gets one report for each span, of what the logs say, and nothing that a definition says becomes code."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.errors import KpiError
from lambdas.domain.reports.content import DELIVERED, Line, Report, Subject
from lambdas.domain.reports.made import ReportPlace
from lambdas.domain.reports.render import as_csv, as_html, summary
from lambdas.domain.reports.sending import Reporting
from lambdas.domain.reports.spans import Span
from lambdas.domain.tenants.alerts import mark
from lambdas.domain.tenants.listeners import AlertTarget, ReportSubscription
from lambdas.domain.timestamps import iso

SATURDAY = datetime(2026, 11, 21, 12, tzinfo=UTC)
FRIDAY = datetime(2026, 11, 20, 9, tzinfo=UTC)
DAILY = ReportSubscription(kpi_id="CFO-EF-02", frequency="daily", recipients=("cfo@acme.example",))
NAMES = ("CFO-EF-02", "Days sales outstanding", "1.0.0")


@dataclass
class World:
    """A tenant with subscriptions, runs, and whom it was told to."""

    now: datetime = SATURDAY
    subscribed: dict[str, ReportSubscription] = field(default_factory=lambda: {"daily": DAILY})
    rows: list[dict[str, Any]] = field(default_factory=list)
    delivered: dict[int, dict[str, Any]] = field(default_factory=dict)
    kept: dict[ReportPlace, str] = field(default_factory=dict)
    noted: dict[ReportPlace, Mapping[str, Any]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=lambda: {"daily": "2026-11-19"})
    told: list[tuple[str, Mapping[str, Any], Sequence[str]]] = field(default_factory=list)
    broken: bool = False

    def serve(self) -> list[str]:
        return Reporting(self, self, self, self, self.tell, lambda: self.now).serve("acme", "prod")

    def subscriptions(self, tenant_id: str, environment: str) -> Iterable[tuple[str, ReportSubscription]]:
        assert (tenant_id, environment) == ("acme", "prod")
        return self.subscribed.items()

    def subjects(self, tenant_id: str, environment: str, about: ReportSubscription) -> tuple[Sequence[Subject], int]:
        assert (tenant_id, environment) == ("acme", "prod")
        return ([Subject(*NAMES)], 0) if about.kpi_id == "CFO-EF-02" else ([Subject(*NAMES), Subject("CFO-EF-09", "Other", "2.0.0")], 7)

    def timezone(self, tenant_id: str, environment: str) -> str | None:
        return "UTC" if (tenant_id, environment) == ("acme", "prod") else None

    def by_kpi(self, tenant_id: str, kpi_id: str, *, rows: int, since: str, before: str) -> tuple[Sequence[Mapping[str, Any]], bool]:
        assert tenant_id == "acme"
        found = [row for row in self.rows if row["kpi_id"] == kpi_id and since <= row["started_at"] < before]
        return found[:rows], len(found) > rows

    def deliveries(self, tenant_id: str, run_ids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
        assert tenant_id == "acme"
        return {run_id: self.delivered[run_id] for run_id in run_ids if run_id in self.delivered}

    def keep(self, place: ReportPlace, content: bytes) -> None:
        if self.broken:
            raise ConnectionError("S3 did not answer")
        self.kept[place] = content.decode()

    def note(self, place: ReportPlace, facts: Mapping[str, Any]) -> None:
        self.noted[place] = facts

    def reported(self, tenant_id: str, environment: str, subscription_id: str) -> str | None:
        assert (tenant_id, environment) == ("acme", "prod")
        return self.labels.get(subscription_id)

    def mark_reported(self, tenant_id: str, environment: str, subscription_id: str, label: str) -> None:
        assert (tenant_id, environment) == ("acme", "prod")
        self.labels[subscription_id] = label

    def tell(self, tenant_id: str, environment: str, event: str, subject: str, body: Mapping[str, Any], marks: Sequence[str]) -> None:
        assert (tenant_id, environment, event) == ("acme", "prod", "kpi.report")
        self.told.append((subject, body, marks))

    def ran(self, run_id: int, status: str = "success", at: datetime = FRIDAY, **columns: Any) -> None:
        """A run, as its two rows; one that delivers has its delivery."""
        both = {"kpi_id": "CFO-EF-02", "environment": "prod", "run_id": run_id, "started_at": iso(at)} | columns
        self.rows += [
            both | {"entry": "close", "status": status, "sla_breached": columns.get("sla_breached", False)},
            both | {"entry": "open"},
        ]
        if status in DELIVERED:
            sample = {"unit": "days", "entities": 2, "sample": [{"entity": "ALL", "value": 36.5}, {"entity": "smb", "value": 1.0}]}
            period = {"time_range": "2026-11-19T00:00:00.000Z/2026-11-20T00:00:00.000Z", "recorded_at": iso(at)}
            self.delivered[run_id] = {"run_id": run_id, "verdict": "Adequate", "output_sample": json.dumps(sample)} | period

    @property
    def lines(self) -> list[dict[str, str]]:
        """The lines of the only report, which is a table."""
        (content,) = self.kept.values()
        return list(csv.DictReader(io.StringIO(content)))


def csv_of(**changes: Any) -> dict[str, ReportSubscription]:
    return {"daily": DAILY.model_copy(update={"format": "csv", **changes})}


def test_the_report_says_how_the_kpi_ran_in_the_span_and_what_it_delivered_last() -> None:
    world = World(subscribed=csv_of())
    world.ran(5, "failed", error_code="TIMEOUT", at=FRIDAY + timedelta(hours=2))
    world.ran(4, sla_breached=True)
    world.ran(3, at=FRIDAY - timedelta(hours=1))
    world.ran(9, at=SATURDAY)
    world.ran(1, at=FRIDAY - timedelta(days=1))
    assert world.serve() == ["daily 2026-11-20"]
    (line,) = world.lines
    assert {name: line[name] for name in ("success", "partial", "failed", "skipped", "sla_breaches", "last_error")} == {
        "success": "2", "partial": "0", "failed": "1", "skipped": "0", "sla_breaches": "1", "last_error": "TIMEOUT",
    }  # fmt: skip
    assert (line["value"], line["unit"], line["entities"], line["verdict"], line["run_id"]) == ("36.5", "days", "2", "Adequate", "#4")
    assert line["complete"] == "yes"


def test_runs_of_a_canary_of_another_environment_and_those_that_go_on_do_not_count() -> None:
    world = World(subscribed=csv_of())
    world.ran(1, triggered_by="canary/c-1/7")
    world.ran(2, environment="dev")
    world.rows.append({"kpi_id": "CFO-EF-02", "environment": "prod", "run_id": 3, "started_at": iso(FRIDAY), "entry": "open"})
    world.serve()
    (line,) = world.lines
    assert (line["success"], line["value"], line["run_id"]) == ("0", "", "")


def test_whoever_subscribed_is_told_once_without_the_number_and_where_the_report_is() -> None:
    world = World()
    world.ran(4, "failed")
    world.serve()
    assert (world.serve(), len(world.told), len(world.kept)) == ([], 1, 1)
    ((subject, body, marks),) = world.told
    assert subject == "KPI report CFO-EF-02, 2026-11-20 (acme prod)"
    assert body["summary"] == "CFO-EF-02, 2026-11-20: 1 KPI, 1 needs attention: CFO-EF-02"
    assert body["report"] == "GET /report-subscriptions/daily/reports?environment=prod"
    assert marks == [mark(AlertTarget(channel="email", address="cfo@acme.example"))]
    assert "36.5" not in json.dumps(body)


def test_the_first_report_of_a_new_subscription_is_about_the_span_under_way() -> None:
    world = World(labels={})
    assert (world.serve(), world.labels, world.kept) == ([], {"daily": "2026-11-20"}, {})
    world.now += timedelta(days=1)
    assert world.serve() == ["daily 2026-11-21"]


def test_a_report_that_could_not_be_kept_is_made_by_the_next_tick_and_holds_up_no_other() -> None:
    world = World(subscribed={"daily": DAILY, "weekly": DAILY.model_copy(update={"frequency": "weekly"})})
    world.labels = {"daily": "2026-11-19"}
    world.broken = True
    with pytest.raises(KpiError, match=r"1 report of acme\.prod could not be made: daily: .*S3 did not answer"):
        world.serve()
    assert (world.labels, world.told) == ({"daily": "2026-11-19", "weekly": "2026-W46"}, [])
    world.broken = False
    assert world.serve() == ["daily 2026-11-20"]


def test_a_tenant_that_no_stack_registered_gets_none() -> None:
    world = World()
    assert Reporting(world, world, world, world, world.tell, lambda: SATURDAY).serve("gone", "prod") == []


def test_a_pack_has_a_line_for_each_kpi_and_says_how_many_are_left_out() -> None:
    world = World(subscribed={"daily": ReportSubscription(pack="cfo", frequency="daily", recipients=("cfo@acme.example",))})
    world.ran(4)
    world.serve()
    ((place, page),) = world.kept.items()
    assert place == ReportPlace("acme", "prod", "daily", "2026-11-20", place.form)
    assert "<h1>pack cfo, 2026-11-20</h1>" in page
    assert "7 more KPIs are not shown." in page
    assert page.count("<tr class='a'>") == 1, "the one that delivered nothing"
    assert (world.noted[place]["kpis"], world.noted[place]["attention"]) == (2, 1)


def one_line(name: str) -> Report:
    line = Line(Subject("A-B-01", name, "1.0.0"), {}, 0, "", None, complete=True)
    return Report("acme", "prod", "A-B-01", Span("2026-10", FRIDAY, SATURDAY), "now", "UTC", (line,), 0)


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=60))
def test_a_name_is_shown_as_text_on_the_page(name: str) -> None:
    page = as_html(one_line(f"<script>{name}</script>"))
    assert "<script" not in page
    assert page.count("<tr") == 2


@given(st.sampled_from(["=", "+", "-", "@"]), st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=60))
def test_a_name_is_no_formula_in_a_spreadsheet(first: str, name: str) -> None:
    (row,) = csv.DictReader(io.StringIO(as_csv(one_line(first + name))))
    assert row["name"] == f"'{first}{name}"


def test_the_summary_names_at_most_ten() -> None:
    many = tuple(Line(Subject(f"A-B-{number:02}", "", "1.0.0"), {}, 0, "", None, complete=True) for number in range(12))
    report = Report("acme", "prod", "pack cfo", Span("2026-10", FRIDAY, SATURDAY), "now", "UTC", many, 0)
    assert summary(report).endswith("A-B-09 and 2 more")
