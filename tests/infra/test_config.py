"""Stack names and config: everything wrong is told at once, with file, key and expected form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import program
from infra.config import PlatformConfig, TenantConfig
from infra.read_config import ConfigError, read
from infra.stack import PROJECT, StackInfo, StackKind, StackNameError
from tests.infra.harness import PLATFORM, TENANT, declare

ROOT = Path(__file__).resolve().parents[2]


def problems(name: str, values: dict[str, str]) -> list[str]:
    info = StackInfo.parse(name)
    model = PlatformConfig if info.kind is StackKind.PLATFORM else TenantConfig
    with pytest.raises(ConfigError) as refused:
        read(info, model, values)
    return str(refused.value).splitlines()


def committed(name: str) -> dict[str, str]:
    """A committed stack file, as the engine hands it to the program."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "stacks" / name).read_text())["config"]
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in document.items()}


@pytest.mark.parametrize(
    ("name", "kind", "environment"),
    [
        ("platform.local", StackKind.PLATFORM, "local"),
        ("cluster.prod", StackKind.CLUSTER, "prod"),
        ("acme.prod", StackKind.TENANT, "prod"),
        ("big-corp.stg", StackKind.TENANT, "stg"),
    ],
)
def test_a_stack_name_says_what_it_is(name: str, kind: StackKind, environment: str) -> None:
    info = StackInfo.parse(name)
    assert (info.kind, info.environment) == (kind, environment)


@pytest.mark.parametrize(
    "name", ["acme", "Acme.prod", "acme.production", "acme.", ".prod", "acme.prod.eu", "a.prod", "platform.L", "a b.dev", "acme-prod-x.dev"]
)
def test_a_name_that_says_nothing_is_refused_with_the_forms(name: str) -> None:
    with pytest.raises(StackNameError, match=r"platform\.<deployment>, cluster\.<deployment> or <tenant>\.<dev\|stg\|prod>"):
        StackInfo.parse(name)


def test_a_cluster_stack_is_not_available_yet_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program.pulumi, "get_stack", lambda: "cluster.prod")
    with pytest.raises(program.NotAvailableError, match="not available yet"):
        program.main()


def test_all_problems_are_told_at_once_with_file_key_and_expected_form() -> None:
    values = {
        "kpi-observatory:accountId": "12345",
        "kpi-observatory:functionTarget": "aws-x86",
        "kpi-observatory:api": '{"throttleRate": 0, "customID": "x"}',
        "kpi-observatory:protct": "false",
    }
    head, *lines = problems("platform.local", values)
    assert head.startswith("stacks/Pulumi.platform.local.yaml: 5 problem(s)")
    text = "\n".join(lines)
    assert 'kpi-observatory:accountId: is "12345"; expected the 12 digits' in text
    assert 'kpi-observatory:functionTarget: is "aws-x86"; expected aws-arm64 or local-python' in text
    assert "kpi-observatory:api.throttleRate: is 0; expected requests a second, 1 to 10000" in text
    assert "kpi-observatory:api.customID: unknown key; did you mean 'customId'?" in text
    assert "kpi-observatory:protct: unknown key; did you mean 'protect'?" in text


def test_a_missing_key_is_named_with_what_it_should_be() -> None:
    _, *lines = problems("acme.prod", {"kpi-observatory:accountId": "123456789012"})
    assert "  kpi-observatory:platform: missing; expected the platform stack it belongs to, such as platform.prod" in lines
    assert any(line.startswith("  kpi-observatory:displayName: missing") for line in lines)


def test_a_key_of_the_other_kind_of_stack_is_refused() -> None:
    _, line = problems("platform.local", PLATFORM | {"kpi-observatory:replayYear": "2013"})
    assert line.startswith("  kpi-observatory:replayYear: unknown key")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("timezone", "Mars/Olympus", "IANA"),
        ("currency", "Euro", "ISO 4217"),
        ("replayYear", "soon", "the year"),
        ("platform", "prod", "platform.prod"),
        ("logRetentionDays", "31", "CloudWatch Logs accepts"),
        ("alertRoutes", '[{"severity":"loud","protocol":"email","endpoint":"a@example.com"}]', "low, medium, high or critical"),
    ],
)
def test_a_wrong_value_of_a_tenant_is_told_with_the_expected_form(key: str, value: str, expected: str) -> None:
    _, line = problems("acme.prod", TENANT | {f"kpi-observatory:{key}": value})
    assert f"kpi-observatory:{key}" in line
    assert expected in line


def test_nothing_is_declared_when_the_config_is_wrong(checkout: Path) -> None:
    with pytest.raises(ConfigError):
        declare("platform.local", PLATFORM | {"kpi-observatory:unheard": "1"}, checkout)


def test_a_missing_region_is_told(checkout: Path) -> None:
    values = {key: value for key, value in PLATFORM.items() if key != "aws:region"}
    with pytest.raises(ConfigError, match="aws:region is missing"):
        declare("platform.local", values, checkout)


@pytest.mark.parametrize("path", sorted((ROOT / "stacks").glob("Pulumi.*.yaml")), ids=lambda path: path.name)
def test_every_committed_stack_config_is_valid(path: Path) -> None:
    info = StackInfo.parse(path.name.removeprefix("Pulumi.").removesuffix(".yaml"))
    read(info, PlatformConfig if info.kind is StackKind.PLATFORM else TenantConfig, committed(path.name))


def test_the_tenant_template_is_valid_as_it_is_and_with_every_line_filled_in() -> None:
    info = StackInfo.parse("example.prod")
    read(info, TenantConfig, committed("TEMPLATE-tenant.yaml"))
    text = (ROOT / "stacks" / "TEMPLATE-tenant.yaml").read_text()
    filled = yaml.safe_load(text.replace("  # kpi-observatory:", "  kpi-observatory:").replace("  #   - ", "    - "))["config"]
    assert {key.removeprefix(f"{PROJECT}:") for key in filled if key.startswith(PROJECT)} == {
        model_field.alias for model_field in TenantConfig.model_fields.values()
    }
    read(info, TenantConfig, {key: value if isinstance(value, str) else json.dumps(value) for key, value in filled.items()})


def test_the_embedded_stacks_need_no_secret_config() -> None:
    for path in (ROOT / "stacks").glob("Pulumi.*.yaml"):
        assert "secure:" not in path.read_text(), path.name


def test_a_missing_packs_folder_is_told_before_anything_is_declared(tmp_path: Path) -> None:
    with pytest.raises(program.pulumi.RunError, match="folder 'packs' does not exist"):
        declare("platform.local", PLATFORM, tmp_path)


def test_broken_packs_are_told_before_anything_is_declared(tmp_path: Path) -> None:
    folder = tmp_path / "packs" / "cfo"
    folder.mkdir(parents=True)
    (folder / "pack.yaml").write_text("kind: kpi\nid: [unclosed\n")
    with pytest.raises(program.pulumi.RunError, match=r"pack\.yaml:\d+"):
        declare("platform.local", PLATFORM, tmp_path)
