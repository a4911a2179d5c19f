"""A process that builds the Grafana dashboard of every KPI in one of several ways, so that a bench can take its time and its memory.

Usage: python -m tests.bench.dashboard_builder DEFINITIONS.jsonl CONTENDER REPEATS

All contenders build the same dashboards: the peers get the panels, queries, units and thresholds that ours have, and write JSON. It prints
one JSON object: seconds of each repeat (of the clock, and of this process's own computing), bytes of the last, and the peak memory in MiB.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from kpis.artifact import Surroundings
from kpis.schema import Dictionary, Kpi

Json = dict[str, Any]
Build = Callable[[Sequence[Kpi]], Iterator[bytes]]


def nothing(kpis: Sequence[Kpi]) -> Iterator[bytes]:
    """What a process costs that has only read the definitions."""
    yield from (b"" for _ in kpis)


def ours(kpis: Sequence[Kpi]) -> Iterator[bytes]:
    from dashboards.grafana import render_kpi

    around = _surroundings(kpis)
    for kpi in kpis:
        for artifact in render_kpi(kpi, around):
            yield artifact.content


def ours_anew(kpis: Sequence[Kpi]) -> Iterator[bytes]:
    from dashboards.grafana.kpi import render_anew

    around = _surroundings(kpis)
    yield from (render_anew(kpi, around) for kpi in kpis)


def _surroundings(kpis: Sequence[Kpi]) -> Surroundings:
    return Surroundings(Dictionary(packs=(), sources=(), signals=(), kpis=tuple(kpis)))


def _plan(kpi: Kpi) -> Json:
    """The document that the peers are to build."""
    from dashboards.grafana import render_kpi

    (artifact,) = render_kpi(kpi, _surroundings([kpi]))
    return orjson.loads(artifact.content)


def foundation_sdk(kpis: Sequence[Kpi]) -> Iterator[bytes]:
    from grafana_foundation_sdk.builders import dashboard as d
    from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, timeseries
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models import common
    from grafana_foundation_sdk.models import dashboard as m

    plan = _plan(kpis[0])
    kinds: dict[str, Any] = {"stat": stat.Panel, "state-timeline": statetimeline.Panel, "timeseries": timeseries.Panel}
    source = common.DataSourceRef(type_val="prometheus", uid="${datasource}")

    def target(wanted: Json) -> Any:
        query = prometheus.Dataquery().expr(wanted["expr"]).legend_format(wanted["legendFormat"]).ref_id(wanted["refId"])
        return query.datasource(source).instant() if wanted["instant"] else query.datasource(source).range()

    def panel(wanted: Json, kpi_id: str) -> Any:
        field, box = wanted["fieldConfig"]["defaults"], wanted["gridPos"]
        steps = [m.Threshold(value=step["value"], color=step["color"]) for step in field["thresholds"]["steps"]]
        links = [
            d.DashboardLink(link["title"]).url(link["url"].replace(plan_id, kpi_id)).target_blank(link["targetBlank"])
            for link in field["links"]
        ]
        made = kinds[wanted["type"]]().id(wanted["id"]).title(wanted["title"]).description(wanted["description"]).datasource(source)
        made = made.grid_pos(m.GridPos(h=box["h"], w=box["w"], x=box["x"], y=box["y"])).unit(field["unit"]).data_links(links)
        made = made.thresholds(d.ThresholdsConfig().mode(m.ThresholdsMode.ABSOLUTE).steps(steps))
        for each in wanted["targets"]:
            made = made.with_target(target(each))
        return made

    plan_id = kpis[0].id
    for kpi in kpis:
        made = d.Dashboard(f"{kpi.id}: {kpi.name}").uid(f"kpi-{kpi.id.lower()}").description(kpi.purpose).tags(["kpi", kpi.pack])
        made = made.timezone("utc").refresh("1m").time("now-7d", "now")
        for wanted in plan["templating"]["list"]:
            made = made.with_variable(_sdk_variable(d, wanted, source, kpi.id))
        for wanted in plan["panels"]:
            made = made.with_panel(panel(wanted, kpi.id))
        yield json.dumps(made.build(), cls=JSONEncoder).encode()


def _sdk_variable(d: Any, wanted: Json, source: Any, kpi_id: str) -> Any:
    if wanted["type"] == "datasource":
        return d.DatasourceVariable(wanted["name"]).type("prometheus")
    if wanted["type"] == "constant":
        return d.ConstantVariable(wanted["name"]).value(kpi_id if wanted["name"] == "kpi_id" else wanted["query"])
    return d.QueryVariable(wanted["name"]).label(wanted["label"]).query(wanted["query"]).datasource(source)


def grafanalib(kpis: Sequence[Kpi]) -> Iterator[bytes]:
    from grafanalib import core
    from grafanalib._gen import DashboardEncoder

    plan = _plan(kpis[0])
    kinds = {"stat": core.Stat, "state-timeline": core.StateTimeline, "timeseries": core.TimeSeries}

    def panel(wanted: Json) -> Any:
        field, box = wanted["fieldConfig"]["defaults"], wanted["gridPos"]
        unit = {"format": field["unit"]} if wanted["type"] == "stat" else {"unit": field["unit"]} if wanted["type"] == "timeseries" else {}
        return kinds[wanted["type"]](
            title=wanted["title"],
            id=wanted["id"],
            description=wanted["description"],
            dataSource="${datasource}",
            gridPos=core.GridPos(h=box["h"], w=box["w"], x=box["x"], y=box["y"]),
            thresholds=field["thresholds"]["steps"],
            targets=[
                core.Target(expr=each["expr"], legendFormat=each["legendFormat"], refId=each["refId"], instant=each["instant"])
                for each in wanted["targets"]
            ],
            **unit,
        )

    for kpi in kpis:
        variables = [
            core.Template(name=each["name"], query=kpi.id if each["name"] == "kpi_id" else str(each["query"]), type=each["type"])
            for each in plan["templating"]["list"]
        ]
        made = core.Dashboard(
            title=f"{kpi.id}: {kpi.name}",
            uid=f"kpi-{kpi.id.lower()}",
            description=kpi.purpose,
            tags=["kpi", kpi.pack],
            templating=core.Templating(list=variables),
            panels=[panel(each) for each in plan["panels"]],
        )
        yield json.dumps(made.to_json_data(), cls=DashboardEncoder).encode()


CONTENDERS: dict[str, Build] = {
    "nothing": nothing,
    "ours": ours,
    "ours-anew": ours_anew,
    "foundation-sdk": foundation_sdk,
    "grafanalib": grafanalib,
}


def main(definitions: Path, contender: str, repeats: int) -> Json:
    """Build everything several times; outputs are counted and let go, as when they are written to files."""
    kpis = [Kpi.model_validate_json(line) for line in definitions.read_bytes().splitlines()]
    seconds: list[float] = []
    computing: list[float] = []
    size = panels = 0
    for _ in range(repeats):
        size = 0
        last = b""
        began, used = time.perf_counter(), time.process_time()
        for content in CONTENDERS[contender](kpis):
            size += len(content)
            last = content
        seconds.append(time.perf_counter() - began)
        computing.append(time.process_time() - used)
        panels = len(json.loads(last)["panels"]) if last else 0
    return {"seconds": seconds, "computing": computing, "bytes": size, "panels": panels, "peak_mebibytes": peak_mebibytes()}


def peak_mebibytes() -> float:
    """The most memory this program ever had. Not `ru_maxrss`: that counts the parent's memory too, from before this program was loaded."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 1024


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
