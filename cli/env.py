"""`kpi env`: what a shell needs to talk to the embedded system with pulumi, aws or any AWS client."""

from __future__ import annotations

import json
import shlex
from typing import Annotated

import typer

from local.settings import UNSET_VARIABLES, load_settings


def command(as_json: Annotated[bool, typer.Option("--json", help="Print the variables as JSON.")] = False) -> None:
    """Print the shell commands that point pulumi and AWS clients at the embedded system.

    Use it as: eval "$(kpi env)". Then `pulumi preview -s platform.local` or `aws s3 ls` work on this machine only; variables that
    would reach a real account are unset.
    """
    variables = load_settings().env()
    if as_json:
        print(json.dumps(variables, indent=2))
        return
    print(f"unset {' '.join(UNSET_VARIABLES)}")
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")
