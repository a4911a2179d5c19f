"""Column lineage says what a statement says: no more, no less, and where it cannot know it says that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.lineage.column import sql_lineage
from kpis.lineage.model import Kind, Subtype, Use, compose
from tests.unit.kpis.lineage.statements import CASES, TABLES, UNKNOWN, lineage, shown

uses = st.builds(Use, st.sampled_from(Subtype), st.booleans())


@pytest.mark.parametrize("name", CASES)
def test_lineage_of(name: str) -> None:
    sql, expected = CASES[name]
    found = lineage(sql)
    said = {output.name: shown(output.inputs) for output in found.outputs} | ({"rows": shown(found.rows)} if found.rows else {})
    assert said == expected
    assert found.complete, found


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_cannot_be_known_is_said_and_never_guessed(name: str) -> None:
    sql, about = UNKNOWN[name]
    found = lineage(sql)
    assert not found.complete
    assert any(about in gap for output in found.outputs for gap in output.gaps), found
    if "UNION" not in sql:
        assert all(output.inputs == () for output in found.outputs)


def test_a_statement_that_does_not_parse_is_unknown_as_a_whole() -> None:
    found = lineage("SELECT FROM WHERE")
    assert not found.complete
    assert [output.name for output in found.outputs] == ["entity", "value", "rows_processed"]


def test_a_statement_nested_very_deeply_is_read_or_unknown_but_never_an_error() -> None:
    found = lineage("SELECT " + "(" * 300 + "a" + ")" * 300 + " AS z FROM t")
    assert not found.complete or shown(found.output("z").inputs) == "T.a I"


def test_an_output_that_does_not_exist_names_those_that_do() -> None:
    with pytest.raises(KeyError, match="there are a"):
        lineage("SELECT a FROM t").output("b")


def test_a_column_keeps_the_spelling_of_the_dictionary() -> None:
    found = sql_lineage("SELECT amount AS z FROM SALES", (("gdp:S", "Sales", ("Amount",)),))
    assert shown(found.output("z").inputs) == "S.Amount I"


@given(uses, uses, uses)
def test_steps_can_be_put_together_in_any_grouping(first: Use, second: Use, third: Use) -> None:
    assert compose(first, compose(second, third)) == compose(compose(first, second), third)


@given(uses, uses)
def test_a_value_is_direct_only_if_every_step_is(outer: Use, inner: Use) -> None:
    assert (compose(outer, inner).kind is Kind.DIRECT) == (outer.kind is Kind.DIRECT and inner.kind is Kind.DIRECT)


@given(uses)
def test_taking_a_value_as_it_is_changes_nothing(use: Use) -> None:
    assert compose(Use(Subtype.IDENTITY), use) == use


def test_reading_does_not_change_the_shared_tree_of_the_statement() -> None:
    """The checks and the runner use the same parsed statement."""
    from kpis.sql import parse_query

    for sql, _ in CASES.values():
        tree, _problems = parse_query(sql)
        assert tree is not None
        before = tree.sql()
        sql_lineage.__wrapped__(sql, TABLES)
        assert tree.sql() == before
