from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import dashboards
from kpis.schema import Dictionary, Kpi, Pack

DIGEST = "c0ffee" + "0" * 58
# The dictionary refuses control characters, so no page meets them.
HOSTILE = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=120) | st.sampled_from(
    [
        '"',
        "'",
        "</script><script>alert(1)</script>",
        "{{ 7 * 7 }}",
        "line\nbreak",
        "日本語",
        "مرحبا",
        "\u2028",
        "<img src=x onerror=alert(1)>",
    ]
)


def kpi(**changes: Any) -> Kpi:
    values: dict[str, Any] = {
        "id": "CFO-EF-02",
        "name": "Days sales outstanding",
        "pack": "cfo",
        "layer": "secondary",
        "contract_version": "1.0.0",
        "tenants": ["acme"],
        "purpose": "How long customers take to pay.",
        "owners": {"business": "CFO office", "technical": "Finance data"},
        "criticality": "high",
        "sources": [{"kpi": "CFO-AR-01", "as": "receivables"}, {"kpi": "CFO-RV-01", "as": "sales"}],
        "expression": {"formula": "receivables / sales * 30"},
        "grain": "day",
        "unit": "days",
        "pre_validation": [{"id": "sales-above-zero", "check": "upstream_range", "source": "sales", "min": 0, "exclusive_min": True}],
        "post_validation": [{"id": "plausible", "check": "value_range", "min": 0, "max": 400, "severity": "warn"}],
        "verdict": {"direction": "lower_is_better", "adequate": 45, "low": 60},
        "schedule": {"frequency": "daily", "trigger": "time", "cron": "0 2 * * *"},
        "sla": [{"type": "availability", "by": "03:00", "grace": "30m"}],
        "runbook": "docs/runbooks/kpi-cfo.md",
        "change_log": [{"version": "1.0.0", "date": "2025-01-01", "author": "Finance", "summary": "First."}],
    }
    return Kpi.model_validate(values | changes)


def dictionary(*kpis: Kpi, pack_name: str = "CFO") -> Dictionary:
    pack = Pack.model_validate({"id": "cfo", "name": pack_name, "description": "Finance", "tenants": ["acme"]})
    return Dictionary(packs=(pack,), sources=(), signals=(), kpis=kpis)


def render(*kpis: Kpi, pack_name: str = "CFO") -> tuple[str, list[dict[str, Any]]]:
    files = dashboards.render_portal(dictionary(*kpis, pack_name=pack_name), digest=DIGEST)
    assert set(files) == {"index.html", "dictionary.json"}
    return files["index.html"].decode(), json.loads(files["dictionary.json"])["kpis"]


def test_the_page_shows_what_a_reader_asks_of_a_kpi():
    _, (row,) = render(kpi())
    assert row["formula"] == "receivables / sales * 30"
    assert row["sources"] == ["kpi:CFO-AR-01 as receivables", "kpi:CFO-RV-01 as sales"]
    assert row["rules"][0] == "before upstream_range sales-above-zero (error): source=sales, min=0.0, exclusive_min=True"
    assert row["rules"][1].startswith("after value_range plausible (warn)")
    assert row["sla"] == ["availability by 03:00 UTC (+30m)"]
    assert row["owners"] == ["CFO office", "Finance data"]
    assert row["runbook"] == "docs/runbooks/kpi-cfo.md"


def test_the_page_loads_nothing_from_elsewhere():
    page, _ = render(kpi())
    assert not re.findall(r'(?:src|href)="(?!dictionary\.json)', page)
    assert "http://" not in page
    assert "https://" not in page


def test_only_the_pages_own_script_may_run():
    page, _ = render(kpi())
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html.unescape(page)


def test_the_script_never_reads_text_as_markup():
    page, _ = render(kpi())
    for name in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert name not in page


def test_the_page_does_not_grow_with_the_dictionary():
    few, _ = render(kpi())
    many, rows = render(*(kpi(id=f"CFO-N-{number:05d}") for number in range(2_000)))
    assert len(many) - len(few) < 20
    assert len(rows) == 2_000


def test_the_page_and_its_data_carry_the_hash():
    files = dashboards.render_portal(dictionary(kpi()), digest=DIGEST)
    assert f'content="{DIGEST}"' in files["index.html"].decode()
    assert json.loads(files["dictionary.json"])["digest"] == DIGEST


def test_equal_dictionaries_give_equal_bytes_in_any_order():
    one, two = kpi(id="CFO-A-01"), kpi(id="CFO-B-01")
    assert dashboards.render_portal(dictionary(one, two), digest=DIGEST) == dashboards.render_portal(dictionary(two, one), digest=DIGEST)


@given(HOSTILE, HOSTILE)
def test_hostile_text_is_data_and_never_markup(text: str, pack_name: str):
    page, (row,) = render(kpi(name=text, purpose=text, expression={"formula": text}), pack_name=pack_name)
    assert (row["name"], row["purpose"], row["formula"]) == (text, text, text)
    option = re.search(r'<option value="cfo">(.*?)</option>', page, re.DOTALL)
    assert option is not None
    assert html.unescape(option[1]) == html.unescape(html.escape(pack_name))
    assert "<" not in option[1]
