"""The physical names and ARNs of a deployment, known before anything exists.

Policies, state machines and environment variables are built from these, so that a preview shows them complete and no two
components need each other's outputs in a circle.
"""

from __future__ import annotations

from dataclasses import dataclass

LOG_TABLES = ("log-run", "log-sourcing", "log-pre-validation", "log-post-validation", "log-delivery")
TABLES = (*LOG_TABLES, "catalog", "audit")
TOPICS = ("cfo-office", "ops", "data-quality", "platform-engineering")
SECRET_SUFFIX = "-??????"  # noqa: S105 - Secrets Manager appends six random characters to the ARN of a secret


@dataclass(frozen=True)
class Names:
    """Names of one deployment (`kpi-{deployment}-…`) in one account and region."""

    deployment: str
    account_id: str
    region: str

    @property
    def prefix(self) -> str:
        return f"kpi-{self.deployment}"

    def arn(self, service: str, resource: str) -> str:
        """ARN of a regional resource of this account."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"

    def named(self, suffix: str) -> str:
        """`kpi-{deployment}-{suffix}`."""
        return f"{self.prefix}-{suffix}"

    def table_arn(self, table: str) -> str:
        return self.arn("dynamodb", f"table/{self.named(table)}")

    def function_arn(self, function: str) -> str:
        return self.arn("lambda", f"function:{self.named(function)}")

    def function_log_group(self, function: str) -> str:
        return f"/aws/lambda/{self.named(function)}"

    def log_group_arn(self, name: str) -> str:
        """The streams of a log group, which is what writing needs."""
        return self.arn("logs", f"log-group:{name}:*")

    def bucket(self, purpose: str) -> str:
        return f"{self.prefix}-{self.account_id}-{purpose}"

    def bucket_arn(self, purpose: str) -> str:
        return f"arn:aws:s3:::{self.bucket(purpose)}"

    def role_arn(self, role: str) -> str:
        return f"arn:aws:iam::{self.account_id}:role/{self.named(role)}"

    def topic_arn(self, topic: str) -> str:
        return self.arn("sns", self.named(f"alerts-{topic}"))

    def queue_arn(self, queue: str) -> str:
        return self.arn("sqs", self.named(queue))

    @property
    def bus(self) -> str:
        return self.prefix

    @property
    def bus_arn(self) -> str:
        return self.arn("events", f"event-bus/{self.bus}")

    @property
    def state_machine(self) -> str:
        return self.named("run")

    @property
    def state_machine_arn(self) -> str:
        return self.arn("states", f"stateMachine:{self.state_machine}")

    @property
    def change_machine(self) -> str:
        return self.named("change")

    @property
    def change_machine_arn(self) -> str:
        return self.arn("states", f"stateMachine:{self.change_machine}")

    @property
    def cluster_arn(self) -> str:
        return self.arn("ecs", f"cluster/{self.prefix}")

    @property
    def task_family(self) -> str:
        return self.named("run-heavy")

    @property
    def runs_log_group(self) -> str:
        return f"/kpi/{self.deployment}/runs"

    @property
    def glue_database(self) -> str:
        return f"kpi_{self.deployment.replace('-', '_')}"

    @property
    def result_store_secret(self) -> str:
        return f"kpi/{self.deployment}/result-store"

    def warehouse_secret(self, tenant: str, environment: str) -> str:
        return f"kpi/{self.deployment}/{tenant}/{environment}/warehouse"

    def secret_arn(self, name: str) -> str:
        """ARN pattern of a secret, exact but for the random characters AWS adds."""
        return self.arn("secretsmanager", f"secret:{name}{SECRET_SUFFIX}")

    def tenant(self, tenant: str, environment: str) -> str:
        """`kpi-{deployment}-{tenant}-{environment}`: schedule group, and stem of the tenant's other names."""
        return self.named(f"{tenant}-{environment}")
