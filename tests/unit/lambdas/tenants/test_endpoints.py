"""Where a connection may lead: anywhere a warehouse can be, and not to the machine's own services behind other spellings."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from lambdas.api.control.tenants_models import ConnectionChange
from lambdas.domain.tenants.connections import Credentials, Endpoint
from tests.unit.lambdas.api_control.service import Service
from tests.unit.lambdas.api_control.test_tenants_http import ENDPOINT, WAREHOUSE, put


def leads_to(host: str) -> str:
    return Endpoint.model_validate({"kind": "postgresql", "host": host, "database": "finance"}).host


@pytest.mark.parametrize(
    "host",
    [
        "db.example.com",
        "localhost",
        "127.0.0.1",
        "10.0.3.7",
        "192.168.1.9",
        "203.0.113.5",
        "1.db.example.com",
        "x.rds.amazonaws.com",
        "db-7",
    ],
)
def test_a_warehouse_may_be_anywhere(host: str) -> None:
    assert leads_to(host) == host


@pytest.mark.parametrize("host", ["169.254.169.254", "169.254.170.2", "0.1.2.3", "224.0.0.1", "255.255.255.255", "240.0.0.1"])
def test_an_address_behind_which_no_warehouse_can_be_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="no warehouse can be behind this address"):
        leads_to(host)


@pytest.mark.parametrize(
    "host", ["2852039166", "0xA9FEA9FE", "0xa9.254.169.254", "169.254.43518", "0251.0376.0251.0376", "1.2.3.4.5", "10.1"]
)
def test_another_spelling_of_an_address_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="four decimal numbers"):
        leads_to(host)


def test_the_refusal_names_the_field_and_leaves_everything_as_it_was() -> None:
    service = Service()
    service.live()
    before = service.state
    body = {"endpoint": ENDPOINT | {"host": "169.254.169.254"}, "credentials": {"username": "reader", "password": "p"}}
    answer = put(service, WAREHOUSE, body)
    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "endpoint.host")
    assert (service.state, service.vault.values) == (before, {})


@pytest.mark.parametrize("part", ["username", "password"])
def test_credentials_that_postgresql_cannot_take_are_refused_before_they_replace_what_works(part: str) -> None:
    told = {"username": "reader", "password": "p"} | {part: "hidden\0value"}
    with pytest.raises(ValidationError, match="NUL"):
        Credentials.model_validate(told)


@pytest.mark.parametrize("password", ["hidden\0value", "hidden" * 100, ["hidden"], {"hidden": 1}], ids=["NUL", "long", "list", "map"])
def test_no_error_about_credentials_has_them_in_its_text(password: object) -> None:
    """Whoever logs the exception logs its text."""
    credentials = {"username": "reader", "password": password}
    document = {"reason": "rotated", "endpoint": ENDPOINT, "credentials": credentials}
    for model, given in ((Credentials, credentials), (ConnectionChange, document)):
        with pytest.raises(ValidationError) as refused:
            model.model_validate(given)
        assert "hidden" not in str(refused.value)
        with pytest.raises(ValidationError) as refused:
            model.model_validate_json(json.dumps(given))
        assert "hidden" not in str(refused.value)
