"""Ports and environment of a checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.settings import LocalSettings, SettingsError, load_settings, save_settings


def test_without_anything_set_the_defaults_hold(tmp_path: Path) -> None:
    assert load_settings(tmp_path, {}) == LocalSettings(tmp_path, 4566, 25432)


def test_saved_ports_are_used_by_the_next_command(tmp_path: Path) -> None:
    save_settings(LocalSettings(tmp_path, 4700, 54700))
    assert load_settings(tmp_path, {}) == LocalSettings(tmp_path, 4700, 54700)


def test_an_asked_for_port_wins_over_the_saved_one(tmp_path: Path) -> None:
    save_settings(LocalSettings(tmp_path, 4700, 54700))
    assert load_settings(tmp_path, {"KPI_GATEWAY_PORT": "4800"}) == LocalSettings(tmp_path, 4800, 54700)


@pytest.mark.parametrize("value", ["http", "80", "70000", "45.66"])
def test_what_is_no_port_is_refused_by_name(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsError, match=f"KPI_GATEWAY_PORT: '{value}' is not a port"):
        load_settings(tmp_path, {"KPI_GATEWAY_PORT": value})


def test_a_broken_settings_file_says_what_to_do(tmp_path: Path) -> None:
    save_settings(LocalSettings(tmp_path))
    LocalSettings(tmp_path).settings_file.write_text("{")
    with pytest.raises(SettingsError, match=r"settings\.json: not valid JSON .*delete the file"):
        load_settings(tmp_path, {})


def test_the_environment_of_a_child_cannot_reach_a_real_account(tmp_path: Path) -> None:
    person = {"PATH": "/usr/bin", "AWS_PROFILE": "production", "AWS_SESSION_TOKEN": "secret", "AWS_ACCESS_KEY_ID": "AKIAREAL"}
    child = LocalSettings(tmp_path, gateway_port=4700).process_env(person)
    assert "AWS_PROFILE" not in child
    assert "AWS_SESSION_TOKEN" not in child
    assert child["AWS_ACCESS_KEY_ID"] == "test"
    assert child["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4700"
    assert not Path(child["AWS_SHARED_CREDENTIALS_FILE"]).exists()


def test_the_own_commands_come_first_on_the_path_and_only_once(tmp_path: Path) -> None:
    settings = LocalSettings(tmp_path)
    once = settings.env({"PATH": "/usr/bin"})["PATH"]
    assert once == f"{tmp_path}/.local/bin:{tmp_path}/bin:/usr/bin"
    assert settings.env({"PATH": once})["PATH"] == once


def test_two_checkouts_share_no_path(tmp_path: Path) -> None:
    one, other = (LocalSettings(tmp_path / name).env({"PATH": "/usr/bin"}) for name in ("one", "other"))
    shared = {name for name in one if one[name] == other[name] and str(tmp_path) in one[name]}
    assert shared == set()
