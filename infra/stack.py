"""Which stack this is: its name, parsed once, and the names of everything in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

PROJECT = "kpi-observatory"
ENVIRONMENTS = ("dev", "stg", "prod")
_SLUG = re.compile(r"^[a-z][a-z0-9-]{1,19}$")


class StackKind(StrEnum):
    """The three kinds of stack of the project."""

    PLATFORM = "platform"
    TENANT = "tenant"
    CLUSTER = "cluster"


class StackNameError(ValueError):
    """The stack's name says neither a platform, a tenant nor a cluster; the message lists the forms."""


@dataclass(frozen=True)
class StackInfo:
    """A stack's name, taken apart.

    `subject` is what stands before the dot; `environment` what follows: a tenant's KPI environment, or the deployment's name.
    """

    name: str
    kind: StackKind
    subject: str
    environment: str

    @classmethod
    def parse(cls, name: str) -> Self:
        """Read `platform.<deployment>`, `cluster.<deployment>` or `<tenant>.<environment>`.

        Raises:
            StackNameError: naming the stack and the expected forms.
        """
        subject, dot, environment = name.partition(".")
        problem = _problem(subject, environment) if dot else "it has no dot"
        if problem:
            forms = "platform.<deployment>, cluster.<deployment> or <tenant>.<dev|stg|prod>"
            raise StackNameError(f"stack '{name}': {problem}; expected {forms}, in lower case, such as platform.local or acme.prod")
        kind = StackKind(subject) if subject in (StackKind.PLATFORM, StackKind.CLUSTER) else StackKind.TENANT
        return cls(name, kind, subject, environment)

    @property
    def config_file(self) -> str:
        """The stack's config file, from the repository root."""
        return f"stacks/Pulumi.{self.name}.yaml"

    @property
    def tags(self) -> dict[str, str]:
        """The tags every resource of the stack has."""
        own = {"project": PROJECT, "stack": self.name, "stack-kind": self.kind.value, "managed-by": "pulumi"}
        if self.kind is StackKind.TENANT:
            return own | {"tenant": self.subject, "environment": self.environment}
        return own | {"deployment": self.environment}


def _problem(subject: str, environment: str) -> str | None:
    if not _SLUG.match(subject):
        return f"'{subject}' is not a name of 2 to 20 lower-case letters, digits and hyphens"
    if not _SLUG.match(environment):
        return f"'{environment}' is not a name of 2 to 20 lower-case letters, digits and hyphens"
    if subject not in (StackKind.PLATFORM, StackKind.CLUSTER) and environment not in ENVIRONMENTS:
        return f"'{environment}' is not an environment of a tenant"
    if subject not in (StackKind.PLATFORM, StackKind.CLUSTER) and (inside := [each for each in ENVIRONMENTS if f"-{each}-" in subject]):
        # What belongs to a tenant is found by how its name begins, such as kpi-local-acme-prod-.
        return f"'{subject}' holds '-{inside[0]}-', so names of its resources would begin like those of another tenant's"
    return None
