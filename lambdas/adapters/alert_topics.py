"""Tenants' alert routes from the catalog, and their topics on SNS.

AWS: a subscription's filter policy is matched against message attributes, of which a `String.Array` matches by any member; subscribing
the same endpoint with the same attributes again answers the subscription there is (Amazon SNS developer guide, "Message filtering";
API reference, Subscribe). People confirm an e-mail subscription themselves, an endpoint confirms its own.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

from lambdas.adapters.aws import Clients
from lambdas.adapters.catalog import DynamoCatalog
from lambdas.domain.tenants import keys
from lambdas.domain.tenants.alerts import Alert, mark
from lambdas.domain.tenants.listeners import AlertTarget, TenantAlertRoute

logger = logging.getLogger("kpi.alerts")
FILTER = "targets"
_NO_TOPIC = frozenset({"NotFound", "NotFoundException"})
_REFUSED = frozenset({"InvalidParameter", "InvalidParameterException"})
_PROTOCOLS = {"email": "email", "webhook": "https"}


class CatalogRoutes:
    """Reads routes on every alert: they are few, and alerts are rare."""

    def __init__(self, catalog: DynamoCatalog) -> None:
        self._catalog = catalog

    def alert_routes(self, tenant_id: str, environment: str) -> Iterator[TenantAlertRoute]:
        """See `Routes.alert_routes`."""
        for row in self._catalog.rows(tenant_id, keys.alert_routes(environment), consistent=True):
            yield TenantAlertRoute.model_validate_json(str(row["entry"]))

    def pack(self, tenant_id: str, environment: str, kpi_id: str) -> str | None:
        """See `Routes.pack`; every version of a KPI is of the same pack."""
        found = next(self._catalog.rows(tenant_id, f"{environment}#kpi#{kpi_id}#", ("pack",)), None)
        return str(found["pack"]) if found else None


class SnsAlertTopics:
    """Topics `{stem}-{tenant}-{environment}-alerts-routine`, which the tenant's stack makes; `stem` as for notices."""

    def __init__(self, clients: Clients, stem: str) -> None:
        self._clients = clients
        self._stem = stem

    def publish(self, tenant_id: str, environment: str, alert: Alert) -> None:
        """Publish; a tenant without a stack has nobody who could hear."""
        from botocore.exceptions import ClientError

        attributes = {
            "event": {"DataType": "String", "StringValue": alert.kind.value},
            FILTER: {"DataType": "String.Array", "StringValue": json.dumps(list(alert.marks))},
        }
        try:
            self._clients("sns").publish(
                TopicArn=self._arn(tenant_id, environment),
                Subject=alert.subject,
                Message=json.dumps(alert.message),
                MessageAttributes=attributes,
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in _NO_TOPIC:
                raise

    def subscribe(self, tenant_id: str, environment: str, target: AlertTarget) -> None:
        """See `AlertTopics.subscribe`. An endpoint that SNS does not take is logged: the route is kept and hears nothing."""
        from botocore.exceptions import ClientError

        try:
            self._clients("sns").subscribe(
                TopicArn=self._arn(tenant_id, environment),
                Protocol=_PROTOCOLS[target.channel],
                Endpoint=target.address,
                Attributes={"FilterPolicy": json.dumps({FILTER: [mark(target)]})},
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code")
            if code not in _NO_TOPIC | _REFUSED:
                raise
            # Among them: the stack's own config subscribes this endpoint to everything already.
            logger.warning("target %s of %s in %s was not subscribed: %s", mark(target), tenant_id, environment, code)

    def _arn(self, tenant_id: str, environment: str) -> str:
        return f"{self._stem}-{tenant_id}-{environment}-alerts-routine"
