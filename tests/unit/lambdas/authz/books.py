"""Variants of the policies, for tests that show what a policy is good for."""

from __future__ import annotations

import re
from functools import cache

from lambdas.domain.authz.authorizer import Authorizer
from lambdas.domain.authz.book import installed, policy_text, read_book, schema_text

EVERYTHING = '@id("everything") @says("a permit that went too far") permit (principal, action, resource);\n'
FORBIDS = tuple(policy.name for policy in installed().all if not policy.permits)
PERMITS = tuple(policy.name for policy in installed().all if policy.permits)
READS = {
    name
    for statement in re.findall(r"^action ([^;]*) in \[read\]", schema_text(), re.MULTILINE)
    for name in re.findall(r'"([^"]+)"', statement)
}


def text_without(name: str) -> str:
    text, removed = re.subn(rf'@id\("{re.escape(name)}"\).*?;\n', "", policy_text(), flags=re.DOTALL)
    assert removed == 1
    return text


def changed(text: str, schema: str | None = None) -> Authorizer:
    return Authorizer(read_book(schema or schema_text(), text))


@cache
def without(name: str) -> Authorizer:
    return changed(text_without(name))


@cache
def too_generous(name: str | None = None) -> Authorizer:
    """All guardrails (but one) and a permit for everything: what the guardrails alone hold back."""
    return changed(EVERYTHING + (policy_text() if name is None else text_without(name)))
