"""promtool and amtool are found, or unpacked from Debian's packages, or asked for in words; with stand-ins for apt and the tools."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest

from local.monitoring_tools import cached_tools, ensure_monitoring_tools, find_monitoring_tools
from local.steps import StepError, Steps

APT = """#!/bin/sh
echo "$@" >> "$HOME/apt.log"
case "$*" in
  *Dir::State=*download*) ;;
  *update*) exit 0 ;;
  *download*) {system} ;;
esac
for package in prometheus_1 prometheus-alertmanager_1; do touch "$package.deb"; done
"""
UNPACK = """#!/bin/sh
mkdir -p "$3/usr/bin"
for tool in promtool amtool; do
  printf '#!/bin/sh\\necho "%s, version {version}"\\n' "$tool" > "$3/usr/bin/$tool"
  chmod +x "$3/usr/bin/$tool"
done
"""


class Machine:
    """A home and a PATH that holds nothing but what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.home, self.out = folder / "bin", folder / "home", io.StringIO()
        self.bin.mkdir()
        self.home.mkdir()
        for name in ("mkdir", "touch", "chmod"):
            (self.bin / name).symlink_to(str(shutil.which(name)))
        self.environ = {"PATH": str(self.bin), "HOME": str(self.home)}
        self.steps = Steps(out=self.out)

    def install(self, name: str, script: str) -> None:
        (self.bin / name).write_text(script)
        (self.bin / name).chmod(0o755)

    def with_debian(self, *, system: str = "true", version: str = "2.42.0") -> Machine:
        self.install("apt-get", APT.replace("{system}", system))
        self.install("dpkg-deb", UNPACK.replace("{version}", version))
        return self


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_tools_on_path_are_used_as_they_are(machine: Machine) -> None:
    for name, version in (("promtool", "2.53.1"), ("amtool", "0.27.0")):
        machine.install(name, f"#!/bin/sh\necho '{name}, version {version} (branch: HEAD)'\n")
    found = ensure_monitoring_tools(machine.steps, machine.environ)
    assert (found.promtool, found.amtool) == (machine.bin / "promtool", machine.bin / "amtool")
    assert machine.out.getvalue() == ""


@pytest.mark.parametrize(("promtool", "amtool"), [("2.31.0", "0.27.0"), ("2.53.1", "0.24.0")])
def test_a_tool_that_is_too_old_is_passed_over(machine: Machine, promtool: str, amtool: str) -> None:
    for name, version in (("promtool", promtool), ("amtool", amtool)):
        machine.install(name, f"#!/bin/sh\necho '{name}, version {version}'\n")
    assert find_monitoring_tools(machine.environ) is None


def test_tools_are_unpacked_once_into_the_users_cache_and_nothing_else_is_left(machine: Machine) -> None:
    machine.with_debian()
    found = ensure_monitoring_tools(machine.steps, machine.environ)
    assert found.promtool == cached_tools(machine.environ) / "bin" / "promtool"
    assert sorted(path.name for path in cached_tools(machine.environ).iterdir()) == ["bin", "unpack.lock"]
    (machine.bin / "apt-get").unlink()
    assert ensure_monitoring_tools(machine.steps, machine.environ) == found


def test_a_user_whose_system_has_no_package_lists_gets_lists_of_their_own(machine: Machine) -> None:
    machine.with_debian(system="echo 'E: Unable to locate package'; exit 100")
    assert ensure_monitoring_tools(machine.steps, machine.environ).amtool.exists()
    first, update, again = (machine.home / "apt.log").read_text().splitlines()
    assert "Dir::State" not in first
    assert f"Dir::State={cached_tools(machine.environ)}" in update
    assert again.endswith("download prometheus prometheus-alertmanager")


def test_a_system_without_apt_is_told_how_to_get_the_tools(machine: Machine) -> None:
    with pytest.raises(StepError, match=r"no apt-get; put promtool \(2\.40 or newer\).*brew install"):
        ensure_monitoring_tools(machine.steps, machine.environ)


def test_packages_that_cannot_be_downloaded_or_are_too_old_are_told_with_the_way_out(machine: Machine) -> None:
    machine.with_debian(system="exit 100")
    machine.install("apt-get", "#!/bin/sh\necho 'E: no network'; exit 100\n")
    with pytest.raises(StepError, match=r"could not download(.|\n)*no network"):
        ensure_monitoring_tools(machine.steps, machine.environ)
    machine.with_debian(version="2.30.0")
    with pytest.raises(StepError, match="too old; put promtool"):
        ensure_monitoring_tools(machine.steps, machine.environ)
