"""Where writes begin that are no change of a KPI."""

from __future__ import annotations

from lambdas.api.control.ports import Ports
from lambdas.domain.control.desk import Desk


def desk_of(ports: Ports) -> Desk:
    """A desk with the ports of the control plane: the same store, clock and rules."""
    plane = ports.plane
    return Desk(plane.store, plane.clock, plane.new_id, plane.policy, plane.record, plane.judge)
