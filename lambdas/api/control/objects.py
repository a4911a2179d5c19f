"""The objects calls are about, first as the path names them and then as they stand in the catalog."""

from __future__ import annotations

from typing import Any

from lambdas.api.control.asked import Asked, Where
from lambdas.api.control.ports import Ports
from lambdas.api.control.requests import AuditQuery
from lambdas.domain.authz.actions import Action
from lambdas.domain.authz.resources import CatalogObject, KpiObject, RequestObject, Resource, WholeTenant, best_case
from lambdas.domain.control import keys
from lambdas.domain.control.catalog import Shelf
from lambdas.domain.control.requests import ChangeRequest, signed_off
from lambdas.domain.control.states import Action as Transition
from lambdas.domain.errors import ErrorCode, KpiError

_NEEDS_SIGN_OFF = {
    Action.KPI_PUBLISH: Transition.PUBLISH,
    Action.KPI_UNPUBLISH: Transition.UNPUBLISH,
    Action.KPI_DEPRECATE: Transition.DEPRECATE,
    Action.KPI_RETIRE: Transition.RETIRE,
    Action.KPI_CANARY_START: Transition.CANARY,
    Action.KPI_CANARY_ADVANCE: Transition.CANARY,
    Action.KPI_CANARY_RESUME: Transition.CANARY,
}


def a_kpi(where: Where[Any]) -> Resource:
    """The KPI of the path."""
    return KpiObject(where.tenant_id, where.environment, where.kpi_id)


def the_catalog(where: Where[Any]) -> Resource:
    """All KPIs of the environment."""
    return CatalogObject(where.tenant_id, where.environment)


def a_request(where: Where[Any]) -> Resource:
    """The change request of the path; who asked for it is not known yet."""
    return RequestObject(where.tenant_id, where.environment, where.params["request_id"], requested_by="")


def the_tenant(where: Where[Any]) -> Resource:
    """The tenant as a whole."""
    return WholeTenant(where.tenant_id)


def audited(where: Where[AuditQuery]) -> Resource:
    """What an audit query spans: one KPI of an environment, an environment, or the tenant."""
    if where.query.environment is None:
        return WholeTenant(where.tenant_id)
    if where.query.kpi_id is None:
        return CatalogObject(where.tenant_id, where.query.environment)
    return KpiObject(where.tenant_id, where.query.environment, where.query.kpi_id)


def standing(ports: Ports, asked: Asked[Any, Any], action: Action, resource: Resource) -> Resource:
    """The object with what policies ask of it, read from the tenant's rows.

    A call whose event is in the audit log already was allowed when it happened; only its repetition is left, which changes
    nothing, so the object stands in nobody's way.

    Raises:
        KpiError: NOT_FOUND for a change request that is not there.
    """
    if asked.key and ports.plane.store.event(asked.where.tenant_id, asked.key) is not None:
        return best_case(resource)
    if isinstance(resource, RequestObject):
        return _request(ports, resource)
    if isinstance(resource, KpiObject) and action in _NEEDS_SIGN_OFF:
        version = asked.where.params.get("ver", "")
        return with_approval(ports, resource, action, version)
    return resource


def with_approval(ports: Ports, kpi: KpiObject, action: Action, version: str) -> KpiObject:
    """A KPI with whether a change request for this action on this version's content is signed off."""
    approved = _approved(ports, kpi, _NEEDS_SIGN_OFF[action], version) if action in _NEEDS_SIGN_OFF else False
    return KpiObject(kpi.tenant_id, kpi.environment, kpi.kpi_id, approved=approved)


def read_request(ports: Ports, tenant_id: str, environment: str, request_id: str) -> ChangeRequest:
    """A change request.

    Raises:
        KpiError: NOT_FOUND, also when it is of another environment.
    """
    row = ports.plane.store.row(tenant_id, keys.request(request_id))
    request = ChangeRequest.model_validate_json(row.text("request")) if row else None
    if request is None or request.environment.value != environment:
        raise KpiError(ErrorCode.NOT_FOUND, f"there is no request {request_id} in {environment}")
    return request


def _request(ports: Ports, resource: RequestObject) -> RequestObject:
    request = read_request(ports, resource.tenant_id, resource.environment.value, resource.request_id)
    return RequestObject(
        resource.tenant_id,
        resource.environment,
        request.request_id,
        requested_by=request.requested_by.subject,
        authors=frozenset(request.authors),
        signed_by=frozenset(request.approvers),
    )


def _approved(ports: Ports, kpi: KpiObject, action: Transition, version: str) -> bool:
    store = ports.plane.store
    found = Shelf(store, kpi.tenant_id, kpi.environment).find(kpi.kpi_id, version)
    lock = store.row(kpi.tenant_id, keys.open_request(kpi.environment, kpi.kpi_id))
    row = store.row(kpi.tenant_id, keys.request(lock.text("request_id"))) if lock else None
    if found is None or row is None:
        return False
    request = ChangeRequest.model_validate_json(row.text("request"))
    try:
        signed_off(request, action, found.hash, ports.plane.clock.now())
    except KpiError:
        return False
    return request.contract_version == version
