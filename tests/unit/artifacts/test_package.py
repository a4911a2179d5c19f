"""The set as one file: the same bytes for the same set, with everything in it."""

from __future__ import annotations

import io
import tarfile

import pytest

from artifacts.build import build
from artifacts.package import pack
from tests.unit.artifacts.conftest import Workshop


def test_the_file_holds_every_artifact_and_the_manifest_and_nothing_of_the_machine(workshop: Workshop):
    built = build(workshop.sources(), workshop.place)
    content = pack(workshop.place, built.manifest)
    assert content == pack(workshop.place, built.manifest)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        members = archive.getmembers()
        assert {member.name for member in members} == {*built.manifest.files(), "manifest.json"}
        assert {(member.uid, member.uname, member.mtime) for member in members} == {(0, "", 0)}
        page = archive.extractfile("docs/dictionary/SH-RV-01.md")
        assert page is not None
        assert page.read() == workshop.place.path("docs/dictionary/SH-RV-01.md").read_bytes()


def test_a_set_that_is_not_there_is_not_packed(workshop: Workshop):
    built = build(workshop.sources(), workshop.place)
    workshop.place.path("docs/dictionary/SH-RV-01.md").unlink()
    with pytest.raises(FileNotFoundError):
        pack(workshop.place, built.manifest)
