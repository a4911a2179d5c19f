"""Steps that several workflows share: asking for a change, and signing it."""

from __future__ import annotations

from typing import Any

from tests.local.workflows.http import Answer, Person
from tests.local.workflows.people import People


def version(kpi_id: str, number: str, last: str) -> str:
    """The path of an action on a version."""
    return f"/kpis/{kpi_id}/versions/{number}/{last}"


def asked_for(by: Person, kpi_id: str, number: str, requested: str, *, reason: str, environment: str = "prod") -> str:
    """Ask for the sign-off of a change; gives the id of the change request."""
    body = {"requested": requested, "reason": reason}
    receipt = by.post(version(kpi_id, number, "submit"), body, environment=environment).ok()
    return str(receipt["request_id"])


def read(by: Person, request_id: str, environment: str = "prod") -> dict[str, Any]:
    """A change request with what is still missing and the hash that signatures are bound to."""
    return by.get(f"/approvals/{request_id}", environment=environment).ok()


def sign(by: Person, request_id: str, side: str, environment: str = "prod", content_hash: str | None = None) -> Answer:
    """Sign what one has read."""
    seen = content_hash or read(by, request_id, environment)["content_hash"]
    body = {"choice": "approve", "side": side, "content_hash": seen, "reason": f"the {side} side agrees"}
    return by.post(f"/approvals/{request_id}/decision", body, environment=environment)


def both_sign(people: People, request_id: str, environment: str = "prod") -> None:
    """Business and technology sign off."""
    assert sign(people.business, request_id, "business", environment).ok()["details"]["missing"] == ["technical sign-off"]
    assert sign(people.technical, request_id, "technical", environment).ok()["details"]["state"] == "approved"


def status(by: Person, kpi_id: str, number: str, environment: str = "prod") -> str:
    """Where a version is in its life."""
    found = by.get(f"/kpis/{kpi_id}/versions", environment=environment).ok()["versions"]
    return next(each["status"] for each in found if each["contract_version"] == number)


def running(by: Person, kpi_id: str, environment: str = "prod") -> str | None:
    """Which version runs."""
    return by.get(f"/kpis/{kpi_id}/versions", environment=environment).ok()["active_version"]
