"""`kpi audit`: what an auditor does with evidence, without the platform."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from cli.errors import ExitCode, KpiError
from lambdas.domain.audit.chain import Broken
from lambdas.domain.audit.checkpoint import Verifier
from lambdas.domain.audit.evidence import fingerprint
from lambdas.domain.audit.verify import verify_bundle

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Check evidence of the audit log, offline.")


@app.callback()
def audit() -> None:
    """Check evidence of the audit log, offline."""


@app.command()
def verify(
    bundle: Annotated[Path, typer.Argument(help="An evidence bundle (zip).")],
    *,
    key: Annotated[Path | None, typer.Option(help="The platform's public key (PEM), got by another way than the bundle.")] = None,
    key_fingerprint: Annotated[str | None, typer.Option("--fingerprint", help="Or the SHA-256 of that file, in hex.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Verify signatures, hashes, the chain of events and its proofs; exit 1 and name the first thing that does not hold.

    Give --key or --fingerprint: without them the bundle is only shown to agree with itself, since it brings its own key.
    """
    content = _read(bundle)
    trusted = fingerprint(_read(key)) if key is not None else key_fingerprint.lower() if key_fingerprint is not None else None
    found = verify_bundle(content, verifier_of, trusted=trusted)
    if isinstance(found, Broken):
        _say({"ok": False, "where": found.where, "problem": found.problem}, f"BROKEN  {found}", as_json=as_json)
        raise typer.Exit(ExitCode.FAILED)
    manifest = found.manifest
    about = f"{manifest.kpi_id} of {manifest.tenant_id} ({manifest.environment}), {manifest.period_start} to {manifest.period_end}"
    lines = [*(f"ok  {check}" for check in found.checks), f"{about}: the evidence holds"]
    if trusted is None:
        lines.append(f"compare the key's fingerprint with the one the platform publishes: {manifest.key_fingerprint}")
    document = {"ok": True, "trusted": trusted is not None, "checks": found.checks, "manifest": manifest.model_dump(mode="json")}
    _say(document, "\n".join(lines), as_json=as_json)


def verifier_of(pem: bytes) -> Verifier:
    """What checks ECDSA signatures on P-256 over SHA-256 by a public key.

    Raises:
        ValueError: when the key is not one of P-256.
    """
    public = load_pem_public_key(pem)
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise ValueError("not a public key on P-256")  # noqa: TRY004 - the file is wrong, not the caller's type

    def verify_one(message: bytes, signature: bytes) -> bool:
        try:
            public.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    return verify_one


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KpiError(str(path), f"cannot be read: {error.strerror}", code=ExitCode.USAGE) from error


def _say(document: Mapping[str, object], text: str, *, as_json: bool) -> None:
    print(json.dumps(document, indent=2) if as_json else text)
