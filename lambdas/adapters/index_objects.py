"""Search indexes as S3 objects, `search/{tenant_id}/index.sqlite`, replaced only by who read what they replace.

AWS: `If-Match` and `If-None-Match: *` on PutObject fail with 412 when the object is another one, with 409 when another write of the key
was under way, and `If-Match` with 404 when there is no object (docs.aws.amazon.com, S3 user guide, "How to prevent object overwrites with
conditional writes"). All three are a CONFLICT here: read again and write again.

A role without `s3:ListBucket` on the prefix gets 403 for a missing object, which is an error here and not an empty index.
"""

from __future__ import annotations

from typing import Any

from lambdas.adapters.aws import Clients, code_of
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.search import Stored

PREFIX = "search/"
_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
_LOST = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}) | _MISSING
_CONTENT_TYPE = "application/vnd.sqlite3"


def object_key(tenant_id: str) -> str:
    """Where a tenant's index is."""
    return f"{PREFIX}{tenant_id}/index.sqlite"


class S3IndexObjects:
    """`IndexObjects` in one bucket. Contents are read into memory; sizes are in docs/search.md."""

    def __init__(self, clients: Clients, bucket: str) -> None:
        self._clients = clients
        self._bucket = bucket

    def etag(self, tenant_id: str) -> str | None:
        """See `IndexObjects.etag`.

        Raises:
            KpiError: INTERNAL when S3 does not tell.
        """
        answer = self._read("head_object", tenant_id)
        return str(answer["ETag"]) if answer is not None else None

    def read(self, tenant_id: str) -> Stored | None:
        """See `IndexObjects.read`.

        Raises:
            KpiError: INTERNAL when the object cannot be read.
        """
        from botocore.exceptions import BotoCoreError

        answer = self._read("get_object", tenant_id)
        if answer is None:
            return None
        try:
            return Stored(answer["Body"].read(), str(answer["ETag"]))
        except BotoCoreError as error:  # the connection broke in the middle
            raise self._failed("read", tenant_id, error) from error

    def write(self, tenant_id: str, data: bytes, expect: str | None) -> str:
        """See `IndexObjects.write`.

        Raises:
            KpiError: CONFLICT when the object is not the expected one; INTERNAL when it cannot be written.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        condition = {"IfNoneMatch": "*"} if expect is None else {"IfMatch": expect}
        try:
            answer = self._clients("s3").put_object(
                Bucket=self._bucket, Key=object_key(tenant_id), Body=data, ContentType=_CONTENT_TYPE, **condition
            )
        except ClientError as error:
            if code_of(error) not in _LOST:
                raise self._failed("written", tenant_id, error) from error
            raise KpiError(
                ErrorCode.CONFLICT, f"the search index of {tenant_id} is not the one that was read any more; read it again and apply anew"
            ) from error
        except BotoCoreError as error:
            raise self._failed("written", tenant_id, error) from error
        return str(answer["ETag"])

    def _read(self, operation: str, tenant_id: str) -> dict[str, Any] | None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return getattr(self._clients("s3"), operation)(Bucket=self._bucket, Key=object_key(tenant_id))
        except ClientError as error:
            if code_of(error) in _MISSING:
                return None
            raise self._failed("read", tenant_id, error) from error
        except BotoCoreError as error:
            raise self._failed("read", tenant_id, error) from error

    def _failed(self, done: str, tenant_id: str, error: Exception) -> KpiError:
        return KpiError(ErrorCode.INTERNAL, f"s3://{self._bucket}/{object_key(tenant_id)} cannot be {done}: {error}")
