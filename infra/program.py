"""From the stack's name to the module that declares it."""

from __future__ import annotations

from pathlib import Path

import pulumi

from infra.stack import StackInfo, StackKind, StackNameError

ROOT = Path(__file__).resolve().parent.parent


class NotAvailableError(pulumi.RunError):
    """The kind of stack has no program yet."""


def main() -> None:
    """Declare the stack Pulumi asks for.

    Raises:
        pulumi.RunError: shown by the engine as one message, without a traceback.
    """
    try:
        info = StackInfo.parse(pulumi.get_stack())
    except StackNameError as error:
        raise pulumi.RunError(str(error)) from error
    match info.kind:
        case StackKind.PLATFORM:
            from infra import platform_stack

            platform_stack.declare(info, ROOT)
        case StackKind.TENANT:
            from infra import tenant_stack

            tenant_stack.declare(info, ROOT)
        case StackKind.CLUSTER:
            # infra/cluster_stack.py goes here.
            raise NotAvailableError(
                f"stack '{info.name}': cluster stacks are not available yet; use platform.<deployment> or <tenant>.<dev|stg|prod>"
            )
