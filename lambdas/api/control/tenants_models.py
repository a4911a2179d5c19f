"""What callers send and get about a tenant itself: settings, connections, alert routes, report subscriptions."""

from __future__ import annotations

from pydantic import ConfigDict, Field, JsonValue

from kpis.common import KpiId, Slug
from lambdas.api.control.requests import Because, List, Place, Reason
from lambdas.api.control.responses import Answer
from lambdas.domain.tenants.connections import Connection, Credentials, Endpoint
from lambdas.domain.tenants.listeners import ReportSubscription, TenantAlertRoute
from lambdas.domain.tenants.model import Effective, Overrides


class Farewell(Place):
    """A removal says why in the query: a DELETE has no content."""

    reason: Reason


class RoutedList(List):
    """Filters of alert routes and report subscriptions."""

    kpi_id: KpiId | None = None
    pack: Slug | None = None


class SettingsChange(Because):
    """All that is to differ from what the tenant's stack deployed; what is left out goes back to that.

    `row_version` is that of the settings the change was made from (0: nothing differed yet); without it the last writer wins.
    """

    settings: Overrides
    row_version: int | None = Field(default=None, ge=0)


class ConnectionChange(Because):
    """Where a connection leads and what opens it. The credentials are never answered, recorded or logged."""

    # The text of an error has what was given, and whoever logs the error logs that.
    model_config = ConfigDict(hide_input_in_errors=True)

    endpoint: Endpoint
    credentials: Credentials


class AlertRouteChange(Because):
    """A new or changed alert route; `row_version` as for settings."""

    route: TenantAlertRoute
    row_version: int | None = Field(default=None, ge=0)


class SubscriptionChange(Because):
    """A new or changed report subscription; `row_version` as for settings."""

    subscription: ReportSubscription
    row_version: int | None = Field(default=None, ge=0)


class SettingsAnswer(Answer):
    """The settings as they apply, what of them administrators decided, and the row_version a change may name."""

    settings: Effective
    decided: dict[str, JsonValue]
    row_version: int


class ConnectionList(Answer):
    """The connections, without what opens them."""

    items: tuple[Connection, ...]


class AlertRouteItem(Answer):
    """An alert route under its id."""

    route_id: str
    row_version: int
    route: TenantAlertRoute


class AlertRoutePage(Answer):
    """Alert routes by id."""

    items: tuple[AlertRouteItem, ...]
    next_cursor: str | None


class SubscriptionItem(Answer):
    """A report subscription under its id."""

    subscription_id: str
    row_version: int
    subscription: ReportSubscription


class SubscriptionPage(Answer):
    """Report subscriptions by id."""

    items: tuple[SubscriptionItem, ...]
    next_cursor: str | None
