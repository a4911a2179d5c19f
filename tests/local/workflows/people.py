"""The people of a tenant: made for a test session, signed in, and removed when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cli import demo_users
from tests.local.conftest import Stack
from tests.local.workflows.http import Ledger, Person

OPERATOR = "platform-admin@kpi.example"


@dataclass(frozen=True)
class People:
    """Who takes part: the requester, both sides of a dual approval, an author who may not touch production, and those who only look."""

    admin: Person
    business: Person
    technical: Person
    author: Person
    cfo: Person
    auditor: Person
    operator: Person


@contextmanager
def hired(stack: Stack, tenant: str, ledger: Ledger, folder: Path) -> Iterator[People]:
    """The people that `make up` gives every demo tenant, for a tenant of the test's own; their passwords stay in the test's folder."""
    client, pool = stack.client("cognito-idp"), stack.outputs["userPoolId"]
    own = replace(stack.settings, root=folder)
    own.local_dir.mkdir()
    demo_users.ensure(client, own, pool, (tenant,))
    url = str(stack.outputs["apiUrl"]).rstrip("/")

    def enter(username: str, acting_for: str | None = None) -> Person:
        settings = stack.settings if username == OPERATOR else own
        token = demo_users.token(client, settings, stack.outputs, username)
        return Person(username.partition("@")[0], url, token, ledger, acting_for)

    names = [person.username for person in demo_users.people((tenant,)) if person.username != OPERATOR]
    try:
        entered = {name.partition("@")[0]: enter(name) for name in names}
        yield People(**entered, operator=enter(OPERATOR, tenant))
    finally:
        for name in names:
            client.admin_delete_user(UserPoolId=pool, Username=name)
