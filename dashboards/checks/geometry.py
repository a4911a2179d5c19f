"""Where widgets lie: on 24 columns, within the grid, none over another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dashboards.checks.quotas import COLUMNS, MAX_HEIGHT

Box = tuple[int, int, int, int]
"""x, y, width, height."""
_WHOLE = {int}
_NO_LIMIT = 1 << 31
_SIDES = (("x", 0, COLUMNS - 1), ("y", 0, _NO_LIMIT), ("width", 1, COLUMNS), ("height", 1, MAX_HEIGHT))


def problems(widgets: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Widgets off the grid and overlaps, each with both widgets' numbers."""
    # Where each column is free downwards of everything so far: a widget below that overlaps nothing, which is nearly always so.
    free = [0] * COLUMNS
    boxes: list[Box | None] = []
    for at, widget in enumerate(widgets):
        box = box_of(widget)
        if isinstance(box, str):
            boxes.append(None)
            yield f"widgets.{at}{box}"
            continue
        x, y, width, height = box
        below = max(free[x : x + width])
        if below > y:
            other = next((number for number, each in enumerate(boxes) if each is not None and _meet(each, box)), None)
            if other is not None:
                yield f"widgets.{at}: overlaps widgets.{other}"
        free[x : x + width] = [max(below, y + height)] * width
        boxes.append(box)


def box_of(widget: Mapping[str, Any]) -> Box | str:
    """The place of a widget, or what is wrong with it."""
    try:
        box: Box = (widget["x"], widget["y"], widget["width"], widget["height"])
        x, y, width, height = box
        # True is a whole number to Python, and to JSON it is not.
        if set(map(type, box)) == _WHOLE and x >= 0 and y >= 0 and 0 < width <= COLUMNS - x and 0 < height <= MAX_HEIGHT:
            return box
    except (KeyError, TypeError):
        pass
    return _misplaced(widget)


def _misplaced(widget: Mapping[str, Any]) -> str:
    for name, low, high in _SIDES:
        value: object = widget.get(name)
        if type(value) is not int or not low <= value <= high:
            return f".{name}: is {value!r}; expected a whole number from {low}" + (f" to {high}" if high < _NO_LIMIT else "")
    return f": x {widget['x']} and width {widget['width']} go beyond {COLUMNS} columns"


def _meet(one: Box, other: Box) -> bool:
    (x, y, width, height), (left, top, wide, high) = one, other
    return x < left + wide and left < x + width and y < top + high and top < y + height
