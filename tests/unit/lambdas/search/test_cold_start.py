"""What a cold start of the API does not pay for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize("module", ["lambdas.domain.search", "lambdas.domain.lineage"])
def test_importing_it_loads_no_sql_parser_and_no_aws_library(module: str) -> None:
    code = f"import sys, {module}; print(sorted({{'yaml', 'sqlglot', 'boto3', 'orjson'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_importing_the_api_loads_nothing_that_only_some_calls_need_and_builds_no_validator_of_a_definition() -> None:
    code = (
        "import sys, lambdas.api.handler\n"
        "from kpis.schema import Kpi\n"
        "from lambdas.api.control.responses import SearchPage\n"
        "loaded = sorted({'yaml', 'sqlglot', 'boto3', 's3transfer', 'psycopg', 'croniter'} & set(sys.modules))\n"
        "print(loaded, Kpi.__pydantic_complete__, SearchPage.__pydantic_complete__)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] False False"


def test_the_first_aws_client_of_a_function_loads_no_boto3() -> None:
    code = (
        "import sys\n"
        "from lambdas.adapters.aws import Clients, acting_session\n"
        "acting = acting_session({'AccessKeyId': 'a', 'SecretAccessKey': 'b', 'SessionToken': 'c'})\n"
        "for clients in (Clients(region='eu-west-1'), Clients(acting, 'eu-west-1')):\n"
        "    print(clients('dynamodb').meta.region_name, clients('dynamodb') is clients('dynamodb'))\n"
        "print('boto3' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["eu-west-1", "True", "eu-west-1", "True", "False"]
