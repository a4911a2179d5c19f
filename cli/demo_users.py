"""People of the demo: those a change of a KPI needs, with random passwords kept under `.local/` of this checkout."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.settings import LocalSettings

PLATFORM_TENANT = "platform"


@dataclass(frozen=True)
class Person:
    """One user of the demo: its role (a Cognito group, K18), its tenant and, unless it may use all, the environments it may use."""

    username: str
    group: str
    tenant: str
    environments: str | None = None

    @property
    def attributes(self) -> dict[str, str]:
        """What the pool knows of it; the `custom:` ones are claims of its tokens."""
        known = {"email": self.username, "email_verified": "true", "custom:tenant_id": self.tenant}
        return known | ({"custom:environments": self.environments} if self.environments is not None else {})


def people(tenants: tuple[str, ...]) -> list[Person]:
    """A platform admin, and for each tenant its people.

    Who asked for a change cannot sign it, and both sides of a dual approval are signed by two people (K31): so there are three client
    admins. The author may use dev and stg only.
    """
    return [Person("platform-admin@kpi.example", "platform-admin", PLATFORM_TENANT), *(each for tenant in tenants for each in _of(tenant))]


def _of(tenant: str) -> list[Person]:
    return [
        Person(f"admin@{tenant}.example", "client-admin", tenant),
        Person(f"business@{tenant}.example", "client-admin", tenant),
        Person(f"technical@{tenant}.example", "client-admin", tenant),
        Person(f"author@{tenant}.example", "client-admin", tenant, "dev,stg"),
        Person(f"cfo@{tenant}.example", "read-only", tenant),
        Person(f"auditor@{tenant}.example", "read-only", tenant),
    ]


def passwords_file(settings: LocalSettings) -> Path:
    return settings.local_dir / "demo-users.json"


def passwords(settings: LocalSettings) -> dict[str, str]:
    """The passwords by user name, empty before the first `kpi up`."""
    path = passwords_file(settings)
    return json.loads(path.read_text()) if path.exists() else {}


def ensure(client: Any, settings: LocalSettings, pool_id: str, tenants: tuple[str, ...]) -> int:
    """Make whoever is missing; gives how many were made."""
    known = passwords(settings)
    made = 0
    for person in people(tenants):
        password = known.setdefault(person.username, f"Aa1!{secrets.token_urlsafe(18)}")
        if _exists(client, pool_id, person.username):
            continue
        _create(client, pool_id, person, password)
        made += 1
    path = passwords_file(settings)
    path.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
    path.chmod(0o600)
    return made


def token(client: Any, settings: LocalSettings, outputs: Mapping[str, Any], username: str) -> str:
    """Sign in and get the bearer token that the API's authorizer accepts (an ID token: it carries tenant and groups)."""
    answer = client.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=outputs["userPoolClientId"],
        AuthParameters={"USERNAME": username, "PASSWORD": passwords(settings)[username]},
    )
    return str(answer["AuthenticationResult"]["IdToken"])


def _exists(client: Any, pool_id: str, username: str) -> bool:
    try:
        client.admin_get_user(UserPoolId=pool_id, Username=username)
    except client.exceptions.UserNotFoundException:
        return False
    return True


def _create(client: Any, pool_id: str, person: Person, password: str) -> None:
    client.admin_create_user(
        UserPoolId=pool_id,
        Username=person.username,
        MessageAction="SUPPRESS",
        TemporaryPassword=password,
        UserAttributes=[{"Name": name, "Value": value} for name, value in person.attributes.items()],
    )
    client.admin_set_user_password(UserPoolId=pool_id, Username=person.username, Password=password, Permanent=True)
    client.admin_add_user_to_group(UserPoolId=pool_id, Username=person.username, GroupName=person.group)
