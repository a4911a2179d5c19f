"""Calls of our own functions that nobody waits for. Lambda tries one up to three times."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lambdas.adapters.aws import Clients


def invoke_later(clients: Clients, function: str, action: Mapping[str, Any]) -> None:
    """Have a function carry out an action."""
    clients("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(action).encode())
