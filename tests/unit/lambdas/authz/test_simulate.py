"""Who could do something, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kpis.common import Environment
from lambdas.domain.access import Caller, Role
from lambdas.domain.authz.actions import Action
from lambdas.domain.authz.authorizer import Authorizer
from lambdas.domain.authz.resources import KpiObject, RequestObject
from lambdas.domain.authz.simulate import simulate
from lambdas.domain.errors import KpiError

AUTHORIZER = Authorizer()
ASKER = Caller("ada", frozenset({Role.CLIENT_ADMIN}), "acme", "acme")


def test_it_tells_who_could_publish_in_production_and_what_holds_the_others_back() -> None:
    findings = simulate(AUTHORIZER, ASKER, Action.KPI_PUBLISH, KpiObject("acme", Environment.PRD, "K", approved=True))
    assert {finding.persona.label: finding.decision.policies for finding in findings} == {
        "platform admin acting for the tenant": ("platform-admin.change",),
        "client admin of the tenant": ("client-admin.change",),
        "reader of the tenant (CFO office, auditor)": ("readers-never-write",),
        "client admin of the tenant for dev only": ("environment-not-granted",),
        "client admin of the tenant for stg only": ("environment-not-granted",),
        "client admin of the tenant for prod only": ("client-admin.change",),
        "client admin of another tenant": ("other-tenant",),
        "platform admin acting for another tenant": ("other-tenant",),
    }


def test_it_tells_who_cannot_sign_a_request_and_why() -> None:
    request = RequestObject("acme", Environment.PRD, "R", "bob", frozenset({"bob", "cleo"}), frozenset({"dan"}))
    findings = {each.persona.label: each.decision for each in simulate(AUTHORIZER, ASKER, Action.REQUEST_SIGN_BUSINESS, request)}
    assert findings["client admin of the tenant"].allowed
    assert findings["client admin who asked for it"].reason == "nobody signs what they asked for or wrote"
    assert findings["client admin cleo, who wrote its content"].reason == "nobody signs what they asked for or wrote"
    assert findings["client admin dan, who has signed it"].reason == "the other side needs another person's signature"
    assert findings["platform admin acting for the tenant"].reason == "no policy lets platform-admin do request.sign_business here"


def test_a_simulation_is_answered_about_the_asker_s_tenant_only() -> None:
    with pytest.raises(KpiError, match="another tenant"):
        simulate(AUTHORIZER, ASKER, Action.KPI_READ, KpiObject("globex", Environment.DEV, "K"))
    with pytest.raises(KpiError, match="all of them"):
        simulate(AUTHORIZER, replace(ASKER, environments=frozenset()), Action.KPI_READ, KpiObject("acme", Environment.DEV, "K"))


def test_a_simulation_decides_as_a_real_call_does() -> None:
    resource = KpiObject("acme", Environment.PRD, "K")
    for action in Action:
        for finding in simulate(AUTHORIZER, ASKER, action, resource):
            assert finding.decision == AUTHORIZER.decide(finding.persona.caller, action, resource)
