"""Where the nodes of a drawing stand: layers from left to right by what depends on what, few crossings within them.

The steps are those of Sugiyama, Tagawa and Toda (1981): layers, bends where an arrow passes a layer, order by the neighbours' places.
Everything is decided by ids and links alone, so equal lineages are drawn equally.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import pairwise

SWEEPS = 4
BEND = "#"
"""What the name of a bend begins with; no node's does."""
Pair = tuple[str, str]


@dataclass(frozen=True)
class Layout:
    """Layers from left to right, each from top to bottom, and for each link the node, the bends it passes and the node it ends at.

    Links to one node share their bends, so that they run together as soon as they can.
    """

    layers: tuple[tuple[str, ...], ...]
    ways: Mapping[Pair, tuple[str, ...]]


def arranged(nodes: Iterable[str], links: Iterable[Pair]) -> Layout:
    """The layout of a graph. Links to itself are not drawn; a circle is opened at its smallest id."""
    names = sorted(set(nodes))
    known = set(names)
    pairs = sorted({(a, b) for a, b in links if a != b and a in known and b in known})
    level = _levels(names, pairs)
    ways: dict[Pair, tuple[str, ...]] = {}
    layers: list[list[str]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for name in names:
        layers[level[name]].append(name)
    bends: set[str] = set()
    for a, b in pairs:
        way = [(f"{BEND}{step}>{b}", step) for step in range(level[a] + 1, level[b])]
        for bend, step in way:
            if bend not in bends:
                bends.add(bend)
                layers[step].append(bend)
        ways[a, b] = (a, *(bend for bend, _ in way), b)
    return Layout(tuple(map(tuple, _uncrossed(layers, ways.values()))), ways)


def _levels(names: Sequence[str], pairs: Sequence[Pair]) -> dict[str, int]:
    """The longest way to each node from one that depends on nothing."""
    waiting = dict.fromkeys(names, 0)
    after: dict[str, list[str]] = defaultdict(list)
    for a, b in pairs:
        waiting[b] += 1
        after[a].append(b)
    level = dict.fromkeys(names, 0)
    ready = [name for name in names if not waiting[name]]
    heapify(ready)
    done: set[str] = set()
    while len(done) < len(names):
        name = heappop(ready) if ready else next(each for each in names if each not in done)
        if name in done:
            continue
        done.add(name)
        for following in after[name]:
            if following not in done:
                level[following] = max(level[following], level[name] + 1)
                waiting[following] -= 1
                if not waiting[following]:
                    heappush(ready, following)
    return level


def _uncrossed(layers: list[list[str]], ways: Iterable[Sequence[str]]) -> list[list[str]]:
    """Each layer ordered by the mean place of its neighbours, forth and back a few times."""
    left: dict[str, list[str]] = defaultdict(list)
    right: dict[str, list[str]] = defaultdict(list)
    for way in ways:
        for a, b in pairwise(way):
            right[a].append(b)
            left[b].append(a)
    for sweep in range(SWEEPS):
        forth = sweep % 2 == 0
        order = range(1, len(layers)) if forth else range(len(layers) - 2, -1, -1)
        for index in order:
            beside = {name: place for place, name in enumerate(layers[index - 1 if forth else index + 1])}
            layers[index] = _by_neighbours(layers[index], left if forth else right, beside)
    return layers


def _by_neighbours(layer: Sequence[str], neighbours: Mapping[str, Sequence[str]], beside: Mapping[str, int]) -> list[str]:
    def middle(place: int) -> tuple[float, str]:
        places = [beside[each] for each in neighbours.get(layer[place], ()) if each in beside]
        return (sum(places) / len(places) if places else float(place)), layer[place]

    return [layer[place] for place in sorted(range(len(layer)), key=middle)]
