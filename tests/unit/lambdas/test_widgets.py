"""Custom widgets from outside: an event in, HTML out; nobody's rows but the tenant's, and no text becomes markup."""

from __future__ import annotations

import html.parser
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.widget_html import action, escape, link, table
from lambdas.domain.widget_reads import Page, Row, Version
from lambdas.domain.widget_request import read
from lambdas.domain.widgets import TABLES, answer

NOW = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
ENDPOINT = "arn:aws:lambda:us-east-1:123456789012:function:kpi-local-widgets"
WHO = {"tenant_id": "skyway", "environment": "prod"}
HOSTILE = '<script>alert("1")</script><img src=x onerror=alert(1)>&amp;\'"</cwdb-action>{{ 7 }}日本'


def run(number: int, kpi_id: str = "SKY-AD-01", *, minutes: int = 5, seconds: float = 1, **changes: Any) -> Row:
    started = NOW - timedelta(minutes=minutes)
    values: dict[str, Any] = {
        "run_id": number,
        "kpi_id": kpi_id,
        "contract_version": "1.0.0",
        "started_at": started.isoformat(),
        "finished_at": (started + timedelta(seconds=seconds)).isoformat(),
        "status": "success",
        "sla_breached": False,
        "rows_processed": 5,
        "trigger_type": "time",
    }
    return values | changes


def catalog_row(kpi_id: str, version: str = "1.0.0", *, sql: str = "SELECT 1", **changes: Any) -> Row:
    pack = "cfo" if kpi_id.startswith("CFO") else "skyway"
    definition = {"expression": {"sql": sql}, "runbook": "docs/runbooks/x.md", "purpose": "P", "owners": {"business": "Ops"}}
    row = {"kpi_id": kpi_id, "contract_version": version, "name": f"Name of {kpi_id}", "pack": pack, "definition_hash": version * 4}
    return row | {"definition": json.dumps(definition | changes), "status": "active"}


@dataclass
class Rows:
    """What one tenant has."""

    all_runs: Sequence[Row] = ()
    rows: Mapping[str, Sequence[Row]] = field(default_factory=dict[str, Sequence[Row]])
    catalog: Sequence[Row] = ()
    complete: bool = True
    looked_up: list[Version] = field(default_factory=list[Version])
    span: tuple[datetime, datetime] | None = None

    def runs(self, since: datetime, until: datetime) -> Page:
        self.span = (since, until)
        return Page(self.all_runs, self.complete)

    def runs_of(self, kpi_id: str, limit: int) -> Page:
        return Page([row for row in self.all_runs if row["kpi_id"] == kpi_id][:limit])

    def entries(self, table: str, since: datetime, until: datetime) -> Page:
        del since, until
        return Page(self.rows.get(table, ()))

    def run(self, run_id: str) -> Mapping[str, Sequence[Row]]:
        return {"run": [row for row in self.all_runs if str(row["run_id"]) == run_id], **self.rows}

    def definitions(self, versions: Sequence[Version]) -> Mapping[Version, Row]:
        self.looked_up += versions
        return {key: row for row in self.catalog if (key := (str(row["kpi_id"]), str(row["contract_version"]))) in versions}

    def versions(self, kpi_id: str) -> Sequence[Row]:
        return [row for row in self.catalog if row["kpi_id"] == kpi_id]


def ask(rows: Rows, widget: str, **params: Any) -> str:
    return answer({"widget": widget, **WHO, **params}, ENDPOINT, lambda *_: rows, NOW)


def cells(shown: str) -> list[list[str]]:
    """The texts of the first table's body, actions left out."""
    body = re.sub(r"<cwdb-action.*?</cwdb-action>", "", shown).partition("<tbody>")[2].partition("</tbody>")[0]
    return [[re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td>(.*?)</td>", line)] for line in re.findall(r"<tr>(.*?)</tr>", body)]


def clicks(shown: str) -> list[dict[str, Any]]:
    return [json.loads(each) for each in re.findall(r"<cwdb-action[^>]*>(.*?)</cwdb-action>", shown)]


FAILING = Rows(
    all_runs=[
        run(9, status="failed", error_code="TIMEOUT", error_message="too slow", sla_breached=True),
        run(8, "CFO-EF-02", status="skipped", error_code="VALIDATION_FAIL_PRE"),
        run(7, status="failed", error_code="SQL_ERROR"),
        run(6, "SKY-OK-01"),
        run(5, status="partial"),
        run(4, status=None, finished_at=None),
    ],
    catalog=[catalog_row("SKY-AD-01"), catalog_row("CFO-EF-02")],
)


def test_kpis_that_fail_most_come_first_with_their_last_error_and_runbook():
    shown = ask(FAILING, "top-failing", docs="https://docs.example")
    lines = cells(shown)
    assert [line[0] for line in lines] == ["SKY-AD-01", "CFO-EF-02"]
    assert lines[0][1:8] == ["Name of SKY-AD-01", "2", "0", "1", "1", "3", "TIMEOUT"]
    assert 'href="https://docs.example/docs/runbooks/x.md"' in shown
    assert {"widget": "run", "run_id": "9", **WHO, "docs": "https://docs.example"} in clicks(shown)


@pytest.mark.parametrize(("pack", "expected"), [("cfo", ["CFO-EF-02"]), ("skyway", ["SKY-AD-01"]), ("all", ["SKY-AD-01", "CFO-EF-02"])])
def test_a_pack_narrows_the_table(pack: str, expected: list[str]):
    assert [line[0] for line in cells(ask(FAILING, "top-failing", pack=pack))] == expected


def test_an_unset_variable_of_the_dashboard_narrows_nothing():
    assert len(cells(ask(FAILING, "top-failing", pack="kpi-variable-pack"))) == 2


def test_a_limit_cuts_the_table_and_says_how_much_there_is():
    rows = Rows(all_runs=[run(number, sla_breached=True) for number in range(30, 0, -1)])
    shown = ask(rows, "sla-breaches", limit=5)
    assert len(cells(shown)) == 5
    assert "30 breaches; the newest 5" in shown


def test_a_table_says_when_it_is_not_of_the_whole_time():
    rows = Rows(all_runs=FAILING.all_runs, catalog=FAILING.catalog, complete=False)
    assert "Only the newest 6 runs of this time were read" in ask(rows, "top-failing")


def test_definitions_are_looked_up_for_a_bounded_number_of_kpis():
    rows = Rows(all_runs=[run(number, f"SKY-F-{number}", status="failed") for number in range(1_000)])
    ask(rows, "top-failing")
    assert len(rows.looked_up) == 300


def test_error_codes_are_counted_with_the_last_message():
    lines = cells(ask(FAILING, "error-codes"))
    assert sorted(line[0] for line in lines) == ["SQL_ERROR", "TIMEOUT", "VALIDATION_FAIL_PRE"]
    assert next(line for line in lines if line[0] == "TIMEOUT")[1:5] == ["1", "1", "SKY-AD-01", "too slow"]


def test_validation_failures_are_counted_by_rule():
    failed = {"kpi_id": "SKY-AD-01", "rule_type": "quality", "severity": "error", "rule_id": "known", "result": "fail", "run_id": 9}
    rows = Rows(rows={"pre-validation": [failed, failed, failed | {"result": "pass"}], "post-validation": [failed | {"rule_id": "range"}]})
    assert cells(ask(rows, "rule-failures")) == [
        ["pre", "quality", "error", "known", "SKY-AD-01", "2"],
        ["post", "quality", "error", "range", "SKY-AD-01", "1"],
    ]


def test_a_run_far_from_its_usual_comes_before_slower_kpis():
    usual = [run(number, "SKY-A-01", seconds=1) for number in range(20, 10, -1)]
    rows = Rows(all_runs=[run(30, "SKY-A-01", seconds=9), *usual, *(run(number, "SKY-B-01", seconds=60) for number in range(10, 0, -1))])
    lines = cells(ask(rows, "durations"))
    assert [line[0] for line in lines] == ["SKY-A-01", "SKY-B-01"]
    assert [line[5] for line in lines] == ["far from usual", ""]
    assert lines[0][2:5] == ["1,000", "9,000", "9,000"]


def test_freshness_puts_first_what_was_delivered_longest_ago_or_never():
    rows = Rows(all_runs=[run(9, "SKY-A-01", minutes=10), run(8, "SKY-B-01", minutes=180), run(7, "SKY-C-01", status="failed")])
    lines = cells(ask(rows, "freshness"))
    assert [line[0] for line in lines] == ["SKY-C-01", "SKY-B-01", "SKY-A-01"]
    assert lines[0][1] == "not in this time"
    assert lines[1][2] == "3.0"


def sourced(number: int, sql_hash: str) -> Row:
    return {"run_id": number, "kpi_id": "SKY-AD-01", "sql_hash": sql_hash}


CHANGED = Rows(
    all_runs=[run(9, contract_version="1.1.0"), run(8)],
    rows={"sourcing": [sourced(9, "b" * 64), sourced(8, "a" * 64)]},
    catalog=[catalog_row("SKY-AD-01", sql="SELECT a\nFROM t"), catalog_row("SKY-AD-01", "1.1.0", sql="SELECT b\nFROM t")],
)


def test_a_kpi_that_ran_with_two_sqls_is_listed_with_both_hashes():
    shown = ask(CHANGED, "sql-changes")
    (line,) = cells(shown)
    assert line[2:5] == ["1", f"{'a' * 12} (1.0.0)", f"{'b' * 12} (1.1.0)"]
    assert {"widget": "sql-diff", "kpi_id": "SKY-AD-01", "before": "1.0.0", "version": "1.1.0", **WHO} in clicks(shown)


def test_the_difference_of_two_versions_is_shown_line_by_line():
    shown = ask(CHANGED, "sql-diff", kpi_id="SKY-AD-01", before="1.0.0", version="1.1.0")
    assert "-SELECT a\n+SELECT b\n FROM t" in shown


def test_a_difference_without_two_versions_says_so():
    one = Rows(catalog=CHANGED.catalog[:1])
    assert "one definition of SKY-AD-01 1.0.0" in ask(one, "sql-diff", kpi_id="SKY-AD-01")
    assert "no definition of SKY-AD-01 2.0.0; it has 1.0.0" in ask(one, "sql-diff", kpi_id="SKY-AD-01", before="1.0.0", version="2.0.0")


def test_a_click_on_a_run_shows_its_rows_of_all_tables():
    rows = Rows(all_runs=FAILING.all_runs, rows={"pre-validation": [{"rule_id": "known", "result": "fail", "pk": "secret-key"}]})
    shown = ask(rows, "run", run_id="9")
    assert "Checked before" in shown
    assert "known" in shown
    assert "secret-key" not in shown


def test_a_definition_shows_its_expression_and_leads_to_its_last_change():
    shown = ask(CHANGED, "definition", kpi_id="SKY-AD-01")
    assert "SELECT b\nFROM t" in shown
    assert {"widget": "sql-diff", "kpi_id": "SKY-AD-01", **WHO} in clicks(shown)


@pytest.mark.parametrize("widget", TABLES)
def test_every_table_answers_when_there_is_nothing(widget: str):
    shown = ask(Rows(), widget, kpi_id="SKY-AD-01", run_id="1")
    assert shown
    assert "<tbody>" not in shown


@pytest.mark.parametrize("widget", TABLES)
def test_no_text_of_the_tables_becomes_markup(widget: str):
    hostile = {"error_code": HOSTILE, "error_message": HOSTILE, "trigger_type": HOSTILE, "kpi_id": HOSTILE}
    rows = Rows(
        all_runs=[run(9, status="failed", sla_breached=True) | hostile, run(8) | {"kpi_id": HOSTILE}],
        rows={name: [{**hostile, "rule_id": HOSTILE, "result": "fail", "run_id": 9}] for name in ("pre-validation", "post-validation")}
        | {"sourcing": [{"run_id": number, "kpi_id": HOSTILE, "sql_hash": f"{number}{HOSTILE}"} for number in (9, 8)]},
        catalog=[
            catalog_row(HOSTILE, runbook=HOSTILE, purpose=HOSTILE) | {"name": HOSTILE},
            catalog_row("SKY-AD-01", sql=HOSTILE, runbook="javascript:alert(1)"),
            catalog_row("SKY-AD-01", "1.1.0", sql="other"),
        ],
    )
    for docs in ({}, {"docs": "https://docs.example"}):
        tags = markup(ask(rows, widget, kpi_id="SKY-AD-01", run_id="9", **docs))
        assert {name for name, _ in tags} <= {"table", "thead", "tbody", "tr", "th", "td", "a", "cwdb-action", "h3", "p", "pre", "span"}
        allowed = {"href", "target", "rel", "title", "action", "display", "endpoint"}
        assert all(attribute[0] in allowed for _, attributes in tags for attribute in attributes)
        assert all(value.startswith("https://docs.example/") for _, attributes in tags for name, value in attributes if name == "href")


def markup(shown: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Tags and attributes as a browser finds them."""
    found: list[tuple[str, list[tuple[str, str]]]] = []

    class Reader(html.parser.HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            found.append((tag, attrs))

    Reader().feed(shown)
    return found


@given(st.text(max_size=400))
def test_a_cell_shows_any_text_and_is_no_markup(text: str):
    shown = table(["x"], [[text]])
    assert {name for name, _ in markup(shown)} <= {"table", "thead", "tbody", "tr", "th", "td", "span"}


@given(st.text(max_size=100))
def test_the_parameters_of_a_click_come_out_as_they_went_in(text: str):
    shown = action("x", ENDPOINT, {"value": text})
    content = shown.split('function:kpi-local-widgets">')[1].removesuffix("</cwdb-action>")
    assert json.loads(content) == {"value": text}
    assert [name for name, _ in markup(shown)] == ["a", "cwdb-action"]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://x.example", 'https://x"onclick=1', "https://x y", None])
def test_only_addresses_of_ours_become_links(url: str | None):
    assert link("text", url) == "text"


def test_a_long_text_is_cut_and_keeps_the_rest_as_a_hint():
    assert escape("x" * 301).startswith('<span title="xxx')


def test_the_documentation_lists_every_table_and_begins_with_its_parameters():
    shown = answer({"describe": True}, ENDPOINT, lambda *_: Rows(), NOW)
    first = re.findall(r"```\s*yaml\n(.*?)```", shown, re.DOTALL)[0]
    assert first.startswith("widget: top-failing\n")
    assert all(f"- `{name}`: " in shown for name in TABLES)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"widget": "nothing"}, "widget is 'nothing'; expected one of top-failing"),
        ({"tenant_id": "Skyway; DROP"}, "tenant_id is 'Skyway; DROP'; expected a tenant's id"),
        ({"tenant_id": None}, "tenant_id is missing"),
        ({"environment": "production"}, "expected dev, stg or prod"),
        ({"limit": 1000}, "expected a whole number from 1 to 100"),
        ({"limit": "5"}, "expected a whole number from 1 to 100"),
        ({"pack": ["cfo"]}, "pack is"),
        ({"docs": "javascript:alert(1)"}, "docs is"),
        ({"widget": "runs"}, "kpi_id is missing"),
        ({"widget": "run", "run_id": "9 or 1"}, "run_id is"),
        ({"widget": "sql-diff", "kpi_id": "SKY-AD-01", "version": "latest"}, "expected a version"),
        ({"tenant_id": "<script>"}, "&lt;script&gt;"),
    ],
)
def test_a_request_that_cannot_be_answered_is_answered_in_words(params: dict[str, Any], said: str):
    shown = answer({"widget": "top-failing", **WHO} | params, ENDPOINT, lambda *_: Rows(), NOW)
    assert "This table cannot be shown" in shown
    assert said in shown.replace("&#x27;", "'")


def test_the_time_range_is_the_dashboards_and_the_zoom_of_it():
    start, end = 1_700_000_000_000, 1_700_003_600_000
    given_ = {"timeRange": {"start": start, "end": end}}
    assert read({**WHO, "widgetContext": given_}, ENDPOINT, NOW).until == datetime.fromtimestamp(end / 1000, UTC)
    zoomed = {"timeRange": {"start": start, "end": end, "zoom": {"start": start, "end": start + 1000}}}
    assert read({**WHO, "widgetContext": zoomed}, ENDPOINT, NOW).until == datetime.fromtimestamp(start / 1000 + 1, UTC)
    assert read(WHO, ENDPOINT, NOW).since == NOW - timedelta(days=1)
    assert read({**WHO, "widgetContext": {"timeRange": {"start": "x", "end": 1e300}}}, ENDPOINT, NOW).until == NOW


def test_a_click_keeps_the_tenant_of_its_widget_and_a_form_cannot_change_it():
    context = {"params": WHO, "forms": {"all": {"tenant_id": "acme", "environment": "dev", "kpi_id": "SKY-AD-01"}}}
    request = read({"widget": "runs", "widgetContext": context}, ENDPOINT, NOW)
    assert (request.tenant_id, request.environment, request.kpi_id) == ("skyway", "prod", "SKY-AD-01")
