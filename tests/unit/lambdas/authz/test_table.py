"""The table of who may do what is what the policies decide, and it is the one in the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdas.domain.access import Role
from lambdas.domain.authz.actions import Action
from lambdas.domain.authz.authorizer import Authorizer
from lambdas.domain.authz.book import installed
from lambdas.domain.authz.table import allowed_scopes, kinds_of, printed, printed_guardrails
from tests.unit.lambdas.authz.books import PERMITS, READS, without

DOCS = (Path(__file__).resolve().parents[4] / "docs" / "authorization.md").read_text()
GOLDEN = printed(Authorizer())


def test_the_documentation_has_the_table_the_policies_decide() -> None:
    assert GOLDEN in DOCS, "paste the output of: python -m lambdas.domain.authz.table"


def test_the_documentation_lists_the_guardrails() -> None:
    assert printed_guardrails(installed()) in DOCS


def test_the_table_has_a_line_for_every_action() -> None:
    assert [action for action in Action if f"| `{action}` |" not in GOLDEN] == []


def test_no_cell_reaches_another_tenant_or_an_environment_that_was_not_granted() -> None:
    assert "OTHER TENANT" not in GOLDEN
    assert "NOT GRANTED" not in GOLDEN


def test_a_reader_has_no_cell_in_a_line_that_writes() -> None:
    authorizer = Authorizer()
    writes = [action for action in Action if action.value not in READS]
    assert Action.KPI_PAUSE in writes
    for action in writes:
        for kind in kinds_of(authorizer, action):
            assert allowed_scopes(authorizer, Role.READ_ONLY, action, kind) == (), action


@pytest.mark.parametrize("name", PERMITS)
def test_the_table_changes_when_a_permit_is_lost(name: str) -> None:
    assert printed(without(name)) != GOLDEN


def test_the_table_is_the_same_whenever_it_is_printed() -> None:
    assert printed(Authorizer()) == GOLDEN
