"""Evidence exports on AWS: bundles in S3, the worker that makes them, and everything an export reads.

Bundles are `evidence/{tenant_id}/{export_id}.zip` in the artifacts bucket; `.problem.json` beside it says why there is none.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from lambdas.adapters.aws import Clients, code_of
from lambdas.adapters.invocations import invoke_later
from lambdas.adapters.links import signed_link
from lambdas.domain.audit.export_jobs import ExportState, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambdas.domain.audit.export import Exporter, Seal
    from lambdas.domain.model import LogTable

PREFIX = "evidence/"
_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})


def bundle_key(tenant_id: str, export_id: str) -> str:
    """Where a bundle is."""
    return f"{PREFIX}{tenant_id}/{export_id}.zip"


def problem_key(tenant_id: str, export_id: str) -> str:
    """Where it stands why there is no bundle."""
    return f"{PREFIX}{tenant_id}/{export_id}.problem.json"


class EvidenceObjects:
    """`Bundles` and `Exports` in one bucket. `signer` makes the S3 client that signs links."""

    def __init__(self, clients: Clients, bucket: str, signer: Callable[[], Any]) -> None:
        self._clients = clients
        self._bucket = bucket
        self._signer = signer

    def outcome(self, tenant_id: str, export_id: str) -> Outcome:
        """See `Bundles.outcome`."""
        bundle = self._found("head_object", bundle_key(tenant_id, export_id))
        if bundle is not None:
            return Outcome(ExportState.DONE, size=int(bundle["ContentLength"]))
        refused = self._found("get_object", problem_key(tenant_id, export_id))
        if refused is not None:
            return Outcome(ExportState.FAILED, problem=str(json.loads(refused["Body"].read())["problem"]))
        return Outcome(ExportState.PENDING)

    def keep(self, tenant_id: str, export_id: str, bundle: bytes) -> None:
        """See `Bundles.keep`."""
        self._clients("s3").put_object(
            Bucket=self._bucket, Key=bundle_key(tenant_id, export_id), Body=bundle, ContentType="application/zip"
        )

    def refuse(self, tenant_id: str, export_id: str, problem: str) -> None:
        """See `Bundles.refuse`."""
        body = json.dumps({"problem": problem}).encode()
        self._clients("s3").put_object(
            Bucket=self._bucket, Key=problem_key(tenant_id, export_id), Body=body, ContentType="application/json"
        )

    def link(self, tenant_id: str, export_id: str) -> str:
        """See `Exports.link`."""
        return signed_link(self._signer(), self._bucket, bundle_key(tenant_id, export_id), f"evidence-{export_id}.zip")

    def _found(self, operation: str, key: str) -> dict[str, Any] | None:
        from botocore.exceptions import ClientError

        try:
            return getattr(self._clients("s3"), operation)(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if code_of(error) in _MISSING:
                return None
            raise


class ExportWorker:
    """The function that makes bundles, asked to without waiting for it. Lambda tries an asynchronous call up to three times."""

    def __init__(self, clients: Clients, function: str) -> None:
        self._clients = clients
        self._function = function

    def start(self, tenant_id: str, export_id: str) -> None:
        """Have a bundle made. A second start does no harm."""
        invoke_later(self._clients, self._function, {"action": "export-evidence", "tenant_id": tenant_id, "export_id": export_id})


@dataclass(frozen=True)
class Where:
    """What an export reads: tables by their physical names, and buckets."""

    catalog: str
    audit: str
    logs: Mapping[LogTable, str]
    artifacts_bucket: str
    audit_bucket: str


def exporter(clients: Clients, where: Where, seal: Seal, now: Callable[[], datetime]) -> Exporter:
    """What gathers evidence from a deployment. It writes nothing."""
    from lambdas.adapters.audit_chain import AuditChains
    from lambdas.adapters.checkpoints import CheckpointObjects, LockMode, Retention
    from lambdas.adapters.control_store import DynamoControlStore
    from lambdas.adapters.evidence_reads import DynamoEvidenceLogs, PublishedSets
    from lambdas.adapters.runlogs import DynamoRunLogs
    from lambdas.domain.audit.export import Exporter

    unused = Retention(LockMode.COMPLIANCE, timedelta(days=2557))  # an export writes no checkpoint
    return Exporter(
        catalog=DynamoControlStore(clients, where.catalog, where.audit),
        logs=DynamoEvidenceLogs(DynamoRunLogs(clients, where.logs)),
        chains=AuditChains(clients, where.catalog, where.audit),
        checkpoints=CheckpointObjects(clients, where.audit_bucket, unused, seal.verify, now),
        artifacts=PublishedSets(clients, where.artifacts_bucket),
        seal=seal,
    )


def export_evidence(clients: Clients, where: Where, key_id: str, *, tenant_id: str, export_id: str, now: Callable[[], datetime]) -> str:
    """What the worker does with `{"action": "export-evidence", "tenant_id": ..., "export_id": ...}`; answers the export's state.

    Args:
        clients: of the worker's role.
        where: what is read.
        key_id: the KMS key that signs.
        tenant_id: whose export.
        export_id: which.
        now: the time, UTC.

    Raises:
        KpiError: NOT_FOUND when nobody asked for it; INTERNAL where another try may help.
    """
    from lambdas.adapters.control_store import DynamoControlStore
    from lambdas.adapters.signing import KmsKey
    from lambdas.domain.audit.export import Seal
    from lambdas.domain.audit.export_jobs import export_evidence as made

    key = KmsKey(clients, key_id)
    state = made(
        DynamoControlStore(clients, where.catalog, where.audit),
        EvidenceObjects(clients, where.artifacts_bucket, lambda: clients("s3")),
        lambda: exporter(clients, where, Seal(key.sign, key.public_key(), key.verify, key.arn), now),
        key.sign,
        tenant_id=tenant_id,
        export_id=export_id,
        now=now(),
    )
    return state.value
