"""How a service module declares a resource type: see `local.provider.services.s3` for a complete, explained example."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from local.provider.framework.context import Context
from local.provider.framework.schema import TAGS, Property, text

Inputs: TypeAlias = dict[str, Any]
"""Checked inputs, camelCase as in the SDK, numbers already integers where declared so. With tags, `tagsAll` is in it too."""


@dataclass(frozen=True)
class Observed:
    """What AWS says about a resource.

    `inputs`: values of input properties, in the SDK's shape, as AWS reports them. Leave out what AWS does not tell (declare
    it `write_only` or say so in the docstring): refresh keeps the state's value. `outputs`: the output-only properties.
    """

    inputs: Inputs = field(default_factory=dict[str, Any])
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Tags:
    """How tags of a type are read and written. `write` gets tags to set and keys to remove; either may be empty."""

    read: Callable[[Context, str, Inputs], dict[str, str]]
    write: Callable[[Context, str, Inputs, dict[str, str], list[str]], None]


def no_update(ctx: Context, id: str, old: Inputs, new: Inputs) -> None:
    """For resources where nothing but tags can change in place."""


@dataclass(frozen=True)
class Resource:
    """One resource type.

    create(ctx, inputs) -> id; read(ctx, id, state) -> Observed, raising AWS's not-found error (or returning None) when gone;
    update(ctx, id, old_inputs, new_inputs); delete(ctx, id, state). `state` is inputs and outputs as last known (after create: the
    inputs alone; on import: empty). The framework calls `read` after create and update to fill the outputs.
    """

    token: str
    inputs: Mapping[str, Property]
    create: Callable[[Context, Inputs], str]
    read: Callable[[Context, str, Inputs], Observed | None]
    delete: Callable[[Context, str, Inputs], None]
    update: Callable[[Context, str, Inputs, Inputs], None] | None = None
    """None: any change replaces the resource."""
    outputs: tuple[str, ...] = ()
    """Output-only properties (unknown in a preview of a create)."""
    volatile: tuple[str, ...] = ()
    """Outputs that an update may change (unknown in a preview of an update)."""
    name: str | None = None
    """The physical-name input: autonamed when absent; a change of it replaces."""
    name_suffix: str = ""
    """What a physical name must end with (`.fifo`)."""
    find: Callable[[Context, Inputs], str | None] | None = None
    """The id of an existing resource that create would collide with or silently overwrite. None where AWS names are not unique."""
    tags: Tags | None = None
    must_replace: Callable[[str, Inputs], bool] | None = None
    """Where replacing depends on other inputs: (top-level property that changed, new inputs)."""

    @property
    def all_inputs(self) -> Mapping[str, Property]:
        """The declared inputs plus what the framework handles for every type: `region` and `tags`."""
        common = {"region": text(replace=True, computed=True)}
        return {**self.inputs, **common, **({"tags": TAGS} if self.tags else {})}

    def replaces(self, root: str, new: Inputs, *, declared: bool) -> bool:
        """Whether a change under this top-level property needs a new resource."""
        if root in ("tags", "tagsAll"):
            return False
        if self.must_replace is not None and self.must_replace(root, new):
            return True
        return declared or root == self.name or self.update is None


def existing(ctx: Context, read: Callable[[], Any], id: str) -> str | None:
    """For `find`: the id when `read` answers, None when AWS says not found (or `read` answers None)."""
    return id if ctx.optional(read) is not None else None
