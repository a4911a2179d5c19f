"""An export of a tenant proves itself: whatever is changed, dropped, added or exchanged is found when it is read back."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kpis.common import Environment
from kpis.hashing import canonical_json, definition_hash
from lambdas.domain.audit.chain import Broken
from lambdas.domain.audit.event import genesis
from lambdas.domain.audit.evidence import fingerprint
from lambdas.domain.tenants import export as e
from tests.unit.lambdas.control.office import Office, kpi

TENANT = "skyway"
PUBLIC = b"the platform's public key"


def sign(message: bytes, secret: bytes = PUBLIC) -> bytes:
    return hmac.digest(secret, message, "sha256")


def verifier_of(pem: bytes) -> Callable[[bytes, bytes], bool]:
    return lambda message, signature: hmac.compare_digest(sign(message, pem), signature)


class Files(dict[str, bytes]):
    """An export in memory."""

    def names(self) -> frozenset[str]:  # type: ignore[override]
        return frozenset(self)

    def chunks(self, name: str) -> Iterator[bytes]:
        yield from self[name].splitlines(keepends=True)


def sealed(contents: dict[str, bytes], *, key: bytes = PUBLIC, **changes: Any) -> Files:
    """An export with a manifest of what it has."""
    chain = [json.loads(line) for line in contents[e.AUDIT].splitlines()]
    manifest = e.ExportManifest.model_validate(
        {
            "tenant_id": TENANT,
            "environment": Environment.PRD,
            "made_at": "2026-01-05T09:00:00.000Z",
            "chain_seq": chain[-1].get("seq") if chain else 0,
            "chain_hash": chain[-1].get("hash") if chain else genesis(TENANT),
            "key_fingerprint": fingerprint(key),
            "files": {name: e.entry_of(content.splitlines(keepends=True)) for name, content in contents.items()},
        }
        | changes
    )
    return Files(contents | e.signed(manifest, lambda message: sign(message, key), key))


@pytest.fixture
def contents() -> dict[str, bytes]:
    office = Office()
    office.live(kpi())
    logs = {e.log_file(table): b"" for table in e.LogTable}
    rows = [{"pk": TENANT, "tenant_id": TENANT, "environment": "prod", "run_id": number} for number in range(3)]
    definition = kpi()
    version = {"pk": TENANT, "definition": canonical_json(definition), "definition_hash": definition_hash(definition)}
    return logs | {
        e.SETTINGS: b'{"effective": null}\n',
        e.DEFINITIONS: e.row_line(version),
        e.CATALOG: e.row_line({"pk": TENANT, "sk": "prod#active#SKY-AD-01"}),
        e.AUDIT: b"".join(map(e.event_line, office.events)),
        e.EARLIER: b"",
        "logs/log-run.jsonl": b"".join(map(e.row_line, rows)),
    }


def found(files: Files) -> e.Checked | Broken:
    return e.verify_export(files, verifier_of, fingerprint(PUBLIC))


def broken(files: Files) -> str:
    answer = found(files)
    assert isinstance(answer, Broken), answer
    return str(answer)


def test_a_sound_export_holds_and_is_known_by_the_digest_of_its_manifest(contents: dict[str, bytes]) -> None:
    files = sealed(contents)
    answer = found(files)
    assert isinstance(answer, e.Checked), answer
    assert answer.digest == hashlib.sha256(files[e.MANIFEST]).hexdigest()
    assert answer.manifest.files["logs/log-run.jsonl"].rows == 3
    assert isinstance(found(Files(files | {e.REVOCATION: b"{}"})), e.Checked), "what was done later does not count against it"


@pytest.mark.parametrize("name", sorted(e.EXPECTED | {e.MANIFEST, e.SIGNATURE, e.KEY}))
def test_a_file_that_is_missing_is_named(contents: dict[str, bytes], name: str) -> None:
    files = sealed(contents)
    del files[name]
    assert broken(files).startswith(name)


@pytest.mark.parametrize("name", [e.SETTINGS, e.DEFINITIONS, e.CATALOG, e.AUDIT, "logs/log-run.jsonl"])
def test_a_row_that_is_dropped_or_comes_twice_is_found(contents: dict[str, bytes], name: str) -> None:
    files = sealed(contents)
    first, *rest = files[name].splitlines(keepends=True)
    for lines in (rest, [first, first, *rest]):
        assert broken(Files(files | {name: b"".join(lines)})).startswith(name)


def test_a_number_that_is_changed_is_found(contents: dict[str, bytes]) -> None:
    files = sealed(contents)
    files["logs/log-run.jsonl"] = files["logs/log-run.jsonl"].replace(b'"run_id":2', b'"run_id":9')
    assert broken(files) == "logs/log-run.jsonl: it was changed after the manifest was signed (3 rows, expected 3)"


def test_a_file_nobody_listed_is_found(contents: dict[str, bytes]) -> None:
    assert broken(Files(sealed(contents) | {"logs/more.jsonl": b""})) == "logs/more.jsonl: it is not in the manifest"


def test_a_changed_manifest_is_found(contents: dict[str, bytes]) -> None:
    files = sealed(contents)
    files[e.MANIFEST] = files[e.MANIFEST].replace(b'"prod"', b'"dev"')
    assert broken(files).startswith("manifest.json: its signature is not one of the key")


def test_a_manifest_signed_by_another_key_is_found(contents: dict[str, bytes]) -> None:
    assert broken(sealed(contents, key=b"somebody's key")).startswith("key.pem: its fingerprint is")


def test_an_export_that_leaves_out_a_table_is_none_although_it_is_signed(contents: dict[str, bytes]) -> None:
    del contents["logs/log-delivery.jsonl"]
    assert broken(sealed(contents)) == "manifest.json: it does not list logs/log-delivery.jsonl, which every export has"


@pytest.mark.parametrize(
    ("name", "row"),
    [
        (e.CATALOG, {"pk": "rival"}),
        ("logs/log-run.jsonl", {"tenant_id": "rival", "environment": "prod"}),
        ("logs/log-run.jsonl", {"tenant_id": TENANT, "environment": "dev"}),
    ],
)
def test_a_row_of_somebody_else_is_found_although_it_is_signed(contents: dict[str, bytes], name: str, row: dict[str, Any]) -> None:
    contents[name] += e.row_line(row)
    assert "it is of " in broken(sealed(contents))


def test_a_definition_that_is_not_the_one_its_hash_names_is_found_although_it_is_signed(contents: dict[str, bytes]) -> None:
    other = {"pk": TENANT, "definition": canonical_json(kpi("2.0.0")), "definition_hash": definition_hash(kpi())}
    contents[e.DEFINITIONS] = e.row_line(other)
    assert broken(sealed(contents)) == "definitions.jsonl, row 1: its definition is not the one its hash names"


@pytest.mark.parametrize("line", [b"not json\n", b"[]\n", b"\xff\n"])
def test_a_line_that_is_no_row_is_found_although_it_is_signed(contents: dict[str, bytes], line: bytes) -> None:
    contents[e.CATALOG] = line
    assert broken(sealed(contents)).startswith("catalog.jsonl, row 1: it is not ")


def test_a_chain_that_is_cut_reordered_or_rewritten_is_found_although_it_is_signed(contents: dict[str, bytes]) -> None:
    whole = contents[e.AUDIT].splitlines(keepends=True)
    head = {"chain_seq": len(whole), "chain_hash": json.loads(whole[-1])["hash"]}
    rewritten = whole[1].replace(b"because it is better", b"because I say so")
    variants = {
        "cut at the end": whole[:-1],
        "cut at the start": whole[1:],
        "out of order": [whole[1], whole[0], *whole[2:]],
        "rewritten": [whole[0], rewritten, *whole[2:]],
        "empty": [],
    }
    for name, lines in variants.items():
        assert isinstance(found(sealed(contents | {e.AUDIT: b"".join(lines)}, **head)), Broken), name
    assert isinstance(found(sealed(contents | {e.AUDIT: b"".join([*whole[:-1], b"{}\n"])}, **head)), Broken)
