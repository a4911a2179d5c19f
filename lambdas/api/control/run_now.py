"""Starting a run by hand (K21)."""

from __future__ import annotations

from lambdas.api.control.asked import Asked, Reply
from lambdas.api.control.lifecycle import Place
from lambdas.api.control.ports import Ports
from lambdas.api.control.responses import receipt
from lambdas.api.control.run_models import StartRun
from lambdas.domain.control.running import started_by

ACCEPTED = 202


def start(ports: Ports, asked: Asked[StartRun, Place]) -> Reply:
    """Record who wants the run and why, then start it.

    A call that broke off between the two is repeated under its idempotency key: the event stays one, and the run starts once.
    """
    call, kpi_id, wanted = asked.call, asked.where.kpi_id, asked.body.wanted
    event = ports.plane.running.ask(call, kpi_id, wanted)
    ports.runs.start(*started_by(call, kpi_id, wanted))
    return Reply(receipt(event), status=ACCEPTED)
