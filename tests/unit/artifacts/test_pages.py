"""Pages and runbooks: complete, linked, and unharmed by what people write into a KPI."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from artifacts.links import dead_runbooks, runbook_links
from artifacts.markdown import code, escape, fenced
from artifacts.pages import render_all, render_kpi
from kpis.artifact import Surroundings
from kpis.loader import read_dictionary
from kpis.schema import Kpi

ROOT = Path(__file__).resolve().parents[3]
DICTIONARY = read_dictionary(ROOT / "kpis" / "packs").dictionary
AROUND = Surroundings(DICTIONARY)
KPIS = {kpi.id: kpi for kpi in DICTIONARY.kpis}
_CHARACTERS = st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\n\t")
HOSTILE = st.text(_CHARACTERS, min_size=1, max_size=120).filter(str.strip) | st.sampled_from(
    [
        '"quoted"',
        "{{ 7 * 7 }} {% raw %}",
        "line\nbreak\r\nand more",
        "</script><script>alert(1)</script>",
        "[click](javascript:alert(1))",
        "![x](https://example.org/x.png)",
        "a | b | c",
        "# not a heading",
        "1. not a list",
        "- not a list either",
        "`code` ``more``",
        "*loud* _quiet_ ~gone~ $x$",
        "www.example.org https://example.org",
        "日本語 مرحبا \u2028 \u202e",
        "x" * 4000,
    ]
)


def pages(kpi: Kpi) -> dict[str, str]:
    return {artifact.path: artifact.content.decode() for artifact in render_kpi(kpi, AROUND)}


def shown(markdown: str) -> str:
    """The text a reader sees."""
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    return " ".join(child.content for token in tokens for child in token.children or () if child.type in ("text", "code_inline"))


@given(HOSTILE)
def test_a_text_is_shown_as_it_was_written_and_becomes_nothing_else(text: str):
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(f"x {escape(text)}")
    (inline,) = [token for token in tokens if token.type == "inline"]
    children = inline.children or []
    assert {child.type for child in children} == {"text"}, children
    visible = "".join(child.content for child in children).replace("\u200b", "")
    assert visible == " ".join(f"x {text}".replace("\u200b", "").split())


@given(HOSTILE)
def test_a_text_at_the_start_of_a_line_starts_neither_a_heading_nor_a_list(text: str):
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(escape(text))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]


@given(HOSTILE)
def test_a_code_block_ends_only_where_we_end_it(text: str):
    tokens = MarkdownIt().parse(f"{fenced(text, 'sql')}\n\nafter")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]


@given(HOSTILE)
def test_code_in_a_cell_stays_in_its_cell(text: str):
    tokens = MarkdownIt().enable("table").parse(f"| a | b |\n| --- | --- |\n| `x{code(text)}` | end |\n")
    assert [token.type for token in tokens].count("td_open") == 2


@pytest.mark.parametrize("field", ["name", "purpose"])
@given(text=HOSTILE)
def test_hostile_words_in_a_kpi_leave_the_page_in_one_piece(field: str, text: str):
    kpi = KPIS["CFO-EF-02"].model_copy(update={field: text[:110]})
    for page in pages(kpi).values():
        tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(page)
        headings = [token.tag for token in tokens if token.type == "heading_open"]
        assert headings.count("h1") == 1
        # The page's own comment is the only HTML there is.
        assert len([token for token in tokens if token.type == "html_block"]) == 1


def test_the_page_of_a_kpi_says_what_the_pack_says():
    page = pages(KPIS["CFO-EF-02"])["docs/dictionary/CFO-EF-02.md"]
    text = shown(page)
    for part in ("Days sales outstanding", "lower is better: Adequate from 45", "availability by 06:00 UTC", "CFO liquidity", "Treasury"):
        assert part in text
    assert "[CFO-EF-01](CFO-EF-01.md)" in page
    assert "GROUP BY GROUPING SETS ((segment), ())" in page


def test_the_runbook_names_the_rule_the_command_and_whom_to_tell():
    page = pages(KPIS["CFO-EF-02"])["docs/runbooks/kpis/CFO-EF-02.md"]
    assert "kpi run acme CFO-EF-02 --env prod --from" in page
    assert "segments-covered" in page
    assert "Have the missing entities loaded" in page
    assert "Chief Financial Officer" in page


def test_every_check_has_an_advice():
    for kpi in DICTIONARY.kpis:
        assert pages(kpi)


def test_every_link_between_pages_leads_to_a_page():
    made = {path: text for kpi in DICTIONARY.kpis for path, text in pages(kpi).items()}
    made |= {artifact.path: artifact.content.decode() for artifact in render_all(AROUND)}
    for path, text in made.items():
        for link in re.findall(r"\]\(([^)#]+)", text):
            target = (ROOT / path).parent.joinpath(link).resolve().relative_to(ROOT).as_posix()
            assert target in made or (ROOT / target).is_file(), f"{path} links to {link}"


def test_the_index_lists_every_kpi_once():
    (index,) = render_all(AROUND)
    text = index.content.decode()
    assert [text.count(f"[{kpi_id}]({kpi_id}.md)") for kpi_id in KPIS] == [1] * len(KPIS)


def test_a_dead_runbook_is_found_by_name():
    artifacts = [("prometheus/rules/X.yaml", b"runbook_url: https://wiki/docs/runbooks/kpis/X.md and docs/runbooks/none.md")]
    assert runbook_links(artifacts[0][1]) == ("docs/runbooks/kpis/X.md", "docs/runbooks/none.md")
    assert dead_runbooks(artifacts, ["docs/runbooks/kpis/X.md"], ROOT) == ["prometheus/rules/X.yaml: docs/runbooks/none.md does not exist"]
