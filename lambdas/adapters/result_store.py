"""The result store of a deployment, whose driver is loaded when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from lambdas.adapters.aws import Clients, Secrets

if TYPE_CHECKING:
    from lambdas.adapters.results import PostgresResults


def result_store(clients: Clients, secrets: Secrets, secret: str) -> Callable[[], PostgresResults]:
    """What gives the store whose address the secret holds: one connection, made at the first call and kept.

    A connection serves one thread at a time: transactions of two would mix, and with them the tenants they are for.
    """

    @cache
    def store() -> PostgresResults:
        from lambdas.adapters.results import PostgresResults

        return PostgresResults(lambda: secrets.url(clients, secret), lambda: secrets.forget(secret))

    return store
