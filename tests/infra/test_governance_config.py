"""Rules of change, limits, holidays and approvers of a tenant: from the stack's config to what the control plane keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.config import ChangePolicy, Limits, TenantConfig
from infra.read_config import ConfigError, read
from infra.stack import StackInfo
from lambdas.domain.control.policy import Policy
from lambdas.domain.limits.limiter import Limits as KeptLimits
from lambdas.domain.tenants.model import Deployed, Governance
from tests.infra.harness import TENANT, declare

KEY = "kpi-observatory:"
SAID: dict[str, Any] = {
    "limits": {"reads": 60},
    "changePolicy": {
        "windows": [{"days": [0, 1], "start": "08:00", "end": "18:00"}],
        "freezes": [{"start": "2026-12-20", "until": "2027-01-04", "reason": "year end"}],
        "publishWithin": "3d",
        "gates": {"soak": "12h"},
        "packs": "requests",
        "approvers": {"business": ["cfo"]},
    },
    "holidays": [{"date": "2026-12-25", "name": "Christmas"}],
    "sources": ["GDP_Flights"],
}


def settings(checkout: Path, said: dict[str, Any]) -> dict[str, Any]:
    """What the stack registers the tenant with."""
    values = TENANT | {f"{KEY}{name}": json.dumps(value) for name, value in said.items()}
    recording = declare("acme.prod", values, checkout)
    request = json.loads(recording.one("aws:lambda/invocation:Invocation", "onboard").inputs["input"])
    found: dict[str, Any] = request["settings"]
    return found


def test_a_stack_that_says_nothing_registers_nothing_so_the_defaults_are_the_products(checkout: Path) -> None:
    registered = settings(checkout, {})
    assert "governance" not in registered
    assert Deployed.model_validate(registered).governance == Governance()


def test_what_the_config_says_is_what_the_control_plane_keeps(checkout: Path) -> None:
    deployed = Deployed.model_validate(settings(checkout, SAID))
    assert deployed.sources == ("GDP_Flights",)
    rules = deployed.governance
    assert (rules.limits.reads, rules.limits.writes) == (60, KeptLimits().writes)
    policy = json.loads(rules.policy.model_dump_json())
    assert policy["windows"] == [{"days": [0, 1], "start": "08:00", "end": "18:00"}]
    assert policy["freezes"][0]["reason"] == "year end"
    assert (policy["publish_within"], policy["gates"]["soak"], policy["gates"]["runs"]) == ("3d", "12h", 3)
    assert policy["packs"] == "requests"
    assert policy["grace"] == json.loads(Policy().model_dump_json())["grace"]
    assert "timezone" not in rules.policy.model_fields_set
    assert (rules.calendar.holidays[0].date, rules.policy.approvers.business) == ("2026-12-25", ("cfo",))


def test_the_defaults_in_the_config_are_those_of_the_control_plane() -> None:
    kept = json.loads(Policy().model_dump_json())
    assert json.loads(ChangePolicy().model_dump_json()) == kept
    assert Limits().model_dump() == KeptLimits().model_dump()


@pytest.mark.parametrize(
    ("name", "value", "place", "expected"),
    [
        ("limits", {"reads": 0}, "limits.reads", "reads a minute"),
        ("changePolicy", {"windows": [{"days": [7], "start": "08:00", "end": "18:00"}]}, "changePolicy.windows.0.days.0", "weekdays"),
        ("changePolicy", {"windows": [{"days": [0], "start": "8 am", "end": "18:00"}]}, "changePolicy.windows.0.start", "such as 08:00"),
        ("changePolicy", {"grace": "a month"}, "changePolicy.grace", "such as 30d"),
        ("changePolicy", {"grace": "3661d"}, "changePolicy.grace", "such as 30d"),
        ("changePolicy", {"gates": {"failedShare": 2}}, "changePolicy.gates.failedShare", "0 to 1"),
        (
            "changePolicy",
            {"freezes": [{"start": "2026-02-01", "until": "2026-01-01", "reason": "x"}]},
            "changePolicy.freezes.0.until",
            "after the start",
        ),
        ("holidays", [{"date": "2026-02-30", "name": "No day"}], "holidays.0.date", "such as 2026-12-25"),
        ("holidays", [{"date": "9999-12-31", "name": "The end"}], "holidays.0.date", "such as 2026-12-25"),
    ],
)
def test_a_rule_that_cannot_be_is_told_with_its_place(name: str, value: Any, place: str, expected: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(StackInfo.parse("acme.prod"), TenantConfig, TENANT | {f"{KEY}{name}": json.dumps(value)})
    line = str(refused.value).splitlines()[1]
    assert f"{KEY}{place}: is " in line
    assert expected in line
