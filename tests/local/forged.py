"""Tokens that people have no right to: changed ones, and ones the pool itself would sign with other claims, such as an expired one.

The gateway must refuse an expired token although its signature is good. Cognito gives none out, so it is signed here with the key
the emulator keeps for its pool, under `.local/` of this checkout. AWS never lets that key go.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.local.conftest import Stack

Claims = dict[str, Any]


def encoded(document: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def decoded(part: str) -> dict[str, Any]:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))  # type: ignore[no-any-return]


def signed(header: Mapping[str, Any], claims: Mapping[str, Any], key: rsa.RSAPrivateKey) -> str:
    text = f"{encoded(header)}.{encoded(claims)}"
    signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


@dataclass(frozen=True)
class Forger:
    """Makes tokens out of a good one of a client admin."""

    good: str
    key: rsa.RSAPrivateKey

    @property
    def header(self) -> dict[str, Any]:
        return decoded(self.good.split(".")[0])

    @property
    def claims(self) -> Claims:
        return decoded(self.good.split(".")[1])

    def signed(self, without: tuple[str, ...] = (), **changes: Any) -> str:
        """A token with a good signature and other claims."""
        claims = {name: value for name, value in (self.claims | changes).items() if name not in without}
        return signed(self.header, claims, self.key)

    def expired(self) -> str:
        now = int(time.time())
        return self.signed(iat=now - 7200, auth_time=now - 7200, exp=now - 3600)

    def tampered(self, **changes: Any) -> str:
        """The good token's signature under other claims."""
        header, _, signature = self.good.split(".")
        return f"{header}.{encoded(self.claims | changes)}.{signature}"

    def unsigned(self) -> str:
        return f"{encoded(self.header | {'alg': 'none'})}.{encoded(self.claims)}."

    def by_another_key(self) -> str:
        return signed(self.header, self.claims, rsa.generate_private_key(public_exponent=65537, key_size=2048))


def forger(stack: Stack, good: str) -> Forger:
    """Fails when the emulator keeps no key: then nothing about expired tokens would be tested."""
    path = stack.settings.local_dir / "emulator" / "state" / "cognito-pool-keys" / f"{stack.outputs['userPoolId']}-id.pem"
    key = load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return Forger(good, key)


LET_IN_BY_NOBODY: dict[str, Callable[[Forger], str | None]] = {
    "no token": lambda _: None,
    "an empty token": lambda _: "",
    "nonsense": lambda _: "nonsense",
    "three dots": lambda _: "a.b.c",
    "another tenant's name under the old signature": lambda made: made.tampered(**{"custom:tenant_id": "skyway"}),
    "another role under the old signature": lambda made: made.tampered(**{"cognito:groups": ["platform-admin"]}),
    "a cut signature": lambda made: made.good[:-8],
    "no signature": Forger.unsigned,
    "another key": Forger.by_another_key,
    "expired": Forger.expired,
    "not yet good": lambda made: made.signed(nbf=int(time.time()) + 3600),
    "of another pool": lambda made: made.signed(iss="https://cognito-idp.us-east-1.amazonaws.com/us-east-1_other"),
    "for another client": lambda made: made.signed(aud="another-client"),
}
"""What API Gateway itself must refuse."""
