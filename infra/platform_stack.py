"""The platform stack: identity, records, lake, engine, API, alerts and everything that keeps them safe."""

from __future__ import annotations

from pathlib import Path

import pulumi

from alerts import CompositeAlarm, Late, MetricAlarm
from dashboards.model import API, PORTAL
from infra import packages, read_config, rendering
from infra.components.alerting import Alerting, AlertingArgs
from infra.components.api import Api, ApiArgs
from infra.components.artifacts import Artifacts, ArtifactsArgs
from infra.components.base import Context
from infra.components.dictionary import Dictionary, DictionaryArgs
from infra.components.engine import LANES, Engine, EngineArgs
from infra.components.events import Events, EventsArgs
from infra.components.functions import Functions, FunctionsArgs
from infra.components.governance import Governance, GovernanceArgs
from infra.components.identity import Identity, IdentityArgs
from infra.components.keys import Keys, KeysArgs
from infra.components.lake import Lake, LakeArgs
from infra.components.network import Network, NetworkArgs
from infra.components.observability import Observability, ObservabilityArgs, addressed
from infra.components.portal import Portal, PortalArgs
from infra.components.protection import Backup, BackupArgs, BudgetArgs, monthly_budget
from infra.components.records import Records, RecordsArgs
from infra.components.store import Store, StoreArgs
from infra.components.workers import Workers, WorkersArgs
from infra.config import PlatformConfig, ResultStore
from infra.function_policies import PolicyContext
from infra.names import TOPICS, Names
from infra.preflight import check_limits
from infra.provider import aws_provider
from infra.stack import StackInfo

METRIC_NAMESPACE = "KpiObservatory"


def declare(info: StackInfo, root: Path) -> None:
    """Declare every resource of `platform.<deployment>` and export what tenants and people need.

    Raises:
        pulumi.RunError: for unusable config, packs or packages, or a plan beyond AWS's limits, before the first resource.
    """
    values = read_config.engine_values()
    config = read_config.read(info, PlatformConfig, values)
    names = Names(info.environment, config.account_id, read_config.region(info, values))
    rendered = rendering.platform(names, config, root)
    check_limits(info, config, names.region, rendered, root)
    built = rendering.build_packages(packages.target(config.function_target), root)
    opts = pulumi.ResourceOptions(providers=[aws_provider(info, config, names)])
    Platform(Context(names, config.protect, config.log_retention_days), config, rendered, built, opts).export()


class Platform:
    """The components in the order in which they need each other."""

    def __init__(
        self,
        ctx: Context,
        config: PlatformConfig,
        rendered: rendering.PlatformRendering,
        built: packages.Built,
        opts: pulumi.ResourceOptions,
    ) -> None:
        self.ctx, self.config, self.rendered, self.target, self.opts = ctx, config, rendered, built.target, opts
        self.keys = Keys(ctx, KeysArgs(), opts)
        self.data_key, self.messaging_key = self.keys.data.arn, self.keys.messaging.arn
        self.policy = PolicyContext(ctx.names, self.data_key, self.messaging_key, self.keys.signing.arn)
        self.records = Records(ctx, RecordsArgs(self.data_key), opts)
        self.artifacts = Artifacts(ctx, ArtifactsArgs(built.packages, config.audit_lock, self.data_key), opts)
        self.identity = Identity(ctx, IdentityArgs(), opts)
        self.alerting = Alerting(ctx, AlertingArgs(self.messaging_key, {topic: config.alerts.of(topic) for topic in TOPICS}), opts)
        zones = 3 if config.result_store is ResultStore.REDSHIFT else 2
        self.network = Network(ctx, NetworkArgs(config.network, zones), opts)
        self.store = Store(ctx, StoreArgs(config.result_store, self.network, self.data_key), opts)
        self.lake = Lake(ctx, LakeArgs(rendered.log_tables, rendered.queries, self.data_key, self.messaging_key), opts)
        self.environment = self._environment()
        self.functions = self._functions()
        self.workers = self._workers()
        self._wire()

    def _environment(self) -> dict[str, pulumi.Input[str]]:
        """What functions and tasks are told (no secret among it)."""
        names = self.ctx.names
        tables = {f"KPI_TABLE_{table.replace('-', '_').upper()}": names.named(table) for table in self.records.tables}
        return {
            "KPI_DEPLOYMENT": names.deployment,
            **tables,
            "KPI_BUS_NAME": names.bus,
            "KPI_STATE_MACHINE_ARN": names.state_machine_arn,
            "KPI_RESULT_STORE_SECRET": names.result_store_secret,
            "KPI_ARTIFACTS_BUCKET": names.bucket("artifacts"),
            "KPI_SCHEDULER_ROLE_ARN": names.role_arn("scheduler"),
            "KPI_ALERT_TOPIC_ARN": names.topic_arn("ops"),
            "KPI_FIREHOSE_PREFIX": names.named("log-"),
            "KPI_METRIC_NAMESPACE": METRIC_NAMESPACE,
            "KPI_CHANGE_MACHINE_ARN": names.change_machine_arn,
            "KPI_APPROVALS_QUEUE": names.named("approvals"),
            "KPI_AUDIT_BUCKET": names.bucket("audit"),
            "KPI_AUDIT_LOCK": f"{self.config.audit_lock.mode}:{self.config.audit_lock.days}",
            "KPI_SIGNING_KEY_ARN": self.keys.signing.arn,
        }

    def _functions(self) -> Functions:
        args = FunctionsArgs(
            target=self.target,
            objects=self.artifacts.packages,
            environment=self.environment,
            policy=self.policy,
            messaging_key_arn=self.messaging_key,
            data_key_arn=self.data_key,
            subnet_ids=self.network.subnet_ids,
            group_ids=[self.network.runners.id],
            records=self.records,
        )
        return Functions(self.ctx, args, self.opts)

    def _workers(self) -> Workers:
        args = WorkersArgs(
            config=self.config.heavy,
            architecture=self.target.architecture,
            environment=self.environment,
            policy=self.policy,
            data_key_arn=self.data_key,
            messaging_key_arn=self.messaging_key,
            subnet_ids=self.network.subnet_ids,
            group_ids=[self.network.runners.id],
        )
        return Workers(self.ctx, args, self.opts)

    def _wire(self) -> None:
        """What stands on top of functions and tasks."""
        ctx, opts, functions = self.ctx, self.opts, self.functions.functions
        ready: list[pulumi.Resource] = [functions[name] for name in LANES]
        self.engine = Engine(ctx, EngineArgs(self.workers, ready, self.messaging_key), opts)
        self.events = Events(ctx, EventsArgs(functions["dispatcher"], self.alerting.topics, self.messaging_key), opts)
        self.api = Api(
            ctx, ApiArgs(self.config.api, functions["api"], self.identity.issuer, self.identity.client.id, self.messaging_key), opts
        )
        self.governance = self._governance()
        self.portal = Portal(ctx, PortalArgs(self.rendered.portal), opts)
        late: dict[Late, pulumi.Input[str]] = {Late.API_ID: self.api.api.id}
        addresses = {PORTAL: self.portal.url, API: self.api.url}
        self.observability = Observability(
            ctx,
            ObservabilityArgs(
                self.rendered.dashboards,
                self.rendered.alarms,
                self._actions,
                late,
                self.config.alarm_actions,
                self.rendered.mutes,
                addresses,
            ),
            opts,
        )
        tables = [table.arn for table in self.records.tables.values()]
        Backup(ctx, BackupArgs(tables, self.config.backup_retention_days, self.data_key), opts)
        if self.config.monthly_budget_usd is not None:
            budget = BudgetArgs(
                name=ctx.names.prefix,
                limit_usd=self.config.monthly_budget_usd,
                tag=("project", "kpi-observatory"),
                emails=self.config.budget_emails,
                topic_arn=self.alerting.topics["ops"].arn,
            )
            monthly_budget(budget, self.alerting)
        importer: list[pulumi.Resource] = [*self.records.tables.values(), self.engine.scheduler_role]
        self.dictionary = Dictionary(
            ctx,
            DictionaryArgs(
                self.rendered.bundle,
                addressed(self.rendered.kpi_dashboard, addresses),
                self.artifacts.bucket,
                functions["reconciler"],
                self.data_key,
                importer,
            ),
            opts,
        )

    def _governance(self) -> Governance:
        args = GovernanceArgs(
            function=self.functions.functions["governance"],
            audit_stream=self.records.tables["audit"].stream_arn,
            stream_dead_letters_arn=self.functions.dead_letters["log-stream"].arn,
            event_dead_letters_arn=self.events.dead_letters.arn,
            engine_role_arn=self.engine.role.arn,
            scheduler_role_arn=self.engine.scheduler_role.arn,
            run_logs_arn=self.engine.logs.arn,
            messaging_key_arn=self.messaging_key,
        )
        return Governance(self.ctx, args, self.opts)

    def _actions(self, alarm: MetricAlarm | CompositeAlarm) -> list[pulumi.Input[str]]:
        return [self.alerting.topics[topic.value].arn for topic in alarm.topics]

    def export(self) -> None:
        """Stack outputs; their names are part of the contract with tenant stacks and the command line."""
        outputs: dict[str, pulumi.Input[object]] = {
            "prefix": self.ctx.names.prefix,
            "apiUrl": self.api.url,
            "userPoolId": self.identity.pool.id,
            "userPoolClientId": self.identity.client.id,
            "stateMachineArn": self.engine.state_machine.arn,
            "changeMachineArn": self.governance.machine.arn,
            "approvalsQueueUrl": self.governance.queue.url,
            "busName": self.events.bus.name,
            "artifactsBucket": self.artifacts.bucket.bucket,
            "reconcilerFunction": self.functions.functions["reconciler"].name,
            "lakeBucket": self.lake.bucket.bucket,
            "portalUrl": self.portal.url,
            "portalBucket": self.portal.bucket.bucket,
            "tables": {name: table.name for name, table in self.records.tables.items()},
            "alertTopics": {name: topic.arn for name, topic in self.alerting.topics.items()},
            "clusterName": self.workers.cluster.name,
            "athenaWorkgroup": self.lake.workgroup.name,
            "glueDatabase": self.lake.database.name,
            "resultStoreSecret": self.store.secret.name,
            "schedulerRoleArn": self.engine.scheduler_role.arn,
            "auditBucket": self.artifacts.audit.bucket,
            "signingKeyArn": self.keys.signing.arn,
            "dataKeyArn": self.data_key,
            "messagingKeyArn": self.messaging_key,
            "dictionaryBundle": self.dictionary.reference,
            "dashboardNames": self.observability.dashboard_names,
        }
        for name, value in outputs.items():
            pulumi.export(name, value)
