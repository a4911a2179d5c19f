"""Health probes: quiet while their part answers, loud when it does not."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from lambdas.adapters import probes
from lambdas.adapters.results import PostgresResults
from lambdas.domain.errors import KpiError
from lambdas.domain.model import LogTable
from tests.local.conftest import Stack

pytestmark = pytest.mark.local
AWS: dict[str, Callable[[Stack, str], probes.Probe]] = {
    "item": lambda stack, wrong: probes.item_probe(stack.client, stack.outputs["tables"]["catalog"] + wrong),
    "query": lambda stack, wrong: probes.query_probe(stack.client, {LogTable.RUN: stack.outputs["tables"]["log-run"] + wrong}),
    "object": lambda stack, wrong: probes.object_probe(stack.client, stack.outputs["artifactsBucket"] + wrong, "evidence/"),
    "secret": lambda stack, wrong: probes.secret_probe(stack.client, stack.outputs["resultStoreSecret"] + wrong),
}


@pytest.mark.parametrize("name", AWS)
def test_a_part_that_answers_is_passed_over_in_silence(stack: Stack, name: str) -> None:
    AWS[name](stack, "")()


@pytest.mark.parametrize("name", AWS)
def test_a_part_that_does_not_answer_raises(stack: Stack, name: str) -> None:
    with pytest.raises(ClientError):
        AWS[name](stack, "-gone")()


def test_the_result_store_is_asked_and_a_closed_door_raises(stack: Stack) -> None:
    secret = stack.client("secretsmanager").get_secret_value(SecretId=stack.outputs["resultStoreSecret"])["SecretString"]
    url = str(json.loads(secret)["url"])
    probes.store_probe(lambda: PostgresResults(lambda: url))()
    head, _, database = url.rpartition("/")
    closed = f"{head.rpartition(':')[0]}:9/{database}"
    with pytest.raises(KpiError, match="cannot be reached"):
        probes.store_probe(lambda: PostgresResults(lambda: closed))()
