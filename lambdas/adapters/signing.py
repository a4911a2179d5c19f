"""Signatures with a KMS key: ECDSA on P-256 over SHA-256 (`checkpoint.ALGORITHM`). The private key never leaves KMS.

KMS takes messages of up to 4096 bytes, or the digest of a longer one (docs.aws.amazon.com, KMS API reference, Sign). A manifest is longer,
so it is always the digest that is sent; the signature is the same as over the message itself.
"""

from __future__ import annotations

import base64
import hashlib
import textwrap
from typing import Any

from lambdas.adapters.aws import Clients, code_of
from lambdas.domain.audit.checkpoint import ALGORITHM
from lambdas.domain.errors import ErrorCode, KpiError

KEY_SPEC = "ECC_NIST_P256"
KEY_USAGE = "SIGN_VERIFY"
_LONGEST = 72
"""Bytes of a DER signature on P-256: two integers of 33 bytes with their headers."""
_LINE = 64
_HOW = {"MessageType": "DIGEST", "SigningAlgorithm": ALGORITHM}
_REFUSED = frozenset({"KMSInvalidSignatureException"})


class KmsKey:
    """One signing key, by id, ARN or alias. An alias is resolved once: what is signed names the key that signed it."""

    def __init__(self, clients: Clients, key_id: str) -> None:
        self._clients = clients
        self._key_id = key_id
        self._described: tuple[str, bytes] | None = None

    @property
    def arn(self) -> str:
        """The ARN of the key.

        Raises:
            KpiError: as `public_key`.
        """
        return self._description()[0]

    def public_key(self) -> bytes:
        """The public key as a PEM file, always the same bytes: their SHA-256 is the fingerprint that is published.

        Raises:
            KpiError: INVALID_INPUT when it is not a signing key on P-256; INTERNAL when KMS does not give it.
        """
        return self._description()[1]

    def sign(self, message: bytes) -> bytes:
        """The signature, in DER. A `Signer`.

        Raises:
            KpiError: INTERNAL when KMS does not sign; otherwise as `public_key`.
        """
        return bytes(self._call("sign", self.arn, Message=hashlib.sha256(message).digest(), **_HOW)["Signature"])

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether the key made the signature over the message. A `Verifier`.

        Raises:
            KpiError: INTERNAL when KMS does not tell; otherwise as `public_key`.
        """
        if not 0 < len(signature) <= _LONGEST:
            return False
        digest = hashlib.sha256(message).digest()
        answer = self._call("verify", self.arn, Message=digest, Signature=signature, **_HOW)
        return bool(answer.get("SignatureValid"))

    def _description(self) -> tuple[str, bytes]:
        if self._described is None:
            answer = self._call("get_public_key", self._key_id)
            found = (answer.get("KeySpec"), answer.get("KeyUsage"))
            if found != (KEY_SPEC, KEY_USAGE):
                raise KpiError(ErrorCode.INVALID_INPUT, f"KMS key {self._key_id} is {found}, expected ({KEY_SPEC!r}, {KEY_USAGE!r})")
            self._described = (str(answer["KeyId"]), _pem(answer["PublicKey"]))
        return self._described

    def _call(self, operation: str, key_id: str, **arguments: Any) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return getattr(self._clients("kms"), operation)(KeyId=key_id, **arguments)
        except ClientError as error:
            if code_of(error) in _REFUSED:
                return {"SignatureValid": False}
            raise _failed(operation, key_id, error) from error
        except BotoCoreError as error:
            raise _failed(operation, key_id, error) from error


def _failed(operation: str, key_id: str, error: Exception) -> KpiError:
    return KpiError(ErrorCode.INTERNAL, f"KMS key {key_id}: {operation} failed: {error}")


def _pem(der: bytes) -> bytes:
    """A public key file (RFC 7468, 13): base64 in lines of 64."""
    lines = textwrap.wrap(base64.b64encode(der).decode(), _LINE)
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""]).encode()
