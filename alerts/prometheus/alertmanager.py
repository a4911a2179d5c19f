"""The Alertmanager configuration of a dictionary: `prometheus/alertmanager.yaml`.

Secrets are named by file, never written. Source: https://prometheus.io/docs/alerting/0.25/configuration/ (0.25 is Debian 12's).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote, urlsplit

import jinja2

from alerts.prometheus.routing import Receiver, routes_of
from alerts.prometheus.text import environment
from kpis import prometheus_names as names
from kpis.burn import BurnTier
from kpis.schema import Kpi

SAME_KPI = (names.TENANT_ID, names.ENVIRONMENT, names.KPI_ID)
"""One alert silences another only about the same KPI of the same tenant and environment."""


@dataclass(frozen=True)
class Delivery:
    """What the dictionary does not know of the place Alertmanager runs in.

    Attributes:
        secrets: folder of the secret files `<channel>-<target>` (see docs/prometheus.md).
        smarthost: mail server, `host:port`.
        sender: address that mail comes from.
        relay: base URL for webhook targets that are names rather than URLs; the name is the last part of the path.
        operators: receiver of alerts about the fleet; without one they are shown and sent to nobody.
    """

    secrets: str = "/etc/alertmanager/secrets"
    smarthost: str = "localhost:25"
    sender: str = "kpi-alerts@localhost"
    relay: str = "http://localhost:9095/webhooks"
    operators: Receiver | None = None

    def webhook_url(self, target: str) -> str:
        """The address of a webhook target."""
        return target if _is_public_url(target) else f"{self.relay}/{quote(target, safe='')}"


def _is_public_url(target: str) -> bool:
    """Whether a target is an address to call as it is: none with a password in it, which belongs into a secret file."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc and target.isprintable()


@dataclass(frozen=True)
class Inhibition:
    """While `source` fires, `target` is not sent (both are Alertmanager matchers)."""

    source: str
    target: str
    equal: tuple[str, ...] = SAME_KPI


def inhibitions() -> tuple[Inhibition, ...]:
    """Which alert makes which other one superfluous."""
    tiers = tuple(BurnTier)
    slower = tuple(
        Inhibition(f'burn_tier="{tier}"', f'burn_tier=~"{"|".join(tiers[place + 1 :])}"') for place, tier in enumerate(tiers[:-1])
    )
    return (
        *slower,
        Inhibition('alertname="KpiDataAbsent"', 'alertname=~"KpiErrorBudgetBurn|KpiVerdictCritical|KpiResultStale|KpiDataStale"'),
        Inhibition('severity="critical"', 'severity=~"high|medium|low"'),
        Inhibition('alertname="KpiMetricsAbsent"', 'alertname="KpiDataAbsent"', ()),
    )


def render_alertmanager(kpis: Sequence[Kpi], delivery: Delivery) -> bytes:
    """The configuration for the alerts of these KPIs."""
    routes = routes_of(kpis)
    operators = [delivery.operators] if delivery.operators else []
    receivers = sorted({route.receiver for route in routes} | set(operators))
    muted = sorted({route.muted for route in routes if route.muted})
    text = _template().render(routes=routes, receivers=receivers, muted=muted, delivery=delivery, inhibitions=inhibitions())
    return text.encode()


@cache
def _template() -> jinja2.Template:
    return environment().get_template("alertmanager.yaml.j2")
