"""Reading an AWS answer onto inputs so that what is missing shows, and choosing among declared fields."""

from collections.abc import Mapping
from typing import Any

from local.provider.framework import translation
from local.provider.framework.resource import Inputs
from local.provider.framework.schema import Property
from local.provider.framework.translation import NO_ALIASES, Aliases, to_aws

__all__ = ["from_aws", "omit", "pick", "to_aws"]


def from_aws(answer: Mapping[str, Any], fields: Mapping[str, Property], aliases: Aliases = NO_ALIASES) -> Inputs:
    """Every declared field, None where AWS has nothing (so that a removal shows); write-only fields are left out."""
    readable = {name: prop for name, prop in fields.items() if not prop.write_only}
    told = translation.from_aws(answer, readable, aliases)
    return {name: told.get(name) for name in readable}


def pick(fields: Mapping[str, Property], *names: str) -> dict[str, Property]:
    """Some of the fields."""
    return {name: fields[name] for name in names}


def omit(fields: Mapping[str, Property], *names: str) -> dict[str, Property]:
    """The fields but some."""
    return {name: prop for name, prop in fields.items() if name not in names}
