"""`kpi up`: start the services, deploy the stacks with the literal `pulumi up`, load and run the demo."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli import post_up, recover, service_set, timings
from cli import stack as stacks
from cli.errors import KpiError
from cli.ports import choose_ports
from local import processes
from local.emulator import control as emulator
from local.emulator.control import Memory
from local.processes import ServiceState
from local.settings import LocalSettings, repository_root, save_settings, saved_ports
from local.steps import Steps, require_space

COMPLETED = "up.completed"
_FREE_MEGABYTES = 500


def command(
    reset: Annotated[bool, typer.Option("--reset", help="Forget the emulator's content and Pulumi's state first.")] = False,
    only_services: Annotated[bool, typer.Option("--only-services", help="Start the services and stop there.")] = False,
) -> None:
    """Start the embedded system, deploy every demo stack with the real Pulumi engine, load and run the demo.

    Safe to repeat: what runs is left running, what is deployed shows no change, data that is loaded stays. After a crash it repairs
    what it can and says what it does. Ports: KPI_GATEWAY_PORT and KPI_WAREHOUSE_PORT, kept in .local/settings.json.
    """
    steps = Steps()
    steps.adopt(os.environ)
    settings = choose_ports(repository_root(), os.environ, ours=_holds_port, say=steps.say)
    require_space(settings.local_dir, _FREE_MEGABYTES, purpose="running the embedded system")
    prepare(settings)
    save_settings(settings)
    completed_file(settings).unlink(missing_ok=True)
    memory = start_services(settings, steps, reset=reset)
    if not only_services:
        # Imported here: services can start where the renderers' libraries are not wanted.
        from cli import artifact_steps

        artifact_steps.render(settings, steps)
        kind = timings.Kind.REPEATED if stacks.exists(settings, stacks.PLATFORM_STACK) else timings.Kind.FIRST
        deploy(settings, steps, refresh=memory is Memory.STALE)
        start_agent(settings, steps)
        finish(settings, steps)
        completed_file(settings).touch()
        timings.record(settings, steps, kind, datetime.now(UTC))
    steps.say(steps.table())
    steps.say(f"\nembedded AWS: {settings.endpoint_url}   PostgreSQL: 127.0.0.1:{settings.warehouse_port}")
    steps.say('next: bin/kpi status · make test · eval "$(bin/kpi env)" and type pulumi yourself · make down')


def completed_file(settings: LocalSettings) -> Path:
    """Exists when the last `kpi up` went through and nothing was stopped since."""
    return settings.run_dir / COMPLETED


def prepare(settings: LocalSettings) -> None:
    """The folders that everything else expects."""
    for folder in (settings.run_dir, settings.log_dir, settings.state_dir, settings.pulumi_home, settings.emulator_dir):
        folder.mkdir(parents=True, exist_ok=True)


def start_services(settings: LocalSettings, steps: Steps, *, reset: bool) -> Memory:
    """Start the emulator and the warehouse; afterwards the emulator and Pulumi's state agree, or a refresh makes them."""
    part = service_set.emulator_part()
    crashed = part.status(settings).state is ServiceState.CRASHED
    if reset:
        part.stop(settings)
        emulator.forget(settings)
        recover.reset_state(settings)
        steps.say("--reset: the emulator's content and Pulumi's state are gone; deploying from nothing")
    if crashed:
        steps.say(f"the emulator ended unexpectedly (see {processes.log_path(settings, part.name)}); starting it again")
    start(settings, steps, part)
    memory = recover.restore_memory(settings, steps, crashed=crashed)
    warehouse = service_set.warehouse_part()
    if warehouse is not None:
        start(settings, steps, warehouse)
    return memory


def start_agent(settings: LocalSettings, steps: Steps) -> None:
    """The agent watches what is deployed, so it starts after the deployment."""
    agent = service_set.agent_part()
    if agent is not None:
        start(settings, steps, agent)


def start(settings: LocalSettings, steps: Steps, part: service_set.Part) -> None:
    """Start one service as a step; one that runs as described is left alone."""
    before = part.status(settings)
    if service_set.is_up(before):
        after = part.start(settings)
        if after.pid == before.pid:
            steps.skip(part.name, "runs")
            return
        steps.say(f"==> {part.name}: restarted with its new settings")
        return
    with steps.step(part.name, f"start {part.what}"):
        part.start(settings)


def deploy(settings: LocalSettings, steps: Steps, *, refresh: bool) -> None:
    """`pulumi up` for the platform, then for each tenant."""
    missing = [stack for stack in stacks.DEMO_STACKS if not config_file(settings, stack).exists()]
    if missing:
        raise KpiError(missing[0], "has no config file", f"{config_file(settings, missing[0])}", "restore it: git checkout -- stacks")
    for stack in stacks.DEMO_STACKS:
        with steps.step(stack, "deploy with the Pulumi engine"):
            recover.release_locks(settings, steps, stack)
            if not stacks.exists(settings, stack):
                stacks.pulumi_step(settings, steps, ["stack", "init", stack, "--no-select"])
            recover.settle(settings, steps, stack)
            arguments = ["up", "-s", stack, "--yes", "--skip-preview", *(["--refresh"] if refresh else [])]
            _summarise(steps, stacks.pulumi_step(settings, steps, arguments))
    emulator.flush(settings)


def config_file(settings: LocalSettings, stack: str) -> Path:
    return settings.root / "stacks" / f"Pulumi.{stack}.yaml"


def finish(settings: LocalSettings, steps: Steps) -> None:
    """Secrets, demo data, demo runs, the first picture."""
    context = post_up.UpContext(settings, steps)
    for post_step in post_up.steps():
        if not post_step.needed(context):
            steps.skip(post_step.name)
            continue
        with steps.step(post_step.name, post_step.what):
            post_step.run(context)
    emulator.flush(settings)


def _summarise(steps: Steps, output: list[str]) -> None:
    """Repeat the engine's own closing count."""
    lines = [line.strip() for line in output]
    if "Resources:" in lines:
        counts = [line for line in lines[lines.index("Resources:") + 1 :] if line and not line.startswith("Duration")]
        steps.say(f"    {', '.join(counts)}")


def _holds_port(settings: LocalSettings, field: str) -> bool:
    """Whether a service of this checkout already listens on the port of a field."""
    if saved_ports(settings.root).get(field) != getattr(settings, field):
        return False
    part = service_set.emulator_part() if field == "gateway_port" else service_set.warehouse_part()
    return part is not None and part.status(settings).state in (ServiceState.RUNNING, ServiceState.UNREADY)
