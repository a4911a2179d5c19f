"""Keys of a tenant's own rows in the catalog (partition key: the tenant)."""

from __future__ import annotations


def deployed(environment: str) -> str:
    """What the tenant's stack registered."""
    return f"{environment}#tenant"


def settings(environment: str) -> str:
    """What administrators decided on top of it."""
    return f"{environment}#settings"


def sources(environment: str) -> str:
    """The golden data tables that the tenant's stack lets its KPIs read, beside those that they read already."""
    return f"{environment}#sources"


def connection(environment: str, name: str) -> str:
    """A connection, without what opens it."""
    return f"{environment}#connection#{name}"


def connections(environment: str) -> str:
    """Prefix of all connections."""
    return f"{environment}#connection#"


def alert_route(environment: str, route_id: str) -> str:
    """Who is told of alerts about a KPI or a pack."""
    return f"{environment}#alertroute#{route_id}"


def alert_routes(environment: str) -> str:
    """Prefix of all alert routes."""
    return f"{environment}#alertroute#"


def report(environment: str, subscription_id: str) -> str:
    """A report subscription."""
    return f"{environment}#report#{subscription_id}"


def made_report(environment: str, subscription_id: str, label: str) -> str:
    """What is known of a report that was made."""
    return f"{made_reports(environment, subscription_id)}{label}"


def made_reports(environment: str, subscription_id: str) -> str:
    """Prefix of all reports made for a subscription."""
    return f"{environment}#reported#{subscription_id}#"


def reports(environment: str) -> str:
    """Prefix of all report subscriptions."""
    return f"{environment}#report#"
