"""The policy files, read, checked against the schema and parsed once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cedarpy

HERE = Path(__file__).parent


class PolicyError(ValueError):
    """Policies that cannot be used. The message lists every problem by policy."""


@dataclass(frozen=True)
class Policy:
    """What a policy says of itself. `role` is the role a permit is for; None where it is for everybody."""

    name: str
    permits: bool
    says: str
    role: str | None
    actions: frozenset[str]


@dataclass(frozen=True)
class PolicyBook:
    """Parsed policies with their schema; `by_place` finds a policy by the identifier Cedar gave it (`policy0`, ...)."""

    schema: cedarpy.Schema
    parsed: cedarpy.PolicySet
    by_place: Mapping[str, Policy]

    @property
    def all(self) -> tuple[Policy, ...]:
        """The policies in the order of the files."""
        return tuple(self.by_place.values())


def schema_text() -> str:
    """The schema, in Cedar's own notation."""
    return (HERE / "schema.cedarschema").read_text("utf-8")


def policy_text() -> str:
    """All policy files, one after the other, by name."""
    return "\n".join(path.read_text("utf-8") for path in sorted((HERE / "policies").glob("*.cedar")))


def read_book(schema: str, policies: str) -> PolicyBook:
    """Parse and validate policies (Cedar's strict validation).

    Raises:
        PolicyError: when schema or policies do not parse, do not fit each other, or a policy has no name and no explanation, or
            a name twice.
    """
    try:
        parsed_schema = cedarpy.Schema.from_str(schema)
        parsed = cedarpy.PolicySet.from_str(policies)
        documents: dict[str, dict[str, Any]] = json.loads(cedarpy.policies_to_json_str(policies))["staticPolicies"]
    except ValueError as error:
        raise PolicyError(f"the Cedar files do not parse: {error}") from error
    found = {place: _described(document) for place, document in documents.items()}
    problems = [
        f"{found[each.policy_id].name if each.policy_id in found else 'schema'}: {each.error}"
        for each in cedarpy.validate_policies(policies, parsed_schema).errors
    ]
    names = [policy.name for policy in found.values()]
    problems += [f"{name}: the @id is used twice" for name in sorted({name for name in names if names.count(name) > 1})]
    problems += [f"{policy.name or place}: needs @id and @says" for place, policy in found.items() if not policy.name or not policy.says]
    if problems:
        raise PolicyError("the policies are not usable:\n" + "\n".join(problems))
    by_place = {place: found[place] for place in sorted(found, key=lambda place: int(place.removeprefix("policy")))}
    return PolicyBook(parsed_schema, parsed, by_place)


@cache
def installed() -> PolicyBook:
    """The policies of this installation."""
    return read_book(schema_text(), policy_text())


def _described(document: Mapping[str, Any]) -> Policy:
    notes: dict[str, str] = document.get("annotations", {})
    who: dict[str, Any] = document["principal"]
    entity: dict[str, str] = who.get("entity", {})
    what: dict[str, Any] = document["action"]
    named: list[dict[str, str]] = what.get("entities") or ([what["entity"]] if "entity" in what else [])
    return Policy(
        name=notes.get("id", ""),
        permits=document["effect"] == "permit",
        says=notes.get("says", ""),
        role=entity["id"] if entity.get("type") == "Role" else None,
        actions=frozenset(action["id"] for action in named),
    )
