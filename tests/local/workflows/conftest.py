"""One tenant for the workflows of K28, with a KPI for each that runs already."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.local.conftest import Stack
from tests.local.workflows.books import Books
from tests.local.workflows.company import Company, founded, kpi
from tests.local.workflows.http import Ledger
from tests.local.workflows.mailbox import Mailbox, listening
from tests.local.workflows.people import People, hired

DOUBTFUL = [
    {"id": "ratio-bounds", "check": "value_range", "min": 0, "max": 1, "severity": "error"},
    {"id": "usual", "check": "value_range", "min": 0.7, "max": 1, "severity": "warn"},
    {"id": "verdict-alignment", "check": "verdict_alignment", "severity": "error"},
]
"""Post-validation that only warns of a bad day."""


@pytest.fixture(scope="session")
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture(scope="session")
def company(stack: Stack) -> Iterator[Company]:
    mark = uuid4().hex[:8].upper()
    tenant = f"wf-{mark.lower()}"
    everywhere = {"environments": ["dev", "stg", "prod"], "criticality": "critical"}
    reads_d = {
        "layer": "secondary",
        "sources": [{"kpi": f"WFD-{mark}", "as": "departures"}],
        "expression": {"formula": "departures * 100"},
        "unit": "percent",
        "pre_validation": [{"id": "delivered", "check": "upstream_delivered", "source": "departures"}],
        "post_validation": [{"id": "bounds", "check": "value_range", "min": 0, "max": 100}],
        "verdict": {"direction": "higher_is_better", "adequate": 80, "low": 70},
        "schedule": {"frequency": "daily", "trigger": "time", "cron": "20 6 * * *", "timezone": "America/New_York"},
    }
    dictionary = [
        kpi(f"WFA-{mark}", "1.0.0", tenant, **everywhere),
        kpi(f"WFB-{mark}", "1.0.0", tenant, post_validation=DOUBTFUL),
        kpi(f"WFC-{mark}", "1.0.0", tenant),
        kpi(f"WFD-{mark}", "1.0.0", tenant),
        kpi(f"WFE-{mark}", "1.0.0", tenant, **reads_d),
        *(kpi(f"WF{each}-{mark}", "1.0.0", tenant, environments=["stg"]) for each in "FGH"),
    ]
    with founded(stack, mark, dictionary, tenant) as made:
        yield made


@pytest.fixture(scope="session")
def people(company: Company, ledger: Ledger, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with hired(company.stack, company.tenant, ledger, tmp_path_factory.mktemp("people")) as made:
        yield made


@pytest.fixture(scope="session")
def books(company: Company, people: People, ledger: Ledger) -> Books:
    return Books(company, people, ledger)


@pytest.fixture(scope="session")
def mailbox(company: Company) -> Iterator[Mailbox]:
    with listening(company, [*company.topics("prod"), *company.topics("stg")]) as made:
        yield made
