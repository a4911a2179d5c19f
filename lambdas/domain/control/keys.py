"""Keys of the catalog rows the control plane reads and writes (partition key: the tenant)."""

from __future__ import annotations


def version(environment: str, kpi_id: str, contract_version: str) -> str:
    """A definition."""
    return f"{environment}#kpi#{kpi_id}#{contract_version}"


def versions(environment: str, kpi_id: str) -> str:
    """Prefix of all definitions of a KPI."""
    return f"{environment}#kpi#{kpi_id}#"


def active(environment: str, kpi_id: str) -> str:
    """Which version runs."""
    return f"{environment}#active#{kpi_id}"


def all_active(environment: str) -> str:
    """Prefix of the rows that say which versions run."""
    return f"{environment}#active#"


def previous(environment: str, kpi_id: str) -> str:
    """The versions that ran before, for rollback."""
    return f"{environment}#previous#{kpi_id}"


def trigger(environment: str, signal: str, kpi_id: str) -> str:
    """What waits for a signal."""
    return f"{environment}#trigger#{signal}#{kpi_id}"


def request(request_id: str) -> str:
    """A change request."""
    return f"request#{request_id}"


REQUESTS = "request#"


def queued(environment: str, state: str) -> str:
    """Prefix of the queue's rows about the requests in a state."""
    return f"{environment}#queue#{state}#"


def place_in_queue(created_at: str, request_id: str) -> str:
    """What follows that prefix: by age, since moments are written in one length."""
    return f"{created_at}#{request_id}"


def open_request(environment: str, kpi_id: str) -> str:
    """The one open request of a KPI."""
    return f"{environment}#open#{kpi_id}"


def pause(environment: str, scope: str) -> str:
    """A pause; scope `*`, `kpi#{id}` or `entity#{id}#{entity}`."""
    return f"{environment}#pause#{scope}"


def pauses(environment: str) -> str:
    """Prefix of all pauses."""
    return f"{environment}#pause#"


def canary(environment: str, kpi_id: str) -> str:
    """The canary of a KPI."""
    return f"{environment}#canary#{kpi_id}"


def review(environment: str, kpi_id: str) -> str:
    """Variants of a deprecated parent that someone must review."""
    return f"{environment}#review#{kpi_id}"


def archive(environment: str, kpi_id: str, contract_version: str) -> str:
    """Lineage and mappings of a retired version."""
    return f"{environment}#archive#{kpi_id}#{contract_version}"


def post_mortem(environment: str, kpi_id: str, event_id: str) -> str:
    """What was known when a version was rolled back."""
    return f"{environment}#postmortem#{kpi_id}#{event_id}"
