"""Approvers that a tenant named are the only ones who sign, each for the side they were named for."""

from __future__ import annotations

import pytest

from lambdas.domain.audit.event import Actor
from lambdas.domain.control.policy import Approvers, Policy
from lambdas.domain.control.requests import Choice, RequestState, Side
from lambdas.domain.errors import ErrorCode, KpiError
from tests.unit.lambdas.control.office import ADA, BEN, EVE, SOURCES, Office, kpi


def proposed(office: Office) -> str:
    of = kpi(criticality="critical")
    office.plane.definitions.create(office.call(ADA), of, SOURCES)
    return office.plane.approvals.submit(office.call(ADA), of.id, of.contract_version).request_id or ""


def sign(office: Office, request_id: str, who: Actor, side: Side) -> None:
    content = office.request(request_id).content_hash
    office.plane.approvals.decide(office.call(who), request_id, Choice.APPROVE, side, content)


def test_only_who_was_named_for_a_side_signs_it() -> None:
    office = Office()
    office.policies["prod"] = Policy(approvers=Approvers(business=("eve",)))
    request_id = proposed(office)
    before = len(office.events)
    with pytest.raises(KpiError, match="ben is none of the people the tenant named for the business side") as refused:
        sign(office, request_id, BEN, Side.BUSINESS)
    assert refused.value.code is ErrorCode.POLICY_DENY
    assert len(office.events) == before
    sign(office, request_id, EVE, Side.BUSINESS)
    sign(office, request_id, BEN, Side.TECHNICAL)
    assert office.request(request_id).state is RequestState.APPROVED


def test_a_named_approver_still_never_signs_their_own_change() -> None:
    office = Office()
    office.policies["prod"] = Policy(approvers=Approvers(business=("ada",)))
    with pytest.raises(KpiError, match="someone else must decide"):
        sign(office, proposed(office), ADA, Side.BUSINESS)
