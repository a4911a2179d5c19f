"""Values of connections in Secrets Manager: written under a version of their own, then made current. Nothing here reads one.

AWS: a version stored with a label of its own does not become `AWSCURRENT`, except the first one of a secret; the version id is the
request token, and the same token with another value is refused (Secrets Manager API reference, PutSecretValue). A label only moves
from the version that is said to have it (UpdateSecretVersionStage), so two writers cannot undo each other unseen.
"""

from __future__ import annotations

import json
from typing import Any

from lambdas.adapters.aws import Clients, code_of
from lambdas.domain.errors import ErrorCode, KpiError

PENDING = "KPIPENDING"
CURRENT = "AWSCURRENT"
_MISSING = "ResourceNotFoundException"
_OTHER_VALUE = "ResourceExistsException"
_MOVED = frozenset({"InvalidParameterException", "InvalidRequestException"})


class SecretsVault:
    """The secrets of tenants' connections in one deployment: `kpi/{deployment}/{tenant}/{environment}/{name}`."""

    def __init__(self, clients: Clients, deployment: str) -> None:
        self._clients = clients
        self._deployment = deployment

    def store(self, tenant_id: str, environment: str, name: str, version_id: str, url: str) -> None:
        """See `Vault.store`."""
        from botocore.exceptions import ClientError

        try:
            self._clients("secretsmanager").put_secret_value(
                SecretId=self._name(tenant_id, environment, name),
                ClientRequestToken=version_id,
                SecretString=json.dumps({"url": url}),
                VersionStages=[PENDING],
            )
        except ClientError as error:
            code = code_of(error)
            if code == _MISSING:
                raise self._no_secret(tenant_id, environment, name) from None
            if code == _OTHER_VALUE:
                raise KpiError(ErrorCode.CONFLICT, "the idempotency key was used for other credentials; use a new key") from None
            # The request, which an error of the client library may show, has the value in it.
            raise KpiError(ErrorCode.INTERNAL, f"the secret of connection {name} could not be written: {code}") from None

    def use(self, tenant_id: str, environment: str, name: str, version_id: str) -> None:
        """See `Vault.use`."""
        from botocore.exceptions import ClientError

        client, secret = self._clients("secretsmanager"), self._name(tenant_id, environment, name)
        try:
            stages: dict[str, list[str]] = client.describe_secret(SecretId=secret).get("VersionIdsToStages", {})
        except ClientError as error:
            if code_of(error) == _MISSING:
                raise self._no_secret(tenant_id, environment, name) from error
            raise
        current = next((version for version, labels in stages.items() if CURRENT in labels), None)
        if current == version_id:
            return
        move: dict[str, Any] = {"SecretId": secret, "VersionStage": CURRENT, "MoveToVersionId": version_id}
        try:
            client.update_secret_version_stage(**move, **({"RemoveFromVersionId": current} if current else {}))
        except ClientError as error:
            if code_of(error) not in _MOVED:
                raise
            raise KpiError(ErrorCode.CONFLICT, f"connection {name} was written at the same moment by somebody else; try again") from error

    def _name(self, tenant_id: str, environment: str, name: str) -> str:
        return f"kpi/{self._deployment}/{tenant_id}/{environment}/{name}"

    def _no_secret(self, tenant_id: str, environment: str, name: str) -> KpiError:
        return KpiError(
            ErrorCode.NOT_FOUND, f"there is no secret for connection {name} in {environment}; deploy the stack {tenant_id}.{environment}"
        )
