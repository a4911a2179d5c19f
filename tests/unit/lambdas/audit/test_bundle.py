"""Evidence bundles: a sound one is verified offline, and whatever is done to one is named."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli.audit import app, verifier_of
from kpis.hashing import canonical_json
from kpis.loader import read_dictionary
from lambdas.domain.audit import evidence as e
from lambdas.domain.audit.chain import Broken
from lambdas.domain.audit.checkpoint import make_checkpoint
from lambdas.domain.audit.verify import Verified, verify_bundle
from tests.unit.lambdas.audit.factory import Key, facts, key, rechained

ROOT = Path(__file__).resolve().parents[4]
DSO = next(kpi for kpi in read_dictionary(ROOT / "kpis" / "packs" / "cfo").dictionary.kpis if kpi.id == "CFO-EF-02")
SUBJECT = e.Subject("acme", "prod", "CFO-EF-02", "2026-01-01T00:00:10.000Z", "2026-01-01T00:00:20.000Z")
RUN = {"run_id": 1, "tenant_id": "acme", "kpi_id": "CFO-EF-02", "contract_version": "1.0.0", "status": "success"}
EVENTS = rechained([facts(number, object_id="CFO-EF-02" if number % 3 == 0 else "CFO-HX-01") for number in range(1, 31)])
Files = dict[str, bytes]


def pem(of: Key) -> bytes:
    return of.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def bundle(subject: e.Subject = SUBJECT, signer: Key | None = None, **fields: Any) -> bytes:
    own = signer or key()
    checkpoint = make_checkpoint(EVENTS, at="2026-01-02T00:00:00.000Z", previous=None, sign=own.sign, key_id="key")
    assert checkpoint is not None
    parts = e.Evidence(subject, (DSO,), EVENTS, checkpoint, pem(own), {"runs": [RUN], "approvals": [{"request_id": "r1"}]})
    for name, value in fields.items():
        object.__setattr__(parts, name, value)
    return e.make_bundle(parts, made_at="2026-01-03T00:00:00.000Z", sign=own.sign)


SOUND = bundle()


def unpacked(content: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: Files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def signed_again(files: Files, by: Key | None = None) -> bytes:
    """What somebody with the signing key could make of changed files: a manifest that agrees with them."""
    manifest = e.Manifest.model_validate_json(files[e.MANIFEST])
    import hashlib

    kept = {name: content for name, content in files.items() if name not in (e.MANIFEST, e.SIGNATURE)}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(kept.items())}
    text = canonical_json(manifest.model_copy(update={"files": digests, "key_fingerprint": e.fingerprint(kept[e.KEY])})).encode()
    return packed({**kept, e.MANIFEST: text, e.SIGNATURE: base64.b64encode((by or key()).sign(text))})


def verified(content: bytes, trusted: str | None = None) -> Verified | Broken:
    return verify_bundle(content, verifier_of, trusted=trusted)


def broken(content: bytes, trusted: str | None = None) -> Broken:
    found = verified(content, trusted)
    assert isinstance(found, Broken), found
    return found


def test_a_sound_bundle_is_verified_and_says_what_it_showed():
    found = verified(SOUND, e.fingerprint(pem(key())))
    assert isinstance(found, Verified)
    assert "10 events of the period are one chain under its root; earlier events of the KPI under it: 2" in found.checks[3]


def test_the_same_evidence_gives_the_same_files():
    first, second = unpacked(bundle()), unpacked(bundle())
    unsigned = [name for name in first if name not in (e.SIGNATURE, e.MANIFEST, e.CHECKPOINT)]
    assert [first[name] for name in unsigned] == [second[name] for name in unsigned]


def test_a_period_without_events_is_sound_too():
    quiet = e.Subject("acme", "prod", "CFO-EF-02", "2026-01-01T12:00:00.000Z", "2026-01-02T00:00:00.000Z")
    found = verified(bundle(quiet))
    assert isinstance(found, Verified)
    assert found.checks[3].startswith("0 events of the period")


def test_events_left_out_at_the_edges_of_the_period_are_missed_even_when_all_is_signed():
    files = unpacked(bundle(replace(SUBJECT, period_start="2026-01-01T00:00:12.000Z", period_end="2026-01-01T00:00:18.000Z")))
    wide = json.loads(files[e.MANIFEST])
    for change, where in (
        ({"period_start": SUBJECT.period_start}, "audit/events.jsonl event 11"),
        ({"period_end": SUBJECT.period_end}, "audit/events.jsonl event 18"),
    ):
        assert broken(signed_again({**files, e.MANIFEST: json.dumps(wide | change).encode()})).where == where


def test_a_period_that_ended_after_the_checkpoint_may_have_events_that_nobody_signed():
    late = e.Subject("acme", "prod", "CFO-EF-02", "2026-01-01T00:00:10.000Z", "2026-01-02T00:00:01.000Z")
    assert broken(bundle(late)).where == e.CHECKPOINT


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_any_changed_byte_of_any_file_is_found(data: st.DataObject):
    files = unpacked(SOUND)
    name = data.draw(st.sampled_from(sorted(name for name, content in files.items() if content)))
    at = data.draw(st.integers(0, len(files[name]) - 1))
    changed = bytearray(files[name])
    changed[at] ^= data.draw(st.integers(1, 255))
    assert isinstance(verified(packed({**files, name: bytes(changed)}), e.fingerprint(pem(key()))), Broken)


@pytest.mark.parametrize("name", sorted(unpacked(SOUND)))
def test_a_missing_file_is_named(name: str):
    files = unpacked(SOUND)
    del files[name]
    assert broken(packed(files)).where == name


def test_an_added_file_is_named():
    assert broken(packed({**unpacked(SOUND), "more.txt": b"x"})) == Broken("more.txt", "it is not in the manifest")


def test_a_bundle_signed_by_another_key_is_refused_where_the_key_is_known():
    forged = bundle(signer=Key())
    assert isinstance(verified(forged), Verified), "alone it agrees with itself"
    assert broken(forged, e.fingerprint(pem(key()))).where == e.KEY


def lines(files: Files, name: str) -> list[Any]:
    return [json.loads(line) for line in files[name].splitlines()]


def put(files: Files, name: str, rows: list[Any]) -> None:
    files[name] = "".join(json.dumps(row) + "\n" for row in rows).encode()


def edit_event(files: Files) -> None:
    rows = lines(files, e.EVENTS)
    rows[4]["reason"] = "it was somebody else"
    put(files, e.EVENTS, rows)


def drop_event(files: Files) -> None:
    rows = lines(files, e.EVENTS)
    del rows[4]
    put(files, e.EVENTS, rows)


def drop_last(files: Files) -> None:
    put(files, e.EVENTS, lines(files, e.EVENTS)[:-1])


def swap(files: Files) -> None:
    rows = lines(files, e.EVENTS)
    rows[1], rows[2] = rows[2], rows[1]
    put(files, e.EVENTS, rows)


def rehash(files: Files) -> None:
    """Edit the last event and give it the hash that fits: only the root knows."""
    rows = lines(files, e.EVENTS)
    last = e.AuditEvent.model_validate(rows[-1]).model_copy(update={"reason": "it was somebody else"})
    rows[-1] = json.loads(canonical_json(last.model_copy(update={"hash": last.computed_hash})))
    put(files, e.EVENTS, rows)


def forge_checkpoint(files: Files) -> None:
    sealed = json.loads(files[e.CHECKPOINT])
    sealed["signed"]["checkpoint"]["size"] += 1
    files[e.CHECKPOINT] = json.dumps(sealed).encode()


def forge_earlier(files: Files) -> None:
    rows = lines(files, e.EARLIER)
    rows[0]["proof"][0] = "00" * 32
    put(files, e.EARLIER, rows)


def other_version(files: Files) -> None:
    put(files, "records/runs.jsonl", [RUN | {"contract_version": "2.0.0"}])


def other_hash(files: Files) -> None:
    put(files, "records/runs.jsonl", [RUN | {"definition_hash": "0" * 64}])


def other_definition(files: Files) -> None:
    rows = lines(files, e.DEFINITIONS)
    rows[0]["id"] = "CFO-EF-03"
    put(files, e.DEFINITIONS, rows)


@pytest.mark.parametrize(
    ("tamper", "where", "words"),
    [
        (edit_event, "audit/events.jsonl event 13", "changed after it was written"),
        (drop_event, "audit/events.jsonl event 14", "event 13 is missing"),
        (drop_last, "audit/events.jsonl", "events are missing"),
        (swap, "audit/events.jsonl event 11", "event 10 is missing or out of order"),
        (rehash, "audit/events.jsonl event 20", "not under the root"),
        (forge_checkpoint, "audit/checkpoint.json", "signature"),
        (forge_earlier, "audit/earlier.jsonl line 1 (event 3)", "not under the root"),
        (other_version, "records/runs.jsonl line 1", "version 2.0.0, which is not in"),
        (other_hash, "records/runs.jsonl line 1", "another definition than the 1.0.0 in"),
        (other_definition, "definitions.jsonl line 1", "the bundle is about CFO-EF-02"),
    ],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_what_was_done_before_signing_is_named_too(tamper: Callable[[Files], None], where: str, words: str):
    files = unpacked(SOUND)
    tamper(files)
    found = broken(signed_again(files))
    assert found.where == where
    assert words in found.problem


def test_something_else_than_a_zip_is_refused():
    assert "not a readable zip" in broken(b"PK but no").problem


def test_the_command_says_what_holds_and_exits_with_0(tmp_path: Path):
    (tmp_path / "bundle.zip").write_bytes(SOUND)
    (tmp_path / "key.pem").write_bytes(pem(key()))
    done = CliRunner().invoke(app, ["verify", str(tmp_path / "bundle.zip"), "--key", str(tmp_path / "key.pem")])
    assert done.exit_code == 0, done.output
    assert "the evidence holds" in done.output


def test_the_command_names_the_first_break_and_exits_with_1(tmp_path: Path):
    files = unpacked(SOUND)
    edit_event(files)
    (tmp_path / "bundle.zip").write_bytes(signed_again(files))
    done = CliRunner().invoke(app, ["verify", str(tmp_path / "bundle.zip"), "--json"])
    assert done.exit_code == 1
    assert json.loads(done.output)["where"] == "audit/events.jsonl event 13"
