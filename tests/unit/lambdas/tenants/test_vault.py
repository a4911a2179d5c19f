"""Values of connections in Secrets Manager: which calls are made, and what becomes of refusals; never a value in an error."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.adapters.connections import SecretsVault
from lambdas.domain.errors import ErrorCode, KpiError

URL = "postgresql+psycopg://reader:never-to-be-seen@db/finance"


class Secrets:
    """Secrets Manager as far as its documentation says how it answers."""

    def __init__(self, **refusals: str) -> None:
        self.refusals = refusals
        self.values: dict[str, str] = {}
        self.stages: dict[str, list[str]] = {"first": ["AWSCURRENT"]}
        self.moved: dict[str, str] = {}

    def __call__(self, _service: str) -> Secrets:
        return self

    def put_secret_value(self, **asked: Any) -> None:
        self._refuse("put_secret_value", asked)
        assert asked["SecretId"] == "kpi/local/acme/prod/warehouse"
        self.values[asked["ClientRequestToken"]] = asked["SecretString"]
        self.stages[asked["ClientRequestToken"]] = list(asked["VersionStages"])

    def describe_secret(self, **asked: Any) -> dict[str, Any]:
        self._refuse("describe_secret", asked)
        return {"VersionIdsToStages": self.stages}

    def update_secret_version_stage(self, **asked: Any) -> None:
        self._refuse("update_secret_version_stage", asked)
        self.moved = asked

    def _refuse(self, operation: str, asked: Any) -> None:
        if operation in self.refusals:
            # As careless as an error can be: with all that was asked.
            raise ClientError({"Error": {"Code": self.refusals[operation], "Message": repr(asked)}}, operation)


def store(secrets: Secrets) -> None:
    SecretsVault(secrets, "local").store("acme", "prod", "warehouse", "v2", URL)  # type: ignore[arg-type]


def use(secrets: Secrets) -> None:
    SecretsVault(secrets, "local").use("acme", "prod", "warehouse", "v2")  # type: ignore[arg-type]


def write(secrets: Secrets) -> None:
    store(secrets)
    use(secrets)


def test_a_stored_value_is_not_what_runs_use_until_it_is_said_so() -> None:
    secrets = Secrets()
    store(secrets)
    assert secrets.values == {"v2": f'{{"url": "{URL}"}}'}
    assert secrets.stages == {"first": ["AWSCURRENT"], "v2": ["KPIPENDING"]}
    use(secrets)
    assert secrets.moved == {
        "SecretId": "kpi/local/acme/prod/warehouse",
        "VersionStage": "AWSCURRENT",
        "MoveToVersionId": "v2",
        "RemoveFromVersionId": "first",
    }


def test_a_version_that_is_current_is_left_alone() -> None:
    secrets = Secrets(update_secret_version_stage="InternalServiceError")
    secrets.stages = {"v2": ["AWSCURRENT", "KPIPENDING"]}
    use(secrets)


@pytest.mark.parametrize(
    ("operation", "code", "expected"),
    [
        ("put_secret_value", "ResourceNotFoundException", ErrorCode.NOT_FOUND),
        ("put_secret_value", "ResourceExistsException", ErrorCode.CONFLICT),
        ("put_secret_value", "AccessDeniedException", ErrorCode.INTERNAL),
        ("describe_secret", "ResourceNotFoundException", ErrorCode.NOT_FOUND),
        ("update_secret_version_stage", "InvalidParameterException", ErrorCode.CONFLICT),
    ],
)
def test_a_refusal_says_what_to_do_and_never_the_value(operation: str, code: str, expected: ErrorCode) -> None:
    secrets = Secrets(**{operation: code})
    with pytest.raises(KpiError) as refused:
        write(secrets)
    assert refused.value.code is expected
    assert "never-to-be-seen" not in str(refused.value)
    # What is logged with the error is told too.
    assert operation != "put_secret_value" or refused.value.__suppress_context__
