"""Which ports a checkout gets."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from cli.errors import ExitCode, KpiError
from cli.ports import choose_ports
from local import ports
from local import settings as settings_module
from local.settings import DEFAULT_GATEWAY_PORT, DEFAULT_WAREHOUSE_PORT, LocalSettings, save_settings


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


def test_the_default_ports_are_none_that_systems_give_to_outgoing_connections() -> None:
    kernel = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first = int(kernel.read_text().split()[0]) if kernel.exists() else 32768
    assert max(DEFAULT_GATEWAY_PORT, DEFAULT_WAREHOUSE_PORT) < first


def test_a_port_that_only_a_passing_connection_holds_is_waited_for(passing_connection: socket.socket) -> None:
    port = passing_connection.getsockname()[1]
    assert not ports.is_free(port)
    closing = threading.Timer(0.3, passing_connection.close)
    closing.start()
    assert ports.becomes_free(port, 5)
    closing.join()


def test_a_saved_port_that_a_passing_connection_holds_is_used_when_it_has_gone(tmp_path: Path, passing_connection: socket.socket) -> None:
    port = passing_connection.getsockname()[1]
    save_settings(LocalSettings(tmp_path, free(), port))
    closing = threading.Timer(0.3, passing_connection.close)
    closing.start()
    assert choose(tmp_path, {})[0].warehouse_port == port
    closing.join()


def test_a_connection_that_stays_is_not_waited_for_for_ever(passing_connection: socket.socket) -> None:
    assert not ports.becomes_free(passing_connection.getsockname()[1], 0.3)


def test_a_port_that_somebody_listens_on_is_not_waited_for(taken: int) -> None:
    began = time.monotonic()
    assert not ports.becomes_free(taken, 60)
    assert time.monotonic() - began < 30
