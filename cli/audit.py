"""`kpi audit`: evidence for an auditor, made on the platform and checked without it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from cli.errors import ExitCode, KpiError
from cli.periods import date_range
from kpis.common import Environment
from lambdas.domain.audit.chain import Broken
from lambdas.domain.audit.checkpoint import Verifier
from lambdas.domain.audit.evidence import Subject, fingerprint
from lambdas.domain.audit.verify import verify_bundle
from lambdas.domain.timestamps import iso
from local.settings import load_settings

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Evidence: export a bundle of it, and verify one offline.")


@app.callback()
def audit() -> None:
    """Evidence: export a bundle of it, and verify one offline."""


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


@app.command()
def export(
    tenant: Annotated[str, typer.Argument(help="The tenant, such as acme.")],
    kpi: Annotated[str, typer.Argument(help="The KPI, such as CFO-EF-02.")],
    *,
    start: Annotated[str, typer.Option("--from", help="First day or moment of the period.")],
    end: Annotated[str | None, typer.Option("--to", help="First day or moment not included any more; now when left out.")] = None,
    out: Annotated[Path, typer.Option(help="The zip to write; it must not exist.")],
    key_id: Annotated[str, typer.Option("--key-id", help="The KMS key that signs (ECC_NIST_P256): id, ARN or alias.")],
    environment: Annotated[Environment, typer.Option("--env", help="KPI environment.")] = Environment.PRD,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a bundle of all that explains a KPI's numbers of a period, for `kpi audit verify`.

    Definitions, runs with sourcing, validations and deliveries, approvals, lineage, hashes of generated files, and the audit log with
    its proofs. Runs and events belong to the period by when they started or happened. Exit 1 when the evidence contradicts itself.
    """
    # Verifying needs none of this.
    from cli.audit_export import export_bundle

    if out.exists():
        raise KpiError(str(out), "exists already", "evidence is not overwritten", "choose another --out", code=ExitCode.USAGE)
    now = datetime.now(UTC)
    span = date_range(start, end or iso(now))
    subject = Subject(tenant, environment.value, kpi, iso(span.start), iso(span.end))
    content, evidence = export_bundle(load_settings(), subject, key_id, verifier_of, now)
    try:
        out.write_bytes(content)
    except OSError as error:
        raise KpiError(str(out), f"cannot be written: {error.strerror}", code=ExitCode.USAGE) from error
    counts = {name: len(list(rows)) for name, rows in sorted(evidence.records.items())}
    key = fingerprint(evidence.public_key)
    size = evidence.checkpoint.checkpoint.size
    lines = [
        f"{out}: {len(content)} bytes, {len(evidence.definitions)} definitions, checkpoint over {size} events",
        ", ".join(f"{count} {name}" for name, count in counts.items()),
        f"verify it anywhere: kpi audit verify {out} --fingerprint {key}",
    ]
    _say({"file": str(out), "bytes": len(content), "records": counts, "key_fingerprint": key}, "\n".join(lines), as_json=as_json)


def verifier_of(pem: bytes) -> Verifier:
    """What checks ECDSA signatures on P-256 over SHA-256 by a public key.

    Raises:
        ValueError: when the key is not one of P-256.
    """
    try:
        public = load_pem_public_key(pem)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error
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
