"""Links to objects, good for a short while, for whoever has them.

They are signed with Signature Version 4, which S3 asks for where objects are encrypted with a key of our own (docs.aws.amazon.com, S3
user guide, "Protecting data with server-side encryption using AWS KMS keys").
"""

from __future__ import annotations

from typing import Any

from lambdas.domain.links import LINK_TIME


def signed_link(signer: Any, bucket: str, key: str, filename: str) -> str:
    """A URL of an object for `LINK_TIME`, under which browsers store it as a file: no page runs under S3's name."""
    asked = {"Bucket": bucket, "Key": key, "ResponseContentDisposition": f'attachment; filename="{filename}"'}
    return str(signer.generate_presigned_url("get_object", Params=asked, ExpiresIn=int(LINK_TIME.total_seconds())))


def link_signer(region: str) -> Any:
    """An S3 client whose links have Signature Version 4 in every region; the default is an older one in some."""
    from boto3.session import Session
    from botocore.config import Config

    return Session(region_name=region).client("s3", config=Config(signature_version="s3v4"))  # pyright: ignore[reportUnknownMemberType]
