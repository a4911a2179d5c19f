"""Metric math as text: which ids, functions and series an expression names.

Sources: the metric math, search expression and Metrics Insights pages of the CloudWatch user guide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from dashboards.checks.quotas import MAX_SEARCH
from kpis.metric_catalog import check_reference

_MATH = (
    "ABS ANOMALY_DETECTION_BAND AVG CEIL DATAPOINT_COUNT DATE DAY DB_PERF_INSIGHTS DIFF DIFF_TIME EPOCH FILL FIRST FLOOR "
    "HOUR IF INSIGHT_RULE_METRIC LAMBDA LAST LOG LOG10 MAX METRICS METRIC_COUNT MIN MINUTE MONTH PERIOD RATE REMOVE_EMPTY RUNNING_SUM "
    "SEARCH SERVICE_QUOTA SLICE SORT STDDEV SUM TIME_SERIES YEAR"
)
_OTHER = "AND OR NOT TRUE FALSE REPEAT LINEAR ASC DESC AVG MIN MAX SUM"
FUNCTIONS = frozenset(_MATH.split())
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html"""
_WORDS = frozenset(_OTHER.split())
_TOKEN = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|([A-Za-z_]\w*)(\s*\()?|\d+(?:\.\d+)?|[-+*/^<>=!&|,()\[\]\s:.]")
_SEARCH = re.compile(r"SEARCH\(\s*'((?:[^'\\]|\\.)*)'\s*,\s*'([^']*)'\s*(?:,\s*\d+\s*)?\)|SEARCH\(")
_SCHEMA = re.compile(r"\{\s*(?:\"([^\"]+)\"|([^,}\"]+))\s*((?:,[^,}]+)*)\}")
_NAMED = re.compile(r"(?<!\w)MetricName\s*=\s*\"([^\"]+)\"")
_FILTER = re.compile(r"(?:(\w+)|\"([^\"]+)\")\s*=\s*\"")
_INSIGHTS = re.compile(
    r"SELECT\s+\w+\(\s*\"?([\w.]+)\"?\s*\)\s+FROM\s+"
    r"(?:SCHEMA\(\s*\"([^\"]+)\"\s*((?:,\s*\"?[\w. ]+\"?\s*)*)\)|\"([^\"]+)\")",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Expression:
    """What an expression names. `everything` when it takes all series of its widget (`METRICS()`)."""

    ids: frozenset[str]
    everything: bool
    problems: tuple[str, ...]


@lru_cache(maxsize=8192)
def parse(text: str) -> Expression:
    """The ids an expression refers to and what is wrong with it by itself; the same text is read once."""
    if text.lstrip()[:6].upper() == "SELECT":
        return Expression(frozenset(), everything=False, problems=tuple(_insights_problems(text)))
    ids: set[str] = set()
    problems: list[str] = []
    everything = False
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            problems.append(f"cannot be read from '{text[position : position + 20]}' on")
            break
        position = match.end()
        word, opens = match.groups()
        if word is None:
            continue
        if opens:
            everything |= word == "METRICS"
            if word not in FUNCTIONS:
                problems.append(f"function '{word}' does not exist in metric math")
        elif word[0].islower():
            ids.add(word)
        elif word not in _WORDS:
            problems.append(f"'{word}' is neither an id (they start with a lower-case letter) nor a word of metric math")
    if text.count("(") != text.count(")"):
        problems.append("has unequal numbers of opening and closing brackets")
    problems += _search_problems(text)
    return Expression(frozenset(ids), everything, tuple(problems))


def _search_problems(text: str) -> list[str]:
    found: list[str] = []
    for match in _SEARCH.finditer(text):
        query = match.group(1)
        found += [search_problem(query)] if query is not None else ["SEARCH needs a quoted search and a statistic"]
    return [each for each in found if each]


@lru_cache(maxsize=1024)
def search_problem(query: str) -> str:
    """What is wrong with the search of a SEARCH expression or of a variable; empty when nothing is."""
    if len(query) > MAX_SEARCH:
        return f"search '{query[:40]}...' has {len(query):,} characters; CloudWatch takes at most {MAX_SEARCH:,}"
    schema = _SCHEMA.search(query)
    if schema is None:
        return f"search '{query}' names no series: expected {{namespace,dimension,...}} first"
    namespace = schema.group(1) or schema.group(2).strip()
    dimensions = [each.strip().strip('"') for each in schema.group(3).split(",") if each.strip()]
    rest = query[: schema.start()] + query[schema.end() :]
    filters = {one or other for one, other in _FILTER.findall(rest)} - {"MetricName", "Namespace"}
    stray = sorted(filters - set(dimensions))
    if stray:
        return f"search '{query}' filters by {', '.join(stray)}, which is not among its dimensions"
    named = _NAMED.findall(rest)
    problems = (check_reference(namespace, metric, dimensions) for metric in named)
    return next((each for each in problems if each), "")


def _insights_problems(text: str) -> list[str]:
    match = _INSIGHTS.match(text.strip())
    if match is None:
        return ["is not a Metrics Insights query of the form SELECT function(metric) FROM SCHEMA(...)"]
    metric, schema, names, table = match.groups()
    if table is not None:
        return []
    dimensions = [each.strip().strip('"') for each in names.split(",") if each.strip()]
    problem = check_reference(schema, metric, dimensions)
    return [problem] if problem else []
