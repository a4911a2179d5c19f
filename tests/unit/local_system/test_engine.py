"""Which engine is used, what a checkout puts on its path, and how the language host runs a program."""

from __future__ import annotations

from pathlib import Path

import pytest
from pulumi.errors import RunError

from local.engine import build
from local.engine.language_host import program
from local.engine.launchers import write_launchers
from local.settings import ENGINE_VERSION, LocalSettings
from local.steps import StepError


def fake_pulumi(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pulumi"
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return path


def environ(tmp_path: Path) -> dict[str, str]:
    return {"PATH": str(tmp_path / "path"), "HOME": str(tmp_path / "home")}


def test_a_recent_engine_on_the_path_is_used(settings: LocalSettings, tmp_path: Path) -> None:
    path = fake_pulumi(tmp_path / "path", "v3.260.1")
    found = build.find_engine(settings, environ(tmp_path))
    assert found == build.Engine(path, "v3.260.1", vendor_language_host=False)


@pytest.mark.parametrize("version", ["v3.100.0", "v4.0.0", "broken"])
def test_an_unsuitable_engine_on_the_path_is_passed_over_for_the_built_one(settings: LocalSettings, tmp_path: Path, version: str) -> None:
    fake_pulumi(tmp_path / "path", version)
    built = fake_pulumi(tmp_path / "home" / ".cache" / "kpi-observatory" / f"engine-{ENGINE_VERSION}", f"v{ENGINE_VERSION}")
    found = build.find_engine(settings, environ(tmp_path))
    assert found is not None
    assert found.path == built


def test_without_any_engine_there_is_none(settings: LocalSettings, tmp_path: Path) -> None:
    assert build.find_engine(settings, environ(tmp_path)) is None


def test_the_checkouts_own_link_is_not_taken_for_an_engine_of_the_machine(settings: LocalSettings) -> None:
    fake_pulumi(settings.bin_dir, f"v{ENGINE_VERSION}")
    assert build.find_engine(settings, {"PATH": str(settings.bin_dir), "HOME": str(settings.root)}) is None


def test_the_vendors_language_host_is_preferred_where_it_exists(settings: LocalSettings, tmp_path: Path) -> None:
    path = fake_pulumi(tmp_path / "path", "v3.260.1")
    (path.parent / "pulumi-language-python").write_text("#!/bin/sh\n")
    install_sdk(settings)
    found = build.find_engine(settings, environ(tmp_path))
    assert found is not None
    write_launchers(settings, found)
    assert (settings.bin_dir / "pulumi").resolve() == path
    assert not (settings.bin_dir / "pulumi-language-python").exists()


def install_sdk(settings: LocalSettings, version: str = "7.51.1") -> None:
    (settings.root / ".venv" / "lib" / "python3.11" / "site-packages" / f"pulumi_aws-{version}.dist-info").mkdir(parents=True)


def test_the_launchers_lie_where_the_engine_looks_first(settings: LocalSettings, tmp_path: Path) -> None:
    engine = build.Engine(fake_pulumi(tmp_path / "cache", "v3.250.0"), "v3.250.0")
    install_sdk(settings)
    write_launchers(settings, engine)
    write_launchers(settings, engine)
    provider = settings.pulumi_home / "plugins" / "resource-aws-v7.51.1" / "pulumi-resource-aws"
    assert sorted(path.name for path in settings.bin_dir.iterdir()) == ["pulumi", "pulumi-language-python"]
    assert "local.provider" in provider.read_text()
    assert all(path.stat().st_mode & 0o111 for path in (provider, *settings.bin_dir.iterdir()))
    assert not (settings.bin_dir / "pulumi").is_symlink()


def test_launchers_without_the_sdk_say_what_to_do(settings: LocalSettings, tmp_path: Path) -> None:
    engine = build.Engine(fake_pulumi(tmp_path / "cache", "v3.250.0"), "v3.250.0")
    with pytest.raises(StepError, match=r"pulumi-aws is not installed .* run `make up`"):
        write_launchers(settings, engine)


@pytest.mark.parametrize(
    ("text", "expected"), [("go1.26.8", (1, 26, 8)), ("v3.250.0", (3, 250, 0)), ("go1.27", (1, 27, 0)), ("none", None)]
)
def test_versions_are_read_from_what_commands_print(text: str, expected: tuple[int, ...] | None) -> None:
    assert build.parse_version(text) == expected


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # running a program changes the directory; this restores it
    return tmp_path


def test_a_program_folder_runs_as_main_with_its_own_modules(folder: Path) -> None:
    (folder / "sibling.py").write_text("WORD = 'hello'\n")
    (folder / "__main__.py").write_text("import pathlib, sibling\npathlib.Path('out').write_text(sibling.WORD + __name__)\n")
    program(folder, folder)()
    assert (folder / "out").read_text() == "hello__main__"


def test_a_failing_program_shows_its_own_frames_only(folder: Path) -> None:
    (folder / "__main__.py").write_text("def declare():\n    return {}['missing']\n\ndeclare()\n")
    with pytest.raises(RunError) as error:
        program(folder, folder)()
    assert "KeyError: 'missing'" in str(error.value)
    assert "__main__.py" in str(error.value)
    assert "language_host.py" not in str(error.value)


def test_a_message_for_people_stays_without_a_traceback(folder: Path) -> None:
    (folder / "__main__.py").write_text("import pulumi\nraise pulumi.RunError('acme.prod: no such tenant')\n")
    with pytest.raises(RunError, match=r"^acme\.prod: no such tenant$"):
        program(folder, folder)()
