"""The routes about a tenant itself."""

from __future__ import annotations

from typing import Any

from lambdas.api.control import requests as ask
from lambdas.api.control import responses as tell
from lambdas.api.control import tenants as does
from lambdas.api.control import tenants_models as says
from lambdas.api.control.asked import Route, Tag
from lambdas.api.control.objects import the_catalog
from lambdas.domain.authz.actions import Action
from lambdas.domain.limits.limiter import Traffic

_ROUTE, _SUBSCRIPTION = "/alert-routes/{route_id}", "/report-subscriptions/{subscription_id}"
_A = Action


def _gets(name: str, path: str, text: str, action: Action, about: Any, answer: Any, work: Any, query: Any = ask.Place) -> Route[Any, Any]:
    return Route(name, "GET", path, text, Tag.TENANT, (action,), about, ask.Nothing, query, answer, work, traffic=Traffic.READS)


def _puts(
    name: str, path: str, text: str, action: Action, about: Any, body: Any, work: Any, *also: Action, secret: bool = False
) -> Route[Any, Any]:
    return Route(name, "PUT", path, text, Tag.TENANT, (action, *also), about, body, ask.Place, tell.Receipt, work, secret=secret)


def _deletes(name: str, path: str, text: str, action: Action, work: Any) -> Route[Any, Any]:
    return Route(name, "DELETE", path, text, Tag.TENANT, (action,), the_catalog, ask.Nothing, says.Farewell, tell.Receipt, work)


TENANT: tuple[Route[Any, Any], ...] = (
    _gets("getTenantSettings", "/tenant/settings", "The settings as they apply", _A.SETTINGS_READ, does.the_settings,
          says.SettingsAnswer, does.settings),
    _puts("updateTenantSettings", "/tenant/settings", "Replace what differs from the deployed settings", _A.SETTINGS_EDIT,
          does.the_settings, says.SettingsChange, does.change_settings, _A.SETTINGS_RULES),
    _gets("listConnections", "/tenant/connections", "Where the tenant's data are, without what opens them", _A.CONNECTION_READ,
          does.a_connection, says.ConnectionList, does.connections),
    _puts("updateConnection", "/tenant/connections/{name}", "Replace a connection; its credentials are never read back",
          _A.CONNECTION_EDIT, does.a_connection, says.ConnectionChange, does.change_connection,
          secret=True),
    _gets("listAlertRoutes", "/alert-routes", "Who is told of alerts", _A.ALERT_ROUTE_READ, the_catalog, says.AlertRoutePage,
          does.alert_routes, says.RoutedList),
    _gets("getAlertRoute", _ROUTE, "One alert route", _A.ALERT_ROUTE_READ, the_catalog, says.AlertRouteItem, does.alert_route),
    _puts("updateAlertRoute", _ROUTE, "Make or replace an alert route", _A.ALERT_ROUTE_EDIT, the_catalog, says.AlertRouteChange,
          does.change_alert_route),
    _deletes("deleteAlertRoute", _ROUTE, "Take an alert route away", _A.ALERT_ROUTE_EDIT, does.remove_alert_route),
    _gets("listReportSubscriptions", "/report-subscriptions", "Who gets which report how often", _A.REPORT_READ, the_catalog,
          says.SubscriptionPage, does.subscriptions, says.RoutedList),
    _gets("getReportSubscription", _SUBSCRIPTION, "One report subscription", _A.REPORT_READ, the_catalog, says.SubscriptionItem,
          does.subscription),
    _puts("updateReportSubscription", _SUBSCRIPTION, "Make or replace a report subscription", _A.REPORT_SUBSCRIBE, the_catalog,
          says.SubscriptionChange, does.change_subscription),
    _deletes("deleteReportSubscription", _SUBSCRIPTION, "Take a report subscription away", _A.REPORT_SUBSCRIBE,
             does.remove_subscription),
)  # fmt: skip
