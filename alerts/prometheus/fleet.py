"""Files that are the same for every dictionary: the fleet's rules and their test, the messages, and how Prometheus loads all of it."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.prometheus.text import TEMPLATES, environment
from kpis import prometheus_names as names

_FILES = {
    "fleet/rules.yaml": "fleet.yaml.j2",
    "fleet/tests.yaml": "fleet-tests.yaml.j2",
    "prometheus.yaml": "prometheus.yaml.j2",
}
_MESSAGES = "alertmanager.tmpl"


def render_fleet() -> Iterator[tuple[str, bytes]]:
    """Each file's path within the room's folder, and its bytes."""
    yield _MESSAGES, (TEMPLATES / _MESSAGES).read_bytes()
    for path, template in _FILES.items():
        yield path, environment().get_template(template).render(names=names).encode()
