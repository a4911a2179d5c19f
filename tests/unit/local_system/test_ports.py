"""Which ports a checkout gets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.errors import ExitCode, KpiError
from cli.ports import choose_ports
from local import settings as settings_module
from local.settings import LocalSettings, save_settings


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def choose(root: Path, environ: dict[str, str], *, ours: bool = False) -> tuple[LocalSettings, list[str]]:
    lines: list[str] = []
    return choose_ports(root, environ, ours=lambda _settings, _field: ours, say=lines.append), lines


def test_a_taken_default_moves_on_and_says_so(tmp_path: Path, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_module.LocalSettings.__init__, "__defaults__", (taken, free()))
    chosen, lines = choose(tmp_path, {})
    assert chosen.gateway_port > taken
    assert f"port {taken}" in lines[0]
    assert f"using {chosen.gateway_port} instead" in lines[0]


def test_a_taken_port_that_was_asked_for_is_an_error_naming_its_holder(tmp_path: Path, taken: int) -> None:
    with pytest.raises(KpiError) as error:
        choose(tmp_path, {"KPI_GATEWAY_PORT": str(taken), "KPI_WAREHOUSE_PORT": str(free())})
    assert error.value.code is ExitCode.ENVIRONMENT
    assert f"port {taken}" in str(error.value)
    assert "process" in str(error.value)
    assert "make up GATEWAY_PORT=<port>" in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_taken_saved_port_is_an_error_too(tmp_path: Path, taken: int) -> None:
    save_settings(LocalSettings(tmp_path, taken, free()))
    with pytest.raises(KpiError, match=r"saved in \.local/settings\.json"):
        choose(tmp_path, {})


def test_a_port_that_our_own_service_holds_is_fine(tmp_path: Path, taken: int) -> None:
    chosen, _ = choose(tmp_path, {"KPI_GATEWAY_PORT": str(taken), "KPI_WAREHOUSE_PORT": str(free())}, ours=True)
    assert chosen.gateway_port == taken


def test_one_port_for_two_services_is_refused(tmp_path: Path) -> None:
    port = str(free())
    with pytest.raises(KpiError, match="asked for twice"):
        choose(tmp_path, {"KPI_GATEWAY_PORT": port, "KPI_WAREHOUSE_PORT": port})
