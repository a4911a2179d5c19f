"""Evidence bundles in a bucket of the test's own: what there is of an export, and links to it."""

from __future__ import annotations

import pytest
import requests

from lambdas.adapters.evidence_exports import EvidenceObjects
from lambdas.adapters.links import link_signer
from lambdas.domain.audit.export_jobs import ExportState, Outcome
from tests.local.conftest import Stack

pytestmark = pytest.mark.local


def test_an_export_is_pending_until_there_is_a_bundle_or_a_reason_why_not(
    stack: Stack, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in stack.settings.aws_env().items():
        monkeypatch.setenv(name, value)
    objects = EvidenceObjects(stack.client, bucket, lambda: link_signer("us-east-1"))
    assert objects.outcome("acme", "one") == Outcome(ExportState.PENDING)
    objects.keep("acme", "one", b"a bundle")
    objects.refuse("acme", "two", 'the chain is "broken"')
    assert objects.outcome("acme", "one") == Outcome(ExportState.DONE, size=8)
    assert objects.outcome("acme", "two") == Outcome(ExportState.FAILED, problem='the chain is "broken"')
    assert objects.outcome("skyway", "one") == Outcome(ExportState.PENDING)
    fetched = requests.get(objects.link("acme", "one"), timeout=30)
    assert fetched.content == b"a bundle"
    assert fetched.headers["Content-Disposition"] == 'attachment; filename="evidence-one.zip"'


def test_a_bucket_that_is_gone_is_a_fault_and_no_export_that_is_pending(stack: Stack) -> None:
    objects = EvidenceObjects(stack.client, "kpi-no-such-bucket", lambda: stack.client("s3"))
    with pytest.raises(Exception, match="NoSuchBucket"):
        objects.outcome("acme", "one")
