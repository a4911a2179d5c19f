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
