"""Connections of a tenant to its data: written, never read back (K26).

A value is stored first under a label nobody reads, then the change is committed with its audit event, and only then does the value
become the one that runs use. So nothing takes effect without an event; a call that died on the way is finished by repeating it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Literal, Protocol
from urllib.parse import quote

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, StringConstraints

from kpis.common import Frozen
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.control.catalog import expectation
from lambdas.domain.control.desk import Call, Desk, Step
from lambdas.domain.control.unit import Put, Row
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.tenants import keys
from lambdas.domain.tenants.directory import TenantDirectory
from lambdas.domain.timestamps import iso

WAREHOUSE = "warehouse"
"""The connection every tenant stack makes a secret for. There are no others yet."""


class ConnectionKind(StrEnum):
    """What is at the other end; both are reached over PostgreSQL's protocol."""

    POSTGRESQL = "postgresql"
    REDSHIFT = "redshift"


def _warehouse_host(host: str) -> str:
    """A name, or an address a warehouse can have.

    Resolvers read numbers in other spellings as addresses too (169.254.43518, 0xA9FEA9FE); no top-level domain is one (RFC 3696).
    """
    if not _NUMBER.match(host.rpartition(".")[2]):
        return host
    try:
        address = IPv4Address(host)
    except ValueError:
        raise ValueError("an address is four decimal numbers without leading zeros, such as 10.0.3.7") from None
    if address.is_link_local or address.is_multicast or address.is_reserved or address in _THIS_NETWORK:
        raise ValueError("no warehouse can be behind this address: it is link-local, multicast, reserved or of no host")
    return host


def _without_nul(part: SecretStr) -> SecretStr:
    if "\0" in part.get_secret_value():
        raise ValueError("PostgreSQL takes no NUL character")
    return part


_NUMBER = re.compile(r"^(\d+|0[xX][0-9A-Fa-f]*)$")
_THIS_NETWORK = IPv4Network("0.0.0.0/8")
Host = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]{0,62})(\.[A-Za-z0-9]([A-Za-z0-9-]{0,62}))*$", max_length=253),
    AfterValidator(_warehouse_host),
]
Database = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$")]


class Endpoint(Frozen):
    """Where a connection leads, without what opens it."""

    kind: ConnectionKind
    host: Host
    port: int = Field(default=5432, ge=1, le=65535)
    database: Database
    tls: Literal["disable", "require", "verify-full"] = "require"


class Credentials(Frozen):
    """What opens it. Neither part is ever shown, logged or stored outside the secret."""

    model_config = ConfigDict(hide_input_in_errors=True)

    username: Annotated[SecretStr, AfterValidator(_without_nul)] = Field(min_length=1, max_length=128)
    password: Annotated[SecretStr, AfterValidator(_without_nul)] = Field(min_length=1, max_length=512)


class Connection(Frozen):
    """A connection as everybody may see it. `version_id` is that of the secret's value; None: nothing was written here yet."""

    name: str
    kind: ConnectionKind | None = None
    host: str | None = None
    port: int | None = None
    database: str | None = None
    tls: str | None = None
    version_id: str | None = None
    written_at: str | None = None
    written_by: str | None = None


class Vault(Protocol):
    """Where the values are. It can be written and cannot be read: it has no method for that."""

    def store(self, tenant_id: str, environment: str, name: str, version_id: str, url: str) -> None:
        """Keep a value under a version of its own, which runs do not use yet. The same version again changes nothing.

        Raises:
            KpiError: NOT_FOUND when there is no such secret; CONFLICT when the version has another value.
        """
        ...

    def use(self, tenant_id: str, environment: str, name: str, version_id: str) -> None:
        """Make a version the one that runs use; when it is already, nothing happens.

        Raises:
            KpiError: CONFLICT when the secret changed at the same moment; repeat the call.
        """
        ...


@dataclass(frozen=True)
class Connections:
    """Reads and writes connections."""

    desk: Desk
    vault: Vault
    directory: TenantDirectory

    def listed(self, tenant_id: str, environment: str) -> Iterator[Connection]:
        """The connections of a tenant."""
        yield self._one(tenant_id, environment, WAREHOUSE)[0]

    def write(self, call: Call, name: str, endpoint: Endpoint, credentials: Credentials) -> AuditEvent:
        """Replace what opens a connection, and where it leads.

        Raises:
            KpiError: NOT_FOUND for an unknown name or tenant; CONFLICT when somebody else wrote it at the same moment, or when the
                key of the call came with other credentials before.
        """
        if name != WAREHOUSE or self.directory.deployed(call.tenant_id, call.environment) is None:
            raise KpiError(ErrorCode.NOT_FOUND, f"there is no connection {name} in {call.environment}")
        # Without the credentials: a hash of a password in a log is a password for whoever has time.
        step = self.desk.begin(call, "connection.edit", "connection", name, endpoint=endpoint.model_dump(mode="json"))
        version_id = _version_id(call)
        # Also when it was done before: the vault alone can tell whether these are the credentials of then.
        self.vault.store(call.tenant_id, call.environment, name, version_id, connection_url(endpoint, credentials))
        event = step.done or self._commit(step, name, endpoint, version_id)
        newest, _ = self._one(call.tenant_id, call.environment, name)
        if newest.version_id is not None:
            # Not always the version of this call: whoever committed last has the last word, whatever the order of these calls.
            self.vault.use(call.tenant_id, call.environment, name, newest.version_id)
        return event

    def _commit(self, step: Step, name: str, endpoint: Endpoint, version_id: str) -> AuditEvent:
        call = step.call
        before, row = self._one(call.tenant_id, call.environment, name)
        after = Connection(
            name=name,
            version_id=version_id,
            written_at=iso(step.at),
            written_by=call.actor.subject,
            **endpoint.model_dump(),
        )
        put = Put(keys.connection(call.environment, name), {"connection": after.model_dump_json()}, expectation(row))
        where = endpoint.model_dump(mode="json")
        return step.commit([put], connection=where, version_id=version_id, replaces=before.version_id)

    def _one(self, tenant_id: str, environment: str, name: str) -> tuple[Connection, Row | None]:
        row = self.desk.store.row(tenant_id, keys.connection(environment, name))
        return (Connection.model_validate_json(row.text("connection")) if row else Connection(name=name)), row


def connection_url(endpoint: Endpoint, credentials: Credentials) -> str:
    """The value of the secret, as runs read it: an SQLAlchemy URL."""
    user, password = (quote(part.get_secret_value(), safe="") for part in (credentials.username, credentials.password))
    return f"postgresql+psycopg://{user}:{password}@{endpoint.host}:{endpoint.port}/{endpoint.database}?sslmode={endpoint.tls}"


def _version_id(call: Call) -> str:
    """The version a call writes: the same when it is repeated (Secrets Manager takes 32 to 64 characters)."""
    return hashlib.sha256(f"{call.tenant_id}\n{call.environment}\n{call.event_id}".encode()).hexdigest()
