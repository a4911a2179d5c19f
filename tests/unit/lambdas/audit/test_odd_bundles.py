"""Bundles that are odd without being forged: damaged files, keys of other kinds, large numbers, events that were not written in order."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli.audit import app
from lambdas.domain.audit import evidence as e
from lambdas.domain.audit.chain import Broken
from lambdas.domain.audit.checkpoint import make_checkpoint
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.audit.verify import Verified
from tests.unit.lambdas.audit.factory import Key, facts, key, rechained
from tests.unit.lambdas.audit.test_bundle import SOUND, broken, bundle, packed, signed_again, unpacked, verified

SECOND = "2026-01-01T00:00:{:02d}.000Z"
P256, NO_CURVE = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d030177")


def deflated() -> bytearray:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", "x" * 1000)
    return bytearray(buffer.getvalue())


def encrypted() -> bytes:
    content = deflated()
    content[6] |= 1
    content[content.find(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def damaged() -> bytes:
    content = deflated()
    content[31:36] = b"\xff" * 5
    return bytes(content)


@pytest.mark.parametrize("content", [encrypted(), damaged(), b"", SOUND[: len(SOUND) // 2]], ids=["encrypted", "damaged", "empty", "cut"])
def test_a_file_that_cannot_be_unpacked_is_broken_and_nothing_worse(content: bytes, tmp_path: Path):
    assert broken(content).where == "bundle"
    (tmp_path / "bundle.zip").write_bytes(content)
    done = CliRunner().invoke(app, ["verify", str(tmp_path / "bundle.zip")])
    assert (done.exit_code, done.output.startswith("BROKEN  bundle: it is not a readable zip")) == (1, True)


@given(st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.integers(0, 255)), min_size=1, max_size=4), st.integers(0, len(SOUND)))
@settings(deadline=None, max_examples=200)
def test_whatever_happened_to_the_bytes_verifying_ends_with_an_answer(changes: list[tuple[int, int]], length: int):
    content = bytearray(SOUND)
    for at, value in changes:
        content[at] = value
    verified(bytes(content))
    verified(bytes(content[:length]))


def test_a_key_on_a_curve_nobody_knows_is_named():
    der = key().private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).replace(P256, NO_CURVE)
    pem = b"-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(der) + b"\n-----END PUBLIC KEY-----\n"
    found = broken(packed({**unpacked(SOUND), e.KEY: pem}))
    assert "key or signature cannot be read" in found.problem


def test_a_key_on_another_curve_is_named():
    other = ec.generate_private_key(ec.SECP384R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert "not a public key on P-256" in broken(packed({**unpacked(SOUND), e.KEY: other})).problem


def test_a_bundle_of_a_later_format_is_not_taken_for_one_of_this():
    files = unpacked(SOUND)
    manifest = json.loads(files[e.MANIFEST])
    found = broken(signed_again({**files, e.MANIFEST: json.dumps(manifest | {"format": 2}).encode()}))
    assert found == Broken(e.MANIFEST, "it has format 2, this program reads format 1; verify it with the one that made it")


def bundle_of(events: list[AuditEvent], start: int, end: int) -> bytes:
    """The evidence of some seconds of a minute."""
    checkpoint = make_checkpoint(events, at="2026-01-02T00:00:00.000Z", previous=None, sign=key().sign, key_id="key")
    assert checkpoint is not None
    subject = e.Subject("acme", "prod", "CFO-EF-02", SECOND.format(start), SECOND.format(end))
    return bundle(subject, events=events, checkpoint=checkpoint)


def test_numbers_that_no_float_can_hold_are_the_same_after_verifying():
    large = 2**70 + 1
    events = rechained([facts(number, details={"rows": large, "share": 0.1}) for number in range(1, 6)])
    files = unpacked(bundle_of(events, 2, 4))
    assert str(large) in files[e.EVENTS].decode()
    assert isinstance(verified(packed(files)), Verified)


@given(st.permutations(range(10, 18)), st.integers(9, 18), st.integers(1, 9))
@settings(deadline=None, max_examples=60)
def test_a_bundle_of_events_that_were_not_written_in_the_order_they_happened_holds(order: list[int], start: int, seconds: int):
    """A call that takes longer than another one is written after it, with the earlier moment."""
    events = rechained([facts(number, at=SECOND.format(at)) for number, at in enumerate([1, 2, *order, 40, 41], start=1)])
    found = verified(bundle_of(events, start, start + seconds))
    assert isinstance(found, Verified), found
    inside = sum(start <= at < start + seconds for at in order)
    assert found.checks[3].startswith(f"{inside} events of the period")


def test_a_manifest_that_another_key_signed_over_the_platform_s_checkpoint_is_found():
    stranger = Key()
    pem = stranger.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert broken(signed_again({**unpacked(SOUND), e.KEY: pem}, by=stranger)).where == e.CHECKPOINT
