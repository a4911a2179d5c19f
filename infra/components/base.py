"""What all components share: where children hang, what guards a record, and the context of their stack."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.names import Names


@dataclass(frozen=True)
class Context:
    """What every component of a stack knows. `log_retention_days` is for operational logs."""

    names: Names
    protect: bool
    log_retention_days: int


class Component(pulumi.ComponentResource):
    """A capability. Children take `self.child()`, records `self.record()`."""

    def __init__(self, kind: str, ctx: Context, opts: pulumi.ResourceOptions | None) -> None:
        """Register the component as `kpi:infra:<kind>`, named in kebab-case after its kind."""
        name = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in kind).lstrip("-")
        super().__init__(f"kpi:infra:{kind}", name, None, opts)
        self.ctx = ctx

    def child(self, *, depends_on: list[pulumi.Resource] | None = None, parent: pulumi.Resource | None = None) -> pulumi.ResourceOptions:
        """Options of an ordinary child."""
        return pulumi.ResourceOptions(parent=parent or self, depends_on=depends_on)

    def record(self) -> pulumi.ResourceOptions:
        """Options of a child that holds records: Pulumi refuses to delete it while the stack is protected."""
        return pulumi.ResourceOptions(parent=self, protect=self.ctx.protect)
