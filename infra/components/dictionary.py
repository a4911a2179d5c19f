"""The dictionary on its way into the catalog: one object named by its digest, imported when the digest changes."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.components.base import Component, Context
from kpis.bundle import Bundle


@dataclass(frozen=True)
class DictionaryArgs:
    """`bucket` holds artifacts; `reconciler` imports. `kpi_dashboard` is what it makes dashboards of single KPIs from."""

    bundle: Bundle
    kpi_dashboard: pulumi.Input[str]
    bucket: aws.s3.Bucket
    reconciler: aws.lambda_.Function
    data_key_arn: pulumi.Input[str]
    ready: list[pulumi.Resource]


class Dictionary(Component):
    """One object and one invocation, however many KPIs there are."""

    def __init__(self, ctx: Context, args: DictionaryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Dictionary", ctx, opts)
        sha256 = args.bundle.sha256
        self.reference = {"bucket": ctx.names.bucket("artifacts"), "key": f"dictionary/{sha256}.jsonl.gz", "sha256": sha256}
        stored = aws.s3.BucketObjectv2(
            "dictionary",
            bucket=args.bucket.bucket,
            key=self.reference["key"],
            source=pulumi.FileAsset(str(args.bundle.path)),
            content_type="application/gzip",
            kms_key_id=args.data_key_arn,
            server_side_encryption="aws:kms",
            opts=self.child(),
        )
        self.imported = aws.lambda_.Invocation(
            "import",
            function_name=args.reconciler.name,
            input=pulumi.Output.json_dumps({"action": "import", "bundle": self.reference, "kpi_dashboard": args.kpi_dashboard}),
            opts=self.child(depends_on=[stored, *args.ready]),
        )
        self.register_outputs({"bundle": self.reference})
