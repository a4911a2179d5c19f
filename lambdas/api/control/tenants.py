"""Settings, connections, alert routes and report subscriptions of a tenant (K24, K26)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any, TypeVar

from lambdas.api import cursors
from lambdas.api.control import tenants_models as says
from lambdas.api.control.asked import Asked, Reply, Where
from lambdas.api.control.desks import desk_of
from lambdas.api.control.lifecycle import told
from lambdas.api.control.ports import Ports
from lambdas.api.control.requests import Nothing, Place
from lambdas.domain.authz.actions import Action
from lambdas.domain.authz.resources import ConnectionObject, Resource, SettingsObject
from lambdas.domain.tenants.connections import WAREHOUSE, Connections
from lambdas.domain.tenants.listeners import ReportSubscription, TenantAlertRoute
from lambdas.domain.tenants.routing import Book, Numbered
from lambdas.domain.tenants.settings import SettingsDesk

Entry = TypeVar("Entry", TenantAlertRoute, ReportSubscription)


def the_settings(where: Where[Any]) -> Resource:
    """The settings of the environment."""
    return SettingsObject(where.tenant_id, where.environment)


def a_connection(where: Where[Any]) -> Resource:
    """The connection of the path; the one there is where the path names none."""
    return ConnectionObject(where.tenant_id, where.environment, where.params.get("name", WAREHOUSE))


def settings(ports: Ports, asked: Asked[Nothing, Place]) -> Reply:
    """The settings as they apply."""
    where, directory = asked.where, ports.tenants.directory
    found = directory.settings(where.tenant_id, where.environment)
    decided, row = directory.overrides(where.tenant_id, where.environment)
    content = decided.model_dump(mode="json", exclude_unset=True)
    return Reply(says.SettingsAnswer(settings=found, decided=content, row_version=row.row_version if row else 0))


def change_settings(ports: Ports, asked: Asked[says.SettingsChange, Place]) -> Reply:
    """Replace what differs from the deployed settings. The rules of change and the calendar are a right of their own (K31)."""
    where, wanted = asked.where, asked.body.settings
    decided, _ = ports.tenants.directory.overrides(where.tenant_id, where.environment)
    if (decided.policy, decided.calendar) != (wanted.policy, wanted.calendar):
        ports.authorizer.require(where.caller, Action.SETTINGS_RULES, the_settings(where))
    return told(SettingsDesk(desk_of(ports), ports.tenants.directory).change(asked.call, asked.body.settings, asked.body.row_version))


def connections(ports: Ports, asked: Asked[Nothing, Place]) -> Reply:
    """The connections, without what opens them."""
    where = asked.where
    return Reply(says.ConnectionList(items=tuple(_connections(ports).listed(where.tenant_id, where.environment))))


def change_connection(ports: Ports, asked: Asked[says.ConnectionChange, Place]) -> Reply:
    """Replace where a connection leads and what opens it."""
    body = asked.body
    return told(_connections(ports).write(asked.call, asked.where.params["name"], body.endpoint, body.credentials))


def alert_routes(ports: Ports, asked: Asked[Nothing, says.RoutedList]) -> Reply:
    """Alert routes by id."""
    page, more = _page(asked, Book(desk_of(ports), TenantAlertRoute))
    items = (says.AlertRouteItem(route_id=each.ident, row_version=each.row_version, route=each.entry) for each in page)
    return Reply(says.AlertRoutePage(items=tuple(items), next_cursor=more))


def alert_route(ports: Ports, asked: Asked[Nothing, Place]) -> Reply:
    """One alert route."""
    where = asked.where
    found = Book(desk_of(ports), TenantAlertRoute).find(where.tenant_id, where.environment, where.params["route_id"])
    return Reply(says.AlertRouteItem(route_id=found.ident, row_version=found.row_version, route=found.entry))


def change_alert_route(ports: Ports, asked: Asked[says.AlertRouteChange, Place]) -> Reply:
    """Make or replace an alert route."""
    body = asked.body
    return told(Book(desk_of(ports), TenantAlertRoute).write(asked.call, asked.where.params["route_id"], body.route, body.row_version))


def remove_alert_route(ports: Ports, asked: Asked[Nothing, says.Farewell]) -> Reply:
    """Take an alert route away."""
    return told(Book(desk_of(ports), TenantAlertRoute).remove(asked.call, asked.where.params["route_id"]))


def subscriptions(ports: Ports, asked: Asked[Nothing, says.RoutedList]) -> Reply:
    """Report subscriptions by id."""
    page, more = _page(asked, Book(desk_of(ports), ReportSubscription))
    items = (says.SubscriptionItem(subscription_id=each.ident, row_version=each.row_version, subscription=each.entry) for each in page)
    return Reply(says.SubscriptionPage(items=tuple(items), next_cursor=more))


def subscription(ports: Ports, asked: Asked[Nothing, Place]) -> Reply:
    """One report subscription."""
    where = asked.where
    found = Book(desk_of(ports), ReportSubscription).find(where.tenant_id, where.environment, where.params["subscription_id"])
    return Reply(says.SubscriptionItem(subscription_id=found.ident, row_version=found.row_version, subscription=found.entry))


def change_subscription(ports: Ports, asked: Asked[says.SubscriptionChange, Place]) -> Reply:
    """Make or replace a report subscription."""
    body, ident = asked.body, asked.where.params["subscription_id"]
    return told(Book(desk_of(ports), ReportSubscription).write(asked.call, ident, body.subscription, body.row_version))


def remove_subscription(ports: Ports, asked: Asked[Nothing, says.Farewell]) -> Reply:
    """Take a report subscription away."""
    return told(Book(desk_of(ports), ReportSubscription).remove(asked.call, asked.where.params["subscription_id"]))


def _connections(ports: Ports) -> Connections:
    return Connections(desk_of(ports), ports.tenants.vault, ports.tenants.directory)


def _page(asked: Asked[Nothing, says.RoutedList], book: Book[Entry]) -> tuple[list[Numbered[Entry]], str | None]:
    where, query = asked.where, asked.where.query
    after = cursors.decode(query.cursor) or ""
    entries: Iterable[Numbered[Entry]] = book.listed(where.tenant_id, where.environment)
    wanted = (each for each in entries if each.ident > after and _is_about(each.entry, query))
    found = list(islice(wanted, query.limit + 1))
    page = found[: query.limit]
    return page, cursors.encode(page[-1].ident if len(found) > query.limit else None)


def _is_about(entry: TenantAlertRoute | ReportSubscription, query: says.RoutedList) -> bool:
    return query.kpi_id in (None, entry.kpi_id) and query.pack in (None, entry.pack)
