"""What `kpi up` does with the artifact set: render and check it before anything is deployed, publish it afterwards."""

from __future__ import annotations

import os

from alerts.prometheus.check import Checker
from artifacts.build import Built, build
from artifacts.links import dead_runbooks
from artifacts.manifest import sha256
from artifacts.package import pack
from artifacts.render import RenderError
from cli import aws
from cli import stack as stacks
from cli.errors import ExitCode, KpiError
from cli.packs import invalid
from cli.post_up import UpContext
from cli.render import default_place, default_sources
from kpis.bundle import REPOSITORY
from kpis.diagnostics import DictionaryError
from local.monitoring_tools import ensure_monitoring_tools
from local.settings import LocalSettings
from local.steps import StepError, Steps, is_fresh, write_stamp

PUBLISHED = "rendered"
"""The prefix of published sets in the artifacts bucket: `<manifest digest>.tar.gz`, and `current.json` which names the newest."""
_SHOWN = 20


def render(settings: LocalSettings, steps: Steps) -> None:
    """Bring the artifact set up to date and check it; what was checked and has not changed is not checked again.

    Raises:
        KpiError: when the dictionary is not valid, or an artifact is not; nothing is deployed then.
    """
    with steps.step("artifacts", "render and check dashboards, rules, SQL, lineage and pages"):
        try:
            built = build(default_sources(), default_place())
        except DictionaryError as error:
            raise invalid(error) from error
        except RenderError as error:
            raise KpiError("render", str(error), code=ExitCode.FAILED) from error
        written = built.written
        steps.say(f"    {len(built.manifest.files())} files, {len(written.new) + len(written.changed)} written")
        stamp, digest = settings.local_dir / "stamps" / "artifacts", sha256(built.manifest.dumps())
        if not is_fresh(stamp, digest):
            _check(built, steps)
            write_stamp(stamp, digest)


def _check(built: Built, steps: Steps) -> None:
    place, files = default_place(), built.manifest.files()
    problems = dead_runbooks(((name, place.path(name).read_bytes()) for name in files), files, REPOSITORY)
    try:
        tools = ensure_monitoring_tools(steps, os.environ)
    except StepError as error:
        # Somebody who only wants the system need not have them; `make test` does not pass without.
        steps.say(f"    the Prometheus rules are NOT checked: {error}")
    else:
        problems += [str(problem) for problem in Checker(tools.promtool, tools.amtool).check(place.out / "prometheus")]
    if problems:
        listed = "\n".join(f"- {problem}" for problem in problems[:_SHOWN])
        raise KpiError(
            "artifacts", f"{len(problems)} problems\n{listed}", next="change the definition or the template", code=ExitCode.FAILED
        )


def publish(context: UpContext) -> None:
    """Upload the set as one file named by its digest, for Prometheus, Grafana and whoever else reads it; a known one is left alone."""
    place = default_place()
    manifest = place.manifest()
    if manifest is None:
        raise KpiError(str(place.out), "has no manifest", "the artifact set of `kpi render`", "run `kpi render`")
    client = aws.client(context.settings, "s3")
    bucket = stacks.outputs(context.settings, stacks.PLATFORM_STACK)["artifactsBucket"]
    key = f"{PUBLISHED}/{sha256(manifest.dumps())}.tar.gz"
    known = client.list_objects_v2(Bucket=bucket, Prefix=key).get("KeyCount", 0)
    if not known:
        client.put_object(Bucket=bucket, Key=key, Body=pack(place, manifest), ContentType="application/gzip")
        client.put_object(
            Bucket=bucket, Key=f"{PUBLISHED}/current.json", Body=f'{{"key":"{key}"}}\n'.encode(), ContentType="application/json"
        )
    context.steps.say(f"    s3://{bucket}/{key}{' (known)' if known else ''}")
