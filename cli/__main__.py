"""`python -m cli`: run a command and turn what can go wrong around it into one clear message and a stable exit code."""

from __future__ import annotations

import sys
from typing import Any

from cli.app import app
from cli.errors import ExitCode, KpiError
from local.processes import ServiceError
from local.settings import SettingsError
from local.steps import StepError, explain_os_error


def main() -> int:
    try:
        app(prog_name="kpi")
    except KpiError as error:
        return _fail(str(error), error.code)
    except (StepError, ServiceError, SettingsError) as error:
        return _fail(str(error), ExitCode.ENVIRONMENT)
    except BrokenPipeError:
        # The reader of our output went away, as `kpi status | head` does.
        sys.stderr.close()
    except OSError as error:
        return _fail(str(explain_os_error(error, doing=f"run kpi {' '.join(sys.argv[1:2])}")), ExitCode.ENVIRONMENT)
    except _aws_errors() as error:
        return _fail(f"AWS: {error}\n  next: `kpi services` shows what runs, `make up` repairs it", ExitCode.ENVIRONMENT)
    except KeyboardInterrupt:
        return _fail("interrupted; run the same command again to continue", ExitCode.ENVIRONMENT)
    return ExitCode.OK


def _aws_errors() -> tuple[type[BaseException], ...]:
    """What AWS clients raise; nothing when the command used none (asked only once something has been raised)."""
    exceptions: Any = sys.modules.get("botocore.exceptions")
    return (exceptions.ClientError, exceptions.BotoCoreError) if exceptions else ()


def _fail(message: str, code: ExitCode) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
