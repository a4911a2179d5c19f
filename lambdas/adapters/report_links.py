"""Where reports are, and links to them.

Files are `reports/{tenant_id}/{environment}/{subscription_id}/{label}.{html|csv}` in the artifacts bucket.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lambdas.adapters.links import signed_link
from lambdas.domain.reports.made import ReportPlace


def object_key(place: ReportPlace) -> str:
    """Where a report is."""
    return f"reports/{place.tenant_id}/{place.environment}/{place.subscription_id}/{place.label}.{place.form}"


class ReportLinks:
    """`Links` in one bucket. `signer` makes the S3 client that signs them."""

    def __init__(self, bucket: str, signer: Callable[[], Any]) -> None:
        self._bucket = bucket
        self._signer = signer

    def link(self, place: ReportPlace) -> str:
        """See `Links.link`."""
        return signed_link(self._signer(), self._bucket, object_key(place), f"{place.subscription_id}-{place.label}.{place.form}")
