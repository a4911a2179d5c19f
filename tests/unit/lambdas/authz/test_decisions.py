"""Properties of every decision, for callers, actions and objects of any kind and any spelling."""

from __future__ import annotations

from dataclasses import replace

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.common import Environment
from lambdas.domain.access import Caller, Role, caller_of
from lambdas.domain.authz.actions import Action
from lambdas.domain.authz.authorizer import Authorizer, actor_of
from lambdas.domain.authz.book import policy_text
from lambdas.domain.authz.resources import (
    CatalogObject,
    ConnectionObject,
    KpiObject,
    RequestObject,
    Resource,
    SettingsObject,
    WholeTenant,
    best_case,
)
from lambdas.domain.errors import ErrorCode, KpiError
from tests.unit.lambdas.authz.books import READS, changed, too_generous

AUTHORIZER = Authorizer()
HOSTILE = ('acme"', 'acme" || true', 'Tenant::"acme"', "acme\n", "acme\x00", "\ud800", "*", "", "acme ", "ACME", "ácme")
tenants = st.sampled_from(("acme", "globex", "platform", *HOSTILE)) | st.text(max_size=12)
subjects = st.sampled_from(("ada", "bob", *HOSTILE)) | st.text(max_size=12)
environments = st.sampled_from(Environment)
granted = st.frozensets(environments)
callers = st.builds(Caller, subjects, st.frozensets(st.sampled_from(Role)), tenants, st.none() | tenants, granted)
people = st.frozensets(subjects, max_size=3)


def objects(of: st.SearchStrategy[str]) -> st.SearchStrategy[Resource]:
    return st.one_of(
        st.builds(KpiObject, of, environments, st.text(max_size=8), st.booleans()),
        st.builds(CatalogObject, of, environments),
        st.builds(RequestObject, of, environments, st.text(max_size=8), subjects, people, people),
        st.builds(SettingsObject, of, environments),
        st.builds(ConnectionObject, of, environments, st.text(max_size=8)),
        st.builds(WholeTenant, of),
    )


ADMIN = Caller("ada", frozenset({Role.CLIENT_ADMIN}), "acme", "acme")
OPERATOR = Caller("otto", frozenset({Role.PLATFORM_ADMIN}), "acme", "platform")
KPI = KpiObject("acme", Environment.DEV, "CFO-EF-02")


@settings(deadline=None)
@given(callers, st.sampled_from(Action), objects(tenants))
def test_nothing_of_another_tenant_is_ever_allowed(caller: Caller, action: Action, resource: Resource) -> None:
    for authorizer in (AUTHORIZER, too_generous()):
        decision = authorizer.decide(caller, action, resource)
        if resource.tenant_id != caller.tenant_id:
            assert not decision.allowed
        if resource.tenant_id != caller.home and Role.PLATFORM_ADMIN not in caller.roles:
            assert not decision.allowed


@settings(deadline=None)
@given(callers, st.sampled_from(Action), st.data())
def test_what_is_allowed_has_a_permit_a_role_and_a_granted_environment(caller: Caller, action: Action, data: st.DataObject) -> None:
    resource = data.draw(objects(st.just(caller.tenant_id)))
    decision = AUTHORIZER.decide(caller, action, resource)
    if decision.allowed:
        assert decision.policies
        assert decision.role in caller.roles
        assert decision.error is None
        assert getattr(resource, "environment", None) in {None, *caller.environments}
    else:
        assert decision.role is None
        assert decision.reason


@settings(deadline=None)
@given(st.sampled_from(Action), st.data())
def test_joining_the_readers_never_adds_a_write_and_leaving_all_groups_leaves_nothing(action: Action, data: st.DataObject) -> None:
    resource = data.draw(objects(st.just("acme")))
    caller = data.draw(st.sampled_from((ADMIN, OPERATOR)))
    reader = AUTHORIZER.decide(replace(caller, roles=caller.roles | {Role.READ_ONLY}), action, resource)
    reader_alone = AUTHORIZER.decide(replace(caller, roles=frozenset({Role.READ_ONLY}), home="acme"), action, resource)
    if reader.allowed and not reader_alone.allowed:
        assert AUTHORIZER.decide(caller, action, resource).allowed
    if reader.allowed:
        assert action.value in READS
    assert not AUTHORIZER.decide(replace(caller, roles=frozenset()), action, resource).allowed


@settings(deadline=None)
@given(st.sampled_from(Action), st.data())
def test_the_powers_of_a_client_admin_stay_at_home(action: Action, data: st.DataObject) -> None:
    resource = data.draw(objects(st.just("acme")))
    both = Caller("zoe", frozenset({Role.PLATFORM_ADMIN, Role.CLIENT_ADMIN}), "acme", "globex")
    as_operator = replace(both, roles=frozenset({Role.PLATFORM_ADMIN}))
    assert AUTHORIZER.decide(both, action, resource).allowed == AUTHORIZER.decide(as_operator, action, resource).allowed


def test_who_is_client_admin_elsewhere_does_not_sign_for_the_business_here() -> None:
    both = Caller("zoe", frozenset({Role.PLATFORM_ADMIN, Role.CLIENT_ADMIN}), "acme", "globex")
    request = RequestObject("acme", Environment.DEV, "R", "bob")
    assert not AUTHORIZER.decide(both, Action.REQUEST_SIGN_BUSINESS, request).allowed
    assert not AUTHORIZER.decide(both, Action.CONNECTION_EDIT, ConnectionObject("acme", Environment.DEV, "warehouse")).allowed
    at_home = replace(both, home="acme")
    assert AUTHORIZER.decide(at_home, Action.REQUEST_SIGN_BUSINESS, request).role is Role.CLIENT_ADMIN


@settings(deadline=None)
@given(st.sampled_from(Action), st.data())
def test_an_object_in_its_best_case_is_never_refused_where_the_real_one_is_allowed(action: Action, data: st.DataObject) -> None:
    resource = data.draw(objects(st.just("acme")))
    caller = data.draw(st.sampled_from((ADMIN, OPERATOR, replace(ADMIN, roles=frozenset({Role.READ_ONLY})))))
    if AUTHORIZER.decide(caller, action, resource).allowed:
        assert AUTHORIZER.decide(caller, action, best_case(resource)).allowed


def test_the_best_case_leaves_only_what_depends_on_the_caller() -> None:
    own = RequestObject("acme", Environment.PRD, "R", "ada", frozenset({"ada"}), frozenset({"ada"}))
    for action, resource in ((Action.KPI_PUBLISH, KpiObject("acme", Environment.PRD, "K")), (Action.REQUEST_SIGN_BUSINESS, own)):
        assert not AUTHORIZER.decide(ADMIN, action, resource).allowed
        assert AUTHORIZER.decide(ADMIN, action, best_case(resource)).allowed
        assert not AUTHORIZER.decide(replace(ADMIN, roles=frozenset({Role.READ_ONLY})), action, best_case(resource)).allowed


@settings(deadline=None)
@given(st.text(max_size=30).filter(lambda text: text not in set(Action)), objects(st.just("acme")))
def test_an_action_nobody_knows_is_denied(action: str, resource: Resource) -> None:
    decision = AUTHORIZER.decide(ADMIN, action, resource)  # type: ignore[arg-type]
    assert not decision.allowed
    assert decision.error


@pytest.mark.parametrize("group", ["read", "write", "go_live", "sign"])
def test_a_group_of_actions_is_no_action(group: str) -> None:
    assert not AUTHORIZER.decide(ADMIN, group, KPI).allowed  # type: ignore[arg-type]


def test_an_answer_with_a_failed_policy_is_no() -> None:
    broken = '@id("broken") @says("never evaluates") forbid (principal, action, resource) when { 9223372036854775807 + 1 == 0 };\n'
    decision = changed(policy_text() + broken).decide(ADMIN, Action.KPI_READ, KPI)
    assert not decision.allowed
    assert "overflow" in (decision.error or "")
    assert "overflow" not in decision.reason


def test_a_crash_of_the_engine_is_no(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("engine down")

    monkeypatch.setattr(cedarpy, "is_authorized", crash)
    decision = AUTHORIZER.decide(ADMIN, Action.KPI_READ, KPI)
    assert not decision.allowed
    assert decision.error == "RuntimeError: engine down"


def test_a_platform_admin_acts_for_a_tenant_and_the_decision_says_so() -> None:
    decision = AUTHORIZER.require(OPERATOR, Action.KPI_PAUSE, KPI)
    assert (decision.acting_for, decision.role) == (True, Role.PLATFORM_ADMIN)
    actor = actor_of(OPERATOR, decision)
    assert (actor.subject, actor.role, actor.acting_for) == ("otto", "platform-admin", True)


def test_a_client_admin_at_home_acts_for_nobody_else() -> None:
    decision = AUTHORIZER.require(ADMIN, Action.KPI_PAUSE, KPI)
    assert (decision.acting_for, decision.role, decision.policies) == (False, Role.CLIENT_ADMIN, ("client-admin.change",))


def test_a_refusal_names_the_action_and_the_reason() -> None:
    reader = replace(ADMIN, roles=frozenset({Role.READ_ONLY}))
    with pytest.raises(KpiError, match=r"kpi\.pause is not allowed: members of read-only never change anything") as refused:
        AUTHORIZER.require(reader, Action.KPI_PAUSE, KPI)
    assert refused.value.code is ErrorCode.POLICY_DENY


def test_a_refusal_without_a_guardrail_says_that_no_policy_permits_it() -> None:
    decision = AUTHORIZER.decide(OPERATOR, Action.CONNECTION_EDIT, ConnectionObject("acme", Environment.DEV, "warehouse"))
    assert decision.reason == "no policy lets platform-admin do connection.edit here"


def test_a_refused_call_has_no_actor() -> None:
    with pytest.raises(ValueError, match="nothing was done"):
        actor_of(OPERATOR, AUTHORIZER.decide(OPERATOR, Action.CONNECTION_READ_SECRET, ConnectionObject("acme", Environment.DEV, "w")))


CLAIMS = {"sub": "ada", "cognito:groups": "[client-admin]", "custom:tenant_id": "acme"}


@pytest.mark.parametrize(
    ("claims", "allowed"),
    [
        (CLAIMS, {"dev", "stg", "prod"}),
        (CLAIMS | {"custom:environments": "dev,stg"}, {"dev", "stg"}),
        (CLAIMS | {"custom:environments": "dev production"}, {"dev"}),
        (CLAIMS | {"custom:environments": ""}, set()),
    ],
)
def test_a_token_is_for_the_environments_it_names(claims: dict[str, str], allowed: set[str]) -> None:
    caller = caller_of(claims, None)
    found = {each.value for each in Environment if AUTHORIZER.decide(caller, Action.KPI_READ, KpiObject("acme", each, "K")).allowed}
    assert found == allowed
