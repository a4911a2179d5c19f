"""`python3 -m local.bootstrap [kpi arguments…]`: install what is missing, then become the `kpi` command. Standard library only."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from local.bootstrap.install import install
from local.settings import LocalSettings, repository_root
from local.steps import TIMINGS_VARIABLE, StepError, Steps

_ENVIRONMENT_PROBLEM = 3


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    settings = LocalSettings(repository_root())
    steps = Steps()
    try:
        install(settings, steps, environ)
    except StepError as error:
        print(f"error: {error}", file=sys.stderr)
        return _ENVIRONMENT_PROBLEM
    except KeyboardInterrupt:
        print("\ninterrupted; run the same command again to continue", file=sys.stderr)
        return _ENVIRONMENT_PROBLEM
    if arguments:
        command = [str(settings.python), "-m", "cli", *arguments]
        os.execve(command[0], command, {**environ, **settings.python_env(), TIMINGS_VARIABLE: steps.export()})  # noqa: S606
    print(steps.table())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
