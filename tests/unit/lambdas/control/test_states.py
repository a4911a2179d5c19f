"""The lifecycle table says what the contract says."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from lambdas.domain.access import Role
from lambdas.domain.control.guardrails import _GUARDS
from lambdas.domain.control.states import SYSTEM, TABLE, Action, Approval, Guard, VersionStatus, printed, transition
from lambdas.domain.errors import ErrorCode, KpiError

S = VersionStatus


def reachable(start: VersionStatus | None, without: VersionStatus | None = None) -> set[VersionStatus]:
    found: set[VersionStatus] = set()
    waiting = [start]
    while waiting:
        origin = waiting.pop()
        for line in TABLE:
            if line.origin == origin and line.target not in found and line.target is not without:
                found.add(line.target)
                waiting.append(line.target)
    return found


def test_the_table_reads_as_it_was_agreed(snapshot: SnapshotAssertion) -> None:
    assert printed() == snapshot


def test_nothing_becomes_active_without_having_been_approved() -> None:
    assert S.ACTIVE in reachable(None)
    assert S.ACTIVE not in reachable(None, without=S.APPROVED)


def test_nothing_is_approved_without_having_been_proposed() -> None:
    assert S.APPROVED not in reachable(None, without=S.PROPOSED)


def test_retired_is_the_end_and_every_state_can_be_left_before() -> None:
    assert reachable(S.RETIRED) == set()
    assert all(reachable(status) for status in S if status is not S.RETIRED)


def test_every_way_to_active_and_to_the_end_needs_a_signed_request_or_goes_back_to_a_version_that_had_one() -> None:
    for line in TABLE:
        leaves = line.target in (S.ACTIVE, S.RETIRED) or line.action in (Action.UNPUBLISH, Action.DEPRECATE)
        if leaves and line.action is not Action.RESTORE:
            assert line.approval is Approval.NEEDS, line


def test_every_edit_of_signed_content_leads_back_to_be_signed() -> None:
    assert transition(S.APPROVED, Action.EDIT, Role.CLIENT_ADMIN).target is S.PROPOSED
    assert not any(line.action is Action.EDIT and line.origin in (S.ACTIVE, S.DEPRECATED, S.RETIRED) for line in TABLE)


def test_publication_asks_for_sla_rules_upstreams_and_the_change_window() -> None:
    guards = set(transition(S.APPROVED, Action.PUBLISH, Role.CLIENT_ADMIN).guards)
    assert guards >= {Guard.HAS_SLA, Guard.HAS_RULES, Guard.BUMP_FITS, Guard.UPSTREAMS_ACTIVE, Guard.IN_WINDOW}


def test_each_line_is_one_of_a_kind_and_every_guardrail_exists() -> None:
    assert len({(line.origin, line.action) for line in TABLE}) == len(TABLE)
    assert set(_GUARDS) == set(Guard)
    assert {guard for line in TABLE for guard in line.guards} == set(Guard), "a guardrail nobody asks for is dead"


@pytest.mark.parametrize("line", TABLE, ids=lambda line: f"{line.origin}-{line.action}")
def test_a_reader_may_do_nothing_and_the_system_only_what_people_began(line: object) -> None:
    assert Role.READ_ONLY.value not in line.who
    if SYSTEM in line.who:
        assert line.action not in (Action.CREATE, Action.EDIT, Action.SUBMIT, Action.APPROVE, Action.ROLLBACK)


def test_what_is_not_in_the_table_is_refused_with_what_would_be_possible() -> None:
    with pytest.raises(KpiError, match="cannot publish a version that is draft; it must be approved") as refused:
        transition(S.DRAFT, Action.PUBLISH, Role.CLIENT_ADMIN)
    assert refused.value.code is ErrorCode.CONFLICT
    with pytest.raises(KpiError, match="role 'read-only' may not publish") as denied:
        transition(S.APPROVED, Action.PUBLISH, Role.READ_ONLY)
    assert denied.value.code is ErrorCode.POLICY_DENY
