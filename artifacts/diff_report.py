"""A diff for its three readers: a terminal, a machine (JSON) and a pull request (Markdown)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import orjson

from artifacts.definition_changes import KpiChange
from artifacts.diff import Diff
from artifacts.markdown import environment

_FILES_SHOWN = 15


def to_json(diff: Diff) -> bytes:
    """Every fact of the diff as one JSON document."""
    document: dict[str, Any] = {"empty": diff.empty, "affected": diff.affected, "audience": diff.audience, "tenants": diff.tenants}
    return orjson.dumps(asdict(diff) | document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def to_markdown(diff: Diff) -> str:
    """A comment for a pull request."""
    return environment().get_template("diff.md.j2").render(diff=diff, headline=headline(diff), counts=_counts(diff))


def to_text(diff: Diff) -> str:
    """Lines for a terminal."""
    return "\n".join(_lines(diff)) + "\n"


def headline(diff: Diff) -> str:
    """One sentence: how many definitions changed, whom that reaches, what it costs."""
    if diff.empty:
        return f"nothing changed since {diff.revision}"
    kinds = Counter(change.kind for change in diff.kpis)
    parts = [", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) + " KPIs" if kinds else "no KPI changed"]
    if diff.affected:
        parts.append(f"{len(diff.affected)} more downstream")
    if diff.audience:
        parts.append(f"{len(diff.audience)} consumers see it")
    parts.append(f"{len(diff.alarms)} alarms and {len(diff.files)} files differ")
    if diff.costs:
        parts.append(f"{sum(cost.after - cost.before for cost in diff.costs):+.2f} USD a month")
    over = [limit for limit in diff.limits if limit.level == "over"]
    if over:
        parts.append(f"{len(over)} AWS quotas are exceeded")
    return "; ".join(parts)


def _lines(diff: Diff) -> Iterator[str]:
    yield headline(diff)
    if diff.renderers:
        yield f"the code that makes artifacts changed too: {len(diff.renderers)} files, such as {diff.renderers[0]}"
    if diff.invalid:
        yield f"the dictionary at {diff.revision} had {diff.invalid} problems; what was not valid there counts as added"
    for change in diff.kpis:
        yield from _of_kpi(change)
    for change in diff.sources:
        yield f"\nsource {change.source_id} {change.kind}" + (f", read by {', '.join(change.readers)}" if change.readers else "")
        yield from (f"  {field.text}" for field in change.fields)
    yield from _rest(diff)


def _of_kpi(change: KpiChange) -> Iterator[str]:
    versions = " -> ".join(version for version in (change.before_version, change.after_version) if version)
    yield f"\n{change.kpi_id} {change.name}: {change.kind} ({versions})"
    if change.needed != "none":
        yield f"  needs a {change.needed} version{'' if change.enough else ', which it does not have'}: {change.why}"
    yield from (f"  {field.text}" for field in change.fields)
    yield from (f"    {line}" for line in change.formula)
    if change.downstream:
        yield f"  read by {', '.join(change.downstream)}"
    if change.audience:
        yield f"  seen by {'; '.join(change.audience)}"
    yield f"  tenants {', '.join(change.tenants)}; owners {', '.join(change.owners)}"


def _rest(diff: Diff) -> Iterator[str]:
    if diff.alarms:
        yield "\nalarms"
    for alarm in diff.alarms:
        shown = alarm.fields if alarm.kind == "changed" else [field for field in alarm.fields if field.what in ("condition", "rule")]
        texts = [field.text if alarm.kind == "changed" else str(field.after or field.before) for field in shown]
        yield f"  {alarm.stack}: {alarm.alarm} {alarm.kind}: {'; '.join(texts)}"
    if diff.costs:
        yield "\ncost a month, USD"
    for cost in diff.costs:
        where = ", ".join(f"{service} {change:+.2f}" for service, change in cost.services.items())
        yield f"  {cost.stack}: {cost.before:.2f} -> {cost.after:.2f} ({cost.after - cost.before:+.2f}): {where}"
    if diff.limits:
        yield "\nAWS quotas"
    for limit in diff.limits:
        yield f"  {limit.level}: {limit.quota} of {limit.subject}: {limit.before:g} -> {limit.after:g} of {limit.limit:g}"
    if diff.files:
        yield f"\nartifacts: {_counts(diff)}"
    for change in diff.files[:_FILES_SHOWN]:
        yield f"  {change.path} {change.kind} (+{change.added} -{change.removed})"
    if len(diff.files) > _FILES_SHOWN:
        yield f"  … {len(diff.files) - _FILES_SHOWN} more (--format json lists them)"


def _counts(diff: Diff) -> str:
    """`12 changed prometheus, 4 changed sql`: by the first folder of the path."""
    found = Counter((change.path.split("/", maxsplit=1)[0], change.kind) for change in diff.files)
    return ", ".join(f"{count} {kind} in {folder}" for (folder, kind), count in sorted(found.items()))
