"""Redaction, ids, execution names, cron in AWS's words, DynamoDB attributes and formulas."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.cron import to_scheduler
from lambdas.adapters.items import from_item, to_item
from lambdas.domain.errors import KpiError
from lambdas.domain.ids import EPOCH, first_run_id_at, make_run_id, run_id_text
from lambdas.domain.model import Run
from lambdas.domain.naming import execution_name
from lambdas.domain.redact import message_of, redact
from lambdas.domain.sql import for_psycopg, scalar, wrapped
from tests.unit.lambdas.memory import kpi, make_run

MOMENTS = st.datetimes(datetime(2020, 1, 2), datetime(2200, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))  # noqa: DTZ001
BITS = st.integers(0, 2**20 - 1)


@pytest.mark.parametrize(
    "text",
    [
        'connection to "postgresql+psycopg://reader:{}@127.0.0.1:5432/db" failed',
        "postgresql://u:{}@h/db",
        "password={} host=h",
        'PASSWORD = "{}"',
        '{{"password": "{}"}}',
        "Authorization: Bearer {}",
        "api_key={}&x=1",
    ],
)
def test_secrets_are_masked(text: str) -> None:
    secret = "hunter2secret"
    assert secret not in redact(text.format(secret))


def test_tokens_and_key_ids_are_masked_and_other_text_stays() -> None:
    assert "AKIAABCDEFGHIJKLMNOP" not in redact("key AKIAABCDEFGHIJKLMNOP")
    assert "eyJhbGciOiJSUzI1NiJ9" not in redact("t eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJh.c2ln")
    assert redact('relation "gdp_flights" does not exist') == 'relation "gdp_flights" does not exist'


def test_an_error_message_is_never_longer_than_its_column() -> None:
    assert len(message_of(ValueError("x" * 5000))) == 1000
    assert message_of(ValueError()) == "ValueError"


@given(MOMENTS, MOMENTS, BITS, BITS)
def test_run_ids_are_positive_63_bit_numbers_that_sort_by_time_also_as_text(a: datetime, b: datetime, x: int, y: int) -> None:
    first, second = make_run_id(a, x), make_run_id(b, y)
    assert 0 < first < 2**63
    if a + timedelta(milliseconds=1) < b:
        assert first < second
        assert run_id_text(first) < run_id_text(second)
    assert first_run_id_at(a) <= first


def test_the_first_run_id_before_our_epoch_is_zero() -> None:
    assert first_run_id_at(EPOCH - timedelta(days=1)) == 0


def test_a_run_survives_json_exactly() -> None:
    run = make_run(kpi(), run_id=2**62 + 1)
    document = run.model_dump(mode="json")
    assert document["run_id"] == str(2**62 + 1)
    assert Run.model_validate(json.loads(json.dumps(document))) == run


@given(st.text(min_size=1, max_size=60), st.integers())
def test_execution_names_are_valid_and_depend_on_their_cause(tenant: str, cause: int) -> None:
    name = execution_name("backfill", tenant, "SKY-AD-01", cause)
    assert len(name) <= 80
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
    assert name == execution_name("backfill", tenant, "SKY-AD-01", cause)
    assert name != execution_name("backfill", tenant, "SKY-AD-01", cause + 1)


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("0 2 * * *", "cron(0 2 * * ? *)"),
        ("0 2 * * 1-5", "cron(0 2 ? * MON,TUE,WED,THU,FRI *)"),
        ("*/15 * * * *", "cron(*/15 * * * ? *)"),
        ("0 5 1 * *", "cron(0 5 1 * ? *)"),
        ("0 5 * * 0", "cron(0 5 ? * SUN *)"),
        ("0 5 * * 7", "cron(0 5 ? * SUN *)"),
        ("0 5 * * mon", "cron(0 5 ? * MON *)"),
        ("0 5 * * 5-1", "cron(0 5 ? * SUN,MON,FRI,SAT *)"),
        ("0 5 * * */2", "cron(0 5 ? * SUN,TUE,THU,SAT *)"),
    ],
)
def test_cron_is_written_as_the_scheduler_reads_it(cron: str, expected: str) -> None:
    assert to_scheduler(cron) == expected


@pytest.mark.parametrize(
    ("cron", "words"), [("0 2 * *", "has 4 fields"), ("0 2 1 * 1", "allows one"), ("0 2 * * 9", "0 to 7 or SUN to SAT")]
)
def test_cron_that_the_scheduler_cannot_say_is_refused(cron: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        to_scheduler(cron)


VALUES = st.recursive(
    st.text() | st.integers(-(2**63), 2**63) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
)


@given(st.dictionaries(st.text(min_size=1), VALUES, max_size=5))
def test_what_is_stored_is_what_is_read(values: dict[str, Any]) -> None:
    assert from_item(to_item(values)) == values


def test_absent_values_are_left_out_and_floats_refused() -> None:
    assert to_item({"a": None}) == {}
    with pytest.raises(TypeError, match="cannot be stored"):
        to_item({"a": 1.5})


@pytest.mark.parametrize(
    "formula", ["pg_sleep(10)", "(SELECT 1)", "a; DROP TABLE kpi_result", "a FROM kpi_result", "unknown + a", "sum(a)"]
)
def test_a_formula_is_one_harmless_scalar_over_known_names(formula: str) -> None:
    with pytest.raises(KpiError):
        scalar(formula, ["a"])


def test_entities_are_parameters_and_never_text_of_the_statement() -> None:
    text, parameters = wrapped("SELECT 'ALL' AS entity, 1 AS value, 1 AS rows_processed", ["x'; DROP TABLE t --"])
    assert "DROP" not in text
    assert parameters == {"entity_0": "x'; DROP TABLE t --"}


def test_named_parameters_become_the_drivers_and_casts_and_percents_stay() -> None:
    assert for_psycopg("SELECT :a::text, :ab % 2", {"a": 1, "ab": 2}) == "SELECT %(a)s::text, %(ab)s %% 2"
