"""Function packages: the same bytes from the same content, whoever builds them, and nothing but what a function needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra import packages
from infra.config import FunctionTarget

ROOT = Path(__file__).resolve().parents[2]
HERE = packages.target(FunctionTarget.LOCAL_PYTHON)
ARM = packages.target(FunctionTarget.AWS_ARM64)
SPEC = packages.PackageSpec("small", "small.lock", ("app",))


@pytest.fixture
def uv() -> str:
    """The real uv: `make up` installs it, and these tests are about what it installs."""
    return packages.find_uv(ROOT, os.environ)


def checkout(folder: Path) -> Path:
    """A little repository with one dependency, which the product's own lock file pins."""
    (folder / "app" / "tests").mkdir(parents=True)
    (folder / "app" / "__init__.py").write_text("")
    (folder / "app" / "handler.py").write_text("def handler(event, context):\n    return event\n")
    (folder / "app" / "tests" / "test_handler.py").write_text("")
    (folder / "app" / "stale.pyc").write_bytes(b"stale")
    lines = (ROOT / "lambdas" / "requirements-control.lock").read_text().splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("tzdata=="))
    pinned = [lines[start], *(line for line in lines[start + 1 : start + 4] if line.strip().startswith("--hash"))]
    (folder / "small.lock").write_text("\n".join(pinned).rstrip("\\") + "\n")
    return folder


def names(package: packages.Package) -> list[str]:
    with zipfile.ZipFile(package.path) as archive:
        return archive.namelist()


def test_two_builds_from_scratch_in_different_folders_are_byte_identical(tmp_path: Path, uv: str) -> None:
    env = {"KPI_UV": uv}
    one = packages.build(SPEC, HERE, checkout(tmp_path / "one"), tmp_path / "cache-one", env)
    time.sleep(1.1)  # a clock that had moved on would show in the bytes
    two = packages.build(SPEC, HERE, checkout(tmp_path / "elsewhere" / "two"), tmp_path / "cache-two", env)
    assert one.path.read_bytes() == two.path.read_bytes()
    assert one.sha256 == two.sha256


def test_an_untouched_rebuild_installs_nothing_and_is_quick(tmp_path: Path, uv: str) -> None:
    root = checkout(tmp_path / "root")
    first = packages.build(SPEC, HERE, root, tmp_path / "cache", {"KPI_UV": uv})
    began = time.perf_counter()
    again = packages.build(SPEC, HERE, root, tmp_path / "cache", {"PATH": ""})
    assert again == first
    assert time.perf_counter() - began < 1


def test_a_changed_source_changes_the_package_and_changing_it_back_restores_it(tmp_path: Path, uv: str) -> None:
    root, env = checkout(tmp_path / "root"), {"KPI_UV": uv}
    source = root / "app" / "handler.py"
    before = packages.build(SPEC, HERE, root, tmp_path / "cache", env)
    text = source.read_text()
    source.write_text(text + "# changed\n")
    # Only our own sources changed, so the installer is not needed.
    assert packages.build(SPEC, HERE, root, tmp_path / "cache", {"PATH": ""}).sha256 != before.sha256
    source.write_text(text)
    assert packages.build(SPEC, HERE, root, tmp_path / "cache", {"PATH": ""}) == before


def test_touching_a_file_without_changing_it_changes_nothing(tmp_path: Path, uv: str) -> None:
    root = checkout(tmp_path / "root")
    before = packages.build(SPEC, HERE, root, tmp_path / "cache", {"KPI_UV": uv})
    os.utime(root / "app" / "handler.py")
    shutil.rmtree(tmp_path / "cache")
    assert packages.build(SPEC, HERE, root, tmp_path / "cache", {"KPI_UV": uv}).sha256 == before.sha256


def test_a_package_holds_sources_and_dependencies_and_no_noise(tmp_path: Path, uv: str) -> None:
    inside = names(packages.build(SPEC, HERE, checkout(tmp_path / "root"), tmp_path / "cache", {"KPI_UV": uv}))
    assert "app/handler.py" in inside
    assert "tzdata/__init__.py" in inside
    noise = ("stale.pyc", "/RECORD", "/INSTALLER", "/REQUESTED", "direct_url.json")
    assert [name for name in inside if name.endswith(noise) or "/tests/" in name or name.startswith("bin/")] == []


def test_modules_are_compiled_for_the_building_interpreter_and_no_other(tmp_path: Path, uv: str) -> None:
    root = checkout(tmp_path / "root")
    here = names(packages.build(SPEC, HERE, root, tmp_path / "cache", {"KPI_UV": uv}))
    assert f"app/__pycache__/handler.{sys.implementation.cache_tag}.pyc" in here
    elsewhere = names(packages.build(SPEC, ARM, root, tmp_path / "cache", {"KPI_UV": uv}))
    assert [name for name in elsewhere if name.endswith(".pyc")] == []


def test_builds_at_the_same_time_wait_for_each_other(tmp_path: Path, uv: str) -> None:
    root = checkout(tmp_path / "root")
    with ThreadPoolExecutor(4) as pool:
        built = list(pool.map(lambda _: packages.build(SPEC, HERE, root, tmp_path / "cache", {"KPI_UV": uv}), range(4)))
    assert len(set(built)) == 1
    assert sorted(path.suffix for path in (tmp_path / "cache").iterdir() if path.suffix == ".tmp") == []


def test_a_function_package_runs_with_nothing_else_on_the_path(tmp_path: Path, uv: str) -> None:
    package = packages.build(packages.CONTROL, HERE, ROOT, tmp_path / "cache", {"KPI_UV": uv})
    with zipfile.ZipFile(package.path) as archive:
        archive.extractall(tmp_path / "task")
    code = "import sys; sys.path.insert(0, sys.argv[1]); import pydantic; assert pydantic.__file__.startswith(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(tmp_path / "task")], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("spec", [packages.CONTROL, packages.RUNNER], ids=lambda spec: spec.name)
def test_every_dependency_has_a_wheel_for_lambda_on_arm(tmp_path: Path, uv: str, spec: packages.PackageSpec) -> None:
    target = ARM
    package = packages.build(spec, target, ROOT, tmp_path / "cache", {"KPI_UV": uv})
    libraries = [name for name in names(package) if name.endswith(".so")]
    assert libraries
    assert [name for name in libraries if "x86_64" in name] == []
    with zipfile.ZipFile(package.path) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    assert unpacked < 250 * 1024**2, "Lambda refuses packages of more than 250 MB unpacked"


def test_a_wrong_hash_in_the_lock_file_is_refused(tmp_path: Path, uv: str) -> None:
    root = checkout(tmp_path / "root")
    lock = root / "small.lock"
    lock.write_text(lock.read_text().split("--hash")[0] + "--hash=sha256:" + "0" * 64 + "\n")
    with pytest.raises(packages.PackageError, match=r"could not install small\.lock"):
        packages.build(SPEC, HERE, root, tmp_path / "cache", {"KPI_UV": uv})
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".lock"], "nothing half-built stays"


def test_a_missing_lock_file_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(packages.PackageError, match=r"small\.lock is missing; restore it from git"):
        packages.build(SPEC, HERE, tmp_path, tmp_path / "cache", {})


def test_a_missing_uv_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(packages.PackageError, match=r"uv is missing.*make up"):
        packages.find_uv(tmp_path, {"PATH": str(tmp_path)})


def test_every_service_that_a_function_calls_is_in_its_package(tmp_path: Path, uv: str) -> None:
    code = "".join(path.read_text() for path in (ROOT / "lambdas").rglob("*.py"))
    called = set(re.findall(r"(?:clients?|_base)\(\"([a-z0-9-]+)\"\)", code))
    assert {"dynamodb", "secretsmanager", "sts"} <= called
    assert called <= packages.AWS_SERVICES
    inside = names(packages.build(packages.RUNNER, HERE, ROOT, tmp_path / "cache", {"KPI_UV": uv}))
    described = {name.split("/")[2] for name in inside if name.startswith("botocore/data/") and name.count("/") > 2}
    assert described == packages.AWS_SERVICES
    assert "botocore/data/endpoints.json" in inside
