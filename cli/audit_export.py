"""Makes an evidence bundle of what is deployed here, as the platform's administrator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cli import aws
from cli import stack as stacks
from cli.errors import ExitCode, KpiError
from lambdas.adapters.audit_chain import TamperedError
from lambdas.adapters.aws import Clients
from lambdas.adapters.evidence_exports import Where, exporter
from lambdas.adapters.signing import KmsKey
from lambdas.domain.audit.checkpoint import Verifier
from lambdas.domain.audit.evidence import Evidence, Subject, make_bundle
from lambdas.domain.audit.export import Seal
from lambdas.domain.errors import ErrorCode
from lambdas.domain.errors import KpiError as DomainError
from lambdas.domain.model import LogTable
from lambdas.domain.timestamps import iso
from local.settings import LocalSettings

_EXITS = {ErrorCode.INVALID_INPUT: ExitCode.USAGE, ErrorCode.NOT_FOUND: ExitCode.USAGE, ErrorCode.CONFLICT: ExitCode.FAILED}


def export_bundle(
    settings: LocalSettings, subject: Subject, key_id: str, verifier_of: Callable[[bytes], Verifier], now: datetime
) -> tuple[bytes, Evidence]:
    """The bundle's bytes and what is in it.

    Args:
        settings: of this checkout.
        subject: the tenant, environment, KPI and period.
        key_id: the KMS key that signs.
        verifier_of: from a public key file to what checks its signatures.
        now: the moment.

    Raises:
        KpiError: in words, when there is no such KPI or key, the period cannot be exported, or the evidence does not hold.
    """
    outputs = stacks.outputs(settings, stacks.PLATFORM_STACK)
    clients = LocalClients(settings)
    about = f"evidence of {subject.kpi_id} of {subject.tenant_id}"
    try:
        key = KmsKey(clients, key_id)
        public = key.public_key()
        seal = Seal(key.sign, public, verifier_of(public), key.arn)
        evidence = exporter(clients, _where(outputs), seal, lambda: now).gather(subject, now)
        return make_bundle(evidence, made_at=iso(now), sign=key.sign), evidence
    except TamperedError as error:
        raise KpiError(about, error.message, next="find out who changed the log", code=ExitCode.FAILED) from error
    except DomainError as error:
        raise KpiError(about, error.message, code=_EXITS.get(error.code, ExitCode.ENVIRONMENT)) from error
    except (BotoCoreError, ClientError) as error:
        raise KpiError(about, f"cannot be read: {error}", next="run `kpi status`") from error


def _where(outputs: dict[str, Any]) -> Where:
    tables: dict[str, str] = outputs["tables"]
    artifacts = str(outputs["artifactsBucket"])
    # The platform names its buckets alike.
    audit = str(outputs.get("auditBucket") or f"{artifacts.removesuffix('artifacts')}audit")
    return Where(tables["catalog"], tables["audit"], {table: tables[table.value] for table in LogTable}, artifacts, audit)


class LocalClients(Clients):
    """Clients of the AWS the command line is meant for."""

    def __init__(self, settings: LocalSettings) -> None:
        super().__init__()
        self._settings = settings
        self._made: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        if service not in self._made:
            self._made[service] = aws.client(self._settings, service)
        return self._made[service]
