"""Create, read, update and delete: what is the same for every resource type."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from local.provider.framework import wire
from local.provider.framework.context import Context, ProviderError, is_gone
from local.provider.framework.diffs import is_blank, same
from local.provider.framework.journal import Entry, Journal
from local.provider.framework.resource import Inputs, Observed, Resource
from local.provider.framework.schema import Kind, Property

from botocore.exceptions import ClientError  # isort: skip


@dataclass(frozen=True)
class Seen:
    """A resource as AWS has it now, with its tags (None where the type has none)."""

    observed: Observed
    tags: dict[str, str] | None


@dataclass(frozen=True)
class Lifecycle:
    """The verbs, for one configured AWS."""

    journal: Journal
    default_tags: Mapping[str, str]

    def tags_all(self, inputs: Mapping[str, Any]) -> Any:
        """`tags` over the provider's default tags; unknown while a preview does not know the tags."""
        tags: Any = inputs.get("tags") or {}
        return tags if tags == wire.UNKNOWN else {**self.default_tags, **cast("dict[str, str]", tags)}

    def complete(self, resource: Resource, inputs: Mapping[str, Any]) -> Inputs:
        """Inputs as service functions get them."""
        result = {key: value for key, value in inputs.items() if key != "__defaults"}
        return {**result, "tagsAll": self.tags_all(inputs)} if resource.tags else result

    def create(self, ctx: Context, resource: Resource, inputs: Inputs) -> tuple[str, wire.Values]:
        """Create, or take up an interrupted create of the same URN. Raises ProviderError when the name is taken."""
        full = self.complete(resource, inputs)
        mark = _fingerprint(resource, full)
        entry = self.journal.get(ctx.urn)
        taken = self._taken(ctx, resource, full, entry)
        if taken is not None:
            self._require_ours(resource, full, entry, mark)
            before = self.see(ctx, resource, taken, full)
            self.journal.created(ctx.urn, taken)
            old = {**full, **(before.observed.inputs if before else {})}
            return taken, self.update(ctx, resource, taken, {**old, "tagsAll": (before.tags if before else None) or {}}, inputs)
        self.journal.begin(ctx.urn, mark)
        made = resource.create(ctx, full)
        self.journal.created(ctx.urn, made)
        if resource.tags and full["tagsAll"]:
            resource.tags.write(ctx, made, full, full["tagsAll"], [])
        return made, self._after(ctx, resource, made, full)

    def _taken(self, ctx: Context, resource: Resource, full: Inputs, entry: Entry | None) -> str | None:
        if resource.find is not None:
            return resource.find(ctx, full)
        if entry is not None and entry.id and not entry.confirmed and entry.fingerprint == _fingerprint(resource, full):
            return entry.id if self.see(ctx, resource, entry.id, full) else None
        return None

    def _require_ours(self, resource: Resource, full: Inputs, entry: Entry | None, mark: str) -> None:
        if entry is not None and entry.fingerprint == mark and not entry.confirmed:
            return
        what = f"'{full[resource.name]}'" if resource.name and full.get(resource.name) else "it"
        owner = self.journal.owner(mark)
        whose = f"it was made by {owner}" if owner else "it was not made by this stack"
        if entry is not None and owner == entry.urn:
            whose = "it was made by this very resource, which the stack's state no longer knows"
        raise ProviderError(
            f"{what} already exists and {whose}: expected a free name. Choose another name, delete it, or adopt it with `pulumi import`"
        )

    def read(self, ctx: Context, resource: Resource, id: str, inputs: Inputs, state: Inputs) -> tuple[Inputs, wire.Values] | None:
        """Inputs and state as AWS has them; None when it is gone. Empty `inputs` mean an import."""
        seen = self.see(ctx, resource, id, {**inputs, **state})
        if seen is None:
            return None
        fresh = refreshed(resource, inputs, seen.observed, importing=not inputs and not state)
        if seen.tags is not None:
            fresh = self._with_tags(fresh, inputs, seen.tags)
        return fresh, self._state(ctx, resource, fresh, seen)

    def _with_tags(self, fresh: Inputs, inputs: Inputs, tags: dict[str, str]) -> Inputs:
        asked = cast("dict[str, str]", inputs.get("tags") or {})
        own = {key: value for key, value in tags.items() if key in asked or self.default_tags.get(key) != value}
        without = {key: value for key, value in fresh.items() if key != "tags"}
        # An empty map the program wrote stays, so that it does not show as a change.
        return {**without, "tags": own} if own or "tags" in inputs else without

    def update(self, ctx: Context, resource: Resource, id: str, state: Inputs, inputs: Inputs) -> wire.Values:
        """Change in place what differs, then tags."""
        full = self.complete(resource, inputs)
        if resource.update is not None:
            resource.update(ctx, id, state, full)
        if resource.tags:
            before, after = cast("dict[str, str]", state.get("tagsAll") or {}), cast("dict[str, str]", full["tagsAll"])
            changed = {key: value for key, value in after.items() if before.get(key) != value}
            removed = sorted(before.keys() - after.keys())
            if changed or removed:
                resource.tags.write(ctx, id, full, changed, removed)
        return self._after(ctx, resource, id, full)

    def delete(self, ctx: Context, resource: Resource, id: str, state: Inputs) -> None:
        """Delete; what is already gone is deleted."""
        try:
            resource.delete(ctx, id, state)
        except ClientError as error:
            if not is_gone(error):
                raise
        self.journal.forget(ctx.urn, id)

    def see(self, ctx: Context, resource: Resource, id: str, state: Inputs) -> Seen | None:
        """The resource as AWS has it now, or None."""
        try:
            observed = resource.read(ctx, id, state)
            if observed is None:
                return None
            tags = resource.tags.read(ctx, id, state) if resource.tags else None
        except ClientError as error:
            if is_gone(error):
                return None
            raise
        own = None if tags is None else {key: value for key, value in tags.items() if not key.startswith("aws:")}
        return Seen(observed, own)

    def _after(self, ctx: Context, resource: Resource, id: str, full: Inputs) -> wire.Values:
        seen = self.see(ctx, resource, id, full)
        if seen is None:
            raise ProviderError(f"AWS accepted it but does not show it when asked for '{id}': run `pulumi refresh`, then `pulumi up` again")
        return self._state(
            ctx, resource, {key: value for key, value in full.items() if key != "tagsAll"}, Seen(seen.observed, full.get("tagsAll"))
        )

    def _state(self, ctx: Context, resource: Resource, inputs: Inputs, seen: Seen) -> wire.Values:
        told = {key: value for key, value in seen.observed.inputs.items() if value is not None and key in resource.all_inputs}
        tags = {} if seen.tags is None else {"tagsAll": seen.tags}
        plain = {key: value for key, value in inputs.items() if key != "__defaults"}
        return {**told, **plain, **seen.observed.outputs, "region": ctx.region, **tags}


def refreshed(resource: Resource, inputs: Inputs, observed: Observed, *, importing: bool = False) -> Inputs:
    """The inputs with AWS's answer mapped back on them. Only what differs in meaning changes."""
    result = dict(inputs)
    for name, prop in resource.inputs.items():
        if name not in observed.inputs or prop.write_only:
            continue
        merged = _merged(inputs.get(name), observed.inputs[name], prop, importing=importing)
        if merged is None:
            result.pop(name, None)
        else:
            result[name] = merged
    return result


def _merged(asked: Any, told: Any, prop: Property, *, importing: bool) -> Any:
    if prop.write_only or same(told, asked, prop):
        return told if importing and asked is None and not is_blank(told) else asked
    if prop.kind is Kind.RECORD and isinstance(asked, dict) and isinstance(told, dict):
        before, now = cast("Inputs", asked), cast("Inputs", told)
        merged = {
            key: _merged(before.get(key), now.get(key), each, importing=importing) if key in now or not each.write_only else before.get(key)
            for key, each in prop.fields.items()
        }
        return {key: value for key, value in merged.items() if value is not None}
    return told


def _fingerprint(resource: Resource, full: Inputs) -> str:
    basis = full.get(resource.name) if resource.name else {key: value for key, value in full.items() if key != "tagsAll"}
    return hashlib.sha256(json.dumps([resource.token, basis], sort_keys=True).encode()).hexdigest()
