"""`kpi cost`: the monthly bill of planned stacks, before they exist."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from math import ceil
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from cli.errors import ExitCode, KpiError
from cli.plan import read_plan
from cli.revisions import dictionary_at
from plans.assumptions import AssumptionError, Assumptions, override
from plans.cost import Bill, Change, Difference, Line, compare, monthly
from plans.model import StackKind
from plans.prices import CHECKED
from plans.usage import Part

WIDE = 160
LINES_A_SERVICE = 3
CENT = Decimal("0.01")


def command(
    stack: Annotated[
        str | None, typer.Option(help="A platform with its tenants, a tenant with its platform, or all. Default: all.")
    ] = None,
    packs: Annotated[Path | None, typer.Option(help="The folder of dictionary packs. Default: that of the stacks' config.")] = None,
    assume: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Another value for an assumption, such as api_requests=1e6; may be repeated."),
    ] = None,
    against: Annotated[str | None, typer.Option(help="A git revision of the dictionary; shows what was changed since then adds.")] = None,
    *,
    lines: Annotated[bool, typer.Option("--lines", help="Show every line of every stack.")] = False,
    assumptions: Annotated[bool, typer.Option("--assumptions", help="List what the bill assumes, and stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print the monthly bill of stacks in US dollars, by service, with the naive price of one alarm and series for each KPI beside it.

    Counts runs from the dictionary's schedules and reads the configs below stacks/; needs no account and nothing deployed. List prices
    without tax, discounts and free tiers. What it assumes about use: kpi cost --assumptions.
    """
    chosen = _assumptions(assume or [])
    if assumptions:
        _list(chosen, as_json=as_json)
        return
    planned = read_plan(stack, packs)
    bill = monthly(planned.dictionary, planned.plan.stacks, chosen, renderings=planned.plan.renderings)
    change = None
    if against is not None:
        folder = packs or Path(planned.stacks[0].config.packs)
        # Both sides are rendered alike: as they are now, from what the dictionary was and is.
        before = monthly(dictionary_at(against, [folder]).dictionary, planned.plan.stacks, chosen)
        change = compare(before, monthly(planned.dictionary, planned.plan.stacks, chosen))
    if as_json:
        print(json.dumps(document(bill, change), indent=2))
    else:
        _show(bill, change, lines=lines, shared=sum(each.kind is StackKind.PLATFORM for each in planned.plan.stacks))


def _assumptions(texts: list[str]) -> Assumptions:
    values: dict[str, str] = {}
    for text in texts:
        name, found, value = text.partition("=")
        if not found:
            raise KpiError(f"--assume {text}", "has no value", "NAME=VALUE, such as users=25", code=ExitCode.USAGE)
        values[name] = value
    try:
        return override(Assumptions(), values)
    except AssumptionError as error:
        raise KpiError("--assume", str(error), next="kpi cost --assumptions lists them", code=ExitCode.USAGE) from error


def document(bill: Bill, change: Difference | None = None) -> dict[str, Any]:
    """The bill as JSON; amounts are US dollars a month."""
    found: dict[str, Any] = {
        "total_usd": _usd(bill.total),
        "services": {name: _usd(amount) for name, amount in bill.by_service().items()},
        "stacks": {name: _usd(amount) for name, amount in bill.by_stack().items()},
        "watching_usd": _usd(bill.watching),
        "naive_watching_usd": _usd(bill.naive),
        "tier_0": {"kpis": bill.tier_0_kpis, "usd": _usd(bill.tier_0)},
        "kpis": bill.kpis,
        "runs": _usd(bill.runs),
        "prices_checked": CHECKED.isoformat(),
        "lines": [
            {
                "price": line.price.key,
                "what": line.price.what,
                "stack": line.stack,
                "quantity": float(round(line.quantity, 4)),
                "unit": line.price.unit,
                "usd": float(round(line.amount, 4)),
                "region": line.region,
                "price_of": line.region_used,
                "source": line.price.source,
            }
            for line in bill.lines
        ],
    }
    return found | ({"change": _change(change)} if change is not None else {})


def _change(change: Difference) -> dict[str, Any]:
    def side(each: Change) -> dict[str, float]:
        return {"before_usd": _usd(each.before), "after_usd": _usd(each.after), "added_usd": _usd(each.added)}

    services = {name: side(each) for name, each in change.services.items()}
    return {"total": side(change.total), "services": services, "stacks": {name: side(each) for name, each in change.stacks.items()}}


def _usd(amount: Decimal) -> float:
    return float(round(amount, 2))


def _show(bill: Bill, change: Difference | None, *, lines: bool, shared: int) -> None:
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    console.print(_services(bill))
    console.print(_stacks(bill))
    if lines:
        console.print(_lines(bill))
    if change is not None:
        console.print(_changes(change))
    say = _sayer(console)
    say(f"{bill.kpis} KPIs of all tenants run {bill.runs:,.0f} times a month; {_money(bill.total)} a month in all")
    if bill.kpis:
        each = bill.naive / bill.kpis
        say(
            f"watching the tenants costs {_money(bill.watching)}, however many KPIs they have; one alarm and one series for each KPI "
            f"instead: {_money(bill.naive)} now, {_money(each)} a KPI, dearer from {ceil(bill.watching / each):,} KPIs on"
        )
    if bill.tier_0_kpis:
        each = bill.tier_0 / bill.tier_0_kpis
        say(f"of it series and alarms of {bill.tier_0_kpis} tier-0 KPIs: {_money(bill.tier_0)}, {_money(each)} for each that opts in")
    borrowed = sorted({line.region for line in bill.borrowed()})
    if borrowed:
        amount = sum((line.amount for line in bill.borrowed()), Decimal(0))
        say(f"{_money(amount)} of it, in {', '.join(borrowed)}, is at prices of us-east-1, which are often lower")
    if shared == 0:
        say("no platform among the stacks: what tenants share is not in the bill")
    say(f"list prices of {CHECKED}, without tax, discounts and free tiers; assumptions: kpi cost --assumptions")


def _sayer(console: Console) -> Any:
    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True)

    return say


def _services(bill: Bill) -> Table:
    table = Table("service", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("USD a month", justify="right")
    table.add_column("most of it", overflow="fold")
    services = bill.by_service()
    for service, amount in services.items():
        if amount < CENT:
            continue
        parts: dict[str, Decimal] = {}
        for line in bill.lines:
            if line.price.service == service:
                parts[line.price.what] = parts.get(line.price.what, Decimal(0)) + line.amount
        most = sorted(parts.items(), key=lambda item: (-item[1], item[0]))[:LINES_A_SERVICE]
        table.add_row(service, f"{amount:,.2f}", ", ".join(f"{what} {part:,.2f}" for what, part in most if part >= CENT))
    small = [service for service, amount in services.items() if amount < CENT]
    if small:
        table.add_row("others", f"{sum((services[each] for each in small), Decimal(0)):,.2f}", ", ".join(small))
    table.add_section()
    table.add_row("total", f"{bill.total:,.2f}", "")
    return table


def _stacks(bill: Bill) -> Table:
    table = Table("stack", box=box.SIMPLE_HEAD, pad_edge=False)
    for header in ("USD a month", "share"):
        table.add_column(header, justify="right")
    for stack, amount in bill.by_stack().items():
        table.add_row(stack, f"{amount:,.2f}", f"{amount / bill.total:.1%}" if bill.total else "")
    return table


def _lines(bill: Bill) -> Table:
    table = Table("price", "stack", box=box.SIMPLE_HEAD, pad_edge=False)
    for header in ("quantity", "USD"):
        table.add_column(header, justify="right")
    table.add_column("what", overflow="fold")
    for line in bill.lines:
        quantity = f"{line.quantity:,.2f} {line.price.unit}"
        table.add_row(line.price.key, line.stack, quantity, f"{line.amount:,.4f}", _what(line))
    return table


def _what(line: Line) -> str:
    return line.price.what if line.part is Part.BASE else f"{line.price.what} ({line.part})"


def _changes(change: Difference) -> Table:
    table = Table("change", box=box.SIMPLE_HEAD, pad_edge=False)
    for header in ("before", "after", "added"):
        table.add_column(header, justify="right")
    rows = {**change.services, **change.stacks, "total": change.total}
    for name, each in rows.items():
        table.add_row(name, f"{each.before:,.2f}", f"{each.after:,.2f}", f"{each.added:+,.2f}")
    return table


def _money(amount: Decimal) -> str:
    return f"{amount:,.2f} USD"


def _list(assumptions: Assumptions, *, as_json: bool) -> None:
    described = {name: str(field.description) for name, field in Assumptions.model_fields.items()}
    values = {name: str(value) for name, value in assumptions.model_dump().items()}
    if as_json:
        print(json.dumps({name: {"value": values[name], "what": what} for name, what in described.items()}, indent=2))
        return
    table = Table("name", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("value", justify="right")
    table.add_column("what", overflow="fold")
    for name, what in described.items():
        table.add_row(name, values[name], what)
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)
