"""What no permit can allow. Each guardrail is tested against a permit for everything, and each test fails without its guardrail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from kpis.common import Environment
from lambdas.domain.access import Caller, Role
from lambdas.domain.authz.actions import Action
from lambdas.domain.authz.authorizer import Authorizer
from lambdas.domain.authz.resources import CatalogObject, ConnectionObject, KpiObject, RequestObject, WholeTenant
from tests.unit.lambdas.authz.books import FORBIDS, too_generous

DEV, PROD = Environment.DEV, Environment.PRD
ADMIN = Caller("ada", frozenset({Role.CLIENT_ADMIN}), "acme", "acme")
READER = replace(ADMIN, subject="rita", roles=frozenset({Role.READ_ONLY}))
OPERATOR = Caller("otto", frozenset({Role.PLATFORM_ADMIN}), "acme", "platform")
REQUEST = RequestObject("acme", PROD, "R1", requested_by="bob", authors=frozenset({"bob", "cleo"}))


def denied(authorizer: Authorizer, by: str, caller: Caller, action: Action, resource: object) -> None:
    decision = authorizer.decide(caller, action, resource)  # type: ignore[arg-type]
    assert decision.error is None
    assert not decision.allowed
    assert by in decision.policies


def allowed(authorizer: Authorizer, caller: Caller, action: Action, resource: object) -> None:
    assert authorizer.decide(caller, action, resource).allowed  # type: ignore[arg-type]


def another_tenants_objects_stay_closed(authorizer: Authorizer) -> None:
    for caller in (ADMIN, READER, OPERATOR):
        denied(authorizer, "other-tenant", caller, Action.KPI_READ, KpiObject("globex", DEV, "K"))
        denied(authorizer, "other-tenant", caller, Action.AUDIT_READ, WholeTenant("globex"))


def only_platform_admins_act_for_others(authorizer: Authorizer) -> None:
    for caller in (replace(ADMIN, home="globex"), replace(READER, home=None)):
        denied(authorizer, "acting-without-mandate", caller, Action.KPI_READ, KpiObject("acme", DEV, "K"))
    allowed(authorizer, OPERATOR, Action.KPI_READ, KpiObject("acme", DEV, "K"))


def an_environment_must_be_granted(authorizer: Authorizer) -> None:
    for caller in (ADMIN, OPERATOR, READER):
        only_dev = replace(caller, environments=frozenset({DEV}))
        denied(authorizer, "environment-not-granted", only_dev, Action.KPI_READ, KpiObject("acme", PROD, "K"))
        denied(authorizer, "environment-not-granted", only_dev, Action.CATALOG_BROWSE, CatalogObject("acme", PROD))
        allowed(authorizer, only_dev, Action.KPI_READ, KpiObject("acme", DEV, "K"))


def the_whole_needs_all_environments(authorizer: Authorizer) -> None:
    nearly = replace(ADMIN, environments=frozenset({DEV, PROD}))
    denied(authorizer, "spans-all-environments", nearly, Action.AUDIT_READ, WholeTenant("acme"))
    allowed(authorizer, ADMIN, Action.AUDIT_READ, WholeTenant("acme"))


def a_reader_never_writes(authorizer: Authorizer) -> None:
    both = replace(READER, roles=frozenset(Role))
    for caller in (READER, both):
        denied(authorizer, "readers-never-write", caller, Action.KPI_PAUSE, KpiObject("acme", DEV, "K"))
        denied(authorizer, "readers-never-write", caller, Action.KPI_PUBLISH, KpiObject("acme", PROD, "K", approved=True))
        denied(authorizer, "readers-never-write", caller, Action.REQUEST_SIGN_BUSINESS, REQUEST)
        allowed(authorizer, caller, Action.KPI_READ, KpiObject("acme", DEV, "K"))


def a_secret_is_never_read(authorizer: Authorizer) -> None:
    for caller in (ADMIN, READER, OPERATOR):
        denied(authorizer, "secrets-never-readable", caller, Action.CONNECTION_READ_SECRET, ConnectionObject("acme", DEV, "warehouse"))
    allowed(authorizer, ADMIN, Action.CONNECTION_READ, ConnectionObject("acme", DEV, "warehouse"))


def production_waits_for_approval(authorizer: Authorizer) -> None:
    for caller in (ADMIN, OPERATOR):
        for action in (Action.KPI_PUBLISH, Action.KPI_CANARY_START, Action.KPI_CANARY_ADVANCE, Action.KPI_RETIRE):
            denied(authorizer, "production-needs-approval", caller, action, KpiObject("acme", PROD, "K"))
            allowed(authorizer, caller, action, KpiObject("acme", PROD, "K", approved=True))
        for action in (Action.KPI_ROLLBACK, Action.KPI_CANARY_ABORT, Action.KPI_PAUSE):
            allowed(authorizer, caller, action, KpiObject("acme", PROD, "K"))


def nobody_signs_their_own(authorizer: Authorizer) -> None:
    for subject in ("bob", "cleo"):
        for action in (Action.REQUEST_SIGN_BUSINESS, Action.REQUEST_SIGN_TECHNICAL):
            denied(authorizer, "nobody-signs-their-own", replace(ADMIN, subject=subject), action, REQUEST)
        denied(authorizer, "nobody-signs-their-own", replace(OPERATOR, subject=subject), Action.REQUEST_SIGN_TECHNICAL, REQUEST)
    by_cleo = replace(REQUEST, authors=frozenset())
    denied(authorizer, "nobody-signs-their-own", replace(ADMIN, subject="bob"), Action.REQUEST_SIGN_BUSINESS, by_cleo)
    allowed(authorizer, ADMIN, Action.REQUEST_SIGN_BUSINESS, REQUEST)


def one_person_signs_once(authorizer: Authorizer) -> None:
    signed = replace(REQUEST, signed_by=frozenset({"ada"}))
    denied(authorizer, "one-person-one-signature", ADMIN, Action.REQUEST_SIGN_TECHNICAL, signed)
    allowed(authorizer, OPERATOR, Action.REQUEST_SIGN_TECHNICAL, signed)


GUARDS: dict[str, Callable[[Authorizer], None]] = {
    "other-tenant": another_tenants_objects_stay_closed,
    "acting-without-mandate": only_platform_admins_act_for_others,
    "environment-not-granted": an_environment_must_be_granted,
    "spans-all-environments": the_whole_needs_all_environments,
    "readers-never-write": a_reader_never_writes,
    "secrets-never-readable": a_secret_is_never_read,
    "production-needs-approval": production_waits_for_approval,
    "nobody-signs-their-own": nobody_signs_their_own,
    "one-person-one-signature": one_person_signs_once,
}


def test_every_guardrail_has_its_test() -> None:
    assert set(GUARDS) == set(FORBIDS)


@pytest.mark.parametrize("name", FORBIDS)
def test_a_guardrail_holds_even_where_someone_permitted_everything(name: str) -> None:
    GUARDS[name](too_generous())


@pytest.mark.parametrize("name", FORBIDS)
def test_removing_a_guardrail_is_noticed(name: str) -> None:
    with pytest.raises(AssertionError):
        GUARDS[name](too_generous(name))
